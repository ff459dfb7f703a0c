"""What a layer may compute: right forwards with their right backwards.

A model speaks the user's order of axes outside, and (image, channel, row, column) or
(image, feature) inside. Its truth is exact, so that a recognised layer needs no slopes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sixloops.doctor.layer.axes import reorder, restore
from sixloops.layers import ACTIVATIONS, Context, Layer
from sixloops.layers.base import Array, Shape
from sixloops.layers.pooling import pooling_window
from sixloops.layers.windows import Window, window_over

Roles = dict[str, Array]
"""Arrays by role: x, weight, bias."""


@dataclass(frozen=True)
class Core:
    """The part of a layer before its activation.

    Args:
        kind: ``"convolution"``, ``"max pooling"``, ``"dense"``, …
        words: how the verdict names it.
        layer: the definition; its parameters are ``weight`` and ``bias``.
        flipped: whether the kernel is turned by 180° (a convolution in the strict sense).
        fault: the id of a mistake in the forward itself; empty for a right one.
        tolerance: relative, to which right backwards of it may differ; 0 for to rounding.
    """

    kind: str
    words: str
    layer: Layer
    flipped: bool = False
    fault: str = ""
    tolerance: float = 0.0

    def run(self, given: Roles) -> tuple[Array, Callable[[Array], Roles]]:
        """Return z and its backward, all in the inner order."""
        weights = {name: a for name, a in given.items() if name != "x"}
        if self.flipped:
            weights["weight"] = weights["weight"][..., ::-1, ::-1]
        x = given["x"]
        state = self.layer.initial_state(x.shape[1:], x.dtype)
        z, back = self.layer.forward(x, weights, Context(True, np.random.default_rng(0), state))

        def backward(dz: Array) -> Roles:
            dx, gradients = back(dz)
            if self.flipped:
                gradients = {**gradients, "weight": gradients["weight"][..., ::-1, ::-1]}
            return {"x": dx, **{n: a for n, a in gradients.items() if n in given}}

        return z, backward

    def window(self, x: Array) -> Window | None:
        """Return the window over ``x``; None for a layer without one."""
        layer: Any = getattr(self.layer, "inner", self.layer)
        if not hasattr(layer, "kernel"):
            return None
        if hasattr(layer, "filters"):
            shape, sides = x.shape[1:], layer.padding
            return window_over(layer, shape, layer.kernel, layer.stride, sides, layer.dilation)
        return pooling_window(layer, x.shape[1:])


@dataclass(frozen=True)
class Model:
    """A core, an activation, and the user's orders of axes.

    Args:
        core: the first part.
        activation: the second part; the identity where there is none.
        x_axes: order of the input's axes.
        y_axes: order of the output's.
        places: for each role the parameter's name and the order of its axes.
    """

    core: Core
    activation: Layer
    x_axes: str
    y_axes: str
    places: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def inner(self) -> str:
        """Return the inner order of the maps; ``*`` means that all axes are one."""
        if self.x_axes == "*":
            return "*"
        return "ND" if "D" in self.x_axes else "NCHW"

    @property
    def is_of_each_number(self) -> bool:
        """Say whether it computes each number of its output from one of its input."""
        return self.core.kind == "identity" and self.x_axes == "*"

    @property
    def words(self) -> str:
        """Say what it computes."""
        name = activation_name(self.activation)
        if self.core.kind == "identity":
            return name
        return f"{self.core.words} with {name}" if name != "identity" else self.core.words

    def axes_inside(self, role: str) -> str:
        """Return the inner order of a learnt array."""
        if role == "bias" and "H" in self.places[role][1]:
            return "FHW"
        return INNER[self.core.kind][role]

    def inside(self, arrays: Mapping[str, Array]) -> Roles:
        """Bring the user's arrays (``"x"`` and parameters by name) into the inner order."""
        roles = {"x": reorder(np.asarray(arrays["x"]), self.x_axes, self.inner)}
        for role, (name, axes) in self.places.items():
            roles[role] = reorder(np.asarray(arrays[name]), axes, self.axes_inside(role))
        return roles

    def outside(self, role: str, array: Array, shape: Shape) -> Array:
        """Bring an inner array into the user's order."""
        if role == "x":
            return restore(array, self.inner, self.x_axes, shape)
        return restore(array, self.axes_inside(role), self.places[role][1], shape)

    def run(self, roles: Roles) -> Trace:
        """Run forward in the inner order, and keep everything."""
        z, core_backward = self.core.run(roles)
        y, back = self.activation.forward(z, {}, Context(True))
        return Trace(self, roles, z, y, core_backward, lambda dy: back(dy)[0])

    def forward(self, arrays: Mapping[str, Array], shape: Shape) -> Array:
        """Return the output in the user's order and shape."""
        y = self.run(self.inside(arrays)).y
        return restore(y, self.inner, self.y_axes, shape)


@dataclass(frozen=True)
class Trace:
    """One forward pass of a model, in the inner order."""

    model: Model
    given: Roles
    z: Array
    y: Array
    core_backward: Callable[[Array], Roles]
    activation_backward: Callable[[Array], Array]


INNER: dict[str, dict[str, str]] = {
    "convolution": {"weight": "FCHW", "bias": "F"},
    "transposed convolution": {"weight": "CFHW", "bias": "F"},
    "dense": {"weight": "OD", "bias": "O"},
    "batch normalisation": {"gamma": "C", "beta": "C"},
    "layer normalisation": {"gamma": "C", "beta": "C"},
}


def activation_name(activation: Any) -> str:
    """Name an activation in words."""
    if hasattr(activation, "words"):
        return str(activation.words)
    names = {kind: name for name, kind in ACTIVATIONS.items()}
    name = names.get(type(activation), type(activation).__name__).replace("_", " ")
    return {"relu": "ReLU", "leaky relu": "leaky ReLU", "elu": "ELU"}.get(name, name)
