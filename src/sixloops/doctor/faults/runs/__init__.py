"""Faults that can be planted in a run: each turns a healthy case into a sick one.

They are for measuring the doctor, and for teaching: what does this mistake look like?
"""

from sixloops.doctor.faults.runs import backward, settings, updating
from sixloops.doctor.faults.runs.cases import NETWORKS, healthy
from sixloops.doctor.faults.runs.plant import RunFault

FAULTS: dict[str, RunFault] = {
    fault.id: fault for fault in (*backward.FAULTS, *updating.FAULTS, *settings.FAULTS)
}
"""All faults by their id."""

__all__ = ["FAULTS", "NETWORKS", "RunFault", "healthy"]
