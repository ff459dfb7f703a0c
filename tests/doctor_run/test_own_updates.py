"""Loops written by hand that update weights before the error has gone on."""

import sys

import numpy as np
import pytest

from sixloops.doctor.faults.runs.cases import part
from sixloops.doctor.run import Loop, examine
from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.own_gradients import check_gradients
from sixloops.doctor.run.own_updates import check_updates

examining = sys.modules["sixloops.doctor.run.examine"]  # the function has the module's name

DATA = part("mnist", 5, 200)[0]


def softmax(z):
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def forward(x, w):
    seen = [x]
    for weight in w[:-1]:
        seen.append(np.tanh(seen[-1] @ weight))
    return seen, seen[-1] @ w[-1]


class Changing:
    """Changes weights by their gradients, and says what is handed over as such."""

    def __init__(self, w, rate, habit):
        self.w, self.rate, self.habit = w, rate, habit
        self.velocity = [np.zeros_like(each) for each in w]

    def __call__(self, number, gradient):
        w, velocity = self.w[number], self.velocity[number]
        if self.habit == "momentum":
            velocity += gradient
            gradient = velocity.copy()
        if self.habit == "noise" and number == 0:
            noise = np.random.default_rng().normal(size=gradient.shape)  # another one each time
            gradient = gradient + 0.1 * gradient.std() * noise
        change = {
            "adam": gradient / (np.abs(gradient) + 1e-8),
            "decay": gradient + 0.001 * w,
            "growth": gradient - 0.001 * w,
            "growth of the outputs' weights": gradient - 0.001 * (number == 2) * w,
        }.get(self.habit, gradient)
        told = {
            "the change is told": self.rate * gradient,
            "a penalty is told and not applied": gradient + 0.001 * w,
        }.get(self.habit, gradient)
        w -= self.rate * change
        return told


def step(x, labels, w, change, early):
    """Go forward and back, and update; return the loss, the outputs and the gradients."""
    seen, z = forward(x, w)
    p, gradients = softmax(z), [None] * len(w)
    error = ((p - np.eye(10)[labels]) / len(x)).astype(x.dtype)
    for number in reversed(range(len(w))):
        gradients[number], by = seen[number].T @ error, w[number].copy()
        if early:
            gradients[number] = change(number, gradients[number])
            by = w[number]
        error = error @ by.T * (1 - seen[number] ** 2)
    if not early:
        gradients = [change(number, gradient) for number, gradient in enumerate(gradients)]
    return -np.log(p[np.arange(len(x)), labels]).mean(), z, gradients


def steps_for_each_image(x, labels, w, change, early):
    """Update for each image, and return what belongs to the whole batch."""
    told = [step(x[n : n + 1], labels[n : n + 1], w, change, early) for n in range(len(x))]
    losses, z, gradients = zip(*told, strict=True)
    return np.mean(losses), np.concatenate(z), [sum(g) for g in zip(*gradients, strict=True)]


def loop(early=False, habit="", dtype=np.float64):
    """Return the loop of a network of three layers that updates before it goes on, or does not."""

    def flat(images):
        return (images.reshape(len(images), -1) / 255).astype(dtype)

    def train(images, labels, rate, seed, monitor):
        random, x = np.random.default_rng(seed), flat(images)
        shapes = (x.shape[1], 20), (20, 15), (15, 10)
        w = [(random.normal(size=s) / s[0] ** 0.5).astype(dtype) for s in shapes]
        w[2] *= habit != "outputs from 0"
        change = Changing(w, rate, habit)
        way = steps_for_each_image if habit == "each image" else step
        for start in range(0, 2 * len(x), 20):
            rows = np.arange(start, start + 20) % len(x)
            if habit == "breaks off" and rate > 0.5 and start > 0:
                raise FloatingPointError("the loss is too large")
            loss, z, gradients = way(x[rows], labels[rows], w, change, early)
            if habit == "grows beyond bounds" and rate and start > 100:
                loss = np.inf
            if habit != "some steps" or start % 40 == 20:
                told = {"outputs": z, "labels": labels[rows], "gradients": gradients}
                monitor.observe(loss, parameters=w, **told)
        return lambda images: forward(flat(images), w)[1]

    return Loop(train, DATA, None, 0.1)


def checked(*given, **options):
    """Return what is said of a loop, once its gradients have been held against slopes."""
    evidence = Evidence(classes=10, batch=20)
    assert check_gradients(loop(*given, **options), evidence) is None
    return check_updates(loop(*given, **options), evidence)


@pytest.mark.parametrize("habit", ["", "momentum", "decay", "breaks off"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_weights_that_are_updated_too_early_are_found(habit, dtype):
    said = checked(early=True, habit=habit, dtype=dtype)
    assert (said.id, said.number) == ("updated-in-backward", 19)
    assert "came before: parameter 0, parameter 1. Those of parameter 2 do not." in said.sentence


@pytest.mark.parametrize("habit", ["", "momentum", "decay", "breaks off", "outputs from 0"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_updates_after_all_gradients_are_right(habit, dtype):
    assert checked(habit=habit, dtype=dtype) is None


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_decay_that_makes_weights_grow_is_found(dtype):
    said = checked(habit="growth", dtype=dtype)
    assert (said.id, said.number) == ("weight-decay-sign", 27)
    assert "Updates have -0.001 times the weights added" in said.sentence
    for habit in ("growth of the outputs' weights", "a penalty is told and not applied"):
        assert checked(habit=habit, dtype=dtype) is None


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize(
    "habit", ["adam", "noise", "the change is told", "each image", "some steps"]
)
def test_what_cannot_be_told_apart_is_not_judged(habit, early):
    if not (early and habit == "each image"):  # that is wrong, too
        assert checked(early, habit) is None


def test_it_is_told_where_a_run_learns_and_is_a_fault_where_it_falls_short(monkeypatch):
    for short in (True, False):
        monkeypatch.setattr(examining, "falls_short", lambda e, short=short: short)
        found = examine(lambda: loop(early=True), prove=False)
        assert "depend on the learning rate" in str(found)
        assert (found.verdict.name == "updated-in-backward", found.verdict.sick) == (True, short)


def test_a_run_that_broke_is_looked_at_too():
    said = [
        examine(lambda early=early: loop(early, "grows beyond bounds"), prove=False).verdict
        for early in (True, False)
    ]
    assert [verdict.sick for verdict in said] == [True, True]
    assert [each.name == "updated-in-backward" for each in said] == [True, False]
