"""What each step of a training sees and does, held against what it should, not against a twin."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from sixloops.clipping import clip_by_norm
from sixloops.data import Dataset, batches
from sixloops.engine import Plan
from sixloops.files import read_tensors
from sixloops.layers import Dense, Flatten, Layer
from sixloops.network import Network
from sixloops.optimizers import SGD
from sixloops.randomness import Streams
from sixloops.regularizers import L2
from sixloops.schedules import Clock, OneCycle, ReduceOnPlateau
from sixloops.training import Callback, Checkpoint, EarlyStopping, EvaluateEvery, Run, Settings, fit
from sixloops.training.run import fingerprint

STEPS = 6
"""Of two epochs of ten images in batches of four."""


@dataclass(frozen=True)
class Watch(Layer):
    """Notes the first pixel of each image and a random number of each step."""

    seen: ClassVar[list] = []

    def couples_batch(self):
        return True  # so that it is given the whole batch

    def forward(self, x, parameters, context):
        if context.training:
            self.seen.append((x[:, 0, 0, 0].tolist(), context.random.random()))
        return x, lambda dy: (dy, {})


@dataclass(frozen=True)
class OwnSGD(SGD):
    """An optimiser that has no kernel."""


def data(dtype=np.float32):
    images = np.random.default_rng(0).normal(size=(10, 1, 2, 2)).astype(dtype)
    return Dataset(images, np.arange(10) % 3)


def network(*before, dtype=np.float32):
    return Network([*before, Flatten(), Dense(3)], (1, 2, 2), dtype=dtype)


def gradients_of(made, images):
    """Return the gradients of a step, and what the network begins with less them."""
    with Plan(made, len(images)) as plan:
        found = plan.step(*images.take(np.arange(len(images)))).gradients
        return {name: gradient.copy() for name, gradient in found.items()}


@pytest.mark.parametrize("shuffle", [True, False])
def test_each_step_sees_its_batch_and_draws_at_its_own_address(shuffle):
    Watch.seen.clear()
    fit(network(Watch()), data(), epochs=2, batch_size=4, seed=5, shuffle=shuffle, threads=1)
    streams = Streams(5)
    order = [
        images[:, 0, 0, 0].tolist()
        for epoch in (0, 1)
        for images, _ in batches(data(), 4, streams=streams, epoch=epoch, shuffle=shuffle)
    ]
    drawn = [streams.generator("dropout", step).random() for step in range(STEPS)]
    assert Watch.seen == list(zip(order, drawn, strict=True))


def test_streams_of_other_names_give_other_numbers():
    assert Streams(1).generator("a", 3).random() != Streams(1).generator("b", 3).random()


def test_a_penalty_is_clipped_with_the_gradient():
    made = network(dtype=np.float64)
    gradients = gradients_of(made, data(np.float64))
    L2(5.0).add_gradients(made.parameters, gradients)
    clip_by_norm(gradients, 1e-3)
    expected = {name: w - gradients[name] for name, w in made.parameters.items()}
    how = {"optimizer": SGD(1.0), "clip_norm": 1e-3, "regularizers": [L2(5.0)]}
    fit(made, data(np.float64), epochs=1, batch_size=10, **how)
    for name, w in expected.items():
        np.testing.assert_allclose(made.parameters[name], w, rtol=1e-9)


def test_penalties_reach_an_optimiser_of_ones_own():
    ours, own = network(dtype=np.float64), network(dtype=np.float64)
    for made, kind in ((ours, SGD), (own, OwnSGD)):
        options = {"optimizer": kind(0.1), "regularizers": [L2(0.5)]}
        fit(made, data(np.float64), epochs=2, batch_size=4, **options)
    weight = ours.parameters["1.weight"]
    np.testing.assert_allclose(own.parameters["1.weight"], weight, rtol=1e-12)


def test_an_optimiser_of_ones_own_is_given_no_gradient_that_is_not_finite():
    made = network()
    before = made.parameters["1.weight"].copy()
    with Plan(made, 4, 1) as plan:
        step = plan.step(np.ones((4, 1, 2, 2), np.float32), np.zeros(4, int))
        step.gradients["1.bias"][0] = np.nan
        assert plan.update(OwnSGD(), {}, 0.1, 1) == "gradient"
    assert np.array_equal(made.parameters["1.weight"], before)


def test_float64_keeps_its_digits():
    exact = data(np.float64)
    given = {"streams": Streams(), "epoch": 0, "shuffle": False, "dtype": np.float64}
    images, _ = next(batches(exact, 10, **given))
    assert np.array_equal(images, exact.images)
    made = network(dtype=np.float64)
    gradients = gradients_of(made, exact)
    expected = made.parameters["1.weight"] - gradients["1.weight"]
    fit(made, exact, epochs=1, batch_size=10, shuffle=False, optimizer=SGD(1.0))
    np.testing.assert_allclose(made.parameters["1.weight"], expected, rtol=1e-13)


def test_each_step_has_the_rate_of_its_schedule():
    how = {"optimizer": SGD(0.1), "schedule": OneCycle(), "record_every": 1}
    history = fit(network(), data(), epochs=2, batch_size=4, **how)
    rates = [0.1 * OneCycle().factor(Clock(s, STEPS, s // 3, 2)) for s in range(STEPS)]
    assert [record["rate"] for record in history.of("step")] == rates


def test_a_resumed_run_knows_its_losses(tmp_path):
    # Any loss counts as no improvement, so that the rate falls again and again.
    plateau = {"schedule": ReduceOnPlateau(patience=1, minimum_change=10.0), "optimizer": SGD(0.1)}
    straight, resumed = network(), network()
    fit(straight, data(), epochs=6, batch_size=4, **plateau)
    fit(network(), data(), epochs=3, batch_size=4, callbacks=[Checkpoint(tmp_path)], **plateau)
    fit(resumed, data(), epochs=6, batch_size=4, resume=tmp_path / "last.safetensors", **plateau)
    weights = [made.parameters["1.weight"].tobytes() for made in (resumed, straight)]
    assert weights[0] == weights[1]


def test_an_improvement_begins_the_count_anew():
    run = Run(network(), data(), None, Settings())
    stopped = []
    for loss in (1.0, 1.1, 0.9, 1.0, 0.95):
        run.record("epoch", rate=0.1, loss=loss)
        EarlyStopping(2).on_epoch_end(run, None)
        stopped.append(bool(run.stop_reason))
    assert stopped == [False, False, False, False, True]


def test_time_writes_a_checkpoint_too(tmp_path):
    steps = []

    class Look(Callback):
        runs_last = True

        def on_step_end(self, run, plan):
            _, about = read_tensors(tmp_path / "last.safetensors")
            steps.append(about["training"]["position"]["step"])

    callbacks = [Checkpoint(tmp_path, every_seconds=1e-9), Look()]
    fit(network(), data(), epochs=1, batch_size=4, callbacks=callbacks)
    assert steps == [1, 2, 3]


def test_random_subsets_differ_from_step_to_step():
    class Held(Dataset):
        asked: ClassVar[list] = []

        def random_subset(self, count, generator):
            self.asked.append(generator.random())
            return super().random_subset(count, generator)

    held = Held(data().images, data().labels)
    callbacks = [EvaluateEvery(1, held, images=5)]
    fit(network(), data(), epochs=1, batch_size=4, callbacks=callbacks)
    assert held.asked == [Streams(0).generator("evaluate", n).random() for n in (1, 2, 3)]


def test_a_fingerprint_looks_at_all_images():
    images = data().images.copy()
    images[-1] += 1
    assert fingerprint(Dataset(images, data().labels)) != fingerprint(data())
