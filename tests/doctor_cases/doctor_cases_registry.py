"""All cases of this folder: what is wrong, how the doctor may say it, what it has to be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """One piece of code as somebody wrote it.

    Attributes:
        target: module:NAME or module:forward,backward, as on the command line.
        fault: its number in the table of faults, 0 for one that has none there, None for the
            healthy twin.
        words: alternatives, parted by |, one of which the verdict must hold to count as named.
        hints: what a user has to say once the doctor has asked for it.
    """

    target: str
    fault: int | None
    words: str = ""
    hints: dict[str, Any] = field(default_factory=dict)

    @property
    def subject(self) -> Any:
        """The class, or the pair of functions."""
        module, names = self.target.split(":")
        found = [getattr(import_module(f"doctor_cases.{module}"), n) for n in names.split(",")]
        return found[0] if len(found) == 1 else tuple(found)


def _pair(fault: int, faulty: str, mended: str, words: str, **hints: Any) -> tuple[Case, Case]:
    module = faulty.split(":")[0]
    return Case(faulty, fault, words, hints), Case(f"{module}:{mended}", None, "", hints)


_ONE_HOT = {"input_shape": (4, 3), "arguments": {"onehot": np.eye(3)[[0, 2, 1, 1]]}}
_COLUMN = {"input_shape": (6, 1), "arguments": {"target": np.arange(6.0)}}

_PAIRS = (
    # pooling
    _pair(1, "cases_pooling:MeanPoolJava", "MeanPoolJavaMended", "divide"),
    _pair(
        1, "cases_pooling:block_mean,block_mean_grad", "block_mean,block_mean_grad_mended", "divide"
    ),
    _pair(1, "cases_pooling:GlobalAvg", "GlobalAvgMended", "divide"),
    _pair(2, "cases_pooling:AvgPoolHWC", "AvgPoolHWCMended", "assigns"),
    _pair(2, "cases_pooling:maxpool_fwd,maxpool_bwd", "maxpool_fwd,maxpool_bwd_mended", "assigns"),
    _pair(3, "cases_pooling:ReshapeMaxPool", "ReshapeMaxPoolMended", "tie|tied|equal"),
    _pair(4, "cases_pooling:PatchMaxPool", "PatchMaxPoolMended", "return|only one|first window"),
    _pair(5, "cases_pooling:SwitchPool", "SwitchPoolMended", "batch|image"),
    _pair(6, "cases_pooling:StridedMax", "StridedMaxMended", "wrong\\s+axes"),
    _pair(0, "cases_pooling:CroppingPool", "CroppingPoolMended", "shape"),
    _pair(18, "cases_pooling:MaxPoolSigmoid", "MaxPoolSigmoidMended", "slope.*missing"),
    _pair(0, "cases_pooling:L2NormPool", "L2NormPoolMended", "divide|norm"),
    _pair(14, "cases_pooling:BetaMeanPool", "BetaMeanPoolMended", "every axis"),
    # convolution
    _pair(7, "cases_convolution:ConvHWC", "ConvHWCMended", "turned"),
    _pair(8, "cases_convolution:Conv1D", "Conv1DMended", "turned"),
    _pair(
        8,
        "cases_convolution:conv_forward,conv_backward",
        "conv_forward,conv_backward_mended",
        "turned",
    ),
    _pair(9, "cases_convolution:LoopConv", "LoopConvMended", "channel"),
    _pair(9, "cases_convolution:FirstChannelConv", "FirstChannelConvMended", "channel"),
    _pair(0, "cases_convolution:LoopConvStrideless", "LoopConvMended", "stride"),
    _pair(10, "cases_convolution:SameConv", "SameConvMended", "pad|crop|shifted"),
    _pair(11, "cases_convolution:ColConvPermuted", "ColConv", "transpos|permut|reshape|order"),
    _pair(12, "cases_convolution:ColConvMixed", "ColConv", "reshaped|wrong places|mixes"),
    _pair(13, "cases_convolution:PerImageConv", "PerImageConvMended", "last image|accumul|batch"),
    _pair(14, "cases_convolution:FilterListConv", "FilterListConvMended", "every axis"),
    _pair(19, "cases_convolution:LearningConv", "LearningConvMended", "after the update|updated"),
    _pair(18, "cases_convolution:ConvReLU", "ConvReLUMended", "slope.*missing"),
    _pair(16, "cases_convolution:ConvReLUDrops", "ConvReLUMended", "from above|dropped|multipl"),
    _pair(7, "cases_convolution:Conv32", "Conv32Mended", "turned"),
    # dense
    _pair(14, "cases_dense:Linear", "LinearMended", "every axis"),
    _pair(15, "cases_dense:ColumnDense", "ColumnDenseMended", "not the bias"),
    _pair(
        17, "cases_dense:DenseSigmoid", "DenseSigmoidMended", "wrong place|at the output|f\\(z\\)"
    ),
    _pair(18, "cases_dense:DenseSigmoidBare", "DenseSigmoidMended", "slope.*missing"),
    _pair(
        17, "cases_dense:tanh_layer,tanh_layer_back", "tanh_layer,tanh_layer_back_mended", "twice"
    ),
    _pair(19, "cases_dense:OnlineDense", "OnlineDenseMended", "after the update|updated"),
    _pair(26, "cases_dense:ReturnsInput", "ReturnsInputMended", "returns the layer's input"),
    _pair(29, "cases_dense:Piling", "PilingMended", "doubles"),
    _pair(23, "cases_dense:MinusDense", "MinusDenseMended", "sign"),
    _pair(0, "cases_dense:Untransposed", "UntransposedMended", "transpos"),
    _pair(0, "cases_dense:DenseLeaky", "DenseLeakyMended", "α|leak|negative"),
    _pair(11, "cases_dense:FlattenF", "FlattenMended", "order"),
    _pair(
        0, "cases_dense:ResidualTanh", "ResidualTanhMended", "shortcut|skip|dy is missing|x itself"
    ),
    # activations
    _pair(16, "cases_activations:Rectifier", "RectifierMended", "from above|dropped|multipl"),
    _pair(
        17,
        "cases_activations:SigmoidLayer",
        "SigmoidLayerMended",
        "wrong place|at the output|f\\(z\\)",
    ),
    _pair(17, "cases_activations:Tanh", "TanhMended", "wrong place|z²|input"),
    _pair(18, "cases_activations:SoftplusBare", "SoftplusMended", "slope.*missing"),
    _pair(17, "cases_activations:ELU", "ELUMended", "wrong place|at the output|f\\(z\\)"),
    _pair(0, "cases_activations:LeakyAsReLU", "LeakyMended", "slope|ReLU"),
    _pair(25, "cases_activations:TanhInPlace", "TanhOwnPlace", "in place|overwr"),
    _pair(
        25,
        "cases_activations:relu_forward,relu_backward",
        "relu_forward,relu_backward_mended",
        "overwr|in place",
    ),
    _pair(23, "cases_activations:SwishMinus", "SwishMended", "sign"),
    _pair(20, "cases_activations:Softmax", "SoftmaxMended", "Jacobian|diagonal"),
    _pair(31, "cases_activations:SoftmaxGlobalShift", "SoftmaxMended", "maximum"),
    _pair(12, "cases_activations:SoftmaxOverAll", "SoftmaxMended", "mix|other images", axes="ND"),
    _pair(0, "cases_activations:Dropout", "DropoutMended", "1/\\(1|keep|scale"),
    _pair(0, "cases_activations:DropoutNoMask", "DropoutMended", "mask"),
    # normalisation
    _pair(24, "cases_normalisation:BatchNorm", "BatchNormMended", "mean|variance"),
    _pair(
        24,
        "cases_normalisation:bn_forward,bn_backward",
        "bn_forward,bn_backward_mended",
        "variance",
    ),
    _pair(24, "cases_normalisation:BatchNorm2d", "BatchNorm2dMended", "mean|variance"),
    # losses
    _pair(22, "cases_losses:SoftmaxCrossEntropy", "SoftmaxCrossEntropyMended", "batch|mean"),
    _pair(21, "cases_losses:DoubleSoftmaxLoss", "DoubleSoftmaxLossMended", "twice", **_ONE_HOT),
    _pair(23, "cases_losses:xent,xent_grad", "xent,xent_grad_mended", "sign"),
    _pair(23, "cases_losses:HalfSquare", "HalfSquareMended", "sign"),
    _pair(22, "cases_losses:MeanSquare", "MeanSquareMended", "divid|mean|times"),
    _pair(
        30, "cases_losses:ColumnError", "ColumnErrorMended", "broadcast|n × n|against", **_COLUMN
    ),
    _pair(31, "cases_losses:GlobalShiftLoss", "GlobalShiftLossMended", "maximum"),
    _pair(32, "cases_losses:BinaryCrossEntropy", "BinaryCrossEntropyMended", "log"),
    _pair(32, "cases_losses:NegativeLog", "NegativeLogMended", "log", **_ONE_HOT),
    _pair(18, "cases_losses:SigmoidSquare", "SigmoidSquareMended", "slope.*missing"),
)

_ALONE = (
    Case("cases_dense:linear_forward,linear_backward", None),
    Case("cases_dense:linear_forward,linear_backward_mended", None),
    Case("cases_dense:PilingWithZeroGrad", None),
    Case("cases_dense:FlattenBatchLast", None),
)


def _once(cases: list[Case]) -> list[Case]:
    return list({case.target: case for case in cases}.values())


CASES = _once([case for pair in _PAIRS for case in pair] + list(_ALONE))

_LATER = (
    _pair(22, "cases_later:Activation_Softmax_Loss", "Activation_Softmax_LossMended", "batch"),
    _pair(7, "cases_later:StridedHWC", "StridedHWCMended", "transposed"),
    _pair(13, "cases_later:SampleWise", "SampleWiseMended", "last image"),
    _pair(16, "cases_later:LeakyMask", "LeakyMaskMended", "from above"),
    _pair(1, "cases_later:AvgStride", "AvgStrideMended", "area|stride"),
    _pair(24, "cases_later:LayerNorm", "LayerNormMended", "mean|variance"),
    _pair(18, "cases_later:ReluColumn", "ReluColumnMended", "missing in db alone"),
    _pair(10, "cases_later:EvenSame", "EvenSameMended", "shifted|padding"),
    _pair(23, "cases_later:Hinge", "HingeMended", "sign"),
    _pair(7, "cases_later:TrueConv", "TrueConvMended", "turned"),
    _pair(12, "cases_later:MapsToRow", "MapsToRowMended", "mix|wrong places|order"),
    _pair(17, "cases_later:SoftplusBatchLast", "SoftplusBatchLastMended", "wrong place"),
    _pair(26, "cases_later:PoolState", "PoolStateMended", "layer's input"),
    _pair(32, "cases_later:bce,bce_prime", "bce_mended,bce_prime_mended", "logarithm"),
    _pair(2, "cases_later:PatchAssign", "PatchAssignMended", "assigns"),
)
_LAST = (
    _pair(12, "cases_last:ColPool", "ColPoolMended", "axes are moved"),
    _pair(18, "cases_last:SigmoidConv", "SigmoidConvMended", "dX uses dy where dz"),
    _pair(29, "cases_last:DictDense", "DictDenseMended", "doubles"),
    _pair(8, "cases_last:GreyConv", "GreyConvMended", "turned"),
    _pair(17, "cases_last:LeCunTanh", "LeCunTanhMended", "2/3|inner"),
    _pair(22, "cases_last:PositionMean", "PositionMeanMended", "mean over the positions"),
    _pair(20, "cases_last:SoftmaxColumns", "SoftmaxColumnsMended", "diagonal"),
    _pair(18, "cases_last:SoftmaxMSE", "SoftmaxMSEMended", "slope|Jacobian"),
    _pair(2, "cases_last:PadMean", "PadMeanMended", "assigns"),
    _pair(19, "cases_last:UpdatingDense", "UpdatingDenseMended", "after the update"),
    _pair(25, "cases_last:BiasInPlace", "BiasInPlaceMended", "in place"),
    _pair(9, "cases_last:LastFilter", "LastFilterMended", "last filter"),
)
LATER_CASES = _once([case for pair in (*_LATER, *_LAST) for case in pair])
"""Cases that were written when the doctor was finished."""

NOT_NAMED = frozenset({"cases_later:LayerNorm", "cases_last:LeCunTanh"})
"""Faults that are seen, but whose cause has no name."""
