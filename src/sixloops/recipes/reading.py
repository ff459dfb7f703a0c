"""Building a network from its name, or from a JSON file that describes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sixloops.errors import ConfigurationError, FileError, SixloopsError
from sixloops.files import read_bytes
from sixloops.layers.base import Shape
from sixloops.network import Network, from_description
from sixloops.recipes.networks import NETWORKS


def build_network(
    name: str, input_shape: Shape, classes: Sequence[str], *, seed: int = 0
) -> Network:
    """Build a freshly initialised network.

    Args:
        name: one of :data:`NETWORKS`, or the path of a ``.json`` file with ``layers``,
            ``input_shape`` and perhaps ``loss``, as ``Network.about`` gives them.
        input_shape: the data's images, (channels, height, width).
        classes: the data's classes; for a file, none for those that it names itself.
        seed: of the initial parameters.

    Raises:
        ConfigurationError: there is no network of that name, or it does not fit the data.
        FileError: the file cannot be read, or describes no network.

    Examples:
        >>> build_network("dense", (1, 28, 28), [str(digit) for digit in range(10)])
        Network([Rescale, Flatten, Dense, Dense], input_shape=(1, 28, 28))
    """
    if name.endswith(".json"):
        return _from_file(Path(name), list(classes), seed)
    if name not in NETWORKS:
        raise ConfigurationError(
            f"The network must be one of {', '.join(NETWORKS)}, or a .json file that describes "
            f"one. Got {name!r}."
        )
    if len(classes) < 2:
        raise ConfigurationError(
            "A network that tells classes apart needs at least two classes. "
            f"Got {list(classes)}. Add images of another class."
        )
    named = NETWORKS[name]
    layers = named.layers(input_shape, len(classes))
    return Network(layers, input_shape, loss=named.loss, classes=classes, seed=seed)


def _from_file(path: Path, classes: list[str], seed: int) -> Network:
    try:
        described = dict(json.loads(read_bytes(path)))
        described["classes"] = classes or described.get("classes")
        return from_description(described, seed=seed)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, SixloopsError):
            raise FileError(f"{path} describes a network that cannot be built: {error}") from error
        raise FileError(
            f"{path} must hold a JSON object with 'layers' and 'input_shape'. "
            f"{type(error).__name__}: {error}. 'sixloops summary --json' prints one to start from."
        ) from error
