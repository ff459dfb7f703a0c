"""What a planted fault is."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sixloops.doctor.run.case import Case
from sixloops.layers import Layer
from sixloops.losses import Loss
from sixloops.network import Network

ALL = ("dense", "lenet-mean", "lenet-max", "conv-bn")


@dataclass(frozen=True)
class RunFault:
    """A fault that turns a healthy case into a sick one.

    Args:
        id: short and unique.
        number: in the project's list of fifty.
        title: the fault in a few words.
        names: the diagnoses that are right for it, the best first.
        plant: does it.
        networks: to which of the four it can be done.
        code: what holds the mistake, to be shown; None for the plant itself.
        reported: whether it harms what is reported, and not what is learnt.
        twin: the change without the mistake; None where the healthy case is the twin.
    """

    id: str
    number: int
    title: str
    names: tuple[str, ...]
    plant: Callable[[Case], Case]
    networks: tuple[str, ...] = ALL
    code: object = None
    reported: bool = False
    twin: Callable[[Case], Case] | None = None

    def source(self) -> str:
        """Return the mistake's code."""
        shown = self.plant if self.code is None else self.code
        return textwrap.dedent(inspect.getsource(shown))  # type: ignore[arg-type]


def swapped(case: Case, old: type[Layer], new: type[Layer]) -> Case:
    """Return the case with all layers of one kind in another, with the same settings."""

    def change(layers: Sequence[Layer]) -> list[Layer]:
        return [new(**settings(x)) if type(x) is old else x for x in layers]

    return case.with_layers(change)


def settings(layer: Layer) -> dict[str, object]:
    """Return a layer's settings by name."""
    return {name: getattr(layer, name) for name in layer.__dataclass_fields__}


def with_loss(case: Case, loss: Loss) -> Case:
    """Return the case with another loss."""
    make = case.network

    def network(seed: int) -> Network:
        made = make(seed)
        return Network(made.layers, made.input_shape, loss=loss, dtype=made.dtype, seed=seed)

    return replace(case, network=network)
