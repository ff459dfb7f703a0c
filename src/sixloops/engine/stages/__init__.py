"""Stages: what a plan runs one after the other, each with memory of its own."""

from sixloops.engine.stages.axes import AxesStage
from sixloops.engine.stages.base import Stage
from sixloops.engine.stages.convolution import ConvolutionStage
from sixloops.engine.stages.dense import DenseStage
from sixloops.engine.stages.layer import LayerStage

__all__ = ["AxesStage", "ConvolutionStage", "DenseStage", "LayerStage", "Stage"]
