r"""Dropout, in its inverted form.

While training, with the rate q, every value is kept with probability 1 − q:

    m ~ Bernoulli(1 − q),  drawn for every value on its own
    y = x · m / (1 − q)            ∂E/∂x = dy · m / (1 − q)

and otherwise y = x (Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014,
"Dropout: A Simple Way to Prevent Neural Networks from Overfitting", section 4; there,
weights are scaled down after training, and section 10 gives this equivalent form). The mean
of m is 1 − q, so that the mean of y over the draws is x: what follows sees the same mean
with and without dropout.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sixloops import checks
from sixloops.errors import ConfigurationError, wrong
from sixloops.layers.base import (
    EVALUATION,
    NO_PARAMETERS,
    Array,
    Backward,
    Context,
    Gradients,
    Layer,
    Parameters,
)


@dataclass(frozen=True)
class Dropout(Layer):
    """Drop values at random while training, and scale up the others; inputs of any shape.

    Args:
        rate: q, the probability of dropping a value; at least 0 and below 1.

    Raises:
        ConfigurationError: the rate is out of its range; or, from :meth:`forward`,
            the context of training has no random numbers.

    Examples:
        >>> training = Context(training=True, random=np.random.default_rng(1))
        >>> y, backward = Dropout(0.5).forward(np.ones((1, 4)), context=training)
        >>> y
        array([[2., 2., 0., 2.]])
        >>> backward(np.ones((1, 4)))[0]
        array([[2., 2., 0., 2.]])
    """

    rate: float = 0.5

    def __post_init__(self) -> None:
        checks.number(self, "rate", minimum=0, below=1)

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Multiply by the mask while training, and by 1 otherwise."""
        if not context.training or self.rate == 0:
            return x, lambda dy: (dy, {})
        kept = _random(context).random(x.shape) >= self.rate
        mask = np.where(kept, x.dtype.type(1 / (1 - self.rate)), 0)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return dy * mask, {}

        return x * mask, backward


def _random(context: Context) -> np.random.Generator:
    if context.random is None:
        raise ConfigurationError(
            wrong(
                "random",
                "the Context that Dropout trains in",
                "be a NumPy Generator",
                None,
                "Give one, Context(training=True, random=numpy.random.default_rng(0)), "
                "or leave training=True out.",
            )
        )
    return context.random
