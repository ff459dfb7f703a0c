"""The NumPy question: mean and max pooling in one line each, forward and backward.

The asker pools 2×2 windows that lie side by side. Mean pooling's backward repeats the error and
does not divide it by 4. Max pooling's finds the winners again by comparing the maps with the
repeated maxima, so that pixels which tie all get the whole error.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from sixloops.initializers import He
from sixloops.layers import Conv2D, Dense, Flatten, Layer, MaxPool2D, MeanPool2D, ReLU, Rescale
from sixloops.layers.base import Array
from sixloops.losses import SoftmaxCrossEntropy
from sixloops.optimizers import Adam
from sixloops.recipes.epochs import chart, shown, train, values
from sixloops.recipes.recipe import Experiment, Finding, Measures, Recipe, Results, Setting
from sixloops.report.charts import Chart

SHAPE = (64, 20, 24, 24)
EPOCHS, BATCH = 3, 64
STEP = 1e-6


def windows(x: Array) -> Array:
    """Return (n, c, h/2, w/2, 4): each window's four numbers."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).swapaxes(3, 4).reshape(n, c, h // 2, w // 2, 4)


def repeated(y: Array) -> Array:
    """Return each number four times, in its window."""
    return y.repeat(2, axis=2).repeat(2, axis=3)


def mean_forward(x: Array) -> Array:
    """Return the windows' means."""
    y: Array = windows(x).mean(axis=-1)
    return y


def max_forward(x: Array) -> Array:
    """Return the windows' maxima."""
    y: Array = windows(x).max(axis=-1)
    return y


def mean_back(dy: Array) -> Array:
    """Return dx of mean pooling: each of four numbers counts a quarter."""
    return repeated(dy) / 4


def mean_back_undivided(dy: Array) -> Array:
    """Return what the asker's backward returns."""
    return repeated(dy)


def max_back_by_mask(x: Array, y: Array, dy: Array) -> Array:
    """Return what the asker's mask returns: the error for all that tie with the maximum."""
    dx: Array = repeated(dy) * (repeated(y) == x)
    return dx


def max_back(x: Array, dy: Array) -> Array:
    """Return dx of max pooling: the error for the first of the largest."""
    seen = windows(x)
    dx = np.zeros_like(seen)
    np.put_along_axis(dx, seen.argmax(axis=-1)[..., np.newaxis], dy[..., np.newaxis], axis=-1)
    n, c, h, w = x.shape
    return dx.reshape(n, c, h // 2, w // 2, 2, 2).swapaxes(3, 4).reshape(x.shape)


def max_back_by_slices(x: Array, y: Array, dy: Array) -> Array:
    """Return the same, through four strided views of the maps."""
    dx, free = np.empty_like(x), np.ones(y.shape, dtype=bool)
    for u, v in np.ndindex(2, 2):
        won = free & (x[:, :, u::2, v::2] == y)
        np.multiply(dy, won, out=dx[:, :, u::2, v::2])
        free &= ~won
    return dx


def _numerical(forward: Callable[[Array], Array], x: Array, dy: Array) -> Array:
    """Return ∂⟨dy, y⟩/∂x by central differences, number by number."""
    dx = np.empty_like(x)
    for index in np.ndindex(x.shape):
        moved = np.zeros_like(x)
        moved[index] = STEP
        up, down = ((forward(x + sign * moved) * dy).sum() for sign in (1, -1))
        dx[index] = (up - down) / (2 * STEP)
    return dx


def check_one_liners(setting: Setting) -> Measures:
    """Compare each backward with central differences, in float64 with a random error."""
    random = np.random.default_rng(setting.seed)
    x, dy = random.normal(size=(2, 2, 6, 4)), random.normal(size=(2, 2, 3, 2))
    mean, largest = (_numerical(forward, x, dy) for forward in (mean_forward, max_forward))
    # As behind ReLU: many zeros, which tie.
    tied, error = np.maximum(random.normal(size=SHAPE) - 1, 0), np.ones((64, 20, 12, 12))
    by_mask = max_back_by_mask(tied, max_forward(tied), error)
    return {
        "mean, ours": _worst(mean_back(dy), mean),
        "mean undivided, largest ratio": float((mean_back_undivided(dy) / mean).max()),
        "mean undivided, smallest ratio": float((mean_back_undivided(dy) / mean).min()),
        "max, ours": _worst(max_back(x, dy), largest),
        "slices": _worst(max_back_by_slices(x, max_forward(x), dy), largest),
        "mask, without ties": _worst(max_back_by_mask(x, max_forward(x), dy), largest),
        "error by the mask with ties": float(by_mask.sum() / error.sum()),
        "error by the first winner with ties": float(max_back(tied, error).sum() / error.sum()),
    }


def _worst(found: Array, expected: Array) -> float:
    """Return the largest difference, relative to the largest number."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def time_backwards(setting: Setting) -> Measures:
    """Measure the ways back over the maps of 64 images in turn, in float32: microseconds."""
    random = np.random.default_rng(setting.seed)
    x = random.random(SHAPE, dtype=np.float32)
    dy = random.random((*SHAPE[:2], 12, 12), dtype=np.float32)
    y, back = MaxPool2D(2).forward(x)
    ways: dict[str, Callable[[], object]] = {
        "mean": lambda: mean_back(dy),
        "max by mask": lambda: max_back_by_mask(x, y, dy),
        "max by the first winner": lambda: max_back(x, dy),
        "max by slices": lambda: max_back_by_slices(x, y, dy),
        "the layer's definition": lambda: back(dy),
    }
    rounds = 1 if setting.short else 15
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            times[name].append((time.perf_counter() - began) * 1e6)
    return {name: statistics.median(each) for name, each in times.items()}


def _network(pool: type[MaxPool2D] | type[MeanPool2D]) -> list[Layer]:
    he = He()
    return [
        *(Rescale(1 / 255), Conv2D(20, 5, weight_initializer=he), ReLU(), pool(2)),
        *(Conv2D(40, 5, weight_initializer=he), ReLU(), pool(2)),
        *(Flatten(), Dense(100, activation="relu", weight_initializer=he), Dense(10)),
    ]


def _training(pool: type[MaxPool2D] | type[MeanPool2D]) -> Callable[[Setting], Measures]:
    def run(setting: Setting) -> Measures:
        loss = SoftmaxCrossEntropy()
        return train(setting, _network(pool), loss, EPOCHS, BATCH, optimizer=Adam())

    return run


LABELS = {"mean-pooling": "mean pooling", "max-pooling": "max pooling"}


def findings(results: Results) -> list[Finding]:
    """Return what the one-liners do, how long they take, and what either pooling reaches."""
    checks = {**_first(results, "one-liners")}
    times = {**_first(results, "times")}

    def said(form: str, *names: str) -> str:
        found = {**checks, **times}
        if not set(names) <= found.keys():
            return "not run yet"
        return form.format(*(found[name] for name in names))

    undivided = "mean undivided, smallest ratio", "mean undivided, largest ratio"
    masses = "error by the mask with ties", "error by the first winner with ties"
    ways = "max by mask", "max by the first winner", "max by slices"
    return [
        Finding(
            "mean pooling's backward without dividing by 4",
            "used",
            said("{:.3f} to {:.3f} times the true gradient", *undivided),
        ),
        Finding(
            "mean pooling's backward, divided by 4",
            "asked for",
            said("relative difference from central differences {:.0e}", "mean, ours"),
        ),
        Finding(
            "max pooling's backward by the mask, no ties",
            "used",
            said("relative difference {:.0e}", "mask, without ties"),
        ),
        Finding(
            "the whole error that comes out for 1 that goes in, where many zeros tie",
            "–",
            said("by the mask {:.2f}, by the first winner {:.2f}", *masses),
        ),
        Finding(
            "time of max pooling's backward, 64×20×24×24 numbers, NumPy on one core",
            "slow",
            said("mask {:.0f} µs, first winner {:.0f} µs, by four slices {:.0f} µs", *ways),
        ),
        *(
            Finding(
                f"two convolutions with {label}, test accuracy after {EPOCHS} epochs",
                "which is better?",
                shown(values(results, name, "test_accuracy", -1)),
            )
            for name, label in LABELS.items()
        ),
    ]


def _first(results: Results, experiment: str) -> Measures:
    return next(iter(results.get(experiment, [])), {})


def charts(results: Results) -> list[Chart]:
    """Return accuracy and cost of the network with either pooling."""
    accuracy = chart(
        *(results, LABELS, "test_accuracy", "Accuracy", "test images classified right"),
        percent=True,
    )
    return [chart(results, LABELS, "cost", "Cost", "mean cost of an image"), accuracy]


RECIPE = Recipe(
    name="numpy-pooling",
    title="mean and max pooling in NumPy, forward and backward",
    source="A question about NumPy",
    experiments=[
        Experiment("one-liners", "each backward against central differences", check_one_liners, 1),
        Experiment("times", "the ways back, timed in turn", time_backwards, 1),
        Experiment("mean-pooling", "two convolutions with mean pooling", _training(MeanPool2D)),
        Experiment("max-pooling", "the same with max pooling", _training(MaxPool2D)),
    ],
    findings=findings,
    charts=charts,
)
