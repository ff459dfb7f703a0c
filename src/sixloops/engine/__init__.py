"""The engine: a network, a batch size and some threads become a plan of stages."""

from sixloops.engine.plan import Plan, Step
from sixloops.engine.stages import Stage, stages_of

__all__ = ["Plan", "Stage", "Step", "stages_of"]
