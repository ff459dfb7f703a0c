"""A team of threads that works through a job's phases, without Python's lock.

A job is one or more phases, done one after the other. A phase of kind ``SHARES`` is done once
for each share of the batch, a phase of kind ``PIECES`` has instructions that do not depend on
each other. Shares and pieces are cut into segments, one for each thread, so that from phase to
phase and job to job a thread works on what is still in its core's cache; who has done all of his
own helps the others. At the end of a phase all wait for each other. What is computed does not
depend on who does what.

Between jobs the team waits, looking out for the next one for some hundred microseconds, as waking
a thread takes longer than many a job. Then a worker goes back to Python, to sleep.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from sixloops.engine.kernels import atomic
from sixloops.engine.kernels.compiling import entry, inlined, intrinsic, kernel
from sixloops.engine.kernels.operands import whole_numbers_at
from sixloops.layers.base import Array

LINE = 16
"""Numbers in two lines of the processor's cache: what threads write is kept that far apart."""

GENERATION, STOP = 0, LINE
"""Which job it is, by number; and whether the team goes home."""

JOB = 2 * LINE
FIRST, LAST, IMAGES, SHARES_COUNT, CHUNK, LANES_AT = (JOB + n for n in range(6))
LANE, LANES_COUNT, PHASES_AT, SEGMENTS, PARTS_AT, WORKERS = (JOB + n for n in range(6, 12))
"""The job: its phases; images of the batch, its shares, images in a chunk; where the lanes'
instructions are, how many numbers one lane's are, and how many lanes there are; where the phases
are, and into how many segments their pieces are cut; where the parts are; and how many workers
there are besides the leader. A lane is what one thread works in: its own instructions, which use
buffers of its own."""

SEEN = 3 * LINE
MOST_WORKERS = 256
ASLEEP = SEEN + LINE * MOST_WORKERS
CORES = ASLEEP + LINE * MOST_WORKERS
COUNTERS = CORES + LINE * (1 + MOST_WORKERS)
"""For each worker, the last job that it is done with, and whether it sleeps; for the leader and
each worker, the core that it was last seen on; for each phase, how many items are done, and how
many of each segment have been taken."""

MOST_PHASES = 256


def size(threads: int) -> int:
    """Return how many numbers a team of so many threads shares."""
    return COUNTERS + MOST_PHASES * LINE * (1 + threads)


SHARES, PIECES = 0, 1
KIND, BEGIN, EACH, END, PARTS, PARTS_END, BOUNDS = range(7)
"""A phase: its kind; its instructions, from the first on; those from ``EACH`` on are done for
every chunk of a share, those before it once a share; which operands are the share's own; and
which is each segment's first piece, with one number more for their end."""

PART = 3
"""An operand of which each share has its own array: its index in the lane's instructions, the
address of the first share's, and how many bytes further the next share's is."""

WIDTH = 49
"""Numbers in an instruction."""

PATIENCE = 1 << 18
"""How often a worker looks for a job before it goes to sleep: for some hundred microseconds."""

EAGERNESS = 1 << 11
"""How often a thread looks before it lets others have the core, if they wait for it."""

GLANCE = 32
"""In every so many jobs a worker looks whether it has a core for itself."""


@intrinsic
def _call(_: Any, address: Any, row: Any, first: Any, images: Any, shares: Any, scale: Any) -> Any:
    """Call the kernel at an address; the pointer that tells it the type is of no use."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        whole, pointer = ir.IntType(64), ir.IntType(8).as_pointer()
        taken = [whole, whole, whole, whole, ir.DoubleType(), pointer]
        kind = ir.FunctionType(ir.VoidType(), taken)
        kernel = builder.inttoptr(values[0], kind.as_pointer())
        builder.call(kernel, [*values[1:], ir.Constant(pointer, None)])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5, types.float64), generate


@inlined
def _wait(control: Array, index: int, value: int) -> None:
    """Wait until a number has reached a value."""
    looked = 0
    while atomic.load(control, index) < value:
        looked = _look_again(looked)


@inlined
def _look_again(looked: int) -> int:
    """Count one more look, and let others have the core at times."""
    if (looked + 1) % EAGERNESS == 0:
        atomic.YIELDS()
    return looked + 1


@kernel
def _do_rows(rows: int, begin: int, end: int, first: int, images: int, control: Array) -> None:
    """Do some instructions of a table, for some images."""
    shares = control[SHARES_COUNT]
    for row in range(rows + 8 * WIDTH * begin, rows + 8 * WIDTH * end, 8 * WIDTH):
        _call(whole_numbers_at(row)[0], row, first, images, shares, 1.0 / control[IMAGES])


@kernel
def _do_share(phase: Array, share: int, lane: int, control: Array) -> None:
    """Do one share of a phase, a chunk of images at a time."""
    images, shares, chunk = control[IMAGES], control[SHARES_COUNT], control[CHUNK]
    begin, end = images * share // shares, images * (share + 1) // shares
    rows = control[LANES_AT] + 8 * lane * control[LANE]
    own, parts = whole_numbers_at(rows), whole_numbers_at(control[PARTS_AT])
    for part in range(PART * phase[PARTS], PART * phase[PARTS_END], PART):
        own[parts[part]] = parts[part + 1] + share * parts[part + 2]
    _do_rows(rows, phase[BEGIN], phase[EACH], begin, end - begin, control)
    for first in range(begin, end, chunk):
        some = min(chunk, end - first)
        _do_rows(rows, phase[EACH], phase[END], first, some, control)


@inlined
def _first_of(phase: Array, segment: int, segments: int, items: int) -> int:
    """Return the first share or piece of a segment."""
    return items * segment // segments if phase[KIND] == SHARES else phase[BOUNDS + segment]


@kernel
def _do_phase(phase: Array, done: int, lane: int, control: Array) -> None:
    """Take part in a phase: first in one's own segment, and then in the others."""
    is_shared = phase[KIND] == SHARES
    items = control[SHARES_COUNT] if is_shared else phase[END] - phase[BEGIN]
    segments = control[LANES_COUNT] if is_shared else control[SEGMENTS]
    # Shares are only for those who have a lane.
    turns = 0 if is_shared and lane >= segments else segments
    for turn in range(turns):
        segment = (lane + turn) % segments
        first = _first_of(phase, segment, segments, items)
        count = _first_of(phase, segment + 1, segments, items) - first
        taken = done + LINE * (1 + segment)
        while atomic.load(control, taken) < count:
            item = atomic.count_up(control, taken)
            if item >= count:
                break
            if is_shared:
                _do_share(phase, first + item, lane, control)
            else:
                row = phase[BEGIN] + first + item
                _do_rows(control[LANES_AT], row, row + 1, 0, control[IMAGES], control)
            atomic.count_up(control, done)
    _wait(control, done, items)


@kernel
def _work(control: Array, lane: int) -> None:
    """Take part in the job, to its end."""
    segments = control[SEGMENTS]
    size, phases = BOUNDS + segments + 1, whole_numbers_at(control[PHASES_AT])
    for number in range(control[FIRST], control[LAST]):
        done = COUNTERS + (number - control[FIRST]) * LINE * (1 + segments)
        _do_phase(phases[number * size : (number + 1) * size], done, lane, control)


@entry
def begin(
    control: Array,
    first: int,
    last: int,
    images: int,
    shares: int,
    chunk: int,
    lanes: int,
    lane: int,
    lanes_count: int,
    phases: int,
    segments: int,
    parts: int,
) -> bool:
    """Announce a job; say whether a worker sleeps and must be woken up.

    Args:
        control: what the team shares.
        first: the job's first phase.
        last: the phase behind its last one.
        images: of the batch.
        shares: into which it is cut.
        chunk: images that go through the instructions together.
        lanes: the address of the instructions.
        lane: how many numbers the instructions of one lane are.
        lanes_count: how many lanes there are.
        phases: the address of the phases.
        segments: into how many segments their pieces are cut; no more than threads.
        parts: the address of the parts.
    """
    generation = atomic.load(control, GENERATION)
    for worker in range(control[WORKERS]):
        _wait(control, SEEN + LINE * worker, generation)
    control[FIRST], control[LAST], control[IMAGES] = first, last, images
    control[SHARES_COUNT], control[CHUNK] = shares, chunk
    control[LANES_AT], control[LANE], control[LANES_COUNT] = lanes, lane, lanes_count
    control[PHASES_AT], control[SEGMENTS], control[PARTS_AT] = phases, segments, parts
    for counter in range((last - first) * (1 + segments)):
        atomic.store(control, COUNTERS + LINE * counter, 0)
    atomic.store(control, GENERATION, generation + 1)
    asleep = False
    for worker in range(control[WORKERS]):
        asleep = asleep or atomic.load(control, ASLEEP + LINE * worker) != 0
    return asleep


@inlined
def _note_core(control: Array, lane: int) -> None:
    """Note on which core the thread of a lane is."""
    if atomic.TELLS_CORES:
        atomic.store(control, CORES + LINE * lane, atomic.CORE())


@inlined
def _shares_core(control: Array, lane: int) -> bool:
    """Say whether the leader or an earlier worker was last seen on this thread's core."""
    if not atomic.TELLS_CORES:
        return False
    core = atomic.load(control, CORES + LINE * lane)
    shared = False
    for other in range(lane):
        shared = shared or atomic.load(control, CORES + LINE * other) == core
    return shared


HOME, SLEEP, AGAIN, MOVE = range(4)
"""What a worker does next."""


LEADER = -1


@entry
def take_part(control: Array, worker: int) -> int:
    """Work at a job as the leader; or at all that come, as a worker, until none has for a while.

    Args:
        control: what the team shares.
        worker: the worker's number, or ``LEADER``.

    Returns:
        What the worker does next.
    """
    if worker == LEADER:
        _note_core(control, 0)
        _work(control, 0)
        return HOME
    seen, looked = atomic.load(control, SEEN + LINE * worker), 0
    atomic.store(control, ASLEEP + LINE * worker, 0)
    while looked < PATIENCE:
        if atomic.load(control, STOP) != 0:
            return HOME
        if atomic.load(control, GENERATION) > seen:
            _note_core(control, worker + 1)
            _work(control, worker + 1)
            seen += 1
            atomic.store(control, SEEN + LINE * worker, seen)
            looked = 0
            if seen % GLANCE == 0 and _shares_core(control, worker + 1):
                return MOVE
        else:
            looked = _look_again(looked)
    atomic.store(control, ASLEEP + LINE * worker, 1)
    # A job that came just now would not wake this worker.
    late = atomic.load(control, GENERATION) > seen or atomic.load(control, STOP) != 0
    return AGAIN if late else SLEEP
