"""JAX by itself, compiled with ``jit``; images have their channels last, as suits it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

import jax  # type: ignore[import-not-found,unused-ignore]
import jax.numpy as jnp  # type: ignore[import-not-found,unused-ignore]
from jax import lax  # type: ignore[import-not-found,unused-ignore]

from benchmarks.data import floats
from benchmarks.networks import Case

Parameters = list[dict[str, jax.Array]]

_PLAIN: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "flatten": lambda x: x.reshape(len(x), -1),
    "pool": lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"),
    "global mean": lambda x: x.mean((1, 2)),
}


def parameters_of(case: Case) -> Parameters:
    """Return initial parameters, a dictionary a layer."""
    keys = jax.random.split(jax.random.key(0), len(case.layers))
    described = zip(keys, case.with_shapes(), strict=True)
    return [_initial(key, words, shape) for key, (words, shape) in described]


def _initial(key: jax.Array, words: Any, shape: tuple[int, ...]) -> dict[str, jax.Array]:
    match words:
        case ("conv", filters, kernel, _):
            size: tuple[int, ...] = (kernel, kernel, shape[0], filters)
        case ("dense", units):
            size = (shape[0], units)
        case _:
            return {}
    weight = jax.nn.initializers.glorot_uniform()(key, size)
    return {"weight": weight, "bias": jnp.zeros(size[-1])}


def outputs(case: Case, parameters: Parameters, x: jax.Array) -> jax.Array:
    """Return a batch's logits."""
    for words, own in zip(case.layers, parameters, strict=True):
        x = _forward(words, own, x)
    return x


def _forward(words: Any, own: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    match words:
        case ("conv", _, _, padding):
            around = [(padding, padding)] * 2
            order = ("NHWC", "HWIO", "NHWC")
            return (
                lax.conv_general_dilated(x, own["weight"], (1, 1), around, dimension_numbers=order)
                + own["bias"]
            )
        case ("dense", _):
            return x @ own["weight"] + own["bias"]
    return _PLAIN[words[0]](x)


def parameter_count(case: Case) -> int:
    """Return how many numbers the network learns."""
    return sum(array.size for array in jax.tree.leaves(parameters_of(case)))


def training_step(
    case: Case, batch: int, threads: int, open_until: ExitStack
) -> Callable[[], object]:
    """Return a function that takes one step."""
    images, labels = _given(batch, case)
    parameters = parameters_of(case)

    # Images and labels are arguments, so that they are no constants of what is compiled.
    def loss(parameters: Parameters, images: jax.Array, labels: jax.Array) -> jax.Array:
        chances = jax.nn.log_softmax(outputs(case, parameters, images))
        return -jnp.take_along_axis(chances, labels[:, None], 1).mean()

    @partial(jax.jit, donate_argnums=0)
    def updated(parameters: Parameters, images: jax.Array, labels: jax.Array) -> Parameters:
        gradients = jax.grad(loss)(parameters, images, labels)
        moved: Parameters = jax.tree.map(lambda p, g: p - 0.01 * g, parameters, gradients)
        return moved

    def step() -> None:
        nonlocal parameters
        parameters = jax.block_until_ready(updated(parameters, images, labels))

    return step


def prediction(
    case: Case, images: int, threads: int, open_until: ExitStack
) -> Callable[[], object]:
    """Return a function that predicts some images, 256 at a time."""
    parameters, (given, _) = parameters_of(case), _given(images, case)
    compiled = jax.jit(lambda parameters, x: jax.nn.softmax(outputs(case, parameters, x)))
    parts = [given[start : start + 256] for start in range(0, images, 256)]
    return lambda: jax.block_until_ready([compiled(parameters, part) for part in parts])


def _given(count: int, case: Case) -> tuple[jax.Array, jax.Array]:
    images, labels = floats(count, case.input_shape)
    return jnp.asarray(images.transpose(0, 2, 3, 1)), jnp.asarray(labels)
