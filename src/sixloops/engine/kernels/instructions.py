"""Instructions: kernels that a program calls by their addresses.

A plan writes down what is to be done as a table of instructions, so that Python starts a whole
step with one call, and several threads can work through it without Python's lock. Each function
here takes its operands from its row, in the order in which a stage gives them, and hands them
to a kernel. Its arguments are always the same:

- ``at``: where its row is;
- ``first`` and ``images``: the first image that it is for, and how many there are;
- ``shares``: into how many shares the batch is cut;
- ``scale``: how much each image's loss counts;
- ``like``: a pointer of the type of the numbers.
"""

from __future__ import annotations

from typing import Any

from sixloops.engine.kernels import (
    activations,
    convolution,
    convolution_back,
    dense,
    maps,
    sums,
)
from sixloops.engine.kernels import convolution_weights as arrangement
from sixloops.engine.kernels import softmax_cross_entropy as losses
from sixloops.engine.kernels.compiling import Instruction, inlined
from sixloops.engine.kernels.operands import floats, indices, labels, number, whole_numbers_at
from sixloops.layers.base import Array


@inlined
def _five(row: Array, operand: int) -> tuple[int, int, int, int, int]:
    """Return five operands that are whole numbers."""
    one, two, three = number(row, operand), number(row, operand + 1), number(row, operand + 2)
    return one, two, three, number(row, operand + 3), number(row, operand + 4)


@Instruction
def convolve(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Go forward through a convolution, and the 2×2 max pooling behind it."""
    row = whole_numbers_at(at)
    x, y = floats(row, 0, first, like), floats(row, 1, first, like)
    winners, windows = indices(row, 2, first), indices(row, 3, 0)
    image_starts = indices(row, 4, 0)
    weight, bias = floats(row, 5, 0, like), floats(row, 6, 0, like)
    image, positions, channels = number(row, 7), number(row, 8), number(row, 9)
    kernels, groups, pooled = number(row, 10), number(row, 11), number(row, 12) != 0
    maps = x, images, image, windows, positions, channels, _five(row, 13)
    made = weight, bias, kernels, groups, pooled, y, winners, image_starts
    convolution.convolve(*maps, *made)


@Instruction
def convolution_weights(
    at: int, first: int, images: int, shares: int, scale: float, like: Any
) -> None:
    """Add a convolution's gradients by its weights."""
    row = whole_numbers_at(at)
    x, error = floats(row, 0, first, like), floats(row, 1, first, like)
    winners, windows = indices(row, 2, first), indices(row, 3, 0)
    found_errors, found_windows = floats(row, 4, 0, like), indices(row, 5, 0)
    total, image, positions = floats(row, 6, 0, like), number(row, 7), number(row, 8)
    channels, kernels, groups = number(row, 9), number(row, 10), number(row, 11)
    pooled, block = number(row, 12) != 0, number(row, 13)
    maps = x, images, image, windows, positions, channels, _five(row, 14)
    errors = kernels, groups, pooled, block, error, winners
    convolution_back.weight_gradient(*maps, *errors, found_errors, found_windows, total)


@Instruction
def convolution_input(
    at: int, first: int, images: int, shares: int, scale: float, like: Any
) -> None:
    """Carry the error back through a convolution."""
    row = whole_numbers_at(at)
    dx, error = floats(row, 0, first, like), floats(row, 1, first, like)
    winners, windows = indices(row, 2, first), indices(row, 3, 0)
    found_errors, found_kernels = floats(row, 4, 0, like), indices(row, 5, 0)
    counts, weight = indices(row, 6, 0), floats(row, 7, 0, like)
    image, down, across = number(row, 8), number(row, 9), number(row, 10)
    channels, kernels, groups = number(row, 11), number(row, 12), number(row, 13)
    maps = dx, images, image, windows, down, across, channels, _five(row, 15)
    errors = kernels, groups, number(row, 14) != 0, error, winners
    convolution_back.input_gradient(*maps, *errors, found_errors, found_kernels, counts, weight)


@Instruction
def dense_forward(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Go forward through a dense layer."""
    row = whole_numbers_at(at)
    x, y = floats(row, 0, first, like), floats(row, 1, first, like)
    weight, bias = floats(row, 2, 0, like), floats(row, 3, 0, like)
    dense.forward(x, images, weight, bias, number(row, 4), number(row, 5), y)


@Instruction
def dense_input(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Carry the error back through a dense layer: dx = dy · W."""
    row = whole_numbers_at(at)
    dx, error = floats(row, 0, first, like), floats(row, 1, first, like)
    weight, features, units = floats(row, 2, 0, like), number(row, 3), number(row, 4)
    dense.sum_rows(error, 0, units, 1, weight, units, dx, 0, images, features)


@Instruction
def dense_weights(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Write some rows of a dense layer's gradient: dW = dyᵀ · x, over the whole batch."""
    row = whole_numbers_at(at)
    x, error, gradient = (floats(row, 0, 0, like), floats(row, 1, 0, like), floats(row, 2, 0, like))
    features, units, begin, count = number(row, 3), number(row, 4), number(row, 5), number(row, 6)
    dense.sum_rows(error, 0, 1, units, x, images, gradient, begin, count, features)


@Instruction
def copy_maps(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Copy maps into another order or frame."""
    row = whole_numbers_at(at)
    source, target = floats(row, 0, first, like), floats(row, 1, first, like)
    height, width, channels = number(row, 2), number(row, 3), number(row, 4)
    maps.copy_maps(source, _five(row, 5), target, _five(row, 10), images, height, width, channels)


@Instruction
def pack_panels(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Arrange a convolution's weights for the way forward."""
    row = whole_numbers_at(at)
    weight, mask = floats(row, 0, 0, like), floats(row, 1, 0, like)
    arrangement.pack_panels(weight, mask, _five(row, 3), floats(row, 2, 0, like))


@Instruction
def pack_biases(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Fill a convolution's biases up to whole vectors."""
    row = whole_numbers_at(at)
    bias, biases = floats(row, 0, 0, like), floats(row, 1, 0, like)
    arrangement.pack_biases(bias, _five(row, 2), biases)


@Instruction
def pack_rows(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Arrange a convolution's weights for the way back."""
    row = whole_numbers_at(at)
    weight, mask, rows = floats(row, 0, 0, like), floats(row, 1, 0, like), floats(row, 2, 0, like)
    arrangement.pack_rows(weight, mask, _five(row, 3), _five(row, 8), rows)


@Instruction
def sum_of_rows(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Add up the shares' gradients of a convolution's weights."""
    row = whole_numbers_at(at)
    parts, mask, made = floats(row, 0, 0, like), floats(row, 1, 0, like), floats(row, 2, 0, like)
    shape, runs = _five(row, 4), _five(row, 9)
    arrangement.sum_of_rows(parts, shares, number(row, 3), mask, shape, runs, made)


@Instruction
def activate(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Apply an activation in place."""
    row = whole_numbers_at(at)
    y, hyper = floats(row, 0, first, like), floats(row, 1, 0, like)
    count = images * number(row, 3)
    activations.activate(number(row, 2), hyper[0], hyper[1], y, count)


@Instruction
def differentiate(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Multiply the error with an activation's derivative."""
    row = whole_numbers_at(at)
    y, error = floats(row, 0, first, like), floats(row, 1, first, like)
    hyper, count = floats(row, 2, 0, like), images * number(row, 4)
    activations.differentiate(number(row, 3), hyper[0], hyper[1], y, error, count)


@Instruction
def copy(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Copy some numbers of every image."""
    row = whole_numbers_at(at)
    count = images * number(row, 2)
    sums.copy(floats(row, 0, first, like), floats(row, 1, first, like), count)


@Instruction
def clear(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Set some numbers to 0."""
    row = whole_numbers_at(at)
    sums.clear(floats(row, 0, 0, like), number(row, 1))


@Instruction
def add_rows(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Add up rows of numbers of every image."""
    row = whole_numbers_at(at)
    rows, count = floats(row, 0, first, like), images * number(row, 2)
    sums.add_rows(rows, count, number(row, 3), floats(row, 1, 0, like))


@Instruction
def add_parts(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Add up what the shares have added up."""
    row = whole_numbers_at(at)
    parts, total = floats(row, 0, 0, like), floats(row, 1, 0, like)
    sums.add_parts(parts, shares, number(row, 2), number(row, 3), total)


@Instruction
def softmax_cross_entropy(
    at: int, first: int, images: int, shares: int, scale: float, like: Any
) -> None:
    """Compute the loss of each image, and the error by the outputs."""
    row = whole_numbers_at(at)
    logits, classes = floats(row, 0, first, like), labels(row, 1, first)
    each, error = floats(row, 2, first, like), floats(row, 3, first, like)
    losses.softmax_cross_entropy(logits, classes, images, number(row, 4), scale, each, error)
