"""A function that answers to other images than those that the loop trains with."""

from __future__ import annotations

import numpy as np
import pytest

from doctor_run.numpy_loop import trained
from sixloops.doctor.faults.runs.cases import part
from sixloops.doctor.run import Loop, examine
from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.own_answers import check_answers

DATA, HELD = part("mnist", 5, 800)


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ("asked unscaled", "if images are first divided by 255."),
        ("asked transposed", "if images are first transposed."),
    ],
)
def test_what_the_function_forgets_is_named_and_decides(mistake, words):
    found = examine(lambda: Loop(trained(mistake), DATA, HELD, 0.5), experiments=True, prove=False)
    assert found.verdict.name == "prepared-otherwise"
    assert found.verdict.diagnoses[0].sentence.endswith(words)


def checked(train, batch=20):
    return check_answers(Loop(train, DATA, HELD, 0.5), Evidence(batch=batch))


@pytest.mark.parametrize("batch", [1, 5, 20])
def test_a_function_that_is_the_one_that_is_trained_is_not_judged(batch):
    assert checked(trained(""), batch) is None


def test_what_training_does_before_is_seen_from_the_first_layers_inputs():
    def train(images, labels, rate, seed, monitor):
        return trained("")(255 - images // 3, labels, rate, seed, monitor)

    said = checked(train)
    assert said.sentence.endswith("first made what the first layer is given in training.")


def test_another_function_is_not_judged():
    def noisy(images, labels, rate, seed, monitor):
        predict = trained("")(images, labels, rate, seed, monitor)
        return lambda x: predict(x) * np.random.default_rng().uniform(0.5, 1, (len(x), 10))

    assert checked(noisy) is None


def test_outputs_that_tell_no_image_from_another_prove_nothing():
    assert checked(trained("zeros")) is None


def test_a_function_of_answers_of_another_form_is_not_judged():
    def named(images, labels, rate, seed, monitor):
        predict = trained("")(images, labels, rate, seed, monitor)
        return lambda x: predict(x).argmax(axis=1)

    assert checked(named) is None
