r"""Normalising: every channel gets mean 0 and standard deviation 1.

    y[n,c,i,j] = (x[n,c,i,j] − μ[c]) / σ[c]            ∂E/∂x = dy / σ[c]

with μ and σ of the training images, fixed before training begins (LeCun, Bottou,
Orr & Müller 1998, "Efficient BackProp", section 4.3, which says why inputs of mean
0 and equal spread train faster). Standing first in a network, it goes with the
network into its file, so that what is predicted is normalised by the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

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
)
from sixloops.layers.channel_statistics import channel_statistics
from sixloops.layers.rescale import as_floats

OnePerChannel: TypeAlias = float | tuple[float, ...]


@dataclass(frozen=True)
class Normalize(Layer):
    """y = (x − mean) / std; whole numbers become float32.

    Args:
        mean: one number for all channels, or one a channel (the axis after the batch).
        std: likewise; above 0.

    Raises:
        ConfigurationError: a hyper-parameter makes no sense.
        ShapeError: the input has another number of channels (from :meth:`output_shape`).

    Examples:
        >>> Normalize(mean=10, std=4).forward(np.array([[2.0, 12.0]]))[0]
        array([[-2. ,  0.5]])
        >>> images = np.array([[[[1, 3]], [[0, 8]]]], dtype=np.uint8)
        >>> Normalize.of(images)
        Normalize(mean=(2.0, 4.0), std=(1.0, 4.0))
    """

    mean: OnePerChannel
    std: OnePerChannel

    def __post_init__(self) -> None:
        checks.numbers(self, "mean")
        checks.numbers(self, "std", _is_positive, "a number above 0")
        counts = {len(v) for v in (self.mean, self.std) if isinstance(v, tuple)}
        if len(counts) > 1:
            raise checks.fail(self, "std", f"have as many numbers as the mean {self.mean}")

    @classmethod
    def of(cls, images: Array) -> Normalize:
        """Build the layer that normalises ``images``, of any type, such as a memory map.

        They are read once, a few at a time, and never copied as a whole.

        Args:
            images: (n, channels, height, width).

        Raises:
            DataError: no images, values that are not finite, or a channel in which all
                values are equal.
        """
        mean, std = channel_statistics(np.asarray(images))
        return cls(mean, std)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        for name, value in (("mean", self.mean), ("std", self.std)):
            if isinstance(value, tuple) and input_shape[:1] != (len(value),):
                raise ShapeError(
                    f"The input of Normalize must have {len(value)} channels, one for each "
                    f"number in '{name}'. Got shape {input_shape}. Normalize.of(images) "
                    "computes the numbers from the training images."
                )
        return input_shape

    def forward(
        self, x: Array, parameters: Parameters = NO_PARAMETERS, context: Context = EVALUATION
    ) -> tuple[Array, Backward]:
        """Subtract the mean and divide by the standard deviation."""
        self.output_shape(x.shape[1:])
        floats = as_floats(x)
        per_channel = (-1, *(1 for _ in x.shape[2:]))
        mean = np.array(self.mean, dtype=floats.dtype).reshape(per_channel)
        std = np.array(self.std, dtype=floats.dtype).reshape(per_channel)
        y = (floats - mean) / std

        def backward(dy: Array) -> tuple[Array, Gradients]:
            return dy / std, {}

        return y, backward


def _is_positive(value: object) -> bool:
    return checks.is_number(value) and value > 0  # type: ignore[operator]  # it is a number
