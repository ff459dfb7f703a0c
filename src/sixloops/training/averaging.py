r"""The average of the weights along the way.

At a rate that is not small the weights wander about a good place; their mean is nearer to it
than most of them (Polyak & Juditsky 1992, "Acceleration of Stochastic Approximation by
Averaging"). What lies long ago should count less, so the mean is a moving one: after step t,
with decay d, it is

    w̄_t = Σ_{s=1}^{t} d^(t−s) w_s / Σ_{s=1}^{t} d^(t−s)

which is reached step by step, without any bias towards the start, by

    w̄_t = w̄_{t−1} + (1 − d)/(1 − d^t) · (w_t − w̄_{t−1})

State of floats, such as batch normalisation's running values, is averaged like the weights;
counts and flags are taken as they were last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from sixloops.layers.base import Array
from sixloops.training.run import Run


def move_averages(run: Run) -> None:
    """Take the arrays after a step into their averages, if the run has any."""
    decay = run.settings.average
    if decay is None:
        return
    share = (1 - decay) / (1 - decay**run.step)
    for name, array in run.network.tensors().items():
        mean = run.averages[name]
        if array.dtype.kind == "f":
            mean += (share * (array - mean)).astype(mean.dtype, copy=False)
        else:
            np.copyto(mean, array)


@contextmanager
def averaged(run: Run) -> Iterator[None]:
    """Let the network hold the averages meanwhile, if the run has any.

    Args:
        run: before its first step the averages are the arrays themselves.
    """
    if not run.averages:
        yield
        return
    live = {name: array.copy() for name, array in run.network.tensors().items()}
    _put(run, run.averages)
    try:
        yield
    finally:
        _put(run, live)


def keep_averages(run: Run) -> None:
    """Leave the averages in the network, if the run has any."""
    if run.averages:
        _put(run, run.averages)


def _put(run: Run, values: Mapping[str, Array]) -> None:
    """Write values into the network's own arrays, which the plan works on."""
    for name, array in run.network.tensors().items():
        np.copyto(array, values[name])
