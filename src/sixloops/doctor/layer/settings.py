"""Inputs and arrays to try: shapes in which height, width, channels and batch all differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from sixloops.doctor.layer import vocabulary as words
from sixloops.doctor.layer.arrays import arrays_of
from sixloops.doctor.layer.calls import BUNDLES, EMPTY, signature_of
from sixloops.doctor.layer.plan import Plan
from sixloops.doctor.layer.vocabulary import plain
from sixloops.layers import Layer
from sixloops.layers.base import Array, Shape

ORDERS = (
    *("NCHW", "NHWC", "CHW", "HWC", "ND", "DN", "HW", "NHW", "D"),
    *("NCW", "CW", "NWC", "WC"),
)
DENSE_ORDERS = (
    *("ND", "DN", "D", "HW", "NCHW", "NHWC", "CHW", "HWC", "NHW"),
    *("NCW", "CW", "NWC", "WC"),
)
EXTENTS = ((8, 6), (6, 9), (6, 6), (10, 8), (28, 28))
OTHER_EXTENTS = ((7, 9), (6, 10), (9, 6), (12, 8), (8, 6))
BATCH, CHANNELS, FEATURES, KERNELS, KERNEL = 2, 2, 5, 4, 3
LOSS_BATCH = 3  # with two images a mean looks like a half
LARGEST = 1024


@dataclass(frozen=True)
class Labels:
    """What a loss is given beside the outputs.

    Args:
        kind: ``"one-hot"``, ``"classes"`` (whole numbers), ``"numbers"``, or ``"row"``, one
            number for each image.
    """

    kind: str

    def draw(self, setting: Setting, seed: int) -> Array:
        """Draw targets for an input of the setting's shape."""
        random, axis = np.random.default_rng([seed, 8]), setting.axes.index("D")
        if self.kind == "numbers":
            return random.normal(size=setting.shape)
        count = setting.sizes["N"] if "N" in setting.axes else 1
        if self.kind == "row":
            return random.normal(size=count)
        classes = random.integers(setting.shape[axis], size=count)
        if self.kind == "classes":
            return classes
        hot = np.eye(setting.shape[axis])[classes]
        return hot[0] if "N" not in setting.axes else hot.T if axis == 0 else hot


@dataclass(frozen=True)
class Setting:
    """One way to feed the subject.

    Args:
        axes: order of the input's axes.
        sizes: length of each axis by its letter.
        arguments: settings by name.
        shapes: of the learnt arrays that are arguments.
        labels: what a loss is given; None for a layer.
        scale: by what the input is multiplied.
    """

    axes: str
    sizes: Mapping[str, int]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    labels: Labels | None = None
    scale: float = 1.0

    @property
    def shape(self) -> Shape:
        """Return the input's shape."""
        return tuple(self.sizes[letter] for letter in self.axes)

    @property
    def input_words(self) -> str:
        """Return the input's shape, and its size where that is not the usual one."""
        return str(self.shape) if self.scale == 1 else f"{self.shape} times {self.scale:g}"

    def with_sizes(self, **sizes: int) -> Setting:
        """Return the same with other lengths."""
        return replace(self, sizes={**self.sizes, **sizes})

    def with_arguments(self, arguments: Mapping[str, Any]) -> Setting:
        """Return the same with other settings."""
        return replace(self, arguments={**self.arguments, **arguments})


def settings(
    plan: Plan, holder: Any, input_shape: Shape | None, axes: str | None
) -> Iterator[Setting]:
    """Yield settings to try, the likeliest first."""
    if plan.is_loss:
        for setting in _settings(plan, holder, input_shape, axes):
            if "D" in setting.axes:
                yield from _labelled(plan, setting)
        return
    yield from _settings(plan, holder, input_shape, axes)


def _labelled(plan: Plan, setting: Setting) -> Iterator[Setting]:
    """Yield a loss's setting with targets as the user's, or of every kind."""
    if plan.label_name in plan.given_labels:
        given = plan.given_labels[plan.label_name]
        yield replace(setting, labels=Labels(_label_kind(given, setting)))
        return
    for kind in ("one-hot", "numbers", "classes"):
        yield replace(setting, labels=Labels(kind))
    if setting.axes == "ND":
        yield replace(setting.with_sizes(D=1), labels=Labels("row"))


def _label_kind(given: Array, setting: Setting) -> str:
    """Say what targets are like those that the user gave."""
    if given.shape != setting.shape:
        return "classes" if given.dtype.kind in "iu" and setting.sizes["D"] > 1 else "row"
    axis = setting.axes.index("D")
    hot = np.isin(given, (0, 1)).all() and (given.sum(axis=axis) == 1).all()
    return "one-hot" if hot and given.shape[axis] > 1 else "numbers"


def _settings(
    plan: Plan, holder: Any, input_shape: Shape | None, axes: str | None
) -> Iterator[Setting]:
    if input_shape is not None:
        yield from _given(plan, holder, input_shape, axes)
        return
    kept = [] if holder is None else list(arrays_of(holder, pieces=True).values())
    flat = bool(kept) and all(array.ndim <= 2 for array in kept)
    told = _told_shape(plan, holder)
    if told is not None:
        yield from _given(plan, holder, told, axes)
        yield from _given(plan, holder, (BATCH, *told), axes)
    flat = plan.is_loss or flat or any(_kind(name) == "gamma" for name in plan.learnt)
    orders = _orders(holder, axes, DENSE_ORDERS if flat else ORDERS)
    # Code for a single image may take no batch of two.
    several = LOSS_BATCH if plan.is_loss else BATCH
    told_sizes = _told(plan, holder, kept)
    for order, batch in [*((o, several) for o in orders), *((o, 1) for o in orders if "N" in o)]:
        for sizes in _sizes(order, kept, told_sizes, bool(plan.learnt)):
            for shapes in _shapes(plan, order, sizes):
                yield Setting(order, {**sizes, "N": batch}, plan.arguments, shapes)


def _orders(holder: Any, axes: str | None, usual: tuple[str, ...]) -> tuple[str, ...]:
    """Return the orders of axes to try: a layer of sixloops has its images first."""
    if axes:
        return (axes,)
    return tuple(o for o in usual if o[0] == "N") if isinstance(holder, Layer) else usual


def _given(plan: Plan, holder: Any, shape: Shape, axes: str | None) -> Iterator[Setting]:
    for order in _orders(holder, axes, ORDERS):
        if len(order) == len(shape):
            sizes = dict(zip(order, shape, strict=True))
            for shapes in _shapes(plan, order, sizes):
                yield Setting(order, sizes, plan.arguments, shapes)


def _told_shape(plan: Plan, holder: Any) -> Shape | None:
    """Return the input's shape where the object or its arguments say it."""
    told = {**getattr(holder, "__dict__", {}), **plan.arguments}
    for name, value in told.items():
        is_shape = isinstance(value, tuple | list) and len(value) in (2, 3, 4)
        if plain(name) in words.INPUT_SHAPE and is_shape and all(isinstance(v, int) for v in value):
            return tuple(value)
    return None


@dataclass(frozen=True)
class _Told:
    """Numbers of channels and features that the object or its constructor say."""

    channels: list[int]
    features: list[int]


def _told(plan: Plan, holder: Any, kept: list[Any]) -> _Told:
    told = {**_defaults(plan.owner), **plan.arguments, **getattr(holder, "__dict__", {})}
    numbers = {plain(name): n for name, n in told.items() if type(n) is int and 0 < n <= LARGEST}
    groups = [n for name, n in numbers.items() if name in words.GROUPS and n > 1]
    seen = {n for array in kept if array.ndim >= 3 for n in array.shape}
    return _Told(
        [n for name, n in numbers.items() if name in words.CHANNELS_IN]
        + [n * group for group in groups for n in sorted(seen)],
        [n for name, n in numbers.items() if name in words.UNITS_IN],
    )


def _defaults(owner: Any) -> dict[str, Any]:
    """Return the defaults of a class's constructor."""
    if owner is None:
        return {}
    kind = owner if isinstance(owner, type) else type(owner)
    return {p.name: p.default for p in signature_of(kind) if p.default is not EMPTY}


def _sizes(order: str, kept: list[Any], told: _Told, learnt: bool) -> Iterator[dict[str, int]]:
    usual = [CHANNELS if learnt else 3]
    usual += [n for a in kept if a.ndim == 1 for n in a.shape if n <= LARGEST]
    channels = [*told.channels, *_dims([a for a in kept if a.ndim >= 3], usual)]
    features = [*told.features, *_dims([a for a in kept if a.ndim <= 2], [FEATURES])]
    extents = EXTENTS if "H" in order else EXTENTS[:1]
    for (h, w), c, d in product(
        extents,
        dict.fromkeys(channels) if "C" in order else [1],
        dict.fromkeys(features) if "D" in order else [1],
    ):
        yield {"N": BATCH, "C": c, "H": h, "W": w, "D": d}


def _dims(arrays: list[Any], usual: list[int]) -> list[int]:
    found = {n for array in arrays for n in array.shape if n <= LARGEST}
    return [*sorted(found - {1}), *usual, *(found & {1})]


def _shapes(plan: Plan, order: str, sizes: Mapping[str, int]) -> Iterator[dict[str, Shape]]:
    """Yield shapes of the learnt arguments."""
    if plan.fixed:
        yield {name: tuple(getattr(value, "shape", ())) for name, value in plan.fixed.items()}
        return
    kinds = [_kind(name) for name in plan.learnt]
    normal = "gamma" in kinds
    for weight, vector in product(_weights(order, sizes), _vectors(order, sizes, normal)):
        yield {
            name: weight if kind == "weight" else vector
            for name, kind in zip(plan.learnt, kinds, strict=True)
        }
        if not plan.learnt:
            return


def _kind(name: str) -> str:
    word = plain(name)
    if word in words.WEIGHT:
        return "weight"
    return "gamma" if word in words.GAMMA | words.BETA else "bias"


def _weights(order: str, sizes: Mapping[str, int]) -> tuple[Shape, ...]:
    c, d, k, f = sizes.get("C", 1), sizes.get("D", 1), KERNEL, KERNELS
    return {
        "NCHW": ((f, c, k, k),),
        "NHWC": ((k, k, c, f), (f, k, k, c)),
        "CHW": ((f, c, k, k),),
        "HWC": ((k, k, c, f), (f, k, k, c)),
        "ND": ((d, f), (f, d)),
        "DN": ((f, d), (d, f)),
        "D": ((f, d), (d, f)),
        "HW": ((k, k), (f, k, k)),
        "NHW": ((k, k), (f, k, k)),
        "NCW": ((f, c, k),),
        "CW": ((f, c, k),),
        "NWC": ((k, c, f), (f, k, c)),
        "WC": ((k, c, f), (f, k, c)),
    }.get(order, ((f, c, k, k), (k, k, c, f), (f, k, k, c)) if "C" in order else ((d, f), (f, d)))


def _vectors(order: str, sizes: Mapping[str, int], normal: bool) -> tuple[Shape, ...]:
    f = KERNELS
    if normal:
        f = sizes.get("C" if "C" in order else "D", 1)
    return {
        "NCHW": ((f,), (f, 1), (1, f, 1, 1), (f, 1, 1)),
        "NHWC": ((1, 1, 1, f), (f,)),
        "CHW": ((f,), (f, 1), (f, 1, 1)),
        "HWC": ((1, 1, 1, f), (f,)),
        "ND": ((f,), (1, f)),
        "DN": ((f, 1),),
        "D": ((f,),),
        "HW": ((), (1,), (f,)),
        "NHW": ((), (1,), (f,)),
        "NCW": ((f,), (f, 1)),
        "CW": ((f,), (f, 1)),
        "NWC": ((f,),),
        "WC": ((f,),),
    }.get(order, ((f,), tuple(f if letter in "CD" else 1 for letter in order)))


def others(setting: Setting) -> Iterator[Setting]:
    """Yield the same subject's setting with another size of the maps and another batch."""
    batch = {"N": 3 if setting.sizes["N"] != 3 else 4} if "N" in setting.axes else {}
    extent = (setting.sizes.get("H"), setting.sizes.get("W"))
    if "H" in setting.axes:
        for h, w in OTHER_EXTENTS:
            if (h, w) != extent:
                yield setting.with_sizes(H=h, W=w, **batch)
    elif "W" in setting.axes:
        yield setting.with_sizes(W=setting.sizes["W"] + 3, **batch)
    yield setting.with_sizes(**batch or {"D": setting.sizes.get("D", 1)})


def variations(plan: Plan, setting: Setting) -> Iterator[Setting]:
    """Yield the same with overlapping windows and with padding, where nobody fixed them."""
    size = [name for name in plan.free if plain(name) in words.KERNEL_SIZE]
    stride = [name for name in plan.free if plain(name) in words.STRIDE]
    pad = [name for name in plan.free if plain(name) in words.PADDING]
    if any(plain(name) in BUNDLES for name in plan.free):
        yield setting.with_arguments({"kernel": 3, "stride": 2})
        yield setting.with_arguments({"stride": 1, "pad": 1})
    if stride and size:
        yield setting.with_arguments({**dict.fromkeys(size, 3), **dict.fromkeys(stride, 2)})
    if stride:
        yield setting.with_arguments(dict.fromkeys(stride, 1))
        yield setting.with_arguments(dict.fromkeys(stride, 2))
    if pad:
        yield setting.with_arguments(dict.fromkeys(pad, 1))
