"""The search for an input that the subject takes, and for what its forward computes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from sixloops.doctor.layer.budget import Budget
from sixloops.doctor.layer.guard import Trouble
from sixloops.doctor.layer.losses import PROBABILITIES, recognise_loss
from sixloops.doctor.layer.models import Model
from sixloops.doctor.layer.recognise import OF_ALL, recognise
from sixloops.doctor.layer.session import Session
from sixloops.doctor.layer.settings import Labels, Setting, settings
from sixloops.doctor.layer.trials import Laboratory
from sixloops.errors import ConfigurationError
from sixloops.layers.base import Array, Shape

SECONDS = 1.0
MANY = 400
NOT_FINITE, FINITE, UNDERSTOOD = range(3)


@dataclass(frozen=True)
class Attempt:
    """A setting with which forward works.

    Args:
        setting: the setting.
        model: what forward is, where it was recognised.
        quality: how good the output is.
        back: whether backward takes an error of the output's shape.
        fits: whether the gradients have the shapes of what they are the gradients of.
    """

    setting: Setting
    model: Model | None
    quality: int
    back: bool = True
    fits: bool = True

    @property
    def is_final(self) -> bool:
        """Say whether to look no further."""
        known = _is_right(self.model) or self.setting.labels is not None
        return known and self.quality == UNDERSTOOD and self.back and self.fits

    @property
    def key(self) -> str:
        """Return what is the same for settings of which one is enough."""
        return _key(self.setting)


def _key(setting: Setting) -> str:
    return " ".join(str(setting.sizes.get(letter)) for letter in "NCD") + setting.axes


def begin(
    laboratory: Laboratory, shape: Shape | None, axes: str | None
) -> tuple[Setting, Model | None] | Trouble:
    """Find an input that the subject takes, and what its forward computes.

    Args:
        laboratory: of the subject.
        shape: an input that it takes, where the user said one.
        axes: their order, where the user said it.

    Returns:
        The first setting whose forward is recognised, else the first that works; the last
        trouble where none does.
    """
    holder = laboratory.holder(laboratory.plan.arguments)
    tried = list(islice(settings(laboratory.plan, holder, shape, axes), MANY))
    if shape and not tried:
        raise ConfigurationError(
            "The input must have one to four axes, or as many as 'axes' has letters. "
            f"Got the shape {shape}{f' and the axes {axes}' if axes else ''}."
        )
    search = _Search(laboratory)
    found = search.run(tried)
    if isinstance(found, Trouble):
        return found
    laboratory.doubted = search.doubted(found)
    if found.quality != UNDERSTOOD:
        laboratory.positive = True
        again = _Search(laboratory).run(tried)
        if isinstance(again, Trouble) or again.quality <= found.quality:
            laboratory.positive = False
        else:
            found = again
    return found.setting, found.model


@dataclass
class _Search:
    """What was found so far.

    Args:
        laboratory: of the subject.
        recognised: the first attempt whose forward is known and right.
        working: the first of each key whose backward works, too.
        stuck: the same whose backward raised.
    """

    laboratory: Laboratory
    recognised: Attempt | None = None
    working: dict[str, Attempt] = field(default_factory=dict)
    stuck: dict[str, Attempt] = field(default_factory=dict)

    def run(self, tried: Sequence[Setting]) -> Attempt | Trouble:
        """Try one setting after the other, as long as there is time."""
        budget = Budget(SECONDS)
        trouble: Trouble | None = None
        for setting in tried:
            if self._is_enough(setting):
                break
            if self._is_needless(setting):
                continue
            try:
                found = _attempt(self.laboratory, setting)
            except Trouble as error:
                # An error in forward says more than that a shape does not suit.
                if trouble is None or trouble.where or not error.where:
                    trouble = error
                if error.kind in ("endless", "exited"):
                    return error
                continue
            if found is not None:
                self._keep(found)
                if found.is_final:
                    return found
            if budget.is_over():
                break
        return self._best() or trouble or Trouble("raised", "nothing was tried")

    def doubted(self, found: Attempt) -> list[Setting]:
        """Return what forward took before, and where it was another or backward raised."""
        first, passed = self.recognised, []
        if first is not None and first is not found and not first.back:
            passed = [first] if first.setting.axes == found.setting.axes else []
        if found.model is not None and found.model.is_of_each_number:
            passed += self.working.values()
        return [each.setting for each in passed if not each.setting.shapes][:1]

    def _is_enough(self, setting: Setting) -> bool:
        """Say whether no setting from this one on is of use."""
        if self.recognised is None:
            # Single images are for code that takes nothing else.
            return bool(self.working or self.stuck) and setting.sizes.get("N") == 1
        known = self.recognised.setting
        # Where only a gradient's shape was not right, other shapes of drawn arrays may be.
        same = (setting.axes, setting.sizes) == (known.axes, known.sizes)
        return not self.recognised.fits and not same

    def _is_needless(self, setting: Setting) -> bool:
        if _key(setting) in self.working or _key(setting) in self.stuck:
            return True
        # One target for each image is for losses that take nothing else.
        return bool(self.working) and setting.labels == Labels("row")

    def _keep(self, found: Attempt) -> None:
        if _is_right(found.model):
            self.recognised = self.recognised or found
        else:
            (self.working if found.back else self.stuck).setdefault(found.key, found)

    def _best(self) -> Attempt | None:
        """Return what is known; else what works, unless something of more axes raised."""
        if self.recognised is not None:
            return self.recognised
        first = next(iter(self.stuck.values()), None)
        axes = 0 if first is None else len(first.setting.axes)
        good = [found for found in self.working.values() if len(found.setting.axes) >= axes]
        return next((found for found in good if found.fits), next(iter(good), first))


def _attempt(laboratory: Laboratory, setting: Setting) -> Attempt | None:
    """Run forward and backward with one setting."""
    session, x = laboratory.session(setting, 0), laboratory.input(setting, 0)
    y = session.forward(x.copy()).copy()
    finite = bool(np.isfinite(y).all())
    if setting.labels:
        known = recognise_loss(x, session.labels, y, setting.axes)
        # Between 0 and 1 other losses may look like one that they are not.
        sure = known is not None and (known.loss.kind in PROBABILITIES) == laboratory.positive
        understood = sure and _back(session, y)[0]
        # A loss that is not understood may want probabilities.
        good = UNDERSTOOD if understood else FINITE if finite else NOT_FINITE
        return Attempt(setting, None, good)
    if not y.size:
        return None
    model = next(recognise(x, y, session.parameters, setting.axes), None)
    good = UNDERSTOOD if finite or model is not None else NOT_FINITE
    return Attempt(setting, model, good, *_back(session, y))


def _is_right(model: Model | None) -> bool:
    """Say whether this is what forward must be; what is no softmax of a batch may be one's."""
    return model is not None and model.core.fault != OF_ALL


def _back(session: Session, y: Array) -> tuple[bool, bool]:
    """Say whether backward takes such an error, and whether its gradients fit the learnt arrays.

    One that never ends takes it, too.
    """
    drawn = {name: np.shape(array) for name, array in session.parameters.items()}
    try:
        claimed = session.backward(np.ones_like(y)).arrays
    except Trouble as trouble:
        return trouble.kind != "raised", True
    given = {n: np.shape(claimed[n]) for n in drawn if isinstance(claimed.get(n), np.ndarray)}
    return True, all(shape == drawn[name] for name, shape in given.items())
