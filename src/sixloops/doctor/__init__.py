"""The doctor: what is wrong with a hand-written layer, or with a run that does not learn."""

from sixloops.doctor.layer import Adapter, check_layer
from sixloops.doctor.run import Case, Doctor, Examination, Loop, Monitor, examine
from sixloops.doctor.verdict import Diagnosis, Finding, Verdict

__all__ = [
    "Adapter",
    "Case",
    "Diagnosis",
    "Doctor",
    "Examination",
    "Finding",
    "Loop",
    "Monitor",
    "Verdict",
    "check_layer",
    "examine",
]
