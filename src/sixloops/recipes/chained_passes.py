"""The chained passes: the error through two and three convolution–pooling passes to the input.

Inputs are (channels, height, width), kernels (kernels, channels, height, width). Each pass is a
convolution and a 2×2 pooling: mean with β = 1/4, or β = 1 where the division is left out; max; or
the L2 norm. The error is carried back to the input, and compared with central differences.
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
)
from sixloops.network import Network
from sixloops.recipes.recipe import Experiment, Finding, Measures, Recipe, Results, Setting
from sixloops.report.charts import Chart, Curve

KERNELS = 3, 4, 2
SIDES = {2: 18, 3: 38}
STEP = 1e-7


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
        layers += [Conv2D(kernels, 3), pool]
    return Network(layers, (2, SIDES[count], SIDES[count]), dtype=np.float64, seed=seed)


def _experiment(pool: Layer) -> Callable[[Setting], Measures]:
    def run(setting: Setting) -> Measures:
        return {f"{count} passes": _compare(pool, count, setting) for count in SIDES}

    return run


def _compare(pool: Layer, count: int, setting: Setting) -> Measures:
    """Carry a random error back, layer by layer; compare it with differences at each.

    Returns:
        From the output to the input, for each pass: the ratio of both along a random direction.
    """
    network, random = passes(pool, count, setting.seed), np.random.default_rng(setting.seed)
    inputs, backs = [random.normal(size=(1, *network.input_shape))], []
    for number, layer in enumerate(network.layers):
        y, back = layer.forward(inputs[-1], _own(network, number), Context())
        inputs.append(y)
        backs.append(back)
    error = cotangent = random.normal(size=inputs[-1].shape)
    ratios: list[float] = []
    for number in reversed(range(len(network.layers))):
        error, _ = backs[number](error)
        if number % 2 == 0:
            direction = random.normal(size=error.shape)
            rest = lambda x, first=number: _rest(network, first, x)  # noqa: E731
            slope = _slope(rest, inputs[number], direction, cotangent)
            ratios.append(float((error * direction).sum() / slope))
    return {"ratios": ratios}


def _own(network: Network, number: int) -> Parameters:
    """Return a layer's parameters by their short names."""
    prefix = f"{number}."
    own = {n: p for n, p in network.parameters.items() if n.startswith(prefix)}
    return {name.removeprefix(prefix): parameter for name, parameter in own.items()}


def _rest(network: Network, first: int, x: Array) -> Array:
    """Return what the layers from ``first`` on make of x."""
    for number in range(first, len(network.layers)):
        x, _ = network.layers[number].forward(x, _own(network, number), Context())
    return x


def _slope(rest: Callable[[Array], Array], x: Array, direction: Array, cotangent: Array) -> float:
    """Return by central differences how ⟨cotangent, y⟩ changes along a direction."""
    up, down = ((rest(x + sign * STEP * direction) * cotangent).sum() for sign in (1, -1))
    return float((up - down) / (2 * STEP))


ABOUT = {
    "mean": "mean pooling, β = 1/4",
    "mean-undivided": "mean pooling, β = 1 on the way back",
    "max": "max pooling, the winner tracked",
    "l2": "pooling by the L2 norm",
}


def findings(results: Results) -> list[Finding]:
    """Return how the error at the input compares with central differences."""
    expected = {"mean-undivided": "is β 1 or 1/4?"}
    return [
        Finding(
            f"{ABOUT[name]}: error at the input ÷ central differences",
            expected.get(name, "is it right?"),
            _ratios_at_input(results.get(name, [])),
        )
        for name in POOLS
    ]


def _ratios_at_input(runs: Sequence[Measures]) -> str:
    if not runs:
        return "not run yet"
    parts = []
    for count in SIDES:
        ratios = [run[f"{count} passes"]["ratios"][-1] for run in runs]
        low, high = f"{min(ratios):.6f}", f"{max(ratios):.6f}"
        parts.append(f"{count} passes: {low}{f' to {high}' if high != low else ''}")
    return "; ".join(parts)


def charts(results: Results) -> list[Chart]:
    """Return the ratio at each pass on the way back, for two and for three passes."""
    return [
        Chart(
            f"{count} passes",
            "passes back from the output",
            "error ÷ central differences",
            [
                Curve(ABOUT[name], range(1, count + 1), run[f"{count} passes"]["ratios"])
                for name in POOLS
                for run in results.get(name, [])
            ],
            logarithmic=True,
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
)
