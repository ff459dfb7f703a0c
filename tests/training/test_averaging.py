"""The moving average of the weights: what it is, who sees it, and that nothing else changes."""

from dataclasses import dataclass

import numpy as np
import pytest

from sixloops.data import Dataset
from sixloops.layers import BatchNorm, Conv2D, Dense, Flatten, Layer, ReLU, Rescale
from sixloops.layers.base import EVALUATION, NO_PARAMETERS
from sixloops.network import Network
from sixloops.optimizers import Adam
from sixloops.training import Callback, Checkpoint, EvaluateEvery, evaluate, fit

DECAY = 0.8


@dataclass(frozen=True)
class Counting(Layer):
    """Counts the batches that it has seen, and notes that there was one."""

    def initial_state(self, input_shape, dtype):
        return {"batches": np.zeros((), np.int64), "begun": np.zeros((), bool)}

    def forward(self, x, parameters=NO_PARAMETERS, context=EVALUATION):
        if context.training:
            context.updates["batches"] = context.state["batches"] + 1
            context.updates["begun"] = np.ones((), bool)
        return x, lambda dy: (dy, {})


def data(count=60, seed=0):
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, 1, 6, 6), dtype=np.uint8)
    return Dataset(images, random.integers(0, 3, count))


def network():
    layers = [Rescale(1 / 255), Conv2D(4, 3), BatchNorm(), ReLU(), Flatten(), Dense(3)]
    return Network(layers, (1, 6, 6), dtype=np.float64)


class Course(Callback):
    """Keeps the live arrays after each step, and what they are after each epoch."""

    def __init__(self):
        self.steps, self.epochs = [], []

    def on_step_end(self, run, plan):
        self.steps.append(copied(run.network))

    def on_epoch_end(self, run, plan):
        self.epochs.append(copied(run.network))


def copied(network):
    return {name: array.copy() for name, array in network.tensors().items()}


def trained(average=DECAY, callbacks=(), epochs=3, **options):
    built = network()
    history = fit(
        built,
        data(),
        epochs=epochs,
        batch_size=10,
        optimizer=Adam(0.01),
        average=average,
        callbacks=callbacks,
        **options,
    )
    return built, history


def test_it_is_the_weighted_mean_of_all_steps():
    course = Course()
    built, _ = trained(callbacks=[course])
    weights = DECAY ** np.arange(len(course.steps))[::-1]
    for name, array in built.tensors().items():
        values = np.stack([step[name] for step in course.steps])
        expected = np.average(values, axis=0, weights=weights)
        np.testing.assert_allclose(array, expected, rtol=1e-12, atol=1e-14, err_msg=name)


def test_it_differs_from_the_last_parameters():
    course = Course()
    built, _ = trained(callbacks=[course])
    assert not np.allclose(built.parameters["5.weight"], course.steps[-1]["parameters.5.weight"])


def test_the_course_of_the_training_is_the_same_without_it():
    plain, averaged = Course(), Course()
    trained(None, [plain], validation=data(20, 1))
    trained(DECAY, [averaged, EvaluateEvery(4, images=20)], validation=data(20, 1))
    for ours, theirs in zip(
        plain.steps + plain.epochs, averaged.steps + averaged.epochs, strict=True
    ):
        for name, array in ours.items():
            np.testing.assert_array_equal(array, theirs[name])


def test_the_average_is_what_is_validated_and_kept(tmp_path):
    held = data(40, 1)
    built, history = trained(
        callbacks=[EvaluateEvery(18, held, images=None), Checkpoint(tmp_path, monitor="loss")],
        validation=held,
    )
    loss = evaluate(built, held).loss
    assert history.epochs[-1]["validation_loss"] == pytest.approx(loss, rel=1e-12)
    assert history.of("evaluation")[-1]["loss"] == pytest.approx(loss, rel=1e-12)
    best = Network.load(tmp_path / "best.safetensors")
    losses = [epoch["validation_loss"] for epoch in history.epochs]
    assert evaluate(best, held).loss == pytest.approx(min(losses), rel=1e-12)


def test_a_checkpoint_goes_on_with_both(tmp_path):
    whole, _ = trained(epochs=4)
    trained(epochs=2, callbacks=[Checkpoint(tmp_path)])
    resumed, _ = trained(epochs=4, resume=tmp_path / "last.safetensors")
    for name, array in whole.tensors().items():
        np.testing.assert_array_equal(array, resumed.tensors()[name])


def test_the_first_step_counts_like_any_other():
    course = Course()
    built, _ = trained(0.999999, [course])
    for name, array in built.tensors().items():
        mean = np.mean([step[name] for step in course.steps], axis=0)
        np.testing.assert_allclose(array, mean, rtol=1e-4, atol=1e-6)


def test_counts_and_flags_are_not_averaged():
    built = Network([Counting(), Flatten(), Dense(3)], (1, 6, 6))
    fit(built, data(), epochs=2, batch_size=10, average=0.9)
    assert built.state["0.batches"] == 12
    assert built.state["0.begun"]
