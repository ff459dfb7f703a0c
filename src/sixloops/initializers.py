"""Initialisers: how weights and biases begin.

A unit that sums n inputs of mean square 1, times weights of mean 0 and variance σ²,
all independent, has variance n·σ². If it is to stay near 1 from layer to layer,
forward (n = fan-in) or for the error on its way back (n = fan-out), σ² must go as
1/n; the initialisers differ in which n they take and by which factor. Whether the
weights are normal or uniform matters little: a uniform distribution on ±a has
variance a²/3, so that a = √(3·σ²) gives the same variance.

``fan_in`` and ``fan_out`` come from the layer. For a convolution they count the
kernel's area: fan-in is (maps seen) × area, fan-out (maps fed) × area.

All values are drawn in float64 and then rounded, so that networks of float32 and
of float64 begin with the same numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sixloops import checks
from sixloops.descriptions import Description
from sixloops.parameters import Array

DISTRIBUTIONS = ("normal", "uniform")


@dataclass(frozen=True)
class Initializer(Description):
    """Base of all initialisers; one of your own derives from it and writes :meth:`draw`."""

    def draw(
        self,
        shape: tuple[int, ...],
        fan_in: int,
        fan_out: int,
        random: np.random.Generator,
        dtype: npt.DTypeLike,
    ) -> Array:
        """Return an array to begin with.

        Args:
            shape: its shape.
            fan_in: how many inputs one output sums, the kernel's area included.
            fan_out: how many outputs one input feeds, the kernel's area included.
            random: where the values come from.
            dtype: float type of the result.

        Returns:
            A new array of ``shape`` and ``dtype``.
        """
        raise NotImplementedError(f"{type(self).__name__} must define draw(...).")


def _with_variance(
    variance: float,
    distribution: str,
    shape: tuple[int, ...],
    random: np.random.Generator,
    dtype: npt.DTypeLike,
) -> Array:
    """Draw values of mean 0 and the given variance."""
    if distribution == "normal":
        return random.normal(0.0, math.sqrt(variance), shape).astype(dtype)
    limit = math.sqrt(3 * variance)
    return random.uniform(-limit, limit, shape).astype(dtype)


@dataclass(frozen=True)
class Normal(Initializer):
    """Normally distributed values, w ~ N(mean, std²), whatever the fans.

    Args:
        std: standard deviation, at least 0.
        mean: their mean.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> Normal(0.01).draw((20, 1, 5, 5), 25, 500, np.random.default_rng(0), np.float32).shape
        (20, 1, 5, 5)
    """

    std: float
    mean: float = 0.0

    def __post_init__(self) -> None:
        checks.number(self, "std", minimum=0)
        checks.number(self, "mean")

    def draw(
        self,
        shape: tuple[int, ...],
        fan_in: int,
        fan_out: int,
        random: np.random.Generator,
        dtype: npt.DTypeLike,
    ) -> Array:
        """Draw from N(mean, std²)."""
        return random.normal(self.mean, self.std, shape).astype(dtype)


@dataclass(frozen=True)
class Uniform(Initializer):
    """Uniformly distributed values, w ~ U(low, high), whatever the fans.

    Args:
        low: lower end.
        high: upper end, above ``low``.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> w = Uniform(-0.5, 0.5).draw((100,), 1, 1, np.random.default_rng(0), np.float32)
        >>> bool(abs(w).max() <= 0.5)
        True
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        checks.number(self, "low", "high")
        if self.low >= self.high:
            raise checks.fail(self, "high", f"be above low={self.low:g}")

    def draw(
        self,
        shape: tuple[int, ...],
        fan_in: int,
        fan_out: int,
        random: np.random.Generator,
        dtype: npt.DTypeLike,
    ) -> Array:
        """Draw from U(low, high)."""
        return random.uniform(self.low, self.high, shape).astype(dtype)


@dataclass(frozen=True)
class Constant(Initializer):
    """The same value everywhere.

    It is for biases. Weights that are all equal stay equal: every unit of the layer
    would get the same gradient and learn the same thing.

    Args:
        value: the value.

    Raises:
        ConfigurationError: the value is no finite number.

    Examples:
        >>> Constant(0.5).draw((3,), 1, 1, np.random.default_rng(0), np.float32)
        array([0.5, 0.5, 0.5], dtype=float32)
    """

    value: float = 0.0

    def __post_init__(self) -> None:
        checks.number(self, "value")

    def draw(
        self,
        shape: tuple[int, ...],
        fan_in: int,
        fan_out: int,
        random: np.random.Generator,
        dtype: npt.DTypeLike,
    ) -> Array:
        """Fill with the value; nothing is drawn."""
        return np.full(shape, self.value, dtype=dtype)


@dataclass(frozen=True)
class Nielsen(Initializer):
    """Nielsen's weights: w ~ N(0, 1/n_out) with n_out = fan_out / pool_area.

    (Nielsen 2015, "Neural Networks and Deep Learning", chapter 6, ``network3.py``.)
    The pooling behind a convolution keeps one of ``pool_area`` values, so that he
    divides the fan-out by it.

    Args:
        pool_area: pixels of the pooling window behind the layer: 4 for 2×2 pooling,
            1 for none.

    Raises:
        ConfigurationError: ``pool_area`` is no whole number of at least 1.

    Examples:
        >>> w = Nielsen(4).draw((20, 1, 5, 5), 25, 500, np.random.default_rng(0), np.float64)
        >>> bool(abs(w.std() - (4 / 500) ** 0.5) < 0.01)
        True
    """

    pool_area: int = 1

    def __post_init__(self) -> None:
        checks.whole(self, "pool_area")

    def draw(
        self,
        shape: tuple[int, ...],
        fan_in: int,
        fan_out: int,
        random: np.random.Generator,
        dtype: npt.DTypeLike,
    ) -> Array:
        """Draw with variance pool_area / fan_out."""
        return _with_variance(self.pool_area / fan_out, "normal", shape, random, dtype)


@dataclass(frozen=True)
class LeCun(Initializer):
    """LeCun's weights: variance 1 / fan_in.

    (LeCun, Bottou, Orr & Müller 1998, "Efficient BackProp", eq. 16.) For scaled
    tanh, whose variance at the output is then that at its input, and for SELU.

    Args:
        distribution: ``"normal"``, or ``"uniform"`` for U(−√(3/fan_in), √(3/fan_in)).

    Raises:
        ConfigurationError: an unknown distribution.

    Examples:
        >>> LeCun("uniform").draw((84, 120), 120, 84, np.random.default_rng(0), np.float32).shape
        (84, 120)
    """

    distribution: str = "normal"

    def __post_init__(self) -> None:
        checks.choice(self, "distribution", DISTRIBUTIONS)

    def draw(
        self,
        shape: tuple[int, ...],
        fan_in: int,
        fan_out: int,
        random: np.random.Generator,
        dtype: npt.DTypeLike,
    ) -> Array:
        """Draw with variance 1 / fan_in."""
        return _with_variance(1 / fan_in, self.distribution, shape, random, dtype)


@dataclass(frozen=True)
class FanInUniform(Initializer):
    """Weights from U(−limit / fan_in, limit / fan_in).

    (LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning Applied to Document
    Recognition", appendix A, with limit 2.4.) A unit's largest sum, with inputs of at most 1,
    is then the limit whatever its fan-in: a sigmoid starts in its steep middle. For
    weights, the fan-in of a convolution with a table counts the maps that the unit sees, so that
    kernels of one table may have different ranges; for biases it counts all maps.
    Typical sums, unlike the largest one, shrink as 1/√fan_in: :class:`LeCun` keeps their
    size.

    Args:
        limit: the range where the fan-in is 1, above 0.

    Raises:
        ConfigurationError: ``limit`` is no number above 0.

    Examples:
        >>> w = FanInUniform().draw((84, 120), 120, 84, np.random.default_rng(0), np.float64)
        >>> bool(0.0199 < abs(w).max() <= 2.4 / 120)
        True
    """

    limit: float = 2.4

    def __post_init__(self) -> None:
        checks.number(self, "limit", above=0)

    def draw(
        self,
        shape: tuple[int, ...],
        fan_in: int,
        fan_out: int,
        random: np.random.Generator,
        dtype: npt.DTypeLike,
    ) -> Array:
        """Draw from U(−limit / fan_in, limit / fan_in)."""
        limit = self.limit / fan_in
        return random.uniform(-limit, limit, shape).astype(dtype)


@dataclass(frozen=True)
class Glorot(Initializer):
    """Glorot's (Xavier's) weights: variance 2 / (fan_in + fan_out).

    (Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward
    neural networks", eq. 12; uniform as in eq. 16.) A compromise between keeping the
    variance forward and keeping that of the error backward; for tanh and the like.

    Args:
        distribution: ``"uniform"`` for U(−a, a) with a = √(6 / (fan_in + fan_out)),
            or ``"normal"``.

    Raises:
        ConfigurationError: an unknown distribution.

    Examples:
        >>> w = Glorot().draw((4, 2), 2, 4, np.random.default_rng(0), np.float32)
        >>> bool(abs(w).max() <= 1.0)
        True
    """

    distribution: str = "uniform"

    def __post_init__(self) -> None:
        checks.choice(self, "distribution", DISTRIBUTIONS)

    def draw(
        self,
        shape: tuple[int, ...],
        fan_in: int,
        fan_out: int,
        random: np.random.Generator,
        dtype: npt.DTypeLike,
    ) -> Array:
        """Draw with variance 2 / (fan_in + fan_out)."""
        return _with_variance(2 / (fan_in + fan_out), self.distribution, shape, random, dtype)


@dataclass(frozen=True)
class He(Initializer):
    """He's weights: variance 2 / fan_in.

    (He, Zhang, Ren & Sun 2015, "Delving Deep into Rectifiers", eq. 10.) For ReLU: it
    sets half of its inputs to 0, which the factor 2 makes good.

    Args:
        distribution: ``"normal"``, or ``"uniform"`` for U(−√(6/fan_in), √(6/fan_in)).

    Raises:
        ConfigurationError: an unknown distribution.

    Examples:
        >>> He().draw((20, 1, 5, 5), 25, 500, np.random.default_rng(0), np.float32).dtype
        dtype('float32')
    """

    distribution: str = "normal"

    def __post_init__(self) -> None:
        checks.choice(self, "distribution", DISTRIBUTIONS)

    def draw(
        self,
        shape: tuple[int, ...],
        fan_in: int,
        fan_out: int,
        random: np.random.Generator,
        dtype: npt.DTypeLike,
    ) -> Array:
        """Draw with variance 2 / fan_in."""
        return _with_variance(2 / fan_in, self.distribution, shape, random, dtype)


@dataclass(frozen=True)
class Orthogonal(Initializer):
    """Orthogonal weights: W·Wᵀ = gain²·I, or WᵀW = gain²·I where there are more rows.

    (Saxe, McClelland & Ganguli 2014, "Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks".) The array is seen as a matrix
    of its first axis by all others, one row a kernel. It is the Q of the QR
    decomposition of a normal matrix, each column times the sign of R's diagonal, which
    makes it uniform over all such matrices (Mezzadri 2007, "How to generate random
    matrices from the classical compact groups").

    Args:
        gain: factor on all values, above 0.

    Raises:
        ConfigurationError: ``gain`` is no number above 0.

    Examples:
        >>> w = Orthogonal().draw((3, 2, 2), 4, 12, np.random.default_rng(0), np.float64)
        >>> rows = w.reshape(3, 4)
        >>> np.allclose(rows @ rows.T, np.eye(3))
        True
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        checks.number(self, "gain", above=0)

    def draw(
        self,
        shape: tuple[int, ...],
        fan_in: int,
        fan_out: int,
        random: np.random.Generator,
        dtype: npt.DTypeLike,
    ) -> Array:
        """Decompose a normal matrix and keep its Q."""
        rows, columns = math.prod(shape[:1]), math.prod(shape[1:])
        tall = random.normal(size=(max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(tall)
        q *= np.where(np.diagonal(r) < 0, -self.gain, self.gain)
        return (q if rows >= columns else q.T).reshape(shape).astype(dtype)


INITIALIZERS: dict[str, type[Initializer]] = {
    "normal": Normal,
    "uniform": Uniform,
    "constant": Constant,
    "nielsen": Nielsen,
    "lecun": LeCun,
    "fan_in_uniform": FanInUniform,
    "glorot": Glorot,
    "he": He,
    "orthogonal": Orthogonal,
}
