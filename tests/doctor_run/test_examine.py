from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from sixloops import Network, fit
from sixloops.data import Dataset
from sixloops.doctor.faults.runs import FAULTS, healthy
from sixloops.doctor.faults.runs.cases import part
from sixloops.doctor.faults.runs.lookalikes import LOOKALIKES
from sixloops.doctor.layer.guard import Guard
from sixloops.doctor.run import Case, Doctor, Loop, examine
from sixloops.doctor.run.experiments import Trials, decided_by_zeros
from sixloops.initializers import Normal
from sixloops.layers import Conv2D, Dense, Flatten, Layer, Rescale
from sixloops.losses import SquaredError
from sixloops.optimizers import SGD

SEED = 11
SILENT = {
    "db-one-number": "proved",
    "slope-at-y": "proved",
    "slope-forgotten": "proved",
    "bias-never-updated": "proved",
    "adam-uncorrected": "proved",
    "integer-division": "seen",
    "constant-weights": "seen",
    "tanh-under-softmax": "seen",
}
"""Faults that do no harm here, as MNIST is easy: proved of a part by itself, or seen in the run."""


@pytest.mark.parametrize("fault", [f.id for f in FAULTS.values() if "dense" in f.networks])
def test_a_planted_fault_is_named_and_harms_unless_it_is_silent(fault):
    planted = FAULTS[fault]
    case = healthy("dense", seed=SEED)
    well = (planted.twin(case) if planted.twin else case).run(watched=False).accuracy
    found = examine(lambda: planted.plant(case), prove=False)
    harms = planted.reported or found.outcome.accuracy < well - 0.05
    assert harms != (fault in SILENT)
    assert found.verdict.name in planted.names
    if SILENT.get(fault) == "proved":
        assert found.evidence.facts[0].id in planted.names


@pytest.mark.parametrize("lookalike", LOOKALIKES)
def test_a_healthy_run_is_not_alarmed_at(lookalike):
    each = LOOKALIKES[lookalike]
    case = each.change(healthy(each.networks[0], seed=SEED))
    assert str(examine(lambda: case, prove=False)).startswith("The run: healthy.")


def test_the_proof_shows_the_run_with_and_without_the_fix():
    found = examine(lambda: FAULTS["sorted-by-class"].plant(healthy("dense", seed=SEED)))
    assert found.proof.after > 0.8 > 0.5 > found.proof.before
    assert "With the fix the same run reaches" in str(found)
    assert found.to_json()["proof"]["cure"] == "sorted-by-class"


def small(**options):
    data, held = part("mnist", SEED, 600)

    def network(seed):
        layers = [Rescale(1 / 255), Flatten(), Dense(30, activation="sigmoid"), Dense(10)]
        return Network(layers, (1, 28, 28), seed=seed)

    given = {"epochs": 4, "batch_size": 20, "optimizer": SGD(0.5), "threads": 1, **options}
    return network, data, held, given


def test_the_callback_changes_no_bit_of_the_run():
    network, data, _, options = small()
    plain, watched = network(0), network(0)
    fit(plain, data, **options)
    fit(watched, data, callbacks=[Doctor(share=None)], **options)
    for name, weight in plain.parameters.items():
        assert np.array_equal(weight, watched.parameters[name])


def test_the_callback_looks_again_at_the_step_after_a_look():
    network, data, _, options = small(epochs=1)
    doctor = Doctor(share=None)
    fit(network(0), data, callbacks=[doctor], **options)
    seen = [s for s in doctor.monitor.evidence.parameters["2.weight"] if s.update is not None]
    assert [s.step for s in seen[:4]] == [2, 3, 5, 9]
    assert doctor.monitor.evidence.steps == list(range(1, 31))


def test_the_callback_says_what_is_wrong():
    network, data, held, options = small(optimizer=SGD(500.0))
    doctor = Doctor()
    fit(network(0), data, validation=held, callbacks=[doctor], **options)
    assert doctor.verdict().name == "rate-too-high"


def test_the_callback_begins_anew_in_a_second_run():
    network, data, held, options = small(optimizer=SGD(500.0))
    doctor, alone = Doctor(share=None), Doctor(share=None)
    fit(network(0), data, validation=held, callbacks=[doctor], **options)
    options["optimizer"] = SGD(0.5)
    for each in (doctor, alone):
        fit(network(0), data, validation=held, callbacks=[each], **options)
    assert str(doctor.verdict()) == str(alone.verdict())
    assert doctor.monitor.evidence.steps == alone.monitor.evidence.steps


def test_a_single_weight_is_not_constant():
    _, data, held, options = small(optimizer=SGD(0.01))
    layers = [Rescale(1 / 255), Conv2D(1, 1), Flatten(), Dense(10)]
    doctor = Doctor(share=None)
    network = Network(layers, data.image_shape, seed=0)
    fit(network, data, validation=held, callbacks=[doctor], **options)
    assert "began at" not in str(doctor.verdict())


def test_the_callback_looks_at_losses_of_single_steps():
    network, data, _, options = small(epochs=2)
    losses = []
    doctor = Doctor()
    history = fit(network(0), data, callbacks=[doctor], record_every=1, **options)
    losses = [record["loss"] for record in history.of("step")]
    assert np.allclose(doctor.monitor.evidence.losses, losses)


def test_a_user_who_raises_gets_a_verdict_with_their_own_lines():
    def make():
        raise KeyError("images")

    verdict = examine(make).verdict
    assert not verdict.healthy
    assert "KeyError" in str(verdict)
    assert "in make" in verdict.traceback
    assert "guard" not in verdict.traceback


def test_a_user_who_never_ends_gets_a_verdict():
    def make():
        while True:
            pass

    assert "still running" in str(examine(make, seconds=0.3).verdict)


@pytest.mark.parametrize("given", [None, 3, "case", object()])
def test_what_is_no_case_gets_a_verdict(given):
    assert "must return a Case" in str(examine(lambda: given).verdict)


def test_a_case_that_does_not_fit_gets_the_librarys_own_words():
    _, _, _, options = small()
    other, _ = part("mnist", SEED, 600)

    def make():
        return Case(lambda seed: Network([Dense(10)], (5,)), other, None, options)

    verdict = examine(make).verdict
    assert not verdict.healthy
    assert "does not fit the network" in str(verdict)


def test_a_long_case_is_cut_down():
    network, data, held, options = small(epochs=500)
    found = examine(lambda: Case(network, data, held, options))
    assert found.verdict.healthy
    assert found.verdict.notes == ("A part of the run was examined, 3000 of its 15000 steps.",)


def test_a_layer_that_raises_outside_training_does_not_end_the_training():
    @dataclass(frozen=True)
    class Moody(Layer):
        def forward(self, x, parameters=None, context=None):
            if len(x) != 20:
                raise RuntimeError("only twenty at a time")
            return x, lambda dy: (dy, {})

    _, data, _, options = small()
    layers = [Rescale(1 / 255), Flatten(), Moody(), Dense(10)]
    doctor = Doctor()
    history = fit(Network(layers, (1, 28, 28)), data, callbacks=[doctor], **options)
    assert len(history.epochs) == 4
    assert doctor.verdict().notes


def one_pixel_tells(targets="labels"):
    """Return data that a linear network tells well, and nearest neighbours badly."""
    random = np.random.default_rng(0)
    images = random.normal(size=(300, 1, 4, 4)).astype(np.float32)
    flat = images.reshape(300, -1)
    return Dataset(images, (flat[:, 0] > 0).astype(int) if targets == "labels" else flat[:, :2])


def linear(*layers, loss=None):
    return lambda seed: Network([Flatten(), *layers, Dense(2)], (1, 4, 4), loss=loss, seed=seed)


PLAIN = {"epochs": 6, "batch_size": 10, "optimizer": SGD(0.1), "threads": 1}


@pytest.mark.parametrize("held", [True, False])
def test_neighbours_that_know_less_than_the_network_are_no_alarm(held):
    data = one_pixel_tells()
    assert examine(lambda: Case(linear(), data, data if held else None, PLAIN)).verdict.healthy


def test_a_regression_is_healthy():
    data = one_pixel_tells("numbers")
    make = linear(loss=SquaredError())
    assert examine(lambda: Case(make, data, data, PLAIN)).verdict.healthy


def trials_of(case):
    outcome = case.run()
    return Trials(Guard(60), outcome.evidence, outcome)


def test_images_that_never_reach_the_network_are_named():
    @dataclass(frozen=True)
    class Standardised(Layer):
        def forward(self, x, parameters=None, context=None):
            pixels = np.zeros_like(x)  # and never filled
            return (pixels - 0.13) / 0.31, lambda dy: (np.zeros_like(dy), {})

    network, data, held, options = small()
    layers = [Standardised(), Flatten(), Dense(30, activation="sigmoid"), Dense(10)]
    case = Case(lambda seed: Network(layers, (1, 28, 28), seed=seed), data, held, options)
    assert examine(lambda: case).verdict.name == "input-ignored"
    assert decided_by_zeros(case, trials_of(case))
    well = Case(network, data, held, options)
    assert not decided_by_zeros(well, trials_of(well))


def test_a_fix_is_tried_at_the_rates_that_may_fit_it():
    def network(seed):
        wide = {"weight_initializer": Normal(3.0)}
        layers = [Rescale(1 / 255), Flatten(), Dense(40, activation="sigmoid", **wide)]
        return Network([*layers, Dense(10, **wide)], (1, 28, 28), seed=seed)

    _, data, held, options = small(optimizer=SGD(30.0))
    found = examine(lambda: Case(network, data, held, options))
    assert found.verdict.name == "saturated"
    assert found.proof.rate < 1
    assert found.proof.after > found.proof.before + 0.1
    assert "times the rate" in str(found.proof)


def test_what_breaks_before_the_first_step_is_not_laid_to_the_rate():
    @dataclass(frozen=True)
    class Broken(Layer):
        def forward(self, x, parameters=None, context=None):
            return x * np.nan, lambda dy: (dy, {})

    found = examine(lambda: Case(linear(Broken()), one_pixel_tells(), None, PLAIN))
    assert found.verdict.name in ("not-finite", "backward-wrong")
    assert "Broken" in str(found.verdict)


def test_a_loop_that_tells_nothing_is_told_so():
    silent = Loop(lambda *given: lambda x: np.zeros((len(x), 2)), one_pixel_tells())
    assert "monitor.observe" in str(examine(lambda: silent).verdict)


def test_a_loop_that_takes_other_arguments_is_told_which():
    short = Loop(lambda images, labels: None, one_pixel_tells())
    words = " ".join(str(examine(lambda: short).verdict).split())
    assert "must take images, labels, rate, seed, monitor, in this order. Got" in words
    assert "(images, labels): too many positional arguments" in words
