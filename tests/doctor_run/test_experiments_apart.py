"""What experiments may do to the user's files, and what may happen to experiments."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from doctor_run.numpy_loop import trained
from sixloops import Network
from sixloops.doctor.faults.runs.cases import part
from sixloops.doctor.layer.guard import Guard
from sixloops.doctor.run import Case, Loop, examine
from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.examine import _tried
from sixloops.doctor.run.rules.rates import broken, too_low
from sixloops.errors import ConfigurationError
from sixloops.layers import BatchNorm, Dense, Flatten, Rescale
from sixloops.optimizers import SGD
from sixloops.training import Callback, Checkpoint, EvaluateEvery, HistoryFile


def case(callbacks, scale=1.0, **changed):
    data, held = part("mnist", 6, 600)

    def network(seed):
        layers = [Rescale(scale), Flatten(), Dense(30, activation="sigmoid"), Dense(10)]
        return Network(layers, (1, 28, 28), seed=seed)

    options = {"epochs": 3, "batch_size": 20, "optimizer": SGD(0.5), "threads": 1, **changed}
    return Case(network, data, held, {**options, "callbacks": callbacks})


class Mine(Checkpoint):
    """A checkpoint with something besides."""


@pytest.mark.parametrize("kind", [Checkpoint, Mine])
def test_the_users_files_stay_as_they_are(kind, tmp_path):
    best = tmp_path / "best.safetensors"
    best.write_bytes(b"the best of last week")
    writing = [kind(tmp_path), HistoryFile(tmp_path / "history.jsonl"), EvaluateEvery(10)]
    found = examine(lambda: case(writing))
    assert found.verdict.name == "inputs-not-scaled"
    assert found.proof is not None
    assert found.outcome.history.of("evaluation")
    assert best.read_bytes() == b"the best of last week"
    assert [path.name for path in tmp_path.iterdir()] == [best.name]


@pytest.mark.parametrize("rate", [0.5, 5.0])
def test_pixels_divided_twice_are_named_and_the_fix_proved(rate):
    found = examine(lambda: case([], 1 / 255**2, optimizer=SGD(rate)))
    assert found.verdict.name == "inputs-scaled-twice"
    assert found.proof.after > 0.7 > found.proof.before


def test_small_inputs_that_learn_well_are_no_fault():
    def scaled_up(seed):
        layers = [Rescale(1 / 255**2), BatchNorm(), Flatten(), Dense(30, activation="relu")]
        return Network([*layers, Dense(10)], (1, 28, 28), seed=seed)

    assert examine(
        lambda: replace(case([], epochs=6, optimizer=SGD(0.1)), network=scaled_up)
    ).verdict.healthy


class Counting(Callback):
    def __init__(self):
        self.runs = 0

    def on_train_start(self, run, plan):
        self.runs += 1


def test_the_users_own_callbacks_take_part_in_the_first_run_only():
    mine = Counting()
    found = examine(lambda: case([mine]))
    assert found.verdict.name == "inputs-not-scaled"
    assert found.proof.after > found.proof.before + 0.2
    assert mine.runs == 1
    assert "Counting" in " ".join(found.verdict.notes)


def test_the_users_own_callbacks_have_no_part_in_a_run_that_was_cut_down():
    mine = Counting()
    found = examine(lambda: case([mine], 1 / 255, epochs=200))
    assert found.verdict.healthy
    assert mine.runs == 0
    assert "Counting" in " ".join(found.verdict.notes)


@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_a_callback_that_spoils_the_run_is_found_by_leaving_it_out(noise):
    def spoil(run):
        for weight in run.network.parameters.values():
            weight[...] = noise * np.random.default_rng(0).normal(size=weight.shape)

    found = examine(lambda: case([spoil], 1 / 255))
    assert found.verdict.sick
    assert "rate-too" not in found.verdict.name
    assert "Without your own callbacks (spoil)" in " ".join(found.verdict.notes)


def loop(train, rate):
    data, held = part("mnist", 5, 800)
    return Loop(train, data, held, rate)


def test_an_experiment_that_does_not_end_leaves_the_rest_standing():
    def train(images, labels, rate, seed, monitor):
        if rate > 0.001:
            time.sleep(60)
        return trained()(images, labels, rate, seed, monitor)

    found = examine(lambda: loop(train, 0.001), seconds=5, prove=False)
    assert found.outcome is not None
    assert not found.verdict.healthy
    assert found.verdict.name != "could-not-run"
    assert {"base", "tenth"} <= set(found.evidence.experiments)
    assert "ten times the rate was not finished" in " ".join(found.verdict.notes)


def test_seconds_are_those_of_each_run():
    def train(images, labels, rate, seed, monitor):
        time.sleep(1.3)
        return trained()(images, labels, rate, seed, monitor)

    found = examine(lambda: loop(train, 0.001), seconds=5)
    assert found.verdict.name == "rate-too-low"
    assert found.proof is not None


def raising(error):
    """Return a loop's training that learns next to nothing, and raises at a higher rate."""

    def train(images, labels, rate, seed, monitor):
        if rate > 0.5:
            raise error
        predict = trained()(images, labels, rate / 1e4, seed, monitor)
        return lambda x: predict(x) * 0 + np.eye(10)[0]

    return train


def test_an_experiment_that_raises_counts_as_one_that_learnt_nothing():
    found = examine(lambda: loop(raising(FloatingPointError("diverged")), 0.5))
    assert found.outcome is not None
    assert not found.verdict.healthy
    assert found.verdict.name != "could-not-run"
    assert found.evidence.experiments["tenfold"] == 0
    assert " ".join(found.verdict.notes).count("FloatingPointError: diverged") == 1


def test_an_experiment_that_is_refused_is_not_counted():
    error = ConfigurationError("another rate than when the checkpoint was written")
    found = examine(lambda: loop(raising(error), 0.5), prove=False)
    assert "tenfold" not in found.evidence.experiments
    assert "another rate than" in " ".join(found.verdict.notes)


def test_a_small_batch_that_raises_is_not_counted():
    def train(images, labels, rate, seed, monitor):
        if len(np.unique(labels)) and (images[:32] == images[32:64]).all():
            raise ValueError("all the same")
        predict = trained()(images, labels, 1e-5, seed, monitor)
        return lambda x: predict(x) * 0 + np.eye(10)[0]

    found = examine(lambda: loop(train, 0.5), prove=False)
    assert found.verdict.sick
    assert "memorised" not in found.evidence.experiments
    assert "ValueError: all the same" in " ".join(found.verdict.notes)


def test_a_fix_that_helps_counts_though_another_rate_raises():
    made, tried = case([]), []

    def network(seed):
        tried.append(seed)
        if len(tried) > 3:
            raise ValueError("no more")
        return made.network(seed)

    mended = Case(network, made.data, made.validation, made.options)
    seen = Evidence(probes={"neighbours": 1.0})
    proof = _tried(Guard(60.0), "inputs-not-scaled", mended, 0.1, seen)
    assert proof.before == 0.1
    assert len(tried) > 3


@pytest.fixture(scope="module")
def slow():
    """Return the examination of a loop whose rate is a thousandth of what fits or less."""
    return examine(lambda: loop(trained(), 0.0002))


def test_the_factor_of_the_rate_is_told_as_it_was(slow):
    factor = slow.evidence.probes["tenfold factor"]
    assert slow.verdict.name == "rate-too-low"
    assert factor >= 1000
    words = " ".join(str(slow).split())
    assert f"With {factor:g} times the rate the same seed reaches" in words
    assert f"Multiply the learning rate by {factor:g}" in words
    assert f"experiment: {factor:g} times the rate:" in words
    assert slow.proof.rate == factor
    assert f"With {factor:g} times the rate the same run reaches" in words
    assert "ten times the rate" not in words


def test_ten_times_the_rate_are_told_in_words():
    e = Evidence(experiments={"base": 0.2, "tenfold": 0.8})
    said = too_low(e)
    assert said.sentence.startswith("With ten times the rate the same seed reaches 80 %, not 20 %")
    assert said.fix.startswith("Multiply the learning rate by ten, until it becomes too high")


def test_a_run_that_broke_is_told_by_how_much_the_rate_is_too_high():
    e = Evidence(broken="the loss of step 3 is nan", steps=[1, 2, 3], losses=[1.0, 2.0, 3.0])
    e.experiments = {"base": 0.0, "tenth": 0.8}
    assert broken(e).fix.startswith("Divide the learning rate by ten")
    e.probes["tenth factor"] = 0.01
    assert broken(e).fix.startswith("Divide the learning rate by 100")
