"""A program: what is done with a batch, as tables of instructions.

Stages write it. They ask for buffers, which hold some numbers for each image, and note
instructions that read and write them: those that every share of the batch goes through on its
way forward and backward, and those that come before and after. What only Python can do (a layer
of the user's own) is a call between two phases.

Once all is written, :meth:`Program.assemble` finds a place for everything. A buffer that is
used within one phase only needs to be as long as a chunk of images, and is used again by the
next chunk; then it stays in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from sixloops.engine.kernels import team
from sixloops.engine.kernels.compiling import Instruction
from sixloops.layers import Context
from sixloops.layers.base import Array

SLACK = 64
"""Numbers behind the end of each array: kernels load whole vectors."""

CHUNK = 16
"""Images that go through a phase together."""

Call: TypeAlias = Callable[[int], None]
"""Something that Python does, for so many images."""


@dataclass(eq=False)
class Buffer:
    """Some numbers for each image.

    Args:
        size: how many.
        dtype: their type.
        whole: whether they are kept for all images of a batch, for use in Python.
    """

    size: int
    dtype: np.dtype[Any]
    whole: bool = False
    phases: set[int] = field(default_factory=set)
    array: Array | None = None

    def view(self, images: int, shape: Sequence[int]) -> Array:
        """Return the first images' numbers in a shape; the buffer must be whole."""
        if self.array is None:
            raise RuntimeError("A buffer has no numbers before its program is assembled.")
        return self.array[0, : images * self.size].reshape(images, *shape)


@dataclass(eq=False)
class Part:
    """An array of which every share of a batch has its own.

    Args:
        array: (shares, numbers).
    """

    array: Array


Operand: TypeAlias = Buffer | Part | Array | int


@dataclass
class _Row:
    instruction: Instruction
    operands: tuple[Operand, ...]


@dataclass
class _Phase:
    """Instructions, or a call."""

    kind: int
    once: list[_Row] = field(default_factory=list)
    each: list[_Row] = field(default_factory=list)
    call: Call | None = None


class Program:
    """Instructions for batches of up to one size.

    Args:
        dtype: of the network's numbers.
        batch_size: the most images.
        shares: the most shares a batch is cut into.
    """

    def __init__(self, dtype: npt.DTypeLike, batch_size: int, shares: int) -> None:
        self.dtype = np.dtype(dtype)
        self.batch_size, self.shares = batch_size, shares
        self.chunk = min(CHUNK, batch_size)
        self.context = Context()
        self._before, self._after = _Phase(team.PIECES), _Phase(team.PIECES)
        self._phases: list[_Phase] = []
        self._buffers: list[Buffer] = []

    def buffer(self, size: int, dtype: npt.DTypeLike | None = None, whole: bool = False) -> Buffer:
        """Return a new buffer of ``size`` numbers an image."""
        made = Buffer(size, np.dtype(dtype or self.dtype), whole)
        self._buffers.append(made)
        return made

    def part(self, size: int, dtype: npt.DTypeLike | None = None) -> Part:
        """Return ``size`` numbers for each share."""
        return Part(np.zeros((self.shares, size + SLACK), dtype or self.dtype))

    def array(self, values: npt.ArrayLike, dtype: npt.DTypeLike | None = None) -> Array:
        """Return numbers, the same for all images, with room behind them."""
        given = np.asarray(values, dtype or self.dtype).ravel()
        return np.concatenate([given, np.zeros(SLACK, given.dtype)])

    def before(self, instruction: Instruction, *operands: Operand) -> None:
        """Note an instruction that is done first; it must not depend on others of its kind."""
        self._before.each.append(_Row(instruction, operands))

    def after(self, instruction: Instruction, *operands: Operand) -> None:
        """Note an instruction that is done last; it must not depend on others of its kind."""
        self._after.each.append(_Row(instruction, operands))

    def each(self, instruction: Instruction, *operands: Operand) -> None:
        """Note an instruction for every chunk of images."""
        self._current().each.append(_Row(instruction, operands))
        self._use(operands)

    def once(self, instruction: Instruction, *operands: Operand) -> None:
        """Note an instruction for every share, done before those for its chunks."""
        self._current().once.append(_Row(instruction, operands))
        self._use(operands)

    def wait(self) -> None:
        """Have all shares done before the next instruction."""
        self._phases.append(_Phase(team.SHARES))

    def call(self, function: Call) -> None:
        """Have Python call a function with the number of images, once all shares are done."""
        self._phases.append(_Phase(team.SHARES, call=function))

    def _current(self) -> _Phase:
        if not self._phases or self._phases[-1].call is not None:
            self.wait()
        return self._phases[-1]

    def _use(self, operands: Sequence[Operand]) -> None:
        for operand in operands:
            if isinstance(operand, Buffer):
                operand.phases.add(len(self._phases))

    def assemble(self) -> None:
        """Allocate the buffers, and write the tables."""
        for buffer in self._buffers:
            buffer.array = self._allocated(buffer)
        phases = [self._before, *self._phases, self._after]
        lanes: list[list[list[int]]] = [[] for _ in range(self.shares)]
        table: list[list[int]] = []
        self.runs: list[tuple[int, int] | Call] = []
        for phase in phases:
            if phase.call is not None:
                self.runs.append(phase.call)
                continue
            begin = len(lanes[0])
            for lane, rows in enumerate(lanes):
                rows += [self._row(made, lane) for made in phase.once + phase.each]
            table.append([phase.kind, begin, begin + len(phase.once), len(lanes[0])])
            self._extend(len(table))
        self._lanes = np.array(lanes, np.int64).reshape(self.shares, -1)
        self._table = np.array(table, np.int64).reshape(-1)
        self.addresses = (
            *(self.chunk, self._lanes.ctypes.data, self._lanes.shape[1]),
            self._table.ctypes.data,
        )

    def _extend(self, end: int) -> None:
        """Add a phase to the last run of phases that need no Python in between."""
        if self.runs and isinstance(self.runs[-1], tuple):
            self.runs[-1] = (self.runs[-1][0], end)
        else:
            self.runs.append((end - 1, end))

    def _allocated(self, buffer: Buffer) -> Array:
        """Return a buffer's array: one for the batch, or a chunk's for every share."""
        if buffer.whole or len(buffer.phases) > 1:
            buffer.whole = True
            return np.zeros((1, self.batch_size * buffer.size + SLACK), buffer.dtype)
        length = self.chunk * buffer.size + SLACK
        return np.zeros((self.shares, length), buffer.dtype)

    def _row(self, made: _Row, lane: int) -> list[int]:
        row = [made.instruction.address(self.dtype)]
        for operand in made.operands:
            row += _place(operand, lane)
        return row + [0] * (team.WIDTH - len(row))


def _place(operand: Operand, lane: int) -> tuple[int, int]:
    """Return an operand as two numbers."""
    if isinstance(operand, Buffer) and operand.array is not None:
        if operand.whole:
            return operand.array.ctypes.data, operand.size * operand.array.itemsize
        return operand.array[lane].ctypes.data, 0
    if isinstance(operand, Part):
        return operand.array[lane].ctypes.data, 0
    if isinstance(operand, np.ndarray):
        return operand.ctypes.data, 0
    return int(operand), 0  # type: ignore[arg-type]  # no buffer is left without an array
