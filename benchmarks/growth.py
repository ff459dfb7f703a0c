"""Growth: how a training step's time grows with batch, images, channels, threads and depth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.comparison import check_peers, works_of
from benchmarks.networks import Case
from benchmarks.options import Rounds, Short, Threads, Write, turns
from benchmarks.page import finish
from benchmarks.peers import PEERS, installed, with_versions
from benchmarks.records import Record, new_record
from benchmarks.tables import Goal, about, compared
from benchmarks.turns import in_turn
from sixloops.engine.threads import available_threads
from sixloops.report.style import BLUE, ORANGE, SMALL, dress, inches, new_figure

MEASURED = "milliseconds"
COLORS = {"ours": BLUE, "pytorch": ORANGE}


@dataclass(frozen=True)
class Size:
    """What grows; each of it by itself, while the rest stays as it is here.

    Args:
        batch: images a step.
        side: height and width of an image.
        channels: of the images, and filters of every convolution.
        depth: 3×3 convolutions with ReLU, one after the other.
        threads: of every library.
    """

    batch: int = 32
    side: int = 32
    channels: int = 16
    depth: int = 2
    threads: int = 2

    def case(self) -> Case:
        """Return the network: the convolutions, 2×2 max pooling, and ten units."""
        convolution = ("conv", self.channels, 3, 1), ("relu",)
        layers = (*convolution * self.depth, ("pool",), ("flatten",), ("dense", 10))
        return Case("growth", (self.channels, self.side, self.side), layers)


def sizes(threads: int, short: bool = False) -> Iterator[tuple[str, Size]]:
    """Yield what grows, and all sizes that are measured."""
    grows = {
        "batch": (1, 4, 16, 64, 256, 1024),
        "side": (16, 32, 64, 128, 256),
        "channels": (1, 4, 16, 64, 256),
        "depth": (1, 2, 4, 8, 16),
        "threads": range(1, available_threads() + 1),
    }
    for axis, values in ({"batch": (1,)} if short else grows).items():
        for value in values:
            yield axis, replace(Size(threads=threads), **{axis: value})


def measure(
    threads: Threads = 2, rounds: Rounds = 5, short: Short = False, write: Write = False
) -> None:
    """Growth of a training step with batch, side, channels, depth and threads."""
    peers = [peer for peer in installed(short) if peer in COLORS]
    check_peers(peers, write)
    rounds, seconds = turns(rounds, short)
    rows = []
    for axis, size in sizes(threads, short):
        doing = {"batch": size.batch, "threads": size.threads}
        works = works_of(peers, "training_step", size.case(), **doing)
        times = in_turn(works, rounds, seconds, scale=1e3)
        rows.append({"axis": axis, "value": getattr(size, axis), MEASURED: times})
    finish("growth", new_record(rows, with_versions(peers), threads), write)


def section(record: Record) -> str:
    """Return the part of the page."""
    usual = Size(threads=record["threads"])
    sizes = ", ".join(f"{field.name} {getattr(usual, field.name)}" for field in fields(usual))
    return (
        "## Growth\n\nA training step of 3×3 convolutions with ReLU, 2×2 max pooling and ten "
        f"units. One of these grows, the others stay: {sizes}.\n\n"
        f"{about(record, 'Milliseconds a step')}\n"
        f"{compared(record, {'axis': 'what grows', 'value': 'to'}, MEASURED)}"
    )


def goals(record: Record) -> list[Goal]:
    """Return nothing: no figure is asked of it."""
    return []


def picture(record: Record) -> Figure:
    """Draw a step's time over each thing that grows."""
    axes = list(dict.fromkeys(row["axis"] for row in record["rows"]))
    figure = new_figure(4.3, "Growth", "milliseconds a training step; both axes logarithmic")
    width = 11.3 / len(axes)
    for number, axis in enumerate(axes):
        panel = inches(figure, 0.6 + number * width, 0.7, width - 0.5, 2.5)
        _draw(panel, record, axis)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper right", ncols=len(handles), frameon=False)
    return figure


def _draw(panel: Axes, record: Record, axis: str) -> None:
    rows = [row for row in record["rows"] if row["axis"] == axis]
    values = [row["value"] for row in rows]
    for peer in record["peers"]:
        times = [row[MEASURED][peer][1] for row in rows]
        panel.plot(values, times, color=COLORS[peer], marker="o", ms=4, label=PEERS[peer].name)
    panel.set_xscale("log", base=2)
    panel.set_yscale("log")
    every = [row[MEASURED][peer][1] for row in record["rows"] for peer in record["peers"]]
    panel.set_ylim(min(every) / 2, max(every) * 2)
    panel.yaxis.set_major_formatter("{x:g}")
    dress(panel, axis, "", "")
    panel.set_xticks(values, [str(value) for value in values], size=SMALL - 1)
    panel.minorticks_off()
