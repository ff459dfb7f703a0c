"""One copy of the subject at work: forward, then backward, with arrays that are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from sixloops.doctor.layer import vocabulary as words
from sixloops.doctor.layer.arrays import arrays_of, get_array, set_array
from sixloops.doctor.layer.calls import (
    Known,
    backward_arguments,
    bind,
    forward_arguments,
    signature_of,
)
from sixloops.doctor.layer.gradients import Gradients, read_gradients
from sixloops.doctor.layer.guard import Guard, Trouble, written_at
from sixloops.doctor.layer.plan import Plan
from sixloops.doctor.layer.randomness import generators_of, rewound, spaces_of
from sixloops.doctor.layer.vocabulary import looks_like_a_gradient, plain
from sixloops.errors import ConfigurationError
from sixloops.layers import Context, Layer
from sixloops.layers.base import Array

RATE = 0.5
CLEARING = (
    *("zero_grad", "zero_grads", "zero_gradients", "zerograd", "clear_gradients", "clear_grads"),
    *("clear_grad", "reset_gradients", "reset_grads", "reset_grad"),
)
UPDATING = (
    *("update", "step", "update_parameters", "update_params", "update_weights", "apply_gradients"),
    *("apply_grads", "apply_gradient", "optimize", "optimise", "gradient_step"),
)
STORED_OUTPUTS = ("output", "out", "y", "outputs", "a", "activation", "z")


class Session:
    """A fresh object (or none) with its arrays, and its last forward pass.

    Args:
        plan: how the subject is called.
        guard: through which every call of it goes.
        arguments: settings by name.
        arrays: learnt arrays that are arguments, by name.

    Raises:
        Trouble: the constructor raised.
    """

    def __init__(
        self,
        plan: Plan,
        guard: Guard,
        arguments: Mapping[str, Any],
        arrays: Mapping[str, Array],
    ) -> None:
        self.plan = plan
        self.guard = guard
        self.arguments = dict(arguments)
        self.by_call = {n: a.copy() for n, a in arrays.items() if n in plan.learnt_by_call}
        built = {n: a.copy() for n, a in arrays.items() if n not in self.by_call}
        self.holder = made(plan, guard, self.arguments, built)
        self.learnt: tuple[str, ...] = ()
        self.labels: Any = None
        self._last = Known()
        self._sources: dict[str, str] = {}
        function = plan.function("forward", self.holder)
        self._generators = generators_of(self.holder, function)
        self._spaces = spaces_of(function)
        self._closure: Callable[..., Any] | None = None

    # ---- the arrays

    @property
    def parameters(self) -> dict[str, Array]:
        """Return all learnt arrays by name; paths for those that the object keeps."""
        kept = {name: np.asarray(get_array(self.holder, name)) for name in self.learnt}
        return {**self.by_call, **kept}

    def set(self, name: str, value: Array, exact: bool = False) -> None:
        """Put a copy of ``value`` in the place of a learnt array.

        It takes the precision of the old array, unless it must be ``exact``.
        """
        if name in self.by_call:
            self.by_call[name] = value.copy()
            return
        kind = np.asarray(get_array(self.holder, name)).dtype
        rounded = kind.kind == "f" and not exact
        set_array(self.holder, name, value.astype(kind) if rounded else value.copy())

    def stored(self) -> dict[str, Array]:
        """Return copies of all arrays that the object keeps."""
        if self.holder is None or isinstance(self.holder, Layer):
            return {}
        return {path: array.copy() for path, array in arrays_of(self.holder).items()}

    # ---- the calls

    def forward(self, x: Array) -> Array:
        """Run forward, and return its output as an array.

        Raises:
            Trouble: it raised, did not end, or returned something that is no array.
        """
        if isinstance(self.holder, Layer):
            return self._forward_ours(x)
        function = self.plan.function("forward", self.holder)
        if function is None:
            raise Trouble("missing", "there is no forward to call")
        given = dict(self.arguments)
        if self.labels is not None:
            given[self.plan.label_name] = self.labels
        known = Known(x=x, labels=self.labels, parameters=self.by_call, arguments=given)
        positional, named = bind(function, forward_arguments(function, known))
        with rewound(self._generators, self.guard.seed or 0, self._spaces):
            returned = self.guard.call(function, *positional, **named)
        y, cache = _output_and_rest(returned)
        y = self._stored_output() if y is None else y
        self._closure = cache if callable(cache) else None
        self._last = Known(
            x=x,
            y=y,
            cache=cache,
            labels=self.labels,
            stored_output=self._kept_predictions(x, cache),
            rate=RATE,
            parameters=self.by_call,
            arguments=self.arguments,
        )
        return _as_array(y)

    def _stored_output(self) -> Any:
        """Return the output of a forward that stores it and returns nothing."""
        kept = getattr(self.holder, "__dict__", {})
        return next((v for n, v in kept.items() if plain(n) in STORED_OUTPUTS), None)

    def _kept_predictions(self, x: Array, cache: Any) -> Any:
        """Return what a loss returned or stored as its predictions: an array like its input."""
        if self.labels is None:
            return None
        kept = (cache, self._stored_output())
        return next((p for p in kept if isinstance(p, np.ndarray) and p.shape == x.shape), None)

    def _forward_ours(self, x: Array) -> Array:
        state = self._ask("initial_state", x.shape[1:], x.dtype)
        context = Context(True, np.random.default_rng(0), state)
        returned = self.guard.call(self.holder.forward, x, self.by_call, context)
        if not _is_pair(returned) or not callable(returned[1]):
            raise _wrong_return(returned, "(y, backward)", self.holder.forward)
        y, closure = returned
        self._last = Known(x=x, y=y, cache=closure)
        return _as_array(y)

    def _ask(self, method: str, *args: Any) -> Any:
        """Call one of a sixloops layer's own methods beside forward."""
        try:
            return self.guard.call(getattr(self.holder, method), *args)
        except Trouble as trouble:
            trouble.where = method
            raise

    def backward(self, dy: Any) -> Gradients:
        """Run backward for the last forward, and collect what it claims.

        Raises:
            Trouble: it raised or did not end.
        """
        before, old = self.stored(), {n: a.copy() for n, a in self.parameters.items()}
        shapes = {"x": np.shape(self._last.x), **{n: a.shape for n, a in old.items()}}
        if isinstance(self.holder, Layer):
            closure = self._last.cache
            returned = self.guard.call(closure, dy)
            if not _is_pair(returned) or not isinstance(returned[1], Mapping):
                raise _wrong_return(returned, "(dx, gradients)", closure)
            dx, gradients = returned
            return Gradients({"x": dx, **gradients}, returned=True)
        returned = self._call_backward(dy)
        moved = {} if self.holder is None else self._moved(old)
        found = read_gradients(returned, self.holder, shapes, before, moved, self._sources)
        self._sources = dict(found.sources)
        if self.plan.is_slope and self.labels is None and "x" in found.arrays:
            found.arrays["x"] = _times(found.arrays["x"], dy)
        return found

    def _call_backward(self, dy: Any) -> Any:
        function = self._closure
        if self.plan.backward is not None:
            function = self.plan.function("backward", self.holder)
        if function is None:
            raise Trouble("missing", f"{self.plan.name} has no backward")
        if self.plan.is_slope and self.labels is None:
            return self.guard.call(function, getattr(self._last, self.plan.ways[0]))
        known = replace(self._last, dy=None if self.labels is not None else dy)
        positional, named = bind(function, backward_arguments(function, known))
        return self.guard.call(function, *positional, **named)

    def _moved(self, old: Mapping[str, Array]) -> dict[str, Array]:
        """Return what an update inside backward claims as gradients: −change / rate."""
        now = self.parameters
        changed = any(
            now[name].shape == old[name].shape and not np.array_equal(now[name], old[name])
            for name in self.learnt
        )
        rate = self.rate()
        if not changed or rate is None:
            return {}
        return {n: (old[n] - now[n]) / rate for n in self.learnt if now[n].shape == old[n].shape}

    def rate(self) -> float | None:
        """Return the learning rate that backward works with, where it has one."""
        function = self.plan.function("backward", self.holder)
        names = [] if function is None else [p.name for p in signature_of(function)]
        given = next((name for name in names if plain(name) in words.RATE), None)
        if given is not None:
            return float(self.arguments.get(given, RATE))
        for name, value in getattr(self.holder, "__dict__", {}).items():
            if plain(name) in words.RATE and isinstance(value, float | int):
                return float(value)
        return None

    def clear(self) -> bool:
        """Call the object's own method to clear gradients, if it has one."""
        method = self._method(CLEARING)
        if method is not None:
            self.guard.call(method)
        return method is not None

    def update(self) -> bool:
        """Call the object's own method to move its arrays, if it has one that can be called.

        Raises:
            Trouble: it raised or did not end.
        """
        method = self._method(UPDATING)
        if method is None:
            return False
        known = Known(rate=RATE, arguments=self.arguments)
        try:
            positional, named = bind(method, backward_arguments(method, known))
        except ConfigurationError:
            return False
        self.guard.call(method, *positional, **named)
        return True

    def _method(self, names: tuple[str, ...]) -> Callable[..., Any] | None:
        """Return the first method of the object that has one of these names."""
        found = (getattr(self.holder, name, None) for name in names)
        return next((method for method in found if callable(method)), None)

    def find_learnt(self, x: Array) -> None:
        """Find the learnt arrays that the object keeps: those that its output depends on."""
        if self.holder is None:
            return
        if isinstance(self.holder, Layer):
            shape = x.shape[1:]
            self._ask("output_shape", shape)
            drawn = self._ask("initial_parameters", shape, np.random.default_rng(0), np.float64)
            if not isinstance(drawn, Mapping):
                method = self.holder.initial_parameters
                raise _wrong_return(drawn, "{name: array}", method, "initial_parameters")
            self.by_call = {name: np.asarray(array) for name, array in drawn.items()}
            return
        begun = self.stored()
        y = self.forward(x.copy())
        again = self.stored()
        self.forward(np.ones_like(x) * 0.5 + x)
        later = self.stored()
        steady = [
            path
            for path, array in again.items()
            if path in later
            and np.array_equal(array, later[path])
            # Targets that a loss keeps are not learnt.
            and not (self.labels is not None and np.array_equal(array, self.labels))
        ]
        chosen: list[str] = []
        # What was there before the first forward comes first: later arrays may be views of it.
        for path in sorted(steady, key=lambda path: path not in begun):
            twin = any(self._share(path, other) for other in chosen)
            if not twin and not looks_like_a_gradient(path) and self._depends_on(path, x, y):
                chosen.append(path)
        self.learnt = tuple(path for path in again if path in chosen)

    def _share(self, path: str, other: str) -> bool:
        """Say whether two arrays of the object are the same memory."""
        one, two = (np.asarray(get_array(self.holder, p)) for p in (path, other))
        return bool(np.shares_memory(one, two))

    def _depends_on(self, path: str, x: Array, y: Array) -> bool:
        """Say whether the output changes when an array does."""
        kept = np.array(get_array(self.holder, path))
        changed = kept + np.random.default_rng(1).normal(size=kept.shape)
        try:
            set_array(self.holder, path, changed.astype(kept.dtype))
            other = self.forward(x.copy())
        except Trouble:
            return False
        finally:
            set_array(self.holder, path, kept)
        return other.shape == y.shape and not np.array_equal(other, y, equal_nan=True)


def made(
    plan: Plan, guard: Guard, arguments: Mapping[str, Any], arrays: Mapping[str, Array]
) -> Any:
    """Return a fresh object; what its constructor draws at random is the same each time."""
    kind = plan.owner if isinstance(plan.owner, type) else type(plan.owner)
    with rewound([], guard.seed or 0, spaces_of(getattr(kind, "__init__", None))):
        return guard.call(plan.make, arguments, arrays)


def _output_and_rest(returned: Any) -> tuple[Any, Any]:
    """Split what forward returned into the output and the rest."""
    if isinstance(returned, Mapping):
        keys = [k for k in returned if plain(str(k)) in words.OUTPUT]
        return (returned[keys[0]], returned) if keys else (None, returned)
    if not isinstance(returned, tuple) or not returned:
        return returned, None
    rest = returned[1:]
    return returned[0], rest[0] if len(rest) == 1 else rest


def _times(slope: Any, dy: Array) -> Any:
    """Multiply a slope by the error; what has another shape stays as it is."""
    return slope if np.shape(slope) not in ((), dy.shape) else np.asarray(slope) * dy


def _is_pair(returned: Any) -> bool:
    return isinstance(returned, tuple) and len(returned) == 2


def _wrong_return(returned: Any, wanted: str, function: Any, where: str = "") -> Trouble:
    """Word what a method of a sixloops layer returned, and should not have."""
    parts = returned if isinstance(returned, tuple) else (returned,)
    got = ", ".join("None" if part is None else type(part).__name__ for part in parts)
    words = f"it must return {wanted}, and returned {got}"
    return Trouble("wrong return", words, written_at(function), where)


def _as_array(y: Any) -> Array:
    try:
        array = np.asarray(y)
    except (TypeError, ValueError):
        array = np.asarray(None)
    if array.dtype.kind not in "fiub":
        kind = "None" if y is None else type(y).__name__
        raise Trouble("no array", f"forward returned {kind}, and not an array of numbers")
    return array.astype(np.float64) if array.dtype.kind != "f" else array
