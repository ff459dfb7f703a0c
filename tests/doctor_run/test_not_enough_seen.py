"""Where nothing can be told the doctor says so; what the loss alone tells it says."""

from __future__ import annotations

import numpy as np
import pytest

from doctor_run.numpy_loop import trained
from sixloops import Network, fit
from sixloops.data import Dataset
from sixloops.doctor.faults.runs.cases import part
from sixloops.doctor.run import Doctor, Loop, Monitor, examine
from sixloops.doctor.run.evidence import Evaluated, Evidence
from sixloops.doctor.run.picture import signals_figure
from sixloops.doctor.run.rules import diagnoses_of, verdict_of
from sixloops.doctor.run.rules.rates import vanishing
from sixloops.doctor.run.rules.start import dead_units
from sixloops.doctor.run.signals import LayerSignals, ParameterSignals
from sixloops.layers import Dense, Flatten
from sixloops.optimizers import SGD
from sixloops.regularizers import L2
from sixloops.schedules import Cosine

UNDECIDED = "not enough seen to tell"


def verdict_on(losses, **given):
    monitor = Monitor()
    for loss in losses:
        monitor.observe(float(loss), **given)
    return monitor.verdict()


def noise(count, spread=0.1):
    return np.random.default_rng(0).normal(size=count) * spread


def test_the_loss_of_a_guess_is_told_as_such():
    for spread in (0.0, 0.05, 0.3):
        verdict = verdict_on(2.303 + noise(300, spread))
        assert verdict.sick
        assert "ln 10 is the cross-entropy of a guess among 10" in verdict.findings[0].words
        assert "outputs=…, labels=…" in verdict.notes[0]


@pytest.mark.parametrize("steps", [30, 300])
def test_a_loss_that_rises_is_told_as_such(steps):
    verdict = verdict_on(np.linspace(2.3, 5.3, steps) + noise(steps))
    assert verdict.sick
    assert "The loss rose from" in verdict.diagnoses[0].sentence


@pytest.mark.parametrize(
    "losses",
    [[], [2.3], [2.3, 2.2], 2.3 + noise(20), np.linspace(3, 2.95, 60), [3.0] * 40 + [2.3] * 300],
    ids=["none", "one", "two", "few", "hardly falling", "down to a guess"],
)
def test_what_cannot_be_known_is_not_called_healthy(losses):
    verdict = verdict_on(losses)
    assert (verdict.healthy, verdict.sick, verdict.state) == (False, False, UNDECIDED)
    assert verdict.name == "not-enough-seen"
    assert str(verdict).startswith("The run: not enough seen to tell.\n")
    assert "Train for longer" in str(verdict)


def test_a_healthy_loss_says_that_it_is_all_that_was_seen():
    verdict = verdict_on([2.3 / (1 + step / 10) for step in range(60)])
    assert verdict.healthy
    assert "nothing but the loss was seen" in verdict.notes[0]


def test_right_answers_of_few_steps_are_enough():
    labels = np.arange(100) % 10
    well = {"outputs": 5 * np.eye(10)[labels], "labels": labels, "accuracy": 1.0}
    assert verdict_on([0.3] * 12, **well).healthy


def two_classes(images):
    random = np.random.default_rng(1)
    labels = np.arange(images) % 2
    pixels = random.normal(size=(images, 1, 4, 4)) + 2 * labels[:, None, None, None]
    return Dataset(pixels.astype(np.float32), labels)


@pytest.mark.parametrize(
    ("images", "rate", "state"), [(48, 1e-5, UNDECIDED), (400, 0.05, "healthy")]
)
def test_a_short_training_is_called_healthy_only_if_it_learns(images, rate, state):
    doctor = Doctor()
    network = Network([Flatten(), Dense(2)], (1, 4, 4))
    options = {"epochs": 2, "batch_size": 24, "optimizer": SGD(rate), "threads": 1}
    fit(network, two_classes(images), callbacks=[doctor], **options)
    assert doctor.verdict().state == state


def told_the_loss_alone(mistake=""):
    """Return a loop that hands over nothing but its loss."""
    inner = trained(mistake)

    def train(images, labels, rate, seed, monitor):
        class Blind:
            def observe(self, loss, **others):
                monitor.observe(loss)

        return inner(images, labels, rate, seed, Blind())

    return train


@pytest.mark.parametrize(("mistake", "well"), [("", True), ("relu", False), ("buffer", False)])
def test_a_loop_is_asked_about_held_out_images_whatever_it_hands_over(mistake, well):
    data, held = part("mnist", 5, 800)
    found = examine(lambda: Loop(told_the_loss_alone(mistake), data, held, 0.5), prove=False)
    assert found.verdict.healthy == well
    assert found.verdict.sick == (not well)
    if not well:
        assert "accuracy on held-out images" in str(found.verdict)


def evidence_of(gradients, **layer):
    """Return evidence of a run at chance, with these gradients' norms at every look."""
    given = {
        "step": 4, "mean": 0.5, "spread": 0.4, "zeros": 0.0, "dead": 0.0, "saturated": 0.0,
        "identical": 0.0, "constant": False, "low": 0.0, "high": 1.0, "images": 32,
    }  # fmt: skip
    e = Evidence(classes=10, steps=list(range(1, 301)), losses=[2.3] * 300, batch=32)
    e.hits = [0.1] * 300
    e.layers = {"hidden": [LayerSignals(**{**given, **layer})], "end": [LayerSignals(**given)]}
    e.parameters = {
        name: [ParameterSignals(step, 1.0, 0.1, gradient) for step in (1, 2, 4)]
        for name, gradient in gradients.items()
    }
    return e


ZEROS = {"kernel": 0.0, "bias": 0.0, "weight": 0.5}


def test_a_gradient_that_is_exactly_0_comes_before_saturation():
    found = diagnoses_of(evidence_of(ZEROS, saturated=0.85))
    assert found[0].id == "gradient-zero"
    assert found[0].sentence == "The gradients of kernel, bias were exactly 0 at every look."
    assert "saturated" in [each.id for each in found]


@pytest.mark.parametrize("why", [{"saturated": 1.0}, {"dead": 1.0, "high": 9.0, "zeros": 1.0}])
def test_a_layer_that_passes_nothing_explains_it(why):
    found = diagnoses_of(evidence_of(ZEROS, **why))
    assert found[0].id in ("saturated", "dead-relu")


@pytest.mark.parametrize(
    ("step", "words", "fix"),
    [
        (4, "already at the first step", "Begin with biases of 0 and He's weights."),
        (300, "at step 300", "steps may kill units."),
    ],
)
def test_when_units_died_is_told_as_far_as_anybody_looked(step, words, fix):
    found = dead_units(evidence_of(ZEROS, step=step, dead=1.0, high=9.0, zeros=1.0))
    assert f"({words})" in found.sentence
    assert found.fix.endswith(fix)


def test_nothing_is_said_to_be_0_times_something():
    said = vanishing(evidence_of(ZEROS))
    assert "The gradient of kernel is exactly 0, and not that of weight" in said.sentence


def test_the_picture_shows_the_whole_run_and_names_the_images():
    e = Evidence(classes=10, steps=list(range(1, 101)), losses=[2.3] * 100)
    e.evaluations = [Evaluated(100, None, 0.2, 500)]
    axes = next(a for a in signals_figure(e).axes if "right answers" in a.get_title(loc="left"))
    assert axes.get_xlim() == (0, 102)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["held-out images"]


def test_a_verdict_in_json_says_that_nothing_is_decided():
    assert verdict_of(Evidence()).to_json()["undecided"] == UNDECIDED


def test_a_schedule_that_ends_near_0_is_no_rate_too_low():
    data, _ = part("mnist", 5, 1000)
    order = np.random.default_rng(0).permutation(len(data))
    apart = Dataset(data.images / 255, data.labels[order], 10)
    network = Network([Flatten(), Dense(20, activation="relu"), Dense(10)], (1, 28, 28))
    how = {"optimizer": SGD(0.02), "schedule": Cosine(), "batch_size": 20}
    doctor = Doctor()
    fit(network, apart, epochs=3, callbacks=[doctor], **how)
    verdict = doctor.verdict()
    assert verdict.name == "shuffled-apart"
    assert "rate-too-low" not in [each.id for each in verdict.alternatives]


@pytest.mark.parametrize("clip_norm", [None, 1e9])
def test_steps_go_along_the_penalties_too(clip_norm):
    data, _ = part("mnist", 5, 1000)
    images = Dataset((data.images / 255).astype(np.float32), data.labels, 10)
    network = Network([Flatten(), Dense(20, activation="relu"), Dense(10)], (1, 28, 28))
    how = {"optimizer": SGD(0.1), "batch_size": 100}
    fit(network, images, epochs=10, **how)
    doctor = Doctor(None)
    regularizers = [L2(1.0)]
    fit(
        network,
        images,
        epochs=2,
        callbacks=[doctor],
        regularizers=regularizers,
        clip_norm=clip_norm,
        **how,
    )
    seen = doctor.monitor.evidence.parameters["1.weight"]
    assert min(each.cosine for each in seen if each.cosine is not None) > 0.9
    assert doctor.verdict().name != "sign"
