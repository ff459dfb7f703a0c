"""Vectors as values: several numbers that the processor works on at once, held in registers.

Numba turns loops into vector instructions by itself, but does not keep a tile of sums in
registers across a loop. Here a vector, as many numbers as one of the processor's registers holds,
is a value of its own, and so is a tuple of them, so that a kernel can say what stays in registers:

``sums = multiply_add(sums, broadcasts(x, …, 4), vectors(w, …, 3))`` adds twelve products of
vectors to twelve sums, with seven loads. How many vectors a tuple has must be known when the
kernel is compiled.

Narrow vectors have :data:`NARROW` lanes on all processors: where lanes are added up in the end the
bits depend on how many there are, and where few numbers lie together more lanes are of no use.

Each function here stands for a few instructions, which are written in LLVM's terms.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import models, register_model

from sixloops.engine.kernels.compiling import intrinsic
from sixloops.engine.kernels.processor import REGISTER_BITS

NARROW = 8
"""Lanes of a narrow vector."""

Codegen = Any


class Vector(types.Type):
    """Numba's type of a vector of numbers."""

    def __init__(self, dtype: types.Type, lanes: int) -> None:
        self.dtype, self.lanes = dtype, lanes
        super().__init__(name=f"Vector({dtype}, {lanes})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    """A vector is what LLVM calls one."""

    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, ir.VectorType(_ELEMENTS[kind.dtype], kind.lanes))


_ELEMENTS = {
    types.float32: ir.FloatType(),
    types.float64: ir.DoubleType(),
    types.int32: ir.IntType(32),
}


def lanes_of(dtype: npt.DTypeLike) -> int:
    """Return how many numbers a vector has."""
    return REGISTER_BITS // (8 * np.dtype(dtype).itemsize)


def _lanes_of(dtype: Any) -> int:
    """Return the same, of Numba's type of a number."""
    return REGISTER_BITS // int(dtype.bitwidth)


def _narrow(dtype: Any) -> int:
    return NARROW


def _tuple_of(dtype: types.Type, in_each: int, count: int) -> types.UniTuple:
    return types.UniTuple(Vector(dtype, in_each), count)


def pointer_to(builder: Any, context: Any, kind: Any, array: Any, index: Any) -> Any:
    """Return a pointer to a number of an array."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])


def spread(builder: Any, value: Any, count: int) -> Any:
    """Return a vector with ``value`` in each of ``count`` lanes."""
    undefined = ir.Constant(ir.VectorType(value.type, count), ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), count), [0] * count)
    return builder.shuffle_vector(first, undefined, everywhere)


def _call(builder: Any, name: str, *values: Any) -> Any:
    kind = values[0].type
    suffix = f"v{kind.count}f{32 if kind.element == ir.FloatType() else 64}"
    function_type = ir.FunctionType(kind, [value.type for value in values])
    function = cgutils.get_or_insert_function(builder.module, function_type, f"{name}.{suffix}")
    return builder.call(function, values)


@intrinsic
def lanes(_: Any, array: Any) -> Codegen:
    """Return how many of an array's numbers a vector has, known when a kernel is compiled."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return context.get_constant(types.intp, _lanes_of(array.dtype))

    return types.intp(array), generate


@intrinsic
def load(_: Any, array: Any, index: Any) -> Codegen:
    """Return a number; the index, of which Numba need not think that it counts from the end."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load(pointer_to(builder, context, array, *values))

    return array.dtype(array, types.intp), generate


@intrinsic
def save(_: Any, array: Any, index: Any, value: Any) -> Codegen:
    """Store a number, as :func:`load` loads one."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        builder.store(values[2], pointer_to(builder, context, array, *values[:2]))
        return context.get_dummy_value()

    return types.void(array, types.intp, array.dtype), generate


def _zeros(lanes_of_vectors: Callable[[Any], int]) -> Any:
    """Return what makes vectors of 0."""

    @intrinsic
    def zeros(_: Any, array: Any, count: Any) -> Codegen:
        result = _tuple_of(array.dtype, lanes_of_vectors(array.dtype), count.literal_value)

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            kind = context.get_value_type(result.dtype)
            zero = ir.Constant(kind, [0.0] * kind.count)
            return context.make_tuple(builder, result, [zero] * result.count)

        return result(array, count), generate

    return zeros


zeros = _zeros(_lanes_of)
"""``zeros(array, count)``: ``count`` vectors of 0 of the array's type."""

narrow_zeros = _zeros(_narrow)
"""The same, of narrow vectors."""


def _vectors(lanes_of_vectors: Callable[[Any], int]) -> Any:
    """Return what loads vectors."""

    @intrinsic
    def vectors(_: Any, array: Any, index: Any, step: Any, count: Any) -> Codegen:
        result = _tuple_of(array.dtype, lanes_of_vectors(array.dtype), count.literal_value)

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            kind = context.get_value_type(result.dtype).as_pointer()
            align, place, loaded = array.dtype.bitwidth // 8, values[1], []
            for _ in range(result.count):
                source = pointer_to(builder, context, array, values[0], place)
                loaded.append(builder.load(builder.bitcast(source, kind), align=align))
                place = builder.add(place, values[2])
            return context.make_tuple(builder, result, loaded)

        return result(array, types.intp, types.intp, count), generate

    return vectors


vectors = _vectors(_lanes_of)
"""``vectors(array, index, step, count)``: load ``count`` vectors, the first at ``index``, each next
one ``step`` further."""

narrow_vectors = _vectors(_narrow)
"""The same, of narrow vectors."""


@intrinsic
def grid(_: Any, array: Any, index: Any, row: Any, rows: Any, columns: Any) -> Codegen:
    """Load rows of ``columns`` vectors side by side, the first at ``index``, ``row`` apart."""
    count = rows.literal_value * columns.literal_value
    result = _tuple_of(array.dtype, _lanes_of(array.dtype), count)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = context.get_value_type(result.dtype).as_pointer()
        align, begin, loaded = array.dtype.bitwidth // 8, values[1], []
        for _ in range(rows.literal_value):
            for column in range(columns.literal_value):
                place = builder.add(begin, ir.Constant(begin.type, column * result.dtype.lanes))
                source = pointer_to(builder, context, array, values[0], place)
                loaded.append(builder.load(builder.bitcast(source, kind), align=align))
            begin = builder.add(begin, values[2])
        return context.make_tuple(builder, result, loaded)

    return result(array, types.intp, types.intp, rows, columns), generate


def _broadcasts(lanes_of_vectors: Callable[[Any], int]) -> Any:
    """Return what loads numbers into all lanes."""

    @intrinsic
    def broadcasts(_: Any, array: Any, index: Any, step: Any, count: Any) -> Codegen:
        result = _tuple_of(array.dtype, lanes_of_vectors(array.dtype), count.literal_value)

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            place, loaded = values[1], []
            for _ in range(result.count):
                source = pointer_to(builder, context, array, values[0], place)
                loaded.append(spread(builder, builder.load(source), result.dtype.lanes))
                place = builder.add(place, values[2])
            return context.make_tuple(builder, result, loaded)

        return result(array, types.intp, types.intp, count), generate

    return broadcasts


broadcasts = _broadcasts(_lanes_of)
"""``broadcasts(array, index, step, count)``: load ``count`` numbers, the first at ``index``, each
next one ``step`` further, each into all lanes of a vector."""

narrow_broadcasts = _broadcasts(_narrow)
"""The same, of narrow vectors."""


@intrinsic
def offsets(_: Any, table: Any, index: Any, base: Any, scale: Any, count: Any) -> Codegen:
    """Return ``base + scale · (n >> 2)`` for ``count`` numbers n, from ``table[index]`` on."""
    result = types.UniTuple(types.intp, count.literal_value)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        table_of, begin, first, factor, _ = values
        scaled = []
        for value in _consecutive(context, builder, table, table_of, begin, result.count):
            wide = builder.sext(builder.ashr(value, ir.Constant(value.type, 2)), first.type)
            scaled.append(builder.add(first, builder.mul(wide, factor)))
        return context.make_tuple(builder, result, scaled)

    return result(table, types.intp, types.intp, types.intp, count), generate


def _consecutive(context: Any, builder: Any, kind: Any, array: Any, index: Any, count: int) -> Any:
    """Load ``count`` numbers from ``index`` on."""
    places = [builder.add(index, ir.Constant(index.type, number)) for number in range(count)]
    return [builder.load(pointer_to(builder, context, kind, array, place)) for place in places]


@intrinsic
def broadcasts_at(_: Any, array: Any, places: Any, index: Any) -> Codegen:
    """Load the number ``index`` behind each of ``places``, each into all lanes of a vector."""
    result = _tuple_of(array.dtype, _lanes_of(array.dtype), places.count)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        loaded = []
        for place in cgutils.unpack_tuple(builder, values[1]):
            # The pointer of the row first: it stays the same while the index runs.
            row = pointer_to(builder, context, array, values[0], place)
            number = builder.load(builder.gep(row, [values[2]]))
            loaded.append(spread(builder, number, result.dtype.lanes))
        return context.make_tuple(builder, result, loaded)

    return result(array, places, types.intp), generate


@intrinsic
def multiply_add(_: Any, sums: Any, left: Any, right: Any) -> Codegen:
    """Return the sums plus all products: of each of ``left`` with each of ``right``."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        old, rows, columns = (cgutils.unpack_tuple(builder, value) for value in values)
        pairs = [(a, b) for a in rows for b in columns]
        new = [_call(builder, "llvm.fma", a, b, c) for (a, b), c in zip(pairs, old, strict=True)]
        return context.make_tuple(builder, sums, new)

    return sums(sums, left, right), generate


@intrinsic
def fused(_: Any, left: Any, right: Any, number: Any) -> Codegen:
    """Return a product plus a number, rounded once, as :func:`multiply_add` does in each lane."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fma(*values)

    return number(number, number, number), generate


@intrinsic
def add(_: Any, sums: Any, terms: Any) -> Codegen:
    """Return the sums of vectors; fewer terms than sums are used again and again."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        old, new = (cgutils.unpack_tuple(builder, value) for value in values)
        added = [builder.fadd(a, new[i % len(new)]) for i, a in enumerate(old)]
        return context.make_tuple(builder, sums, added)

    return sums(sums, terms), generate


@intrinsic
def subtract(_: Any, left: Any, right: Any) -> Codegen:
    """Return the differences of vectors."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pairs = zip(*(cgutils.unpack_tuple(builder, value) for value in values), strict=True)
        return context.make_tuple(builder, left, [builder.fsub(a, b) for a, b in pairs])

    return left(left, right), generate


@intrinsic
def store_totals(
    _: Any, array: Any, index: Any, row: Any, step: Any, vectors: Any, columns: Any
) -> Codegen:
    """Store the sum of each vector's lanes, in rows of ``columns``.

    Args:
        array: stored into.
        index: where the first row begins.
        row: from one row to the next.
        step: from one number of a row to the next.
        vectors: all of them, row after row.
        columns: vectors in a row.
    """
    width = columns.literal_value

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        begin, each = values[1], cgutils.unpack_tuple(builder, values[4])
        for number in range(0, len(each), width):
            place = begin
            for column in range(width):
                target = pointer_to(builder, context, array, values[0], place)
                builder.store(_total(builder, each[number + column]), target)
                place = builder.add(place, values[3])
            begin = builder.add(begin, values[2])
        return context.get_dummy_value()

    taken = (array, types.intp, types.intp, types.intp, vectors, columns)
    return types.void(*taken), generate


@intrinsic
def total(_: Any, vectors: Any) -> Codegen:
    """Return the sum of all lanes of some vectors."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        first, *others = cgutils.unpack_tuple(builder, values[0])
        return _total(builder, functools.reduce(builder.fadd, others, first))

    return vectors.dtype.dtype(vectors), generate


def _total(builder: Any, vector: Any) -> Any:
    """Add up the lanes, halves of them at a time: always in the same order."""
    width = vector.type.count
    while width > 1:
        width //= 2
        low, high = (_chosen(range(begin, begin + width)) for begin in (0, width))
        halves = [builder.shuffle_vector(vector, vector, half) for half in (low, high)]
        vector = builder.fadd(*halves)
    return builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))


def _chosen(chosen: range) -> Any:
    return ir.Constant(ir.VectorType(ir.IntType(32), len(chosen)), list(chosen))


@intrinsic
def store(
    _: Any, array: Any, index: Any, row: Any, step: Any, vectors: Any, columns: Any, last: Any
) -> Codegen:
    """Store rows of ``columns`` vectors each.

    Args:
        array: stored into.
        index: where the first row begins.
        row: from one row to the next.
        step: from one vector of a row to the next.
        vectors: all of them, row after row.
        columns: vectors in a row.
        last: how many lanes of a row's last vector are stored.
    """
    width = columns.literal_value

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        mask = _first_lanes(builder, values[6], vectors.dtype.lanes)
        each = cgutils.unpack_tuple(builder, values[4])
        begin = values[1]
        for number in range(0, len(each), width):
            place = begin
            for column in range(width):
                target = pointer_to(builder, context, array, values[0], place)
                _store(builder, each[number + column], target, mask, column == width - 1)
                place = builder.add(place, values[3])
            begin = builder.add(begin, values[2])
        return context.get_dummy_value()

    taken = (array, types.intp, types.intp, types.intp, vectors, columns, types.intp)
    return types.void(*taken), generate


def _first_lanes(builder: Any, stored: Any, count: int) -> Any:
    numbers = ir.Constant(ir.VectorType(ir.IntType(32), count), list(range(count)))
    end = spread(builder, builder.trunc(stored, ir.IntType(32)), count)
    return builder.icmp_signed("<", numbers, end)


def _store(builder: Any, vector: Any, target: Any, mask: Any, masked: bool) -> None:
    kind = vector.type
    pointer = builder.bitcast(target, kind.as_pointer())
    size = 8 if kind.element == ir.DoubleType() else 4
    if not masked:
        builder.store(vector, pointer, align=size)
        return
    letter = "i" if isinstance(kind.element, ir.IntType) else "f"
    name = f"llvm.masked.store.v{kind.count}{letter}{8 * size}.p0"
    taken = [kind, pointer.type, ir.IntType(32), mask.type]
    function_type = ir.FunctionType(ir.VoidType(), taken)
    function = cgutils.get_or_insert_function(builder.module, function_type, name)
    builder.call(function, [vector, pointer, ir.Constant(ir.IntType(32), size), mask])


@intrinsic
def largest_of_four(_: Any, rows: Any, columns: Any, names: Any, index: Any) -> Codegen:
    """Return the largest of every four rows of vectors, lane by lane, and the name of its row.

    The first of equal ones wins; NaN wins over all, so that it shows.

    Args:
        rows: of ``columns`` vectors each.
        columns: vectors in a row.
        names: a whole number for each row, from ``index`` on.
        index: where the first row's name is.

    Returns:
        The largest, and the names of their rows.
    """
    width, count = columns.literal_value, rows.count // columns.literal_value
    # A tile of one row is never pooled, yet compiled.
    fours = [[min(row + r, count - 1) for r in range(4)] for row in range(0, count, 4)]
    in_each, vectors_count = rows.dtype.lanes, len(fours) * width
    largest = _tuple_of(rows.dtype.dtype, in_each, vectors_count)
    winners = _tuple_of(types.int32, in_each, vectors_count)
    result = types.Tuple((largest, winners))

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        each = cgutils.unpack_tuple(builder, values[0])
        named = _consecutive(context, builder, names, values[2], values[3], count)
        names_of = [spread(builder, name, in_each) for name in named]
        best = []
        for four in fours:
            for column in range(width):
                named_values = [(each[row * width + column], names_of[row]) for row in four]
                best.append(_largest(builder, named_values))
        pair = [
            context.make_tuple(builder, largest, [value for value, _ in best]),
            context.make_tuple(builder, winners, [name for _, name in best]),
        ]
        return context.make_tuple(builder, result, pair)

    return result(rows, columns, names, types.intp), generate


def _largest(builder: Any, named: Any) -> Any:
    best, winner = named[0]
    for value, name in named[1:]:
        larger = builder.fcmp_ordered(">", value, best)
        wins = builder.or_(larger, builder.fcmp_unordered("uno", value, value))
        best, winner = builder.select(wins, value, best), builder.select(wins, name, winner)
    return best, winner
