from __future__ import annotations

import numpy as np
import pytest

from sixloops.descriptions import from_data, to_data
from sixloops.errors import ConfigurationError
from sixloops.initializers import (
    INITIALIZERS,
    Constant,
    FanInUniform,
    Glorot,
    He,
    Initializer,
    LeCun,
    Nielsen,
    Normal,
    Orthogonal,
    Uniform,
)

SHAPE, FAN_IN, FAN_OUT = (40, 10, 5, 5), 250, 1000

# What each one's standard deviation must be, by its equation.
SPREADS = [
    (Normal(0.3), 0.3),
    (Uniform(-0.6, 0.6), 0.6 / 3**0.5),
    (Nielsen(), FAN_OUT**-0.5),
    (Nielsen(pool_area=4), (FAN_OUT / 4) ** -0.5),
    (LeCun(), FAN_IN**-0.5),
    (LeCun("uniform"), FAN_IN**-0.5),
    (FanInUniform(), 2.4 / FAN_IN / 3**0.5),
    (FanInUniform(7.0), 7.0 / FAN_IN / 3**0.5),
    (Glorot(), (2 / (FAN_IN + FAN_OUT)) ** 0.5),
    (Glorot("normal"), (2 / (FAN_IN + FAN_OUT)) ** 0.5),
    (He(), (2 / FAN_IN) ** 0.5),
    (He("uniform"), (2 / FAN_IN) ** 0.5),
]
ALL = [*(initializer for initializer, _ in SPREADS), Constant(0.1), Orthogonal(2.0)]


def draw(initializer: Initializer, shape=SHAPE, dtype=np.float64, seed=0):
    return initializer.draw(shape, FAN_IN, FAN_OUT, np.random.default_rng(seed), dtype)


def named(initializer: object) -> str:
    return repr(initializer)


@pytest.mark.parametrize(("initializer", "std"), SPREADS, ids=named)
def test_the_spread_is_that_of_the_equation(initializer, std):
    values = draw(initializer)
    assert values.std() == pytest.approx(std, rel=0.03)
    assert abs(values.mean()) < 0.05 * std


@pytest.mark.parametrize(
    ("initializer", "limit"),
    [
        (Uniform(-0.6, 0.6), 0.6),
        (LeCun("uniform"), (3 / FAN_IN) ** 0.5),
        (FanInUniform(), 2.4 / FAN_IN),
        (Glorot(), (6 / (FAN_IN + FAN_OUT)) ** 0.5),
        (He("uniform"), (6 / FAN_IN) ** 0.5),
    ],
    ids=named,
)
def test_uniform_values_fill_their_limits_and_normal_ones_do_not_stop_there(initializer, limit):
    assert 0.999 * limit < np.abs(draw(initializer)).max() <= limit


@pytest.mark.parametrize("initializer", [LeCun(), Glorot("normal"), He(), Nielsen()], ids=named)
def test_normal_values_have_tails(initializer):
    values = draw(initializer)
    assert np.abs(values).max() > 3 * values.std()


def test_normal_and_uniform_keep_their_place():
    assert draw(Normal(0.1, mean=5)).mean() == pytest.approx(5, abs=0.01)
    values = draw(Uniform(2, 3))
    assert values.min() >= 2
    assert values.mean() == pytest.approx(2.5, abs=0.01)


def test_constant_draws_nothing():
    random = np.random.default_rng(0)
    values = Constant(0.25).draw((2, 3), 1, 1, random, np.float32)
    assert values.tolist() == [[0.25] * 3] * 2
    assert random.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("initializer", ALL, ids=named)
def test_float32_begins_with_the_numbers_of_float64(initializer):
    single, double = draw(initializer, dtype=np.float32), draw(initializer, dtype=np.float64)
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    assert (single == double.astype(np.float32)).all()


@pytest.mark.parametrize("initializer", ALL, ids=named)
@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 1), (1, 4), (0, 3), (3, 0), (2, 3, 1, 5)])
def test_any_shape_is_drawn_and_the_seed_decides(initializer, shape):
    first, again = draw(initializer, shape), draw(initializer, shape)
    assert isinstance(first, np.ndarray)
    assert first.shape == shape
    assert (first == again).all()


@pytest.mark.parametrize("initializer", [i for i, _ in SPREADS] + [Orthogonal()], ids=named)
def test_another_seed_gives_other_numbers(initializer):
    assert not np.allclose(draw(initializer, seed=0), draw(initializer, seed=1))


@pytest.mark.parametrize("shape", [(6, 2, 3), (4, 2, 1, 5), (9, 2, 2), (5,), (1, 5)])
def test_orthogonal_rows_or_columns_have_length_gain_and_right_angles(shape):
    w = draw(Orthogonal(gain=1.5), shape).reshape(shape[0], -1)
    gram = w @ w.T if len(w) <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(gram, 1.5**2 * np.eye(len(gram)), atol=1e-12)


def test_orthogonal_matrices_are_uniform_over_all_of_them():
    # Without the mending of signs, LAPACK gives the first entry one sign far more often.
    random = np.random.default_rng(3)
    first = [Orthogonal().draw((3, 3), 3, 3, random, np.float64)[0, 0] for _ in range(400)]
    assert abs(np.mean(np.sign(first))) < 0.15
    assert np.var(first) == pytest.approx(1 / 3, rel=0.2)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Normal(-1), r"The 'std' of Normal must be a number of at least 0\. Got -1\."),
        (lambda: Normal(1, np.nan), r"'mean' of Normal must be a finite number\. Got nan"),
        (lambda: Uniform(1, 1), r"The 'high' of Uniform must be above low=1\. Got 1\.0\."),
        (lambda: Uniform("a", 1), r"'low' of Uniform must be a finite number\. Got 'a'"),
        (lambda: Constant(None), r"'value' of Constant must be a finite number\. Got None"),
        (lambda: Nielsen(0), r"'pool_area' of Nielsen must be a whole number of at least 1"),
        (lambda: LeCun("flat"), r"'distribution' of LeCun must be one of 'normal', 'uniform'"),
        (lambda: FanInUniform(0), r"'limit' of FanInUniform must be a number above 0\. Got 0"),
        (lambda: Glorot(None), r"'distribution' of Glorot must be one of .* Got None"),
        (lambda: He("n"), r"'distribution' of He must be one of 'normal', 'uniform'\. Got 'n'"),
        (lambda: Orthogonal(0), r"'gain' of Orthogonal must be a number above 0\. Got 0"),
    ],
)
def test_wrong_hyper_parameters_are_named(build, message):
    with pytest.raises(ConfigurationError, match=message):
        build()


def test_an_initializer_without_draw_says_so():
    with pytest.raises(NotImplementedError, match=r"Initializer must define draw"):
        draw(Initializer())


@pytest.mark.parametrize("initializer", ALL, ids=named)
def test_descriptions_come_back_from_data(initializer):
    assert type(initializer) in INITIALIZERS.values()
    assert from_data(to_data(initializer), INITIALIZERS.values()) == initializer
