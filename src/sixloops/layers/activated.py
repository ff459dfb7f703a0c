"""An activation given to a layer means the same as one standing behind it.

If a layer computes z = f(x) and its activation y = g(z), then by the chain rule
∂E/∂x = f′ᵀ (g′ᵀ ∂E/∂y): the error first passes back through
the activation, then through the layer. :func:`activated` does this once for all
layers that take an ``activation``, so that their own files hold f alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from sixloops.errors import ConfigurationError, did_you_mean, wrong
from sixloops.layers.activations import ACTIVATIONS
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

Forward = Callable[..., tuple[Array, Backward]]
Owner = TypeVar("Owner", bound=Layer)


def activated(forward: Forward) -> Forward:
    """Let the layer's ``activation``, if it has one, follow its ``forward``."""

    @wraps(forward)
    def with_activation(
        self: Any, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        z, backward_layer = forward(self, x, parameters, context)
        if self.activation is None:
            return z, backward_layer
        y, backward_activation = self.activation.forward(z, NO_PARAMETERS, context)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            dz, _ = backward_activation(dy)
            return backward_layer(dz)

        return y, backward

    return with_activation


def check_activation(owner: Layer) -> None:
    """Put the field ``activation`` into form: None, or an activation layer.

    It may be given by name (``"relu"``) or as a layer (``LeakyReLU(0.1)``).
    """
    given = getattr(owner, "activation")  # noqa: B009  (the base class has no such field)
    if isinstance(given, str) and given in ACTIVATIONS:
        object.__setattr__(owner, "activation", ACTIVATIONS[given]())
    elif given is not None and not isinstance(given, tuple(ACTIVATIONS.values())):
        names = ", ".join(repr(name) for name in ACTIVATIONS)
        expected = f"be None, an activation layer, or one of {names}"
        raise ConfigurationError(
            wrong("activation", type(owner).__name__, expected, given, _mend(given))
        )


def _mend(given: object) -> str:
    if isinstance(given, type) and given in ACTIVATIONS.values():
        return f"Did you mean {given.__name__}()?"
    if isinstance(given, str):
        return did_you_mean(given.lower(), ACTIVATIONS).strip()
    return "A layer of your own stands behind it in the list of layers instead."
