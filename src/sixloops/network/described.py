"""A network as its file describes it: JSON for its layers, and arrays by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sixloops import layers as layer_module
from sixloops.descriptions import Description, from_data
from sixloops.errors import ConfigurationError, FileError
from sixloops.initializers import INITIALIZERS
from sixloops.layers import Sequential
from sixloops.layers.base import Array, within
from sixloops.losses import LOSSES
from sixloops.network.options import checked_shape

SMALL = 1_000_000
"""So many numbers are drawn whatever a file holds, so that an error can name the array."""


def options_of(described: Mapping[str, Any], kinds: Iterable[type[Description]]) -> dict[str, Any]:
    """Return the arguments of a network that the JSON describes."""
    known: list[type[Description]] = [
        *layer_module.LAYERS.values(),
        *LOSSES.values(),
        *INITIALIZERS.values(),
        *kinds,
    ]
    return {
        "layers": _described_layers(described["layers"], known),
        "input_shape": described["input_shape"],
        "loss": from_data(described.get("loss"), known),
        "classes": described.get("classes"),
        "dtype": described.get("dtype", "float32"),
    }


def _described_layers(described: Any, known: Iterable[type[Description]]) -> Any:
    """Return the layers, or what else stands in their place; an error says which layer."""
    if not isinstance(described, list):
        return from_data(described, known)
    layers = []
    for number, layer in enumerate(described):
        try:
            layers.append(from_data(layer, known))
        except ConfigurationError as error:
            error.args = (f"Layer {number}: {error}",)
            raise
    return tuple(layers)


def check_count(options: dict[str, Any], arrays: Mapping[str, Array]) -> None:
    """Raise if a small file describes a large network, before memory is taken for it."""
    count = Sequential(options["layers"]).stored_count(checked_shape(options["input_shape"]))
    found = sum(array.size for array in within(arrays, "parameters").values())
    if count > max(found, SMALL):
        raise ConfigurationError(
            f"its layers must have {count:,} parameters. Got {found:,}. The file is damaged."
        )


def fitting(
    found: dict[str, Array], expected: Mapping[str, Array], source: str
) -> dict[str, Array]:
    """Return the arrays of a file after checking that they are those that it must have.

    Raises:
        FileError: an array is missing, too many, or of another shape or type.
    """
    for name, array in expected.items():
        got = found.get(name)
        if got is None or got.shape != array.shape or got.dtype != array.dtype:
            what = "nothing" if got is None else f"{got.dtype} of shape {got.shape}"
            raise FileError(
                f"{source} does not fit its own network: '{name}' must be {array.dtype} of shape "
                f"{array.shape}. Got {what}. The file is damaged."
            )
    unknown = sorted(found.keys() - expected.keys())
    if unknown:
        raise FileError(
            f"{source} does not fit its own network: it has no place for '{unknown[0]}'. "
            "The file is damaged."
        )
    return {name: found[name] for name in expected}
