"""Every layer keeps every contract."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import sixloops.layers
from contracts import LAYER_CONTRACTS, layer_cases
from layer_descriptors import LAYER_ROWS, LayerRow
from sixloops.layers import Layer


@pytest.mark.parametrize(("contract", "row"), layer_cases(LAYER_ROWS), ids=str)
def test_contract(contract: str, row: LayerRow) -> None:
    LAYER_CONTRACTS[contract](row)


def written_layers() -> set[type[Layer]]:
    """Return every class in the package ``sixloops.layers`` that defines a forward pass."""
    package = sixloops.layers
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    found: set[type[Layer]] = set()
    waiting = Layer.__subclasses__()
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith(f"{package.__name__}.") and kind.forward is not Layer.forward:
            found.add(kind)
    return found


def test_every_layer_has_a_row() -> None:
    lacking = written_layers() - {type(row.layer) for row in LAYER_ROWS}
    assert not lacking, f"add rows to layer_descriptors.py for {lacking}"


def test_every_layer_is_exported() -> None:
    exported = [getattr(sixloops.layers, name) for name in sixloops.layers.__all__]
    assert [kind for kind in written_layers() if kind not in exported] == []


def test_rows_differ() -> None:
    names = [str(row) for row in LAYER_ROWS]
    assert len(set(names)) == len(names)
