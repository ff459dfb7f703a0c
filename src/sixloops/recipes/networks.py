"""Networks with a name: those of the posts, of Nielsen's book, LeNet-5, and a good default.

Each is a short function from the images' shape and the number of classes to a freshly
initialised network, with its preprocessing among its layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sixloops.errors import ConfigurationError
from sixloops.initializers import He, Initializer, LeCun, Nielsen, Normal
from sixloops.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalMeanPool2D,
    Layer,
    MaxPool2D,
    RadialBasis,
    ReLU,
    Rescale,
    Residual,
    ScaledTanh,
    Subsampling2D,
    ZeroPad2D,
    digit_codes,
)
from sixloops.layers.base import Shape
from sixloops.losses import (
    Loss,
    RadialBasisLoss,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
)

Layers = Sequence[Layer]


@dataclass(frozen=True)
class NamedNetwork:
    """A network that can be asked for by name.

    Args:
        about: one line that says what it is.
        layers: makes the layers for an input shape and a number of classes.
        loss: what training makes small.
    """

    about: str
    layers: Callable[[Shape, int], Layers]
    loss: Loss


def two_convolutions(shape: Shape, classes: int) -> Layers:
    """Return two convolutions with ReLU and max pooling, and a dense layer: the default."""
    he = He()
    return [
        Rescale(1 / 255),
        Conv2D(20, 5, weight_initializer=he),
        MaxPool2D(2, activation="relu"),
        Conv2D(40, 5, weight_initializer=he),
        MaxPool2D(2, activation="relu"),
        Flatten(),
        Dense(100, activation="relu", weight_initializer=he),
        Dense(classes),
    ]


def dense_100(shape: Shape, classes: int) -> Layers:
    """Return Nielsen's network without a convolution."""
    return nielsen((), (100,), "sigmoid", classes=classes)


def nielsen(
    filters: Sequence[int],
    units: Sequence[int],
    activation: str,
    *,
    dropout: float = 0.0,
    classes: int = 10,
) -> Layers:
    """Return the layers of a rung of Nielsen's ladder.

    Args:
        filters: of the convolutions, each with max pooling.
        units: of the dense layers before the outputs.
        activation: of all.
        dropout: the share of a dense layer's inputs that is dropped.
        classes: how many outputs.
    """
    drop = [Dropout(dropout)] if dropout else []
    biases = Normal(1.0)
    layers: list[Layer] = [Rescale(1 / 255)]
    for count in filters:
        convolution = Conv2D(count, 5, weight_initializer=Nielsen(4), bias_initializer=biases)
        layers += [convolution, MaxPool2D(2, activation=activation)]
    layers.append(Flatten())
    how: dict[str, Any] = {"weight_initializer": Nielsen(), "bias_initializer": biases}
    for count in units:
        layers += [*drop, Dense(count, activation=activation, **how)]
    zeros = Normal(0.0)
    return [*layers, *drop, Dense(classes, weight_initializer=zeros, bias_initializer=zeros)]


def post_316354(
    shape: Shape,
    classes: int,
    middle: Layers | None = None,
    init: Initializer = LeCun(),  # noqa: B008  (a frozen description)
) -> Layers:
    """Return the post's network.

    Args:
        shape: of an image.
        classes: how many outputs.
        middle: what stands before the dense layers; None for an identity convolution, then max
            pooling with a sigmoid.
        init: how all weights begin.
    """
    pooled = [Conv2D(20, 5, weight_initializer=init), MaxPool2D(2, activation="sigmoid")]
    return [
        Rescale(1 / 255),
        *(pooled if middle is None else middle),
        Flatten(),
        Dense(100, activation="sigmoid", weight_initializer=init),
        Dense(classes, weight_initializer=init),
    ]


def post_276213(
    shape: Shape,
    classes: int,
    scale: Layer = Rescale(2 / 255, -1.0),  # noqa: B008
    init: Initializer = He(),  # noqa: B008
    use_bias: bool = True,
) -> Layers:
    """Return LeNet-5 as the post lists it: tanh, max pooling, digits padded to 32×32.

    Args:
        shape: of an image.
        classes: how many outputs.
        scale: brings bytes to another range.
        init: how all weights begin: with the variance 2 / volume, of what a unit sees.
        use_bias: whether there are biases.
    """
    how: dict[str, Any] = {"activation": "tanh", "weight_initializer": init, "use_bias": use_bias}
    return [
        # Padding comes first, so that the border is background and not the grey in the middle.
        *_to_32_by_32(shape),
        scale,
        *(Conv2D(6, 5, **how), MaxPool2D(2)),
        *(Conv2D(16, 5, **how), MaxPool2D(2)),
        *(Conv2D(120, 5, **how), Flatten(), Dense(84, **how), Dense(classes, **how)),
    ]


def _to_32_by_32(shape: Shape) -> Layers:
    """Return the border that brings digits of 28×28 to 32×32."""
    return [ZeroPad2D(2)] if shape[1:] == (28, 28) else []


LENET_TABLE = tuple(
    tuple(sorted({(first + step) % 6 for step in steps}))
    for steps, starts in (((0, 1, 2), 6), ((0, 1, 2, 3), 6), ((0, 1, 3, 4), 3), (range(6), 1))
    for first in range(starts)
)
"""Table I of LeCun et al. 1998: which of six maps feed each of C3's sixteen."""


def lenet5_1998(shape: Shape, classes: int) -> Layers:
    """Return the paper's LeNet-5: trainable subsampling, C3's table, radial-basis outputs."""
    if classes > len(digit_codes()):
        raise ConfigurationError(
            f"The network lenet5-1998 has codes for {len(digit_codes())} classes, the digits. "
            f"Got {classes} classes. Take another network, such as two-convolutions."
        )
    squash, init = ScaledTanh(), LeCun("uniform")
    return [
        *_to_32_by_32(shape),
        # Section III.A: the background becomes −0.1 and the ink 1.175.
        Rescale(1.275 / 255, -0.1),
        # Section II.B: every unit up to F6 squashes its weighted sum, so C1 and C3 do too.
        Conv2D(6, 5, activation=squash, weight_initializer=init),
        Subsampling2D(2, activation=squash),
        Conv2D(16, 5, table=LENET_TABLE, activation=squash, weight_initializer=init),
        Subsampling2D(2, activation=squash),
        Conv2D(120, 5, activation=squash, weight_initializer=init),
        Flatten(),
        Dense(84, activation=squash, weight_initializer=init),
        RadialBasis(digit_codes()[:classes]),
    ]


def small_residual(shape: Shape, classes: int) -> Layers:
    """Return three residual stages of 16, 32 and 64 maps with batch normalisation."""
    return [
        Rescale(1 / 255),
        *_convolution(16),
        _block(16, 1, same=True),
        _block(32, 2),
        _block(64, 2),
        GlobalMeanPool2D(),
        Dense(classes),
    ]


def _convolution(filters: int, stride: int = 1) -> Layers:
    conv = Conv2D(
        filters, 3, stride=stride, padding="same", use_bias=False, weight_initializer=He()
    )
    return [conv, BatchNorm(), ReLU()]


def _block(filters: int, stride: int, same: bool = False) -> Residual:
    body = [*_convolution(filters, stride), *_convolution(filters)[:2]]
    shortcut = Conv2D(filters, 1, stride=stride, use_bias=False, weight_initializer=He())
    return Residual(body, [] if same else [shortcut, BatchNorm()], activation="relu")


def six_convolutions(shape: Shape, classes: int) -> Layers:
    """Return six convolutions with batch normalisation: for the most accuracy in half an hour."""
    return [
        Rescale(1 / 255),
        *_convolution(24),
        *_pooled(32),
        Dropout(0.1),
        *_convolution(48),
        *_pooled(64),
        Dropout(0.1),
        *_convolution(96),
        *_pooled(128),
        Flatten(),
        Dropout(0.4),
        Dense(classes),
    ]


def _pooled(filters: int) -> Layers:
    """Return a convolution whose maps are pooled before anything else is done with them."""
    conv = Conv2D(filters, 3, padding="same", use_bias=False, weight_initializer=He())
    return [conv, MaxPool2D(2), BatchNorm(), ReLU()]


NETWORKS: dict[str, NamedNetwork] = {
    "two-convolutions": NamedNetwork(
        "conv 20@5×5, pool, ReLU, conv 40@5×5, pool, ReLU, dense 100",
        two_convolutions,
        SoftmaxCrossEntropy(),
    ),
    "dense": NamedNetwork(
        "dense 100 sigmoid: the first rung of Nielsen's ladder", dense_100, SoftmaxCrossEntropy()
    ),
    "post-316354": NamedNetwork(
        "conv 20@5×5, max pooling, sigmoid, dense 100 sigmoid, sigmoid outputs",
        post_316354,
        SigmoidCrossEntropy(),
    ),
    "post-276213": NamedNetwork(
        "LeNet-5 with tanh and max pooling, squared error",
        post_276213,
        SquaredError(off=-1.0, on=1.0),
    ),
    "lenet5-1998": NamedNetwork(
        "LeNet-5 of the paper: subsampling, table of connections, radial-basis outputs",
        lenet5_1998,
        RadialBasisLoss(),
    ),
    "residual": NamedNetwork(
        "three residual stages of 16, 32, 64 maps with batch normalisation",
        small_residual,
        SoftmaxCrossEntropy(),
    ),
    "six-convolutions": NamedNetwork(
        "six 3×3 convolutions of 24 to 128 maps with batch normalisation, three poolings",
        six_convolutions,
        SoftmaxCrossEntropy(),
    ),
}
