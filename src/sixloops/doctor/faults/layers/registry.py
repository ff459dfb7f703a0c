"""The list of planted faults of layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sixloops.doctor.faults.layers import activations as act
from sixloops.doctor.faults.layers import convolution as conv
from sixloops.doctor.faults.layers import dense
from sixloops.doctor.faults.layers import losses as loss
from sixloops.doctor.faults.layers import pooling as pool


@dataclass(frozen=True)
class LayerFault:
    """A fault, planted in a hand-written layer.

    Args:
        number: of the fault in the list of fifty; None for one that is not there.
        title: what was done, in a few words.
        names: the ids of the diagnosis that is right, and of those that say the same.
        faulty: a class, or (forward, backward), as :func:`check_layer` takes them.
        sound: the same without the fault.
    """

    number: int | None
    title: str
    names: tuple[str, ...]
    faulty: Any
    sound: Any

    def __str__(self) -> str:
        """Return the name of the faulty piece."""
        last = self.faulty[1] if isinstance(self.faulty, tuple) else self.faulty
        return str(last.__name__)


def _maxpool(backward: Any) -> tuple[Any, Any]:
    return pool.maxpool_forward, backward


def _conv(backward: Any) -> tuple[Any, Any]:
    return conv.conv_forward, backward


def _linear(backward: Any) -> tuple[Any, Any]:
    return dense.linear_forward, backward


def _norm(backward: Any) -> tuple[Any, Any]:
    return dense.batchnorm_forward, backward


def _sigmoid(backward: Any) -> tuple[Any, Any]:
    return act.sigmoid_forward, backward


_MSE = (loss.mse, loss.mse_prime)
_MAX = _maxpool(pool.maxpool_backward)
_CONV = _conv(conv.conv_backward)
_LINEAR = _linear(dense.linear_backward)
_NORM = _norm(dense.batchnorm_backward)
_SIGMOID = _sigmoid(act.sigmoid_backward)

_ROWS: tuple[tuple[int | None, str, str, Any, Any], ...] = (
    # ---- pooling
    (1, "mean pooling not divided", "mean-pool-not-divided", pool.MeanPoolNotDivided, pool.MeanPool),
    (1, "divided twice", "mean-pool-divided-twice", pool.MeanPoolDividedTwice, pool.MeanPool),
    (None, "mean pooling to the winner", "mean-pool-to-winner", pool.MeanPoolToWinner, pool.MeanPool),
    (6, "wrong axes after a reshape", "pool-axes", pool.MeanPoolWrongAxes, pool.MeanPool),
    (2, "winners assigned", "pool-winner-assigned", _maxpool(pool.maxpool_backward_assigns), _MAX),
    (2, "patches assigned", "pool-assigned", _maxpool(pool.maxpool_backward_assigns_patches), _MAX),
    (4, "return in the loop", "only-first-window", _maxpool(pool.maxpool_backward_returns_early), _MAX),
    (4, "return in the innermost loop", "only-first-patch-of-first-image", _maxpool(pool.maxpool_backward_returns_at_once), _MAX),
    (3, "every tied winner", "ties-all-win", pool.MaxPoolEveryTie, pool.MaxPool),
    (16, "the winner's error set to 1", "max-pool-ones", pool.MaxPoolOnes, pool.MaxPool),
    (None, "error to all four pixels", "max-pool-everywhere", pool.MaxPoolEverywhere, pool.MaxPool),
    (None, "error shared out", "max-pool-shared-out", pool.MaxPoolSharedOut, pool.MaxPool),
    (None, "row for column", "max-pool-row-for-column", pool.MaxPoolRowForColumn, pool.MaxPool),
    (5, "switches without the batch", "switches-of-last-image", pool.MaxPoolLastSwitches, pool.MaxPool),
    (22, "dX divided by the batch", "divided-by-batch", pool.MaxPoolDividedByBatch, pool.MaxPool),
    (None, "never equal", "zero-gradient", pool.MaxPoolNeverEqual, pool.MaxPool),
    (None, "winners of an earlier batch", "stale-cache", pool.MaxPoolKeepsFirst, pool.MaxPool),
    (None, "L2 pooling not divided", "l2-pool-not-divided", pool.L2PoolNotDivided, pool.L2Pool),
    (None, "L2 pooling without the input", "l2-pool-no-input", pool.L2PoolNoInput, pool.L2Pool),
    (12, "error read by columns", "dy-read-by-columns", pool.MeanPoolReadsColumns, pool.MeanPool),
    (12, "images mixed", "image-axis-mixed", pool.MeanPoolMixesImages, pool.MeanPool),
    # ---- convolution
    (10, "height for width", "padding-crop", conv.ConvPaddedHeightForWidth, conv.ConvPadded),
    (7, "kernel not rotated", "kernel-not-rotated", conv.ConvNotRotated, conv.Conv),
    (7, "kernel transposed", "kernel-transposed", conv.ConvTransposedKernel, conv.Conv),
    (8, "dW rotated", "dw-rotated", conv.ConvDWRotated, conv.Conv),
    (8, "dW rotated, one image", "dw-rotated", conv.Conv3x3Flipped, conv.Conv3x3),
    (2, "dX assigned", "conv-dx-assigned", conv.ConvAssignsDX, conv.Conv),
    (13, "dW of the last position", "dw-last-patch", conv.ConvLastPosition, conv.Conv),
    (13, "dW of the last image", "last-image-only", conv.ConvLastImage, conv.Conv),
    (9, "dX of the last filter", "conv-dx-last-filter", conv.ConvLastFilter, conv.Conv),
    (9, "channel 0 for all", "channel-index", conv.ConvChannelZero, conv.Conv),
    (14, "db of everything", "bias-summed-over-everything", conv.ConvBiasOfAll, conv.Conv),
    (14, "db a single number", "bias-summed-over-everything", conv.ConvBiasScalar, conv.Conv),
    (22, "mean over positions", "mean-over-positions", conv.ConvMean, conv.Conv),
    (29, "gradients not cleared", "gradients-not-cleared", conv.ConvAccumulates, conv.ConvAccumulatesAndClears),
    (19, "weights updated first", "weights-updated-first", conv.ConvUpdatesFirst, conv.ConvUpdates),
    (26, "returns nothing", "returns-none", conv.ConvReturnsNothing, conv.Conv),
    (22, "dX divided by the batch", "divided-by-batch", _conv(conv.conv_backward_divided), _CONV),
    (23, "sign", "sign", _conv(conv.conv_backward_sign), _CONV),
    (11, "im2col permuted", "im2col-order", (conv.conv_forward_permuted, conv.conv_backward_permuted), _CONV),
    # ---- dense
    (19, "weights updated first", "weights-updated-first", dense.DenseUpdatesFirst, dense.Dense),
    (15, "bias never updated", "bias-never-updated", dense.DenseBiasForgotten, dense.Dense),
    (14, "db of everything", "bias-summed-over-everything", dense.DenseBiasOfAll, dense.DenseResidual),
    (13, "last sample only", "last-image-only", dense.DenseLastSample, dense.Dense),
    (26, "returns the input", "returns-input", dense.DenseReturnsInput, dense.Dense),
    (22, "dW divided, db not", "divided-by-batch", _linear(dense.linear_backward_sum_for_bias), _LINEAR),
    (14, "db of everything, by columns", "bias-summed-over-everything", _linear(dense.linear_backward_bias_of_all), _LINEAR),
    (22, "dX divided by the batch", "divided-by-batch", _linear(dense.linear_backward_divided_dx), _LINEAR),
    (18, "slope forgotten", "slope-forgotten", dense.SigmoidLayerNoSlope, dense.SigmoidLayer),
    (17, "slope at the output", "slope-at-output", dense.SigmoidLayerSlopeAtOutput, dense.SigmoidLayer),
    (17, "slope twice", "slope-twice", dense.SigmoidLayerSlopeTwice, dense.SigmoidLayer),
    (18, "slope missing in dX", "dense-dy-for-dz", dense.SigmoidLayerSlopeOnlyInDW, dense.SigmoidLayer),
    (18, "slope missing in db", "dense-bias-not-through-slope", dense.SigmoidLayerBiasNoSlope, dense.SigmoidLayer),
    # ---- losses
    (None, "factor 2 forgotten", "factor-half", (loss.mse, loss.mse_prime_half), _MSE),
    (23, "sign", "sign", (loss.mse, loss.mse_prime_sign), _MSE),
    (22, "summed for a mean", "multiplied-by-batch", loss.SoftmaxCrossEntropySummed, loss.SoftmaxCrossEntropy),
    # ---- batch normalisation
    (24, "mean and variance constant", "batch-norm-constants", _norm(dense.batchnorm_backward_constants), _NORM),
    (24, "variance constant", "batch-norm-variance-constant", _norm(dense.batchnorm_backward_variance), _NORM),
    (24, "dgamma of x", "batch-norm-gamma-of-input", _norm(dense.batchnorm_backward_gamma_of_x), _NORM),
    (24, "gamma forgotten", "batch-norm-no-gamma", _norm(dense.batchnorm_backward_no_gamma), _NORM),
    # ---- activations
    (16, "ReLU drops the error", "error-dropped", act.ReLUDropsError, act.ReLU),
    (16, "ReLU of the error", "relu-of-error", act.ReLUOfError, act.ReLU),
    (None, "mask inverted", "relu-mask-inverted", act.ReLUInverted, act.ReLUOnOutput),
    (26, "returns the input", "returns-input", act.ReLUReturnsInput, act.ReLU),
    (25, "in place", "input-overwritten", act.ReLUInPlace, act.ReLU),
    (25, "error overwritten", "error-overwritten", act.ReLUSpoilsError, act.ReLU),
    (None, "leak forgotten", "leaky-slope-forgotten", act.LeakyReLUForgotten, act.LeakyReLU),
    (16, "leak without the error", "leaky-slope-without-error", act.LeakyReLUWithoutError, act.LeakyReLU),
    (17, "slope at the output", "slope-at-output", _sigmoid(act.sigmoid_backward_at_output), _SIGMOID),
    (17, "slope of z by its form in y", "output-form-at-input", _sigmoid(act.sigmoid_backward_of_input), _SIGMOID),
    (18, "slope forgotten", "slope-forgotten", _sigmoid(act.sigmoid_backward_forgotten), _SIGMOID),
    (17, "tanh's slope", "tanh-for-sigmoid", _sigmoid(act.sigmoid_backward_as_tanh), _SIGMOID),
    (17, "slope function at the output", "slope-at-output", (act.sigmoid, act.sigmoid_prime_of_output), (act.sigmoid, act.sigmoid_prime)),
    (17, "square forgotten", "tanh-not-squared", act.TanhNotSquared, act.Tanh),
    (17, "slope twice", "slope-twice", act.TanhTwice, act.Tanh),
    (17, "slope at the output", "slope-at-output", act.TanhOfOutput, act.Tanh),
    (20, "diagonal only", "softmax-diagonal", act.SoftmaxDiagonal, act.Softmax),
    (21, "softmax twice", "softmax-twice", act.SoftmaxTwice, act.Softmax),
    (12, "flattened by columns", "dx-transposed", act.FlattenByColumns, act.Flatten),
)  # fmt: skip

LAYER_FAULTS: tuple[LayerFault, ...] = tuple(
    LayerFault(number, title, (name,), faulty, sound)
    for number, title, name, faulty, sound in _ROWS
)
"""All planted faults of layers."""

SOUND_LAYERS: tuple[Any, ...] = tuple(dict.fromkeys(fault.sound for fault in LAYER_FAULTS))
"""The sound twins, each once."""
