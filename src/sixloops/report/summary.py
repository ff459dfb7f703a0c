"""The summary of a network: its layers, their shapes, and what they cost."""

from __future__ import annotations

import io
from dataclasses import dataclass
from math import prod

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from sixloops.checks import whole_number
from sixloops.engine import Place
from sixloops.layers.base import Shape
from sixloops.layers.residual import Residual
from sixloops.layers.sequential import Sequential
from sixloops.network import Network
from sixloops.report.walk import all_places
from sixloops.report.words import byte_words, describe, shape_words

WIDTH = 80


@dataclass(frozen=True)
class SummaryRow:
    """What is to be known about one layer.

    A chain or block stands before what lies in it, and counts only what is its own, so
    that a column's sum is the network's.

    Args:
        path: the layer's dotted path, such as ``2`` or ``3.body.0``.
        kind: the layer with its main hyper-parameters.
        output_shape: of one image.
        parameters: how many numbers it learns.
        multiply_adds: of one image's forward pass.
        activation_bytes: memory of one image's output.
    """

    path: str
    kind: str
    output_shape: Shape
    parameters: int
    multiply_adds: int
    activation_bytes: int


def summary_rows(network: Network) -> list[SummaryRow]:
    """Return one row for each layer, the nested ones too.

    Examples:
        >>> from sixloops.layers import Dense, Flatten
        >>> rows = summary_rows(Network([Flatten(), Dense(10)], input_shape=(1, 28, 28)))
        >>> rows[1].kind, rows[1].parameters, rows[1].multiply_adds
        ('Dense 10', 7850, 7840)
    """
    return [_row(place, network.dtype.itemsize) for place in all_places(network)]


def _row(place: Place, item_bytes: int) -> SummaryRow:
    layer, shape = place.layer, place.input_shape
    composed = isinstance(layer, Sequential | Residual)
    # A chain's output is its last layer's; a block adds two outputs up to a third.
    values = 0 if isinstance(layer, Sequential) else prod(place.output_shape)
    return SummaryRow(
        path=place.path,
        kind=describe(layer),
        output_shape=place.output_shape,
        parameters=0 if composed else layer.parameter_count(shape),
        multiply_adds=0 if composed else layer.multiply_adds(shape),
        activation_bytes=values * item_bytes,
    )


def summary(network: Network, batch_size: int = 64) -> str:
    """Return the summary as a text of 80 columns.

    Args:
        network: the network.
        batch_size: images for which the memory of the activations is told.

    Raises:
        ConfigurationError: a batch size under 1.
    """
    console = Console(
        file=io.StringIO(),
        width=WIDTH,
        color_system=None,
        force_terminal=False,
        legacy_windows=False,
    )
    with console.capture() as capture:
        print_summary(network, console, batch_size)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def print_summary(network: Network, console: Console | None = None, batch_size: int = 64) -> None:
    """Print the summary; see :func:`summary`."""
    batch_size = whole_number("batch_size", "summary", batch_size)
    rows = summary_rows(network)
    totals = _totals(network, rows, batch_size)
    (console or Console()).print(Group(_table(network, rows), totals))


def _table(network: Network, rows: list[SummaryRow]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("", style="dim", no_wrap=True)
    table.add_column("Layer", overflow="fold")
    table.add_column("Output", no_wrap=True)
    for heading in ("Parameters", "Mult-adds", "Memory"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_row("", "images", shape_words(network.input_shape), "", "", "")
    for row in rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: SummaryRow) -> list[str | Text]:
    # Each dot of the path is a layer in which it lies.
    name = "  " * row.path.count(".") + row.path.rpartition(".")[2]
    costs = [f"{row.parameters:,}", f"{row.multiply_adds:,}", byte_words(row.activation_bytes)]
    shown = ["" if cost in ("0", "0 B") else cost for cost in costs]
    return [name, Text(row.kind), shape_words(row.output_shape), *shown]


def _totals(network: Network, rows: list[SummaryRow], batch_size: int) -> Table:
    parameters = sum(row.parameters for row in rows)
    multiply_adds = sum(row.multiply_adds for row in rows)
    held = sum(array.nbytes for array in network.parameters.values())
    activations = batch_size * sum(row.activation_bytes for row in rows)
    images = "1 image" if batch_size == 1 else f"{batch_size:,} images"
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", style="bold", no_wrap=True)
    table.add_column()
    table.add_row("Parameters", f"{parameters:,}", byte_words(held))
    table.add_row("Multiply-adds", f"{multiply_adds:,}", "forward, one image")
    table.add_row("Activations", byte_words(activations), f"outputs of all layers, {images}")
    return table
