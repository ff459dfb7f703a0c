# ruff: noqa: NPY002, S311  (strangers draw as they like)
"""Layers that draw random numbers: their randomness is part of what they do, and no fault."""

import random

import numpy as np
import pytest

from sixloops.doctor import check_layer
from sixloops.doctor.layer.randomness import generators_of, rewound

OF_THE_MODULE = np.random.default_rng()


class Dropout:
    """With a generator of its own that nobody seeds."""

    def __init__(self, p=0.4):
        self.p, self.rng = p, np.random.default_rng()

    def draw(self, shape):
        return self.rng.random(shape)

    def forward(self, x):
        self.mask = (self.draw(x.shape) > self.p) / (1 - self.p)
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask


class NewEachTime(Dropout):
    def draw(self, shape):
        return np.random.default_rng().random(shape)


class OfTheModule(Dropout):
    def forward(self, x):
        self.mask = (OF_THE_MODULE.random(x.shape) > self.p) / (1 - self.p)
        return x * self.mask


class OfPython(Dropout):
    def draw(self, shape):
        return np.reshape([random.random() for _ in range(int(np.prod(shape)))], shape)


class OldKind(Dropout):
    def __init__(self, p=0.4):
        self.p, self.rng = p, np.random.RandomState()


class Helper:
    def __init__(self):
        self.source = random.Random()


class KeptByAHelper(OfPython):
    def __init__(self, p=0.4):
        self.p, self.helper = p, Helper()

    def draw(self, shape):
        numbers = [self.helper.source.random() for _ in range(int(np.prod(shape)))]
        return np.reshape(numbers, shape)


class Noise:
    def __init__(self):
        self.rng = np.random.default_rng()

    def forward(self, x):
        self.x = x
        return x**3 + self.rng.normal(size=x.shape)

    def backward(self, dy):
        return 3 * dy * self.x**2


@pytest.mark.parametrize(
    "kind", [Dropout, NewEachTime, OfTheModule, OfPython, OldKind, KeptByAHelper, Noise]
)
def test_a_random_layer_is_healthy_wherever_its_numbers_come_from(kind):
    verdict = check_layer(kind)
    assert verdict.healthy, str(verdict)
    assert not verdict.diagnoses


def test_a_mask_that_is_not_used_is_named():
    class Forgets(Dropout):
        def backward(self, dy):
            return dy

    assert check_layer(Forgets).name == "dropout-mask-forgotten"


def test_noise_does_not_hide_a_wrong_slope():
    class Wrong(Noise):
        def backward(self, dy):
            return dy * self.x**2

    assert not check_layer(Wrong).healthy


def test_a_mask_of_an_earlier_forward_is_stale():
    class KeepsFirst(Dropout):
        def forward(self, x):
            mask = (self.draw(x.shape) > self.p) / (1 - self.p)
            if getattr(self, "mask", mask).shape != x.shape or not hasattr(self, "mask"):
                self.mask = mask
            return x * mask

    class KeepsFirstGlobal(KeepsFirst):
        def draw(self, shape):
            return np.random.random(shape)

    for kind in (KeepsFirst, KeepsFirstGlobal):
        assert check_layer(kind).name == "stale-cache"


def test_the_users_generators_stand_where_they_stood():
    new = np.random.default_rng
    random.seed(5)
    states = OF_THE_MODULE.bit_generator.state, random.getstate()
    check_layer(OfTheModule)
    assert (OF_THE_MODULE.bit_generator.state, random.getstate()) == states
    assert np.random.default_rng is new


def test_each_generator_begins_at_the_place_and_goes_back():
    own = [np.random.default_rng(1), np.random.RandomState(1), random.Random(1)]
    untouched = [np.random.default_rng(1), np.random.RandomState(1), random.Random(1)]

    def draw(generators):
        return [each.random() for each in generators]

    with rewound(own):
        first = draw(own)
    with rewound(own):
        assert draw(own) == first
    with rewound(own, 7):
        assert draw(own) != first
    assert draw(own) == draw(untouched)


def test_generators_are_found_once():
    layer = KeptByAHelper()
    layer.again = layer.helper.source
    assert generators_of(layer, OfTheModule.forward) == [layer.helper.source, OF_THE_MODULE]
