"""Recipes: networks that can be asked for by name, and set-ups from posts and papers."""

from sixloops.recipes import (
    best_networks,
    chained_passes,
    java_question,
    lenet5,
    nielsen_ladder,
    numpy_pooling,
    post_276213,
    post_316354,
)
from sixloops.recipes.networks import NETWORKS, NamedNetwork
from sixloops.recipes.reading import build_network
from sixloops.recipes.recipe import Recipe

RECIPES: dict[str, Recipe] = {
    module.RECIPE.name: module.RECIPE
    for module in (
        post_316354,
        post_276213,
        numpy_pooling,
        chained_passes,
        java_question,
        nielsen_ladder,
        best_networks,
        lenet5,
    )
}
"""What ``sixloops reproduce`` can run, by name."""

__all__ = ["NETWORKS", "RECIPES", "NamedNetwork", "Recipe", "build_network"]
