"""The doctor: what is wrong with a layer that somebody wrote by hand."""

from sixloops.doctor.layer import Adapter, check_layer
from sixloops.doctor.verdict import Diagnosis, Finding, Verdict

__all__ = ["Adapter", "Diagnosis", "Finding", "Verdict", "check_layer"]
