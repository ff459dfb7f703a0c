"""Layers: what each one is. One short file each, the derivative under its formula."""

from sixloops.layers.activations import (
    ACTIVATIONS,
    ELU,
    GELU,
    SELU,
    Identity,
    LeakyReLU,
    ReLU,
    ScaledTanh,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
)
from sixloops.layers.base import Context, Layer
from sixloops.layers.batch_normalization import BatchNorm
from sixloops.layers.convolution import Conv2D
from sixloops.layers.dense import Dense
from sixloops.layers.digit_codes import digit_codes
from sixloops.layers.dropout import Dropout
from sixloops.layers.flatten import Flatten
from sixloops.layers.global_pool import GlobalMaxPool2D, GlobalMeanPool2D
from sixloops.layers.l2_pool import L2Pool2D
from sixloops.layers.local_response_normalization import LocalResponseNorm
from sixloops.layers.lp_pool import LpPool2D
from sixloops.layers.max_pool import MaxPool2D
from sixloops.layers.mean_pool import MeanPool2D
from sixloops.layers.normalize import Normalize
from sixloops.layers.radial_basis import RadialBasis
from sixloops.layers.rescale import Rescale
from sixloops.layers.residual import Residual
from sixloops.layers.sequential import Sequential
from sixloops.layers.subsampling import Subsampling2D
from sixloops.layers.zero_pad import ZeroPad2D

LAYERS: dict[str, type[Layer]] = {
    kind.__name__: kind
    for kind in (
        *ACTIVATIONS.values(),
        BatchNorm,
        Conv2D,
        Dense,
        Dropout,
        Flatten,
        GlobalMaxPool2D,
        GlobalMeanPool2D,
        L2Pool2D,
        LocalResponseNorm,
        LpPool2D,
        MaxPool2D,
        MeanPool2D,
        Normalize,
        RadialBasis,
        Rescale,
        Residual,
        Sequential,
        Subsampling2D,
        ZeroPad2D,
    )
}
"""All layers by name: what a file may ask for."""

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "LAYERS",
    "SELU",
    "BatchNorm",
    "Context",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalMaxPool2D",
    "GlobalMeanPool2D",
    "Identity",
    "L2Pool2D",
    "Layer",
    "LeakyReLU",
    "LocalResponseNorm",
    "LpPool2D",
    "MaxPool2D",
    "MeanPool2D",
    "Normalize",
    "RadialBasis",
    "ReLU",
    "Rescale",
    "Residual",
    "ScaledTanh",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Subsampling2D",
    "Tanh",
    "ZeroPad2D",
    "digit_codes",
]
