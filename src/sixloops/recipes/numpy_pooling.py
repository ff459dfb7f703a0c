"""The NumPy question: mean and max pooling in one line each, forward and backward.

The asker pools 2×2 windows that lie side by side. Mean pooling's backward repeats the error and
does not divide it by 4. Max pooling's finds the winners again by comparing the maps with the
repeated maxima, so that pixels which tie all get the whole error.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np

from sixloops.initializers import He
from sixloops.layers import (
    Conv2D,
    Dense,
    Flatten,
    Identity,
    Layer,
    MaxPool2D,
    MeanPool2D,
    ReLU,
    Rescale,
)
from sixloops.layers.base import Array, Parameters
from sixloops.losses import SoftmaxCrossEntropy
from sixloops.optimizers import Adam
from sixloops.recipes.epochs import chart, outcome, shown, train, values
from sixloops.recipes.recipe import Experiment, Finding, Measures, Recipe, Results, Setting
from sixloops.recipes.slopes import central_differences
from sixloops.report.charts import Chart

SHAPE = (64, 20, 24, 24)
DIGITS, KERNELS = 100, 8
"""Images and kernels with which ties are counted."""
EPOCHS, BATCH = 3, 64
STEP = 1e-6


def windows(x: Array) -> Array:
    """Return (n, c, h/2, w/2, 4): each window's four numbers."""
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).swapaxes(3, 4).reshape(n, c, h // 2, w // 2, 4)


def maps(seen: Array) -> Array:
    """Return (n, c, h, w): the windows' numbers where they stood."""
    n, c, down, across, _ = seen.shape
    tiles = seen.reshape(n, c, down, across, 2, 2).swapaxes(3, 4)
    return tiles.reshape(n, c, 2 * down, 2 * across)


def repeated(y: Array) -> Array:
    """Return each number four times, in its window."""
    return y.repeat(2, axis=2).repeat(2, axis=3)


def mean_forward(x: Array) -> Array:
    """Return the windows' means."""
    n, c, h, w = x.shape
    y: Array = x.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5))
    return y


def max_forward(x: Array) -> Array:
    """Return the windows' maxima."""
    n, c, h, w = x.shape
    y: Array = x.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))
    return y


def max_forward_by_slices(x: Array) -> Array:
    """Return the same, through four strided views of the maps."""
    top = np.maximum(x[:, :, ::2, ::2], x[:, :, ::2, 1::2])
    bottom = np.maximum(x[:, :, 1::2, ::2], x[:, :, 1::2, 1::2])
    y: Array = np.maximum(top, bottom)
    return y


def winner_forward(x: Array) -> tuple[Array, Array]:
    """Return the windows' maxima, and which of the four it was, (n, c, h/2, w/2, 1)."""
    seen = windows(x)
    winners = seen.argmax(axis=-1)[..., np.newaxis]
    return np.take_along_axis(seen, winners, axis=-1)[..., 0], winners


def mean_back(dy: Array) -> Array:
    """Return dx of mean pooling: each of four numbers counts a quarter."""
    return repeated(dy) / 4


def mean_back_undivided(dy: Array) -> Array:
    """Return what the asker's backward returns."""
    return repeated(dy)


def max_back_by_mask(dy: Array, x: Array, y: Array) -> Array:
    """Return what the asker's mask returns: the error for all that tie with the maximum."""
    dx: Array = repeated(dy) * (repeated(y) == x)
    return dx


def winner_back(dy: Array, winners: Array) -> Array:
    """Return dx of max pooling: the error for the first of the largest."""
    seen = np.zeros((*dy.shape, 4), dy.dtype)
    np.put_along_axis(seen, winners, dy[..., np.newaxis], axis=-1)
    return maps(seen)


def max_back_by_slices(dy: Array, x: Array, y: Array) -> Array:
    """Return the same numbers, a 0 perhaps with a minus sign, through four strided views."""
    dx, free = np.empty_like(x), np.ones(y.shape, dtype=bool)
    for u, v in np.ndindex(2, 2):
        won = free & (x[:, :, u::2, v::2] == y)
        np.multiply(dy, won, out=dx[:, :, u::2, v::2])
        free &= ~won
    return dx


def _slopes(forward: Callable[[Array], Array], x: Array, dy: Array) -> Array:
    """Return ∂⟨dy, y⟩/∂x by central differences."""
    return central_differences(
        lambda several: np.array([(forward(each) * dy).sum() for each in several]), x, STEP
    )


def check_one_liners(setting: Setting) -> Measures:
    """Compare each backward with central differences, in float64 with a random error."""
    random = np.random.default_rng(setting.seed)
    x, dy = random.normal(size=(2, 2, 6, 4)), random.normal(size=(2, 2, 3, 2))
    mean, largest = (_slopes(forward, x, dy) for forward in (mean_forward, max_forward))
    y, winners = winner_forward(x)
    # As behind ReLU: many zeros, which tie.
    tied, error = np.maximum(random.normal(size=SHAPE) - 1, 0), np.ones((64, 20, 12, 12))
    tied_y, tied_winners = winner_forward(tied)
    by_mask, by_winner = max_back_by_mask(error, tied, tied_y), winner_back(error, tied_winners)
    return {
        "mean, ours": _worst(mean_back(dy), mean),
        "mean undivided, largest ratio": float((mean_back_undivided(dy) / mean).max()),
        "mean undivided, smallest ratio": float((mean_back_undivided(dy) / mean).min()),
        "max, ours": _worst(winner_back(dy, winners), largest),
        "slices": _worst(max_back_by_slices(dy, x, y), largest),
        "mask, without ties": _worst(max_back_by_mask(dy, x, y), largest),
        "error by the mask with ties": float(by_mask.sum() / error.sum()),
        "error by the first winner with ties": float(by_winner.sum() / error.sum()),
    }


def _worst(found: Array, expected: Array) -> float:
    """Return the largest difference, relative to the largest number."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def count_ties(setting: Setting) -> Measures:
    """Compare mask and first winner behind a convolution of real digits, in float64."""
    random = np.random.default_rng(setting.seed)
    weight = random.normal(size=(KERNELS, 1, 5, 5)) / 5
    biases, none = random.normal(size=KERNELS), np.zeros(KERNELS)
    digits = setting.test.first(DIGITS).images / 255
    return {
        "plain": _by_mask(digits, {"weight": weight, "bias": biases}, Identity(), random),
        "relu": _by_mask(digits, {"weight": weight, "bias": biases}, ReLU(), random),
        "relu, biases 0": _by_mask(digits, {"weight": weight, "bias": none}, ReLU(), random),
    }


def _by_mask(
    images: Array, parameters: Parameters, activation: Layer, random: np.random.Generator
) -> Measures:
    """Return what the mask does to the gradients of a convolution before the pooling.

    Returns:
        ``tied``: the share of windows in which several win. ``weight`` and ``bias``: by how much
        the mask's gradient is off, as a part of the first winner's.
    """
    z, convolution_back = Conv2D(KERNELS, 5).forward(images, parameters)
    x, activation_back = activation.forward(z)
    y, winners = winner_forward(x)
    dy = random.normal(size=y.shape) + 1
    right, wrong = (
        convolution_back(activation_back(dx)[0])[1]
        for dx in (winner_back(dy, winners), max_back_by_mask(dy, x, y))
    )
    off = {
        name: float(np.linalg.norm(wrong[name] - right[name]) / np.linalg.norm(right[name]))
        for name in ("weight", "bias")
    }
    several = (windows(x) == y[..., np.newaxis]).sum(axis=-1) > 1
    return {"tied": float(several.mean()), **off}


def time_both_ways(setting: Setting) -> Measures:
    """Measure the ways over the maps of 64 images in turn, in float32: microseconds."""
    random = np.random.default_rng(setting.seed)
    x = random.random(SHAPE, dtype=np.float32)
    dy = random.random((*SHAPE[:2], 12, 12), dtype=np.float32)
    y, winners = winner_forward(x)
    layer = MaxPool2D(2)
    _, back = layer.forward(x)
    ways: dict[str, Callable[[], object]] = {
        "mean, forward": lambda: mean_forward(x),
        "mean, back": lambda: mean_back(dy),
        "max over two axes, forward": lambda: max_forward(x),
        "mask, back": lambda: max_back_by_mask(dy, x, y),
        "first winner, forward": lambda: winner_forward(x),
        "first winner, back": lambda: winner_back(dy, winners),
        "slices, forward": lambda: max_forward_by_slices(x),
        "slices, back": lambda: max_back_by_slices(dy, x, y),
        "definition, forward": lambda: layer.forward(x),
        "definition, back": lambda: back(dy),
    }
    rounds = 1 if setting.short else 25
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
    return [*_one_liners(results), *_ties(results), *_times(results), *_accuracies(results)]


def _one_liners(results: Results) -> list[Finding]:
    checks = _first(results, "one-liners")
    return [
        Finding(
            "mean pooling's backward without dividing by 4",
            "used",
            _said("{:.3f} times the true gradient", checks, "mean undivided, largest ratio"),
        ),
        Finding(
            "mean pooling's backward, divided by 4",
            "asked for",
            _said("relative difference from central differences {:.0e}", checks, "mean, ours"),
        ),
        Finding(
            "max pooling's backward by the mask, no ties",
            "used",
            _said("relative difference {:.0e}", checks, "mask, without ties"),
        ),
        Finding(
            "the whole error that comes out for 1 that goes in, where many zeros tie: "
            "max(N(0, 1) − 1, 0), as behind a ReLU, whose own backward then takes it away",
            "–",
            _said(
                "by the mask {:.2f}, by the first winner {:.2f}",
                checks,
                *("error by the mask with ties", "error by the first winner with ties"),
            ),
        ),
    ]


def _ties(results: Results) -> list[Finding]:
    runs = results.get("ties", [])

    def off(case: str, measure: str) -> str:
        return shown([run[case][measure] for run in runs], ".1%")

    plain = "convolution of real digits, pooling"
    relu = "convolution, ReLU, pooling"
    return [
        Finding(f"{plain}: windows that tie", "–", off("plain", "tied")),
        Finding(f"{plain}: the biases' gradient is off by the mask by", "–", off("plain", "bias")),
        Finding(f"{plain}: the weights' gradient by", "–", off("plain", "weight")),
        Finding(f"{relu}: the biases' gradient by", "–", off("relu", "bias")),
        Finding(f"{relu}, all biases 0: their gradient by", "–", off("relu, biases 0", "bias")),
    ]


def _times(results: Results) -> list[Finding]:
    times = _first(results, "times")
    about = "64×20×24×24 numbers, NumPy on one core"
    forward = "first winner, forward", "slices, forward", "mean, forward"
    back = "mask, back", "first winner, back", "slices, back", "mean, back"
    return [
        Finding(
            f"time of max pooling, {about}",
            "–",
            _said(
                "max over two axes {:,.0f} µs, with the winners' numbers {:,.0f} µs, "
                "by four slices {:,.0f} µs; mean over two axes {:,.0f} µs",
                *(times, "max over two axes, forward", *forward),
            ),
        ),
        Finding(
            "time of its backward",
            "is it slow?",
            _said(
                "mask {:,.0f} µs, first winner {:,.0f} µs, by four slices {:,.0f} µs; "
                "mean pooling's backward {:,.0f} µs",
                *(times, *back),
            ),
        ),
    ]


def _accuracies(results: Results) -> list[Finding]:
    found = {name: values(results, name, "test_accuracy", -1) for name in LABELS}
    return [
        *(
            Finding(
                f"two convolutions with {label}, test accuracy after {EPOCHS} epochs",
                "which is better?",
                outcome(results, name, found[name]),
            )
            for name, label in LABELS.items()
        ),
        Finding(
            "by how many points max pooling is ahead, each seed for itself",
            "–",
            _ahead(found["mean-pooling"], found["max-pooling"]),
        ),
    ]


def _ahead(mean: Sequence[float], largest: Sequence[float]) -> str:
    """Return by how many points the second values lie above the first, seed by seed."""
    if not mean or len(mean) != len(largest):
        return "not run yet"
    points = [100 * (b - a) for a, b in zip(mean, largest, strict=True)]
    return f"{', '.join(f'{each:.2f}' for each in points)}; mean {statistics.fmean(points):.2f}"


def _said(form: str, found: Measures, *names: str) -> str:
    """Return the measures of these names in a sentence."""
    if not set(names) <= found.keys():
        return "not run yet"
    return form.format(*(found[name] for name in names))


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
        Experiment("ties", "mask and first winner behind a convolution of digits", count_ties),
        Experiment("times", "the ways forward and back, timed in turn", time_both_ways, 1),
        Experiment("mean-pooling", "two convolutions with mean pooling", _training(MeanPool2D)),
        Experiment("max-pooling", "the same with max pooling", _training(MaxPool2D)),
    ],
    findings=findings,
    charts=charts,
    setup="""\
Each way is compared with central differences in float64, on 2×2×6×4 random numbers. Ties are
counted behind a convolution with eight 5×5 kernels, weights of N(0, 1)/5 and biases of N(0, 1),
over 100 test digits, with errors of N(1, 1). Times are medians of 25 rounds in float32. The two
networks that learn are the same but for the pooling: convolutions with 20 and 40 5×5 kernels, each
with ReLU and 2×2 pooling, then 100 ReLU and 10 outputs; weights as He draws them (in the last layer
Glorot's), softmax with cross-entropy, Adam at a rate of 0.001, batches of 64. The question names
none of this; all sizes and rates are ours. The whole takes about two minutes, the longest part (a
training) 9 to 45 seconds.""",
)
