"""The engine: a network, a batch size and some threads become a plan of stages."""

from sixloops.engine.kernels.compiling import told_of_compilations
from sixloops.engine.lowering import stages_of
from sixloops.engine.places import Place, places_of
from sixloops.engine.plan import Plan, Step

__all__ = ["Place", "Plan", "Step", "places_of", "stages_of", "told_of_compilations"]
