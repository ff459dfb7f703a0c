"""A whole epoch with its data: bytes like MNIST's, shuffled, scaled, and network B trained."""

from __future__ import annotations

from typing import Annotated

import typer

from benchmarks.comparison import check_peers
from benchmarks.options import BRIEFLY, Rounds, Short, Threads, Write
from benchmarks.page import finish
from benchmarks.peers import installed, with_versions
from benchmarks.records import Record, new_record
from benchmarks.tables import Goal, about, compared
from benchmarks.turns import Work, in_turn, work_of

MEASURED = "microseconds"
LOADER = "pytorch_loader"


def measure(
    images: Annotated[int, typer.Option(min=1, help="Images of an epoch.")] = 12_000,
    threads: Threads = 2,
    rounds: Rounds = 5,
    short: Short = False,
    write: Write = False,
) -> None:
    """Whole epochs with data: bytes, shuffled, scaled, network B trained."""
    peers = [peer for peer in installed(short) if peer in ("ours", "pytorch")]
    check_peers(peers, write)
    images, rounds = (64, 1) if short else (images, rounds)
    rows = []
    for batch in (64,) if short else (10, 64, 256):
        arguments = {"batch": batch, "images": images, "threads": threads}
        # One epoch is one turn, however short.
        times = in_turn(_works(peers, arguments), rounds, BRIEFLY, scale=1e6 / images)
        rows.append({"batch": batch, "images": images, MEASURED: times})
    names = with_versions(peers)
    if "pytorch" in names:
        names[LOADER] = names["pytorch"].replace("PyTorch", "PyTorch with DataLoader")
    finish("epoch", new_record(rows, names, threads), write)


def _works(peers: list[str], arguments: dict[str, int]) -> dict[str, Work]:
    works = {peer: work_of(peer, "epoch", **arguments) for peer in peers}
    if "pytorch" in peers:
        works[LOADER] = work_of("pytorch", "epoch_with_loader", **arguments)
    return works


def section(record: Record) -> str:
    """Return the part of the page."""
    images = record["rows"][0]["images"]
    return (
        f"## Whole epochs with data\n\nNetwork B over {images:,} images of 28×28 bytes, which "
        "are shuffled, cut into batches and scaled; loss and accuracy are counted. Ours through "
        "`fit`, PyTorch's in a loop over slices of tensors, and with `TensorDataset` and "
        f"`DataLoader`.\n\n{about(record, 'Microseconds an image')}\n"
        f"{compared(record, {'batch': 'batch'}, MEASURED)}"
    )


def goals(record: Record) -> list[Goal]:
    """Return nothing: no figure is asked of it."""
    return []
