"""The doctor for runs says why they do not learn.

:class:`Monitor` watches any loop, :class:`Doctor` one of :func:`sixloops.training.fit`, and
:func:`examine` repeats a :class:`Case` until it knows.
"""

from sixloops.doctor.run.callback import Doctor
from sixloops.doctor.run.case import Case
from sixloops.doctor.run.examine import Examination, Proof, examine
from sixloops.doctor.run.loop import Loop
from sixloops.doctor.run.monitor import Monitor

__all__ = ["Case", "Doctor", "Examination", "Loop", "Monitor", "Proof", "examine"]
