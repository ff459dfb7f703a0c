"""Stages: what a plan consists of."""

from sixloops.engine.stages.activation import ActivationStage, GELUStage, SoftmaxStage
from sixloops.engine.stages.base import Learned, Stage, Values
from sixloops.engine.stages.batch_normalization import BatchNormStage
from sixloops.engine.stages.convolution import ConvolutionStage
from sixloops.engine.stages.dense import DenseStage
from sixloops.engine.stages.dropout import DropoutStage
from sixloops.engine.stages.flatten import FlattenStage
from sixloops.engine.stages.layer import LayerStage
from sixloops.engine.stages.local_response_normalization import LocalResponseNormStage
from sixloops.engine.stages.pooling import POOLS, LpPoolStage, PoolStage
from sixloops.engine.stages.radial_basis import RadialBasisStage
from sixloops.engine.stages.rescale import RescaleStage
from sixloops.engine.stages.residual import ResidualStage
from sixloops.engine.stages.zero_pad import ZeroPadStage

__all__ = [
    "POOLS",
    "ActivationStage",
    "BatchNormStage",
    "ConvolutionStage",
    "DenseStage",
    "DropoutStage",
    "FlattenStage",
    "GELUStage",
    "LayerStage",
    "Learned",
    "LocalResponseNormStage",
    "LpPoolStage",
    "PoolStage",
    "RadialBasisStage",
    "RescaleStage",
    "ResidualStage",
    "SoftmaxStage",
    "Stage",
    "Values",
    "ZeroPadStage",
]
