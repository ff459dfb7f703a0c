"""The same training step in PyTorch, eager."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import torch
from torch import nn

from benchmarks.networks import CASES

NAME = f"PyTorch {torch.__version__}"


def _modules(case: str) -> list[nn.Module]:
    single = {
        "pool": lambda: nn.MaxPool2d(2),
        "flatten": nn.Flatten,
        "relu": nn.ReLU,
        "tanh": nn.Tanh,
        "sigmoid": nn.Sigmoid,
    }
    modules: list[nn.Module] = []
    shape = torch.zeros(1, *CASES[case].input_shape)
    for kind, *numbers in CASES[case].layers:
        if kind == "conv":
            module = nn.Conv2d(shape.shape[1], numbers[0], numbers[1], padding=numbers[2])
        elif kind == "dense":
            module = nn.Linear(shape.shape[1], numbers[0])
        else:
            module = single[kind]()
        shape = module(shape)
        modules.append(module)
    return modules


def training_step(case: str, batch: int, threads: int, open_until: ExitStack) -> Callable[[], None]:
    """Return a function that takes one step."""
    torch.set_num_threads(threads)
    network = nn.Sequential(*_modules(case))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    loss = nn.CrossEntropyLoss()
    images, labels = torch.rand(batch, *CASES[case].input_shape), torch.randint(10, (batch,))

    def step() -> None:
        optimizer.zero_grad()
        loss(network(images), labels).backward()
        optimizer.step()

    return step
