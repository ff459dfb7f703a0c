"""PyTorch with ``torch.compile``, which needs a C++ compiler."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import torch

from benchmarks.networks import Case
from benchmarks.peers import pytorch

parameter_count = pytorch.parameter_count


def training_step(
    case: Case, batch: int, threads: int, open_until: ExitStack
) -> Callable[[], object]:
    """Return a function that takes one step."""
    # The number of threads goes into the code that is compiled.
    torch.set_num_threads(threads)
    made = pytorch.network(case)
    made.compile()
    return pytorch.training_step_of(made, case, batch, threads)


def prediction(
    case: Case, images: int, threads: int, open_until: ExitStack
) -> Callable[[], object]:
    """Return a function that predicts some images."""
    torch.set_num_threads(threads)
    made = pytorch.network(case)
    made.compile()
    return pytorch.prediction_of(made, case, images, threads)
