"""What a mistake is: a function from one examined case to the arrays that it would give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sixloops.doctor.layer.models import Roles, Trace, activation_name
from sixloops.doctor.verdict import Diagnosis
from sixloops.layers.base import Array
from sixloops.layers.windows import Window

NUMPY_POOLING = "docs/answers/numpy-pooling.md"
JAVA = "docs/answers/java-question.md"
CHAINED = "docs/answers/chained-passes.md"
POST_316354 = "docs/answers/post-316354.md"
POST_276213 = "docs/answers/post-276213.md"
RELU = f"{JAVA}#1-backward-of-relu"
SLOPE = f"{POST_316354}#4-where-the-sigmoid-stands"
RIGHT = "dz = dy · f′(z)"

WHOLE_ROWS = ("softmax", "log-softmax", "normalisation to length 1")
"""Activations whose outputs depend on all scores of their image."""


@dataclass(frozen=True)
class Case:
    """One forward and backward pass, all arrays in the inner order.

    Args:
        trace: the model's forward.
        dy: the cotangent.
        truth: the right gradients by role.
        batch: how many images.
        images_axis: whether axis 0 of the inner order is the images'.
        rate: the learning rate with which backward was called.
    """

    trace: Trace
    dy: Array
    truth: Roles
    batch: int
    images_axis: bool
    rate: float = 0.5

    @property
    def kind(self) -> str:
        """Return the core's kind."""
        return self.trace.model.core.kind

    @property
    def x(self) -> Array:
        """Return the input."""
        return self.trace.given["x"]

    @property
    def dz(self) -> Array:
        """Return the right error before the activation."""
        return self.trace.activation_backward(self.dy)

    @property
    def window(self) -> Window | None:
        """Return the window that slides over the input."""
        return self.trace.model.core.window(self.x)

    def slope(self, z: Array) -> Array:
        """Return the activation's f′ at ``z``."""
        y, back = self.trace.model.activation.forward(z)
        return back(np.ones_like(y))[0]

    def through_core(self, dz: Array) -> Roles:
        """Return what a right core makes of an error before the activation."""
        return self.trace.core_backward(dz)

    def only_image(self, number: int) -> Roles:
        """Return the right gradients of one image alone."""
        dy = np.zeros_like(self.dy)
        dy[number] = self.dy[number]
        return self.trace.core_backward(self.trace.activation_backward(dy))


@dataclass(frozen=True)
class Mistake:
    """A known wrong backward.

    Args:
        diagnosis: what to say; its sentence may name ``{ratio}``.
        kinds: cores that it is about; empty for all.
        wrong: the arrays that it gives in place of the right ones, by role.
    """

    diagnosis: Diagnosis
    kinds: tuple[str, ...]
    wrong: Callable[[Case], Roles]


@dataclass(frozen=True)
class Factor:
    """A number by which people multiply or divide wrongly.

    Args:
        words: what the number is.
        value: from a case; None where it makes no sense there.
        kinds: cores that it is about; empty for all.
        roles: arrays that it is about; empty for all.
        diagnosis: what to say; its sentence may name ``{what}`` and ``{ratio}``.
    """

    words: str
    value: Callable[[Case], float | None]
    kinds: tuple[str, ...]
    roles: tuple[str, ...]
    diagnosis: Diagnosis


def mistake(diagnosis: Diagnosis, *kinds: str) -> Callable[[Callable[[Case], Roles]], Mistake]:
    """Make a mistake of the function that gives its arrays."""

    def made(wrong: Callable[[Case], Roles]) -> Mistake:
        return Mistake(diagnosis, kinds, wrong)

    return made


def about(
    name: str, sentence: str, mathematics: str, fix: str, page: str = "", number: int | None = None
) -> Diagnosis:
    """Return a diagnosis."""
    return Diagnosis(name, sentence, mathematics, fix, page, number)


def require_activation(case: Case, *names: str) -> None:
    """Require one of these activations."""
    if activation_name(case.trace.model.activation) not in names:
        raise ValueError("another activation")


def require_slope(case: Case) -> None:
    """Require an activation whose slope is not 1 everywhere."""
    if activation_name(case.trace.model.activation) == "identity":
        raise ValueError("no activation")


def require_diagonal(case: Case) -> None:
    """Require an activation that treats each number by itself."""
    if activation_name(case.trace.model.activation) in WHOLE_ROWS:
        raise ValueError("its Jacobian is not diagonal")


def weights_of(case: Case) -> Array:
    """Return a convolution's kernels as it slides them, not flipped any more.

    They are (filters, channels, rows, columns), with zeros between groups.
    """
    weight = across_groups(case, case.trace.given["weight"])
    return weight[..., ::-1, ::-1] if case.trace.model.core.flipped else weight


def groups_of(case: Case) -> int:
    """Return into how many groups a convolution's channels are cut."""
    layer = case.trace.model.core.layer
    return int(getattr(getattr(layer, "inner", layer), "groups", 1))


def _blocks(case: Case, filters: int) -> tuple[slice, ...]:
    """Return each filter's own channels."""
    per = case.x.shape[1] // groups_of(case)
    firsts = (k * groups_of(case) // filters * per for k in range(filters))
    return tuple(slice(first, first + per) for first in firsts)


def across_groups(case: Case, weight: Array) -> Array:
    """Return kernels for all channels: 0 where a filter does not see a channel."""
    if groups_of(case) == 1:
        return weight
    whole = np.zeros((len(weight), case.x.shape[1], *weight.shape[2:]))
    for k, channels in enumerate(_blocks(case, len(weight))):
        whole[k, channels] = weight[k]
    return whole


def reflected(case: Case, dweight: Array) -> Array:
    """Bring a gradient of the sliding kernels into the user's direction, and into groups."""
    if dweight.shape[1] != case.trace.given["weight"].shape[1]:
        blocks = _blocks(case, len(dweight))
        dweight = np.stack([dweight[k, channels] for k, channels in enumerate(blocks)])
    return dweight[..., ::-1, ::-1] if case.trace.model.core.flipped else dweight


def window_of(case: Case) -> Window:
    """Return the window that slides over the input."""
    window = case.window
    if window is None:
        raise ValueError("no window")
    return window


def assigned(window: Window, patches: Array) -> Array:
    """Scatter by assigning, position by position, so that the last window wins."""
    (h, w), (top, bottom), (left, right) = window.extent, *window.padding
    dx = np.zeros((*patches.shape[:2], h + top + bottom, w + left + right))
    (sh, sw), (dh, dw), (span_h, span_w) = window.stride, window.dilation, window.span
    for i, j in np.ndindex(*window.positions):
        rows = slice(i * sh, i * sh + span_h, dh)
        dx[:, :, rows, j * sw : j * sw + span_w : dw] = patches[..., i, j]
    return dx[:, :, top : top + h, left : left + w]


def assigned_by_taps(window: Window, patches: Array) -> Array:
    """Scatter by assigning, tap by tap, so that the last tap wins."""
    (h, w), (top, bottom), (left, right) = window.extent, *window.padding
    dx = np.zeros((*patches.shape[:2], h + top + bottom, w + left + right))
    (sh, sw), (dh, dw), (down, across) = window.stride, window.dilation, window.positions
    for u, v in np.ndindex(*window.kernel):
        rows = slice(dh * u, dh * u + sh * (down - 1) + 1, sh)
        dx[:, :, rows, dw * v : dw * v + sw * (across - 1) + 1 : sw] = patches[:, :, u, v]
    return dx[:, :, top : top + h, left : left + w]
