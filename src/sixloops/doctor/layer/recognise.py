"""Finding out what a forward computes, by comparing it with forwards that are known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from sixloops.doctor.layer.axes import reorder
from sixloops.doctor.layer.models import Core, Model
from sixloops.doctor.layer.variants import (
    BiasOfEachPosition,
    FixedDropout,
    LayerNorm,
    LogSoftmax,
    MinPool,
    Ravel,
    Rearranged,
    Reshaped,
    Shortcut,
    SoftmaxOfAll,
    StridedPool,
    SumPool,
    Swish,
    TransposedConv,
    Twice,
    UnitLength,
    Upsample,
)
from sixloops.errors import SixloopsError
from sixloops.layers import (
    ACTIVATIONS,
    BatchNorm,
    Conv2D,
    Dense,
    Identity,
    L2Pool2D,
    Layer,
    LeakyReLU,
    MaxPool2D,
    MeanPool2D,
    Softmax,
    ZeroPad2D,
)
from sixloops.layers.base import Array, Shape
from sixloops.layers.windows import Pair

AXES = {
    4: ("NCHW", "NHWC"),
    3: ("CHW", "HWC", "NHW", "NCW", "NWC"),
    2: ("ND", "DN", "HW", "CW", "WC"),
    1: ("D",),
    0: (),
}
FEWEST_NUMBERS = 4
"""Numbers of input below which agreement proves nothing."""
LARGEST_WINDOW = 5
LARGEST_STRIDE = 4
LARGEST_FRAME = 8
DILATIONS = (1, 2, 3)
EPSILONS = (1e-5, 1e-8, 1e-3, 1e-6, 1e-7, 1e-10, 1e-12)
AROUND_EPSILON = 2e-5
ELEMENTWISE: tuple[Layer, ...] = (
    *(kind() for name, kind in ACTIVATIONS.items() if name != "softmax"),
    *(LeakyReLU(slope) for slope in (0.1, 0.2, 0.3, 0.001)),
    Swish(),
    *(Shortcut(ACTIVATIONS[name]()) for name in ("relu", "tanh", "sigmoid")),
)

OF_ALL = "softmax-of-all"
REARRANGEMENT = "rearrangement"
NOTHING = Identity()
ALONE: tuple[Layer, ...] = (NOTHING,)
BEHIND: tuple[Layer, ...] = (
    *(NOTHING, *(ACTIVATIONS[name]() for name in ("relu", "sigmoid", "tanh"))),
    *(LeakyReLU(slope) for slope in (0.01, 0.1)),
)
Candidate: TypeAlias = tuple[Model, tuple[Layer, ...]]
"""A model, and the activations that may stand behind its core."""


def recognise(
    x: Array, y: Array, parameters: Mapping[str, Array], axes: str | None = None
) -> Iterator[Model]:
    """Yield the models that give ``y``, the simplest first.

    Args:
        x: the input, in the user's order.
        y: what the user's forward made of it.
        parameters: the arrays that it learns, by name.
        axes: the input's order, where the user said it.
    """
    if x.size < FEWEST_NUMBERS or not y.size or not np.isfinite(y).all():
        return
    given = {"x": x, **parameters}
    loose = 1e-4 if y.dtype != np.float64 or _is_rounded(y) else 1e-9
    for model, activations in _candidates(x, y, parameters, axes):
        for activation in _agreeing(model, activations, given, y, loose):
            yield replace(model, activation=activation)


def _agreeing(
    model: Model,
    activations: tuple[Layer, ...],
    arrays: Mapping[str, Array],
    y: Array,
    loose: float,
) -> Iterator[Layer]:
    """Yield the activations behind the model's core that give ``y``."""
    try:
        z, _ = model.core.run(model.inside(arrays))
        wanted = reorder(y, model.y_axes, model.inner)
    except (ValueError, TypeError, IndexError, KeyError, SixloopsError):
        return  # a candidate that does not fit is none
    if z.shape != wanted.shape:
        return
    for activation in (*activations, *_fitted_leak(activations, z, wanted)):
        ours = activation.forward(z)[0]
        scale = float(np.abs(ours).max()) or 1.0
        if np.abs(ours - wanted).max() <= loose * scale:
            yield activation


def _fitted_leak(activations: tuple[Layer, ...], z: Array, wanted: Array) -> Iterator[LeakyReLU]:
    """Yield a leaky ReLU whose slope is read off the numbers, where one may stand."""
    below = z < 0
    if len(activations) < 2 or not below.any() or below.all():
        return
    slope = float(np.median(wanted[below] / z[below]))
    if 0 < slope < 1:
        yield LeakyReLU(slope)


def _is_rounded(y: Array) -> bool:
    """Say whether numbers in float64 went through float32 on their way."""
    return bool(np.array_equal(y, y.astype(np.float32).astype(np.float64)))


def _candidates(
    x: Array, y: Array, parameters: Mapping[str, Array], axes: str | None
) -> Iterator[Candidate]:
    orders = (axes,) if axes else AXES.get(x.ndim, ())
    if not parameters:
        yield from _elementwise(x, y, orders)
        yield from _dropout(x, y)
    for order in orders:
        if len(order) != x.ndim:
            continue
        if "W" in order and not parameters:
            yield from _poolings(x, y, order)
            yield from _enlargements(x, y, order)
        elif "W" in order:
            yield from _convolutions(x, y, order, parameters)
            yield from _transposed(x, y, order, parameters)
        if parameters and y.shape == x.shape and len(parameters) == 2:
            yield from _normalisations(order, parameters)
        if "D" in order and parameters:
            yield from _dense(x, y, order, parameters)
    if not parameters:
        yield from _rearrangements(x, y)


def _elementwise(x: Array, y: Array, orders: tuple[str, ...]) -> Iterator[Candidate]:
    if x.size != y.size:
        return
    if x.shape != y.shape:
        order = {4: "NCHW", 3: "CHW"}.get(x.ndim, "*")
        yield Model(Core("flatten", "flattening", Ravel()), NOTHING, order, "*"), ALONE
        return
    identity = Core("identity", "", Identity())
    yield Model(identity, NOTHING, "*", "*"), ELEMENTWISE
    for order in orders:
        yield Model(identity, NOTHING, order, order), (Softmax(), LogSoftmax(), UnitLength())
    for order in orders:
        twice = Core("softmax", "softmax, twice", Twice(Softmax()), fault="softmax-twice")
        yield Model(twice, NOTHING, order, order), ALONE
        if len(orders) == 1 and "N" in order and x.ndim == 2:
            whole = Core("softmax", "softmax of all images at once", SoftmaxOfAll(), fault=OF_ALL)
            yield Model(whole, NOTHING, order, order), ALONE


def _rearrangements(x: Array, y: Array) -> Iterator[Candidate]:
    """Read off where each number went, where forward does nothing but move them.

    Numbers drawn at random are all different, and so are as good as indices.
    """
    before, after = x.astype(y.dtype).ravel(), y.ravel()
    if before.size != after.size:
        return
    came, went = np.argsort(before), np.argsort(after)
    ranked = before[came]
    if not np.array_equal(ranked, after[went]) or (ranked[1:] == ranked[:-1]).any():
        return
    order = np.empty(len(came), dtype=int)
    order[went] = came
    core = Core(REARRANGEMENT, "another order of the same numbers", Rearranged(order))
    yield Model(core, NOTHING, "*", "*"), ALONE


def _dropout(x: Array, y: Array) -> Iterator[Candidate]:
    """Read a mask off the output: everything is dropped, or multiplied by one number."""
    if x.shape != y.shape or not np.all(x):
        return
    kept, ratio = y != 0, y / x
    if kept.all() or not kept.any() or np.array_equal(kept, x > 0):
        return
    scale = float(ratio[kept].mean())
    identity = Core("identity", "", Identity())
    mask = FixedDropout(kept.reshape(1, -1), scale)
    if scale >= 1 - 1e-6:
        yield Model(identity, NOTHING, "*", "*"), (mask,)


def _extent(array: Array, axes: str) -> Pair:
    height, width = reorder(array, axes, "NCHW").shape[2:]
    return height, width


def _windows(n: Pair, o: Pair, kernel: Pair) -> Iterator[tuple[Pair, tuple[Pair, Pair]]]:
    """Yield strides and paddings that make ``o`` positions out of ``n`` pixels."""
    strides = [(s, s) for s in range(1, LARGEST_STRIDE + 1)]
    if kernel not in strides:
        strides.append(kernel)
    for stride in strides:
        seen = set()
        down, across = (list(_sides(n[a], o[a], kernel[a], stride[a])) for a in (0, 1))
        for padding in zip(down, across, strict=True):
            fits = all(
                n[a] + sum(padding[a]) >= kernel[a]
                and (n[a] + sum(padding[a]) - kernel[a]) // stride[a] + 1 == o[a]
                for a in (0, 1)
            )
            if fits and padding not in seen:
                seen.add(padding)
                yield stride, padding


def _sides(n: int, o: int, k: int, s: int) -> Iterator[Pair]:
    """Yield paddings (before, behind): none, that of "same", of rounding up, of one number."""
    yield 0, 0
    total = max((-(-n // s) - 1) * s + k - n, 0)
    yield total // 2, total - total // 2
    yield 0, min(max((o - 1) * s + k - n, 0), k - 1)
    for pixels in range(1, LARGEST_WINDOW):
        yield min(pixels, k - 1), min(pixels, k - 1)


def _poolings(x: Array, y: Array, axes: str) -> Iterator[Candidate]:
    y_axes = axes if y.ndim == x.ndim else axes.replace("H", "").replace("W", "")
    if len(y_axes) != y.ndim:
        return
    n, o = _extent(x, axes), _extent(y, y_axes)
    squares = [(k, k) for k in range(2, LARGEST_WINDOW + 1)]
    others = [(a, b) for a, b in product(range(1, 6), repeat=2) if a != b]
    flat = [(1, k) for k in range(2, LARGEST_WINDOW + 1)] + [n]
    wide = squares if n == o else [*squares, *others, n]
    for kernel in wide if "H" in axes else flat:
        tiled = all(a == b * k for a, b, k in zip(n, o, kernel, strict=True))
        for step, padding in _windows(n, o, kernel):
            stride = step if "H" in axes else (1, step[1])
            for core in _pooling_cores(kernel, stride, padding, tiled):
                yield Model(core, NOTHING, axes, y_axes), BEHIND


def _pooling_cores(kernel: Pair, stride: Pair, padding: Any, tiled: bool) -> Iterator[Core]:
    size = f"{kernel[0]}×{kernel[1]}"
    steps = "" if stride == kernel else f", stride {_pair(stride)}"
    sides = "" if padding == ((0, 0), (0, 0)) else f", padding {_padding(padding)}"
    for kind, pool in (
        ("max pooling", MaxPool2D),
        ("mean pooling", MeanPool2D),
        ("L2 pooling", L2Pool2D),
        ("sum pooling", SumPool),
        ("min pooling", MinPool),
    ):
        layer = pool(kernel, stride=stride, padding=padding)
        yield Core(kind, f"{kind} {size}{steps}{sides}", layer)
    if any(side != (0, 0) for side in padding):
        counted = MeanPool2D(kernel, stride, padding, count_padding=True)
        yield Core("mean pooling", f"mean pooling {size}{steps}{sides}", counted)
    if tiled and stride == kernel:
        for kind, pool in (("max pooling", MaxPool2D), ("mean pooling", MeanPool2D)):
            strided = StridedPool(kernel, stride, padding, pool(kernel))
            words = f"{kind} {size}, but over pixels that lie apart"
            yield Core(kind, words, strided, fault="pool-axes")


def _pair(pair: Pair) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}×{pair[1]}"


def _padding(padding: tuple[Pair, Pair]) -> str:
    flat = {v for side in padding for v in side}
    return str(flat.pop()) if len(flat) == 1 else str(padding)


def _convolutions(
    x: Array, y: Array, axes: str, parameters: Mapping[str, Array]
) -> Iterator[Candidate]:
    channels = reorder(x, axes, "NCHW").shape[1]
    for (weight, w_axes), y_axes in product(
        _kernels(parameters, axes, channels), _outputs(y, axes)
    ):
        inner = reorder(parameters[weight], w_axes, "FCHW").shape
        outer = reorder(y, y_axes, "NCHW").shape
        groups = channels // inner[1]
        if inner[1] * groups != channels or inner[0] != outer[1] or inner[0] % groups:
            continue
        rest = [name for name in parameters if name != weight]
        own = bool(rest) and parameters[rest[0]].shape == outer[1:]
        if len(rest) > 1 or not (own or all(parameters[r].size == inner[0] for r in rest)):
            continue
        places = {"weight": (weight, w_axes)}
        if rest:
            places["bias"] = (rest[0], "FHW" if own else _single(parameters[rest[0]].shape, "F"))
        layer = Conv2D(inner[0], (inner[2], inner[3]), groups=groups, use_bias=bool(rest))
        for found in _placed(layer, _extent(x, axes), (outer[2], outer[3])):
            for core in _convolution_cores(found, own, "H" not in axes):
                yield Model(core, NOTHING, axes, y_axes, places), ALONE if core.fault else BEHIND


def _placed(layer: Conv2D, extent: Pair, positions: Pair) -> Iterator[Conv2D]:
    """Yield a convolution with all strides, paddings and dilations that make ``positions``."""
    kernel: Any = layer.kernel
    for dilation in DILATIONS if max(kernel) > 1 else DILATIONS[:1]:
        span = tuple(dilation * (taps - 1) + 1 for taps in kernel)
        for stride, padding in _windows(extent, positions, (span[0], span[1])):
            yield replace(layer, stride=stride, padding=padding, dilation=(dilation, dilation))


def _transposed(
    x: Array, y: Array, axes: str, parameters: Mapping[str, Array]
) -> Iterator[Candidate]:
    if "H" not in axes or "C" not in axes or y.ndim != x.ndim:
        return
    orders = ("CFHW", "FCHW", "HWCF", "HWFC")
    (_, channels, *n), (_, filters, *o) = (reorder(a, axes, "NCHW").shape for a in (x, y))
    for name, order in product(parameters, orders):
        rest = [other for other in parameters if other != name]
        if parameters[name].ndim != 4 or any(parameters[r].size != filters for r in rest):
            continue
        _, _, *kernel = inner = reorder(parameters[name], order, "CFHW").shape
        if inner[:2] != (channels, filters):
            continue
        places = {"weight": (name, order)}
        if rest:
            places["bias"] = (rest[0], _single(parameters[rest[0]].shape, "F"))
        for step, cut in product(range(1, LARGEST_STRIDE + 1), range(min(kernel))):
            if all((a - 1) * step + k - 2 * cut == b for a, k, b in zip(n, kernel, o, strict=True)):
                layer = TransposedConv((kernel[0], kernel[1]), (step, step), ((cut, cut),) * 2)
                words = f"transposed convolution {kernel[0]}×{kernel[1]}, stride {step}"
                core = Core("transposed convolution", words, layer)
                yield Model(core, NOTHING, axes, axes, places), BEHIND


def _enlargements(x: Array, y: Array, axes: str) -> Iterator[Candidate]:
    """Yield repetitions of pixels, and frames of zeros."""
    if y.ndim != x.ndim or y.size <= x.size:
        return
    n, o = _extent(x, axes), _extent(y, axes)
    if o[0] % n[0] == 0 and o[1] % n[1] == 0:
        times = o[0] // n[0], o[1] // n[1]
        layer = Upsample(times)
        core = Core("upsampling", f"upsampling by repetition, {times[0]}×{times[1]}", layer)
        yield Model(core, NOTHING, axes, axes), ALONE
    down, across = o[0] - n[0], o[1] - n[1]
    if not (0 <= down <= LARGEST_FRAME and 0 <= across <= LARGEST_FRAME):
        return
    for top, left in product(range(down + 1), range(across + 1)):
        sides = (top, down - top), (left, across - left)
        core = Core("zero padding", f"zero padding {_padding(sides)}", ZeroPad2D(sides))
        yield Model(core, NOTHING, axes, axes), ALONE


def _outputs(y: Array, axes: str) -> list[str]:
    if y.ndim == len(axes):
        return [axes]
    return {3: ["CHW", "HWC"], 4: ["NCHW", "NHWC"]}.get(y.ndim, [])


def _kernels(
    parameters: Mapping[str, Array], axes: str, channels: int
) -> Iterator[tuple[str, str]]:
    orders: dict[int, tuple[str, ...]] = {
        4: ("FCHW", "HWCF", "FHWC", "CFHW", "HWFC"),
        3: ("FHW", "HWF", "CHW", "HWC"),
        2: ("HW",),
    }
    if "H" not in axes:
        orders = {3: ("FCW", "WCF", "CFW", "FWC", "WFC"), 2: ("FW", "CW")}
    for name, array in parameters.items():
        for order in orders.get(array.ndim, ()):
            yield name, order
        if array.ndim == 2 and "H" in axes:
            yield from ((name, order) for order in _matrices(array.shape, channels))


def _matrices(shape: Shape, channels: int) -> Iterator[str]:
    """Yield how a matrix may hold square kernels, all taps of one filter in a row or column."""
    for taps, forms in zip(shape, (("HWCF", "CHWF"), ("FHWC", "FCHW")), strict=True):
        side = math.isqrt(taps // channels)
        if side > 1 and side * side * channels == taps:
            lengths = {"H": side, "W": side, "C": channels, "F": -1}
            for form in forms:
                yield ",".join(str(lengths[letter]) for letter in form) + f"|{form}"


def _single(shape: Shape, letter: str) -> str:
    """Name the axes of an array of which only one is longer than 1."""
    if not shape:
        return ""
    long = int(np.argmax(shape))
    return "".join(letter if axis == long else "." for axis in range(len(shape)))


def _convolution_words(layer: Any, one: bool) -> str:
    (height, width), (dilation, _) = layer.kernel, layer.dilation
    words = f"in one dimension, {width} wide" if one else f"{height}×{width}"
    words += f", stride {_pair(layer.stride)}" if layer.stride != (1, 1) else ""
    words += f", padding {_padding(layer.padding)}" if layer.padding != ((0, 0), (0, 0)) else ""
    words += f", dilation {dilation}" if dilation > 1 else ""
    return words + (f", {layer.groups} groups" if layer.groups > 1 else "")


def _convolution_cores(plain: Conv2D, own: bool, one: bool) -> Iterator[Core]:
    words = _convolution_words(plain, one)
    layer: Layer = BiasOfEachPosition(replace(plain, use_bias=False)) if own else plain
    yield Core("convolution", f"convolution {words} (kernel not flipped)", layer)
    yield Core("convolution", f"convolution {words} (kernel flipped)", layer, flipped=True)
    if own or plain.groups > 1 or plain.dilation != (1, 1):
        return
    for order in ((1, 0, 2, 3), (1, 2, 3, 0), (0, 2, 3, 1), (2, 3, 0, 1)):
        wrong = Reshaped(layer, order)
        text = f"convolution {words}, its outputs in a wrong order"
        yield Core("convolution", text, wrong, fault="im2col-order")


def _normalisations(axes: str, parameters: Mapping[str, Array]) -> Iterator[Candidate]:
    names = list(parameters)
    inner = axes if "C" in axes else axes.replace("D", "C")
    if "N" not in inner:
        return
    for gamma, beta in (names, names[::-1]):
        places = {
            "gamma": (gamma, _single(parameters[gamma].shape, "C")),
            "beta": (beta, _single(parameters[beta].shape, "C")),
        }
        for epsilon in (*EPSILONS, 0.0):
            layer = BatchNorm(epsilon=max(epsilon, 1e-300))
            core = Core("batch normalisation", "batch normalisation", layer)
            yield Model(core, NOTHING, inner, inner, places), BEHIND
        for epsilon, outside in product((*EPSILONS, 0.0), (False, True)):
            kind = "layer normalisation"
            # Right backwards may leave out what epsilon changes where it stands outside the root.
            near = AROUND_EPSILON if outside else 0.0
            core = Core(kind, kind, LayerNorm(epsilon, outside), tolerance=near)
            yield Model(core, NOTHING, inner, inner, places), BEHIND


def _dense(x: Array, y: Array, axes: str, parameters: Mapping[str, Array]) -> Iterator[Candidate]:
    y_axes = axes
    features = x.shape[axes.index("D")]
    if y.ndim != x.ndim:
        return
    units = y.shape[y_axes.index("D")]
    for name, order in product(parameters, ("DO", "OD")):
        array = parameters[name]
        wanted = (features, units) if order == "DO" else (units, features)
        rest = [other for other in parameters if other != name]
        if array.shape != wanted or any(parameters[r].size != units for r in rest):
            continue
        places = {"weight": (name, order)}
        if rest:
            places["bias"] = (rest[0], _single(parameters[rest[0]].shape, "O"))
        core = Core("dense", "a dense layer", Dense(units, use_bias=bool(rest)))
        yield Model(core, NOTHING, axes, y_axes, places), (*ELEMENTWISE, Softmax())
