"""Whether a wrong gradient is the right one of another error: of a part of dy, or of ones.

That needs no knowledge of what forward computes: slopes tell. A loop that returns early, assigns
where it must add, or keeps one image alone, hands back what belongs to a part of the error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from sixloops.doctor.layer.mistakes import general, pooling, windows
from sixloops.doctor.layer.mistakes.base import JAVA, about
from sixloops.doctor.layer.settings import Setting
from sixloops.doctor.verdict import Diagnosis
from sixloops.layers.base import Array

NO_ERROR = about(
    "error-dropped",
    "{what} is that of an error of ones: the error from above, dy, is not multiplied in.",
    "dw = Σ_o dy_o · ∂y_o/∂w",
    "Multiply by dy.",
    f"{JAVA}#the-one-rule",
    16,
)
LAST_OUTPUT = about(
    "last-output-only",
    "{what} holds only what the last output (or filter) hands back: over the outputs it is "
    "assigned (=) where it must be added (+=).",
    "dx_i = Σ_o dy_o · ∂y_o/∂x_i: every output that saw the number adds its part",
    "dx += …, with dx begun at zeros before the loop over outputs.",
    f"{JAVA}#the-one-rule",
    9,
)
FIRST_OUTPUT = about(
    "first-output-only",
    "{what} holds only what the first output (or filter) hands back: there is a return inside the "
    "loop over outputs.",
    "dx_i = Σ_o dy_o · ∂y_o/∂x_i: every output that saw the number adds its part",
    "Move the return behind the loop over outputs.",
    f"{JAVA}#the-one-rule",
    4,
)


def parts(name: str, dy: Array, setting: Setting) -> Iterator[tuple[Diagnosis, Array]]:
    """Yield errors whose gradients people claim by mistake, each with the mistake.

    Args:
        name: of the array whose gradient is wrong, ``"x"`` for the input.
        dy: the error that backward was given.
        setting: of the input; its axes are the output's, where there are as many.
    """
    yield NO_ERROR, np.ones_like(dy)
    axes = setting.axes if dy.ndim == len(setting.axes) else ""
    if "N" in axes and setting.sizes["N"] > 1:
        of_x = general.dx_last_image, general.dx_first_image
        of_learnt = general.last_image, general.first_image
        last, first = of_x if name == "x" else of_learnt
        yield last.diagnosis, _only(dy, axes, "N", -1)
        yield first.diagnosis, _only(dy, axes, "N", 0)
    for letters, last_part, first_part in (
        ("CD", LAST_OUTPUT, FIRST_OUTPUT),
        ("HW", pooling.last_window.diagnosis, pooling.first_window.diagnosis),
        ("H", windows.LAST_ROW, windows.FIRST_ROW),
    ):
        if set(letters) & set(axes):
            yield last_part, _only(dy, axes, letters, -1)
            yield first_part, _only(dy, axes, letters, 0)


def _only(dy: Array, axes: str, letters: str, place: int) -> Array:
    """Return dy with zeros but for one place along the axes of ``letters``."""
    index = tuple(place if letter in letters else slice(None) for letter in axes)
    kept = np.zeros_like(dy)
    kept[index] = dy[index]
    return kept


def blamed(
    name: str, dy: Array, setting: Setting, agrees: Callable[[Array], bool]
) -> Diagnosis | None:
    """Return the mistake whose error explains the claimed gradient; None for none.

    Args:
        name: as in :func:`parts`.
        dy: as in :func:`parts`.
        setting: as in :func:`parts`.
        agrees: says whether the claimed gradient is right for an error.
    """
    for diagnosis, error in parts(name, dy, setting):
        if not np.array_equal(error, dy) and agrees(error):
            return diagnosis
    return None
