"""Benchmarks: sixloops beside whichever peer is installed; see ``python -m benchmarks --help``.

Each measurement is one file that bears its name (``training.py``, ``memory.py``, …), each
library one file in ``peers/``. ``turns.py`` and ``worker.py`` measure, ``records.py`` keeps
what was measured, ``page.py`` writes it into ``docs/performance.md``.
"""
