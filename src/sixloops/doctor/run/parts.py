"""Proofs about the parts of a run that the user wrote: layers, loss, optimiser, penalties.

They cost time only where there is such a part: what sixloops brings is proved by its tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from sixloops.doctor.run.monitor import Monitor
from sixloops.doctor.run.own_layers import prove_layer
from sixloops.doctor.run.own_losses import check_loss
from sixloops.doctor.verdict import Diagnosis
from sixloops.engine import places_of
from sixloops.layers import LAYERS
from sixloops.losses import LOSSES
from sixloops.network import Network
from sixloops.optimizers import OPTIMIZERS, Optimizer
from sixloops.regularizers import REGULARIZERS, Regularizer
from sixloops.training.run import Run

Check = Callable[[], Diagnosis | None]


def check_parts(monitor: Monitor, run: Run) -> None:
    """Put what is wrong with the user's own parts among the evidence's facts."""
    for what, check in _checks(run):
        try:
            with np.errstate(all="ignore"):
                said = check()
        except Exception as error:
            # It is the user's code; whatever it does, the doctor goes on.
            monitor.evidence.notes.append(_raised(what, error))
            continue
        if said is not None:
            monitor.evidence.facts.append(said)


def _checks(run: Run) -> Iterator[tuple[str, Check]]:
    network, settings = run.network, run.settings
    yield from _of_layers(network)
    if type(network.loss) not in LOSSES.values():
        yield "the loss", partial(check_loss, network.loss, network.output_shape)
    if type(settings.optimizer) not in OPTIMIZERS.values():
        yield "the optimiser", partial(check_optimizer, settings.optimizer)
    for penalty in settings.regularizers:
        if type(penalty) not in REGULARIZERS.values():
            yield "a regulariser", partial(check_regularizer, penalty)


def _of_layers(network: Network) -> Iterator[tuple[str, Check]]:
    known, seen = set(LAYERS.values()), []
    for place in places_of(network):
        layer, shape = place.layer, place.input_shape
        if (layer, shape) in seen:
            continue
        seen.append((layer, shape))
        activation = getattr(layer, "activation", None)
        if type(layer) not in known:
            yield place.name, partial(prove_layer, place.name, layer, shape)
        elif activation is not None and type(activation) not in known:
            name, shape = f"{place.name}'s {type(activation).__name__}", place.output_shape
            yield name, partial(prove_layer, name, activation, shape)


def _raised(what: str, error: Exception) -> str:
    words = " ".join(str(error).split())[:200].removesuffix(".") or "no message"
    return (
        f"{what[:1].upper()}{what[1:]} could not be looked at by itself: {type(error).__name__}: "
        f"{words}. It is given batches of any length, and arrays of float64."
    )


def check_optimizer(optimizer: Optimizer) -> Diagnosis | None:
    """Prove an optimiser on a weight and a bias whose gradients are known."""
    one, ten = _moves(optimizer, 1.0), _moves(optimizer, 10.0)
    weight, bias = one["0.weight"], one["0.bias"]
    rate = optimizer.rate
    if not bias.any() and weight.any():
        return _said(
            "bias-never-updated", 15,
            "Given a gradient of 1, the optimiser moves weights but not biases.",
            "b ← b − η ∂E/∂b, as for every weight.",
            "Update the biases too.",
        )  # fmt: skip
    if weight[0] > 0:
        return _said("sign", 23, f"A gradient of +1 made the weight grow by {weight[0]:.3g}.",
                     "E(w + Δw) ≈ E(w) + g·Δw falls only if g·Δw < 0.", "w ← w − η·g.")  # fmt: skip
    if np.isclose(weight[0], ten["0.weight"][0], rtol=1e-3):
        return _check_adaptive(weight, rate)
    return _check_plain(weight, rate)


def _check_adaptive(weight: np.ndarray, rate: float) -> Diagnosis | None:
    """Judge a rule whose first step does not depend on the gradient's size."""
    first = abs(weight[0]) / rate
    # RMSProp's first step may be as long, but its later ones grow shorter.
    if first < 1.1 or abs(weight[1]) <= abs(weight[0]):
        return None
    return _said(
        "adam-uncorrected", 28,
        f"Its first step is {first:.3g} times the rate, whatever the gradient.",
        "m = (1 − β₁)·g after one step: without dividing by 1 − β₁ᵗ and 1 − β₂ᵗ the first step is "
        "(1 − β₁)/√(1 − β₂) = 3.16 times the rate.",
        "m̂ = m/(1 − β₁ᵗ), ŝ = s/(1 − β₂ᵗ) with t counted once a step, in copies.",
    )  # fmt: skip


def _check_plain(weight: np.ndarray, rate: float) -> Diagnosis | None:
    """Judge a rule whose steps are in proportion to the gradient."""
    sizes = np.abs(weight) / rate
    if sizes[0] > 2.05:  # Nesterov's first step is 1 + μ
        return _said(
            "summed-gradient", 22,
            f"For a gradient of 1 its first step is {sizes[0]:.3g} times the rate.",
            "The rate is meant for the mean over the batch; a sum is batch times as large.",
            "Divide by the batch's size, or the rate by it.",
        )  # fmt: skip
    growth = np.diff(sizes)
    if sizes[0] > 0 and np.allclose(growth, sizes[0], rtol=0.02):
        steps = ", ".join(f"{size:.3g}" for size in sizes[:4])
        return _said(
            "gradients-not-cleared", 29,
            f"With the same gradient each time its steps grow as {steps} times the rate, for ever.",
            "If the old gradients stay in the sum, step t goes by g₁ + … + g_t.",
            "Set the gradients to 0 before each backward.",
        )  # fmt: skip
    return None


def _moves(optimizer: Optimizer, size: float) -> dict[str, np.ndarray]:
    """Return the steps that a weight and a bias take under a gradient that stays the same."""
    names, steps = ("0.weight", "0.bias"), 6
    parameters = {name: np.zeros(1) for name in names}
    state = optimizer.initial_state(parameters)
    found: dict[str, list[float]] = {name: [] for name in names}
    for step in range(1, steps + 1):
        before = {name: float(parameters[name][0]) for name in names}
        gradients = {name: np.full(1, size) for name in names}
        optimizer.update(parameters, gradients, state, optimizer.rate, step)
        for name in names:
            found[name].append(float(parameters[name][0]) - before[name])
    return {name: np.asarray(values) for name, values in found.items()}


def check_regularizer(penalty: Regularizer) -> Diagnosis | None:
    """Prove that a penalty's gradient pulls weights towards 0."""
    parameters = {"0.weight": np.array([2.0, -1.0])}
    gradients = {"0.weight": np.zeros(2)}
    penalty.add_gradients(parameters, gradients)
    along = float(gradients["0.weight"] @ parameters["0.weight"])
    if along >= 0:
        return None
    return _said(
        "weight-decay-sign", 27,
        f"With no error at all the penalty makes weights grow: w·∂R/∂w = {along:.3g}.",
        "R = ½λΣw² has ∂R/∂w = +λw: a step −η·λ·w shrinks w.",
        "Turn the penalty's sign.",
    )  # fmt: skip


def _said(name: str, number: int, sentence: str, why: str, fix: str) -> Diagnosis:
    return Diagnosis(name, sentence, why, fix, number=number, certainty=1.0)
