"""PyTorch in eager mode, as its tutorials write it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.data import bytes_like_mnist, floats
from benchmarks.networks import CASES, Case


class Block(nn.Module):
    """A residual block."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        first, second = _normed(channels, filters, 3, stride), _normed(filters, filters, 3, 1)
        self.body = nn.Sequential(*first, nn.ReLU(), *second)
        same = channels == filters and stride == 1
        self.shortcut = nn.Sequential(*([] if same else _normed(channels, filters, 1, stride)))

    def forward(self, x: Tensor) -> Tensor:
        """Add the two ways."""
        return torch.relu(self.body(x) + self.shortcut(x))


def network(case: Case) -> nn.Module:
    """Return a case's network."""
    parts = [part for words, shape in case.with_shapes() for part in _modules(words, shape)]
    return nn.Sequential(*parts)


def _modules(words: tuple[Any, ...], shape: tuple[int, ...]) -> list[nn.Module]:
    match words:
        case ("conv", filters, kernel, padding):
            return [nn.Conv2d(shape[0], filters, kernel, padding=padding)]
        case ("normed conv", filters, stride):
            return _normed(shape[0], filters, 3, stride)
        case ("block", filters, stride):
            return [Block(shape[0], filters, stride)]
        case ("dense", units):
            return [nn.Linear(shape[0], units)]
        case ("global mean",):
            return [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        case (kind,):
            plain = {"flatten": nn.Flatten, "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
            return [nn.MaxPool2d(2) if kind == "pool" else plain[kind]()]
    raise ValueError(f"There is no layer {words}.")


def _normed(channels: int, filters: int, kernel: int, stride: int) -> list[nn.Module]:
    conv = nn.Conv2d(channels, filters, kernel, stride, kernel // 2, bias=False)
    return [conv, nn.BatchNorm2d(filters)]


def parameter_count(case: Case) -> int:
    """Return how many numbers the network learns."""
    return sum(parameter.numel() for parameter in network(case).parameters())


def training_step(
    case: Case, batch: int, threads: int, open_until: ExitStack
) -> Callable[[], object]:
    """Return a function that takes one step."""
    return training_step_of(network(case), case, batch, threads)


def training_step_of(made: nn.Module, case: Case, batch: int, threads: int) -> Callable[[], object]:
    """Return a function that takes one step of a network that is there."""
    torch.set_num_threads(threads)
    optimizer = torch.optim.SGD(made.parameters(), lr=0.01)
    loss = nn.CrossEntropyLoss()
    images, labels = map(torch.from_numpy, floats(batch, case.input_shape))

    def step() -> None:
        optimizer.zero_grad()
        loss(made(images), labels).backward()
        optimizer.step()

    return step


def prediction(
    case: Case, images: int, threads: int, open_until: ExitStack
) -> Callable[[], object]:
    """Return a function that predicts some images."""
    return prediction_of(network(case), case, images, threads)


def prediction_of(made: nn.Module, case: Case, images: int, threads: int) -> Callable[[], object]:
    """Return a function that predicts some images, 256 at a time."""
    torch.set_num_threads(threads)
    made.eval()
    given = torch.from_numpy(floats(images, case.input_shape)[0])

    @torch.inference_mode()
    def predict() -> Tensor:
        return torch.cat([made(part).softmax(1) for part in torch.split(given, 256)])

    return predict


def epoch(batch: int, images: int, threads: int, open_until: ExitStack) -> Callable[[], object]:
    """Return a function that trains network B once over some bytes, cut out of tensors."""
    torch.set_num_threads(threads)
    given, labels = map(torch.from_numpy, bytes_like_mnist(images))

    def batches() -> Iterable[Any]:
        for chosen in torch.split(torch.randperm(images), batch):
            yield given[chosen], labels[chosen]

    return _epoch_of(network(CASES["B"]), batches)


def epoch_with_loader(
    batch: int, images: int, threads: int, open_until: ExitStack
) -> Callable[[], object]:
    """Return a function that trains network B once over some bytes, by a ``DataLoader``."""
    torch.set_num_threads(threads)
    data = TensorDataset(*map(torch.from_numpy, bytes_like_mnist(images)))
    loader = DataLoader(data, batch_size=batch, shuffle=True)
    return _epoch_of(network(CASES["B"]), lambda: loader)


def _epoch_of(made: nn.Module, batches: Callable[[], Iterable[Any]]) -> Callable[[], object]:
    optimizer = torch.optim.SGD(made.parameters(), lr=0.01)
    loss = nn.CrossEntropyLoss()

    def train() -> tuple[float, int]:
        total, correct = 0.0, 0
        for images, labels in batches():
            optimizer.zero_grad()
            outputs = made(images.float() / 255)
            error = loss(outputs, labels)
            error.backward()
            optimizer.step()
            # As our own loop does, so that an epoch ends with its loss and its accuracy.
            total += error.item() * len(labels)
            correct += int((outputs.argmax(1) == labels).sum().item())
        return total, correct

    return train
