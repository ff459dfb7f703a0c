"""The network itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sixloops.checks import whole_number
from sixloops.descriptions import Description, UnknownKindError, to_data
from sixloops.errors import ConfigurationError, DataError, FileError, SixloopsError
from sixloops.files import read_tensors, write_tensors
from sixloops.layers import Context, Layer, Sequential
from sixloops.layers.base import Array, under, within
from sixloops.layers.sequential import as_layers
from sixloops.losses import Loss
from sixloops.network.arrays import (
    as_array,
    check_finite,
    check_form,
    forms_of,
    mend_of_images,
    place_of,
)
from sixloops.network.described import check_count, fitting, options_of
from sixloops.network.options import (
    check_end,
    checked_classes,
    checked_dtype,
    checked_loss,
    checked_shape,
    drawn,
    output_shape_of,
)
from sixloops.randomness import Streams

FORMAT = 1


class Network:
    """A chain of layers with everything that it needs to be trained and used.

    Args:
        layers: the layers, the input's first; preprocessing such as ``Rescale`` is
            among them.
        input_shape: of one image, (channels, height, width).
        loss: what training makes small; it also says what the outputs mean.
        classes: the classes' names, in the order of their numbers.
        dtype: ``np.float32``, or ``np.float64`` for proofs.
        seed: of the stream ``init``, from which the parameters are drawn.

    Attributes:
        parameters: what is learnt, by dotted name.
        state: what is remembered without being learnt, by dotted name.

    Raises:
        ConfigurationError: something that is no layer, or a wrong option.
        ShapeError: a layer cannot take what comes to it; the error names the layer.

    Examples:
        >>> from sixloops.layers import Conv2D, Dense, Flatten, MaxPool2D, Rescale
        >>> network = Network(
        ...     [Rescale(1 / 255), Conv2D(8, 5), MaxPool2D(2), Flatten(), Dense(10)],
        ...     input_shape=(1, 28, 28),
        ... )
        >>> list(network.parameters)
        ['1.weight', '1.bias', '4.weight', '4.bias']
        >>> network.output_shape
        (10,)
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        input_shape: Sequence[int],
        *,
        loss: Loss | None = None,
        classes: Sequence[str] | None = None,
        dtype: npt.DTypeLike = np.float32,
        seed: int = 0,
    ) -> None:
        self.root = Sequential(as_layers(layers, "Network"))
        self.input_shape = checked_shape(input_shape)
        self.loss = checked_loss(loss)
        self.dtype = checked_dtype(dtype)
        self.output_shape = output_shape_of(self.root, self.input_shape)
        check_end(self.root, self.loss)
        self.classes = checked_classes(classes, self.output_shape)
        random = Streams(whole_number("seed", "Network", seed, 0)).generator("init")
        self.parameters = drawn(self.root, self.input_shape, random, self.dtype)
        self.state = self.root.initial_state(self.input_shape, self.dtype)
        self._forms = forms_of(self.tensors())

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, the input's first."""
        return tuple(self.root.layers)

    def __repr__(self) -> str:
        names = ", ".join(type(layer).__name__ for layer in self.layers)
        return f"Network([{names}], input_shape={self.input_shape})"

    def check_images(self, images: Array, count: int | None = None) -> None:
        """Raise :class:`~sixloops.errors.DataError` unless this network takes ``images``.

        Args:
            images: all, or some of them.
            count: how many there are, for the error; None for as many as are given.
        """
        if images.shape[1:] != self.input_shape or images.ndim != len(self.input_shape) + 1:
            expected = ", ".join(["batch", *map(str, self.input_shape)])
            got = images.shape if count is None else (count, *images.shape[1:])
            mend = mend_of_images(got, self.input_shape)
            raise DataError(f"The images must have shape ({expected}). Got {got}. {mend}")
        if images.dtype.kind not in "buif":
            raise DataError(f"The images must be numbers. Got an array of {images.dtype}.")

    def check_arrays(self) -> None:
        """Raise unless parameters and state, which may be changed by hand, are whole.

        Raises:
            ConfigurationError: as :meth:`check_forms` does.
            NonFiniteError: an array holds NaN or infinite values.
        """
        self.check_forms()
        for name, array in self.tensors().items():
            check_finite(place_of(name), array)

    def check_forms(self) -> None:
        """Raise unless there are the parameters and the state that the layers need.

        Raises:
            ConfigurationError: an array is missing, too many, of another shape or type, not row by
                row in memory, or may not be written to.
        """
        arrays = self.tensors()
        for name, (dtype, shape) in self._forms.items():
            check_form(name, arrays.get(name), dtype, shape)
        unknown = sorted(arrays.keys() - self._forms.keys())
        if unknown:
            kind, _, key = unknown[0].partition(".")
            raise ConfigurationError(
                f"network.{kind} must have the names of its layers alone. Got '{key}'. Take it out."
            )

    def forward(self, images: Array) -> Array:
        r"""Return the outputs for a batch, computed by the layers' own definitions.

        Args:
            images: (batch, \\*input_shape), of any number type.

        Returns:
            (batch, \\*output_shape); before the loss gives them a meaning, such as logits.

        Raises:
            DataError: images of another shape.
        """
        images = as_array(images)
        self.check_images(images)
        x = images.astype(self.dtype)
        outputs, _ = self.root.forward(x, self.parameters, Context(state=self.state))
        return outputs

    def predict(self, images: Array, *, batch_size: int = 256) -> Array:
        r"""Return what the network says of images: for classes, their probabilities.

        Args:
            images: (n, \\*input_shape), of any number type and any length.
            batch_size: images computed at a time.

        Returns:
            (n, \\*output_shape); see the loss's ``predictions``.

        Raises:
            DataError: images of another shape.
            ConfigurationError: a batch size under 1, or as :meth:`check_forms` does.
        """
        batch_size = whole_number("batch_size", "predict", batch_size)
        self.check_forms()
        images = as_array(images)
        self.check_images(images)
        parts = [
            self.loss.predictions(self.forward(images[start : start + batch_size]))
            for start in range(0, len(images), batch_size)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, *self.output_shape), self.dtype)

    def classify(self, images: Array, *, batch_size: int = 256) -> npt.NDArray[np.intp]:
        """Return the most probable class's number for every image, (n,).

        Raises:
            ConfigurationError: the outputs are not one for each of several classes.
            DataError: images of another shape.
        """
        self.check_classifies()
        numbers: npt.NDArray[np.intp] = self.predict(images, batch_size=batch_size).argmax(axis=1)
        return numbers

    def check_classifies(self) -> None:
        """Raise :class:`~sixloops.errors.ConfigurationError` unless it tells classes apart."""
        if len(self.output_shape) != 1 or self.output_shape[0] < 2:
            raise ConfigurationError(
                "A network that classifies must have one output for each of several classes. Got "
                f"outputs of shape {self.output_shape}, which Network.predict gives."
            )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network into one safetensors file, whole or not at all.

        Raises:
            ConfigurationError: an array is missing, or of another shape or type than at the
                network's creation, and so could not be read again.
            FileError: the file cannot be written.
        """
        if forms_of(self.tensors()) != self._forms:
            self.check_forms()
        write_tensors(path, self.tensors(), {"network": self.about()})

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, kinds: Iterable[type[Description]] = ()
    ) -> Network:
        """Read a network from a file that :meth:`save` or a training's checkpoint wrote.

        Args:
            path: the file.
            kinds: classes of layers of one's own that are in it.

        Raises:
            FileError: the file is missing, damaged, or holds no network.
        """
        arrays, about = read_tensors(path)
        return cls.from_tensors(arrays, about, source=str(path), kinds=kinds)

    def tensors(self) -> dict[str, Array]:
        """Return parameters and state by the names that they have in files."""
        return under("parameters", self.parameters) | under("state", self.state)

    def about(self) -> dict[str, Any]:
        """Return everything but the numbers, in JSON's types."""
        return {
            "format": FORMAT,
            "layers": to_data(self.layers),
            "input_shape": list(self.input_shape),
            "loss": to_data(self.loss),
            "classes": None if self.classes is None else list(self.classes),
            "dtype": self.dtype.name,
        }

    @classmethod
    def from_tensors(
        cls,
        arrays: Mapping[str, Array],
        about: Any,
        *,
        source: str,
        kinds: Iterable[type[Description]] = (),
    ) -> Network:
        """Build the network of a file that is already read.

        Args:
            arrays: as :meth:`tensors` names them; others are left alone.
            about: the file's JSON, with the entry ``network``.
            source: the file's name, for errors.
            kinds: classes of layers of one's own.

        Raises:
            FileError: the file holds no network, or one that does not fit its arrays.
        """
        described = about.get("network")
        if not isinstance(described, dict) or described.get("format") != FORMAT:
            raise FileError(
                f"{source} holds no network of format {FORMAT}. It is of another kind, or a "
                "newer sixloops wrote it."
            )
        try:
            options = options_of(described, kinds)
            check_count(options, arrays)
            network = cls(**options)
        except UnknownKindError as error:
            raise FileError(
                f"{source} holds a layer '{error.name}' that sixloops does not have. If it is "
                f"yours: Network.load(path, kinds=[{error.name}])."
            ) from error
        except (SixloopsError, KeyError, TypeError, RecursionError) as error:
            raise FileError(
                f"{source} describes a network that cannot be built: {error}"
            ) from error
        network.take_tensors(arrays, source)
        return network

    def take_tensors(self, arrays: Mapping[str, Array], source: str) -> None:
        """Put a file's parameters and state in the place of this network's.

        Args:
            arrays: as :meth:`tensors` names them; others are left alone.
            source: the file's name, for errors.

        Raises:
            FileError: the arrays are not those of this network.
        """
        parameters = fitting(within(arrays, "parameters"), self.parameters, source)
        state = fitting(within(arrays, "state"), self.state, source)
        self.parameters, self.state = parameters, state


def from_description(
    described: Mapping[str, Any], *, kinds: Iterable[type[Description]] = (), seed: int = 0
) -> Network:
    """Build a network, freshly initialised, from the JSON that :meth:`Network.about` gives.

    Args:
        described: ``layers`` and ``input_shape``; ``loss``, ``classes`` and ``dtype`` may be
            left out.
        kinds: classes of layers of one's own.
        seed: for the initial parameters.
    """
    return Network(**options_of(described, kinds), seed=seed)
