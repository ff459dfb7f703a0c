"""The machine's own matrix product, and the share of its rate that training reaches."""

from __future__ import annotations

from math import prod

from benchmarks.networks import CASES, Case, output_shape
from benchmarks.options import Rounds, Short, Threads, Write, turns
from benchmarks.page import finish
from benchmarks.peers import with_versions
from benchmarks.records import Record, Row, new_record
from benchmarks.tables import Goal, about, lines_of, spread_cell
from benchmarks.turns import in_turn, work_of

MEASURED = "gigaflops"
PRODUCT = "a float32 product of NumPy"
LETTER, BATCH = "B", 256
TRAINING = f"network {LETTER} at batch {BATCH}, the multiply-adds that are needed"


def needed_multiply_adds(case: Case) -> int:
    """Return how many multiply-adds one image's training step needs at least.

    A convolution or dense layer needs as many for ∂E/∂W as for its outputs, and as many again
    for ∂E/∂x, which nobody asks of the first layer. Behind 2×2 max pooling (an activation may
    stand between) only the winners have an error: one position of four, so that both of its
    gradients need a quarter. That an activation such as ReLU lets even fewer errors through
    depends on the data, and is not counted. Nor is what is no product: biases, activations,
    pooling, normalisation, the loss, the update.

    Examples:
        >>> needed_multiply_adds(Case("", (1, 6, 6), (("conv", 2, 3, 0), ("pool",))))
        360
    """
    total, first = 0, True
    layers = [words for words in case.layers if words[0] not in ("relu", "tanh", "sigmoid")]
    followers = [*layers[1:], ("end",)]
    shape: tuple[int, ...] = tuple(case.input_shape)
    for words, follower in zip(layers, followers, strict=True):
        forward = _forward(words, shape)
        positions = 4 if words[0] == "conv" and follower == ("pool",) else 1
        backward = forward if first else 2 * forward
        total += forward + backward // positions
        first = first and not forward
        shape = output_shape(words, shape)
    return total


def _forward(words: tuple[object, ...], shape: tuple[int, ...]) -> int:
    """Return the multiply-adds of one image's outputs."""
    outputs = prod(output_shape(words, shape))
    match words:
        case ("conv", _, int(kernel), _):
            return outputs * shape[0] * kernel**2
        case ("normed conv", _, _):
            return outputs * shape[0] * 9
        case ("block", int(filters), int(stride)):
            shortcut = 0 if (shape[0], stride) == (filters, 1) else shape[0]
            return outputs * (shape[0] * 9 + filters * 9 + shortcut)
        case ("dense", _):
            return outputs * shape[0]
        case _:
            return 0


def measure(
    threads: Threads = 2, rounds: Rounds = 9, short: Short = False, write: Write = False
) -> None:
    """Product: the matrix product's rate, and the share of it that network B reaches."""
    side, batch = (64, 10) if short else (2048, BATCH)
    rounds, seconds = turns(rounds, short)
    rows: list[Row] = []
    for count in [threads] if short else sorted({1, threads}):
        works = {
            PRODUCT: work_of("numpy_product", "product", side=side, threads=count),
            TRAINING: work_of(
                "ours", "training_step", case=CASES[LETTER], batch=batch, threads=count
            ),
        }
        needed = {PRODUCT: side**3, TRAINING: batch * needed_multiply_adds(CASES[LETTER])}
        times = in_turn(works, rounds, seconds)
        # A multiply-add is two operations. A short time is a high rate.
        rates = {what: [2e-9 * needed[what] / t for t in reversed(times[what])] for what in works}
        rows.append({"threads": count, MEASURED: rates})
    finish("product", new_record(rows, with_versions(["ours"]), threads), write)


def section(record: Record) -> str:
    """Return the part of the page."""
    rows = [
        [
            str(row["threads"]),
            spread_cell(row[MEASURED][PRODUCT]),
            spread_cell(row[MEASURED][TRAINING]),
            f"{_share(row):.0%}",
        ]
        for row in record["rows"]
    ]
    needed = f"{needed_multiply_adds(CASES[LETTER]) / 1e6:.2f}"
    return (
        "## The share of the matrix product's rate\n\nA training step of network "
        f"{LETTER} needs {needed} million multiply-adds an image: forward products, and backward "
        "ones, of which only a quarter behind max pooling and none towards the first layer's "
        "input. They are set against what one big product reaches.\n\n"
        f"{about(record, 'GFLOP/s')}\n{lines_of(('threads', PRODUCT, TRAINING, 'share'), rows)}"
    )


def _share(row: Row) -> float:
    return float(row[MEASURED][TRAINING][1] / row[MEASURED][PRODUCT][1])


def goals(record: Record) -> list[Goal]:
    """Return what is to be reached beside what is."""
    what = f"share of the matrix product's rate, network {LETTER} at batch {BATCH}"
    return [Goal(what, 35, 55, 100 * _share(record["rows"][-1]), " %")]
