"""Networks with a name: those of the posts, of Nielsen's book, LeNet-5, and a good default.

Each is a short function from the images' shape and the number of classes to a freshly
initialised network, with its preprocessing among its layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sixloops.errors import ConfigurationError
from sixloops.initializers import He, LeCun, Nielsen, Normal
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
    return [
        Rescale(1 / 255),
        Flatten(),
        Dense(
            100, activation="sigmoid", weight_initializer=Nielsen(), bias_initializer=Normal(1.0)
        ),
        Dense(classes, weight_initializer=Normal(0.0), bias_initializer=Normal(0.0)),
    ]


def post_316354(shape: Shape, classes: int) -> Layers:
    """Return the post's network: identity convolution, then max pooling with a sigmoid."""
    return [
        Rescale(1 / 255),
        Conv2D(20, 5, weight_initializer=LeCun()),
        MaxPool2D(2, activation="sigmoid"),
        Flatten(),
        Dense(100, activation="sigmoid", weight_initializer=LeCun()),
        Dense(classes, weight_initializer=LeCun()),
    ]


def post_276213(shape: Shape, classes: int) -> Layers:
    """Return LeNet-5 as the post lists it: tanh, max pooling, digits padded to 32×32."""
    return [
        *_to_32_by_32(shape),
        Conv2D(6, 5, activation="tanh"),
        MaxPool2D(2),
        Conv2D(16, 5, activation="tanh"),
        MaxPool2D(2),
        Conv2D(120, 5, activation="tanh"),
        Flatten(),
        Dense(84, activation="tanh"),
        Dense(classes, activation="tanh"),
    ]


def _to_32_by_32(shape: Shape) -> Layers:
    """Return layers that bring bytes to [−1, 1] and, around them, digits of 28×28 to 32×32."""
    # Padding comes first, so that the border is background and not the grey in the middle.
    padding = [ZeroPad2D(2)] if shape[1:] == (28, 28) else []
    return [*padding, Rescale(2 / 255, -1.0)]


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
        *([ZeroPad2D(2)] if shape[1:] == (28, 28) else []),
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
