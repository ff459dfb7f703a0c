"""Layers that sixloops does not have but strangers do: right ones, and wrong forwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sixloops.layers import Layer, MaxPool2D, MeanPool2D
from sixloops.layers.base import Array, Backward, Gradients
from sixloops.layers.pooling import pooling_window
from sixloops.layers.windows import Pair, Window


@dataclass(frozen=True)
class SumPool(MeanPool2D):
    """The sum of each window."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Add up."""
        window = pooling_window(self, x.shape[1:])
        patches = window.gather(x)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return window.scatter(np.broadcast_to(dy[:, :, None, None], patches.shape)), {}

        return patches.sum(axis=(2, 3)), backward


@dataclass(frozen=True)
class MinPool(MaxPool2D):
    """The smallest value of each window."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Take the largest of −x."""
        y, backward = super().forward(-x)
        return -y, backward


@dataclass(frozen=True)
class StridedPool(Layer):
    """Pooling after ``reshape(…, k, H/k, …)`` for ``reshape(…, H/k, k, …)``.

    It takes the maximum or mean over pixels that lie H/k rows apart.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: Any
    inner: Layer

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Shuffle the pixels as the wrong reshape does, then pool."""
        n, c, h, w = x.shape
        kh, kw = self.kernel
        shuffled = x.reshape(n, c, kh, h // kh, kw, w // kw).transpose(0, 1, 3, 2, 5, 4)
        y, back = self.inner.forward(shuffled.reshape(x.shape))

        def backward(dy: Array) -> tuple[Array, Gradients]:
            dx = back(dy)[0].reshape(n, c, h // kh, kh, w // kw, kw)
            return dx.transpose(0, 1, 3, 2, 5, 4).reshape(x.shape), {}

        return y, backward


@dataclass(frozen=True)
class Reshaped(Layer):
    """A layer whose output was reshaped where its axes should have been moved."""

    inner: Any
    order: tuple[int, ...]

    @property
    def kernel(self) -> Any:
        """Return the inner kernel."""
        return self.inner.kernel

    def forward(self, x: Array, parameters: Any, context: Any) -> tuple[Array, Backward]:  # type: ignore[override]
        """Write the output in one order, and read it in another."""
        z, back = self.inner.forward(x, parameters, context)
        moved = z.transpose(self.order)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            undone: Array = dy.reshape(moved.shape).transpose(np.argsort(self.order))
            return back(undone)  # type: ignore[no-any-return]

        return moved.reshape(z.shape), backward


@dataclass(frozen=True)
class Twice(Layer):
    """An activation applied twice."""

    inner: Layer

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Apply it, and again."""
        once, first = self.inner.forward(x)
        y, second = self.inner.forward(once)
        return y, lambda dy: first(second(dy)[0])


@dataclass(frozen=True)
class Ravel(Layer):
    """All numbers of the input in one row."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Reshape; nothing is moved."""
        return x.reshape(1, -1), lambda dy: (dy.reshape(x.shape), {})


@dataclass(frozen=True)
class Rearranged(Layer):
    """All numbers of the input in one row, in another order.

    Args:
        order: where in the input each number of the output stands.
    """

    order: Array

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Move the numbers; backward moves them to where they were."""
        return x[:, self.order], lambda dy: (dy[:, np.argsort(self.order)], {})


@dataclass(frozen=True)
class BiasOfEachPosition(Layer):
    """A convolution whose bias is not shared: one for each output."""

    inner: Any

    @property
    def kernel(self) -> Any:
        """Return the inner kernel."""
        return self.inner.kernel

    def forward(self, x: Array, parameters: Any, context: Any) -> tuple[Array, Backward]:  # type: ignore[override]
        """Convolve, and add."""
        z, back = self.inner.forward(x, {"weight": parameters["weight"]}, context)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            dx, gradients = back(dy)
            return dx, {**gradients, "bias": dy.sum(axis=0)}

        return z + parameters["bias"], backward


@dataclass(frozen=True)
class Swish(Layer):
    """x · σ(x), also called SiLU (Elfwing, Uchibe & Doya 2017, equation 2)."""

    words = "swish"

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Multiply by the sigmoid."""
        s = 1 / (1 + np.exp(-x))
        return x * s, lambda dy: (dy * (s + x * s * (1 - s)), {})


@dataclass(frozen=True)
class Shortcut(Layer):
    """x + f(x)."""

    inner: Layer

    @property
    def words(self) -> str:
        """Say what it is."""
        return f"x + {type(self.inner).__name__.lower()}(x), a shortcut"

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Add."""
        y, back = self.inner.forward(x)
        return x + y, lambda dy: (dy + back(dy)[0], {})


@dataclass(frozen=True)
class FixedDropout(Layer):
    """Dropout with a mask that is known: kept numbers are multiplied by a scale."""

    kept: Any
    scale: float
    words = "dropout"

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Drop and scale."""
        mask = np.where(self.kept, self.scale, 0.0)
        return x * mask, lambda dy: (dy * mask, {})


@dataclass(frozen=True)
class SoftmaxOfAll(Layer):
    """Softmax over the whole array, images and all."""

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Normalise everything."""
        e = np.exp(x - x.max())
        y = e / e.sum()
        return y, lambda dy: (y * (dy - (dy * y).sum()), {})


@dataclass(frozen=True)
class Upsample(Layer):
    """Every pixel repeated down and across."""

    times: Pair

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Repeat."""
        (n, c, h, w), (down, across) = x.shape, self.times

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return dy.reshape(n, c, h, down, w, across).sum(axis=(3, 5)), {}

        return x.repeat(down, axis=2).repeat(across, axis=3), backward


@dataclass(frozen=True)
class TransposedConv(Layer):
    """The transpose of a convolution: every pixel lays its kernels into a larger map.

    y[n,f,s·i+u−p,s·j+v−p] += x[n,c,i,j] · W[c,f,u,v] (Dumoulin & Visin 2016, chapter 4).
    """

    taps: Pair
    step: Pair
    sides: tuple[Pair, Pair]

    def forward(self, x: Array, parameters: Any, context: Any) -> tuple[Array, Backward]:  # type: ignore[override]
        """Scatter."""
        weight, window = parameters["weight"], self._window(x)
        y = window.scatter(np.einsum("ncij,cfuv->nfuvij", x, weight))
        if "bias" in parameters:
            y = y + parameters["bias"].reshape(-1, 1, 1)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            seen = window.gather(dy)
            dweight = np.einsum("ncij,nfuvij->cfuv", x, seen)
            gradients = {"weight": dweight, "bias": dy.sum(axis=(0, 2, 3))}
            return np.einsum("nfuvij,cfuv->ncij", seen, weight), gradients

        return y, backward

    def _window(self, x: Array) -> Window:
        """Return the window over the output that has the input's pixels as positions."""
        extent = [
            (n - 1) * step + taps - sum(sides)
            for n, step, taps, sides in zip(
                x.shape[2:], self.step, self.taps, self.sides, strict=True
            )
        ]
        return Window(self.taps, self.step, (1, 1), self.sides, (extent[0], extent[1]))


@dataclass(frozen=True)
class LayerNorm(Layer):
    """Normalisation over the channels of each image and pixel (Ba, Kiros & Hinton 2016).

    Args:
        epsilon: added to the variance, or to its root.
        outside: whether it is added to the root.
    """

    epsilon: float
    outside: bool

    def parts(self, x: Array) -> tuple[Array, Array, Array]:
        """Return x̂, its divisor, and σ."""
        spread = x.std(axis=1, keepdims=True)
        root = np.sqrt(spread**2 + self.epsilon)
        divisor, sigma = (spread + self.epsilon, spread) if self.outside else (root, root)
        with np.errstate(invalid="ignore"):  # of a single number σ is 0
            return (x - x.mean(axis=1, keepdims=True)) / divisor, divisor, sigma

    def forward(self, x: Array, parameters: Any, context: Any) -> tuple[Array, Backward]:  # type: ignore[override]
        """Normalise, scale and shift."""
        normal, divisor, sigma = self.parts(x)
        gamma, beta = (parameters[role].reshape(1, -1, 1, 1) for role in ("gamma", "beta"))

        def backward(dy: Array) -> tuple[Array, Gradients]:
            u = dy * gamma
            along = (u * normal).mean(axis=1, keepdims=True)
            dx = (u - u.mean(axis=1, keepdims=True)) / divisor - normal * along / sigma
            gradients = {"gamma": dy * normal, "beta": dy}
            return dx, {role: a.sum(axis=(0, 2, 3)) for role, a in gradients.items()}

        return gamma * normal + beta, backward


@dataclass(frozen=True)
class LogSoftmax(Layer):
    """ln softmax over the channels or features."""

    words = "log-softmax"

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Shift, and subtract the logarithm of the sum."""
        z = x - x.max(axis=1, keepdims=True)
        y = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return y, lambda dy: (dy - np.exp(y) * dy.sum(axis=1, keepdims=True), {})


@dataclass(frozen=True)
class UnitLength(Layer):
    """Each row divided by its Euclidean length."""

    words = "normalisation to length 1"

    def forward(self, x: Array, *rest: Any) -> tuple[Array, Backward]:
        """Divide."""
        length = np.sqrt((x * x).sum(axis=1, keepdims=True))
        y = x / length
        return y, lambda dy: ((dy - y * (dy * y).sum(axis=1, keepdims=True)) / length, {})
