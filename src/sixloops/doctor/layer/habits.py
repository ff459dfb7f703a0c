"""What a layer must not do beside computing: overwrite, remember, mix, change settings."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from sixloops.doctor.layer.axes import reorder
from sixloops.doctor.layer.gradients import Gradients
from sixloops.doctor.layer.guard import Guard, Trouble
from sixloops.doctor.layer.losses import PROBABILITIES
from sixloops.doctor.layer.mistakes.base import JAVA, NUMPY_POOLING, POST_316354, about
from sixloops.doctor.layer.models import Model
from sixloops.doctor.layer.recognise import REARRANGEMENT
from sixloops.doctor.layer.session import Session
from sixloops.doctor.layer.settings import Setting
from sixloops.doctor.layer.trials import Laboratory, Trial, problem_of
from sixloops.doctor.verdict import Diagnosis, Finding
from sixloops.engine.places import Place
from sixloops.layers import Layer
from sixloops.layers.base import (
    Array,
    Context,
    Shape,
    initial_part_parameters,
    initial_part_state,
    part_output_shape,
)

OTHER_PLACE = 100
"""Where random numbers begin that must differ from those at 0."""
UPDATE = f"{JAVA}#5-the-update"


@dataclass(frozen=True)
class Habit:
    """A bad habit: what was seen, and its name."""

    finding: Finding
    diagnosis: Diagnosis


OVERWRITTEN = about(
    "input-overwritten",
    "forward changes its input in place; the layer before has kept the same array for its own "
    "backward, and finds other numbers in it.",
    "backward needs the x that forward saw",
    "Work on a copy: np.maximum(x, 0) instead of x[x < 0] = 0, x + b instead of x += b.",
    f"{JAVA}#1-backward-of-relu",
    25,
)
ERROR_OVERWRITTEN = about(
    "error-overwritten",
    "backward changes dy in place; who handed it over may need it again (a residual connection "
    "hands the same dy to two layers).",
    "dx is a new array",
    "Work on a copy: dx = dy * mask instead of dy *= mask.",
    f"{JAVA}#1-backward-of-relu",
    25,
)
NOT_CLEARED = about(
    "gradients-not-cleared",
    "A second, identical forward and backward doubles the gradients: they are added to what the "
    "first one left.",
    "each step's gradient is that of its own batch",
    "Set the gradients to 0 at the beginning of backward (or of each step, in a method zero_grad).",
    UPDATE,
    29,
)
STALE = about(
    "stale-cache",
    "The gradients are those of an earlier forward: backward uses something that forward kept "
    "only the first time.",
    "backward belongs to the last forward",
    "Store what backward needs anew in each forward.",
    UPDATE,
)
RANDOM = about(
    "not-repeatable",
    "The same input gives another output each time, so no slope can be measured.",
    "forward must be a function while it is examined",
    "Draw from a generator that the layer keeps (self.random = np.random.default_rng()) or from "
    "np.random, which the doctor sets back; np.empty is no zeros.",
)
MIXED = about(
    "images-mixed",
    "forward mixes the images of a batch: an output of one image depends on another image.",
    "∂y_n/∂x_m = 0 for images n ≠ m",
    "Use transpose to move axes; reshape only cuts the row of numbers elsewhere.",
    f"{POST_316354}#6-how-to-investigate",
    12,
)
TIES = about(
    "ties-all-win",
    "On tied inputs every pixel that has the maximum gets the whole error: dX sums to {ratio} "
    "times dY.",
    "Σ dx = Σ dy: each window hands its error on exactly once",
    "One winner a window: argmax, and not x == max. (Or share it out among the tied.)",
    f"{NUMPY_POOLING}#ties",
    3,
)
TIED_MASS = about(
    "ties-mass",
    "On tied inputs dX sums to {ratio} times dY: errors are lost or doubled where pixels are "
    "equal.",
    "Σ dx = Σ dy: each window hands its error on exactly once",
    "One winner a window: argmax. (Or share it out among the tied.)",
    f"{NUMPY_POOLING}#ties",
    3,
)
SHIFT = about(
    "softmax-shift-of-all",
    "Softmax is shifted by the maximum of the whole array: a row far below it becomes 0 / 0, NaN.",
    "p_i = exp(z_i − m) / Σ_j exp(z_j − m) with m = max_j z_j of the same row",
    "z - z.max(axis=1, keepdims=True).",
    f"{JAVA}#6-all-of-it-together",
    31,
)
LOG_OF_0 = about(
    "log-of-0",
    "The loss takes the logarithm of 0 as soon as a probability is rounded to 0 or 1: log(0) is "
    "−∞, and 0 · log(0) is NaN.",
    "from the scores: ln p_i = z_i − m − ln Σ exp(z_j − m), m the largest; "
    "ln(1 + e^z) = max(z, 0) + ln(1 + e^−|z|)",
    "Compute the logarithm from the scores, or take np.log(np.clip(p, 1e-12, 1 - 1e-12)).",
    f"{JAVA}#6-all-of-it-together",
    32,
)
REFUSED = about(
    "refused-by-fit",
    "A network does not take the layer: {words}",
    "",
    "Let output_shape, initial_parameters, forward and backward agree, in the dtype that they are "
    "given.",
)
GLOBAL = about(
    "global-settings-changed",
    "The layer changes settings of the whole program.",
    "",
    "Leave them alone, or put them back: with np.errstate(...) instead of np.seterr(...).",
)
SEEDED = about(
    "random-seed-set",
    "The layer sets the seed of np.random or random: every other random number of the program "
    "repeats.",
    "",
    "Take a generator of its own: random = np.random.default_rng(seed).",
)


def bad_habits(laboratory: Laboratory, trial: Trial, other: Setting | None) -> Iterator[Habit]:
    """Examine the subject's behaviour on the setting of a trial; ``other`` is another one."""
    examinations = (
        *(_overwriting, _seeding, _repeating, _remembering, _mixing, _ties, _extremes),
        _refusing,
    )
    random = False
    for examine in examinations:
        if random and examine is _remembering:
            continue  # what is drawn anew each time cannot be the same
        try:
            found = examine(laboratory, trial, other)
        except Trouble:
            continue
        if found is not None:
            random = random or found.diagnosis is RANDOM
            yield found
    if laboratory.guard.changed:
        said = "; ".join(
            f"{name}: {_short(what)}" for name, what in laboratory.guard.changed.items()
        )
        yield Habit(Finding("settings", f"changed by the layer: {said}"), GLOBAL)


def _short(words: str) -> str:
    return words if len(words) <= 120 else f"{words[:117]}..."


def _overwriting(laboratory: Laboratory, trial: Trial, other: Setting | None) -> Habit | None:
    x = trial.arrays["x"].copy()
    session = _ready(laboratory, trial)
    session.forward(x)
    if not np.array_equal(x, trial.arrays["x"]):
        share = float((x != trial.arrays["x"]).mean())
        return Habit(Finding("x", f"{share:.0%} of the input's numbers changed"), OVERWRITTEN)
    dy, kept = trial.dy.copy(), x.copy()
    session.backward(dy)
    if not np.array_equal(dy, trial.dy):
        share = float((dy != trial.dy).mean())
        return Habit(Finding("dY", f"{share:.0%} of its numbers changed"), ERROR_OVERWRITTEN)
    if not np.array_equal(x, kept):
        return Habit(Finding("x", "backward changed the input"), OVERWRITTEN)
    return None


def _ready(laboratory: Laboratory, trial: Trial) -> Session:
    """Return a session with the trial's arrays."""
    session = laboratory.session(trial.setting, 0, trial.arrays["x"])
    _reset(session, trial)
    return session


def _reset(session: Session, trial: Trial) -> None:
    for name, array in trial.arrays.items():
        if name != "x":
            session.set(name, array)


def _seeding(laboratory: Laboratory, trial: Trial, other: Setting | None) -> Habit | None:
    session = _ready(laboratory, trial)
    generator = _seeded(laboratory.guard, lambda: session.forward(trial.arrays["x"].copy()))
    if not generator:
        return None
    return Habit(Finding(generator, "its state after forward is always the same"), SEEDED)


def _seeded(guard: Guard, call: Callable[[], object]) -> str:
    """Return the generator that a call leaves in the same state whatever it was before, or ""."""
    states = []
    try:
        for guard.seed in (1, 2):
            call()
            states.append(guard.left)
    finally:
        guard.seed = None
    alike = (one == two for one, two in zip(*states, strict=True))
    return next((name for name, same in zip(GENERATORS, alike, strict=True) if same), "")


def seeding_note(laboratory: Laboratory, trial: Trial) -> str:
    """Return a remark on a constructor that sets a seed; empty for any other."""
    if laboratory.plan.constructor is not None:
        return ""
    arguments = trial.setting.arguments
    generator = _seeded(laboratory.guard, lambda: laboratory.holder(arguments))
    return SEEDED_AT_FIRST.format(generator) if generator else ""


SEEDED_AT_FIRST = (
    "The constructor sets the seed of {}: layers of one shape begin with the same weights, and "
    "every other random number of the program repeats. Take a generator of its own: "
    "np.random.default_rng(seed)."
)
GENERATORS = "np.random", "random"
"""The program's generators, as a guard names where a call left them."""


def _repeating(laboratory: Laboratory, trial: Trial, other: Setting | None) -> Habit | None:
    y = _ready(laboratory, trial).forward(trial.arrays["x"].copy())
    if np.array_equal(y, trial.y, equal_nan=True) or np.allclose(y, trial.y, rtol=1e-9):
        return None
    return Habit(Finding("forward", "two runs from the same arrays differ"), RANDOM)


def _same(left: Gradients, right: Gradients, times: float = 1.0) -> bool:
    """Say whether two backwards claimed the same numbers, but for a factor."""
    both = [(left.arrays[name], right.arrays.get(name)) for name in left.arrays]
    return all(_close(one, other, times) for one, other in both if _is_numbers(one))


def _is_numbers(value: object) -> bool:
    try:
        return np.asarray(value).dtype.kind in "fiu"
    except ValueError:
        return False


def _close(left: object, right: object, times: float) -> bool:
    if not _is_numbers(right):
        return False
    one, other = times * np.asarray(left), np.asarray(right)
    scale = float(np.abs(np.nan_to_num(one)).max(initial=0.0)) or 1.0
    return one.shape == other.shape and bool(
        np.allclose(one, other, rtol=0, atol=1e-6 * scale, equal_nan=True)
    )


def _remembering(laboratory: Laboratory, trial: Trial, other: Setting | None) -> Habit | None:
    """Run twice on one object: the same again, and after another input of another size."""
    found = _remembered(laboratory, trial, other, Session.clear)
    if found is None or found.diagnosis is not NOT_CLEARED:
        return found
    return found if _adds_up_for_ever(laboratory, trial, other) else None


def _adds_up_for_ever(laboratory: Laboratory, trial: Trial, other: Setting | None) -> bool:
    """Say whether gradients are added up even where the layer's own update is called between."""
    try:
        session = _ready(laboratory, trial)
        session.forward(trial.arrays["x"].copy())
        session.backward(trial.dy.copy())
        if not session.update():
            return True
        return _remembered(laboratory, trial, other, Session.update) is not None
    except Trouble:
        return True


def _remembered(
    laboratory: Laboratory, trial: Trial, other: Setting | None, clear: Callable[[Session], bool]
) -> Habit | None:
    """Do the same with one way to clear gradients between two steps."""
    session = _ready(laboratory, trial)
    results = []
    for _ in range(2):
        clear(session)
        _reset(session, trial)
        session.forward(trial.arrays["x"].copy())
        results.append(_copied(session.backward(trial.dy.copy())))
    changed = [
        n for n in results[0].arrays if not _same(_only(results[0], n), _only(results[1], n))
    ]
    if changed and all(_same(_only(results[0], n), _only(results[1], n), 2.0) for n in changed):
        said = ", ".join(f"d{n}" if n != "x" else "dX" for n in changed)
        return Habit(Finding(said, "2.000 times as large the second time"), NOT_CLEARED)
    if changed:
        return Habit(Finding("backward", "it gives something else the second time"), STALE)
    shapes = [trial.setting.shape] if other is None else [trial.setting.shape, other.shape]
    found = (_after_another(laboratory, trial, shape, clear) for shape in shapes)
    return next((habit for habit in found if habit is not None), None)


@contextlib.contextmanager
def _other_numbers(guard: Guard) -> Iterator[None]:
    """Let random numbers be others, such as those of a mask that must not be kept."""
    guard.seed = OTHER_PLACE
    try:
        yield
    finally:
        guard.seed = None


def _after_another(
    laboratory: Laboratory, trial: Trial, shape: Shape, clear: Callable[[Session], bool]
) -> Habit | None:
    """Forward another input, then this one: backward must belong to this one."""
    session = _ready(laboratory, trial)
    clear(session)
    _reset(session, trial)
    before = np.random.default_rng(9).normal(size=shape)
    with _other_numbers(laboratory.guard):
        try:
            y = session.forward(before)
            session.backward(np.random.default_rng(10).normal(size=y.shape))
        except Trouble:
            session = _ready(laboratory, trial)
            session.forward(np.random.default_rng(9).normal(size=trial.arrays["x"].shape))
    clear(session)
    _reset(session, trial)
    session.forward(trial.arrays["x"].copy())
    if _same(trial.claimed, session.backward(trial.dy.copy())):
        return None
    seen = "after a forward of another input, backward gives something else"
    return Habit(Finding("backward", seen), STALE)


def _only(found: Gradients, name: str) -> Gradients:
    return Gradients({name: found.arrays[name]} if name in found.arrays else {})


def _copied(found: Gradients) -> Gradients:
    return Gradients({n: copy.deepcopy(a) for n, a in found.arrays.items()})


def _mixing(laboratory: Laboratory, trial: Trial, other: Setting | None) -> Habit | None:
    """Change one image at a time; outputs of the others must not care, unless all do."""
    setting = other or trial.setting
    core = None if trial.model is None else trial.model.core
    recognised = core is not None and not core.fault and core.kind != REARRANGEMENT
    if recognised or "N" not in setting.axes:
        return None
    if _is_moved_between(trial):
        said = "the numbers of an image are spread over the outputs of several"
        return Habit(Finding("forward", said), MIXED)
    axis, x = setting.axes.index("N"), laboratory.input(setting, 0)
    session = laboratory.session(setting, 0, x)
    y = session.forward(x.copy()).copy()
    count = x.shape[axis]
    if count < 2 or y.ndim != x.ndim or y.shape[axis] != count or not np.isfinite(y).all():
        return None
    if trial.y.shape[axis] != trial.arrays["x"].shape[axis]:
        return None  # then it is no axis of images
    depends = np.zeros((count, count), dtype=bool)
    for source in range(count):
        moved = x.copy()
        moved[(slice(None),) * axis + (source,)] += 1.0
        change = np.moveaxis(session.forward(moved) != y, axis, 0)
        depends[:, source] = change.reshape(count, -1).any(axis=1)
    off = depends & ~np.eye(count, dtype=bool)
    # Where every output depends on every image, it is a statistic of the batch.
    return Habit(_mixed_words(depends), MIXED) if off.any() and not depends.all() else None


def _is_moved_between(trial: Trial) -> bool:
    """Say whether forward only moves numbers, but from one image to another."""
    x, y = trial.arrays["x"], trial.y
    if trial.setting.axes[0] != "N" or y.ndim < 2 or len(y) != len(x) or y.size != x.size:
        return False
    if not np.array_equal(np.sort(x, axis=None), np.sort(y, axis=None)):
        return False
    ours, theirs = (np.sort(a.reshape(len(x), -1), axis=1) for a in (x, y))
    return not np.array_equal(ours, theirs)


def _mixed_words(depends: Array) -> Finding:
    pairs = [(int(n), int(m)) for n, m in np.argwhere(depends) if n != m]
    n, m = pairs[0]
    return Finding("forward", f"the output of image {n} changes when image {m} does")


def _ties(laboratory: Laboratory, trial: Trial, other: Setting | None) -> Habit | None:
    """On tied inputs, max pooling's dX must still sum to dY."""
    if trial.model is None or trial.model.core.kind not in ("max pooling", "min pooling"):
        return None
    if trial.model.words != trial.model.core.words:
        return None
    session = _ready(laboratory, trial)
    x = np.random.default_rng(6).integers(-1, 1, size=trial.arrays["x"].shape).astype(np.float64)
    y = session.forward(x.copy())
    dy = np.abs(np.random.default_rng(7).normal(size=y.shape)) + 0.5
    dx = session.backward(dy.copy()).arrays.get("x")
    if dx is None or np.shape(dx) != x.shape:
        return None
    mass = float(np.sum(dx) / dy.sum())
    usual = float(np.sum(trial.claimed.arrays["x"]) / trial.dy.sum())
    if abs(mass - 1) < 1e-3 or abs(usual - 1) > 1e-3:
        return None
    all_win = abs(mass - _mass_where_all_win(trial.model, x, dy)) < 1e-3 * mass
    said = TIES if all_win else TIED_MASS
    named = replace(said, sentence=said.sentence.replace("{ratio}", f"{mass:.3f}"))
    return Habit(Finding("dX", f"on tied inputs Σ dX = {mass:.3f} · Σ dY", {"mass": mass}), named)


def _mass_where_all_win(model: Model, x: Array, dy: Array) -> float:
    """Return Σ dX / Σ dY where every pixel that has the window's maximum gets all of dy."""
    inner, errors = reorder(x, model.x_axes, model.inner), reorder(dy, model.y_axes, model.inner)
    window = model.core.window(inner)
    if window is None:
        return 1.0
    sign = -1.0 if model.core.kind == "min pooling" else 1.0
    patches = window.gather(sign * inner)
    winners = (patches == patches.max(axis=(2, 3), keepdims=True)).sum(axis=(2, 3))
    return float((winners * errors).sum() / errors.sum())


def _refusing(laboratory: Laboratory, trial: Trial, other: Setting | None) -> Habit | None:
    """Put a sixloops layer into a network's place, which holds it to its own words."""
    layer = laboratory.holder(trial.setting.arguments)
    if not isinstance(layer, Layer):
        return None
    x = trial.arrays["x"].astype(np.float32)
    try:
        laboratory.guard.call(_placed, layer, x, _is_whole(trial))
    except Trouble as trouble:
        words = trouble.words.partition(": ")[2]
        diagnosis = replace(REFUSED, sentence=REFUSED.sentence.replace("{words}", words))
        return Habit(Finding("in a network", words), diagnosis)
    return None


def _is_whole(trial: Trial) -> bool:
    """Say whether backward gave each gradient in a form that could be read."""
    claimed = trial.claimed.arrays
    return not any(problem_of(claimed.get(name), a.shape) for name, a in trial.arrays.items())


def _placed(layer: Layer, x: Array, back: bool) -> None:
    """Run a layer as a network does: forward, and ``back``."""
    shape, path, random = x.shape[1:], "0", np.random.default_rng(0)
    parameters = initial_part_parameters(layer, path, shape, random, x.dtype)
    state = initial_part_state(layer, path, shape, x.dtype)
    place = Place(path, layer, shape, part_output_shape(layer, path, shape))
    y, backward = place.forward(x, parameters, Context(True, random, state))
    if back:
        backward(np.ones_like(y))


def overflow_note(laboratory: Laboratory, trial: Trial) -> str:
    """Return a remark on a softmax that is right, but overflows; empty for any other."""
    if not trial.words.endswith("softmax") or trial.forward_fault:
        return ""
    try:
        overflows = not _finite(laboratory, trial)(trial.arrays["x"] + FAR)
    except Trouble:
        return ""
    return OVERFLOWS if overflows else ""


OVERFLOWS = (
    "Softmax overflows: at scores of 1000 its exponentials are infinite, and it gives NaN. "
    "Subtract each row's largest score first, z - z.max(axis=1, keepdims=True); the "
    "probabilities stay the same."
)
FAR, SURE = 1000.0, 40.0
"""A difference of scores at which exp(−z) is 0; scores at which σ(z) rounds to 0 or 1."""


def _finite(laboratory: Laboratory, trial: Trial) -> Callable[[Array], bool]:
    """Return a function that says whether forward's output for an input is finite."""
    session = _ready(laboratory, trial)
    return lambda point: bool(np.isfinite(session.forward(point)).all())


def _extremes(laboratory: Laboratory, trial: Trial, other: Setting | None) -> Habit | None:
    """See whether softmax and logarithms stay finite where probabilities are rounded."""
    softmax = trial.words.startswith("softmax")
    if not softmax and trial.loss is None:
        return None
    finite, x = _finite(laboratory, trial), trial.arrays["x"]
    if softmax and "N" in trial.setting.axes and finite(x + FAR):
        one = np.arange(x.shape[trial.setting.axes.index("N")]) == 0
        shape = [len(one) if letter == "N" else 1 for letter in trial.setting.axes]
        if not finite(x + FAR * one.reshape(shape)):
            return Habit(Finding("forward", "NaN where images' scores differ by 1000"), SHIFT)
    if trial.loss is None:
        return None
    takes_probabilities = trial.loss.loss.kind in PROBABILITIES
    sure = trial.loss.orient(trial.loss.t) if takes_probabilities else SURE * np.sign(x)
    if finite(sure):
        return None
    where = "probabilities of exactly 0 and 1" if takes_probabilities else f"scores of ±{SURE:.0f}"
    return Habit(Finding("forward", f"NaN or infinite at {where}"), LOG_OF_0)
