"""The contracts that every layer and every loss must keep, each a function of one row.

A contract takes a row of the descriptor table (``layer_descriptors.py`` or
``loss_descriptors.py``) and raises ``AssertionError`` where the row breaks it.
``test_contracts_can_fail.py`` shows for each of them that it can.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from draws import Array, as_type, generator, normal, parameters_off_zero, state_off_zero
from gradient_check import check_layer_gradients, check_loss_gradients
from layer_descriptors import LayerRow
from loss_descriptors import LossRow
from sixloops.descriptions import Description, from_data, to_data
from sixloops.layers import Context

FLOAT_TYPES = (np.float64, np.float32)


# ---- what a contract computes with -------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """One row with everything that its forward and backward need."""

    row: LayerRow
    x: Array
    parameters: Mapping[str, Array]
    state: Mapping[str, Array]
    training: bool

    def forward(self, x: Array | None = None) -> tuple[Array, Callable[[Array], Any]]:
        """Run forward on ``x``, or on the trial's own; always with the same random numbers."""
        given = self.x if x is None else x
        return self.row.layer.forward(given, self.parameters, self.context())

    def context(self) -> Context:
        """Return a fresh context; evaluation has no random numbers to draw from."""
        random = generator("dropout") if self.training else None
        return Context(self.training, random, self.state)

    def cotangent(self, y: Array, seed: int = 0) -> Array:
        """Return a random ``dy`` of the type of ``y``."""
        return normal(generator("cotangent", seed), y.shape).astype(y.dtype)

    def run(self, x: Array | None = None, dy: Array | None = None) -> dict[str, Array]:
        """Return y, dx and all gradients by name."""
        y, backward = self.forward(x)
        dx, gradients = backward(self.cotangent(y) if dy is None else dy)
        return {"y": y, "dx": dx, **gradients}


def trial(row: LayerRow, training: bool, dtype: type = np.float64, batch: int = 0) -> Trial:
    """Draw a trial for a row."""
    x: Array = row.draw(generator("x"), (batch or row.batch, *row.input_shape)).astype(dtype)
    parameters = as_type(parameters_off_zero(row.layer, row.input_shape), dtype)
    state = as_type(state_off_zero(row.layer, row.input_shape), dtype)
    return Trial(row, x, parameters, state, training)


def trials(row: LayerRow, dtype: type = np.float64) -> Iterator[Trial]:
    """Yield a trial in evaluation, and one in training where that is something else."""
    yield trial(row, False, dtype)
    if row.random or row.layer.couples_batch():
        yield trial(row, True, dtype)


def same(got: Mapping[str, Array], wanted: Mapping[str, Array], what: str) -> None:
    """Assert that named arrays agree but for rounding."""
    assert set(got) == set(wanted), f"{what}: {sorted(got)} instead of {sorted(wanted)}"
    for name, array in wanted.items():
        assert got[name].shape == array.shape, f"{what}: {name} has shape {got[name].shape}"
        scale = float(np.abs(array).max(initial=0.0))
        np.testing.assert_allclose(
            got[name], array, rtol=0, atol=1e-12 * scale, err_msg=f"{what}: {name}"
        )


def identical(got: Mapping[str, Array], wanted: Mapping[str, Array], what: str) -> None:
    """Assert that named arrays agree to the bit."""
    assert set(got) == set(wanted), f"{what}: {sorted(got)} instead of {sorted(wanted)}"
    for name, array in wanted.items():
        np.testing.assert_array_equal(got[name], array, err_msg=f"{what}: {name}", strict=True)


def layouts(array: Array) -> dict[str, Array]:
    """Return the same array in memory layouts that are not C-contiguous."""
    backwards = (slice(None, None, -1),) * array.ndim
    return {
        "transposed": np.asfortranarray(array),
        "negative strides": array[backwards].copy()[backwards],
        "gaps": array.repeat(2, axis=-1)[..., ::2],
    }


def copies(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return copies of named arrays."""
    return {name: array.copy() for name, array in arrays.items()}


def frozen(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return copies of named arrays that refuse to be written to."""
    locked = copies(arrays)
    for array in locked.values():
        array.flags.writeable = False
    return locked


# ---- layers ------------------------------------------------------------------------------


def gradients(row: LayerRow) -> None:
    """Check that every gradient agrees with central differences."""
    for case in trials(row):
        check_layer_gradients(
            row.layer,
            row.input_shape,
            row.batch,
            training=case.training,
            draw=row.draw,
            kinks=row.kinks,
        )


def shape_rule(row: LayerRow) -> None:
    """Check that ``output_shape`` says what comes out; gradients are shaped like their arrays."""
    shape = row.layer.output_shape(row.input_shape)
    assert isinstance(shape, tuple), f"the output's shape is {shape!r}, no tuple"
    assert all(type(n) is int for n in shape), f"{shape!r} are not all plain whole numbers"
    for case in trials(row):
        result = case.run()
        y, dx = result["y"], result["dx"]
        assert y.shape == (row.batch, *shape), f"y {y.shape} for a batch of {row.batch} × {shape}"
        assert dx.shape == case.x.shape, f"dx {dx.shape}, x {case.x.shape}"
        for name, parameter in case.parameters.items():
            assert result[name].shape == parameter.shape, f"the gradient of {name} is misshapen"


def float_types(row: LayerRow) -> None:
    """Check that what comes in as float32 or float64 goes out as that; both say the same."""
    for dtype in FLOAT_TYPES:
        for case in trials(row, dtype):
            for name, array in case.run().items():
                assert array.dtype == dtype, f"{name} is {array.dtype} for {np.dtype(dtype)}"
    for exact, single in zip(trials(row), trials(row, np.float32), strict=True):
        y = exact.forward()[0]
        atol = 1e-5 * float(np.abs(y).max())
        np.testing.assert_allclose(single.forward()[0], y, rtol=1e-4, atol=atol)


def input_layouts(row: LayerRow) -> None:
    """Check that an input that is not contiguous gives what a contiguous one gives."""
    for case in trials(row):
        for name, x in layouts(case.x).items():
            same(case.run(x), case.run(), f"x with {name}")


def cotangent_layouts(row: LayerRow) -> None:
    """Check that a ``dy`` that is not contiguous gives what a contiguous one gives."""
    for case in trials(row):
        dy = case.cotangent(case.forward()[0])
        for name, laid_out in layouts(dy).items():
            same(case.run(dy=laid_out), case.run(), f"dy with {name}")


def nothing_modified(row: LayerRow) -> None:
    """Check that input, parameters, state, ``dy`` and ``y`` stay as they were."""
    for case in trials(row):
        given = {"x": case.x, **case.parameters, **case.state}
        before = copies(given)
        y, backward = case.forward()
        y_before, dy = y.copy(), case.cotangent(y)
        dy_before = dy.copy()
        backward(dy)
        identical({**given, "dy": dy, "y": y}, {**before, "dy": dy_before, "y": y_before}, "after")


def read_only_accepted(row: LayerRow) -> None:
    """Check that arrays that refuse to be written to are as good as others."""
    for case in trials(row):
        locked = Trial(
            row,
            frozen({"x": case.x})["x"],
            frozen(case.parameters),
            frozen(case.state),
            case.training,
        )
        try:
            dy = frozen({"dy": case.cotangent(case.forward()[0])})["dy"]
            result = locked.run(dy=dy)
        except ValueError as error:
            raise AssertionError(f"writes to what it was given: {error}") from error
        same(result, case.run(), "read-only arrays")


def backward_repeats(row: LayerRow) -> None:
    """Check that ``backward`` may be called twice, and returns the same."""
    for case in trials(row):
        y, backward = case.forward()
        dy = case.cotangent(y)
        dx, first = backward(dy)
        first = copies({"dx": dx, **first})
        again, second = backward(dy)
        identical({"dx": again, **second}, first, "backward called twice")


def calls_are_independent(row: LayerRow) -> None:
    """Check that another forward in between changes nothing: each call keeps its own."""
    for case in trials(row):
        expected = copies(case.run())
        y, backward = case.forward()
        case.forward(row.draw(generator("other"), case.x.shape))
        dx, gradients = backward(case.cotangent(y))
        identical({"y": y, "dx": dx, **gradients}, expected, "another forward in between")


def batch_is_its_images(row: LayerRow) -> None:
    """Check that a batch gives what its images give one by one; parameter gradients add up.

    In training, layers that draw or that couple the batch are left out.
    """
    both = not (row.random or row.layer.couples_batch())
    for training in (False, True) if both else (False,):
        case = trial(row, training, batch=3)
        whole = case.run()
        dy = case.cotangent(whole["y"])
        parts = [case.run(case.x[n : n + 1], dy[n : n + 1]) for n in range(3)]
        joined = {name: np.concatenate([p[name] for p in parts]) for name in ("y", "dx")}
        summed = {name: np.sum([p[name] for p in parts], axis=0) for name in case.parameters}
        same(whole, {**joined, **summed}, "single images")


def coupling_is_declared(row: LayerRow) -> None:
    """Check that ``couples_batch`` is true just where other images change this one's output."""
    case = trial(row, True, batch=3)
    others = case.x.copy()
    others[1:] = row.draw(generator("others"), others[1:].shape)
    here, there = case.forward()[0][0], case.forward(others)[0][0]
    coupled = not np.allclose(here, there, rtol=1e-9, atol=1e-12)
    assert coupled == row.layer.couples_batch(), f"couples_batch() should return {coupled}"


def randomness_is_declared(row: LayerRow) -> None:
    """Check that training equals evaluation, unless the layer draws or couples the batch."""
    if row.random:
        drawn, plain = trial(row, True).forward()[0], trial(row, False).forward()[0]
        assert not np.array_equal(drawn, plain), "should draw while training, and does not"
    elif not row.layer.couples_batch():
        identical(trial(row, True).run(), trial(row, False).run(), "training and evaluation")


def training_repeats(row: LayerRow) -> None:
    """Check that the same generator gives the same pass; another one, if it draws, another."""
    case = trial(row, True)
    identical(case.run(), copies(case.run()), "the same generator")
    other = Context(True, generator("dropout", 1), case.state)
    y, _ = row.layer.forward(case.x, case.parameters, other)
    assert np.array_equal(y, case.forward()[0]) != row.random, "draws, and the row does not say so"


def state_is_updated(row: LayerRow) -> None:
    """Check that training proposes a value for every state, evaluation none."""
    for training in (False, True):
        for dtype in FLOAT_TYPES:
            case = trial(row, training, dtype)
            context = case.context()
            row.layer.forward(case.x, case.parameters, context)
            wanted = case.state if training else {}
            assert set(context.updates) == set(wanted), f"updates {set(context.updates)}"
            for name, old in wanted.items():
                new = context.updates[name]
                assert (new.shape, new.dtype) == (old.shape, old.dtype), f"{name} changes form"
                assert not np.array_equal(new, old), f"{name} is not updated"


def mass(row: LayerRow) -> None:
    """Check that pooling hands on all of the error: Σdx = Σdy for every map."""
    case = trial(row, False)
    y, backward = case.forward()
    dy = case.cotangent(y)
    dx, _ = backward(dy)
    per_map = dx.reshape(*dx.shape[:2], -1).sum(-1), dy.reshape(*dy.shape[:2], -1).sum(-1)
    np.testing.assert_allclose(*per_map, rtol=1e-10, err_msg="Σdx, Σdy")


def gradient_names(row: LayerRow) -> None:
    """Check that ``backward`` returns a gradient for every parameter and nothing else."""
    for case in trials(row):
        y, backward = case.forward()
        _, found = backward(case.cotangent(y))
        assert set(found) == set(case.parameters), f"{set(found)}, not {set(case.parameters)}"


def backward_is_linear(row: LayerRow) -> None:
    """Check that ``backward`` of 2·dy₁ − 3·dy₂ is 2·backward(dy₁) − 3·backward(dy₂)."""
    for case in trials(row):
        y, backward = case.forward()
        first, second = case.cotangent(y, 1), case.cotangent(y, 2)

        def collected(dy: Array, backward: Callable[[Array], Any] = backward) -> dict[str, Array]:
            dx, found = backward(dy)
            return copies({"dx": dx, **found})

        one, two = collected(first), collected(second)
        mixed = {name: 2 * one[name] - 3 * two[name] for name in one}
        same(collected(2 * first - 3 * second), mixed, "2·dy₁ − 3·dy₂")


def description_round_trips(row: LayerRow | LossRow) -> None:
    """Check that what is written as JSON and read back is equal, and its hash too."""
    described = row.description
    try:
        data = json.loads(json.dumps(to_data(described), allow_nan=False))
        back = from_data(data, kinds_in(described))
        hashes = hash(back), hash(described)
    except (TypeError, ValueError) as error:
        raise AssertionError(f"{described} is no plain description: {error}") from error
    assert type(back) is type(described), f"{type(back)} instead of {type(described)}"
    assert back == described, f"{back} instead of {described}"
    assert hashes[0] == hashes[1], "equal, but with another hash"


def kinds_in(value: object) -> set[type[Description]]:
    """Return the classes of all descriptions in a description."""
    if isinstance(value, tuple):
        return set().union(*(kinds_in(item) for item in value))
    if not isinstance(value, Description):
        return set()
    parts = [kinds_in(getattr(value, field.name)) for field in fields(value)]
    return {type(value)}.union(*parts)


def initial_parameters_repeat(row: LayerRow) -> None:
    """Check that one seed gives the same parameters each time, and for every float type."""
    layer, shape = row.layer, row.input_shape
    begun = layer.initial_parameters(shape, generator("init"), np.float64)
    identical(layer.initial_parameters(shape, generator("init"), np.float64), begun, "again")
    single = layer.initial_parameters(shape, generator("init"), np.float32)
    identical(single, as_type(begun, np.float32), "as float32")
    state = layer.initial_state(shape, np.float64)
    identical(layer.initial_state(shape, np.float32), as_type(state, np.float32), "state")


def parameter_count(row: LayerRow) -> None:
    """Check that ``parameter_count`` counts the numbers that have a gradient."""
    learnt: dict[str, Array] = {}
    for case in trials(row):
        for name, gradient in case.run().items():
            learnt[name] = learnt.get(name, False) | (gradient != 0)
    found = sum(int(learnt[name].sum()) for name in case.parameters)
    counted = row.layer.parameter_count(row.input_shape)
    assert counted == found, f"counts {counted}, but {found} numbers have a gradient"


LAYER_CONTRACTS: dict[str, Callable[[LayerRow], None]] = {
    contract.__name__: contract
    for contract in (
        gradients,
        shape_rule,
        float_types,
        input_layouts,
        cotangent_layouts,
        nothing_modified,
        read_only_accepted,
        backward_repeats,
        calls_are_independent,
        batch_is_its_images,
        coupling_is_declared,
        randomness_is_declared,
        training_repeats,
        state_is_updated,
        mass,
        gradient_names,
        backward_is_linear,
        description_round_trips,
        initial_parameters_repeat,
        parameter_count,
    )
}


def layer_cases(rows: Sequence[LayerRow]) -> list[tuple[str, LayerRow]]:
    """Return every contract's name with every row that it is for."""
    return [(name, row) for name in LAYER_CONTRACTS for row in rows if name != "mass" or row.mass]


# ---- losses ------------------------------------------------------------------------------


def loss_run(
    row: LossRow,
    outputs: Array | None = None,
    targets: Array | None = None,
    dlosses: Array | None = None,
) -> dict[str, Array]:
    """Return a loss's value for every image and its gradient by the outputs."""
    outputs = row.outputs if outputs is None else outputs
    losses, backward = row.loss.forward(outputs, row.targets if targets is None else targets)
    dlosses = loss_cotangent(losses) if dlosses is None else dlosses
    return {"losses": losses, "doutputs": backward(dlosses)}


def loss_cotangent(losses: Array, seed: int = 0) -> Array:
    """Return a random weight for every image's loss."""
    return normal(generator("cotangent", seed), losses.shape).astype(losses.dtype)


def loss_gradients(row: LossRow) -> None:
    """Check that the gradient agrees with central differences."""
    check_loss_gradients(row.loss, row.outputs, row.targets, kinks=row.kinks)


def loss_shapes(row: LossRow) -> None:
    """Check that there is one loss and one prediction an image, and a gradient an output."""
    losses, backward = row.loss.forward(row.outputs, row.targets)
    assert losses.shape == (len(row.outputs),), f"losses {losses.shape}"
    doutputs = backward(loss_cotangent(losses))
    assert doutputs.shape == row.outputs.shape, f"{doutputs.shape}, outputs {row.outputs.shape}"
    predictions = row.loss.predictions(row.outputs)
    assert len(predictions) == len(row.outputs), f"predictions {predictions.shape}"


def loss_float_types(row: LossRow) -> None:
    """Check that what comes in as float32 or float64 goes out as that; both say the same."""
    for dtype in FLOAT_TYPES:
        targets = row.targets.astype(dtype) if row.targets.dtype.kind == "f" else row.targets
        result = loss_run(row, row.outputs.astype(dtype), targets)
        for name, array in result.items():
            assert array.dtype == dtype, f"{name} is {array.dtype} for {np.dtype(dtype)}"
        atol = 1e-5 * float(np.abs(result["losses"]).max())
        np.testing.assert_allclose(result["losses"], loss_run(row)["losses"], rtol=1e-4, atol=atol)


def loss_layouts(row: LossRow) -> None:
    """Check that arrays that are not contiguous give what contiguous ones give."""
    expected = loss_run(row)
    for name, outputs in layouts(row.outputs).items():
        same(loss_run(row, outputs), expected, f"outputs with {name}")
    dlosses = loss_cotangent(expected["losses"])
    for name, laid_out in layouts(dlosses).items():
        same(loss_run(row, dlosses=laid_out), expected, f"dlosses with {name}")
    for name, targets in layouts(row.targets).items():
        same(loss_run(row, targets=targets), expected, f"targets with {name}")


def loss_nothing_modified(row: LossRow) -> None:
    """Check that nothing given is written to, nor needs to be."""
    given = {"outputs": row.outputs.copy(), "targets": row.targets.copy()}
    given["dlosses"] = loss_cotangent(loss_run(row)["losses"])
    before = copies(given)
    expected = copies(loss_run(row, **given))
    row.loss.predictions(given["outputs"])
    identical(given, before, "after")
    try:
        identical(loss_run(row, **frozen(before)), expected, "read-only arrays")
    except ValueError as error:
        raise AssertionError(f"writes to what it was given: {error}") from error


def loss_backward_repeats(row: LossRow) -> None:
    """Check that ``backward`` returns the same twice, and after another forward."""
    expected = copies(loss_run(row))
    losses, backward = row.loss.forward(row.outputs, row.targets)
    row.loss.forward(row.outputs[::-1] + 1.0, row.targets)
    for _ in range(2):
        doutputs = backward(loss_cotangent(losses)).copy()
        identical({"losses": losses, "doutputs": doutputs}, expected, "backward called again")


def loss_batch_is_its_images(row: LossRow) -> None:
    """Check that a batch gives what its images give one by one."""
    whole = loss_run(row)
    dlosses = loss_cotangent(whole["losses"])
    parts = [
        loss_run(row, row.outputs[n : n + 1], row.targets[n : n + 1], dlosses[n : n + 1])
        for n in range(len(row.outputs))
    ]
    same({k: np.concatenate([p[k] for p in parts]) for k in whole}, whole, "single images")
    alone = [row.loss.predictions(row.outputs[n : n + 1]) for n in range(len(row.outputs))]
    identical(
        {"predictions": np.concatenate(alone)},
        {"predictions": row.loss.predictions(row.outputs)},
        "single images",
    )


def loss_backward_is_linear(row: LossRow) -> None:
    """Check that ``backward`` of 2·d₁ − 3·d₂ is 2·backward(d₁) − 3·backward(d₂)."""
    losses, backward = row.loss.forward(row.outputs, row.targets)
    first, second = loss_cotangent(losses, 1), loss_cotangent(losses, 2)
    mixed = 2 * backward(first).copy() - 3 * backward(second).copy()
    same({"doutputs": backward(2 * first - 3 * second)}, {"doutputs": mixed}, "2·d₁ − 3·d₂")


LOSS_CONTRACTS: dict[str, Callable[[LossRow], None]] = {
    contract.__name__: contract
    for contract in (
        loss_gradients,
        loss_shapes,
        loss_float_types,
        loss_layouts,
        loss_nothing_modified,
        loss_backward_repeats,
        loss_batch_is_its_images,
        loss_backward_is_linear,
        description_round_trips,
    )
}
