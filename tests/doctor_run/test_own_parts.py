from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from sixloops import Network, fit
from sixloops.data import Dataset
from sixloops.doctor.faults.runs import backward, lookalikes, updating
from sixloops.doctor.run import Doctor
from sixloops.doctor.run.own_layers import prove_layer
from sixloops.doctor.run.own_losses import check_loss
from sixloops.doctor.run.parts import check_optimizer, check_regularizer
from sixloops.errors import ConfigurationError
from sixloops.layers import Dense, Flatten, Layer
from sixloops.losses import LOSSES, SoftmaxCrossEntropy
from sixloops.optimizers import OPTIMIZERS
from sixloops.regularizers import L1, L2


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_right_optimiser_passes(name):
    assert check_optimizer(OPTIMIZERS[name]()) is None


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (updating.BiaslessSGD, "bias-never-updated"),
        (updating.UphillSGD, "sign"),
        (updating.UncorrectedAdam, "adam-uncorrected"),
        (updating.NeverClearingSGD, "gradients-not-cleared"),
    ],
)
def test_every_wrong_optimiser_is_named(kind, name):
    assert check_optimizer(kind()).id == name


def test_penalties():
    assert check_regularizer(L2(0.1)) is None
    assert check_regularizer(L1(0.1)) is None
    assert check_regularizer(updating.GrowingPenalty()).id == "weight-decay-sign"


@pytest.mark.parametrize("name", [n for n in LOSSES if "Radial" not in n])
def test_every_right_loss_passes(name):
    assert check_loss(LOSSES[name](), (10,)) is None


def test_a_right_loss_of_ones_own_passes():
    @dataclass(frozen=True)
    class Own(SoftmaxCrossEntropy):
        pass

    assert check_loss(Own(), (10,)) is None


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (updating.SummedCrossEntropy(), "summed-gradient"),
        (updating.BackwardsCrossEntropy(), "sign"),
        (updating.UnsafeCrossEntropy(), "log-of-zero"),
        (updating.SharedShiftCrossEntropy(), "softmax-shifted-together"),
        (updating.TableCrossEntropy(), "loss-mixes-images"),
    ],
)
def test_every_wrong_loss_is_named(loss, name):
    assert check_loss(loss, (10,)).id == name


def test_layers_of_ones_own():
    assert prove_layer("a", lookalikes.MaskedReLU(), (7,)) is None
    assert prove_layer("a", lookalikes.OwnDense(5), (7,)) is None
    assert prove_layer("a", backward.UnscaledDropout(0.5), (7,)).id == "dropout-scale"
    assert prove_layer("a", backward.UpdatingDense(5), (7,)).id == "updated-in-backward"
    assert prove_layer("a", backward.UndividedMeanPool(2), (3, 8, 6)).number == 1


@pytest.mark.parametrize("share", [0.5, 0.8])
@pytest.mark.parametrize("shape", [(1,), (2,), (10,), (4, 6, 6)])
def test_few_draws_that_lie_apart_are_no_wrong_scale(share, shape):
    @dataclass(frozen=True)
    class DropImage(Layer):
        share: float = 0.5
        scaled: bool = True

        def forward(self, x, parameters=None, context=None):
            if not context.training:
                return x, lambda dy: (dy, {})
            kept = context.random.random((len(x), *[1] * (x.ndim - 1))) >= self.share
            factor = kept / (1 - self.share) if self.scaled else kept
            return x * factor, lambda dy: (dy * factor, {})

    assert prove_layer("a", DropImage(share), shape) is None
    assert prove_layer("a", DropImage(share, scaled=False), shape).id == "dropout-scale"


def test_a_mean_over_the_batch_is_not_taken_for_a_fault():
    right = updating.OwnCrossEntropy()
    losses, _ = right.forward(np.zeros((2, 10)), np.array([1, 2]))
    assert np.allclose(losses, np.log(10))


def notes_of(*layers):
    data = Dataset(np.random.default_rng(0).random((40, 1, 2, 2)), np.arange(40) % 2)
    doctor = Doctor()
    network = Network([Flatten(), *layers, Dense(2)], (1, 2, 2), seed=0)
    fit(network, data, epochs=2, batch_size=20, callbacks=[doctor], threads=1)
    assert not doctor.monitor.evidence.facts
    return " ".join(doctor.verdict().notes)


def test_a_part_that_raises_by_itself_is_noted():
    @dataclass(frozen=True)
    class Twenty(Layer):
        def forward(self, x, parameters=None, context=None):
            if len(x) == 3:
                raise RuntimeError("three are too few")
            return x, lambda dy: (dy, {})

    notes = notes_of(Twenty())
    assert "could not be looked at by itself: RuntimeError: three are too few" in notes


def test_a_layer_that_the_doctor_of_layers_cannot_examine_is_noted(monkeypatch):
    def look(layer, input_shape):
        raise ConfigurationError("no input fits it")

    monkeypatch.setattr("sixloops.doctor.run.own_layers.check_layer", look)
    assert "ConfigurationError: no input fits it" in notes_of(lookalikes.MaskedReLU())
