"""Finding the first value that is not finite, so that a run can say where it broke."""

from __future__ import annotations

import numpy as np

from sixloops.engine import Plan, places_of
from sixloops.errors import NonFiniteError
from sixloops.layers import Context
from sixloops.layers.base import Array, Parameters
from sixloops.training.run import Run

MEND = "Try a lower learning rate or clip_norm=1.0, and check that the images are scaled."


def check_loss(run: Run, plan: Plan, loss: float, images: Array) -> None:
    """Raise if the batch's loss is not finite, naming the layer where it began."""
    if not np.isfinite(loss):
        raise _error(run, f"the loss is {loss}; {_origin(run, plan, images)}")


def check_arrays(run: Run, plan: Plan, what: str, arrays: Parameters) -> None:
    """Raise if an array is not finite: the one nearest to the loss, where it began."""
    for name in reversed(list(arrays)):
        bad = arrays[name].size - np.count_nonzero(np.isfinite(arrays[name]))
        if bad:
            layer = _layer_name(plan, name)
            size = arrays[name].size
            raise _error(run, f"{bad} of {size} values of the {what} '{name}' of {layer} are not")


def check_evaluation(run: Run, loss: float, what: str) -> None:
    """Raise if a loss that was measured beside the training, on ``what``, is not finite."""
    if not np.isfinite(loss):
        raise NonFiniteError(
            f"Values must stay finite, but after step {run.step} (epoch {run.epoch + 1}) the loss "
            f"on {what} is {loss}. {MEND}"
        )


def _error(run: Run, what: str) -> NonFiniteError:
    where = f"step {run.step + 1} (epoch {run.epoch + 1}, rate {run.rate:g})"
    return NonFiniteError(f"Values must stay finite, but at {where} {what}. {MEND}")


def _origin(run: Run, plan: Plan, images: Array) -> str:
    """Say where, on the way forward, the first value that is not finite comes from."""
    network = plan.network
    if not np.isfinite(images).all():
        return "the images of this batch already hold values that are not finite"
    y = images.astype(network.dtype, copy=False)
    random = run.streams.generator("dropout", run.step)
    context = Context(training=True, random=random, state=network.state)
    with np.errstate(all="ignore"):
        for place in places_of(network):
            y, _ = place.forward(y, network.parameters, context)
            if not np.isfinite(y).all():
                return f"the output of {place.name} is the first that is not finite"
    return f"all layers' outputs are finite, {type(network.loss).__name__} is not"


def _layer_name(plan: Plan, parameter: str) -> str:
    for place in places_of(plan.network):
        if parameter.startswith(f"{place.path}."):
            return place.name
    return f"layer {parameter.rpartition('.')[0]}"
