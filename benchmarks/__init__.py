"""Benchmarks: sixloops beside whichever peer is installed; see ``python -m benchmarks --help``."""
