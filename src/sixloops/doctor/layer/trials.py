"""One examination of the subject: on one shape, forward, backward, and the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import numpy as np

from sixloops.doctor.layer import vocabulary as words
from sixloops.doctor.layer.axes import reorder
from sixloops.doctor.layer.budget import Budget
from sixloops.doctor.layer.gradients import Gradients
from sixloops.doctor.layer.guard import Guard, Trouble
from sixloops.doctor.layer.losses import LossCase, recognise_loss
from sixloops.doctor.layer.mistakes import Case
from sixloops.doctor.layer.models import Model
from sixloops.doctor.layer.partial import blamed
from sixloops.doctor.layer.plan import Plan
from sixloops.doctor.layer.recognise import recognise
from sixloops.doctor.layer.session import RATE, Session, made
from sixloops.doctor.layer.settings import Setting
from sixloops.doctor.layer.slopes import (
    COARSE,
    DIRECTIONS,
    Ruler,
    differences_along,
    own_slopes,
    ratio_along,
    whole_gradient,
)
from sixloops.doctor.layer.vocabulary import own_name, plain
from sixloops.doctor.layer.where import RATIO_HOLDS, differences
from sixloops.doctor.verdict import Diagnosis
from sixloops.layers import Layer
from sixloops.layers.base import Array, Shape

EXACT, ROUNDED = 1e-7, 3e-4
SLOPES_EXACT, SLOPES_ROUNDED = 2e-5, 5e-2
MEASURING_SECONDS = (0.45, 0.3)
RATIO_AT_LEAST = 1e-4
MANY_ALIKE = 4


@dataclass
class Trial:
    """What one examination found.

    Args:
        setting: the shape and the arguments.
        arrays: ``"x"`` and the learnt arrays by name.
        y: the output.
        dy: the random cotangent.
        claimed: what backward gave.
        model: what forward computes, where it was recognised.
        truth: the right gradients; NaN where they are not known.
        tolerance: relative, to which gradients are compared.
        case: the model's forward, where there is a model.
        loss: what a loss computes, where it was recognised.
        slopes: f′ of an unknown function of each number by itself, where measured.
        slopes_at_output: the same at y.
        partial: by array whose gradient is wrong by slopes, the mistake by which it is that of
            another error; None for no such mistake.
        apart: by array whose gradient is wrong along random directions, and whose entries could
            not all be measured, by how much of its size it differs.
        read_as: by array whose gradient was returned at the place of another of the same shape,
            that other.
    """

    setting: Setting
    arrays: dict[str, Array]
    y: Array
    dy: Array
    claimed: Gradients
    model: Model | None = None
    truth: dict[str, Array] = field(default_factory=dict)
    tolerance: float = EXACT
    case: Case | None = None
    loss: LossCase | None = None
    slopes: Array | None = None
    slopes_at_output: Array | None = None
    partial: dict[str, Diagnosis | None] = field(default_factory=dict)
    apart: dict[str, float] = field(default_factory=dict)
    read_as: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """Say what forward computes; empty where that is not known."""
        return self.model.words if self.model else self.loss.words if self.loss else ""

    @property
    def forward_fault(self) -> str:
        """Return the id of a mistake in the forward itself; empty for none."""
        if self.model:
            return self.model.core.fault
        return self.loss.loss.fault if self.loss else ""

    @property
    def names(self) -> list[str]:
        """Return ``"x"`` and the learnt arrays' names."""
        return list(self.arrays)

    def gradient(self, name: str) -> Array | None:
        """Return a claimed gradient as an array of the right shape, or None.

        One number for a whole learnt array is taken for each of its entries.
        """
        value, shape = (
            self.claimed.arrays.get(self.read_as.get(name, name)),
            self.arrays[name].shape,
        )
        if value is not None and name != "x" and not problem_of(value, ()):
            return np.full(shape, float(np.asarray(value).item()))
        if value is None or problem_of(value, shape):
            return None
        return np.asarray(value, dtype=np.float64).reshape(self.arrays[name].shape)


def problem_of(value: Any, shape: Shape) -> str:
    """Say why a value cannot be a gradient of an array of ``shape``; empty if it can."""
    try:
        array = np.asarray(value)
    except ValueError:
        return "it is no array"
    if array.dtype.kind not in "fiu":
        return f"it is {'None' if value is None else type(value).__name__}, and no array of numbers"
    if array.shape != shape and not (array.size == 1 == int(np.prod(shape))):
        return f"its shape is {array.shape}, and must be {shape}"
    if not np.isfinite(array).all():
        share = float((~np.isfinite(array)).mean())
        return f"{share:.0%} of its numbers are NaN or infinite"
    return ""


class Laboratory:
    """Makes sessions and trials of one subject.

    Args:
        plan: how it is called.
        guard: through which it is called.

    Attributes:
        positive: whether inputs are above 0, as forward takes no other.
        doubted: settings that forward took and where it was not what it was recognised as on
            another, or where backward raised.
        stuck: what backward raised where forward worked.
    """

    def __init__(self, plan: Plan, guard: Guard) -> None:
        self.plan = plan
        self.guard = guard
        self.doubted: list[Setting] = []
        self.stuck: list[Trouble] = []
        self.positive = False
        self._measurements = 0

    def holder(self, arguments: Mapping[str, Any]) -> Any:
        """Return a fresh object to look at; None where there is none without arrays."""
        if self.plan.constructor is not None:
            return None
        return made(self.plan, self.guard, arguments, {})

    def draw(self, setting: Setting, seed: int) -> dict[str, Array]:
        """Draw the learnt arguments."""
        random = np.random.default_rng([seed, 2])
        if self.plan.fixed:
            return {n: np.array(v, dtype=np.float64) for n, v in self.plan.fixed.items()}
        return {n: random.normal(size=s) for n, s in setting.shapes.items()}

    def input(self, setting: Setting, seed: int) -> Array:
        """Draw an input; above 0 where forward takes no other."""
        x = setting.scale * np.random.default_rng([seed, 1]).normal(size=setting.shape)
        if self.positive and setting.labels:  # a loss of probabilities
            return np.random.default_rng([seed, 1]).uniform(0.1, 0.9, size=setting.shape)
        return np.abs(x) + 0.5 if self.positive else x

    def session(self, setting: Setting, seed: int, x: Array | None = None) -> Session:
        """Return a session whose learnt arrays are drawn at random.

        Raises:
            Trouble: the subject does not work with this setting.
        """
        given = self.input(setting, seed) if x is None else x
        arrays = self.draw(setting, seed)
        probe = Session(self.plan, self.guard, setting.arguments, arrays)
        labels = setting.labels.draw(setting, seed) if setting.labels else None
        probe.labels = labels
        probe.find_learnt(given.copy())
        session = Session(self.plan, self.guard, setting.arguments, arrays)
        session.by_call, session.learnt = dict(probe.by_call), probe.learnt
        session.labels = labels
        if any(name not in session.stored() for name in probe.learnt):
            session.forward(given.copy())  # it makes its arrays in the first forward
        random = np.random.default_rng([seed, 3])
        for name, array in session.parameters.items():
            if name in session.learnt or isinstance(session.holder, Layer):
                session.set(name, random.normal(size=array.shape))
        return session

    def trial(self, setting: Setting, seed: int, like: Model | None) -> Trial:
        """Run forward and backward on a fresh session.

        Args:
            setting: what to feed it.
            seed: of everything random.
            like: what forward was recognised to compute elsewhere; None for unknown.

        Raises:
            Trouble: the subject does not work with this setting.
        """
        x = self.input(setting, seed)
        session = self.session(setting, seed, x)
        arrays = {"x": x, **{n: a.astype(np.float64) for n, a in session.parameters.items()}}
        y = session.forward(x.copy()).copy()
        dy = np.random.default_rng([seed, 4]).normal(size=y.shape)
        if setting.labels:
            dy = np.ones(y.shape)  # a loss is the end: its own error is 1
        try:
            claimed = session.backward(dy.copy())
        except Trouble as trouble:
            trouble.where = trouble.where or "backward"
            raise
        trial = Trial(setting, arrays, y, dy, claimed)
        trial.model = None if like is None else self.model(trial, like)
        given = [claimed.arrays[n] for n in trial.names if trial.gradient(n) is not None]
        rounded = _single_precision(y) or any(_single_precision(np.asarray(a)) for a in given)
        trial.tolerance = ROUNDED if rounded else EXACT
        if setting.labels:
            trial.loss = recognise_loss(x, session.labels, y, setting.axes)
        if trial.loss is not None:
            trial.tolerance = SLOPES_ROUNDED if rounded else SLOPES_EXACT
            trial.truth["x"] = trial.loss.truth
        elif trial.model is not None:
            trial.tolerance = max(trial.tolerance, trial.model.core.tolerance)
            _know_the_truth(trial, trial.model, session.rate())
        else:
            self._measure(trial, seed, rounded)
        trial.read_as = _other_order(trial)
        return trial

    def model(self, trial: Trial, like: Model) -> Model | None:
        """Recognise the forward as the same kind again."""
        learnt = {name: a for name, a in trial.arrays.items() if name != "x"}
        found = recognise(trial.arrays["x"], trial.y, learnt, trial.setting.axes)
        for model in found:
            if model.core.kind == like.core.kind:
                return model
        return None

    def _measure(self, trial: Trial, seed: int, rounded: bool) -> None:
        """Find the truth by slopes: along random directions, and where they differ, everywhere."""
        ruler = COARSE if rounded else Ruler()
        trial.tolerance = SLOPES_ROUNDED if rounded else SLOPES_EXACT
        random, budget = np.random.default_rng([seed, 5]), Budget(self._seconds())
        measured = False
        for name, point in trial.arrays.items():
            claimed = trial.gradient(name)
            function = self._function(trial, name, seed)
            if claimed is None:
                continue
            if not np.array_equal(function(point), function(point), equal_nan=True):
                return  # random outputs have no slopes
            apart = differences_along(function, point, claimed, trial.dy, ruler, random)
            if apart and max(apart) <= trial.tolerance:
                trial.truth[name] = claimed
                continue
            truth = _by_ratio(trial, name, claimed, function, ruler, random)
            trial.partial[name] = self._partial(trial, name, function, ruler, random)
            if truth is not None:
                trial.truth[name] = truth
                continue
            trial.slopes = own_slopes(function, point, ruler, random) if name == "x" else None
            if trial.slopes is not None:
                trial.truth[name] = trial.dy * trial.slopes
                trial.slopes_at_output = own_slopes(function, trial.y, ruler, random)
            elif self._seconds():
                trial.truth[name] = whole_gradient(function, point, trial.dy, ruler, budget)
                measured = True
            if trial.slopes is None and (name not in trial.truth or budget.is_over()):
                # One direction may cross kinks that its two sides hide; the middle of several not.
                again = differences_along(function, point, claimed, trial.dy, ruler, random)
                middle = float(np.median(again)) if len(again) == DIRECTIONS else 0.0
                trial.apart.update({name: middle} if middle > trial.tolerance else {})
        self._measurements += measured

    def _seconds(self) -> float:
        """Return how long the next measurement of every entry may take; 0 for no more."""
        return dict(enumerate(MEASURING_SECONDS)).get(self._measurements, 0.0)

    @staticmethod
    def _partial(
        trial: Trial,
        name: str,
        function: Callable[[Array], Array],
        ruler: Ruler,
        random: np.random.Generator,
    ) -> Diagnosis | None:
        """See whether a wrong gradient is that of a part of the error."""
        point, claimed = trial.arrays[name], trial.gradient(name)
        if claimed is None or trial.setting.labels:
            return None

        def agrees(dy: Array) -> bool:
            apart = differences_along(function, point, claimed, dy, ruler, random)
            return len(apart) > 1 and max(apart) <= trial.tolerance

        return blamed(name, trial.dy, trial.setting, agrees) if np.any(claimed) else None

    def _function(self, trial: Trial, name: str, seed: int) -> Callable[[Array], Array]:
        """Return the forward as a function of one of its arrays."""
        session = self.session(trial.setting, seed, trial.arrays["x"])

        def function(point: Array) -> Array:
            for other, array in trial.arrays.items():
                if other != "x":
                    session.set(other, point if other == name else array, exact=True)
            return session.forward((point if name == "x" else trial.arrays["x"]).copy())

        return function


def _by_ratio(
    trial: Trial,
    name: str,
    claimed: Array,
    function: Callable[[Array], Array],
    ruler: Ruler,
    random: np.random.Generator,
) -> Array | None:
    """Return the truth of which a wrong gradient is a multiple; None where it is none."""
    point = trial.arrays[name]
    ratio = ratio_along(function, point, claimed, trial.dy, ruler, random)
    if ratio is None or abs(ratio) <= RATIO_AT_LEAST or abs(ratio - 1) <= trial.tolerance:
        return None
    truth: Array = claimed / ratio
    apart = differences_along(function, point, truth, trial.dy, ruler, random)
    return truth if apart and max(apart) <= min(10 * trial.tolerance, RATIO_HOLDS) else None


def _know_the_truth(trial: Trial, model: Model, rate: float | None) -> None:
    """Fill in the exact gradients of a recognised layer."""
    trace = model.run(model.inside(trial.arrays))
    dy = reorder(trial.dy, model.y_axes, model.inner)
    roles = trace.core_backward(trace.activation_backward(dy))
    names = {"x": "x", **{role: place[0] for role, place in model.places.items()}}
    for role, array in roles.items():
        name = names[role]
        trial.truth[name] = model.outside(role, array, trial.arrays[name].shape)
    axes = model.x_axes if model.x_axes != "*" else trial.setting.axes
    images = trial.setting.sizes.get("N", 1) if "N" in axes else 1
    trial.case = Case(trace, dy, roles, images, "N" in model.x_axes, rate or RATE)


def _other_order(trial: Trial) -> dict[str, str]:
    """Find the order in which returned gradients of one shape are all right.

    Returns:
        For each array of another place than its own, whose place it has; nothing where they are
        right as they are, or in no order.
    """
    sources = trial.claimed.sources
    returned = [n for n in trial.names if n != "x" and "returned, number" in sources.get(n, "")]
    for shape in {trial.arrays[name].shape for name in returned}:
        alike = [name for name in returned if trial.arrays[name].shape == shape]
        if len(alike) > MANY_ALIKE or all(_is_right(trial, name, name) for name in alike):
            continue
        for order in permutations(alike):
            pairs = [(n, o) for n, o in zip(alike, order, strict=True) if n != o]
            if all(_is_right(trial, n, o) for n, o in zip(alike, order, strict=True)):
                return dict(pairs)
    return {}


def _is_right(trial: Trial, name: str, place: str) -> bool:
    """Say whether what was returned at an array's place is the gradient of ``name``."""
    claimed, truth = trial.gradient(place), trial.truth.get(name)
    if claimed is None or truth is None or np.isnan(truth).any():
        return False
    return not differences(claimed, truth, trial.tolerance).any()


def _single_precision(array: Array) -> bool:
    if array.dtype == np.float64:
        return bool(array.size) and bool(np.any(array)) and _is_rounded(array)
    return array.dtype.kind == "f"


def _is_rounded(array: Array) -> bool:
    small = array.astype(np.float32).astype(np.float64)
    return bool(np.array_equal(small, array)) and bool((array != np.round(array)).any())


def known_parameter(name: str) -> bool:
    """Say whether a name is one that people give to what is learnt."""
    word = plain(own_name(name))
    return word in words.WEIGHT | words.BIAS | words.GAMMA | words.BETA
