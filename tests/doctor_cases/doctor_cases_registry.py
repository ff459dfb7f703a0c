"""All cases of this folder: what is wrong, how the doctor may say it, what it has to be told."""

from __future__ import annotations

import re
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
        twin: the target of the same code without the fault; empty for a healthy one.
    """

    target: str
    fault: int | None
    words: str = ""
    hints: dict[str, Any] = field(default_factory=dict)
    twin: str = ""

    @property
    def subject(self) -> Any:
        """The class, or the pair of functions."""
        return _loaded(self.target)

    @property
    def mended(self) -> Any:
        """The healthy twin."""
        return _loaded(self.twin)

    def is_named(self, verdict: Any) -> bool:
        """Say whether a verdict gives any name; a number without a cause is none."""
        return verdict.name not in ("", "constant-factor")

    def is_right(self, verdict: Any) -> bool:
        """Say whether the first name that a verdict gives is right."""
        found = verdict.diagnoses
        return self.is_named(verdict) and bool(re.search(self.words, found[0].sentence, re.S))


def _loaded(target: str) -> Any:
    module, names = target.split(":")
    found = [getattr(import_module(f"doctor_cases.{module}"), n) for n in names.split(",")]
    return found[0] if len(found) == 1 else tuple(found)


def _pair(fault: int, faulty: str, mended: str, words: str, **hints: Any) -> tuple[Case, Case]:
    twin = f"{faulty.split(':')[0]}:{mended}"
    return Case(faulty, fault, words, hints, twin), Case(twin, None, "", hints)


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
_FOURTH = (
    _pair(7, "cases_fourth:DepthwiseConv", "DepthwiseConvMended", "turned"),
    _pair(19, "cases_fourth:FilterBank", "FilterBankMended", "after the update|updated"),
    _pair(2, "cases_fourth:AtrousConv", "AtrousConvMended", "assigns"),
    _pair(9, "cases_fourth:GroupConv", "GroupConvMended", "channel|group"),
    _pair(
        8,
        "cases_fourth:conv1d_forward,conv1d_backward",
        "conv1d_forward,conv1d_backward_mended",
        "turned|backwards|flip",
    ),
    _pair(3, "cases_fourth:TemporalMaxPool", "TemporalMaxPoolMended", "tie|tied|equal"),
    _pair(1, "cases_fourth:GAP", "GAPMended", "divide"),
    _pair(5, "cases_fourth:GlobalMax", "GlobalMaxMended", "batch|image"),
    _pair(
        0,
        "cases_fourth:upsample,upsample_backward",
        "upsample,upsample_backward_mended",
        "sum|add|mean|divide",
    ),
    _pair(13, "cases_fourth:Deconv", "DeconvMended", "last image|accumul"),
    _pair(14, "cases_fourth:AffineData", "AffineDataMended", "every axis"),
    _pair(18, "cases_fourth:dense_relu", "dense_relu_mended", "slope.*missing"),
    _pair(
        24,
        "cases_fourth:spatial_bn_forward,spatial_bn_backward",
        "spatial_bn_forward,spatial_bn_backward_mended",
        "variance",
    ),
    _pair(17, "cases_fourth:Gelu", "GeluMended", "at the output|wrong place|f\\(z\\)"),
    _pair(20, "cases_fourth:PixelSoftmax", "PixelSoftmaxMended", "diagonal|Jacobian"),
    _pair(16, "cases_fourth:HardTanh", "HardTanhMended", "from above|dropped|multipl"),
    _pair(1, "cases_fourth:AvgPoolValid", "AvgPoolValidMended", "divide|area|padding|number"),
    _pair(
        12, "cases_fourth:PointwiseConv", "PointwiseConvMended", "mix|wrong places|reshape|order"
    ),
    _pair(10, "cases_fourth:ZeroPadding", "ZeroPaddingMended", "pad|crop|shifted"),
    _pair(29, "cases_fourth:ChannelScale", "ChannelScaleMended", "doubles"),
)
_FIFTH = (
    _pair(2, "cases_fifth:MatrixConv", "MatrixConvMended", "assigns"),
    _pair(0, "cases_fifth:Maxout", "MaxoutMended", "losers|both|winner|every pixel|all"),
    _pair(23, "cases_fifth:Huber", "HuberMended", "sign|linear|absolute"),
    _pair(16, "cases_fifth:PReLU", "PReLUMended", "from above|dropped|multipl|dy"),
    _pair(24, "cases_fifth:UnitRows", "UnitRowsMended", "norm|length|constant"),
    _pair(0, "cases_fifth:BiasTrick", "BiasTrickMended", "shape"),
    _pair(1, "cases_fifth:Smooth", "SmoothMended", "area|stride|divide"),
    _pair(18, "cases_fifth:Block", "BlockMended", "slope.*missing|ReLU"),
    _pair(14, "cases_fifth:NormMaps", "NormMapsMended", "every axis"),
    _pair(1, "cases_fifth:PooledHead", "PooledHeadMended", "divide|area|positions|pixels"),
    _pair(9, "cases_fifth:Neurons", "NeuronsMended", "last"),
    _pair(
        20,
        "cases_fifth:log_softmax,log_softmax_backward",
        "log_softmax,log_softmax_backward_mended",
        "sum|Jacobian|dy|from above",
    ),
)
_SIXTH = (
    _pair(3, "cases_sixth:MaxPool2", "MaxPool2Mended", "tied"),
    _pair(15, "cases_sixth:Conv3x3", "Conv3x3Mended", "not the bias"),
    _pair(18, "cases_sixth:FullyConnected", "FullyConnectedMended", "slope.*missing"),
    _pair(
        2,
        "cases_sixth:max_pool_forward_naive,max_pool_backward_naive",
        "max_pool_forward_naive,max_pool_backward_naive_mended",
        "assigns",
    ),
    _pair(
        24,
        "cases_sixth:batchnorm_forward,batchnorm_backward",
        "batchnorm_forward,batchnorm_backward_mended",
        "mean and variance",
    ),
    _pair(
        0,
        "cases_sixth:conv_forward_naive,conv_backward_naive",
        "conv_forward_naive,conv_backward_naive_mended",
        "padding",
    ),
    _pair(
        0,
        "cases_sixth_steps:max_pool_forward,max_pool_backward",
        "max_pool_forward,max_pool_backward_mended",
        "stride",
    ),
    _pair(
        1,
        "cases_sixth_steps:average_pool_forward,average_pool_backward",
        "average_pool_forward,average_pool_backward_mended",
        "divide",
    ),
    _pair(
        13,
        "cases_sixth_steps:conv_forward,conv_backward",
        "conv_forward,conv_backward_mended",
        "last image",
    ),
    _pair(0, "cases_sixth_steps:Convolution", "ConvolutionMended", "reshaped.*transposed"),
    _pair(0, "cases_sixth_steps:Pooling", "PoolingMended", "axes must be moved"),
    _pair(14, "cases_sixth_steps:Affine", "AffineMended", "every axis"),
    _pair(
        0,
        "cases_sixth_small:linear_forward,linear_backward",
        "linear_forward,linear_backward_mended",
        "divided by the batch's size",
    ),
    _pair(
        17,
        "cases_sixth_small:sigmoid,sigmoid_backward",
        "sigmoid,sigmoid_backward_mended",
        "wrong place",
    ),
    _pair(16, "cases_sixth_small:relu,relu_backward", "relu,relu_backward_mended", "from above"),
    _pair(5, "cases_sixth_small:MaxPooling2D", "MaxPooling2DMended", "batch index"),
    _pair(0, "cases_sixth_small:AveragePooling2D", "AveragePooling2DMended", "number of windows"),
    _pair(0, "cases_sixth_small:Flatten", "FlattenMended", "another order than they went"),
    _pair(7, "cases_sixth_small:Convolutional", "ConvolutionalMended", "turned"),
    _pair(25, "cases_sixth_small:Tanh", "TanhMended", "in place"),
    _pair(19, "cases_sixth_small:Dense", "DenseMended", "after the update"),
    _pair(8, "cases_sixth_small:Conv", "ConvMended", "turned"),
    _pair(0, "cases_sixth_small:AvgPool", "AvgPoolMended", "np.tile"),
    _pair(0, "cases_sixth_small:LeakyReLU", "LeakyReLUMended", "sign of the error"),
    _pair(29, "cases_sixth_small:Linear", "LinearMended", "doubles"),
    _pair(22, "cases_sixth_small:SoftmaxCrossEntropy", "SoftmaxCrossEntropyMended", "batch's size"),
    _pair(20, "cases_sixth_small:Softmax", "SoftmaxMended", "diagonal"),
    _pair(
        4,
        "cases_sixth_maps:maxpool2d,maxpool2d_backward",
        "maxpool2d,maxpool2d_backward_mended",
        "return inside the loop over rows",
    ),
    _pair(0, "cases_sixth_maps:conv2d,conv2d_backward", "conv2d,conv2d_backward_mended", "assigns"),
    _pair(23, "cases_sixth_maps:mse,mse_grad", "mse,mse_grad_mended", "sign"),
    _pair(0, "cases_sixth_maps:MaxPool2d", "MaxPool2dMended", "row and column"),
    _pair(0, "cases_sixth_maps:Dropout", "DropoutMended", "1/\\(1|scale"),
    _pair(9, "cases_sixth_maps:Conv2d", "Conv2dMended", "channel"),
    _pair(0, "cases_sixth_maps:BatchNormalization", "BatchNormalizationMended", "centred"),
    _pair(10, "cases_sixth_maps:Conv2D", "Conv2DMended", "padding"),
    _pair(2, "cases_sixth_maps:AveragePooling2D", "AveragePooling2DMended", "assigns"),
)
_NEW = (*_LATER, *_LAST, *_FOURTH, *_FIFTH, *_SIXTH)
LATER_CASES = _once([case for pair in _NEW for case in pair])
"""Cases that were written when the doctor was finished."""

NOT_NAMED = frozenset({"cases_fifth:Huber", "cases_fifth:Block"})
"""Faults that are seen, but whose cause has no name."""
