"""A program: what is done with a batch, as tables of instructions.

Stages write it. They ask for buffers, which hold some numbers for each image, and note
instructions that read and write them: those that every share of the batch goes through on its
way forward and backward, and those that come before and after. What only Python can do (a layer
of the user's own) is a call between two phases.

Once all is written, :meth:`Program.assemble` finds a place for everything. A buffer that is
used within one phase only needs to be as long as a chunk of images, for every thread, and is used
again by the next chunk; then it stays in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from sixloops.engine.kernels import team
from sixloops.engine.kernels.compiling import Instruction
from sixloops.layers import Context
from sixloops.layers.base import Array

SLACK = 64
"""Numbers behind the end of each array: kernels load whole vectors."""

CACHE_LINE = 64
"""Bytes that come from memory together: a vector that lies in two lines is loaded twice."""

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


@dataclass(eq=False)
class Scratch:
    """An array of which every lane has its own, to be written and read by one instruction.

    Args:
        array: (lanes, numbers).
    """

    array: Array


@dataclass(frozen=True)
class Behind:
    """What is in a buffer from a number of each image's on.

    Args:
        buffer: the buffer.
        begin: the number's index.
    """

    buffer: Buffer
    begin: int


@dataclass(frozen=True, eq=False)
class Factors:
    """The gradient of a dense layer's weights, errorᵀ · x, left as its two factors.

    Args:
        name: the weights' dotted name.
        gradient: where it belongs, once somebody wants it whole.
        error: ∂loss/∂y, (images, units).
        x: what the layer saw, (images, features).
        units: of the layer.
        features: of an image.
    """

    name: str
    gradient: Array
    error: Buffer
    x: Buffer
    units: int
    features: int

    def arrays(self) -> tuple[Array, Array]:
        """Return the numbers of both factors; the program must be assembled."""
        if self.error.array is None or self.x.array is None:
            raise RuntimeError("Factors have no numbers before their program is assembled.")
        return self.error.array[0], self.x.array[0]


Operand: TypeAlias = Buffer | Behind | Part | Scratch | Array | int

WORTH = 1 << 15
"""Multiply-adds that are worth handing to another thread."""

PIECE, PIECES = 1 << 13, 8
"""Numbers of a parameter that are worth a piece of work of their own, and the most pieces, but
for two a thread."""


@dataclass
class _Row:
    instruction: Instruction
    operands: tuple[Operand, ...]
    where: float = 0.0


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
        chunk: images that go through a phase together.
        training: whether it is for steps of training, or for outputs alone.
        threads: the most that will work through it.

    Attributes:
        factored: the gradients that it leaves as factors.
        too_large: one number: not 0 if a factor's numbers are so large, or not finite, that a
            product may not be finite. Whoever runs the program sets it to 0 first.
    """

    def __init__(
        self,
        dtype: npt.DTypeLike,
        batch_size: int,
        shares: int,
        chunk: int,
        training: bool = False,
        threads: int = 1,
    ) -> None:
        self.dtype = np.dtype(dtype)
        self.batch_size, self.shares, self.training = batch_size, shares, training
        self.chunk = chunk
        self._threads = threads
        # A lane is what one thread works in, on one share at a time.
        self._lanes_count = min(threads, shares)
        self.context = Context()
        self.factored: list[Factors] = []
        self.too_large = np.zeros(1, np.int32)
        self._before, self._after = _Phase(team.PIECES), _Phase(team.PIECES)
        self._phases: list[_Phase] = []
        self._first: list[Call] = []
        self._last: list[Call] = []
        self._draws = False
        self._buffers: list[Buffer] = []
        self._shared = 0

    def buffer(self, size: int, dtype: npt.DTypeLike | None = None, whole: bool = False) -> Buffer:
        """Return a new buffer of ``size`` numbers an image."""
        made = Buffer(size, np.dtype(dtype or self.dtype), whole)
        self._buffers.append(made)
        return made

    def part(self, size: int, dtype: npt.DTypeLike | None = None) -> Part:
        """Return ``size`` numbers for each share."""
        return Part(_zeros((self.shares, size), dtype or self.dtype))

    def scratch(self, size: int, dtype: npt.DTypeLike | None = None) -> Scratch:
        """Return ``size`` numbers that an instruction may use while it works."""
        return Scratch(_zeros((self._lanes_count, size), dtype or self.dtype))

    def array(self, values: npt.ArrayLike, dtype: npt.DTypeLike | None = None) -> Array:
        """Return numbers, the same for all images, with room behind them."""
        given = np.asarray(values, dtype or self.dtype).ravel()
        made: Array = _zeros((1, given.size), given.dtype)[0]
        made[: given.size] = given
        self._shared += made.nbytes
        return made

    def before(self, instruction: Instruction, *operands: Operand, where: float = 0.0) -> None:
        """Note an instruction that is done first; it must not depend on others of its kind.

        Args:
            instruction: the instruction.
            operands: its operands.
            where: where in its parameter it works, from 0 to 1: what works in one place is done
                by one thread, whose core may still have the numbers in its cache.
        """
        self._before.each.append(_Row(instruction, operands, where))

    def after(self, instruction: Instruction, *operands: Operand, where: float = 0.0) -> None:
        """Note an instruction that is done last; else as :meth:`before`."""
        self._after.each.append(_Row(instruction, operands, where))

    def cut(self, items: int, numbers: int) -> list[tuple[int, int, float]]:
        """Return how a parameter, or something of its form, is cut into pieces.

        Args:
            items: what is to be cut: rows, kernels or numbers.
            numbers: how many numbers they are.

        Returns:
            Of each piece the first item, the one behind the last, and where it lies.
        """
        pieces, most = 1, min(items, max(PIECES, 2 * self._threads))
        while pieces * PIECE < numbers and 2 * pieces <= most:
            pieces *= 2
        edges = [items * piece // pieces for piece in range(pieces + 1)]
        return [(begin, end, begin / items) for begin, end in pairwise(edges)]

    def each(self, instruction: Instruction, *operands: Operand) -> None:
        """Note an instruction for every chunk of images."""
        self._current().each.append(_Row(instruction, operands))
        self._use(operands)

    def once(self, instruction: Instruction, *operands: Operand) -> None:
        """Note an instruction for every share, done before those for its chunks."""
        self._current().once.append(_Row(instruction, operands))
        self._use(operands)

    def edges(self, items: int, multiply_adds: int) -> list[int]:
        """Return where to cut some items of every image, so that threads do them side by side.

        A batch of several images is cut into shares instead; and in training, the way back is.

        Args:
            items: how many there are.
            multiply_adds: for all items of an image.

        Returns:
            The first items of the pieces, and the end.
        """
        alone = self.batch_size == 1 and not self.training
        most = min(self._threads, multiply_adds // WORTH, items) if alone else 1
        pieces = max(most, 1)
        return [items * piece // pieces for piece in range(pieces + 1)]

    def pieces(self, instruction: Instruction, each: Sequence[tuple[Operand, ...]]) -> None:
        """Note an instruction for pieces of every image, which do not depend on each other.

        Args:
            instruction: the instruction.
            each: its operands for each piece.
        """
        if len(each) == 1:
            self.each(instruction, *each[0])
            return
        self._phases.append(_Phase(team.PIECES))
        for number, operands in enumerate(each):
            self._phases[-1].each.append(_Row(instruction, operands, number / len(each)))
            self._use(operands)

    def wait(self) -> None:
        """Have all shares done before the next instruction."""
        self._phases.append(_Phase(team.SHARES))

    def call(self, function: Call, draws: bool = False) -> None:
        """Have Python call a function with the number of images, once all shares are done.

        Args:
            function: what is called.
            draws: whether it may draw random numbers.
        """
        self._draws |= draws
        self._phases.append(_Phase(team.SHARES, call=function))

    def call_first(self, function: Call, draws: bool = False) -> None:
        """Have Python call a function before all else, those noted earlier before it.

        What draws random numbers comes no earlier than what was noted to draw before it, so that
        each gets the numbers that it would get from the layers one by one.

        Args:
            function: what is called.
            draws: whether it draws random numbers.
        """
        if draws and self._draws:
            self.call(function)
        else:
            self._first.append(function)

    def call_last(self, function: Call) -> None:
        """Have Python call a function after all else."""
        self._last.append(function)

    def _current(self) -> _Phase:
        last = self._phases[-1] if self._phases else None
        if last is None or last.call is not None or last.kind == team.PIECES:
            self.wait()
        return self._phases[-1]

    def _use(self, operands: Sequence[Operand]) -> None:
        for operand in operands:
            buffer = operand.buffer if isinstance(operand, Behind) else operand
            if isinstance(buffer, Buffer):
                buffer.phases.add(len(self._phases))

    def instructions(self) -> list[Instruction]:
        """Return all instructions, once all is written."""
        phases = self._all_phases()
        return [row.instruction for phase in phases for row in phase.once + phase.each]

    def assemble(self) -> None:
        """Allocate the buffers, and write the tables."""
        for buffer in self._buffers:
            buffer.array = self._allocated(buffer)
        phases = self._all_phases()
        lanes: list[list[list[int]]] = [[] for _ in range(self._lanes_count)]
        table: list[list[int]] = []
        parts: list[list[int]] = []
        self.runs: list[tuple[int, int] | Call] = [*self._first]
        for phase in phases:
            if phase.call is not None:
                self.runs.append(phase.call)
                continue
            bounds = self._in_segments(phase) if phase.kind == team.PIECES else []
            bounds += [0] * (self._threads + 1 - len(bounds))
            begin, first_part = len(lanes[0]), len(parts)
            for number, made in enumerate(phase.once + phase.each, begin):
                parts += _parts_of(made, number)
            for lane, rows in enumerate(lanes):
                rows += [self._row(made, lane) for made in phase.once + phase.each]
            each, end = begin + len(phase.once), len(lanes[0])
            table.append([phase.kind, begin, each, end, first_part, len(parts), *bounds])
            self._extend(len(table))
        self.runs += self._last
        self._lanes = np.array(lanes, np.int64).reshape(self._lanes_count, -1)
        self._table = np.array(table, np.int64).reshape(-1)
        self._parts = np.array(parts, np.int64).reshape(-1)
        self.addresses = (
            *(self.chunk, self._lanes.ctypes.data, self._lanes.shape[1], self._lanes_count),
            *(self._table.ctypes.data, self._threads, self._parts.ctypes.data),
        )

    def _in_segments(self, phase: _Phase) -> list[int]:
        """Sort pieces by their threads, and return the first of each, and the end."""
        threads = [int(row.where * self._threads) for row in phase.each]
        phase.each.sort(key=lambda row: int(row.where * self._threads))
        return [sum(t < thread for t in threads) for thread in range(self._threads + 1)]

    def _extend(self, end: int) -> None:
        """Add a phase to the last run of phases that need no Python in between."""
        last = self.runs[-1] if self.runs else None
        if isinstance(last, tuple) and end - last[0] <= team.MOST_PHASES:
            self.runs[-1] = (last[0], end)
        else:
            self.runs.append((end - 1, end))

    def memory(self) -> int:
        """Return the bytes of all that it works in, once all is written."""
        rows = [row for phase in self._all_phases() for row in phase.once + phase.each]
        own = {id(o): o for row in rows for o in row.operands if isinstance(o, Part | Scratch)}
        buffers = sum(_bytes_of(self._form(b), b.dtype) for b in self._buffers)
        parts = sum(operand.array.nbytes for operand in own.values())
        return self._shared + buffers + parts

    def _all_phases(self) -> list[_Phase]:
        return [self._before, *self._phases, self._after]

    def _form(self, buffer: Buffer) -> tuple[int, int]:
        """Return the shape of a buffer's array: one for the batch, or a chunk's for every lane."""
        if buffer.whole or len(buffer.phases) > 1:
            return 1, self.batch_size * buffer.size
        return self._lanes_count, self.chunk * buffer.size

    def _allocated(self, buffer: Buffer) -> Array:
        buffer.whole |= len(buffer.phases) > 1
        return _zeros(self._form(buffer), buffer.dtype)

    def _row(self, made: _Row, lane: int) -> list[int]:
        row = [made.instruction.address(self.dtype)]
        for operand in made.operands:
            row += _place(operand, lane)
        return row + [0] * (team.WIDTH - len(row))


def _bytes_of(form: tuple[int, int], dtype: npt.DTypeLike) -> int:
    """Return how many bytes rows need that each have room behind them, and fill cache lines."""
    rows, size = form
    return rows * -(-(size + SLACK) * np.dtype(dtype).itemsize // CACHE_LINE) * CACHE_LINE


def _zeros(form: tuple[int, int], dtype: npt.DTypeLike) -> Array:
    """Return rows of zeros, each of which begins at a cache line and has room behind it."""
    size = _bytes_of(form, dtype)
    allocated = np.zeros(size + CACHE_LINE, np.uint8)
    begin = -allocated.ctypes.data % CACHE_LINE
    return allocated[begin : begin + size].view(dtype).reshape(form[0], -1)


def _place(operand: Operand, lane: int) -> tuple[int, int]:
    """Return an operand as two numbers."""
    if isinstance(operand, Buffer) and operand.array is not None:
        if operand.whole:
            return operand.array.ctypes.data, operand.size * operand.array.itemsize
        return operand.array[lane].ctypes.data, 0
    if isinstance(operand, Behind):
        place, step = _place(operand.buffer, lane)
        return place + operand.begin * operand.buffer.dtype.itemsize, step
    if isinstance(operand, Scratch):
        return operand.array[lane].ctypes.data, 0
    if isinstance(operand, Part):
        return operand.array.ctypes.data, 0
    if isinstance(operand, np.ndarray):
        return operand.ctypes.data, 0
    return int(operand), 0  # type: ignore[arg-type]  # no buffer is left without an array


def _parts_of(made: _Row, number: int) -> list[list[int]]:
    """Return the operands of an instruction of which every share has its own."""
    begin = number * team.WIDTH + 1
    return [
        [begin + 2 * place, operand.array.ctypes.data, operand.array.strides[0]]
        for place, operand in enumerate(made.operands)
        if isinstance(operand, Part)
    ]
