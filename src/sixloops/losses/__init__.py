"""Losses, which the posts call costs: one short file each, the derivative in its head."""

from sixloops.losses.absolute_error import AbsoluteError
from sixloops.losses.base import Loss
from sixloops.losses.huber import Huber
from sixloops.losses.radial_basis_loss import RadialBasisLoss
from sixloops.losses.sigmoid_cross_entropy import SigmoidCrossEntropy
from sixloops.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from sixloops.losses.squared_error import SquaredError

LOSSES: dict[str, type[Loss]] = {
    "softmax_cross_entropy": SoftmaxCrossEntropy,
    "sigmoid_cross_entropy": SigmoidCrossEntropy,
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "radial_basis_loss": RadialBasisLoss,
}

__all__ = [
    "LOSSES",
    "AbsoluteError",
    "Huber",
    "Loss",
    "RadialBasisLoss",
    "SigmoidCrossEntropy",
    "SoftmaxCrossEntropy",
    "SquaredError",
]
