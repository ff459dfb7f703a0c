"""Activations: one file each, and the names under which layers take them."""

from sixloops.layers.activations.elu import ELU
from sixloops.layers.activations.gelu import GELU
from sixloops.layers.activations.identity import Identity
from sixloops.layers.activations.leaky_relu import LeakyReLU
from sixloops.layers.activations.relu import ReLU
from sixloops.layers.activations.scaled_tanh import ScaledTanh
from sixloops.layers.activations.selu import SELU
from sixloops.layers.activations.sigmoid import Sigmoid
from sixloops.layers.activations.softmax import Softmax
from sixloops.layers.activations.softplus import Softplus
from sixloops.layers.activations.tanh import Tanh
from sixloops.layers.base import Layer

ACTIVATIONS: dict[str, type[Layer]] = {
    "identity": Identity,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "scaled_tanh": ScaledTanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "selu": SELU,
    "gelu": GELU,
    "softplus": Softplus,
    "softmax": Softmax,
}

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "SELU",
    "Identity",
    "LeakyReLU",
    "ReLU",
    "ScaledTanh",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]
