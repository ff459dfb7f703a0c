"""The pooling question: max pooling backward against ``repeat`` and a mask, as a post had it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from math import prod
from typing import Any, TypeAlias

import numpy as np

from benchmarks.options import Rounds, Short, Threads, Write, turns
from benchmarks.page import finish
from benchmarks.records import Record, new_record
from benchmarks.tables import Goal, about, lines_of, number, spread_cell
from benchmarks.turns import spread
from sixloops.engine.kernels.max_pool import max_pool, place_back
from sixloops.engine.program import Buffer, Program
from sixloops.engine.stages.pooling import seen_by_positions
from sixloops.engine.threads import Workers
from sixloops.layers import MaxPool2D
from sixloops.layers.base import Array
from sixloops.layers.pooling import pooling_window

MEASURED = "microseconds"
SHAPE = (64, 20, 24, 24)
SHARES = 4
POST = "the post's way"

Half: TypeAlias = Callable[[], Array]
Way: TypeAlias = Callable[[Array, Array, int, ExitStack], tuple[Half, Half]]


def posts_way(x: Array, dy: Array, threads: int, stack: ExitStack) -> tuple[Half, Half]:
    """Pool by blocks, and find the winners again by repeating the maxima.

    The values that tie with the maximum all get its error, which is wrong but the post's way.
    """
    n, c, height, width = x.shape

    def forward() -> Array:
        return x.reshape(n, c, height // 2, 2, width // 2, 2).max(axis=(3, 5))

    y = forward()

    def backward() -> Array:
        mask = np.equal(y.repeat(2, axis=2).repeat(2, axis=3), x)
        dx: Array = dy.repeat(2, axis=2).repeat(2, axis=3) * mask
        return dx

    return forward, backward


def definition(x: Array, dy: Array, threads: int, stack: ExitStack) -> tuple[Half, Half]:
    """Pool by the layer's definition in ``sixloops.layers``."""
    _, back = MaxPool2D(2).forward(x)
    return lambda: MaxPool2D(2).forward(x)[0], lambda: back(dy)[0]


def engine(x: Array, dy: Array, threads: int, stack: ExitStack) -> tuple[Half, Half]:
    """Pool by the engine's kernels; its maps lie in memory with their channels last."""
    images, window = len(x), pooling_window(MaxPool2D(2), x.shape[1:])
    there, back = (Program(x.dtype, images, SHARES, images, threads=threads) for _ in range(2))
    maps, dx = (_maps(there, x.shape) for _ in range(2))
    pooled, error, winners = (_maps(there, dy.shape, kind) for kind in (None, None, np.int32))
    seen = seen_by_positions(window).operands(there, x.shape[1])
    there.each(max_pool, maps, pooled, winners, *seen)
    back.each(place_back, error, dx, winners, *seen)
    there.assemble()
    back.assemble()
    _as_first(maps, x.shape)[:] = x
    _as_first(error, dy.shape)[:] = dy
    workers = stack.enter_context(Workers(threads))

    def forward() -> Array:
        workers.run(there, images, min(SHARES, images))
        return _as_first(pooled, dy.shape)

    def backward() -> Array:
        workers.run(back, images, min(SHARES, images))
        return _as_first(dx, x.shape)

    return forward, backward


def _maps(program: Program, shape: tuple[int, ...], dtype: type | None = None) -> Buffer:
    return program.buffer(prod(shape[1:]), dtype, whole=True)


def _as_first(buffer: Buffer, shape: tuple[int, ...]) -> Array:
    """Return a buffer's maps as if their channels came first."""
    images, channels, height, width = shape
    return buffer.view(images, (height, width, channels)).transpose(0, 3, 1, 2)


WAYS: dict[str, Way] = {
    POST: posts_way,
    "the definition in `layers/`": definition,
    "the engine": engine,
}
"""From maps, the pooled maps' error and a number of threads to two functions: forward, and then
backward. The last is ours."""


def measure(
    threads: Threads = 2, rounds: Rounds = 9, short: Short = False, write: Write = False
) -> None:
    """Max pooling backward, against the NumPy post's way."""
    x = np.random.default_rng(0).random((1, *SHAPE[1:]) if short else SHAPE, dtype=np.float32)
    dy = np.random.default_rng(1).random((*x.shape[:2], 12, 12), dtype=np.float32)
    rounds, seconds = turns(rounds, short)
    times: dict[str, dict[str, list[float]]] = {}
    with ExitStack() as stack:
        halves = {name: way(x, dy, threads, stack) for name, way in WAYS.items()}
        both = {name: _one_after_the_other(*half) for name, half in halves.items()}
        times["both"] = _in_turn(both, rounds, seconds)
        backward = {name: half[1] for name, half in halves.items()}
        times["backward"] = _in_turn(backward, rounds, seconds)
    rows = [
        {"way": name, "shape": x.shape, MEASURED: {part: times[part][name] for part in times}}
        for name in WAYS
    ]
    peers = {"numpy": f"NumPy {np.__version__}"}
    finish("pooling", new_record(rows, peers, threads), write)


def _one_after_the_other(forward: Half, backward: Half) -> Half:
    def both() -> Array:
        forward()
        return backward()

    return both


def _in_turn(works: dict[str, Half], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Return the spread of each work's microseconds; none has threads that still spin."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(_microseconds(work, seconds))
    return {name: spread(each) for name, each in times.items()}


def _microseconds(work: Half, seconds: float) -> float:
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
