"""Layer mode: says whether a backward is right, and if not, what was done."""

from sixloops.doctor.layer.check import check_layer
from sixloops.doctor.layer.plan import Adapter

__all__ = ["Adapter", "check_layer"]
