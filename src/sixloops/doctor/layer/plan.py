"""What the subject is: an object, a class or functions, and how it is spoken to."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sixloops.doctor.layer import vocabulary as words
from sixloops.doctor.layer.calls import (
    BUNDLES,
    EMPTY,
    guess_arguments,
    parameter_arguments,
    signature_of,
)
from sixloops.doctor.layer.vocabulary import plain
from sixloops.errors import ConfigurationError, did_you_mean
from sixloops.layers import Layer

HOW = (
    "Say it with sixloops.doctor.Adapter(forward=…, backward=…, parameters={name: array}, "
    "axes='NCHW')."
)


@dataclass(frozen=True)
class Adapter:
    """Says what cannot be found out by itself.

    Args:
        forward: ``forward(x)`` or ``forward(x, **parameters)``; returns the output, or the
            output and a cache, or the output and its backward function.
        backward: ``backward(dy)``, ``backward(dy, cache)``, with parameters by name where it
            takes them; returns ∂E/∂x alone, (∂E/∂x, ∂E/∂p, …) in the order of
            ``parameters``, or a dictionary with ``"x"`` and the parameters' names.
        parameters: arrays to begin with, by the names of forward's arguments.
        axes: order of the input's axes: N image, C channel, H row, W column, D feature.
        input_shape: an input that forward takes, in this order.
        name: how the verdict calls it.

    Examples:
        >>> from sixloops.doctor import check_layer
        >>> halve = Adapter(forward=lambda x: x / 2, backward=lambda dy: dy / 2, axes="ND")
        >>> check_layer(halve).healthy
        True
    """

    forward: Callable[..., Any]
    backward: Callable[..., Any] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    axes: str | None = None
    input_shape: Sequence[int] | None = None
    name: str = "the layer"


@dataclass(frozen=True)
class Plan:
    """How a subject is made and called.

    Args:
        name: of the subject.
        make: from settings and arrays by name, returns a fresh object to call methods of, or
            None for plain functions.
        forward: a method's name, or a function.
        backward: the same; None where forward returns it.
        ways: what backward's only argument may be, the likeliest first: ``"dy"``; or, where it
            returns f′ and not dy·f′, forward's ``"x"`` or ``"y"``.
        arguments: settings by name, for constructor and calls.
        free: settings that were guessed, and may be varied.
        learnt: names of arguments that take learnt arrays.
        constructor: the class, where learnt arrays go into its constructor.
        fixed: parameters that the user gave.
        owner: the object or class whose methods are called.
    """

    name: str
    make: Callable[[Mapping[str, Any], Mapping[str, Any]], Any]
    forward: str | Callable[..., Any]
    backward: str | Callable[..., Any] | None
    ways: tuple[str, ...] = ("dy",)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    free: tuple[str, ...] = ()
    learnt: tuple[str, ...] = ()
    constructor: type | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)
    owner: Any = None

    @property
    def is_slope(self) -> bool:
        """Return whether backward returns f′ and not dy·f′."""
        return self.ways[0] != "dy"

    @property
    def is_loss(self) -> bool:
        """Return whether forward takes targets beside its input."""
        return bool(self.label_name)

    @property
    def label_name(self) -> str:
        """Return the argument of forward that takes targets; empty for a layer."""
        function = self.forward
        if isinstance(function, str):
            function = getattr(self.owner, function, None) or (lambda x: x)
        parameters = signature_of(function)
        names = [p.name for p in parameters if p.default is EMPTY and p.name != "self"]
        second = _after_input(names) if len(names) == 2 else []
        known = (n for n in second if plain(n) in words.LABELS or n in self.given_labels)
        return next(known, "")

    @property
    def given_labels(self) -> dict[str, Any]:
        """Return arrays that the user gave for an argument that is not learnt."""
        if self.takes_error:
            return {}
        given = {n: np.asarray(v) for n, v in self.arguments.items() if n not in self.learnt}
        return {name: array for name, array in given.items() if array.ndim and array.size}

    @property
    def takes_error(self) -> bool:
        """Return whether backward needs an argument for the error from above."""
        backward = self.backward
        if isinstance(backward, str):
            backward = getattr(self.owner, backward, None)
        needed = [] if backward is None else signature_of(backward)
        names = [plain(p.name) for p in needed if p.default is EMPTY and p.name != "self"]
        others = words.INPUT | words.OUTPUT | words.LABELS | words.CACHE | words.RATE
        return any(name not in others for name in names)

    @property
    def learnt_by_call(self) -> tuple[str, ...]:
        """Return the learnt arrays that are handed over in each call."""
        return () if self.constructor is not None else self.learnt

    def function(self, which: str, holder: Any) -> Callable[..., Any] | None:
        """Return ``forward`` or ``backward`` as something to call."""
        found = getattr(self, which)
        if isinstance(found, str):
            return getattr(holder, found, None)
        return found  # type: ignore[no-any-return]


def _after_input(names: list[str]) -> list[str]:
    """Return the names that are not the input's: all but the first that can be."""
    inputs = [name for name in names if plain(name) in words.INPUT - {"t"}]
    first = inputs[0] if inputs else names[0]
    return [name for name in names if name != first]


def plan_for(subject: Any, arguments: Mapping[str, Any]) -> Plan:
    """Find out how a subject is called.

    Raises:
        ConfigurationError: it has no forward, a needed argument is unknown, or a given one is
            none of its own.
    """
    plan = _plan_for(subject, arguments)
    _check_settings(plan, subject, arguments)
    return plan


def _plan_for(subject: Any, arguments: Mapping[str, Any]) -> Plan:
    if isinstance(subject, Adapter):
        return _adapted(subject, arguments)
    if isinstance(subject, Layer):
        return Plan(type(subject).__name__, lambda *_: subject, "forward", None)
    if isinstance(subject, type):
        return _of_class(subject, arguments)
    if isinstance(subject, Sequence) and len(subject) == 2 and all(map(callable, subject)):
        return _of_functions(subject[0], subject[1], arguments)
    if inspect.isfunction(subject):
        return _of_functions(subject, None, arguments)
    return _of_object(subject, arguments)


def _check_settings(plan: Plan, subject: Any, arguments: Mapping[str, Any]) -> None:
    """Raise if a setting was given that neither the constructor nor a call takes."""
    made = subject if isinstance(subject, type) else None
    called = (made, *(plan.function(which, plan.owner) for which in ("forward", "backward")))
    functions = [function for function in called if function is not None]
    taken = [p for function in functions for p in _all_parameters(function)]
    unknown = [name for name in arguments if name not in {p.name for p in taken}]
    anything = any(p.kind is p.VAR_KEYWORD or plain(p.name) in BUNDLES for p in taken)
    if not unknown or anything:
        return
    settings = [p.name for p in _all_parameters(functions[0])] if functions else []
    settings = [n for n in settings if n != "self" and plain(n) not in words.INPUT]
    mend = did_you_mean(unknown[0], settings)
    has = ", ".join(settings) or "none that can be given"
    raise ConfigurationError(f"{plan.name} has no setting '{unknown[0]}'; it has {has}.{mend}")


def _all_parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return a function's parameters; of one without a signature, that it takes anything."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return [inspect.Parameter("settings", inspect.Parameter.VAR_KEYWORD)]


def _adapted(adapter: Adapter, arguments: Mapping[str, Any]) -> Plan:
    return Plan(
        adapter.name,
        lambda *_: None,
        adapter.forward,
        adapter.backward,
        arguments=dict(arguments),
        learnt=tuple(adapter.parameters),
        fixed=dict(adapter.parameters),
    )


def _of_functions(
    forward: Callable[..., Any], backward: Callable[..., Any] | None, arguments: Mapping[str, Any]
) -> Plan:
    owner = getattr(forward, "__self__", None)
    if owner is not None and backward is not None and getattr(backward, "__self__", 0) is owner:
        named = _of_object(owner, arguments)
        return replace(named, forward=forward.__name__, backward=backward.__name__)
    learnt = parameter_arguments(forward)
    settings, free = guess_arguments(forward, learnt, arguments, skip=1)
    names = [getattr(f, "__name__", "a function") for f in (forward, backward) if f is not None]
    return Plan(
        ", ".join(names),
        lambda *_: None,
        forward,
        backward,
        ways=("dy",) if backward is None else _ways(backward),
        arguments=settings,
        free=free,
        learnt=tuple(learnt),
    )


def _ways(backward: Callable[..., Any]) -> tuple[str, ...]:
    """Return what a function's only argument may be; one without dy can only return f′."""
    word = plain(only_argument(backward))
    if not word or word in words.COTANGENT:
        return ("dy",)
    if word in {"x", "z"}:
        return ("x",)
    name = plain(getattr(backward, "__name__", ""))
    says_so = any(name.endswith(each) or name.startswith(each) for each in words.SLOPE)
    if word in words.OUTPUT:
        return ("y", "x") if says_so else ("y", "x", "dy")
    if not says_so:
        return ("dy",)
    return ("x",) if word in words.INPUT else ("x", "y")


def only_argument(function: Callable[..., Any]) -> str:
    """Return the name of the only argument that a function needs; empty where it needs more."""
    names = [p.name for p in signature_of(function) if p.default is EMPTY and p.name != "self"]
    return names[0] if len(names) == 1 else ""


def hidden_labels(plan: Plan) -> str:
    """Return backward's argument for targets, where forward takes none and no error is given."""
    function = plan.function("backward", plan.owner)
    if plan.is_loss or plan.is_slope or function is None:
        return ""
    names = [p.name for p in signature_of(function) if p.default is EMPTY and p.name != "self"]
    others = words.INPUT | words.OUTPUT | words.PREDICTIONS | words.CACHE | words.RATE
    labels = [name for name in names if plain(name) in words.LABELS - others - words.COTANGENT]
    rest = [name for name in names if name not in labels]
    return labels[0] if len(labels) == 1 and all(plain(n) in others for n in rest) else ""


def _of_class(kind: type, arguments: Mapping[str, Any]) -> Plan:
    learnt = parameter_arguments(kind, constructor=True)
    settings, free = guess_arguments(kind, learnt, arguments)

    def make(chosen: Mapping[str, Any], arrays: Mapping[str, Any]) -> Any:
        return kind(**{**{n: v for n, v in chosen.items() if n in taken}, **arrays})

    taken = {parameter.name for parameter in signature_of(kind)}
    return replace(
        _methods(kind, kind.__name__),
        make=make,
        arguments=settings,
        free=free,
        learnt=tuple(learnt),
        constructor=kind if learnt else None,
    )


def _of_object(subject: Any, arguments: Mapping[str, Any]) -> Plan:
    def make(*_: Mapping[str, Any]) -> Any:
        try:
            return copy.deepcopy(subject)
        except Exception:  # what cannot be copied is used as it is
            return subject

    plan = _methods(subject, type(subject).__name__)
    function = getattr(subject, str(plan.forward), None)
    learnt = parameter_arguments(function) if function is not None else []
    return replace(plan, make=make, arguments=dict(arguments), learnt=tuple(learnt))


def _methods(subject: Any, name: str) -> Plan:
    forward = next((word for word in words.FORWARD if _has(subject, word)), None)
    backward = next((word for word in words.BACKWARD if _has(subject, word)), None)
    slope = next((word for word in words.SLOPE if _has(subject, word)), None)
    if forward is None:
        raise ConfigurationError(
            f"{name} must have a forward: a method named one of "
            f"{', '.join(words.FORWARD[:7])}, …. Got none. {HOW}"
        )
    return Plan(
        name,
        lambda *_: subject,
        forward,
        backward or slope,
        ways=_ways(getattr(subject, slope)) if backward is None and slope else ("dy",),
        owner=subject,
    )


def _has(subject: Any, name: str) -> bool:
    if name == "__call__":
        kind = subject if isinstance(subject, type) else type(subject)
        return any("__call__" in each.__dict__ for each in kind.__mro__)
    return callable(getattr(subject, name, None))
