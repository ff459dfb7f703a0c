"""Faults that people make in losses, each planted in a loss that is sound without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from draws import Array, normal
from loss_descriptors import LossRow, labels
from sixloops.losses import Loss, SoftmaxCrossEntropy, SquaredError

Backward = Callable[[Array], Array]


@dataclass(frozen=True)
class LossCase:
    """One forward pass of a sound loss."""

    outputs: Array
    targets: Array
    losses: Array
    backward: Backward


@dataclass(frozen=True)
class PlantedLoss(Loss):
    """A shell around a sound loss, in which a fault is planted by overriding a method."""

    sound: Loss

    def forward(self, outputs: Array, targets: Array) -> tuple[Array, Backward]:
        losses, backward = self.sound.forward(outputs, targets)
        case = LossCase(outputs, targets, losses, backward)
        return self.new_losses(case), lambda dlosses: self.new_backward(case, dlosses)

    def predictions(self, outputs: Array) -> Array:
        return self.sound.predictions(outputs)

    def new_losses(self, case: LossCase) -> Array:
        return case.losses

    def new_backward(self, case: LossCase, dlosses: Array) -> Array:
        return case.backward(dlosses)


CROSS_ENTROPY = LossRow(SoftmaxCrossEntropy(), labels)
SQUARED = LossRow(SquaredError(), normal)
SOUND_LOSSES = [CROSS_ENTROPY, SQUARED]


@dataclass(frozen=True)
class LossFault:
    """A fault, the row that it is planted in, and the contract that must find it."""

    contract: str
    row: LossRow
    method: str
    fault: Callable[..., Any]

    def planted(self) -> LossRow:
        """Return the row with the fault in its loss."""
        kind: Any = type("Broken", (PlantedLoss,), {self.method: self.fault})
        return replace(self.row, loss=dataclass(frozen=True)(kind)(self.row.loss))

    def __str__(self) -> str:
        """Tell the story."""
        return f"{self.contract}: {self.fault.__name__.replace('_', ' ')}"


LOSS_FAULTS: list[LossFault] = []
Fault = TypeVar("Fault", bound=Callable[..., Any])


def breaks(contract: str, row: LossRow, method: str = "new_backward") -> Callable[[Fault], Fault]:
    """Plant the decorated function as ``method`` of the row's loss."""

    def plant(fault: Fault) -> Fault:
        LOSS_FAULTS.append(LossFault(contract, row, method, fault))
        return fault

    return plant


@breaks("loss_gradients", SQUARED)
def a_two_too_many(self: PlantedLoss, case: LossCase, dlosses: Array) -> Array:
    return 2 * case.backward(dlosses)


@breaks("loss_gradients", SQUARED)
def sign_turned(self: PlantedLoss, case: LossCase, dlosses: Array) -> Array:
    return -case.backward(dlosses)


@breaks("loss_gradients", SQUARED)
def cotangent_ignored(self: PlantedLoss, case: LossCase, dlosses: Array) -> Array:
    return case.backward(np.ones_like(dlosses))


@breaks("loss_gradients", SQUARED)
def gradient_divided_by_the_batch(self: PlantedLoss, case: LossCase, dlosses: Array) -> Array:
    return case.backward(dlosses) / len(dlosses)


@breaks("loss_gradients", CROSS_ENTROPY)
def softmax_without_the_target(self: PlantedLoss, case: LossCase, dlosses: Array) -> Array:
    return self.sound.predictions(case.outputs) * dlosses[:, None]


@breaks("loss_gradients", CROSS_ENTROPY, "new_losses")
def a_loss_that_nothing_changes(self: PlantedLoss, case: LossCase) -> Array:
    return np.zeros_like(case.losses)


@breaks("loss_shapes", SQUARED, "new_losses")
def the_mean_over_the_batch(self: PlantedLoss, case: LossCase) -> Array:
    return np.array(case.losses.mean())


@breaks("loss_shapes", SQUARED, "new_losses")
def a_residual_of_all_pairs(self: PlantedLoss, case: LossCase) -> Array:
    return case.losses[:, None] - case.losses


@breaks("loss_shapes", SQUARED)
def a_gradient_for_each_image(self: PlantedLoss, case: LossCase, dlosses: Array) -> Array:
    return np.asarray(case.backward(dlosses).sum(axis=1))


@breaks("loss_shapes", CROSS_ENTROPY, "predictions")
def predictions_along_the_batch(self: PlantedLoss, outputs: Array) -> Array:
    return np.asarray(outputs.argmax(axis=0))


@breaks("loss_float_types", SQUARED, "new_losses")
def losses_turned_into_float64(self: PlantedLoss, case: LossCase) -> Array:
    return case.losses.astype(np.float64)


@breaks("loss_float_types", SQUARED)
def gradient_turned_into_float64(self: PlantedLoss, case: LossCase, dlosses: Array) -> Array:
    return case.backward(dlosses) * np.float64(1.0)


@breaks("loss_layouts", SQUARED, "new_losses")
def outputs_read_in_the_order_of_memory(self: PlantedLoss, case: LossCase) -> Array:
    in_memory = case.outputs.ravel(order="K").reshape(case.outputs.shape)
    return self.sound.forward(in_memory, case.targets)[0]


@breaks("loss_layouts", SQUARED, "new_losses")
def targets_read_in_the_order_of_memory(self: PlantedLoss, case: LossCase) -> Array:
    in_memory = case.targets.ravel(order="K").reshape(case.targets.shape)
    return self.sound.forward(case.outputs, in_memory)[0]


@breaks("loss_nothing_modified", SQUARED, "new_losses")
def difference_in_place(self: PlantedLoss, case: LossCase) -> Array:
    losses = case.losses.copy()
    np.subtract(case.outputs, case.targets, out=case.outputs)
    return losses


@breaks("loss_nothing_modified", SQUARED)
def targets_put_back(self: PlantedLoss, case: LossCase, dlosses: Array) -> Array:
    np.add(case.targets, 0.0, out=case.targets)
    return case.backward(dlosses)


@breaks("loss_nothing_modified", CROSS_ENTROPY, "predictions")
def predictions_in_place(self: PlantedLoss, outputs: Array) -> Array:
    outputs -= outputs.max()
    return outputs


@breaks("loss_backward_repeats", SQUARED)
def gradients_accumulate_from_call_to_call(
    self: PlantedLoss, case: LossCase, dlosses: Array
) -> Array:
    kind: Any = type(self)
    total: Array = getattr(kind, "total", 0.0) + case.backward(dlosses)
    kind.total = total
    return total


@breaks("loss_backward_repeats", CROSS_ENTROPY, "new_losses")
def the_last_outputs_kept_for_backward(self: PlantedLoss, case: LossCase) -> Array:
    kind: Any = type(self)
    kind.last = case
    kind.new_backward = lambda self, case, dlosses: kind.last.backward(dlosses)
    return case.losses


@breaks("loss_batch_is_its_images", SQUARED, "new_losses")
def losses_divided_by_the_batch(self: PlantedLoss, case: LossCase) -> Array:
    return case.losses / len(case.losses)


@breaks("loss_batch_is_its_images", SQUARED)
def gradients_of_the_images_mixed(self: PlantedLoss, case: LossCase, dlosses: Array) -> Array:
    return case.backward(dlosses)[::-1]


@breaks("loss_batch_is_its_images", CROSS_ENTROPY, "predictions")
def predictions_normalised_over_the_batch(self: PlantedLoss, outputs: Array) -> Array:
    return np.asarray(np.exp(outputs) / np.exp(outputs).sum(axis=0))


@breaks("loss_backward_is_linear", SQUARED)
def gradient_clipped(self: PlantedLoss, case: LossCase, dlosses: Array) -> Array:
    return np.clip(case.backward(dlosses), -0.1, 0.1)


@breaks("description_round_trips", SQUARED, "__post_init__")
def hyper_parameters_that_are_no_plain_data(self: PlantedLoss) -> None:
    object.__setattr__(self, "sound", {1, 2})
