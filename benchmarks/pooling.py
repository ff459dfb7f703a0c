"""The pooling question: max pooling backward against ``repeat`` and a mask, as a post had it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from benchmarks.options import Rounds, Short, Threads, Write, turns
from benchmarks.page import finish
from benchmarks.records import Record, new_record
from benchmarks.tables import Goal, about, lines_of, number, spread_cell
from benchmarks.turns import spread
from sixloops.layers import MaxPool2D
from sixloops.layers.base import Array

MEASURED = "microseconds"
SHAPE = (64, 20, 24, 24)
POST = "the post's way"

Backward: TypeAlias = Callable[[Array], Array]
Way: TypeAlias = Callable[[Array, int], tuple[Array, Backward]]


def posts_way(x: Array, threads: int) -> tuple[Array, Backward]:
    """Pool by blocks, and find the winners again by repeating the maxima.

    The values that tie with the maximum all get its error, which is wrong but the post's way.
    """
    n, c, height, width = x.shape
    y = x.reshape(n, c, height // 2, 2, width // 2, 2).max(axis=(3, 5))

    def backward(dy: Array) -> Array:
        mask = np.equal(y.repeat(2, axis=2).repeat(2, axis=3), x)
        dx: Array = dy.repeat(2, axis=2).repeat(2, axis=3) * mask
        return dx

    return y, backward


def definition(x: Array, threads: int) -> tuple[Array, Backward]:
    """Pool by the layer's definition in ``sixloops.layers``."""
    y, back = MaxPool2D(2).forward(x)
    return y, lambda dy: back(dy)[0]


WAYS: dict[str, Way] = {POST: posts_way, "the definition in `layers/`": definition}
"""From maps and a number of threads to the pooled maps and a function that carries an error
back. The engine's own way is the last here, once it can be called by itself."""


def measure(
    threads: Threads = 2, rounds: Rounds = 9, short: Short = False, write: Write = False
) -> None:
    """Max pooling backward, against the NumPy post's way."""
    x = np.random.default_rng(0).random((1, *SHAPE[1:]) if short else SHAPE, dtype=np.float32)
    dy = np.random.default_rng(1).random((*x.shape[:2], 12, 12), dtype=np.float32)
    backwards = {name: way(x, threads)[1] for name, way in WAYS.items()}
    parts: dict[str, dict[str, Callable[[], object]]] = {
        "backward": {name: _call(backward, dy) for name, backward in backwards.items()},
        "both": {name: _both(way, x, dy, threads) for name, way in WAYS.items()},
    }
    rounds, seconds = turns(rounds, short)
    times = {part: _in_turn(works, rounds, seconds) for part, works in parts.items()}
    rows = [
        {"way": name, "shape": x.shape, MEASURED: {part: times[part][name] for part in times}}
        for name in WAYS
    ]
    peers = {"numpy": f"NumPy {np.__version__}"}
    finish("pooling", new_record(rows, peers, threads), write)


def _call(backward: Backward, dy: Array) -> Callable[[], object]:
    return lambda: backward(dy)


def _both(way: Way, x: Array, dy: Array, threads: int) -> Callable[[], object]:
    return lambda: way(x, threads)[1](dy)


def _in_turn(
    works: dict[str, Callable[[], object]], rounds: int, seconds: float
) -> dict[str, list[float]]:
    """Return the spread of each work's microseconds; none has threads that still spin."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(_microseconds(work, seconds))
    return {name: spread(each) for name, each in times.items()}


def _microseconds(work: Callable[[], object], seconds: float) -> float:
    began, calls = time.perf_counter(), 0
    while not calls or time.perf_counter() - began < seconds:
        work()
        calls += 1
    return (time.perf_counter() - began) / calls * 1e6


def section(record: Record) -> str:
    """Return the part of the page."""
    shape = "×".join(map(str, record["rows"][0]["shape"]))
    rows = [
        [
            row["way"],
            spread_cell(row[MEASURED]["backward"]),
            spread_cell(row[MEASURED]["both"]),
            number(_times_faster(record, row)),
        ]
        for row in record["rows"]
    ]
    head = "way", "backward", "forward and backward", "the post's backward / this"
    return (
        f"## The pooling question\n\n2×2 max pooling of {shape} numbers, float32. The post takes "
        "the maximum of each block, repeats it, compares that with the maps, and multiplies the "
        f"repeated error with this mask.\n\n{about(record, 'Microseconds')}\n"
        f"{lines_of(head, rows)}"
    )


def _times_faster(record: Record, row: dict[str, Any]) -> float:
    theirs = next(row for row in record["rows"] if row["way"] == POST)[MEASURED]["backward"][1]
    return float(theirs / row[MEASURED]["backward"][1])


def goals(record: Record) -> list[Goal]:
    """Return what is to be reached beside what is."""
    reached = _times_faster(record, record["rows"][-1])
    return [Goal("max pooling backward: the post's time / ours", 10, 30, reached)]
