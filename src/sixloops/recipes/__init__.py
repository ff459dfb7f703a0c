"""Recipes: networks and set-ups that can be asked for by name."""

from sixloops.recipes.networks import NETWORKS, NamedNetwork
from sixloops.recipes.reading import build_network

__all__ = ["NETWORKS", "NamedNetwork", "build_network"]
