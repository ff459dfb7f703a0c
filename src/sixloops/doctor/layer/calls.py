"""Which argument of a stranger's function is which."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from sixloops.doctor.layer import vocabulary as words
from sixloops.doctor.layer.vocabulary import plain
from sixloops.errors import ConfigurationError

EMPTY = inspect.Parameter.empty
BUNDLES = {
    "hparameters", "hparams", "convparam", "poolparam", "hyperparameters", "param", "bnparam",
    "config", "options", "convparams", "poolparams", "hp", "lnparam",
}  # fmt: skip
PARAMETER_WORDS = words.WEIGHT | words.BIAS | words.GAMMA | words.BETA
SIZE_OR_ARRAY = {"k", "kernel", "kernels", "filters", "filter", "g", "scale", "offset", "matrix"}


@dataclass
class Known:
    """What is there to be handed over.

    Args:
        x: the input.
        y: the output.
        dy: the cotangent.
        cache: what forward returned beside the output.
        labels: targets, for a loss.
        stored_output: for a loss, probabilities that its forward stored, or returned beside it.
        rate: a learning rate.
        parameters: arrays by the names of their arguments.
        arguments: settings by name.
    """

    x: Any = None
    y: Any = None
    dy: Any = None
    cache: Any = None
    labels: Any = None
    stored_output: Any = None
    rate: float = 0.5
    parameters: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)


def signature_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the named parameters of a function; of one without a signature, a single one."""
    try:
        return list(_signature_of(function))
    except TypeError:  # it cannot be a key
        return list(_signature_of.__wrapped__(function))


@lru_cache(maxsize=64)
def _signature_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return [inspect.Parameter("x", inspect.Parameter.POSITIONAL_ONLY)]
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    named = [p for p in parameters if p.kind not in variable]
    if isinstance(function, type) and any(p.kind is variable[0] for p in parameters):
        named = _with_inherited(named, function)
    if not named and any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
        return [inspect.Parameter("x", inspect.Parameter.POSITIONAL_ONLY)]
    return named


def _with_inherited(named: list[inspect.Parameter], kind: type) -> list[inspect.Parameter]:
    """Add what a constructor hands on by **kwargs: the parameters of the class it derives from."""
    for base in kind.__mro__[1:-1]:
        if "__init__" in vars(base):
            known = {parameter.name for parameter in named}
            return named + [p for p in signature_of(base) if p.name not in known]
    return named


def parameter_arguments(function: Callable[..., Any], constructor: bool = False) -> list[str]:
    """Return the names of the arguments that take learnt arrays.

    A word such as ``kernel`` may mean an array or a size: it is an array only for a
    function that also takes a bias, or whose name speaks of convolution.
    """
    parameters = signature_of(function)[0 if constructor else 1 :]
    names = [p.name for p in parameters if p.default is EMPTY or p.default is None]
    has_bias = any(plain(name) in words.BIAS for name in names)
    title = plain(getattr(function, "__name__", ""))
    sure = not constructor and (has_bias or "conv" in title or "corr" in title)
    wanted = PARAMETER_WORDS - (set() if sure else SIZE_OR_ARRAY)
    if constructor:
        names = [p.name for p in parameters if p.default is EMPTY]
        wanted = PARAMETER_WORDS - SIZE_OR_ARRAY
    return [name for name in names if plain(name) in wanted]


def forward_arguments(function: Callable[..., Any], known: Known) -> dict[str, Any]:
    """Return the arguments of a forward call by name.

    Raises:
        ConfigurationError: an argument's meaning cannot be guessed.
    """
    parameters = signature_of(function)
    given: dict[str, Any] = {}
    subject = _input_name(parameters, known)
    for parameter in parameters:
        if parameter.name == subject:
            given[parameter.name] = known.x
        else:
            _add(given, parameter, known, _forward_value, "forward", function)
    return given


def _input_name(parameters: list[inspect.Parameter], known: Known) -> str:
    names = [p.name for p in parameters if p.name not in known.parameters]
    preferred = [name for name in names if plain(name) in words.INPUT - {"t"}]
    if not names:
        return ""
    first = plain(names[0])
    unsuited = first in PARAMETER_WORDS or first in words.LABELS - words.INPUT
    return preferred[0] if preferred and unsuited else names[0]


def _forward_value(word: str, known: Known) -> Any:
    if word in words.LABELS:
        return known.labels
    return None


def backward_arguments(function: Callable[..., Any], known: Known) -> dict[str, Any]:
    """Return the arguments of a backward call by name.

    Raises:
        ConfigurationError: an argument's meaning cannot be guessed.
    """
    parameters = signature_of(function)
    names = [p.name for p in parameters]
    subject = _cotangent_name(names, known)
    outputs = "" if known.labels is None else _outputs_name(names)
    given: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.name == subject:
            given[parameter.name] = known.dy
        elif parameter.name == outputs:
            given[parameter.name] = known.x
        else:
            _add(given, parameter, known, _backward_value, "backward", function)
    return given


def _cotangent_name(names: list[str], known: Known) -> str:
    if known.dy is None:
        return ""
    typical = [name for name in names if plain(name) in words.COTANGENT - words.INPUT]
    if typical:
        return typical[0]
    free = [
        name
        for name in names
        if plain(name) not in words.CACHE | words.RATE and name not in known.parameters
    ]
    if len(free) > 1 and plain(free[0]) in words.INPUT:
        return free[1]
    return free[0] if free else ""


def _outputs_name(names: list[str]) -> str:
    """Return a loss's argument that takes its outputs where two may be targets, as ``y, t``.

    It is the first, as in forward; none where another argument is the outputs by its name.
    """
    if any(plain(name) in (words.INPUT - {"t"}) | words.PREDICTIONS for name in names):
        return ""
    targets = [name for name in names if plain(name) in words.LABELS]
    return targets[0] if len(targets) > 1 else ""


def _backward_value(word: str, known: Known) -> Any:
    if word in words.CACHE:
        return known.cache
    if word in words.RATE:
        return known.rate
    if known.labels is not None:
        return _loss_value(word, known)
    if word in words.OUTPUT and word not in {"a"}:
        return known.y
    return known.x if word in words.INPUT else None


def _loss_value(word: str, known: Known) -> Any:
    """Return what a loss's backward is given: its input, the targets, or its own error, 1."""
    if word in words.LABELS:
        return known.labels
    if word in words.INPUT - {"t"}:
        return known.x
    if word in words.PREDICTIONS:
        return known.x if known.stored_output is None else known.stored_output
    return np.ones(np.shape(known.y)) if word in words.COTANGENT else None


def _add(
    given: dict[str, Any],
    parameter: inspect.Parameter,
    known: Known,
    special: Callable[[str, Known], Any],
    method: str,
    function: Callable[..., Any],
) -> None:
    """Find the value of one argument; leave it out where its default will do."""
    name, word = parameter.name, plain(parameter.name)
    if name in known.parameters:
        given[name] = known.parameters[name]
    elif name in known.arguments:
        given[name] = known.arguments[name]
    elif (value := special(word, known)) is not None:
        given[name] = value
    elif word in words.TRAINING:
        given[name] = True
    elif parameter.default is not EMPTY:
        return
    elif word in BUNDLES:
        given[name] = bundle(known.arguments)
    elif (value := words.guess(name)) is not None:
        given[name] = value
    else:
        raise unknown_argument(function, name, method)


def guess_arguments(
    function: Callable[..., Any],
    learnt: list[str],
    given: Mapping[str, Any],
    skip: int = 0,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return values for the settings of a constructor or function, and which were guessed.

    Args:
        function: whose settings.
        learnt: arguments that take learnt arrays, and are left out.
        given: what the user said.
        skip: how many arguments at the beginning are no settings.

    Raises:
        ConfigurationError: a needed setting is unknown.
    """
    settings, free = dict(given), []
    for parameter in signature_of(function)[skip:]:
        name, word = parameter.name, plain(parameter.name)
        if word in BUNDLES:
            free.append(name)
        handed = BUNDLES | words.LABELS | words.TRAINING | (words.INPUT if skip else set())
        if name in given or name in learnt or word in handed:
            continue
        needed = parameter.default is EMPTY or parameter.default is None
        value = _setting(name) if needed else parameter.default
        if value is None and parameter.default is EMPTY:
            raise unknown_argument(function, name, "the constructor")
        if value is not None and parameter.default is EMPTY:
            settings[name] = value
        sized = word in words.KERNEL_SIZE | words.STRIDE | words.PADDING
        if sized and isinstance(value, int):
            free.append(name)
    return settings, tuple(free)


def _setting(name: str) -> Any:
    return (3, 8, 6) if plain(name) in words.INPUT_SHAPE else words.guess(name)


def bundle(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as functions take them in one dictionary, under all usual names."""
    stride = arguments.get("stride", 2)
    size, pad = arguments.get("kernel", 2), arguments.get("pad", 0)
    return {
        **{"stride": stride, "pad": pad, "f": size, "kernel_size": size, "padding": pad},
        **{"pool_height": size, "pool_width": size, "pool_size": size, "size": size},
        **{"pool_h": size, "pool_w": size, "kernel_h": size, "kernel_w": size},
        **{"mode": "train", "eps": 1e-5, "momentum": 0.9, "strides": stride},
        **{name: value for name, value in arguments.items() if name != "kernel"},
    }


def unknown_argument(function: Callable[..., Any], name: str, method: str) -> ConfigurationError:
    """Word the error about an argument of unknown meaning."""
    title = getattr(function, "__qualname__", method)
    return ConfigurationError(
        f"The argument '{name}' of {title} must be given, as its meaning cannot be told from its "
        f"name. Say it with arguments={{'{name}': …}} in Python, or --argument {name}=… on the "
        f"command line."
    )


def bind(
    function: Callable[..., Any], given: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Split arguments into positional and named ones, as the function asks for them."""
    only = {p.name for p in signature_of(function) if p.kind is inspect.Parameter.POSITIONAL_ONLY}
    ordered = [p.name for p in signature_of(function) if p.name in only and p.name in given]
    return [given[name] for name in ordered], {n: v for n, v in given.items() if n not in only}
