"""Faults that can be planted: in hand-written layers, and in runs of our networks."""
