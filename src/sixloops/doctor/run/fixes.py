"""Cures that the doctor can try by itself: changes of a case, by the diagnosis' name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, TypeAlias

import numpy as np

from sixloops.data import Dataset
from sixloops.doctor.run.case import Case
from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.loop import Loop
from sixloops.doctor.run.neighbours import WAYS
from sixloops.doctor.run.own_layers import parent_of
from sixloops.doctor.run.rules.rates import rate_factor
from sixloops.initializers import Constant, He, LeCun
from sixloops.layers import (
    LAYERS,
    BatchNorm,
    Conv2D,
    Dense,
    Layer,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
)
from sixloops.losses import LOSSES, SoftmaxCrossEntropy
from sixloops.network import Network
from sixloops.optimizers import OPTIMIZERS, SGD, Optimizer
from sixloops.regularizers import REGULARIZERS
from sixloops.training import Callback, EvaluateEvery

Fix: TypeAlias = Callable[[Case, Evidence], Case | None]
Change: TypeAlias = Callable[[Case | Loop, Evidence], Case | Loop | None]


def fixed(name: str, case: Case | Loop, evidence: Evidence) -> Case | Loop | None:
    """Return the case with the cure for a diagnosis; None where there is none to try.

    Args:
        name: the diagnosis' id.
        case: the sick one.
        evidence: what was seen of it.
    """
    if name in CHANGES:
        return CHANGES[name](case, evidence)
    # What is inside a loop only its author can mend.
    return None if isinstance(case, Loop) else FIXES.get(name, _own_layers)(case, evidence)


def _lower_rate(case: Case | Loop, evidence: Evidence) -> Case | Loop:
    return case.with_rate(rate_factor(evidence, 0.1))


def _raise_rate(case: Case | Loop, evidence: Evidence) -> Case | Loop:
    return case.with_rate(rate_factor(evidence, 10.0))


def _rescale(case: Case | Loop, evidence: Evidence) -> Case | Loop:
    """Scale inputs to 0 to 1, and take the rate that fits them."""
    factor = 1.0 if evidence.inputs is None else evidence.inputs.factor
    return case.scaled(factor).with_rate(evidence.probes.get("scaled rate", 1.0))


def _shuffle(case: Case | Loop, evidence: Evidence) -> Case | Loop:
    return case.shuffled()


def _unwrap(case: Case | Loop, evidence: Evidence) -> Case | Loop | None:
    shift = evidence.probes.get("unwrapped by")
    if shift is None:
        return None
    return case.with_images(lambda x: ((x.astype(np.int64) + int(shift)) % 256).astype(np.uint8))


def _prepare(case: Case | Loop, evidence: Evidence) -> Case | Loop | None:
    """Prepare held-out images as nearest neighbours liked them best."""
    if evidence.prepared is None or case.validation is None:
        return None
    way, like = WAYS[evidence.prepared[0]], case.data.images
    return case.with_images(lambda x: way(x, like), training=False)


def _renumber(case: Case | Loop, evidence: Evidence) -> Case | Loop | None:
    """Give held-out data the numbers that the training has for its classes."""
    held = case.validation
    if held is None or evidence.numbers is None:
        return None
    names = {label: known for known, label in evidence.numbers.names.items()}
    labels = np.array([names.get(label, label) for label in held.labels.tolist()])
    return replace(case, validation=Dataset(held.images, labels, held.class_count))


def _redraw(case: Case, evidence: Evidence) -> Case:
    """Draw weights anew: He's before ReLU, LeCun's else; biases from 0."""

    def change(layers: Sequence[Layer]) -> list[Layer]:
        rectified = any(
            isinstance(layer, ReLU) or isinstance(getattr(layer, "activation", None), ReLU)
            for layer in layers
        )
        weights = He() if rectified else LeCun()
        begin = {"weight_initializer": weights, "bias_initializer": Constant(0.0)}
        return [replace(x, **begin) if isinstance(x, Conv2D | Dense) else x for x in layers]  # type: ignore[arg-type]

    return case.with_layers(change)


def _rectify(case: Case, evidence: Evidence) -> Case:
    """Put ReLU in the place of sigmoids and tanh, but for the last layer's."""

    def change(layers: Sequence[Layer]) -> list[Layer]:
        kept = list(layers)
        for place, layer in enumerate(kept[:-1]):
            if isinstance(layer, Sigmoid | Tanh):
                kept[place] = ReLU()
            elif isinstance(getattr(layer, "activation", None), Sigmoid | Tanh):
                kept[place] = replace(layer, activation=ReLU())  # type: ignore[call-arg]
        return kept

    return _redraw(case.with_layers(change), evidence)


def _revive(case: Case, evidence: Evidence) -> Case:
    late = all(seen.dead < 0.5 for seen in evidence.first_layers().values())
    return _redraw(case.with_rate(0.1) if late else case, evidence)


def _bare_end(case: Case, evidence: Evidence) -> Case:
    """Take the activation off the last layer."""

    def change(layers: Sequence[Layer]) -> list[Layer]:
        kept = list(layers)
        if isinstance(kept[-1], ReLU | Sigmoid | Tanh | Softmax) or _is_own_softmax(kept[-1]):
            return kept[:-1]
        if getattr(kept[-1], "activation", None) is not None:
            kept[-1] = replace(kept[-1], activation=None)  # type: ignore[call-arg]
        return kept

    return case.with_layers(change)


def _is_own_softmax(layer: Layer) -> bool:
    return type(layer) not in LAYERS.values() and not fields(layer)


def _softmax_once(case: Case, evidence: Evidence) -> Case:
    network = case.network(case.seed)
    own = type(network.loss) not in LOSSES.values()
    return _own_loss(case, evidence) if own else _bare_end(case, evidence)


def _own_loss(case: Case, evidence: Evidence) -> Case:
    """Put sixloops' own loss in the place of the user's."""
    make = case.network

    def network(seed: int) -> Network:
        made = make(seed)
        base = next((k for k in type(made.loss).__mro__ if k in LOSSES.values()), None)
        loss = SoftmaxCrossEntropy() if base is None else base()
        return Network(made.layers, made.input_shape, loss=loss, dtype=made.dtype, seed=seed)

    return replace(case, network=network)


def _own_layers(case: Case, evidence: Evidence) -> Case | None:
    """Put the layers from which the user's derive in their place."""
    if not any(type(x) not in LAYERS.values() and parent_of(x) for x in case.network(0).layers):
        return None

    def change(layers: Sequence[Layer]) -> list[Layer]:
        return [x if type(x) in LAYERS.values() else (parent_of(x) or x) for x in layers]

    return case.with_layers(change)


def _own_optimizer(case: Case, evidence: Evidence) -> Case | None:
    """Put sixloops' optimiser of the same kind in the place of the user's."""
    given: Optimizer = case.option("optimizer")
    kind: type[Optimizer] = next((k for k in type(given).__mro__ if k in OPTIMIZERS.values()), SGD)
    if type(given) is kind:
        return None
    settings: dict[str, Any] = {
        f.name: getattr(given, f.name) for f in fields(kind) if hasattr(given, f.name)
    }
    return case.with_options(optimizer=kind(**settings))


def _own_part(case: Case, evidence: Evidence) -> Case | None:
    """Replace whichever of loss, optimiser and layers is the user's."""
    changed = _own_optimizer(case, evidence)
    if changed is not None:
        return changed
    if type(case.network(case.seed).loss) not in LOSSES.values():
        return _own_loss(case, evidence)
    return _own_layers(case, evidence)


def _decay(case: Case, evidence: Evidence) -> Case:
    """Leave the user's own penalties out: at the right sign theirs may be too strong."""
    kept = [r for r in case.option("regularizers") if type(r) in REGULARIZERS.values()]
    return case.with_options(regularizers=kept)


def _momentum(case: Case, evidence: Evidence) -> Case:
    """Let running statistics follow faster."""

    def change(layers: Sequence[Layer]) -> list[Layer]:
        return [BatchNorm(0.9, x.epsilon) if isinstance(x, BatchNorm) else x for x in layers]

    return case.with_layers(change)


def _count(case: Case, evidence: Evidence) -> Case:
    return replace(case, accuracy=None)


def _evaluate_on_more(case: Case, evidence: Evidence) -> Case:
    def more(callback: Any) -> Any:
        if isinstance(callback, EvaluateEvery) and callback.images is not None:
            return replace(callback, images=max(1000, callback.images))
        return callback

    listed: list[Callback] = [more(each) for each in case.options.get("callbacks", ())]
    return case.with_options(callbacks=listed)


CHANGES: dict[str, Change] = {
    "rate-too-high": _lower_rate,
    "rate-too-low": _raise_rate,
    "inputs-not-scaled": _rescale,
    "inputs-scaled-twice": _rescale,
    "sorted-by-class": _shuffle,
    "bytes-wrapped": _unwrap,
    "prepared-otherwise": _prepare,
    "labels-numbered-otherwise": _renumber,
}
"""What is tried from outside: also with a loop that the user wrote."""

FIXES: dict[str, Fix] = {
    "vanishing-gradients": _rectify,
    "weights-zero": _redraw,
    "weights-constant": _redraw,
    "weights-ignore-area": _redraw,
    "weights-not-centred": _redraw,
    "saturated": _redraw,
    "dead-relu": _revive,
    "relu-on-logits": _bare_end,
    "output-does-not-fit": _bare_end,
    "softmax-twice": _softmax_once,
    "stale-statistics": _momentum,
    "metric-wrong": _count,
    "evaluated-on-few": _evaluate_on_more,
    "loss-mixes-images": _own_loss,
    "softmax-shifted-together": _own_loss,
    "log-of-zero": _own_loss,
    "loss-gradient-wrong": _own_loss,
    "summed-gradient": _own_part,
    "sign": _own_part,
    "adam-uncorrected": _own_optimizer,
    "gradients-not-cleared": _own_optimizer,
    "bias-never-updated": _own_optimizer,
    "weight-decay-sign": _decay,
    "never-updated": _own_optimizer,
    **dict.fromkeys(
        ("shuffled-apart", "images-alike", "same-batch", "rate-fades", "loss-not-finite"),
        lambda case, evidence: None,
    ),
}
"""What else is tried with a network; for all others, sixloops' layers in place of the user's."""
