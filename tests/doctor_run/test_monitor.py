from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from doctor_run.numpy_loop import trained
from sixloops.doctor.faults.runs import healthy
from sixloops.doctor.faults.runs.cases import part
from sixloops.doctor.layer.guard import Guard
from sixloops.doctor.run import Loop, Monitor, examine
from sixloops.doctor.run.experiments import Trials, decided_by_zeros


def examined(mistake="", rate=0.5, **options):
    data, held = part("mnist", 5, 800)
    return examine(lambda: Loop(trained(mistake), data, held, rate), **options)


@pytest.mark.parametrize("style", ["", "rows"])
def test_a_healthy_loop_is_healthy_in_one_line(style):
    found = examined(style)
    assert found.verdict.healthy
    assert str(found).splitlines()[0] == "The run: healthy."


@pytest.mark.parametrize(
    ("mistake", "name"),
    [
        ("bytes", "inputs-not-scaled"),
        ("twice", "inputs-scaled-twice"),
        ("zeros", "weights-zero"),
        ("relu", "relu-on-logits"),
        ("sorted", "sorted-by-class"),
        ("biases", "bias-never-updated"),
        ("axis", "metric-wrong"),
        ("sign", "sign"),
        ("mixed", "images-mixed"),
        ("buffer", "input-ignored"),
        ("leak", "labels-leak"),
    ],
)
def test_a_mistake_in_a_loop_is_named(mistake, name):
    assert examined(mistake, prove=False).verdict.name == name


@pytest.mark.parametrize(("rate", "name"), [(300, "rate-too-high"), (0.001, "rate-too-low")])
def test_a_wrong_rate_is_named_and_the_fix_proved(rate, name):
    found = examined(rate=rate)
    assert found.verdict.name == name
    assert found.proof.after > 0.75 > found.proof.before


def observed(gradient, steps=40, loss="mean"):
    """Return a monitor that saw a softmax whose outputs' bias is said to have a gradient."""
    random = np.random.default_rng(0)
    labels = np.arange(20) % 10
    monitor = Monitor(classes=10)
    for _ in range(steps):
        z = 3 * random.normal(size=(20, 10))
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        losses = -np.log(p[np.arange(20), labels])
        gradients = [np.ones((5, 10)), gradient(p - np.eye(10)[labels])]
        told = losses.mean() if loss == "mean" else losses.sum()
        one_hot = np.eye(10)[labels]
        monitor.observe(told, outputs=z, labels=one_hot, gradients=iter(gradients))
    return monitor


def test_a_mean_loss_with_the_gradient_of_the_sum_is_named():
    verdict = observed(lambda error: error.sum(axis=0)).verdict()
    assert verdict.name == "summed-gradient"
    assert "20 times as large" in str(verdict)
    for other in (
        observed(lambda error: error.mean(axis=0)),
        observed(lambda error: error.sum(axis=0), loss="sum"),
        observed(lambda error: error.sum(axis=0) * 0.9),
    ):
        assert other.verdict().sick
        assert other.verdict().name != "summed-gradient"


def test_a_loop_that_learns_is_told_what_was_not_proved():
    assert "4 parameters agree with the slopes" in " ".join(examined().verdict.notes)
    found = examined(experiments=False)
    assert "sixloops doctor layer FILE.py:NAME" in " ".join(found.verdict.notes)
    assert "of the answers were right, where the nearest" in found.verdict.examined
    case = healthy("dense", seed=1)
    assert "proves each layer's" not in str(examine(lambda: case, prove=False))


def test_a_slow_run_is_healthy_and_told_to_be_slow():
    found = examined(rate=0.04)
    assert found.verdict.healthy
    assert "at ten times the rate the same seed has 8" in found.verdict.notes[0]
    assert 0 < found.evidence.experiments["tenth"] < found.evidence.experiments["base"]


def test_a_test_path_of_its_own_is_named():
    data, held = part("mnist", 5, 800)

    def train(images, labels, rate, seed, monitor):
        predict = trained()(images, labels, rate, seed, monitor)
        return lambda images: predict(255.0 - images)

    found = examine(lambda: Loop(train, data, held, 0.5), prove=False)
    assert found.verdict.name == "prepared-otherwise"


def test_the_loss_alone_tells_that_nothing_is_learnt():
    monitor = Monitor(classes=10)
    for _ in range(40):
        monitor.observe(2.303, labels=np.arange(32) % 10)
    verdict = monitor.verdict()
    assert not verdict.healthy
    assert not verdict.diagnoses
    assert "is what a network reaches that says the same" in " ".join(str(verdict).split())


def test_a_falling_loss_alone_is_healthy():
    monitor = Monitor()
    for step in range(60):
        monitor.observe(2.3 / (1 + step / 10))
    assert monitor.verdict().healthy


def test_what_is_no_array_is_noted_and_never_raised():
    monitor = Monitor()
    nonsense = [object(), "abc", [[1], [2, 3]], {"a": None}, np.zeros((0, 3))]
    for given in nonsense:
        monitor.observe(1.0, outputs=given, labels=given, inputs=given, parameters=given)
        monitor.observe(1.0, gradients=given, activations=given, accuracy=0.5)
    monitor.observe(float("nan"), outputs=np.full((2, 3), np.nan), labels=np.array([0, 7]))
    verdict = monitor.verdict()
    assert not verdict.healthy
    assert str(verdict)


def test_labels_outside_the_classes_are_named():
    monitor = Monitor(classes=10)
    for _ in range(5):
        monitor.observe(2.3, labels=np.arange(1, 11))
    assert monitor.verdict().name == "labels-outside"


def test_arrays_of_another_framework_are_detached():
    class Tensor:
        def detach(self):
            return self

        def cpu(self):
            return np.ones((4, 3))

    monitor = Monitor()
    monitor.observe(1.0, activations={"layer": Tensor()})
    assert monitor.evidence.layers["layer"][0].mean == 1


def looked_at(steps, **given):
    """Return when a loop that observes some steps would be looked at, and was."""
    monitor, due = Monitor(), []
    for step in steps:
        due += [step] if monitor.due(step) else []
        monitor.observe(1.0, step=step, **given)
    return monitor, due


@pytest.mark.parametrize("given", ["parameters", "activations", "outputs", "inputs", "gradients"])
def test_costly_signals_are_sampled(given):
    expected = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 768, 1024]
    monitor, due = looked_at(range(1, 1025), **{given: [np.ones((2, 3))]})
    assert due == expected
    for step in range(1024):
        assert monitor.next_due(step) == next(number for number in expected if number > step)


def test_a_loop_that_skips_steps_is_looked_at():
    weights = {"w": np.ones((2, 3))}
    monitor, due = looked_at(range(10, 2001, 10), parameters=weights)
    assert due == [10, 20, 40, 70, 130, 260, 520, 770, 1030, 1280, 1540, 1800]
    assert [seen.step for seen in monitor.evidence.parameters["w"]] == due


def test_a_loop_that_hands_over_some_steps_arrays_is_looked_at_then():
    monitor = Monitor()
    for step in range(1, 1001):
        monitor.observe(1.0, activations=[np.ones((2, 3))] if step % 100 == 0 else None)
    assert [seen.step for seen in monitor.evidence.layers["layer 0"]] == [
        *(100, 200, 300, 600, 800),
    ]


def test_parameters_may_come_from_an_iterator_or_nested():
    weights = {"conv": {"w": np.eye(3), "b": [0.0, 1.0]}, "dense": [np.eye(2), None]}
    monitor = Monitor()
    monitor.observe(1.0, parameters=weights, gradients=iter([("conv.w", np.eye(3))]))
    assert [*monitor.evidence.parameters] == ["conv.w", "conv.b", "dense.0"]
    assert monitor.evidence.parameters["conv.w"][0].gradient == pytest.approx(3**0.5)
    monitor = Monitor()
    monitor.observe(1.0, parameters=(w for w in (np.eye(3), np.ones(2))))
    assert [*monitor.evidence.parameters] == ["parameter 0", "parameter 1"]
    assert not monitor.evidence.notes


def test_what_is_left_out_is_told_once():
    monitor = Monitor()
    for _ in range(4):
        weights = {"w": np.eye(3), "name": "conv", "more": {"act": len}}
        monitor.observe(1.0, labels=["cat", "dog"], parameters=weights, inputs="cat.png")
    assert monitor.verdict().notes[:3] == (
        "The labels were left out: they must be an array of numbers. Got list.",
        "The inputs were left out: they must be an array of numbers. Got str.",
        "Of the parameters some were left out, which are no arrays of numbers: name, more.act.",
    )


@pytest.mark.parametrize(("images", "healthy"), [(20, False), (2000, True)])
def test_an_accuracy_on_few_held_out_images_proves_little(images, healthy):
    monitor = Monitor(classes=10)
    for _ in range(100):
        monitor.observe(2.29, labels=np.arange(32) % 10)
    monitor.observe(2.29, accuracy=0.25, labels=np.arange(images) % 10, training=False)
    assert monitor.verdict().healthy == healthy


def test_the_accuracy_of_the_last_steps_counts():
    labels, monitor = np.arange(40) % 10, Monitor()
    for step in range(1, 41):
        outputs = np.eye(10)[labels if step >= 20 else (labels + 1) % 10]
        monitor.observe(2.3 / step, outputs=outputs, labels=labels)
    assert monitor.evidence.accuracy == 0.5  # looked at after 16 and after 32 steps


def told_by_the_order(images, labels, rate, seed, monitor):
    """Learn nothing, and look the answers up by the images' places."""
    for _ in range(40):
        monitor.observe(2.303, labels=labels[:20], rate=rate)
    return lambda images: np.eye(10)[labels[: len(images)]]


def test_answers_that_do_not_need_images_are_named():
    data, _ = part("mnist", 5, 800)
    found = examine(lambda: Loop(told_by_the_order, data, data), prove=False)
    assert found.verdict.name == "labels-leak"


@pytest.mark.parametrize(("mistake", "apart"), [("buffer", True), ("", False)])
def test_zeros_for_images_separate_who_looks_from_who_does_not(mistake, apart):
    data, held = part("mnist", 5, 800)
    loop = Loop(trained(mistake), data, held, 0.5)
    outcome = loop.run()
    assert decided_by_zeros(loop, Trials(Guard(60), outcome.evidence, outcome)) == apart
    assert (outcome.evidence.probes["zero apart"] < 1e-9) == apart
    assert outcome.evidence.experiments["zero"] < 0.2


def test_a_loop_that_bears_no_zeros_is_examined_all_the_same():
    data, held = part("mnist", 5, 800)

    def train(images, labels, rate, seed, monitor):
        if not images.any():
            raise ValueError("images without ink")
        predict = trained("buffer")(images, labels, rate, seed, monitor)
        return lambda x: predict(x / np.max(x, initial=0, where=x > 0))

    found = examine(lambda: Loop(train, data, held, 0.5), prove=False)
    assert not found.verdict.healthy
    assert "images without ink" in " ".join(found.verdict.notes)


@pytest.mark.parametrize("shape", [(1, 1, 5, 5), (1, 2, 3, 3)])
def test_a_single_filter_is_not_taken_for_constant_weights(shape):
    monitor, random = Monitor(classes=10), np.random.default_rng(0)
    weights = {"K": random.normal(size=shape), "W": random.normal(size=(10, 20))}
    monitor.observe(2.3, parameters=weights)
    assert monitor.evidence.starts["K"].spread > 0
    assert monitor.verdict().name != "weights-constant"


@pytest.mark.parametrize("shape", [(1, 1, 5, 5), (4, 1, 5, 5)])
def test_a_single_filter_of_equal_weights_is_named(shape):
    monitor = Monitor(classes=10)
    monitor.observe(2.3, parameters={"K": np.full(shape, 0.1), "W": np.eye(5)})
    assert monitor.verdict().name == "weights-constant"


class Stubborn:
    def __repr__(self):
        return "Stubborn()"

    def __float__(self):
        raise RuntimeError("a loss is no number")


@pytest.mark.parametrize(
    "given",
    [
        {"step": float("nan")},
        {"step": float("inf")},
        {"step": "3a"},
        {"loss": Stubborn()},
        {"loss": None},
        {"labels": [10**10]},
        {"labels": [10**25, 1]},
        {"labels": [float("inf"), 1.0]},
        {"accuracy": Stubborn()},
        {"rate": "fast"},
    ],
    ids=str,
)
@pytest.mark.parametrize("training", [True, False])
def test_nothing_that_is_observed_raises(given, training):
    monitor = Monitor()
    monitor.observe(**{"loss": 1.0, "training": training, **given})
    assert len(monitor.evidence.counts) < 1000
    monitor.observe(1.0, labels=[0, 1, 2])
    assert monitor.step in (1, 2)
    assert len(monitor.evidence.counts) == 3
    assert str(monitor.verdict())


def percents(accuracy, outputs=None, labels=None, loss=2.303, steps=300, **given):
    monitor = Monitor(**given)
    for _ in range(steps):
        monitor.observe(loss, accuracy=accuracy, outputs=outputs, labels=labels)
    return monitor


def test_a_guess_in_percent_is_not_healthy():
    monitor = percents(10.0)
    assert monitor.verdict().sick
    assert "percent" in " ".join(monitor.verdict().notes)


@pytest.mark.parametrize("unit", [1, 100])
def test_an_accuracy_in_percent_is_no_wrong_count(unit):
    random, monitor = np.random.default_rng(0), Monitor()
    for step in range(300):
        for images, training in ((40, True), (400, False))[: 1 + (step % 50 == 49)]:
            labels = random.integers(0, 10, images)
            outputs = random.normal(size=(images, 10)) + 0.01 * step * np.eye(10)[labels]
            told = unit * (outputs.argmax(axis=1) == labels).mean()
            loss = (np.log(np.exp(outputs).sum(axis=1)) - outputs[np.arange(images), labels]).mean()
            batch = {"outputs": outputs, "labels": labels, "accuracy": told}
            monitor.observe(loss, training=training, **batch)
    verdict = monitor.verdict()
    assert verdict.healthy
    assert ("percent" in " ".join(verdict.notes)) == (unit == 100)
    assert monitor.verdict() == verdict


def test_a_wrong_count_in_percent_is_named():
    labels = np.arange(40) % 10
    monitor = percents(12.0, 3 * np.eye(10)[labels] - 1, labels, loss=0.37)
    assert monitor.verdict().name == "metric-wrong"


def test_a_count_of_right_answers_is_no_percentage():
    labels = np.arange(40) % 10
    monitor = percents(40.0, 3 * np.eye(10)[labels] - 1, labels, loss=0.37)
    assert monitor.verdict().name == "metric-wrong"
    assert "an accuracy of 40.000" in monitor.verdict().diagnoses[0].sentence


def test_what_is_no_accuracy_is_left_out():
    verdict = percents(2500.0).verdict()
    assert verdict.sick
    assert "2500" in " ".join(verdict.notes)


def test_held_out_accuracies_have_a_unit_of_their_own():
    monitor = percents(0.1)
    monitor.observe(2.303, accuracy=11.0, training=False)
    assert monitor.verdict().sick
    assert "percent" in " ".join(monitor.verdict().notes)


def test_a_loop_may_count_in_percent():
    class Percent:
        def __init__(self, monitor):
            self.monitor = monitor

        def observe(self, loss, accuracy, **given):
            self.monitor.observe(loss, accuracy=100 * accuracy, **given)

    def train(images, labels, rate, seed, monitor):
        return trained()(images, labels, rate, seed, Percent(monitor))

    data, held = part("mnist", 5, 800)
    found = examine(lambda: Loop(train, data, held, 0.5))
    assert found.verdict.healthy
    assert max(found.evidence.hits) <= 1


def test_a_case_may_count_in_percent():
    case = healthy("dense", seed=5)

    def accuracy(outputs, labels):
        return 100 * (outputs.argmax(axis=1) == labels).mean()

    found = examine(lambda: replace(case, accuracy=accuracy), prove=False)
    assert found.verdict.healthy


def fed(order, batch, **given):
    """Return the verdict on labels that come in an order, with a loss that falls."""
    monitor = Monitor(classes=10)
    batches = [order[at : at + batch] for at in range(0, len(order) - batch + 1, batch)]
    for step, labels in enumerate(batches, 1):
        monitor.observe(2.3 / step, labels=labels, accuracy=min(0.99, step / 20), **given)
    return monitor.verdict()


def test_the_order_within_a_batch_does_not_matter():
    random = np.random.default_rng(0)
    stratified = np.tile(np.repeat(np.arange(10), 8), 30)
    assert fed(stratified, 80).name == ""
    twins = np.repeat(random.integers(0, 10, 1200), 2)  # each image, and then mirrored
    assert fed(twins, 40).name == ""
    assert fed(np.sort(random.integers(0, 10, 2400)), 40).name == "sorted-by-class"
    assert fed(np.sort(random.integers(0, 10, 2400)), 1).name == "sorted-by-class"
    assert fed(np.zeros(2400, np.int64), 40).name != "sorted-by-class"


@pytest.mark.parametrize("values", [(-1, 1), (238, 300_000, 7), (-3, 0, 12)])
def test_numbers_to_be_told_by_one_output_are_no_classes(values):
    random, monitor = np.random.default_rng(0), Monitor()
    for step in range(1, 200):
        targets = random.choice(values, 32)
        monitor.observe(300 / step**2, outputs=targets[:, None] + 0.1, labels=targets)
    assert monitor.verdict().healthy, str(monitor.verdict())
    assert not len(monitor.evidence.counts)


def test_a_label_of_minus_one_stands_for_none_unless_the_last_class_is_missing():
    random = np.random.default_rng(0)
    for labels, name in ((random.integers(0, 10, 30), ""), (np.arange(29) % 9, "labels-outside")):
        monitor = Monitor(classes=10)
        for step in range(1, 100):
            monitor.observe(2.3 / step, labels=np.append(labels, -1), accuracy=min(0.95, step / 20))
        assert monitor.verdict().name == name


def test_a_first_loss_that_is_not_finite_is_not_the_rates():
    monitor = Monitor(classes=10)
    for _ in range(30):
        monitor.observe(float("nan"), labels=np.arange(10))
    assert monitor.verdict().name == "not-finite"


def test_an_infinite_accuracy_is_left_out():
    monitor = Monitor()
    monitor.observe(1.0, accuracy=float("inf"))
    assert "reports up to inf" in " ".join(monitor.verdict().notes)


def test_a_weight_that_never_changes_is_no_bias_whatever_its_name():
    def said(name, shape):
        random, monitor = np.random.default_rng(0), Monitor()
        still, other = random.normal(size=shape), random.normal(size=(4, 4))
        for step in range(1, 60):
            other = other - 0.01
            given = {name: np.ones(shape), "other": np.ones((4, 4))}
            parameters = {name: still, "other": other}
            monitor.observe(2.3 / step, parameters=parameters, gradients=given, rate=0.01)
        return monitor.verdict().name

    assert said("embed", (4, 5)) == "never-updated"
    assert said("b", (5,)) == "bias-never-updated"


def test_a_loop_may_change_its_images_in_place():
    data, held = part("mnist", 5, 300)
    floats = [type(d)(d.images.astype(np.float64), d.labels, 10) for d in (data, held)]
    before = floats[0].images.copy()

    def train(images, labels, rate, seed, monitor):
        images /= 255
        return lambda x: (
            monitor.observe(2.3) or np.eye(10)[labels[0]] + 0 * x.reshape(len(x), -1)[:, :10]
        )

    examine(lambda: Loop(train, *floats), prove=False)
    assert np.array_equal(floats[0].images, before)


def test_a_loop_that_raises_since_it_blew_up_is_judged_and_any_other_is_not():
    data, held = part("mnist", 5, 300)

    def loop(grows, error):
        def train(images, labels, rate, seed, monitor):
            for step in range(60):
                monitor.observe(2.3 * (3.0**step if grows else 1), labels=labels[:20], rate=rate)
            raise error

        return examine(lambda: Loop(train, data, held), experiments=False, prove=False)

    found = loop(True, ValueError("the loss is not finite"))
    assert found.verdict.name == "rate-too-high"
    assert "the loop raised ValueError: the loss is not finite" in str(found)
    assert "IndexError: too far" in str(loop(False, IndexError("too far")))
    assert loop(False, IndexError("too far")).evidence is None


def test_a_loop_is_asked_about_images_from_all_of_the_data():
    data, _ = part("mnist", 5, 3000)
    ordered = data.subset(np.argsort(data.labels, kind="stable"))

    def train(images, labels, rate, seed, monitor):
        monitor.observe(2.3)
        return lambda x: np.tile(np.eye(10)[0], (len(x), 1))  # all are 0

    outcome = Loop(train, ordered, ordered).run()
    assert outcome.accuracy == pytest.approx(0.1, abs=0.04)
    assert outcome.evidence.evaluations[-1].images == 1000
    assert len(np.unique(Loop(train, ordered).first(32, 1).data.labels)) == 10


def test_dropout_that_stays_on_is_named():
    data, held = part("mnist", 5, 800)

    def train(images, labels, rate, seed, monitor):
        right, random = trained()(images, labels, rate, seed, monitor), np.random.default_rng(0)

        def predict(x):
            z = right(x)
            return z * (random.random(z.shape) > 0.2)

        return predict

    found = examine(lambda: Loop(train, data, held, 0.5), prove=False)
    assert found.verdict.name == "random-evaluation"


@pytest.mark.parametrize(
    ("accuracies", "images", "name"),
    [
        (np.linspace(0.70, 0.84, 12), 200, ""),  # it learns
        ([0.95, 0.78] * 6, 100, ""),  # more than chance
        (0.85 + 0.05 * np.random.default_rng(2).normal(size=12), 50, "evaluated-on-few"),
    ],
)
def test_only_an_accuracy_that_goes_up_and_down_by_chance_is_one_of_few_images(
    accuracies, images, name
):
    monitor = Monitor(classes=10)
    for number, accuracy in enumerate(accuracies, 1):
        for _ in range(20):
            monitor.observe(2.3 / number, labels=np.arange(20) % 10, accuracy=min(0.9, number / 10))
        labels = np.arange(images) % 10
        monitor.observe(2.3 / number, labels=labels, accuracy=float(accuracy), training=False)
    assert monitor.verdict().name == name


@pytest.mark.parametrize("for_ever", [True, False])
def test_a_loss_that_is_infinite_from_the_start_does_not_rise(for_ever):
    def train(images, labels, rate, seed, monitor):
        z = np.tile(np.linspace(-1, 1, 10), (len(images), 1))
        for _ in range(60):
            infinite = for_ever or monitor.step == 0
            monitor.observe(np.inf if infinite else 2.3, outputs=z, labels=labels)
        return lambda x: np.tile(z[0], (len(x), 1))

    data, held = part("mnist", 5, 800)
    verdict = examine(lambda: Loop(train, data, held, 0.1)).verdict
    assert "not-finite" in {each.id for each in (*verdict.diagnoses, *verdict.alternatives)}
    assert "The loss rises" not in str(verdict)
    assert "as a run counts whose numbers become infinite" in str(verdict)
