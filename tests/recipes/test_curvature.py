"""The curvatures from which LeNet-5's weights get their rates."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from sixloops.data import Dataset, Shift
from sixloops.errors import ConfigurationError
from sixloops.layers import Conv2D, Dense, Flatten, RadialBasis, ScaledTanh, Sequential
from sixloops.layers.subsampling import Subsampling2D
from sixloops.losses import RadialBasisLoss
from sixloops.network import Network
from sixloops.randomness import Streams
from sixloops.recipes.curvature import (
    DiagonalLevenbergMarquardt,
    EstimateCurvature,
    gauss_newton_diagonal,
)
from sixloops.training import Callback, Checkpoint, fit

CODES = [[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0], [1.0, 1.0, -1.0]]
CONVOLUTION = Conv2D(3, 2, table=[[0], [1], [0, 1]], activation=ScaledTanh())
FEATURES = [
    Conv2D(2, 3, activation=ScaledTanh()),
    Subsampling2D(2, activation=ScaledTanh()),
    CONVOLUTION,
    Flatten(),
    Dense(3, activation=ScaledTanh()),
]


def network(dtype=np.float64, seed=0):
    layers = [*FEATURES, RadialBasis(CODES)]
    return Network(layers, (1, 8, 8), loss=RadialBasisLoss(), dtype=dtype, seed=seed)


def draw(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 1, 8, 8))


def jacobian(features, parameters, image, name, step=1e-5):
    """Return ∂x/∂w for each number of a parameter, by central differences."""
    columns = []
    for place in np.ndindex(parameters[name].shape):
        ends = []
        for sign in (1, -1):
            moved = {key: array.copy() for key, array in parameters.items()}
            moved[name][place] += sign * step
            ends.append(features.forward(image[None], moved)[0][0])
        columns.append((ends[0] - ends[1]) / (2 * step))
    return np.array(columns).T


def test_over_all_signs_the_estimate_is_the_exact_diagonal():
    """The exact one comes from differences of outputs; cross terms of shared weights are in it."""
    features, images, parameters = Sequential(FEATURES), draw(2), network().parameters
    every = np.array(list(product([-1.0, 1.0], repeat=3)))
    signs, repeated = np.tile(every, (2, 1)), np.repeat(images, len(every), axis=0)
    found = gauss_newton_diagonal(features, parameters, repeated, signs)
    assert found.keys() == parameters.keys()
    for name in parameters:
        matrices = []
        for image in images:
            j = jacobian(features, parameters, image, name)
            matrices.append(j.T @ (2 * np.eye(3)) @ j)
        exact = np.diagonal(np.mean(matrices, axis=0)).reshape(parameters[name].shape)
        np.testing.assert_allclose(found[name], exact, rtol=1e-6, atol=1e-9)
    absent = ~CONVOLUTION.connections(2)
    assert (found["2.weight"][absent] == 0).all()
    assert (found["2.weight"][~absent] > 0).all()


def test_random_signs_come_near_it():
    features, images, parameters = Sequential(FEATURES), draw(1), network().parameters
    every = np.array(list(product([-1.0, 1.0], repeat=3)))
    drawn = np.random.default_rng(1).choice([-1.0, 1.0], (4000, 3))
    exact, near = (
        gauss_newton_diagonal(features, parameters, np.repeat(images, len(signs), axis=0), signs)
        for signs in (every, drawn)
    )
    for name in exact:
        np.testing.assert_allclose(near[name], exact[name], rtol=0.15, atol=1e-4)


def test_the_losses_own_curvature_is_that_of_the_docstring():
    layer, loss, x = RadialBasis(CODES), RadialBasisLoss(2.0), np.array([0.4, -0.3, 0.8])

    def gradient(x):
        y, back = layer.forward(x[None])
        return back(loss.forward(y, np.array([1]))[1](np.ones(1)))[0][0]

    steps = 1e-5 * np.eye(3)
    numeric = np.array([(gradient(x + h) - gradient(x - h)) / 2e-5 for h in steps])
    d = np.array([*(x - np.array(CODES)), np.zeros(3)])
    q = np.exp([*(-np.square(d[:-1]).sum(axis=1)), -2.0])
    q /= q.sum()
    away = d - q @ d
    np.testing.assert_allclose(numeric, 2 * q[-1] * np.eye(3) + 4 * (away.T * q) @ away, atol=1e-8)


class Watch(Callback):
    """Keeps what the optimiser's state and the parameters were at each step."""

    def __init__(self, stop_at=None):
        self.states, self.parameters, self.stop_at = [], [], stop_at

    def on_step_end(self, run, plan):
        self.states.append({key: array.copy() for key, array in run.optimizer_state.items()})
        self.parameters.append({k: array.copy() for k, array in run.network.parameters.items()})
        if run.step == self.stop_at:
            run.stop("enough")


def trained(*callbacks, epochs=3, dtype=np.float32, **options):
    net, data = network(dtype), Dataset(draw(6), np.arange(6) % 3)
    curvature = EstimateCurvature(4)
    optimizer = DiagonalLevenbergMarquardt(0.01)
    every = [curvature, *callbacks]
    fit(net, data, epochs=epochs, batch_size=1, optimizer=optimizer, callbacks=every, **options)
    return net, curvature


def test_curvatures_are_estimated_before_each_pass_and_kept_for_it():
    watch = Watch()
    net, curvature = trained(watch)
    assert len(curvature.ranges) == 3
    assert all(0 < least < largest for least, largest in curvature.ranges)
    states = [np.concatenate([a.ravel() for a in state.values()]) for state in watch.states]
    for step in range(1, 18):
        assert (states[step] == states[step - 1]).all() == (step % 6 != 0)
    assert {name.removesuffix(".curvature") for name in watch.states[0]} == set(net.parameters)


def test_the_curvatures_of_a_pass_are_those_of_its_images_and_first_weights():
    watch = Watch()
    trained(watch, dtype=np.float64, seed=5)
    random = Streams(5).generator("curvature", 1)
    images = Dataset(draw(6), np.arange(6) % 3).random_subset(4, random).images
    signs = random.choice([-1.0, 1.0], (4, 3))
    expected = gauss_newton_diagonal(Sequential(FEATURES), watch.parameters[5], images, signs)
    for name, values in expected.items():
        np.testing.assert_array_equal(watch.states[6][f"{name}.curvature"], values)


def test_distorted_runs_are_estimated_on_distorted_images():
    (_, plain), (_, moved) = trained(), trained(augmentation=Shift(2))
    assert plain.ranges[0] != moved.ranges[0]


@pytest.mark.parametrize("stop_at", [6, 8])
def test_a_run_that_goes_on_has_the_same_bits(tmp_path, stop_at):
    whole, estimated = trained()
    trained(Watch(stop_at), Checkpoint(tmp_path))
    resumed, curvature = trained(resume=tmp_path / "last.safetensors")
    assert len(curvature.ranges) == 3
    assert curvature.ranges == estimated.ranges
    for name, array in whole.parameters.items():
        assert (array == resumed.parameters[name]).all()


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: DiagonalLevenbergMarquardt(damping=0), "'damping' of .* must be a number above 0"),
        (lambda: DiagonalLevenbergMarquardt(rate=0), "'rate' of .* must be a number above 0"),
        (lambda: EstimateCurvature(0), "'images' of EstimateCurvature must be a whole number"),
    ],
)
def test_wrong_options_are_named(build, words):
    with pytest.raises(ConfigurationError, match=words):
        build()
