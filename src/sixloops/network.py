"""A network: layers, the parameters that they learn, and the state that they keep.

The layers say what is computed, ``parameters`` and ``state`` are plain
dictionaries of arrays with dotted names (``0.weight``). The network also knows
its loss, so that it can tell what its outputs mean, and the names of its classes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sixloops import layers as layer_module
from sixloops.checks import differing_shapes, is_whole, whole_number
from sixloops.data import Dataset
from sixloops.descriptions import Description, UnknownKindError, from_data, to_data
from sixloops.errors import (
    ConfigurationError,
    DataError,
    FileError,
    NonFiniteError,
    ShapeError,
    SixloopsError,
    wrong,
)
from sixloops.files import read_tensors, write_tensors
from sixloops.initializers import INITIALIZERS
from sixloops.layers import Context, Layer, Sequential, Sigmoid, Softmax
from sixloops.layers.base import Array, Shape, under, within
from sixloops.layers.sequential import as_layers
from sixloops.losses import LOSSES, Loss, SigmoidCrossEntropy, SoftmaxCrossEntropy
from sixloops.parameters import other_form
from sixloops.randomness import Streams

FORMAT = 1

SMALL = 1_000_000
"""So many numbers are drawn whatever a file holds, so that an error can name the array."""


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
        self.input_shape = _checked_shape(input_shape)
        self.loss = _checked_loss(loss)
        self.dtype = _checked_dtype(dtype)
        self.output_shape = _output_shape(self.root, self.input_shape)
        _check_end(self.root, self.loss)
        self.classes = _checked_classes(classes, self.output_shape)
        random = Streams(seed).generator("init")
        self.parameters = _drawn(self.root, self.input_shape, random, self.dtype)
        self.state = self.root.initial_state(self.input_shape, self.dtype)
        self._forms = _forms(self.tensors())

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
            mend = _mend_of_images(got, self.input_shape)
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
            _check_finite(_where(name), array)

    def check_forms(self) -> None:
        """Raise unless there are the parameters and the state that the layers need.

        Raises:
            ConfigurationError: an array is missing, too many, of another shape or type, not row by
                row in memory, or may not be written to.
        """
        arrays = self.tensors()
        for name, (dtype, shape) in self._forms.items():
            _check_form(name, arrays.get(name), dtype, shape)
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
            ConfigurationError: a batch size under 1.
        """
        batch_size = whole_number("batch_size", "predict", batch_size)
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
        if len(self.output_shape) != 1 or self.output_shape[0] < 2:
            raise ConfigurationError(
                "A network that classifies must have one output for each of several classes. Got "
                f"outputs of shape {self.output_shape}. Look at predict()."
            )
        numbers: npt.NDArray[np.intp] = self.predict(images, batch_size=batch_size).argmax(axis=1)
        return numbers

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network into one safetensors file, whole or not at all.

        Raises:
            ConfigurationError: an array is missing, or of another shape or type than at the
                network's creation, and so could not be read again.
            FileError: the file cannot be written.
        """
        if _forms(self.tensors()) != self._forms:
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
            options = _options(described, kinds)
            _check_count(options, arrays)
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
    return Network(**_options(described, kinds), seed=seed)


def _options(described: Mapping[str, Any], kinds: Iterable[type[Description]]) -> dict[str, Any]:
    """Return the arguments of a network that the JSON describes."""
    known: list[type[Description]] = [
        *layer_module.LAYERS.values(),
        *LOSSES.values(),
        *INITIALIZERS.values(),
        *kinds,
    ]
    return {
        "layers": _described_layers(described["layers"], known),
        "input_shape": described["input_shape"],
        "loss": from_data(described.get("loss"), known),
        "classes": described.get("classes"),
        "dtype": described.get("dtype", "float32"),
    }


def _described_layers(described: Any, known: Iterable[type[Description]]) -> Any:
    """Return the layers, or what else stands in their place; an error says which layer."""
    if not isinstance(described, list):
        return from_data(described, known)
    layers = []
    for number, layer in enumerate(described):
        try:
            layers.append(from_data(layer, known))
        except ConfigurationError as error:
            error.args = (f"Layer {number}: {error}",)
            raise
    return tuple(layers)


def _check_count(options: dict[str, Any], arrays: Mapping[str, Array]) -> None:
    """Raise if a small file describes a large network, before memory is taken for it."""
    count = Sequential(options["layers"]).stored_count(_checked_shape(options["input_shape"]))
    found = sum(array.size for array in within(arrays, "parameters").values())
    if count > max(found, SMALL):
        raise ConfigurationError(
            f"its layers must have {count:,} parameters. Got {found:,}. The file is damaged."
        )


def fitting(
    found: dict[str, Array], expected: Mapping[str, Array], source: str
) -> dict[str, Array]:
    """Return the arrays of a file after checking that they are those that it must have.

    Raises:
        FileError: an array is missing, too many, or of another shape or type.
    """
    for name, array in expected.items():
        got = found.get(name)
        if got is None or got.shape != array.shape or got.dtype != array.dtype:
            what = "nothing" if got is None else f"{got.dtype} of shape {got.shape}"
            raise FileError(
                f"{source} does not fit its own network: '{name}' must be {array.dtype} of shape "
                f"{array.shape}. Got {what}. The file is damaged."
            )
    unknown = sorted(found.keys() - expected.keys())
    if unknown:
        raise FileError(
            f"{source} does not fit its own network: it has no place for '{unknown[0]}'. "
            "The file is damaged."
        )
    return {name: found[name] for name in expected}


def _drawn(
    root: Sequential, input_shape: Shape, random: np.random.Generator, dtype: np.dtype[Any]
) -> dict[str, Array]:
    """Return the initial parameters, unless they are more than there is memory for."""
    try:
        return root.initial_parameters(input_shape, random, dtype)
    except SixloopsError:
        raise
    # NumPy says by a ValueError that no memory of any machine holds such an array.
    except (MemoryError, OverflowError, ValueError) as error:
        raise ConfigurationError(
            f"The initial parameters of Network cannot be made: {error}. If there are too many "
            "of them, take fewer units or filters, smaller kernels, or pool before Flatten()."
        ) from error


def _output_shape(root: Sequential, input_shape: Shape) -> Shape:
    try:
        return root.output_shape(input_shape)
    except ShapeError as error:
        if len(input_shape) == 3 and input_shape[2] in (1, 3) and input_shape[0] > 3:
            rows, columns, channels = input_shape
            hint = f"Channels come first: is input_shape=({channels}, {rows}, {columns}) meant?"
            raise ShapeError(f"{error.message} {hint}", error.path) from error
        raise


def _check_end(root: Sequential, loss: Loss) -> None:
    """Raise if the last layer does what the loss does itself."""
    last: Any = root
    while isinstance(last, Sequential) and last.layers:
        last = last.layers[-1]
    activation = getattr(last, "activation", None) or last
    for kind, applied in ((SoftmaxCrossEntropy, Softmax), (SigmoidCrossEntropy, Sigmoid)):
        if isinstance(loss, kind) and isinstance(activation, applied):
            raise ConfigurationError(
                f"The loss {kind.__name__} applies {applied.__name__.lower()} itself; leave it off "
                "the last layer."
            )


def _forms(arrays: Mapping[str, Any]) -> dict[str, tuple[np.dtype[Any], Shape]]:
    """Return each array's type and shape; what is none has a type that no network has."""
    no_array = np.empty(0, np.object_)
    given = {n: a if isinstance(a, np.ndarray) else no_array for n, a in arrays.items()}
    return {name: (array.dtype, array.shape) for name, array in given.items()}


def _check_form(name: str, array: Any, dtype: np.dtype[Any], shape: Shape) -> None:
    """Raise unless a network's array is of ``dtype`` and ``shape``, whole and writeable."""
    got = other_form(array, dtype, shape)
    if got:
        raise ConfigurationError(
            f"{_where(name)} must be an array of {dtype} of shape {shape}, as at the network's "
            f"creation, row by row in memory and writeable. Got {got}. Change values in the array "
            "that is there: array[...] = values."
        )


def _where(name: str) -> str:
    """Return how a user writes one of a network's arrays."""
    kind, _, key = name.partition(".")
    return f"network.{kind}['{key}']"


def _check_finite(where: str, array: Array) -> None:
    bad = array.size - np.count_nonzero(np.isfinite(array))
    if bad:
        raise NonFiniteError(
            f"{where} must be finite. Got {bad} of {array.size} values that are not. Build the "
            "network anew, or load it from a file."
        )


def as_array(images: npt.ArrayLike) -> Array:
    """Return images as one array.

    Raises:
        DataError: they are of several shapes, or a whole dataset.
    """
    if isinstance(images, Dataset):
        raise DataError("The images must be an array. Got a Dataset. Give its images: data.images.")
    try:
        return np.asarray(images)
    except ValueError as error:
        raise DataError(
            f"The images must all have one shape. {differing_shapes(images)} Bring them to one."
        ) from error


def _mend_of_images(got: Shape, expected: Shape) -> str:
    if got == expected:
        return "For one image write image[np.newaxis]."
    if (1, *got) == expected:
        return "For one image without a channel axis write image[np.newaxis, np.newaxis]."
    if (1, *got[1:]) == expected:
        return "Images without a channel axis need one: images[:, np.newaxis]."
    if len(got) == 4 and len(expected) == 3 and (got[3], *got[1:3]) == expected:
        return "Channels come first: images.transpose(0, 3, 1, 2)."
    if len(got) == 4 and len(expected) == 3 and got[1:] == (expected[2], *expected[:2]):
        return f"Channels come first in a network's input_shape, too: {got[1:]}."
    return "Check the data set and the network's input_shape."


def _checked_shape(given: Sequence[int]) -> Shape:
    values = list(given) if isinstance(given, Sequence) else []
    if not values or not all(is_whole(value) and value >= 1 for value in values):
        raise ShapeError(
            f"The 'input_shape' of Network must be whole numbers, (channels, height, width). "
            f"Got {given!r}."
        )
    return tuple(int(v) for v in values)


def _checked_loss(given: Loss | None) -> Loss:
    loss = SoftmaxCrossEntropy() if given is None else given
    if not isinstance(loss, Loss):
        raise ConfigurationError(
            f"The 'loss' of Network must be a loss such as SoftmaxCrossEntropy(). Got {given!r}."
        )
    return loss


def _checked_dtype(given: npt.DTypeLike) -> np.dtype[Any]:
    try:
        # NumPy takes None for float64.
        dtype = np.dtype(object if given is None else given)
    except (TypeError, ValueError, SyntaxError):
        dtype = np.dtype(object)
    if dtype not in (np.float32, np.float64):
        raise ConfigurationError(
            f"The 'dtype' of Network must be np.float32 or np.float64. Got {given!r}."
        )
    return dtype


def _checked_classes(given: Sequence[str] | None, output_shape: Shape) -> tuple[str, ...] | None:
    if given is None:
        return None
    given = given.tolist() if isinstance(given, np.ndarray) else given
    listed = isinstance(given, Sequence) and not isinstance(given, str)
    if not output_shape:
        raise ConfigurationError(
            "A network with 'classes' must have one output for each of them. Got outputs of shape "
            f"{output_shape}. Leave them out, or end with a Flatten and a Dense layer."
        )
    if not listed or len(given) != output_shape[0]:
        got = len(given) if listed else repr(given)
        raise ConfigurationError(
            f"The 'classes' of Network must be one name for each of the {output_shape[0]} outputs. "
            f"Got {got}. Change the last layer's units or the list."
        )
    names = tuple(str(name) for name in given)
    if not all(isinstance(n, str) or is_whole(n) for n in given) or len(set(names)) < len(names):
        raise ConfigurationError(wrong("classes", "Network", "be different names", list(given)))
    return names
