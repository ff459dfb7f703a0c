"""Weights that no step reaches, losses that break alone, and data that tell nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from doctor_run.numpy_loop import trained
from sixloops import Network, fit
from sixloops.data import Dataset
from sixloops.doctor.faults.runs.cases import part
from sixloops.doctor.run import Case, Doctor, Loop, Monitor, examine
from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.examine import Proof
from sixloops.doctor.run.judged import beats
from sixloops.doctor.run.neighbours import Numbers, other_numbers, renumbering
from sixloops.doctor.run.rules import verdict_of
from sixloops.doctor.run.rules.data import same_batch
from sixloops.doctor.run.rules.rates import fades
from sixloops.doctor.run.signals import ParameterSignals
from sixloops.doctor.verdict import Diagnosis
from sixloops.initializers import Constant
from sixloops.layers import Dense, Flatten, ReLU, Rescale
from sixloops.losses import SquaredError
from sixloops.optimizers import SGD

DATA, HELD = part("mnist", 5, 800)


class Deaf(Monitor):
    """Hands on the loss, the outputs and the labels alone."""

    def __init__(self, monitor):
        self.heard = monitor
        self.evidence = monitor.evidence

    def observe(self, loss, **given):
        kept = {name: given[name] for name in ("outputs", "labels")}
        self.heard.observe(loss, **kept)


def untold(train):
    return lambda images, labels, rate, seed, monitor: train(
        images, labels, rate, seed, Deaf(monitor)
    )


@pytest.mark.parametrize("told", [True, False])
def test_an_update_that_only_rebinds_a_name_is_named(told):
    train = trained("rebound") if told else untold(trained("rebound"))
    found = examine(lambda: Loop(train, DATA, HELD, 0.5), prove=False)
    assert found.verdict.name == "never-updated"
    assert "w -= rate * g" in found.verdict.diagnoses[0].fix


def test_a_loop_that_ignores_its_rate_is_not_said_never_to_change():
    def train(images, labels, rate, seed, monitor):
        return untold(trained("sign"))(images, labels, 0.5, seed, monitor)

    found = examine(lambda: Loop(train, DATA, HELD, 0.5), prove=False)
    assert found.evidence.probes["rate apart"] == 0
    assert found.verdict.name != "never-updated"


def test_parameters_that_are_copies_from_the_start_are_no_fault_of_a_loop_that_learns():
    monitor, random = Monitor(10), np.random.default_rng(0)
    first, labels = random.normal(size=(20, 10)), np.arange(40) % 10
    for step in range(1, 101):
        outputs = np.eye(10)[labels] * step
        monitor.observe(
            2.3 / step, outputs=outputs, labels=labels, parameters=[first], gradients=[first]
        )
    assert monitor.verdict().healthy


def test_one_loss_that_is_not_finite_is_not_told_as_a_run_that_broke():
    found = examine(lambda: Loop(trained("empty"), DATA, HELD, 0.5), prove=False)
    assert found.verdict.name == "loss-not-finite"
    assert "The loss of step 51 is nan" in found.verdict.diagnoses[0].sentence
    assert found.outcome.accuracy > 0.5


@pytest.mark.parametrize(
    ("mistake", "name", "words"),
    [
        ("same", "same-batch", "The first 160 steps had the same 20 labels"),
        ("rand", "weights-not-centred", "began around 0.5, with a spread of 0.29"),
        ("fades", "rate-fades", "the rate has fallen so fast"),
        ("one-hot", "labels-numbered-otherwise", "each class by one other number: "),
    ],
)
def test_loops_of_beginners(mistake, name, words):
    verdict = examine(lambda: Loop(trained(mistake), DATA, HELD, 0.5), prove=False).verdict
    assert verdict.name == name
    assert words in unwrapped(verdict)


def test_a_run_that_learns_with_wrong_gradients_is_not_called_healthy():
    more, _ = part("mnist", 5, 3000)
    found = examine(lambda: Loop(trained("no slope"), more, HELD, 0.1))
    assert found.outcome.accuracy > 0.75
    assert str(found).startswith("The run: it learns, but its gradients are not those of its loss.")
    assert (found.verdict.healthy, found.verdict.sick, found.proof) == (False, False, None)
    assert "W1" in found.verdict.diagnoses[0].sentence


def test_a_loop_that_takes_few_of_its_images_is_told_so():
    def train(images, labels, *given):
        return trained()(images[:40], labels[:40], *given)

    found = examine(lambda: Loop(train, DATA, HELD, 0.5), prove=False)
    words = "Of the 800 images that the loop was given it told of 160 at most"
    assert words in unwrapped(found.verdict)


def test_a_schedule_that_ends_near_nothing_does_not_fade():
    monitor, random = Monitor(10), np.random.default_rng(0)
    w, labels = random.normal(size=(30, 10)), np.arange(40) % 10
    for step in range(1, 301):
        g = random.normal(size=w.shape)
        w -= (1e-6 if step > 250 else 0.1) * g
        outputs = random.normal(size=(40, 10))
        monitor.observe(2.3, outputs=outputs, labels=labels, parameters=[w], gradients=[g])
    assert monitor.verdict().name != "rate-fades"
    assert monitor.verdict().sick


def test_images_that_are_all_one_are_named():
    same = Dataset(np.repeat(DATA.images[:1], len(DATA), axis=0), DATA.labels, 10)
    found = examine(lambda: Loop(trained(), same, HELD, 0.5), prove=False)
    assert found.verdict.name == "images-alike"


def homogeneous(seed):
    layers = [Flatten(), Dense(30, bias_initializer=Constant(0.0)), ReLU(), Dense(10)]
    return Network(layers, (1, 28, 28), seed=seed)


@pytest.mark.parametrize("factor", [255.0, 1 / 255])
def test_held_out_images_of_another_scale_are_named_though_they_are_told_well(factor):
    data = Dataset((DATA.images / 255).astype(np.float32), DATA.labels, 10)
    held = Dataset((HELD.images / 255 * factor).astype(np.float32), HELD.labels, 10)
    doctor = Doctor()
    options = {"epochs": 6, "batch_size": 20, "optimizer": SGD(0.1), "threads": 1}
    history = fit(homogeneous(0), data, validation=held, callbacks=[doctor], **options)
    assert factor < 1 or history.validation_accuracy[-1] > 0.7
    assert doctor.verdict().name == "prepared-otherwise"
    assert factor < 1 or "; the largest is 255, and 1 in training" in unwrapped(doctor.verdict())


def test_where_held_out_images_are_told_as_well_nobody_measures_their_values():
    doctor = Doctor()
    options = {"epochs": 2, "batch_size": 20, "optimizer": SGD(0.1), "threads": 1}
    data = Dataset((DATA.images / 255).astype(np.float32), DATA.labels, 10)
    fit(homogeneous(0), data, validation=data, callbacks=[doctor], **options)
    assert "training spread" not in doctor.monitor.evidence.probes


def unwrapped(verdict):
    return " ".join(str(verdict).split())


def numbered(change):
    return Dataset(HELD.images, change(HELD.labels.astype(np.int64)), 10)


CHANGES = {
    "one more": lambda labels: (labels + 1) % 10,
    "otherwise": lambda labels: np.random.default_rng(0).permutation(10)[labels],
}


@pytest.mark.parametrize("change", CHANGES)
def test_classes_that_are_numbered_otherwise_are_named_and_restored(change):
    held = numbered(CHANGES[change])
    found = examine(lambda: Loop(trained(), DATA, held, 0.5))
    assert found.verdict.name == "labels-numbered-otherwise"
    assert found.proof.after > 0.7 > 0.5 > found.proof.before


def test_classes_that_are_numbered_otherwise_are_named_beside_fit_too():
    def network(seed):
        layers = [Rescale(1 / 255), Flatten(), Dense(30, activation="sigmoid"), Dense(10)]
        return Network(layers, (1, 28, 28), seed=seed)

    options = {"epochs": 4, "batch_size": 20, "optimizer": SGD(0.5), "threads": 1}
    held = numbered(CHANGES["one more"])
    found = examine(lambda: Case(network, DATA, held, options))
    assert found.verdict.name == "labels-numbered-otherwise"
    assert "the training's 0 is 1, 1 is 2" in found.verdict.diagnoses[0].sentence
    assert found.proof.after > 0.7 > 0.5 > found.proof.before


def test_naming_the_most_frequent_class_is_no_success():
    """Beyond any rate the network names one class, and 6 of 10 images may belong to it."""
    random = np.random.default_rng(0)
    kept = (DATA.labels == 1) | (random.random(len(DATA)) < 0.08)
    uneven = Dataset(DATA.images[kept], DATA.labels[kept], 10)
    loop = Loop(trained(), Dataset(*uneven.take(np.arange(len(uneven))), 10), None, 2000.0)
    found = examine(lambda: loop, prove=False)
    assert loop.run().evidence.chance > 0.5
    assert found.verdict.name != "rate-too-low"
    proof = Proof("rate-too-low", 0.05, 0.58, 10.0, 0.58)
    assert not proof.helped
    assert str(proof).startswith("But even with ten times the rate")
    assert str(proof).endswith("Always naming the most frequent class has 58.0%.")


def told_by_hand(steps, w, g, loss=2.3, labels=None, **given):
    """Return a monitor that a loop has told of parameters and gradients, which may be functions."""
    monitor, outputs = Monitor(10), np.eye(10)[np.arange(40) % 10]
    for step in range(1, steps + 1):
        told = {"parameters": [w(step)], "gradients": [g(step)]} if w else {}
        shown = np.arange(40) % 10 if labels is None else labels(step)
        monitor.observe(loss, outputs=np.roll(outputs, 3, 0), labels=shown, **told, **given)
    return monitor


def test_gradients_that_are_added_up_over_some_steps_are_no_missing_update():
    random = np.random.default_rng(0)
    start, change = random.normal(size=(30, 10)), random.normal(size=(30, 10))
    # Looks are at 1, 2, 4, …, and at the steps after them; an update is at every fourth.
    monitor = told_by_hand(100, lambda t: start + 0.01 * ((t + 1) // 4) * change, lambda t: change)
    assert monitor.verdict().name != "never-updated"
    monitor = told_by_hand(100, lambda t: start, lambda t: change)
    assert monitor.verdict().name == "never-updated"


def test_a_run_that_diverges_at_every_rate_is_told_in_the_end():
    def network(seed):
        layers = [Flatten(), Dense(30), ReLU(), Dense(10)]
        return Network(layers, (1, 28, 28), loss=SquaredError(), seed=seed)

    options = {"epochs": 2, "batch_size": 20, "optimizer": SGD(1e12), "threads": 1}
    found = examine(lambda: Case(network, DATA, HELD, options), prove=False)
    assert found.verdict.sick
    assert found.verdict.name != "could-not-run"


def test_boolean_images_can_be_looked_at():
    data, held = (Dataset(each.images > 100, each.labels, 10) for each in (DATA, HELD))
    found = examine(lambda: Loop(trained("binary"), data, held, 0.5), prove=False)
    assert found.verdict.healthy, str(found)


def test_an_empty_batch_at_the_end_of_each_epoch_is_no_wrong_sign():
    def train(images, labels, rate, seed, monitor):
        class Ends(Monitor):
            def observe(self, loss, **given):
                monitor.observe(loss, **given)
                if monitor.step % 41 == 40:
                    monitor.observe(float("nan"))

        return trained()(images, labels, rate, seed, Ends())

    found = examine(lambda: Loop(train, DATA, HELD, 0.5), prove=False)
    assert found.verdict.name == "loss-not-finite"
    assert found.outcome.accuracy > 0.6


def test_a_run_that_broke_and_learns_nothing_has_not_recovered():
    monitor, outputs, labels = Monitor(10), np.eye(10)[np.arange(40) % 10], np.arange(40) % 10
    for step in range(1, 101):
        loss = np.inf if step in (2, 3) else 2.303
        monitor.observe(loss, outputs=np.roll(outputs, 3, 0) * 0, labels=labels)
    assert monitor.verdict().name != "loss-not-finite"


@pytest.mark.parametrize(
    ("batch", "name"),
    [
        (np.sort(np.arange(20) % 10), ""),
        (np.arange(20) % 10, ""),
        (np.arange(20) * 7 % 11 % 10, "same-batch"),
    ],
)
def test_batches_with_all_classes_in_order_need_not_be_one(batch, name):
    e = Evidence(classes=10, batch=20, given=800, labels=[batch] * 100)
    e.hits, e.probes["training part"] = [1.0] * 100, 0.5
    said = same_batch(e)
    assert (said.id if said else "") == name
    e.given = 30
    assert same_batch(e) is None


def test_of_few_held_out_images_no_numbers_of_classes_are_read():
    images, labels = DATA.images[:200], DATA.labels[:200]
    other = (HELD.labels.astype(np.int64) + 1) % 10
    assert other_numbers(images, labels, HELD.images[:30], other[:30]) is None
    assert other_numbers(images, labels, HELD.images[:200], other[:200]) is not None


def test_what_beats_a_guess_where_there_is_little_room():
    e = Evidence(classes=2, counts=np.array([92, 8]), experiments={"base": 0.08})
    assert not beats(e, 0.92)
    assert not beats(e, 0.95)
    assert beats(e, 0.97)


def test_a_run_that_is_good_is_beaten_by_as_much_as_one_that_is_bad():
    e = Evidence(classes=10, counts=np.full(10, 100), experiments={"base": 0.84})
    assert not beats(e, 0.94, 0.2)
    assert not beats(e, 0.93)
    assert beats(e, 0.95)


def test_gradients_that_are_doubted_are_told_whatever_else_is_said():
    e = Evidence(classes=10, steps=[1, 2], losses=[2.3, 2.2])
    e.doubts.append(Diagnosis("backward-wrong", "No slope.", fix="Look."))
    verdict = verdict_of(e)
    assert verdict.undecided == "not enough seen to tell"
    assert "No slope. Look." in verdict.notes


def test_a_rate_that_fades_is_seen_where_only_the_rate_is_told():
    class Told(Deaf):
        def observe(self, loss, **given):
            self.heard.observe(loss, outputs=given["outputs"], rate=given["rate"])

    def train(images, labels, rate, seed, monitor):
        return trained("fades")(images, labels, rate, seed, Told(monitor))

    found = examine(lambda: Loop(train, DATA, HELD, 0.5), prove=False)
    assert found.verdict.name == "rate-fades"


def test_large_gradients_beside_steps_of_adams_do_not_fade():
    e = Evidence(classes=2, by_hand=True, steps=list(range(1, 201)), losses=[0.7] * 200)
    e.probes["neighbours"], e.hits = 0.9, [0.5] * 200
    seen = [
        ParameterSignals(n, 1.0, 0.1, gradient, update, matrix=True)
        for n, gradient, update in [(1, 1.0, 0.1), (2, 1.0, 0.1), (100, 1e4, 0.1), (200, 1e4, 0.1)]
    ]
    e.parameters["w"] = seen
    assert fades(e) is None
    e.parameters["w"] = seen[:2] + [replace(s, gradient=1.0, update=1e-5) for s in seen[2:]]
    assert fades(e) is not None


def test_two_classes_told_as_one_are_no_other_numbers():
    labels = np.arange(300) % 3
    told = np.where(labels == 2, 0, labels + 1)  # one-to-one: 0, 1, 2 are told as 1, 2, 0
    assert renumbering(told, labels) == Numbers({0: 2, 1: 0, 2: 1}, 1.0)
    told = np.where(labels == 0, 1, np.arange(300) % 4)  # 0, 2, 3 are mostly of one class
    assert renumbering(told, labels) is None


def test_weights_that_are_drawn_anew_in_each_epoch_are_named():
    found = examine(lambda: Loop(trained("redrawn"), DATA, HELD, 0.2), prove=False)
    assert found.verdict.name == "weights-redrawn"
    assert found.evidence.redrawn == {"W1": (32, 64)}


def follow(monitor, weights):
    for w in weights:
        monitor.observe(2.3, parameters={"w": w}, gradients={"w": np.ones_like(w)})
    return monitor.evidence.redrawn


def test_weights_that_steps_have_moved_are_not_taken_for_others():
    random = np.random.default_rng(0)
    w, other, drift = random.normal(size=(3, 30, 40))
    small, large = 1e-3 * drift, drift
    assert follow(Monitor(), [w, w + small, w, other]) == {"w": (2, 4)}
    assert follow(Monitor(), [1 + w, 1 + w + small, 1 + w, 1 + other]) == {"w": (2, 4)}
    assert not follow(Monitor(), [w, w + large, w - large, w + 1.5 * large])  # at a high rate
    assert not follow(Monitor(), [w, w + small, w, 0.1 * other])
    assert not follow(Monitor(), [w, w + small, w, w + large])
    assert not follow(Monitor(), [w[:12], (w + small)[:12], w[:12], other[:12]])
    assert not follow(Monitor(), [w, w + small, w, np.ones_like(w)])


def test_few_weights_may_lie_on_one_side_by_chance():
    monitor = Monitor(2)
    few, many = np.full((2, 14), 3.0), np.full((2, 15), 3.0)
    monitor.observe(0.7, parameters={"few": few, "many": many}, labels=[0, 1])
    starts = monitor.evidence.starts
    assert (starts["few"].mean, starts["many"].mean) == (None, 3)


def test_the_guess_is_that_of_the_images_that_are_counted():
    held = HELD.subset(np.flatnonzero(HELD.labels == 3))

    def train(images, labels, rate, seed, monitor):
        trained("")(images[:200], labels[:200], 1e-5, seed, monitor)
        return lambda x: np.tile(np.eye(10)[3], (len(x), 1))

    found = examine(lambda: Loop(train, DATA, held, 0.5), experiments=False, prove=False)
    assert found.evidence.validation == found.evidence.held_out_chance == 1
    assert not found.verdict.healthy


@pytest.mark.parametrize(
    ("given", "words"),
    [(np.zeros((0, 10)), "an empty array"), (np.array(["a"]), "an array of <U1"), ("a", "str")],
)
def test_outputs_that_are_none_are_told_as_what_they_are(given, words):
    monitor = Monitor(10)
    monitor.observe(2.3, outputs=given, labels=[1])
    assert monitor.evidence.notes == [
        f"The outputs were left out: they must be an array of numbers. Got {words}."
    ]
