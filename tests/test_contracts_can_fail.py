"""Every contract can fail, and fails on the faults that people make."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contracts import LAYER_CONTRACTS, LOSS_CONTRACTS, layer_cases
from faulty_layers import LAYER_FAULTS, SOUND_LAYERS, LayerFault, Planted
from faulty_losses import LOSS_FAULTS, SOUND_LOSSES, LossFault, PlantedLoss
from layer_descriptors import LayerRow
from loss_descriptors import LossRow


@pytest.mark.parametrize(("contract", "row"), layer_cases(SOUND_LAYERS), ids=str)
def test_shell_around_a_layer_keeps_every_contract(contract: str, row: LayerRow) -> None:
    LAYER_CONTRACTS[contract](replace(row, layer=Planted(row.layer)))


@pytest.mark.parametrize("row", SOUND_LOSSES, ids=str)
@pytest.mark.parametrize("contract", LOSS_CONTRACTS)
def test_shell_around_a_loss_keeps_every_contract(contract: str, row: LossRow) -> None:
    LOSS_CONTRACTS[contract](replace(row, loss=PlantedLoss(row.loss)))


@pytest.mark.parametrize("fault", LAYER_FAULTS, ids=str)
def test_fault_in_a_layer_is_found(fault: LayerFault) -> None:
    with pytest.raises(AssertionError):
        LAYER_CONTRACTS[fault.contract](fault.planted())


@pytest.mark.parametrize("fault", LOSS_FAULTS, ids=str)
def test_fault_in_a_loss_is_found(fault: LossFault) -> None:
    with pytest.raises(AssertionError):
        LOSS_CONTRACTS[fault.contract](fault.planted())


def test_every_contract_has_a_fault() -> None:
    assert {fault.contract for fault in LAYER_FAULTS} == set(LAYER_CONTRACTS)
    assert {fault.contract for fault in LOSS_FAULTS} == set(LOSS_CONTRACTS)
