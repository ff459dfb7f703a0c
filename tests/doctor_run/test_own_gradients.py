"""Gradients of a loop written by hand, held against the slopes of its loss."""

import sys

import numpy as np
import pytest

from sixloops.data import Dataset
from sixloops.doctor.faults.runs.cases import part
from sixloops.doctor.run import Loop, examine
from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.own_gradients import check_gradients

examining = sys.modules["sixloops.doctor.run.examine"]  # the function has the module's name


def softmax(z):
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


CHANGED = {
    "bias of one image": lambda g, d1, w: [g[0], d1[0], *g[2:]],
    "bias averaged twice": lambda g, d1, w: [*g[:3], g[3] / 20],
    "adam": lambda g, d1, w: [each / np.sqrt(each**2 + 1e-8) for each in g],
    "centralised": lambda g, d1, w: [
        g[0] - g[0].mean(axis=0),
        g[1],
        g[2] - g[2].mean(axis=0),
        g[3],
    ],
    "each clipped": lambda g, d1, w: [each / max(np.linalg.norm(each), 0.1) for each in g],
    "twice the rate for biases": lambda g, d1, w: [g[0], 2 * g[1], g[2], 2 * g[3]],
    "decay alone": lambda g, d1, w: [1e-5 * each for each in w],
    "values clipped": lambda g, d1, w: [np.clip(each, -0.01, 0.01) for each in g],
    "one value clipped": lambda g, d1, w: [*g[:3], np.clip(g[3], -0.3, 0.3)],
    "bias left out": lambda g, d1, w: [g[0], 0 * g[1], *g[2:]],
    "bias not averaged": lambda g, d1, w: [*g[:3], 20 * g[3]],
    "penalty": lambda g, d1, w: [each + 0.3 * p for each, p in zip(g, w, strict=True)],
    "clipped": lambda g, d1, w: [0.1 * each for each in g],
    "growth": lambda g, d1, w: [g[0] - 0.01 * w[0], g[1], g[2] - 0.01 * w[2], g[3]],
    "one grows": lambda g, d1, w: [g[0] - 0.01 * w[0], *g[1:]],
}
"""What becomes of the gradients, given also the first layer's error and the parameters."""


def forward(x, w, mistake, random):
    z = x @ w[0] + w[1]
    hidden = np.maximum(z, 0) if mistake == "kinks" else np.tanh(z)
    if mistake.startswith("dropout") and len(x) > 1:
        hidden = hidden * (random.random(hidden.shape) < 0.5) * 2
    outputs = hidden @ w[2] + w[3]
    return hidden, outputs - outputs.mean(axis=0) if mistake == "batch" else outputs


def loss_and_error(z, labels, mistake):
    wanted = np.eye(z.shape[1])[labels]
    if mistake == "squared error":
        return np.square(z - wanted).sum(axis=1).mean() / 2, (z - wanted) / len(z)
    p = softmax(z)
    error = wanted - p if mistake == "turned" else p - wanted
    loss = -np.log(p[np.arange(len(z)), labels]).mean()
    if mistake == "softmax twice":
        error = error * p * (1 - p)
    return loss, error if mistake == "summed" else error / len(z)


def gradients(x, hidden, d2, w, mistake):
    if mistake == "last image":
        x, hidden, d2 = x[-1:], hidden[-1:], d2[-1:]
    if mistake == "another's error":
        d2 = d2[::-1]
    slope = {"kinks": hidden > 0, "no slope": 1}.get(mistake, 1 - hidden**2)
    if mistake == "neighbour's error":
        d2 = np.roll(d2, 1, axis=0)
    d1 = d2 @ w[2].T * slope
    g = [x.T @ d1, d1.sum(axis=0), hidden.T @ d2, d2.sum(axis=0)]
    return CHANGED[mistake](g, d1, w) if mistake in CHANGED else g


def loop(mistake="", dtype=np.float64, data=None):
    """Return the loop of a network of two layers, with a mistake or a habit."""
    data = part("mnist", 5, 200)[0] if data is None else data

    def flat(images):
        return (images.reshape(len(images), -1) / 255).astype(dtype)

    def train(images, labels, rate, seed, monitor):
        random, x = np.random.default_rng(seed), flat(images)
        classes = data.class_count
        shapes = [(x.shape[1], 20), (20,), (20, classes), (classes,)]
        w = [(random.normal(size=s) / s[0] ** 0.5).astype(dtype) for s in shapes]
        if mistake.endswith("weights of 0"):
            w[2] *= 0
        velocity = [np.zeros_like(each) for each in w]
        for start in range(0, 3 * len(x), 20):
            rows = np.arange(start, start + 20) % len(x)
            hidden, z = forward(x[rows], w, mistake, random)
            loss, error = loss_and_error(z, labels[rows], mistake)
            g = gradients(x[rows], hidden, error.astype(dtype), w, mistake)
            if mistake == "momentum":
                velocity = g = [0.9 * v + each for v, each in zip(velocity, g, strict=True)]
            for number, each in enumerate(g):
                if mistake == "new arrays":
                    w[number] = w[number] - rate * each
                else:
                    w[number] -= rate * each
            handed = [each.copy() for each in w] if mistake == "copies" else w
            told = {"outputs": z, "labels": labels[rows], "gradients": g}
            monitor.observe(loss, parameters=iter(handed), **told)
        return lambda images: forward(flat(images), w, mistake, random)[1]

    return Loop(train, data, None, 0.1)


def checked(*given, **options):
    """Return what is said of a loop's gradients, and how many were proved."""
    evidence = Evidence(classes=10, batch=20)
    return check_gradients(loop(*given, **options), evidence), evidence.proved


@pytest.mark.parametrize(
    "habit",
    ["", "momentum", "penalty", "clipped", "new arrays", "kinks", "squared error", "summed"],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_right_gradients_are_proved(habit, dtype):
    assert checked(habit, dtype=dtype) == (None, 4)


def test_a_batch_of_another_type_and_form():
    images = np.random.default_rng(0).integers(0, 255, (60, 3, 5, 4), np.uint8)
    data = Dataset(images, np.arange(60) % 10)
    assert checked(data=data) == (None, 4)


@pytest.mark.parametrize(
    ("mistake", "wrong", "right"),
    [
        ("no slope", ["parameter 0", "parameter 1"], ["parameter 2", "parameter 3"]),
        ("bias not averaged", ["parameter 3"], ["parameter 0", "parameter 1", "parameter 2"]),
        ("bias averaged twice", ["parameter 3"], ["parameter 0", "parameter 1", "parameter 2"]),
        ("bias of one image", ["parameter 1"], ["parameter 0", "parameter 2", "parameter 3"]),
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_wrong_gradients_are_found_and_said(mistake, wrong, right, dtype):
    said, _ = checked(mistake, dtype=dtype)
    assert said.id == "backward-wrong"
    assert f"loss: {', '.join(wrong)};" in said.sentence
    assert said.sentence.endswith(f"Right: {', '.join(right)}.")
    if mistake == "bias not averaged":
        assert "is 20 times the slope (the batch)" in said.sentence


@pytest.mark.parametrize("mistake", ["", "bias not averaged", "bias averaged twice"])
def test_a_bias_of_few_classes_is_measured_too(mistake):
    """A change of all three biases alike is one that softmax does not see."""
    few = part("mnist", 5, 200)[0]
    data, evidence = Dataset(few.images, few.labels % 3), Evidence(classes=3, batch=20)
    said = check_gradients(loop(mistake, data=data), evidence)
    if mistake:
        assert "loss: parameter 3;" in said.sentence
    else:
        assert (said, evidence.proved) == (None, 4)


@pytest.mark.parametrize("mistake", ["last image", "another's error"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gradients_that_are_right_for_copies_alone_are_found(mistake, dtype):
    said, _ = checked(mistake, dtype=dtype)
    assert said.id == "backward-wrong"
    assert "for copies of one image, and not for images that differ: parameter 0" in said.sentence


def test_what_agrees_for_copies_alone_is_not_proved():
    assert checked("neighbour's error")[1] == 0


@pytest.mark.parametrize("habit", ["softmax twice", "centralised"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_that_no_gradient_is_right_is_told_and_named_where_the_run_falls_short(habit, dtype):
    evidence = Evidence(classes=10, batch=20)
    assert check_gradients(loop(habit, dtype=dtype), evidence) is None
    words = (
        "No gradient that is handed over is a multiple of the loss's slope: not parameter 0 nor "
    )
    assert evidence.notes[0].startswith(words + "parameter 2.")
    evidence = Evidence(classes=10, batch=20, broken="the loss is not finite")
    assert check_gradients(loop(habit, dtype=dtype), evidence).id == "backward-wrong"


def test_gradients_that_point_uphill_are_found():
    said, _ = checked("turned")
    assert said.id == "sign"
    assert "are -1 times the slopes" in said.sentence


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_penalty_that_makes_weights_grow_is_found(dtype):
    said, _ = checked("growth", dtype=dtype)
    assert (said.id, said.number) == ("weight-decay-sign", 27)
    assert "Gradients have -0.01 times the weights added" in said.sentence
    assert checked("one grows", dtype=dtype)[0] is None


@pytest.mark.parametrize(
    "habit",
    [
        *("dropout", "dropout, weights of 0", "batch", "copies"),
        *("adam", "centralised", "each clipped", "values clipped", "one value clipped"),
        "decay alone",
    ],
)
def test_what_cannot_be_measured_is_not_judged(habit):
    said, _ = checked(habit)
    assert said is None


@pytest.mark.parametrize("habit", ["bias left out", "twice the rate for biases"])
def test_factors_and_zeros_may_be_meant(habit):
    said, proved = checked(habit)
    assert said is None
    assert proved >= 2


@pytest.mark.parametrize("epochs", [3, 60])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_batch_normalisation_that_was_trained_for_long_is_not_judged(epochs, dtype):
    def train(images, labels, rate, seed, monitor):
        random = np.random.default_rng(seed)
        x = (images[:, 0] / 255).astype(dtype)
        u = (random.normal(size=(8, 28)) / 5).astype(dtype), np.zeros(8, dtype)
        w = (random.normal(size=(6, 8)) / 3).astype(dtype), np.zeros(6, dtype)
        v = (random.normal(size=(6, 10)) / 2).astype(dtype), np.zeros(10, dtype)
        mean, var = np.zeros(6), np.ones(6)

        def before(x):
            first = np.maximum(x @ u[0].T + u[1], 0)
            return first, first @ w[0].T + w[1]

        def behind(z, mean, var):
            n = (z - mean) / np.sqrt(var + 1e-5)
            return n, np.tanh(n), np.tanh(n).mean(axis=1) @ v[0] + v[1]

        for start in range(0, epochs * len(x), 20):
            rows = np.arange(start, start + 20) % len(x)
            first, z = before(x[rows])
            now = z.mean(axis=(0, 1)), z.var(axis=(0, 1))
            mean[...], var[...] = 0.9 * mean + 0.1 * now[0], 0.9 * var + 0.1 * now[1]
            n, hidden, outputs = behind(z, *now)
            loss, error = loss_and_error(outputs, labels[rows], "")
            dn = (error @ v[0].T)[:, None] / z.shape[1] * (1 - hidden**2)
            centred = dn - dn.mean(axis=(0, 1)) - n * (dn * n).mean(axis=(0, 1))
            dz = centred / np.sqrt(now[1] + 1e-5)
            d1 = dz @ w[0] * (first > 0)
            g = [np.einsum("nij,nik->jk", d1, x[rows]), d1.sum(axis=(0, 1))]
            g += [np.einsum("nij,nik->jk", dz, first), dz.sum(axis=(0, 1))]
            g += [hidden.mean(axis=1).T @ error, error.sum(axis=0)]
            for parameter, gradient in zip((*u, *w, *v), g, strict=True):
                parameter -= (rate * gradient).astype(dtype)
            told = {"outputs": outputs, "labels": labels[rows], "gradients": g}
            monitor.observe(loss, parameters=[*u, *w, *v], **told)
        return lambda images: behind(before((images[:, 0] / 255).astype(dtype))[1], mean, var)[2]

    evidence = Evidence(classes=10, batch=20)
    sound = Loop(train, part("mnist", 5, 200)[0], None, 0.1)
    assert (check_gradients(sound, evidence), evidence.proved) == (None, 0)


def test_what_is_wrong_is_told_and_named_where_the_run_falls_short(monkeypatch):
    for short, mistake in ((True, "no slope"), (False, "no slope"), (False, "")):
        monkeypatch.setattr(examining, "falls_short", lambda e, short=short: short)
        found = examine(lambda mistake=mistake: loop(mistake), prove=False)
        assert ("not the slope of the loss" in str(found)) == bool(mistake)
        assert (found.verdict.name == "backward-wrong") == bool(mistake)
        assert found.verdict.sick == short
    words = "4 parameters agree with the slopes of your loss."
    assert words in " ".join(found.verdict.notes)


def test_a_factor_of_its_own_is_told():
    evidence = Evidence(classes=10, batch=20)
    assert check_gradients(loop("twice the rate for biases"), evidence) is None
    assert "parameter 1: 2, parameter 3: 2." in evidence.notes[0]


def test_a_loop_that_never_ends_at_a_rate_of_0_is_told(monkeypatch):
    plain = loop().train

    def train(images, labels, rate, *given):
        while rate == 0:
            pass
        return plain(images, labels, rate, *given)

    monkeypatch.setattr(examining, "LEAST", 0.5)
    found = examine(lambda: Loop(train, part("mnist", 5, 200)[0], None, 0.1), prove=False)
    assert "not held against slopes: it was still running" in " ".join(found.verdict.notes)


def test_a_loop_that_cannot_run_at_a_rate_of_0_is_not_judged():
    plain = loop().train

    def train(images, labels, rate, *given):
        return plain(images, labels, 1 / (1 / rate), *given)

    found = examine(lambda: Loop(train, part("mnist", 5, 200)[0], None, 0.1), prove=False)
    assert found.verdict.healthy
    assert "'sixloops doctor layer FILE.py:NAME' proves" in " ".join(str(found).split())
