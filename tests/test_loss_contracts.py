"""Every loss keeps every contract."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import sixloops.losses
from contracts import LOSS_CONTRACTS
from loss_descriptors import LOSS_ROWS, LossRow
from sixloops.losses import LOSSES, Loss


@pytest.mark.parametrize("row", LOSS_ROWS, ids=str)
@pytest.mark.parametrize("contract", LOSS_CONTRACTS)
def test_contract(contract: str, row: LossRow) -> None:
    LOSS_CONTRACTS[contract](row)


def written_losses() -> set[type[Loss]]:
    """Return every class in the package ``sixloops.losses`` that derives from Loss."""
    package = sixloops.losses
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    inside = f"{package.__name__}."
    return {kind for kind in Loss.__subclasses__() if kind.__module__.startswith(inside)}


def test_every_loss_has_a_row() -> None:
    lacking = written_losses() - {type(row.loss) for row in LOSS_ROWS}
    assert not lacking, f"add rows to loss_descriptors.py for {lacking}"


def test_every_loss_is_exported_and_named() -> None:
    exported = [getattr(sixloops.losses, name) for name in sixloops.losses.__all__]
    assert [kind for kind in written_losses() if kind not in exported] == []
    assert written_losses() == set(LOSSES.values())


def test_rows_differ() -> None:
    names = [str(row) for row in LOSS_ROWS]
    assert len(set(names)) == len(names)
