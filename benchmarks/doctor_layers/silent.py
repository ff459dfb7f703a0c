"""Whether a fault does anything at all: the faulty code beside its sound twin, call by call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sixloops.doctor.layer.guard import Guard, Trouble
from sixloops.doctor.layer.plan import plan_for
from sixloops.doctor.layer.search import begin
from sixloops.doctor.layer.settings import Setting, others, variations
from sixloops.doctor.layer.trials import Laboratory
from sixloops.layers.base import Array

FAR = 1000.0
"""By which the first image's scores are raised: where exponentials overflow."""


def is_silent(faulty: Any, sound: Any, hints: Mapping[str, Any]) -> bool:
    """Say whether faulty code does just what its sound twin does, whatever it is given.

    On the sizes and with the windows that the doctor examines, both get the same calls, twice
    on one object each: an ordinary input, one with ties, one with far scores, one with scores
    that are sure. All that comes out is compared: outputs, gradients, and the arrays that were
    handed over.

    Args:
        faulty: as :func:`sixloops.doctor.check_layer` takes it.
        sound: the twin.
        hints: what check_layer must be told.
    """
    both = [_laboratory(subject, hints) for subject in (sound, faulty)]
    found = begin(both[0], hints.get("input_shape"), hints.get("axes"))
    if isinstance(found, Trouble):
        raise RuntimeError(f"The sound twin {sound} cannot be called: {found.words}")
    examined = [found[0], *others(found[0]), *variations(both[0].plan, found[0])]
    return all(_same(*both, setting) for setting in examined)


def _same(sound: Laboratory, faulty: Laboratory, setting: Setting) -> bool:
    left, right = (list(_seen(each, setting)) for each in (sound, faulty))
    return len(left) == len(right) and all(map(_alike, left, right))


def _laboratory(subject: Any, hints: Mapping[str, Any]) -> Laboratory:
    return Laboratory(plan_for(subject, hints.get("arguments", {})), Guard())


def _seen(laboratory: Laboratory, setting: Setting) -> Iterator[Any]:
    """Yield everything that comes out of the same calls."""
    x = laboratory.input(setting, 0)
    first = np.arange(len(x)).reshape(-1, *[1] * (x.ndim - 1)) == 0
    for point in (x, np.round(x), x + FAR * first, 40 * np.sign(x)):
        try:
            session = laboratory.session(setting, 0, x)
            for given in (point, point, x[..., ::-1], point):
                yield from _one_pass(session, given.copy())
        except Trouble as trouble:
            yield trouble.kind


def _one_pass(session: Any, x: Array) -> Iterator[Any]:
    session.clear()
    y = session.forward(x)
    yield y.copy()
    dy = np.ones(y.shape) if session.labels is not None else np.cos(np.arange(y.size)) + 0.5
    dy = dy.reshape(y.shape)
    claimed = session.backward(dy)
    for name in sorted(claimed.arrays):
        yield name, np.copy(claimed.arrays[name])
    yield from (x.copy(), dy.copy())


def _alike(left: Any, right: Any) -> bool:
    if isinstance(left, tuple) and isinstance(right, tuple):
        return bool(left[0] == right[0]) and _alike(left[1], right[1])
    if not (isinstance(left, np.ndarray) and isinstance(right, np.ndarray)):
        return isinstance(left, str) and left == right
    if left.dtype.kind not in "fiub" or right.dtype.kind not in "fiub":
        return bool(left.dtype.kind == right.dtype.kind)
    scale = float(np.abs(np.nan_to_num(left)).max(initial=0.0)) or 1.0
    near = 1e-7 * scale
    if left.shape != right.shape:
        return False
    return bool(np.allclose(left, right, 0, near, equal_nan=True))
