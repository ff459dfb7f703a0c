"""Optimisers: how a gradient changes the parameters.

Write w for a parameter, g for its gradient ∂E/∂w, η for the rate (with the
schedule's factor in it). An optimiser is a description; what it remembers between
steps, velocities and the like, is a dictionary of arrays that the caller keeps,
one a parameter and name: ``"0.weight.velocity"``. Each follows the formula that
PyTorch uses, so that rates carry over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sixloops import checks
from sixloops.checks import is_number
from sixloops.descriptions import Description
from sixloops.errors import ConfigurationError, ShapeError, wrong
from sixloops.parameters import Array, is_weight, other_form


@dataclass(frozen=True)
class Optimizer(Description):
    """Base of all optimisers; one of your own derives from it and writes :meth:`change`.

    Args:
        rate: the learning rate η, above 0.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.
    """

    memory: ClassVar[tuple[str, ...]] = ()
    """Names of the arrays, one of each a parameter, that are kept between steps."""

    rate: float = 0.1

    def __post_init__(self) -> None:
        checks.number(self, "rate", above=0)

    def initial_state(self, parameters: Mapping[str, Array]) -> dict[str, Array]:
        """Return what is remembered before the first step: zeros, by flat names.

        Args:
            parameters: arrays by dotted name, such as ``"0.weight"``.

        Returns:
            Arrays by name, such as ``"0.weight.velocity"``, of the parameters' types.
        """
        return {
            f"{name}.{kept}": np.zeros_like(parameter)
            for name, parameter in parameters.items()
            for kept in self.memory
        }

    def update(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        state: Mapping[str, Array],
        rate: float,
        step: int,
    ) -> None:
        """Take one step: change ``parameters`` and ``state`` in place.

        Args:
            parameters: arrays by dotted name; changed.
            gradients: ∂E/∂w under the same names; not changed.
            state: from :meth:`initial_state`; changed.
            rate: η of this step, the schedule's factor in it.
            step: number of this step, from 1.

        Raises:
            ShapeError: names or shapes of gradients and parameters differ.
            ConfigurationError: a state of other parameters, a step under 1, or a rate that is no
            finite number.
        """
        if not is_number(rate):
            raise ConfigurationError(wrong("rate", "an optimizer", "be a finite number", rate))
        _check_gradients(parameters, gradients)
        self.check_state(parameters, state, step)
        for name, parameter in parameters.items():
            kept = [state[f"{name}.{each}"] for each in self.memory]
            # A Python float takes part in float32 arithmetic without widening it.
            self.change(name, parameter, gradients[name], kept, float(rate), step)

    def check_state(
        self, parameters: Mapping[str, Array], state: Mapping[str, Array], step: int
    ) -> None:
        """Raise unless a state has what is remembered of each parameter, and steps count from 1.

        An optimiser of your own whose memory has other forms than its parameters says here which.

        Raises:
            ConfigurationError: an array is missing, of another shape or type than its parameter,
                not row by row in memory, or may not be written to.
        """
        for name, parameter in parameters.items():
            for kept in self.memory:
                self._check_memory(f"{name}.{kept}", state.get(f"{name}.{kept}"), parameter)
        checks.whole_number("step", f"{type(self).__name__}.update", step)

    def _check_memory(self, name: str, kept: Array | None, parameter: Array) -> None:
        got = other_form(kept, parameter.dtype, parameter.shape)
        if got:
            raise ConfigurationError(
                f"The state of {type(self).__name__} must be what initial_state(parameters) gave: "
                f"'{name}' an array of {parameter.dtype} of shape {parameter.shape}. Got {got}. "
                "Make it once, before the first step, and give the same to every step."
            )

    def change(
        self,
        name: str,
        parameter: Array,
        gradient: Array,
        kept: Sequence[Array],
        rate: float,
        step: int,
    ) -> None:
        """Change one parameter, and what is remembered of it, in place.

        Args:
            name: its dotted name.
            parameter: w.
            gradient: g, of the same shape; not to be changed.
            kept: the arrays remembered of it, in the order of :attr:`memory`.
            rate: η.
            step: number of this step, from 1.
        """
        raise NotImplementedError(f"{type(self).__name__} must define change(...).")


def _check_gradients(parameters: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
    """Raise unless there is one gradient a parameter, of its shape."""
    if parameters.keys() != gradients.keys():
        missing = sorted(parameters.keys() - gradients.keys())
        unknown = sorted(gradients.keys() - parameters.keys())
        raise ShapeError(
            "The gradients must have the names of the parameters. "
            f"Missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}. "
            "A layer's backward returns one gradient for each of its parameters."
        )
    for name, parameter in parameters.items():
        if gradients[name].shape != parameter.shape:
            raise ShapeError(
                f"The gradient of {name} must have the parameter's shape {parameter.shape}. "
                f"Got {gradients[name].shape}. Look at what its layer's backward sums over."
            )


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent: w ← w − η·g.

    (Robbins & Monro 1951, "A Stochastic Approximation Method".)

    Args:
        rate: the learning rate η, above 0.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> parameters = {"0.weight": np.array([1.0])}
        >>> SGD().update(parameters, {"0.weight": np.array([2.0])}, {}, rate=0.1, step=1)
        >>> parameters["0.weight"]
        array([0.8])
    """

    def change(
        self,
        name: str,
        parameter: Array,
        gradient: Array,
        kept: Sequence[Array],
        rate: float,
        step: int,
    ) -> None:
        """Go against the gradient."""
        parameter -= rate * gradient


@dataclass(frozen=True)
class Momentum(Optimizer):
    """Gradient descent with momentum: v ← μ·v + g, then w ← w − η·v.

    (Polyak 1964, "Some methods of speeding up the convergence of iteration methods";
    here the rate multiplies the velocity and not the gradient in it, as PyTorch
    has it: a new rate acts at once.)

    Args:
        rate: the learning rate η, above 0.
        momentum: μ, from 0 to below 1.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> Momentum(0.1).initial_state({"0.bias": np.ones(2)})
        {'0.bias.velocity': array([0., 0.])}
    """

    memory: ClassVar[tuple[str, ...]] = ("velocity",)

    rate: float = 0.01
    momentum: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.number(self, "momentum", minimum=0, below=1)

    def change(
        self,
        name: str,
        parameter: Array,
        gradient: Array,
        kept: Sequence[Array],
        rate: float,
        step: int,
    ) -> None:
        """Add the gradient to the velocity and go against it."""
        (velocity,) = kept
        velocity *= self.momentum
        velocity += gradient
        parameter -= rate * velocity


@dataclass(frozen=True)
class Nesterov(Momentum):
    """Nesterov's accelerated gradient: v ← μ·v + g, then w ← w − η·(g + μ·v).

    (Nesterov 1983, "A method of solving a convex programming problem with convergence
    rate O(1/k²)"; as momentum in Sutskever, Martens, Dahl & Hinton 2013, "On the
    importance of initialization and momentum in deep learning", eq. 3–4. There
    the gradient is taken at θ + μ·v. Here that point itself is called w, and the rate is taken
    out of the velocity, whose sign is turned: the paper's two lines then become those above,
    with g taken where w is.)

    Args:
        rate: the learning rate η, above 0.
        momentum: μ, from 0 to below 1.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> Nesterov(rate=0.05)
        Nesterov(rate=0.05, momentum=0.9)
    """

    def change(
        self,
        name: str,
        parameter: Array,
        gradient: Array,
        kept: Sequence[Array],
        rate: float,
        step: int,
    ) -> None:
        """Add the gradient to the velocity and look one step ahead."""
        (velocity,) = kept
        velocity *= self.momentum
        velocity += gradient
        parameter -= rate * (gradient + self.momentum * velocity)


@dataclass(frozen=True)
class AdaGrad(Optimizer):
    """AdaGrad: s ← s + g², then w ← w − η·g / (√s + ε).

    (Duchi, Hazan & Singer 2011, "Adaptive Subgradient Methods for Online Learning and
    Stochastic Optimization", the diagonal form of figure 1.)

    Args:
        rate: the learning rate η, above 0.
        epsilon: ε, above 0.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> AdaGrad()
        AdaGrad(rate=0.01, epsilon=1e-10)
    """

    memory: ClassVar[tuple[str, ...]] = ("squares",)

    rate: float = 0.01
    epsilon: float = 1e-10

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.number(self, "epsilon", above=0)

    def change(
        self,
        name: str,
        parameter: Array,
        gradient: Array,
        kept: Sequence[Array],
        rate: float,
        step: int,
    ) -> None:
        """Divide by the root of all squares so far."""
        (squares,) = kept
        squares += np.square(gradient)
        parameter -= rate * gradient / (np.sqrt(squares) + self.epsilon)


@dataclass(frozen=True)
class RMSProp(Optimizer):
    """RMSProp: s ← ρ·s + (1 − ρ)·g², then w ← w − η·g / (√s + ε).

    (Hinton, Srivastava & Swersky 2012, "Neural Networks for Machine Learning",
    lecture 6e.)

    Args:
        rate: the learning rate η, above 0.
        decay: ρ, from 0 to below 1.
        epsilon: ε, above 0.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> RMSProp()
        RMSProp(rate=0.001, decay=0.9, epsilon=1e-08)
    """

    memory: ClassVar[tuple[str, ...]] = ("squares",)

    rate: float = 0.001
    decay: float = 0.9
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.number(self, "decay", minimum=0, below=1)
        checks.number(self, "epsilon", above=0)

    def change(
        self,
        name: str,
        parameter: Array,
        gradient: Array,
        kept: Sequence[Array],
        rate: float,
        step: int,
    ) -> None:
        """Divide by the root of the running mean of the squares."""
        (squares,) = kept
        squares *= self.decay
        squares += (1 - self.decay) * np.square(gradient)
        parameter -= rate * gradient / (np.sqrt(squares) + self.epsilon)


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam: running means of g and of g², freed of their bias towards 0.

        m ← β₁·m + (1 − β₁)·g            m̂ = m / (1 − β₁ᵗ)
        s ← β₂·s + (1 − β₂)·g²           ŝ = s / (1 − β₂ᵗ)
        w ← w − η·m̂ / (√ŝ + ε)

    with t the number of the step, from 1 (Kingma & Ba 2015, "Adam: A Method for Stochastic
    Optimization", algorithm 1).

    Args:
        rate: the learning rate η, above 0.
        beta1: β₁, from 0 to below 1.
        beta2: β₂, from 0 to below 1.
        epsilon: ε, above 0.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> adam, parameters = Adam(), {"0.weight": np.array([1.0])}
        >>> state = adam.initial_state(parameters)
        >>> adam.update(parameters, {"0.weight": np.array([7.0])}, state, adam.rate, step=1)
        >>> parameters["0.weight"]  # the first step is η long, whatever the gradient
        array([0.999])
    """

    memory: ClassVar[tuple[str, ...]] = ("mean", "squares")

    rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.number(self, "beta1", "beta2", minimum=0, below=1)
        checks.number(self, "epsilon", above=0)

    def change(
        self,
        name: str,
        parameter: Array,
        gradient: Array,
        kept: Sequence[Array],
        rate: float,
        step: int,
    ) -> None:
        """Move both running means on, and go against their quotient."""
        mean, squares = kept
        mean *= self.beta1
        mean += (1 - self.beta1) * gradient
        squares *= self.beta2
        squares += (1 - self.beta2) * np.square(gradient)
        root = np.sqrt(squares) / math.sqrt(1 - self.beta2**step)
        parameter -= rate / (1 - self.beta1**step) * mean / (root + self.epsilon)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay: w ← w − η·λ·w, then Adam's step.

    (Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2, with the
    rate in the decay as in PyTorch.)
    Weights shrink by the same share whatever their gradients, unlike under :class:`L2
    <sixloops.regularizers.L2>`, whose gradient Adam would divide like any other.

    Args:
        rate: the learning rate η, above 0.
        beta1: β₁, from 0 to below 1.
        beta2: β₂, from 0 to below 1.
        epsilon: ε, above 0.
        weight_decay: λ, at least 0.
        biases: whether biases and all other parameters decay too, as in PyTorch.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.

    Examples:
        >>> AdamW(weight_decay=0.05).weight_decay
        0.05
    """

    weight_decay: float = 0.01
    biases: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.number(self, "weight_decay", minimum=0)
        checks.flag(self, "biases")

    def change(
        self,
        name: str,
        parameter: Array,
        gradient: Array,
        kept: Sequence[Array],
        rate: float,
        step: int,
    ) -> None:
        """Shrink the weight, then take Adam's step."""
        if self.biases or is_weight(name):
            parameter *= 1 - rate * self.weight_decay
        super().change(name, parameter, gradient, kept, rate, step)


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": AdaGrad,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
}
