r"""Convolution over maps.

For each image n there are six loops: output map k, position (i, j), and in them input
map c and tap (u, v). With stride s, dilation d, and padding p above and to the left (each
its own for height and width; with groups or a table, c runs over the maps that k sees):

    y[n,k,i,j] = b[k] + Σ_c Σ_u Σ_v W[k,c,u,v] · x[n, c, s·i + d·u − p, s·j + d·v − p]

(Goodfellow, Bengio & Courville 2016, "Deep Learning", eq. 9.7–9.8; strictly a
cross-correlation, as the kernel is not flipped). Write P[n,c,u,v,i,j] for the
pixel that tap (u, v) sees at position (i, j). Then y = W·P + b is linear in each:

    ∂E/∂b[k]       = Σ_n Σ_ij  dy[n,k,i,j]                a bias is shared by all positions
    ∂E/∂W[k,c,u,v] = Σ_n Σ_ij  dy[n,k,i,j] · P[n,c,u,v,i,j]   so is a weight
    ∂E/∂P[n,c,u,v,i,j] = Σ_k   W[k,c,u,v] · dy[n,k,i,j]

and a pixel's gradient is the sum over all windows that saw it (``scatter``; the same
book, eq. 9.13). For stride 1 and dilation 1 it is the "full" cross-correlation of dy with
the kernel turned by 180°, or, which is the same, the full convolution in the strict sense
with the kernel as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sixloops import checks
from sixloops.errors import ShapeError
from sixloops.initializers import Constant, Glorot, Initializer
from sixloops.layers.activated import activated, check_activation
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
from sixloops.layers.windows import Padding, Pair, Window, check_padding, window_over

Table = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Conv2D(Layer):
    """Convolution of maps (channels, height, width) with learnt kernels.

    Args:
        filters: number of output maps.
        kernel: height and width of the kernel; one number for a square.
        stride: step between positions; one number or (height, width).
        padding: ``"valid"`` (none), ``"same"`` (⌈length / stride⌉ positions along each axis), a
            number, a pair (height, width) or ((top, bottom), (left, right)); filled with 0.
        dilation: distance between taps; one number or (height, width).
        groups: the input maps are cut into that many groups, and so are the output
            maps; each output group sees only its input group.
        table: for every output map, the input maps that it sees, as in Table I of
            LeCun et al. 1998; None for all. Not together with ``groups``.
        use_bias: whether a learnt bias is added to every output map.
        activation: a name or a layer, applied to the output; None for the identity.
        weight_initializer: fan-in counts the kernel's area and the connected maps.
        bias_initializer: of the bias.

    Parameters are ``weight`` (filters, channels / groups, kernel height, kernel
    width) and ``bias`` (filters,). With a table, weights of absent connections are
    0 and stay 0.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.
        ShapeError: the input does not fit (from :meth:`output_shape`).

    Examples:
        >>> Conv2D(20, kernel=5).output_shape((1, 28, 28))
        (20, 24, 24)
        >>> Conv2D(8, kernel=(3, 5), stride=2, padding="same").output_shape((3, 32, 30))
        (8, 16, 15)
    """

    filters: int
    kernel: int | Pair
    stride: int | Pair = 1
    padding: Padding = "valid"
    dilation: int | Pair = 1
    groups: int = 1
    table: Sequence[Sequence[int]] | None = None
    use_bias: bool = True
    activation: Any = None
    weight_initializer: Initializer = Glorot()
    bias_initializer: Initializer = Constant(0.0)

    def __post_init__(self) -> None:
        checks.whole(self, "filters", "groups")
        checks.pair(self, "kernel", "stride", "dilation")
        check_padding(self)
        checks.flag(self, "use_bias")
        checks.instance(self, "weight_initializer", Initializer, "an initializer")
        checks.instance(self, "bias_initializer", Initializer, "an initializer")
        check_activation(self)
        if self.filters % self.groups:
            raise checks.fail(self, "groups", f"divide the {self.filters} filters")
        self._check_table()

    def _check_table(self) -> None:
        if self.table is None:
            return
        if self.groups != 1:
            raise checks.fail(self, "groups", "be 1 where a table is given")
        given: Any = self.table
        rows = [checks.items(row) for row in checks.items(given)]
        if len(rows) != self.filters or not all(_is_row(row) for row in rows):
            expected = f"have {self.filters} rows of different input maps' numbers, none empty"
            raise checks.fail(self, "table", expected)
        object.__setattr__(self, "table", tuple(tuple(int(c) for c in row) for row in rows))

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (filters, positions down, positions across)."""
        require_rank(self, input_shape, 3)
        channels = input_shape[0]
        if channels % self.groups:
            raise ShapeError(
                f"The channels of Conv2D's input must be divisible by groups={self.groups}. "
                f"Got {channels} channels in {input_shape}."
            )
        if self.table is not None and max(max(row) for row in self.table) >= channels:
            raise ShapeError(
                f"The table of Conv2D names input map {max(max(row) for row in self.table)}, "
                f"but the input {input_shape} has only maps 0 to {channels - 1}."
            )
        return (self.filters, *self._window(input_shape).positions)

    def _window(self, input_shape: Shape) -> Window:
        kernel, stride, dilation = self.kernel, self.stride, self.dilation
        return window_over(self, input_shape, kernel, stride, self.padding, dilation)  # type: ignore[arg-type]

    def connections(self, channels: int) -> npt.NDArray[np.bool_]:
        """Return which input map feeds which output map, (filters, channels / groups)."""
        connected = np.ones((self.filters, channels // self.groups), dtype=bool)
        if self.table is not None:
            connected[:] = False
            for k, row in enumerate(self.table):
                connected[k, list(row)] = True
        return connected

    def initial_parameters(
        self, input_shape: Shape, random: np.random.Generator, dtype: npt.DTypeLike
    ) -> dict[str, Array]:
        """Return ``weight`` and, unless switched off, ``bias``."""
        connected = self.connections(input_shape[0])
        kh, kw = self._window(input_shape).kernel
        weight = np.zeros((*connected.shape, kh, kw), dtype=dtype)
        # Output maps with equally many connections are drawn together: they share a fan-in.
        for degree in np.unique(connected.sum(axis=1)):
            rows = np.flatnonzero(connected.sum(axis=1) == degree)
            fan_in = int(degree) * kh * kw
            fan_out = max(int(connected.sum()) // connected.shape[1], 1) * kh * kw // self.groups
            shape = (len(rows), int(degree), kh, kw)
            drawn = self.weight_initializer.draw(shape, fan_in, fan_out, random, dtype)
            for row, values in zip(rows, drawn, strict=True):
                weight[row, connected[row]] = values
        if not self.use_bias:
            return {"weight": weight}
        fan_in, fan_out = connected.shape[1] * kh * kw, self.filters * kh * kw // self.groups
        bias = self.bias_initializer.draw((self.filters,), fan_in, fan_out, random, dtype)
        return {"weight": weight, "bias": bias}

    @activated
    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Compute y = W·P + b; see the equations at the top of the file."""
        kernels, down, across = self.output_shape(x.shape[1:])
        window, groups, weight = self._window(x.shape[1:]), self.groups, parameters["weight"]
        batch, taps = len(x), weight[0].size
        connected = self.connections(x.shape[1])[:, :, None, None]

        patches = window.gather(x).reshape(batch, groups, taps, down * across)
        matrix = (weight * connected).reshape(groups, kernels // groups, taps)
        y = (matrix @ patches).reshape(batch, kernels, down, across)
        if self.use_bias:
            y += parameters["bias"][:, None, None]

        def backward(dy: Array) -> tuple[Array, Gradients]:
            dy_rows = dy.reshape(batch, groups, kernels // groups, down * across)
            dweight = (dy_rows @ patches.swapaxes(2, 3)).sum(axis=0).reshape(weight.shape)
            dpatches = matrix.swapaxes(1, 2) @ dy_rows
            dx = window.scatter(dpatches.reshape(batch, x.shape[1], *window.kernel, down, across))
            gradients = {"weight": dweight * connected}
            if self.use_bias:
                gradients["bias"] = dy.sum(axis=(0, 2, 3))
            return dx, gradients

        return y, backward

    def multiply_adds(self, input_shape: Shape) -> int:
        """Return positions × connections × taps."""
        _, down, across = self.output_shape(input_shape)
        kh, kw = self._window(input_shape).kernel
        return down * across * self._connection_count(input_shape[0]) * kh * kw

    def _connection_count(self, channels: int) -> int:
        if self.table is not None:
            return sum(len(row) for row in self.table)
        return self.filters * (channels // self.groups)

    def parameter_count(self, input_shape: Shape) -> int:
        """Return the connected weights and the biases."""
        kh, kw = self._window(input_shape).kernel
        weights = self._connection_count(input_shape[0]) * kh * kw
        return weights + (self.filters if self.use_bias else 0)

    def stored_count(self, input_shape: Shape) -> int:
        """Return the weights, connected or not, and the biases."""
        kh, kw = self._window(input_shape).kernel
        weights = self.filters * (input_shape[0] // self.groups) * kh * kw
        return weights + (self.filters if self.use_bias else 0)


def _is_row(maps: list[Any]) -> bool:
    """Say whether these are numbers of input maps, none of them twice."""
    whole = all(checks.is_whole(c) and c >= 0 for c in maps)
    return bool(maps) and whole and len(set(maps)) == len(maps)
