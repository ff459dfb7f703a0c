r"""Batch normalisation, for each feature of vectors or each channel of maps.

Let one channel have n values in the batch: the images for vectors, images × pixels
for maps. While training, with sums over these n values (Ioffe & Szegedy 2015, "Batch
Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
Shift", algorithm 1; section 3.2 for maps):

    μ = 1/n Σ x        σ² = 1/n Σ (x − μ)²        s = √(σ² + ε)
    x̂ = (x − μ) / s         y = γ x̂ + β

Every x acts on y directly, through σ² and through μ. With g = ∂E/∂x̂ = γ dy the chain
rule gives (there, section 3), as x − μ = s x̂,

    ∂E/∂γ  = Σ dy x̂            ∂E/∂β = Σ dy
    ∂E/∂σ² = Σ g (x − μ) · (−½) s⁻³ = −Σ g x̂ / (2 s²)
    ∂E/∂μ  = −Σ g / s + ∂E/∂σ² · (−2/n) Σ (x − μ) = −Σ g / s      as Σ (x − μ) = 0
    ∂E/∂x  = g / s + ∂E/∂σ² · 2 (x − μ) / n + ∂E/∂μ · 1/n
           = (g − 1/n Σ g − x̂ · 1/n Σ g x̂) / s

What is taken off g is its mean and its part along x̂: shifting or stretching a channel
changes nothing. At evaluation μ and σ² are the running ones, which are constants, and
of ∂E/∂x only g / s is left.

The running values follow those of the batches: running ← m · running + (1 − m) · new.
The variance goes into them unbiased, σ² · n / (n − 1), as it estimates that of all
images (there, algorithm 2; PyTorch does so too, and calls 1 − m momentum).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from sixloops import checks
from sixloops.errors import ConfigurationError, ShapeError
from sixloops.layers.base import (
    EVALUATION,
    NO_PARAMETERS,
    Array,
    Backward,
    Context,
    Gradients,
    Layer,
    Parameters,
    Shape,
)


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Give each feature or channel the mean β and the standard deviation γ, both learnt.

    Args:
        momentum: share of the old running values that a step keeps; at least 0 and
            below 1.
        epsilon: ε, added to the variance; above 0.

    Parameters are ``gamma`` and ``beta``, state ``running_mean`` and
    ``running_variance``, all (channels,). A channel with a single value in the batch
    (vectors, batch 1) has the variance 0 and comes out as β; it says nothing about the
    variance of all images, so that the running variance stays as it is, but for rounding.

    Raises:
        ConfigurationError: a hyper-parameter is out of its range; or, from
            :meth:`forward`, the context has no running values.
        ShapeError: the input is neither a vector nor maps.

    Examples:
        >>> layer = BatchNorm()
        >>> parameters = layer.initial_parameters((1,), np.random.default_rng(0), np.float64)
        >>> context = Context(training=True, state=layer.initial_state((1,), np.float64))
        >>> y, _ = layer.forward(np.array([[2.0], [4.0], [6.0]]), parameters, context)
        >>> y.round(2).T
        array([[-1.22,  0.  ,  1.22]])
        >>> context.updates["running_mean"], context.updates["running_variance"]
        (array([0.4]), array([1.3]))
    """

    momentum: float = 0.9
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        checks.number(self, "momentum", minimum=0, below=1)
        checks.number(self, "epsilon", above=0)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape, a vector's or that of maps."""
        if len(input_shape) not in (1, 3) or min(input_shape) < 1:
            raise ShapeError(
                "The input of BatchNorm must be a vector (features,) or maps (channels, height, "
                f"width), with at least 1 of each. Got shape {input_shape}."
            )
        return input_shape

    def initial_parameters(
        self, input_shape: Shape, random: np.random.Generator, dtype: npt.DTypeLike
    ) -> dict[str, Array]:
        """Return γ = 1 and β = 0."""
        channels = self.output_shape(input_shape)[0]
        return {"gamma": np.ones(channels, dtype), "beta": np.zeros(channels, dtype)}

    def initial_state(self, input_shape: Shape, dtype: npt.DTypeLike) -> dict[str, Array]:
        """Return the mean 0 and the variance 1."""
        channels = self.output_shape(input_shape)[0]
        return {
            "running_mean": np.zeros(channels, dtype),
            "running_variance": np.ones(channels, dtype),
        }

    def parameter_count(self, input_shape: Shape) -> int:
        """Return one γ and one β a channel."""
        return 2 * self.output_shape(input_shape)[0]

    def couples_batch(self) -> bool:
        """Say yes: in training all images share μ and σ²."""
        return True

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Normalise by the batch while training, by the running values otherwise."""
        self.output_shape(x.shape[1:])
        _require_state(context)
        axes = (0, *range(2, x.ndim))
        channels = (-1, *[1] * (x.ndim - 2))
        gamma, beta = (parameters[name].reshape(channels) for name in ("gamma", "beta"))
        training = context.training
        mean, variance = self._train(x, axes, context) if training else _running(context)
        deviation = np.sqrt(variance + self.epsilon).reshape(channels)
        normal = (x - mean.reshape(channels)) / deviation

        def backward(dy: Array) -> tuple[Array, Gradients]:
            gradients = {"gamma": (dy * normal).sum(axes), "beta": dy.sum(axes)}
            g = gamma * dy
            if training:
                along = (g * normal).mean(axes, keepdims=True)
                g = g - g.mean(axes, keepdims=True) - normal * along
            return g / deviation, gradients

        return gamma * normal + beta, backward

    def _train(self, x: Array, axes: tuple[int, ...], context: Context) -> tuple[Array, Array]:
        """Return the batch's μ and σ², and let the running values follow them."""
        mean, variance = x.mean(axes), x.var(axes)
        running = self.followed(_running(context), (mean, variance), x.size // x.shape[1])
        context.updates["running_mean"], context.updates["running_variance"] = running
        return mean, variance

    def followed(
        self, running: tuple[Array, Array], batch: tuple[Array, Array], n: int
    ) -> tuple[Array, Array]:
        """Return the running values after a batch.

        Args:
            running: the means and variances before it, (channels,) each.
            batch: its μ and σ², (channels,) each.
            n: how many values of a channel they are of.
        """
        (old_mean, old_variance), (mean, variance) = running, batch
        unbiased = variance * (n / (n - 1)) if n > 1 else old_variance
        m = self.momentum
        return m * old_mean + (1 - m) * mean, m * old_variance + (1 - m) * unbiased

    def multiply_adds(self, input_shape: Shape) -> int:
        """Return one a value: at evaluation all is one scaling and one shift."""
        return prod(self.output_shape(input_shape))


def _running(context: Context) -> tuple[Array, Array]:
    return context.state["running_mean"], context.state["running_variance"]


def _require_state(context: Context) -> None:
    missing = {"running_mean", "running_variance"} - set(context.state)
    if missing:
        raise ConfigurationError(
            "The 'state' of the Context that BatchNorm runs in must hold running_mean and "
            f"running_variance. Got {sorted(context.state)}. "
            "Begin with Context(state=layer.initial_state(input_shape, dtype))."
        )
