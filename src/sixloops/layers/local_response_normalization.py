r"""Local response normalisation, across the channels of maps.

With M[c,j] = 1 where map j is a neighbour of map c, and 0 otherwise, at every pixel:

    D[c] = k + α Σ_j M[c,j] x[j]²            y[c] = x[c] · D[c]^−β

(Krizhevsky, Sutskever & Hinton 2012, "ImageNet Classification with Deep Convolutional
Neural Networks", section 3.3). The neighbours of c are the ``size`` maps around it,
itself included, as far as there are so many: from c − ⌊(size−1)/2⌋ to c + ⌈(size−1)/2⌉.
For an even size one more lies behind than before, as in ONNX; PyTorch has it before.
x[j] acts on its own numerator, and on the D of all maps whose neighbour it is:

    ∂y[c]/∂x[j] = δ[c,j] D[c]^−β − β x[c] D[c]^(−β−1) · 2 α M[c,j] x[j]

    ∂E/∂x[j] = dy[j] D[j]^−β − 2 α β x[j] Σ_c M[c,j] dy[c] y[c] / D[c]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sixloops import checks
from sixloops.errors import ShapeError
from sixloops.layers.base import (
    EVALUATION,
    NO_PARAMETERS,
    Array,
    Backward,
    Context,
    Gradients,
    Layer,
    Parameters,
    Shape,
    require_rank,
)


@dataclass(frozen=True)
class LocalResponseNorm(Layer):
    """Divide each map by a power of the energy in the maps around it.

    PyTorch and ONNX divide alpha by size. So ``LocalResponseNorm(5, alpha=1e-4)``, the
    paper's, is theirs with ``alpha=5e-4``.

    Args:
        size: how many neighbouring maps count, the map itself included; may be larger
            than the number of maps.
        alpha: α, at least 0; not divided by size.
        beta: β, at least 0.
        k: k, above 0, so that a silent neighbourhood divides by something.

    Raises:
        ConfigurationError: a hyper-parameter is out of its range.
        ShapeError: the input is no stack of maps (from :meth:`output_shape`).

    Examples:
        >>> layer = LocalResponseNorm(size=3, alpha=1.0, beta=1.0, k=1.0)
        >>> y, _ = layer.forward(np.array([1.0, 2.0, 0.0]).reshape(1, 3, 1, 1))
        >>> y.ravel().round(3)
        array([0.167, 0.333, 0.   ])
    """

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 2.0

    def __post_init__(self) -> None:
        checks.whole(self, "size")
        checks.number(self, "alpha", "beta", minimum=0)
        checks.number(self, "k", above=0)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape, that of maps."""
        require_rank(self, input_shape, 3)
        if min(input_shape) < 1:
            raise ShapeError(f"The input of LocalResponseNorm is empty: {input_shape}.")
        return input_shape

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Let neighbouring maps compete at every pixel."""
        _, height, width = self.output_shape(x.shape[1:])
        maps = x.reshape(*x.shape[:2], height * width)
        neighbours = self._neighbours(x.shape[1], x.dtype)
        energy = self.k + self.alpha * (neighbours @ (maps * maps))
        factor = energy**-self.beta
        y = maps * factor

        def backward(dy: Array) -> tuple[Array, Gradients]:
            dy = dy.reshape(maps.shape)
            shared = neighbours.T @ (dy * y / energy)
            dx = dy * factor - 2 * self.alpha * self.beta * maps * shared
            return dx.reshape(x.shape), {}

        return y.reshape(x.shape), backward

    def _neighbours(self, channels: int, dtype: npt.DTypeLike) -> Array:
        """Return M, with a row for every output map."""
        maps = np.arange(channels)
        distance = maps[None, :] - maps[:, None]
        before, behind = (self.size - 1) // 2, self.size // 2
        return ((distance >= -before) & (distance <= behind)).astype(dtype)

    def multiply_adds(self, input_shape: Shape) -> int:
        """Return one for every neighbour of every value, whose square is added."""
        channels, height, width = self.output_shape(input_shape)
        return int(self._neighbours(channels, np.float64).sum()) * height * width
