"""Stages: what a plan consists of."""

from sixloops.engine.stages.activation import ActivationStage
from sixloops.engine.stages.base import Learned, Stage, Values
from sixloops.engine.stages.convolution import ConvolutionStage
from sixloops.engine.stages.dense import DenseStage
from sixloops.engine.stages.flatten import FlattenStage
from sixloops.engine.stages.layer import LayerStage

__all__ = [
    "ActivationStage",
    "ConvolutionStage",
    "DenseStage",
    "FlattenStage",
    "LayerStage",
    "Learned",
    "Stage",
    "Values",
]
