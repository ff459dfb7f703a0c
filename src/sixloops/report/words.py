"""Layers, shapes and amounts in a few words, as tables and pictures show them."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import Any

from sixloops.data import Dataset
from sixloops.initializers import Initializer
from sixloops.layers import ACTIVATIONS, Layer
from sixloops.layers.base import Shape
from sixloops.layers.sequential import Sequential
from sixloops.network import Network

_SIZES = ("filters", "units", "kernel")
_FLAGS = {("use_bias", False): "no bias"}


def describe(layer: Layer) -> str:
    """Name a layer in a few words: its kind, and the hyper-parameters off their defaults.

    Examples:
        >>> from sixloops.layers import Conv2D, Dropout, MaxPool2D
        >>> describe(Conv2D(20, kernel=5, stride=2, activation="relu"))
        'Conv2D 20@5×5, stride 2, relu'
        >>> describe(MaxPool2D(2)), describe(Dropout(0.25))
        ('MaxPool2D 2×2', 'Dropout 0.25')
    """
    kind = type(layer).__name__
    if isinstance(layer, Sequential):
        return f"{kind} of {len(layer.layers)}" if layer.layers else "identity"
    activation = getattr(layer, "activation", None)
    lead = f"{kind} {_options(layer)}".rstrip()
    return lead if activation is None else f"{lead}, {activation_words(activation)}"


def _options(layer: Layer) -> str:
    own = fields(layer)
    size = "@".join(_size(getattr(layer, f.name)) for f in own if f.name in _SIZES)
    notes = [_note(layer, field, alone=len(own) == 1) for field in own]
    return ", ".join(note for note in [size, *notes] if note)


def _size(value: Any) -> str:
    return str(value) if isinstance(value, int) else shape_words(value)


def _note(layer: Layer, field: Field[Any], alone: bool) -> str:
    """Word one hyper-parameter; what goes without saying comes out empty."""
    name, value = field.name, getattr(layer, field.name)
    if name in _SIZES or isinstance(value, Layer | Initializer) or _is_usual(layer, field):
        # The only number of a layer is said even so: Dropout 0.5.
        return f"{value:.4g}" if alone and isinstance(value, float) else ""
    words = "" if name == "table" else _value_words(value)
    if alone or isinstance(value, str) or (not words and field.default is MISSING):
        return words
    return _FLAGS.get((name, value)) or f"{name} {words}".rstrip()


def _is_usual(layer: Layer, field: Field[Any]) -> bool:
    """Say whether a field has its default, which ``__post_init__`` may have put into form."""
    value, default = getattr(layer, field.name), field.default
    tiles = default is None and field.name == "stride" and value == getattr(layer, "kernel", None)
    return tiles or value in (default, (default, default))


def _value_words(value: Any) -> str:
    """Word a value; one that is too long for a table comes out empty."""
    if isinstance(value, tuple):
        return _pair_words(value, "×")
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _pair_words(pair: tuple[Any, ...], sign: str) -> str:
    """Word (height, width), or ((top, bottom), (left, right)): what is equal is said once."""
    parts = [_pair_words(part, "+") if isinstance(part, tuple) else str(part) for part in pair]
    if len(parts) != 2 or "" in parts:
        return ""
    return parts[0] if parts[0] == parts[1] else sign.join(parts)


def activation_words(activation: Layer) -> str:
    """Name an activation as one writes it: ``relu``, ``leaky_relu 0.1``."""
    names = {kind: name for name, kind in ACTIVATIONS.items()}
    name = names.get(type(activation), type(activation).__name__)
    return name if activation == type(activation)() else f"{name} {_options(activation)}"


def shape_words(shape: Shape) -> str:
    """Word a shape.

    Examples:
        >>> shape_words((20, 24, 24))
        '20×24×24'
    """
    return "×".join(map(str, shape))


def byte_words(count: int) -> str:
    """Word an amount of memory.

    Examples:
        >>> byte_words(512), byte_words(46_080), byte_words(3 * 2**20)
        ('512 B', '45.0 KiB', '3.0 MiB')
    """
    if count < 1024:
        return f"{count} B"
    amount = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        amount /= 1024
        if amount < 1024:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1024:.1f} TiB"


def class_names(network: Network, data: Dataset) -> tuple[str, ...] | None:
    """Return the names of a network's classes: its own, or the data's if they fit; None without."""
    theirs = data.classes if (len(data.classes or ()),) == network.output_shape else None
    return network.classes or theirs


def class_name(classes: tuple[str, ...] | None, number: int) -> str:
    """Return a class's name, or its number where the classes have no names."""
    return str(number) if classes is None else classes[number]


def duration_words(seconds: float, whole: bool = False) -> str:
    """Word a time; ``whole`` leaves out fractions of a second.

    Examples:
        >>> duration_words(4.24), duration_words(83), duration_words(7325)
        ('4.2 s', '1:23', '2:02:05')
    """
    if seconds < 59.5:
        return f"{seconds:.0f} s" if whole else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
