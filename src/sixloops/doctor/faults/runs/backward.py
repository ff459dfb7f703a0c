"""Layers with a wrong backward, each as people write it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sixloops.doctor.faults.runs.plant import RunFault, settings, swapped, with_loss
from sixloops.doctor.run.case import Case
from sixloops.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Layer,
    MaxPool2D,
    MeanPool2D,
    ReLU,
    Sigmoid,
    Softmax,
    Tanh,
)
from sixloops.layers.base import Array, Backward, Gradients
from sixloops.layers.pooling import pooling_window
from sixloops.losses import SquaredError


@dataclass(frozen=True)
class UndividedMeanPool(MeanPool2D):
    """Hands the whole error to each of the window's pixels."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Pool."""
        y, _ = super().forward(x, *rest)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return dy.repeat(2, axis=2).repeat(2, axis=3)[:, :, : x.shape[2], : x.shape[3]], {}

        return y, backward


@dataclass(frozen=True)
class AssigningMaxPool(MaxPool2D):
    """Overlapping windows overwrite each other's error."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Pool."""
        y, _ = super().forward(x, *rest)
        (kh, kw), (sh, sw) = self.kernel, self.stride  # type: ignore[misc]

        def backward(dy: Array) -> tuple[Array, Gradients]:
            dx = np.zeros_like(x)
            for i, j in np.ndindex(*y.shape[2:]):
                window = x[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw]
                winner = window == y[:, :, i : i + 1, j : j + 1]
                dx[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw] = (
                    winner * dy[:, :, i : i + 1, j : j + 1]
                )
            return dx, {}

        return y, backward


@dataclass(frozen=True)
class EveryWinnerMaxPool(MaxPool2D):
    """Gives the error to every pixel that equals the maximum."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Pool."""
        y, _ = super().forward(x, *rest)
        window = pooling_window(self, x.shape[1:])
        won = window.gather(x, fill=-np.inf) == y[:, :, None, None]

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return window.scatter(won * dy[:, :, None, None]), {}

        return y, backward


@dataclass(frozen=True)
class FirstPatchMaxPool(MaxPool2D):
    """Returns from within the loop over the windows."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Pool."""
        y, right = super().forward(x, *rest)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            for i, j in np.ndindex(*y.shape[2:]):
                only = np.zeros_like(dy)
                only[:, :, i, j] = dy[:, :, i, j]
                return right(only)
            return right(dy)

        return y, backward


@dataclass(frozen=True)
class LastImageMaxPool(MaxPool2D):
    """Remembers the winners of the batch's last image alone."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Pool."""
        y, _ = super().forward(x, *rest)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            last = np.broadcast_to(x[-1:], x.shape)
            _, right = MaxPool2D(self.kernel, self.stride, self.padding).forward(last)
            return right(dy)

        return y, backward


@dataclass(frozen=True)
class FlippedConv(Conv2D):
    """Uses the kernel turned by 180° for the error of the layer before."""

    def forward(self, x: Array, parameters: Any = None, *rest: Any) -> tuple[Array, Backward]:
        """Convolve."""
        y, right = super().forward(x, parameters, *rest)
        turned = {**parameters, "weight": parameters["weight"][:, :, ::-1, ::-1]}
        _, wrong = super().forward(x, turned, *rest)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return wrong(dy)[0], right(dy)[1]

        return y, backward


@dataclass(frozen=True)
class TurnedGradientConv(Conv2D):
    """Returns the weights' gradient turned by 180°."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Convolve."""
        y, right = super().forward(x, *rest)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            dx, gradients = right(dy)
            return dx, {**gradients, "weight": gradients["weight"][:, :, ::-1, ::-1]}

        return y, backward


@dataclass(frozen=True)
class FirstChannelConv(Conv2D):
    """Gives every input channel the error of the first."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Convolve."""
        y, right = super().forward(x, *rest)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            dx, gradients = right(dy)
            return np.repeat(dx[:, :1], x.shape[1], axis=1), gradients

        return y, backward


@dataclass(frozen=True)
class OverwritingDense(Dense):
    """Overwrites the weights' gradient in the loop over the batch."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Multiply."""
        y, right = super().forward(x, *rest)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            dx, gradients = right(dy)
            for n in range(len(x)):
                gradients["weight"] = np.outer(dy[n], x[n])
            return dx, gradients

        return y, backward


@dataclass(frozen=True)
class OneBiasDense(Dense):
    """Sums the biases' gradient over every axis."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Multiply."""
        y, right = super().forward(x, *rest)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            dx, gradients = right(dy)
            return dx, {**gradients, "bias": np.full(self.units, dy.sum(), dy.dtype)}

        return y, backward


@dataclass(frozen=True)
class AloneReLU(ReLU):
    """Returns the slope without the error from above."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Cut off what is negative."""
        return np.maximum(x, 0), lambda dy: ((x > 0).astype(x.dtype), {})


@dataclass(frozen=True)
class TwiceSigmoid(Sigmoid):
    """Takes the slope at the activated value: σ′(σ(z))."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Squash."""
        y, _ = super().forward(x, *rest)
        again, _ = super().forward(y, *rest)
        return y, lambda dy: (dy * again * (1 - again), {})


@dataclass(frozen=True)
class SquaredSlopeTanh(Tanh):
    """Multiplies by the slope twice."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Squash."""
        y, right = super().forward(x, *rest)
        return y, lambda dy: (right(right(dy)[0])[0], {})


@dataclass(frozen=True)
class SlopelessSigmoid(Sigmoid):
    """Forgets the slope."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Squash."""
        return super().forward(x, *rest)[0], lambda dy: (dy, {})


@dataclass(frozen=True)
class SlopelessReLU(ReLU):
    """Forgets the slope."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Cut off what is negative."""
        return np.maximum(x, 0), lambda dy: (dy, {})


@dataclass(frozen=True)
class UpdatingDense(Dense):
    """Updates its weights in the midst of backward."""

    rate: float = 0.1

    def forward(self, x: Array, parameters: Any = None, *rest: Any) -> tuple[Array, Backward]:
        """Multiply."""
        y, right = super().forward(x, parameters, *rest)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            weight = parameters["weight"]
            gradients = right(dy)[1]
            weight -= self.rate * len(x) * gradients["weight"]
            return dy @ weight, gradients

        return y, backward


@dataclass(frozen=True)
class DiagonalSoftmax(Softmax):
    """Uses the Jacobian's diagonal only."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Turn into probabilities."""
        y, _ = super().forward(x, *rest)
        return y, lambda dy: (dy * y * (1 - y), {})


@dataclass(frozen=True)
class ConstantStatisticsBatchNorm(BatchNorm):
    """Takes mean and variance for constants."""

    def forward(self, x: Array, parameters: Any = None, *rest: Any) -> tuple[Array, Backward]:
        """Normalise."""
        y, right = super().forward(x, parameters, *rest)
        axes = (0, *range(2, x.ndim))
        spread = np.sqrt(x.var(axes, keepdims=True) + self.epsilon)
        gamma = parameters["gamma"].reshape(spread.shape)
        return y, lambda dy: (dy * gamma / spread, right(dy)[1])


@dataclass(frozen=True)
class InputReturningConv(Conv2D):
    """Returns the input in the place of its gradient."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Convolve."""
        y, right = super().forward(x, *rest)
        return y, lambda dy: (x, right(dy)[1])


@dataclass(frozen=True)
class InputReturningDense(Dense):
    """Returns the input in the place of its gradient."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Multiply."""
        y, right = super().forward(x, *rest)
        return y, lambda dy: (x, right(dy)[1])


@dataclass(frozen=True)
class UnscaledDropout(Dropout):
    """Drops in training, and scales neither there nor at test time."""

    def forward(
        self, x: Array, parameters: Any = None, context: Any = None
    ) -> tuple[Array, Backward]:
        """Drop."""
        if not context.training:
            return x, lambda dy: (dy, {})
        kept = (context.random.random(x.shape) >= self.rate).astype(x.dtype)
        return x * kept, lambda dy: (dy * kept, {})


def _overlapping(case: Case) -> Case:
    def change(layers: Sequence[Layer]) -> list[Layer]:
        return [AssigningMaxPool(3, 2) if type(x) is MaxPool2D else x for x in layers]

    return case.with_layers(change)


def _ending_with(softmax: Layer) -> Callable[[Case], Case]:
    """Plant probabilities under the squared error."""

    def plant(case: Case) -> Case:
        squared = with_loss(case, SquaredError())
        return squared.with_layers(lambda layers: [*layers, softmax])

    return plant


def _updating(case: Case) -> Case:
    def change(layers: Sequence[Layer]) -> list[Layer]:
        return [UpdatingDense(**settings(x), rate=0.3) if type(x) is Dense else x for x in layers]  # type: ignore[arg-type]

    return case.with_layers(change)


def _returning(case: Case) -> Case:
    return swapped(swapped(case, Conv2D, InputReturningConv), Dense, InputReturningDense)


def _dropping(dropout: Layer) -> Callable[[Case], Case]:
    """Put a dropout before the last layer."""
    return lambda case: case.with_layers(lambda layers: [*layers[:-1], dropout, layers[-1]])


def _slopeless(case: Case) -> Case:
    return swapped(swapped(case, Sigmoid, SlopelessSigmoid), ReLU, SlopelessReLU)


LENETS, CONVS = ("lenet-mean", "lenet-max"), ("lenet-mean", "lenet-max", "conv-bn")
FAULTS = (
    RunFault("mean-pool-not-divided", 1, "mean pooling hands on the whole error",
             ("mean-pool-not-divided",), lambda c: swapped(c, MeanPool2D, UndividedMeanPool),
             ("lenet-mean",), UndividedMeanPool),
    RunFault("pool-assigns", 2, "overlapping pooling assigns instead of adding", ("pool-assigned",),
             _overlapping, ("lenet-max",), AssigningMaxPool),
    RunFault("every-winner", 3, "max pooling gives the error to every tied winner",
             ("ties-all-win",), lambda c: swapped(c, MaxPool2D, EveryWinnerMaxPool),
             ("lenet-max",), EveryWinnerMaxPool),
    RunFault("return-in-loop", 4, "a return inside the pooling loop", ("only-first-window",),
             lambda c: swapped(c, MaxPool2D, FirstPatchMaxPool), ("lenet-max",),
             FirstPatchMaxPool),
    RunFault("last-image-winners", 5, "switches without the batch index",
             ("switches-of-last-image",), lambda c: swapped(c, MaxPool2D, LastImageMaxPool),
             ("lenet-max",), LastImageMaxPool),
    RunFault("kernel-not-turned", 7, "kernel not rotated in dX", ("kernel-not-rotated",),
             lambda c: swapped(c, Conv2D, FlippedConv), CONVS, FlippedConv),
    RunFault("dw-turned", 8, "dW rotated", ("dw-rotated",),
             lambda c: swapped(c, Conv2D, TurnedGradientConv), CONVS, TurnedGradientConv),
    RunFault("wrong-channel", 9, "wrong channel index", ("dx-channel-index",),
             lambda c: swapped(c, Conv2D, FirstChannelConv), CONVS, FirstChannelConv),
    RunFault("dw-overwritten", 13, "dW overwritten instead of accumulated", ("last-image-only",),
             lambda c: swapped(c, Dense, OverwritingDense), code=OverwritingDense),
    RunFault("db-one-number", 14, "db summed over every axis", ("bias-summed-over-everything",),
             lambda c: swapped(c, Dense, OneBiasDense), code=OneBiasDense),
    RunFault("relu-drops-dy", 16, "ReLU drops the gradient from above", ("error-dropped",),
             lambda c: swapped(c, ReLU, AloneReLU), ("lenet-max", "conv-bn"), AloneReLU),
    RunFault("slope-at-y", 17, "derivative taken at the activated value",
             ("slope-at-output", "slope-twice"),
             lambda c: swapped(c, Sigmoid, TwiceSigmoid), ("dense",), TwiceSigmoid),
    RunFault("slope-twice", 17, "derivative taken twice", ("slope-twice", "slope-at-output"),
             lambda c: swapped(c, Tanh, SquaredSlopeTanh), ("lenet-mean",), SquaredSlopeTanh),
    RunFault("slope-forgotten", 18, "derivative of the activation forgotten", ("slope-forgotten",),
             _slopeless, ("dense", "lenet-max", "conv-bn"), SlopelessSigmoid),
    RunFault("updated-in-backward", 19, "weights updated before they are used",
             ("updated-in-backward",), _updating, code=UpdatingDense),
    RunFault("softmax-diagonal", 20, "softmax backward with the diagonal only",
             ("softmax-diagonal",), _ending_with(DiagonalSoftmax()), code=DiagonalSoftmax,
             twin=_ending_with(Softmax())),
    RunFault("statistics-constant", 24, "batch normalisation's dX takes statistics for constants",
             ("batch-norm-constants",),
             lambda c: swapped(c, BatchNorm, ConstantStatisticsBatchNorm), ("conv-bn",),
             ConstantStatisticsBatchNorm),
    RunFault("returns-input", 26, "backward returns the input", ("returns-input",), _returning,
             code=InputReturningDense),
    RunFault("dropout-scale", 48, "dropout's scale at test time", ("dropout-scale",),
             _dropping(UnscaledDropout(0.8)), code=UnscaledDropout, twin=_dropping(Dropout(0.8))),
)  # fmt: skip
"""Faults in a layer's backward, and dropout's."""
