from __future__ import annotations

import math

import numpy as np
import pytest

from sixloops.clipping import clip_by_norm
from sixloops.errors import ConfigurationError


def some(scale=1.0, dtype=np.float64):
    random = np.random.default_rng(5)
    return {
        "0.weight": (scale * random.normal(size=(4, 3))).astype(dtype),
        "0.bias": (scale * random.normal(size=4)).astype(dtype),
    }


def norm(gradients) -> float:
    return math.hypot(*(float(x) for g in gradients.values() for x in g.ravel()))


def test_long_gradients_get_the_norm_and_keep_the_direction():
    gradients, before = some(), some()
    arrays = dict(gradients)
    returned = clip_by_norm(gradients, 0.5)
    assert returned == pytest.approx(norm(before), rel=1e-14)
    assert norm(gradients) == pytest.approx(0.5, rel=1e-14)
    for name, gradient in gradients.items():
        assert gradient is arrays[name]
        np.testing.assert_allclose(gradient, before[name] * 0.5 / norm(before), rtol=1e-13)


def test_short_gradients_stay_as_they_are():
    gradients, before = some(), some()
    assert clip_by_norm(gradients, 100) == pytest.approx(norm(before))
    assert all((gradients[name] == before[name]).all() for name in gradients)


def test_torch_clips_alike():
    torch = pytest.importorskip("torch")
    gradients = some()
    theirs = [
        torch.nn.Parameter(torch.zeros(g.shape, dtype=torch.float64)) for g in some().values()
    ]
    for parameter, gradient in zip(theirs, some().values(), strict=True):
        parameter.grad = torch.tensor(gradient)
    expected = torch.nn.utils.clip_grad_norm_(theirs, 0.7)
    assert clip_by_norm(gradients, 0.7) == pytest.approx(expected.item(), rel=1e-12)
    for ours, parameter in zip(gradients.values(), theirs, strict=True):
        # torch adds 1e-6 to the norm that it divides by.
        np.testing.assert_allclose(ours, parameter.grad.numpy(), rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-40, 1e-25, 1e25, 1e37])
def test_float32_neither_overflows_nor_vanishes(scale):
    gradients = some(scale, np.float32)
    expected = norm(gradients)
    assert clip_by_norm(gradients, 1.0) == pytest.approx(expected, rel=1e-12)
    assert all(g.dtype == np.float32 for g in gradients.values())
    assert norm(gradients) == pytest.approx(min(expected, 1.0), rel=1e-5)


def test_float64_does_not_overflow_either():
    gradients = some(1e300)
    assert clip_by_norm(gradients, 1.0) == pytest.approx(norm(some(1e300)))
    assert norm(gradients) == pytest.approx(1.0)


def test_zeros_and_nothing_have_norm_zero():
    assert clip_by_norm({}, 1.0) == 0.0
    assert clip_by_norm({"a": np.zeros(3), "b": np.zeros((0, 2))}, 1.0) == 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_returned_and_nothing_is_scaled(bad):
    gradients = some()
    gradients["0.bias"][2] = bad
    before = {name: g.copy() for name, g in gradients.items()}
    assert not math.isfinite(clip_by_norm(gradients, 1.0))
    for name in gradients:
        np.testing.assert_array_equal(gradients[name], before[name])


@pytest.mark.parametrize("maximum", [0, -1, np.nan, np.inf, "1", None, True])
def test_a_wrong_maximum_is_named(maximum):
    message = r"The 'maximum' of clip_by_norm must be a number above 0\. Got "
    with pytest.raises(ConfigurationError, match=message):
        clip_by_norm(some(), maximum)
