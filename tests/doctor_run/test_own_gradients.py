"""Gradients of a loop written by hand, held against the slopes of its loss."""

import numpy as np
import pytest

from sixloops.data import Dataset
from sixloops.doctor.faults.runs.cases import part
from sixloops.doctor.run import Loop, examine
from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.own_gradients import check_gradients


def softmax(z):
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


CHANGED = {
    "bias of one image": lambda g, d1, w: [g[0], d1[0], *g[2:]],
    "bias left out": lambda g, d1, w: [g[0], 0 * g[1], *g[2:]],
    "bias not averaged": lambda g, d1, w: [*g[:3], 20 * g[3]],
    "penalty": lambda g, d1, w: [each + 0.3 * p for each, p in zip(g, w, strict=True)],
    "clipped": lambda g, d1, w: [0.1 * each for each in g],
}
"""What becomes of the gradients, given also the first layer's error and the parameters."""


def forward(x, w, mistake, random):
    z = x @ w[0] + w[1]
    hidden = np.maximum(z, 0) if mistake == "kinks" else np.tanh(z)
    if mistake == "dropout" and len(x) > 1:
        hidden = hidden * (random.random(hidden.shape) < 0.5) * 2
    outputs = hidden @ w[2] + w[3]
    return hidden, outputs - outputs.mean(axis=0) if mistake == "batch" else outputs


def loss_and_error(z, labels, mistake):
    wanted = np.eye(10)[labels]
    if mistake == "squared error":
        return np.square(z - wanted).sum(axis=1).mean() / 2, (z - wanted) / len(z)
    p = softmax(z)
    error = wanted - p if mistake == "turned" else p - wanted
    loss = -np.log(p[np.arange(len(z)), labels]).mean()
    return loss, error if mistake == "summed" else error / len(z)


def gradients(x, hidden, d2, w, mistake):
    slope = {"kinks": hidden > 0, "no slope": 1}.get(mistake, 1 - hidden**2)
    d1 = d2 @ w[2].T * slope
    g = [x.T @ d1, d1.sum(axis=0), hidden.T @ d2, d2.sum(axis=0)]
    return CHANGED[mistake](g, d1, w) if mistake in CHANGED else g


def loop(mistake="", dtype=np.float64, data=None):
    """Return the loop of a network of two layers, with a mistake or a habit."""

    def flat(images):
        return (images.reshape(len(images), -1) / 255).astype(dtype)

    def train(images, labels, rate, seed, monitor):
        random, x = np.random.default_rng(seed), flat(images)
        shapes = [(x.shape[1], 20), (20,), (20, 10), (10,)]
        w = [(random.normal(size=s) / s[0] ** 0.5).astype(dtype) for s in shapes]
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

    return Loop(train, part("mnist", 5, 200)[0] if data is None else data, None, 0.1)


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
        ("bias left out", ["parameter 1"], ["parameter 0", "parameter 2", "parameter 3"]),
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
        assert "is 20 times the slope" in said.sentence


def test_gradients_that_point_uphill_are_found():
    said, _ = checked("turned")
    assert said.id == "sign"
    assert "are -1 times the slopes" in said.sentence


@pytest.mark.parametrize("habit", ["dropout", "batch", "copies"])
def test_what_cannot_be_measured_is_not_judged(habit):
    assert checked(habit) == (None, 0)


def test_a_run_that_learns_by_wrong_gradients_is_not_called_healthy():
    for mistake in ("no slope", ""):
        found = examine(lambda mistake=mistake: loop(mistake), prove=False)
        assert found.verdict.healthy == (not mistake)
        assert found.verdict.name == ("backward-wrong" if mistake else "")
    assert "4 parameters agree with the slopes of your loss" in str(found)


def test_a_loop_that_cannot_run_at_a_rate_of_0_is_not_judged():
    plain = loop().train

    def train(images, labels, rate, *given):
        return plain(images, labels, 1 / (1 / rate), *given)

    found = examine(lambda: Loop(train, part("mnist", 5, 200)[0], None, 0.1), prove=False)
    assert found.verdict.healthy
    assert "'sixloops doctor layer FILE.py:NAME' proves" in " ".join(str(found).split())
