"""Faults of hand-written layers, each beside its sound twin: for proofs and for teaching."""

from __future__ import annotations

from sixloops.doctor.faults.layers.registry import LAYER_FAULTS, SOUND_LAYERS, LayerFault

__all__ = ["LAYER_FAULTS", "SOUND_LAYERS", "LayerFault"]
