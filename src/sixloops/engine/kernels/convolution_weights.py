"""A convolution's weights, arranged for both ways; and their gradient, put back in order."""

from __future__ import annotations

from typing import Any

from sixloops.engine.kernels.compiling import Instruction, kernel
from sixloops.engine.kernels.convolution import WIDEST, Runs
from sixloops.engine.kernels.operands import five_numbers, floats, number, whole_numbers_at
from sixloops.engine.kernels.vectors import lanes, load, save
from sixloops.layers.base import Array

Shape = tuple[int, int, int, int, int]
"""Groups, kernels in a group, and the channels, height and width of a kernel."""


@kernel
def _pack_panels(
    weight: Array, mask: Array, shape: Shape, first: int, last: int, panels_of: Array
) -> None:
    """Arrange the weights for :func:`~sixloops.engine.kernels.convolution.convolve`.

    Args:
        weight: (groups × kernels, channels, height, width).
        mask: multiplied with the weights; as they.
        shape: of the weights.
        first: the first vector of kernels that is arranged; each group has its own.
        last: the one behind the last.
        panels_of: filled; in each group panels of up to ``WIDEST`` vectors of kernels, and in
            each panel (taps, kernels), with zeros for the kernels that fill up a vector.
    """
    _, kernels, channels, height, width = shape
    lane_count, taps = lanes(weight), channels * height * width
    of_group = -(-kernels // lane_count)
    panels = -(-of_group // WIDEST)
    for vector in range(first, last):
        g, block = vector // of_group, vector % of_group
        panel = ((block + 1) * panels - 1) // of_group
        begin, end = of_group * panel // panels, of_group * (panel + 1) // panels
        columns = (end - begin) * lane_count
        inside = min(lane_count, kernels - block * lane_count)
        target = (g * of_group + begin) * taps * lane_count + (block - begin) * lane_count
        for c in range(channels):
            for uv in range(height * width):
                place = target + (uv * channels + c) * columns
                source = (g * kernels + block * lane_count) * taps + c * height * width + uv
                for k in range(lane_count):
                    # Beyond the last kernel, that one's weights times 0.
                    at = source + min(k, inside - 1) * taps
                    value = load(weight, at) * load(mask, at)
                    save(panels_of, place + k, value if k < inside else value * 0)


@kernel
def _pack_biases(bias: Array, shape: Shape, biases: Array) -> None:
    """Fill each group's biases up to whole vectors.

    Args:
        bias: (groups × kernels,).
        shape: of the weights.
        biases: filled; (groups, kernels padded to whole vectors).
    """
    groups, kernels = shape[0], shape[1]
    padded = -(-kernels // lanes(bias)) * lanes(bias)
    for g in range(groups):
        for k in range(padded):
            biases[g * padded + k] = bias[g * kernels + k] if k < kernels else 0


@kernel
def _pack_rows(
    weight: Array, mask: Array, shape: Shape, runs: Runs, begin: int, end: int, rows_of: Array
) -> None:
    """Arrange some kernels' weights as the windows' runs are, for the way back.

    Args:
        weight: (groups × kernels, channels, height, width).
        mask: multiplied with the weights; as they.
        shape: of the weights.
        runs: what a window sees.
        begin: the first kernel that is arranged, over all groups.
        end: the one behind the last.
        rows_of: filled; (groups × kernels, runs, run padded to whole vectors).
    """
    _, _, channels, height, width = shape
    of_run, padded = runs[2] // channels, -(-runs[2] // lanes(weight)) * lanes(weight)
    segments = height * width // of_run
    for k in range(begin, end):
        source = k * channels * height * width
        for segment in range(segments):
            for tap in range(of_run):
                place = (k * segments + segment) * padded + tap * channels
                first = source + segment * of_run + tap
                for c in range(channels):
                    at = first + c * height * width
                    save(rows_of, place + c, load(weight, at) * load(mask, at))


@kernel
def _sum_of_rows(
    parts: Array,
    count: int,
    part: int,
    mask: Array,
    shape: Shape,
    runs: Runs,
    begin: int,
    end: int,
    gradient: Array,
) -> None:
    """Add up the shares' gradients in the shares' order, and put them in the weights' order.

    Args:
        parts: (count, groups × kernels, runs, run padded to whole vectors); changed.
        count: how many.
        part: from one to the next.
        mask: multiplied with the gradient; as it.
        shape: of the weights.
        runs: what a window sees.
        begin: the first kernel, over all groups, whose gradients are added up.
        end: the one behind the last.
        gradient: filled; (groups × kernels, channels, height, width).
    """
    _, _, channels, height, width = shape
    of_run, padded = runs[2] // channels, -(-runs[2] // lanes(parts)) * lanes(parts)
    segments, row = height * width // of_run, height * width // of_run * padded
    for k in range(begin, end):
        total = parts[k * row : (k + 1) * row]
        for share in range(1, count):
            other = parts[share * part + k * row :][:row]
            for i in range(row):
                total[i] += other[i]
        target = k * channels * height * width
        for segment in range(segments):
            for tap in range(of_run):
                place, first = segment * padded + tap * channels, target + segment * of_run + tap
                for c in range(channels):
                    to = first + c * height * width
                    save(gradient, to, load(total, place + c) * load(mask, to))


@Instruction
def pack_panels(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Arrange some kernels of a convolution for the way forward."""
    row = whole_numbers_at(at)
    weight, mask = floats(row, 0, 0, like), floats(row, 1, 0, like)
    vectors = number(row, 8), number(row, 9)
    _pack_panels(weight, mask, five_numbers(row, 3), *vectors, floats(row, 2, 0, like))


@Instruction
def pack_biases(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Fill a convolution's biases up to whole vectors."""
    row = whole_numbers_at(at)
    bias, biases = floats(row, 0, 0, like), floats(row, 1, 0, like)
    _pack_biases(bias, five_numbers(row, 2), biases)


@Instruction
def pack_rows(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Arrange a convolution's weights for the way back."""
    row = whole_numbers_at(at)
    weight, mask, rows = floats(row, 0, 0, like), floats(row, 1, 0, like), floats(row, 2, 0, like)
    kernels = number(row, 13), number(row, 14)
    _pack_rows(weight, mask, five_numbers(row, 3), five_numbers(row, 8), *kernels, rows)


@Instruction
def sum_of_rows(at: int, first: int, images: int, shares: int, scale: float, like: Any) -> None:
    """Add up the shares' gradients of some of a convolution's kernels."""
    row = whole_numbers_at(at)
    parts, mask, made = floats(row, 0, 0, like), floats(row, 1, 0, like), floats(row, 2, 0, like)
    shape, runs = five_numbers(row, 4), five_numbers(row, 9)
    kernels = number(row, 14), number(row, 15)
    _sum_of_rows(parts, shares, number(row, 3), mask, shape, runs, *kernels, made)
