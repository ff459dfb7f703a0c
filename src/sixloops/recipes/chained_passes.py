"""The chained passes: the error through two and three convolution–pooling passes to the input.

Inputs are (channels, height, width), kernels (kernels, channels, height, width). Each pass is a
convolution, tanh and a 2×2 pooling: mean with β = 1/4, or β = 1 where the division is left out;
max; or the L2 norm. A random error is carried back, and compared at the input of every pass, in
every entry, with central differences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sixloops.layers import Conv2D, L2Pool2D, Layer, MaxPool2D, MeanPool2D
from sixloops.layers.base import (
    EVALUATION,
    NO_PARAMETERS,
    Array,
    Backward,
    Context,
    Gradients,
    Parameters,
    within,
)
from sixloops.network import Network
from sixloops.recipes.recipe import Experiment, Finding, Measures, Recipe, Results, Setting
from sixloops.recipes.slopes import central_differences
from sixloops.report.charts import Chart, Curve

KERNELS = 3, 4, 2
SIDES = {2: 14, 3: 30}
STEP = 1e-6


@dataclass(frozen=True)
class Undivided(MeanPool2D):
    """Mean pooling whose backward forgets to divide: β = 1 where it must be 1/4."""

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Return the means, and a backward that gives every pixel the whole error."""
        y, right = super().forward(x, parameters, context)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            dx, gradients = right(dy)
            return 4 * dx, gradients

        return y, backward


POOLS: dict[str, Layer] = {
    "mean": MeanPool2D(2),
    "mean-undivided": Undivided(2),
    "max": MaxPool2D(2),
    "l2": L2Pool2D(2),
}


def passes(pool: Layer, count: int, seed: int) -> Network:
    """Return ``count`` passes, in float64."""
    layers: list[Layer] = []
    for kernels in KERNELS[:count]:
        layers += [Conv2D(kernels, 3, activation="tanh"), pool]
    return Network(layers, (2, SIDES[count], SIDES[count]), dtype=np.float64, seed=seed)


def _experiment(pool: Layer) -> Callable[[Setting], Measures]:
    def run(setting: Setting) -> Measures:
        networks = [passes(pool, count, setting.seed).about() for count in SIDES]
        setting.note({"networks": networks, "step": STEP})
        return {f"{count} passes": _compare(pool, count, setting) for count in SIDES}

    return run


def _compare(pool: Layer, count: int, setting: Setting) -> Measures:
    """Carry a random error back, layer by layer; compare it with differences at each pass.

    Returns:
        From the output to the input, at each pass's input: in ``ratios`` by what factor the error
        carried back is larger than the measured one; in ``off`` by how much an entry at most
        differs from that factor times the measured one, as a part of the largest entry.
    """
    network, random = passes(pool, count, setting.seed), np.random.default_rng(setting.seed)
    inputs, backs = [random.normal(size=(1, *network.input_shape))], []
    for number, layer in enumerate(network.layers):
        y, back = layer.forward(inputs[-1], within(network.parameters, f"{number}"), Context())
        inputs.append(y)
        backs.append(back)
    error = cotangent = random.normal(size=inputs[-1].shape)
    measured: Measures = {"ratios": [], "off": []}
    for number in reversed(range(len(network.layers))):
        error, _ = backs[number](error)
        if number % 2 == 0:  # here a pass begins

            def of(xs: Array, first: int = number) -> Array:
                return np.asarray((_rest(network, first, xs) * cotangent).sum(axis=(1, 2, 3)))

            truth = central_differences(of, inputs[number][0], STEP)
            ratio = float((error * truth).sum() / (truth * truth).sum())
            measured["ratios"].append(ratio)
            off = np.abs(error - ratio * truth).max() / np.abs(error).max()
            measured["off"].append(float(off))
    return measured


def _rest(network: Network, first: int, x: Array) -> Array:
    """Return what the layers from ``first`` on make of x."""
    for number in range(first, len(network.layers)):
        x, _ = network.layers[number].forward(x, within(network.parameters, f"{number}"), Context())
    return x


ABOUT = {
    "mean": "mean pooling, β = 1/4",
    "mean-undivided": "mean pooling, β = 1 on the way back",
    "max": "max pooling, the winner tracked",
    "l2": "pooling by the L2 norm",
}


def findings(results: Results) -> list[Finding]:
    """Return how the error at each pass's input compares with central differences."""
    expected = {"mean-undivided": "is β 1 or 1/4?"}
    return [
        Finding(
            f"{ABOUT[name]}: error ÷ central differences at each pass's input, the last pass first",
            expected.get(name, "is it right?"),
            _compared(results.get(name, [])),
        )
        for name in POOLS
    ]


def _compared(runs: Sequence[Measures]) -> str:
    if not runs:
        return "not run yet"
    chains = "; ".join(f"{count} passes: {_ratios(runs, count)}" for count in SIDES)
    off = max(max(run[f"{count} passes"]["off"]) for run in runs for count in SIDES)
    seeds = f"{len(runs)} seeds" if len(runs) > 1 else "1 seed"
    return f"{chains}; each entry within {off:.0e} of the largest ({seeds})"


def _ratios(runs: Sequence[Measures], count: int) -> str:
    """Return the ratio at each pass, and where the seeds' differ the least and the largest."""
    words = []
    for ratios in zip(*(run[f"{count} passes"]["ratios"] for run in runs), strict=True):
        low, high = f"{min(ratios):.4f}", f"{max(ratios):.4f}"
        words.append(low if low == high else f"{low}–{high}")
    return ", ".join(words)


def charts(results: Results) -> list[Chart]:
    """Return the ratio at each pass on the way back, for two and for three passes."""
    return [
        Chart(
            f"{count} passes; three curves lie on each other at 1",
            "passes back from the output",
            "error ÷ central differences",
            [
                Curve(ABOUT[name], range(1, count + 1), run[f"{count} passes"]["ratios"])
                for name in POOLS
                for run in results.get(name, [])
            ],
            logarithmic=True,
            y_ticks=(1, 4, 16, 64),
        )
        for count in SIDES
    ]


RECIPE = Recipe(
    name="chained-passes",
    title="the error through chained convolution–pooling passes",
    source="A question on Mathematics",
    experiments=[Experiment(name, ABOUT[name], _experiment(pool)) for name, pool in POOLS.items()],
    findings=findings,
    charts=charts,
    setup="""\
Inputs of two channels, 14×14 pixels for two passes and 30×30 for three; a pass is a convolution
with 3×3 kernels (3, then 4, then 2 of them), tanh, and 2×2 pooling. Inputs and the error at the
output are random numbers, weights are drawn by Glorot and biases are 0; all in float64. At the
input of every pass each entry is moved by ±0.000001. The question names the order of the axes and
the poolings; sizes and tanh are ours. All of it takes less than a minute.""",
)
