"""Where a gradient is wrong, in words."""

from __future__ import annotations

import numpy as np

from sixloops.layers.base import Array

LETTERS = {"N": "image", "C": "channel", "H": "row", "W": "column", "D": "feature", "F": "filter"}
MANY = 6
RATIO_HOLDS = 1e-2
"""Relative to the largest: a ratio that holds no better than this is none."""


def constant_ratio(claimed: Array, truth: Array, tolerance: float) -> float | None:
    """Return c where claimed = c · truth, to rounding; None where there is no such number."""
    size = float((truth * truth).sum())
    if size == 0:
        return None
    ratio = float((claimed * truth).sum()) / size
    scale = float(np.abs(truth).max()) * max(abs(ratio), 1.0)
    near = min(10 * tolerance, RATIO_HOLDS)
    fits = np.abs(claimed - ratio * truth).max() <= near * scale
    return ratio if fits and abs(ratio) > 1e-9 else None


def differences(claimed: Array, truth: Array, tolerance: float) -> Array:
    """Return which entries differ; one that was not measured does not."""
    known = np.isfinite(truth)
    scale = float(np.abs(truth[known]).max(initial=0.0)) or 1.0
    far = np.abs(np.where(known, claimed - np.where(known, truth, 0), 0.0))
    return ~(far <= tolerance * scale)


def describe(claimed: Array, truth: Array, axes: str, tolerance: float) -> str:
    """Say how and where a claimed gradient differs from the true one.

    Args:
        claimed: what backward gave.
        truth: the right gradient; NaN where it is not known.
        axes: a letter for each axis.
        tolerance: relative.

    Examples:
        >>> truth = np.arange(1.0, 7.0).reshape(2, 3)
        >>> describe(4 * truth, truth, "ND", 1e-6)
        '4.000 times the true gradient everywhere'
        >>> describe(np.array(2.0), np.array(3.0), "", 1e-6)
        'it is 2 and must be 3'
        >>> maps = np.ones((1, 1, 3, 3))
        >>> maps[..., 1, 1] = 0
        >>> print(describe(maps, 0 * maps, "NCHW", 1e-6).partition("; at")[0])
        8 of 9 numbers differ; only at the borders of the maps
        >>> kernel = maps[..., :2, :2]  # which has nothing inside its borders
        >>> describe(kernel, 0 * kernel, "FCHW", 1e-6)
        '3 of 4 numbers differ; at [0, 0, 0, 0] it is 1 and must be 0'
    """
    if claimed.size == truth.size == 1:  # one number is always so many times the other
        return f"it is {claimed.item():.6g} and must be {truth.item():.6g}"
    wrong = differences(claimed, truth, tolerance)
    if not np.isnan(truth).any():
        ratio = constant_ratio(claimed, truth, tolerance)
        if ratio is not None:
            sign = " (the sign is wrong)" if abs(ratio + 1) < 1e-6 else ""
            return f"{ratio:.3f} times the true gradient everywhere{sign}"
    count = f"{int(wrong.sum())} of {int(np.isfinite(truth).sum())} numbers differ"
    parts = [count, _pattern(wrong, axes), _example(claimed, truth, wrong)]
    if not np.any(claimed):
        parts[1] = "all of it is 0"
    return "; ".join(part for part in parts if part)


def _pattern(wrong: Array, axes: str) -> str:
    """Find the axis along which the wrong entries lie apart from the right ones."""
    for axis, letter in enumerate(axes):
        if letter not in LETTERS or wrong.shape[axis] < 2:
            continue
        rest = tuple(a for a in range(wrong.ndim) if a != axis)
        hit = np.flatnonzero(wrong.any(axis=rest))
        if 0 < len(hit) < wrong.shape[axis]:
            return _which(LETTERS[letter], hit, wrong.shape[axis])
    if "H" in axes and "W" in axes and _only_border(wrong, axes):
        return "only at the borders of the maps"
    return "everywhere" if wrong.all() else ""


def _which(word: str, hit: Array, count: int) -> str:
    if len(hit) == count - 1:
        return f"in all {word}s but {word} {next(i for i in range(count) if i not in hit)}"
    if len(hit) > MANY:
        return f"only in {len(hit)} of {count} {word}s"
    plural = "s" if len(hit) > 1 else ""
    return f"only in {word}{plural} {', '.join(map(str, hit))}"


def _only_border(wrong: Array, axes: str) -> bool:
    inner = wrong[tuple(slice(1, -1) if letter in "HW" else slice(None) for letter in axes)]
    return bool(wrong.any() and inner.size and not inner.any())


def _example(claimed: Array, truth: Array, wrong: Array) -> str:
    far = np.where(wrong, np.abs(claimed - truth), -1.0)
    place = np.unravel_index(int(np.nanargmax(np.where(np.isnan(far), np.inf, far))), wrong.shape)
    where = ", ".join(str(int(i)) for i in place)
    return f"at [{where}] it is {claimed[place]:.6g} and must be {truth[place]:.6g}"
