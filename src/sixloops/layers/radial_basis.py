r"""Radial-basis units, LeNet-5's output layer.

For image n, class i and feature j, with w the class's code (the centre of the unit):

    y[n,i] = Σ_j (x[n,j] − w[i,j])²

(LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning Applied to Document
Recognition", eq. 7): how far the features are from the code, squared. The class
with the *smallest* output is the answer. With d[n,i,j] = x[n,j] − w[i,j],

    ∂E/∂x[n,j] = Σ_i dy[n,i] · 2·d[n,i,j]
    ∂E/∂w[i,j] = − Σ_n dy[n,i] · 2·d[n,i,j]
"""

from __future__ import annotations

from collections.abc import Sequence
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
class RadialBasis(Layer):
    """The squared distances of a vector from one code per class.

    Args:
        codes: one row of numbers per class, such as :func:`digit_codes` gives them.
        trainable: whether the codes are only where learning starts from. The parameter
            is ``center`` (classes, features); else there is none, and the codes stay.

    Raises:
        ConfigurationError: the codes are no rows of numbers, equally many in each.
        ShapeError: the input has another length than the codes (from
            :meth:`output_shape` and :meth:`forward`).

    Examples:
        >>> layer = RadialBasis([[1, -1], [-1, -1], [1, 1]])
        >>> y, backward = layer.forward(np.array([[1.0, 0.0]]))
        >>> y
        array([[1., 5., 1.]])
        >>> backward(np.array([[1.0, 0.0, 0.0]]))[0]
        array([[0., 2.]])
    """

    codes: Sequence[Sequence[float]]
    trainable: bool = False

    def __post_init__(self) -> None:
        checks.flag(self, "trainable")
        rows = [checks.items(row) for row in checks.items(self.codes)]
        even = len({len(row) for row in rows}) == 1 and len(rows[0]) > 0
        if not even or not all(checks.is_number(value) for row in rows for value in row):
            expected = "be rows of finite numbers, one row a class, all equally long"
            raise checks.fail(self, "codes", expected, "digit_codes() gives those of the digits.")
        object.__setattr__(self, "codes", tuple(tuple(map(float, row)) for row in rows))

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return (classes,)."""
        require_rank(self, input_shape, 1)
        features = len(self.codes[0])
        if input_shape != (features,):
            raise ShapeError(
                f"The input of RadialBasis must have {features} features, as its codes have. "
                f"Got shape {input_shape}. A Dense({features}) before it mends that."
            )
        return (len(self.codes),)

    def initial_parameters(
        self, input_shape: Shape, random: np.random.Generator, dtype: npt.DTypeLike
    ) -> dict[str, Array]:
        """Return ``center``, the codes, if they are trainable."""
        return {"center": np.array(self.codes, dtype=dtype)} if self.trainable else {}

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Compute the squared distances."""
        self.output_shape(x.shape[1:])
        center = parameters["center"] if self.trainable else np.array(self.codes, dtype=x.dtype)
        d = x[:, None, :] - center
        y = np.square(d).sum(axis=2)

        def backward(dy: Array) -> tuple[Array, Gradients]:
            change = 2 * d * dy[:, :, None]
            gradients = {"center": -change.sum(axis=0)} if self.trainable else {}
            return change.sum(axis=1), gradients

        return y, backward

    def multiply_adds(self, input_shape: Shape) -> int:
        """Return classes × features."""
        return len(self.codes) * len(self.codes[0])
