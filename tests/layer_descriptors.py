"""The table of layers: one row for every configuration that the contracts are proved over.

A layer that lacks a row fails ``test_layer_contracts.py``. The shapes are awkward
on purpose: height ≠ width, channels in ≠ channels out, strides below and above the
kernel, windows that do not tile, padding on one side only.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from draws import Draw, Shape, normal, sparse, tied, wide
from sixloops.initializers import Constant
from sixloops.layers import (
    ELU,
    GELU,
    SELU,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalMaxPool2D,
    GlobalMeanPool2D,
    Identity,
    L2Pool2D,
    Layer,
    LeakyReLU,
    LocalResponseNorm,
    LpPool2D,
    MaxPool2D,
    MeanPool2D,
    Normalize,
    RadialBasis,
    ReLU,
    Rescale,
    Residual,
    ScaledTanh,
    Sequential,
    Sigmoid,
    Softmax,
    Softplus,
    Subsampling2D,
    Tanh,
    ZeroPad2D,
)


@dataclass(frozen=True)
class LayerRow:
    """One configuration of one layer, and what to know about it.

    Args:
        layer: the layer.
        input_shape: one image's.
        batch: how many images.
        draw: how the input is drawn.
        kinks: which share of the inputs may sit on a kink or a tie, where there is no slope.
        random: whether training draws random numbers.
        mass: whether Σdx = Σdy for every map.
    """

    layer: Layer
    input_shape: Shape
    batch: int = 2
    draw: Draw = normal
    kinks: float = 0.0
    random: bool = False
    mass: bool = False

    @property
    def description(self) -> Layer:
        """The layer, by the name that losses share."""
        return self.layer

    def __str__(self) -> str:
        """Return the layer's hyper-parameters that are not its defaults, and the input."""
        given = [
            f"{field.name}={getattr(self.layer, field.name)}"
            for field in fields(self.layer)
            if getattr(self.layer, field.name) != field.default
        ]
        shape = "x".join(str(n) for n in (self.batch, *self.input_shape))
        return f"{type(self.layer).__name__}({', '.join(given)})-{shape}-{self.draw.__name__}"


VECTOR: Shape = (7,)
MAPS: Shape = (2, 5, 4)

CONVOLUTIONS = [
    LayerRow(Conv2D(3, 3), MAPS),
    LayerRow(Conv2D(3, 3), MAPS, batch=1),
    LayerRow(Conv2D(4, (2, 3), use_bias=False), (3, 4, 6)),
    LayerRow(Conv2D(2, 1), (3, 3, 2)),
    LayerRow(Conv2D(2, (5, 4)), MAPS),
    LayerRow(Conv2D(1, 3), (1, 6, 5), batch=1),
    LayerRow(Conv2D(3, 3, stride=2), (2, 7, 6)),
    LayerRow(Conv2D(3, 2, stride=(3, 1)), (2, 7, 4)),
    LayerRow(Conv2D(3, 3, stride=(1, 2), padding="same"), MAPS),
    LayerRow(Conv2D(3, (2, 4), padding="same"), MAPS),
    LayerRow(Conv2D(3, 3, padding=1), MAPS),
    LayerRow(Conv2D(3, 3, stride=2, padding=((0, 2), (1, 0))), MAPS),
    LayerRow(Conv2D(2, 2, padding=(2, 3)), (2, 3, 2)),
    LayerRow(Conv2D(3, (2, 3), dilation=(3, 2)), (2, 6, 7)),
    LayerRow(Conv2D(3, 3, stride=2, padding="same", dilation=2), (2, 7, 6)),
    LayerRow(Conv2D(4, 3, groups=2, padding=1), (4, 4, 3)),
    LayerRow(Conv2D(6, 2, groups=3, stride=(1, 2)), (3, 4, 5)),
    LayerRow(Conv2D(4, 3, table=[[0], [0, 2], [1, 2], [2, 1, 0]]), (3, 5, 4)),
    LayerRow(Conv2D(2, 2, table=[[1], [2]], stride=2, use_bias=False), (3, 5, 4)),
    LayerRow(Conv2D(3, 3, activation="relu"), MAPS),
    LayerRow(Conv2D(3, 2, activation="softmax", bias_initializer=Constant(0.5)), MAPS),
    LayerRow(Conv2D(8, 5, padding="same"), (4, 14, 11), batch=3),
]

MAX_POOLINGS = [
    LayerRow(MaxPool2D(), (2, 6, 4), mass=True),
    LayerRow(MaxPool2D(), (3, 7, 5), batch=1, mass=True),
    LayerRow(MaxPool2D((2, 3)), (2, 5, 7), mass=True),
    LayerRow(MaxPool2D(3, stride=(1, 2)), (2, 5, 6), mass=True),
    LayerRow(MaxPool2D(2, stride=3), (2, 6, 5), mass=True),
    LayerRow(MaxPool2D(3, stride=2, padding="same"), (2, 5, 4), mass=True),
    LayerRow(MaxPool2D(3, stride=1, padding=((0, 2), (1, 0))), (2, 3, 4), mass=True),
    LayerRow(MaxPool2D((5, 4)), (2, 5, 4), mass=True),
    LayerRow(MaxPool2D(2), (2, 6, 4), draw=tied, kinks=0.5, mass=True),
    LayerRow(MaxPool2D(3, stride=1, padding=1), (2, 4, 5), draw=tied, kinks=0.5, mass=True),
    LayerRow(MaxPool2D(2, activation="sigmoid"), (2, 6, 4)),
    LayerRow(MaxPool2D(3, stride=2), (4, 15, 13), mass=True),
    LayerRow(GlobalMaxPool2D(), MAPS, mass=True),
    LayerRow(GlobalMaxPool2D(), MAPS, batch=1, mass=True),
    LayerRow(GlobalMaxPool2D(), (3, 2, 2), draw=tied, kinks=0.5, mass=True),
]

MEAN_POOLINGS = [
    LayerRow(MeanPool2D(), (2, 6, 4), mass=True),
    LayerRow(MeanPool2D(), (3, 7, 5), batch=1, mass=True),
    LayerRow(MeanPool2D((2, 3), stride=(1, 2)), (2, 5, 6), mass=True),
    LayerRow(MeanPool2D(2, stride=3), (2, 6, 5), mass=True),
    LayerRow(MeanPool2D(3, stride=2, padding="same"), (2, 5, 4), mass=True),
    LayerRow(MeanPool2D(3, stride=2, padding="same", count_padding=True), (2, 5, 4)),
    LayerRow(MeanPool2D((3, 2), stride=1, padding=((0, 2), (1, 0))), (2, 3, 4), mass=True),
    LayerRow(MeanPool2D(2, padding=1, count_padding=True, activation="tanh"), (2, 3, 4)),
    LayerRow(MeanPool2D(3, stride=2), (4, 15, 13), mass=True),
    LayerRow(GlobalMeanPool2D(), MAPS, mass=True),
    LayerRow(GlobalMeanPool2D(), MAPS, batch=1, mass=True),
    LayerRow(Subsampling2D(), (2, 6, 4)),
    LayerRow(Subsampling2D((3, 2), stride=(2, 1), activation="scaled_tanh"), (3, 5, 4)),
    LayerRow(Subsampling2D(3, stride=2, padding="same"), (2, 5, 4), batch=1),
]

NORM_POOLINGS = [
    LayerRow(layer, shape)
    for pool in (L2Pool2D, LpPool2D)
    for layer, shape in (
        (pool(kernel=2), (2, 6, 4)),
        (pool(kernel=(2, 3), stride=(1, 2)), (2, 5, 6)),
        (pool(kernel=2, stride=3), (2, 6, 5)),
        (pool(kernel=3, stride=2, padding="same"), (2, 5, 4)),
        (pool(kernel=(3, 2), stride=1, padding=((0, 2), (1, 0)), activation="tanh"), (2, 3, 4)),
    )
] + [
    LayerRow(L2Pool2D(), (3, 7, 5), batch=1),
    LayerRow(L2Pool2D(), (2, 6, 4), draw=sparse, kinks=0.8),
    LayerRow(LpPool2D(1), (2, 5, 4)),
    LayerRow(LpPool2D(1), (2, 5, 4), draw=tied, kinks=0.5),
    LayerRow(LpPool2D(3.5, 3, stride=2), (2, 5, 7)),
    LayerRow(LpPool2D(1.5), (2, 4, 6), batch=1),
    LayerRow(LpPool2D(3), (2, 6, 4), draw=sparse, kinks=0.8),
]

ACTIVATIONS = [
    row
    for layer in (
        *(Identity(), Sigmoid(), Tanh(), ScaledTanh(), ScaledTanh(1.0, 0.4), ReLU(), GELU()),
        *(LeakyReLU(), LeakyReLU(0.3), ELU(), ELU(0.4), SELU(), Softplus(), Softmax()),
    )
    for row in (LayerRow(layer, VECTOR), LayerRow(layer, MAPS))
] + [
    LayerRow(ReLU(), MAPS, draw=tied, kinks=0.5),
    LayerRow(LeakyReLU(0.3), MAPS, draw=tied, kinks=0.5),
    LayerRow(ELU(0.4), MAPS, draw=tied, kinks=0.5),
    LayerRow(SELU(), MAPS, draw=tied, kinks=0.5),
    LayerRow(Sigmoid(), VECTOR, draw=wide),
    LayerRow(Softplus(), VECTOR, draw=wide),
    LayerRow(GELU(), VECTOR, draw=wide),
    LayerRow(Softmax(), VECTOR, draw=tied, batch=1),
]

DENSE = [
    LayerRow(Dense(3), VECTOR),
    LayerRow(Dense(3), VECTOR, batch=1),
    LayerRow(Dense(1, use_bias=False), VECTOR, batch=3),
    LayerRow(Dense(4, activation="tanh"), VECTOR),
    LayerRow(Dense(20), (30,)),
]

NORMALISATIONS = [
    LayerRow(BatchNorm(), VECTOR, batch=5),
    LayerRow(BatchNorm(momentum=0.0, epsilon=0.1), (3, 4, 2), batch=3),
    LayerRow(BatchNorm(), MAPS, batch=1),
    LayerRow(LocalResponseNorm(), (7, 3, 2)),
    LayerRow(LocalResponseNorm(4, alpha=0.5, beta=1.5, k=1.0), (6, 2, 4)),
    LayerRow(LocalResponseNorm(9, alpha=2.0), (3, 2, 4), batch=1),
]

FIXED = [
    LayerRow(Flatten(), MAPS),
    LayerRow(Flatten(), VECTOR),
    LayerRow(ZeroPad2D(2), (1, 4, 3)),
    LayerRow(ZeroPad2D((0, 1)), MAPS),
    LayerRow(ZeroPad2D(((0, 2), (1, 0))), MAPS, batch=1),
    LayerRow(Rescale(), MAPS),
    LayerRow(Rescale(2.0, -1.0), VECTOR),
    LayerRow(Normalize(0.3, 1.7), MAPS),
    LayerRow(Normalize((0.1, -0.2), (0.5, 2.0)), MAPS),
    LayerRow(Normalize((0.1, -0.2, 0.3), 0.5), (3,)),
]

RADIAL_BASIS = [
    LayerRow(RadialBasis([[1, -1, 1], [-1, -1, 1]]), (3,)),
    LayerRow(RadialBasis([[1, -1, 1], [-1, -1, 1]], trainable=True), (3,)),
    LayerRow(RadialBasis([[0.5, 2, 0, 1]] * 3, trainable=True), (4,), batch=1),
]

RANDOM = [
    LayerRow(Dropout(), VECTOR, random=True),
    LayerRow(Dropout(0.2), MAPS, random=True),
    LayerRow(Dropout(0.0), MAPS),
]

WHOLES = [
    LayerRow(Sequential([]), VECTOR),
    LayerRow(Sequential([Conv2D(3, 2), Tanh(), MaxPool2D(2), Flatten(), Dense(4)]), (2, 5, 7)),
    LayerRow(Sequential([Dense(4), Dropout(0.3), Dense(2)]), VECTOR, random=True),
    LayerRow(Sequential([Dense(4, use_bias=False), BatchNorm(), Sigmoid()]), VECTOR, batch=4),
    LayerRow(Sequential([Sequential([Dense(4)]), Sequential([Softplus(), Dense(2)])]), VECTOR),
    LayerRow(Residual([Conv2D(4, 3, padding="same"), Conv2D(2, 3, padding="same")]), MAPS),
    LayerRow(
        Residual(
            [Conv2D(3, 3, stride=2, padding="same", use_bias=False), BatchNorm(), Tanh()],
            [Conv2D(3, 1, stride=2)],
            activation="softplus",
        ),
        MAPS,
        batch=3,
    ),
    LayerRow(Residual([Dropout(0.4), Dense(7)]), VECTOR, random=True),
]

LAYER_ROWS: list[LayerRow] = [
    *CONVOLUTIONS,
    *MAX_POOLINGS,
    *MEAN_POOLINGS,
    *NORM_POOLINGS,
    *ACTIVATIONS,
    *DENSE,
    *NORMALISATIONS,
    *FIXED,
    *RADIAL_BASIS,
    *RANDOM,
    *WHOLES,
]
