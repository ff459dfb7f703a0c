"""How the engine runs a network: its stages, with their methods, and what they need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from sixloops.engine import Plan
from sixloops.engine.stages import LayerStage, Stage
from sixloops.network import Network
from sixloops.report.words import byte_words


def print_plan(network: Network, console: Console | None = None, batch_size: int = 64) -> None:
    """Print the stages into which a plan lowers a network, one a line.

    Args:
        network: the network.
        console: where to; None for the terminal.
        batch_size: images per step, which decide how many threads find work.

    Raises:
        ConfigurationError: a batch size under 1.
    """
    plan = Plan(network, batch_size)
    lines = list(_lines(plan.stages))
    (console or Console()).print(Group(_table(lines), _totals(plan, lines)))


@dataclass(frozen=True)
class _Line:
    """One stage: its layer's path from the block around it, what it does, and how."""

    path: str
    what: str
    method: str
    depth: int
    in_numpy: bool


def _lines(stages: Iterable[Stage], block: str = "", depth: int = 0) -> Iterator[_Line]:
    """Go through stages, those in a residual block behind it."""
    for stage in stages:
        path, _, rest = stage.name.partition(" ")
        what, _, method = rest.partition(": ")
        method = "adds what its ways give" if stage.inner else method
        own = isinstance(stage, LayerStage)
        yield _Line(path.removeprefix(block), what, method, depth, own)
        yield from _lines(stage.inner, f"{path}.", depth + 1)


def _table(lines: list[_Line]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("", style="dim", no_wrap=True)
    table.add_column("Stage", overflow="fold")
    table.add_column("Method", overflow="fold")
    for line in lines:
        table.add_row("  " * line.depth + line.path, Text(line.what), Text(line.method))
    return table


def _totals(plan: Plan, lines: list[_Line]) -> Table:
    images = "1 image" if plan.batch_size == 1 else f"{plan.batch_size:,} images"
    working = min(plan.threads, plan.shares)
    threads = "1 thread" if working == 1 else f"{working} threads"
    shares = "1 share" if plan.shares == 1 else f"{plan.shares} shares"
    own = [f"{line.path} {line.what}" for line in lines if line.in_numpy]
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_row("A step", f"{images} in {shares}, by {threads}")
    table.add_row("Memory", f"{byte_words(plan.memory())} for buffers and gradients")
    table.add_row("In NumPy", Text(", ".join(own) or "no layer: all are compiled"))
    return table
