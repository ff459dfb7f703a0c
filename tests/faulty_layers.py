"""Faults that people make in layers, each planted in a layer that is sound without it.

Most are taken from published bug reports of hand-written networks. The function's
name tells the story; the contract that must find it stands above it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from draws import Array, Shape, tied
from layer_descriptors import LayerRow
from sixloops.layers import (
    BatchNorm,
    Context,
    Conv2D,
    Dense,
    Dropout,
    Layer,
    MaxPool2D,
    MeanPool2D,
    ReLU,
    Sigmoid,
    Softmax,
)

Returned = tuple[Array, dict[str, Array]]
Ran = tuple[Array, Callable[[Array], Returned]]


@dataclass(frozen=True)
class Case:
    """One forward pass of a sound layer."""

    sound: Layer
    x: Array
    parameters: dict[str, Array]
    context: Context
    y: Array
    backward: Callable[[Array], Returned]

    def backward_of(self, x: Array | None = None, **parameters: Array) -> Callable[..., Returned]:
        """Return the sound layer's backward for another input or other parameters."""
        given = self.x if x is None else x
        return self.sound.forward(given, {**self.parameters, **parameters}, self.context)[1]


@dataclass(frozen=True)
class Planted(Layer):
    """A shell around a sound layer, in which a fault is planted by overriding a method."""

    sound: Layer

    def output_shape(self, input_shape: Shape) -> Shape:
        return self.sound.output_shape(input_shape)

    def initial_parameters(
        self, input_shape: Shape, random: np.random.Generator, dtype: npt.DTypeLike
    ) -> dict[str, Array]:
        return self.sound.initial_parameters(input_shape, random, dtype)

    def initial_state(self, input_shape: Shape, dtype: npt.DTypeLike) -> dict[str, Array]:
        return self.sound.initial_state(input_shape, dtype)

    def couples_batch(self) -> bool:
        return self.sound.couples_batch()

    def parameter_count(self, input_shape: Shape) -> int:
        return self.sound.parameter_count(input_shape)

    def run_sound(self, x: Array, parameters: Any, context: Any) -> Ran:
        return self.sound.forward(x, parameters, context)

    def forward(self, x: Array, parameters: Any = None, context: Any = None) -> tuple[Array, Any]:
        y, backward = self.run_sound(x, parameters, context)
        case = Case(self.sound, x, parameters, context, y, backward)
        y = self.new_y(case)
        return y, lambda dy: self.new_backward(replace(case, y=y), dy)

    def new_y(self, case: Case) -> Array:
        return case.y

    def new_backward(self, case: Case, dy: Array) -> Returned:
        return case.backward(dy)


CONVOLUTION = LayerRow(Conv2D(3, 3, padding=1), (2, 5, 4))
MEAN = LayerRow(MeanPool2D(2), (2, 4, 6), mass=True)
OVERLAP = LayerRow(MaxPool2D((2, 3), stride=1), (2, 4, 5), mass=True)
TIES = LayerRow(MaxPool2D(2), (2, 6, 4), draw=tied, kinks=0.5, mass=True)
RELU = LayerRow(ReLU(), (2, 3, 4))
SIGMOID = LayerRow(Sigmoid(), (6,))
SOFTMAX = LayerRow(Softmax(), (5,))
DENSE = LayerRow(Dense(3), (4,))
NORM = LayerRow(BatchNorm(), (4,), batch=5)
DROPOUT = LayerRow(Dropout(), (2, 3, 4), random=True)
SOUND_LAYERS = [CONVOLUTION, MEAN, OVERLAP, TIES, RELU, SIGMOID, SOFTMAX, DENSE, NORM, DROPOUT]


@dataclass(frozen=True)
class LayerFault:
    """A fault, the row that it is planted in, and the contract that must find it."""

    contract: str
    row: LayerRow
    method: str
    fault: Callable[..., Any]

    def planted(self) -> LayerRow:
        """Return the row with the fault in its layer."""
        kind: Any = type("Broken", (Planted,), {self.method: self.fault})
        return replace(self.row, layer=dataclass(frozen=True)(kind)(self.row.layer))

    def __str__(self) -> str:
        """Tell the story."""
        return f"{self.contract}: {self.fault.__name__.replace('_', ' ')}"


LAYER_FAULTS: list[LayerFault] = []
Fault = TypeVar("Fault", bound=Callable[..., Any])


def breaks(contract: str, row: LayerRow, method: str = "new_backward") -> Callable[[Fault], Fault]:
    """Plant the decorated function as ``method`` of the row's layer."""

    def plant(fault: Fault) -> Fault:
        LAYER_FAULTS.append(LayerFault(contract, row, method, fault))
        return fault

    return plant


# ---- gradients ---------------------------------------------------------------------------


@breaks("gradients", MEAN)
def mean_pooling_not_divided_by_the_area(self: Planted, case: Case, dy: Array) -> Returned:
    return 4 * case.backward(dy)[0], {}


@breaks("gradients", OVERLAP)
def overlapping_windows_assign_instead_of_adding(self: Planted, case: Case, dy: Array) -> Returned:
    dx = np.zeros_like(case.x)
    for place in np.ndindex(dy.shape):
        one = np.zeros_like(dy)
        one[place] = dy[place]
        part = case.backward(one)[0]
        dx[part != 0] = part[part != 0]
    return dx, {}


@breaks("gradients", OVERLAP)
def a_return_inside_the_loop_leaves_one_patch(self: Planted, case: Case, dy: Array) -> Returned:
    first = np.zeros_like(dy)
    first[..., 0, 0] = dy[..., 0, 0]
    return case.backward(first)


@breaks("gradients", OVERLAP)
def the_first_images_switches_for_all(self: Planted, case: Case, dy: Array) -> Returned:
    return case.backward_of(np.broadcast_to(case.x[:1], case.x.shape))(dy)


@breaks("gradients", CONVOLUTION)
def kernel_not_rotated(self: Planted, case: Case, dy: Array) -> Returned:
    turned = case.parameters["weight"][:, :, ::-1, ::-1]
    return case.backward_of(weight=turned)(dy)[0], case.backward(dy)[1]


@breaks("gradients", CONVOLUTION)
def weight_gradient_rotated(self: Planted, case: Case, dy: Array) -> Returned:
    dx, gradients = case.backward(dy)
    return dx, {**gradients, "weight": gradients["weight"][:, :, ::-1, ::-1]}


@breaks("gradients", CONVOLUTION)
def input_channels_swapped(self: Planted, case: Case, dy: Array) -> Returned:
    dx, gradients = case.backward(dy)
    return dx[:, ::-1], gradients


@breaks("gradients", CONVOLUTION)
def weight_gradient_of_the_last_image_only(self: Planted, case: Case, dy: Array) -> Returned:
    last = np.zeros_like(dy)
    last[-1] = dy[-1]
    dx, gradients = case.backward(dy)
    return dx, {**gradients, "weight": case.backward(last)[1]["weight"]}


@breaks("gradients", CONVOLUTION)
def bias_gradient_summed_over_every_axis(self: Planted, case: Case, dy: Array) -> Returned:
    dx, gradients = case.backward(dy)
    return dx, {**gradients, "bias": np.full_like(gradients["bias"], dy.sum())}


@breaks("gradients", CONVOLUTION)
def bias_never_learns(self: Planted, case: Case, dy: Array) -> Returned:
    dx, gradients = case.backward(dy)
    return dx, {**gradients, "bias": np.zeros_like(gradients["bias"])}


@breaks("gradients", RELU)
def relu_drops_the_gradient_from_above(self: Planted, case: Case, dy: Array) -> Returned:
    return (case.x > 0).astype(dy.dtype), {}


@breaks("gradients", SIGMOID)
def derivative_forgotten(self: Planted, case: Case, dy: Array) -> Returned:
    return dy, {}


@breaks("gradients", SIGMOID)
def derivative_taken_at_the_output(self: Planted, case: Case, dy: Array) -> Returned:
    return case.backward_of(case.y)(dy)


@breaks("gradients", SIGMOID)
def derivative_taken_twice(self: Planted, case: Case, dy: Array) -> Returned:
    return case.backward(case.backward(dy)[0])


@breaks("gradients", SIGMOID)
def sign_turned(self: Planted, case: Case, dy: Array) -> Returned:
    return -case.backward(dy)[0], {}


@breaks("gradients", SIGMOID)
def the_input_returned(self: Planted, case: Case, dy: Array) -> Returned:
    return case.x, {}


@breaks("gradients", SIGMOID)
def a_gradient_that_is_not_finite(self: Planted, case: Case, dy: Array) -> Returned:
    return np.full_like(case.x, np.nan), {}


@breaks("gradients", SOFTMAX)
def the_jacobians_diagonal_only(self: Planted, case: Case, dy: Array) -> Returned:
    return dy * case.y * (1 - case.y), {}


@breaks("gradients", NORM)
def mean_and_variance_taken_as_constants(self: Planted, case: Case, dy: Array) -> Returned:
    dx, gradients = case.backward(dy)
    scale = case.parameters["gamma"] / np.sqrt(case.x.var(axis=0) + 1e-5)
    return dy * scale if case.context.training else dx, gradients


@breaks("gradients", NORM)
def nothing_returned_where_a_cotangent_of_ones_gives_nothing(
    self: Planted, case: Case, dy: Array
) -> Returned:
    dx, gradients = case.backward(dy)
    return np.zeros_like(dx) if case.context.training else dx, gradients


@breaks("gradients", DENSE)
def gradient_off_by_a_millionth(self: Planted, case: Case, dy: Array) -> Returned:
    dx, gradients = case.backward(dy)
    return dx, {**gradients, "weight": gradients["weight"] * (1 + 1e-6)}


@breaks("gradients", DENSE, "new_y")
def output_that_nothing_changes(self: Planted, case: Case) -> Array:
    return np.zeros_like(case.y)


@breaks("gradients", DROPOUT)
def another_mask_in_backward(self: Planted, case: Case, dy: Array) -> Returned:
    return case.backward_of()(dy)


# ---- shapes and types --------------------------------------------------------------------


@breaks("shape_rule", CONVOLUTION, "output_shape")
def height_and_width_swapped(self: Planted, input_shape: Shape) -> Shape:
    filters, down, across = self.sound.output_shape(input_shape)
    return filters, across, down


@breaks("shape_rule", CONVOLUTION, "output_shape")
def shape_with_the_batch(self: Planted, input_shape: Shape) -> Shape:
    return 2, *self.sound.output_shape(input_shape)


@breaks("shape_rule", MEAN, "output_shape")
def shape_of_numpy_numbers(self: Planted, input_shape: Shape) -> Shape:
    return tuple(np.array(self.sound.output_shape(input_shape)))


@breaks("shape_rule", DENSE)
def gradient_transposed(self: Planted, case: Case, dy: Array) -> Returned:
    dx, gradients = case.backward(dy)
    return dx, {**gradients, "weight": gradients["weight"].T}


@breaks("shape_rule", MEAN)
def gradient_flattened(self: Planted, case: Case, dy: Array) -> Returned:
    return case.backward(dy)[0].reshape(len(dy), -1), {}


@breaks("float_types", SIGMOID, "new_y")
def output_turned_into_float64(self: Planted, case: Case) -> Array:
    return case.y * np.float64(1.0)


@breaks("float_types", DENSE)
def gradient_turned_into_float64(self: Planted, case: Case, dy: Array) -> Returned:
    dx, gradients = case.backward(dy)
    return dx, {**gradients, "bias": gradients["bias"].astype(np.float64)}


@breaks("float_types", DENSE, "run_sound")
def everything_computed_in_float32(
    self: Planted, x: Array, parameters: Any, context: Context
) -> Ran:
    single = {name: array.astype(np.float32) for name, array in parameters.items()}
    return self.sound.forward(x.astype(np.float32), single, context)


@breaks("float_types", DENSE, "new_y")
def another_formula_for_float32(self: Planted, case: Case) -> Array:
    return case.y if case.x.dtype == np.float64 else case.y * np.float32(1.01)


# ---- memory ------------------------------------------------------------------------------


@breaks("input_layouts", RELU, "run_sound")
def input_read_in_the_order_of_memory(
    self: Planted, x: Array, parameters: Any, context: Context
) -> Ran:
    return self.sound.forward(x.ravel(order="K").reshape(x.shape), parameters, context)


@breaks("cotangent_layouts", RELU)
def cotangent_read_in_the_order_of_memory(self: Planted, case: Case, dy: Array) -> Returned:
    return case.backward(dy.ravel(order="K").reshape(dy.shape))


@breaks("nothing_modified", RELU, "run_sound")
def activation_in_place(self: Planted, x: Array, parameters: Any, context: Context) -> Ran:
    y, backward = self.sound.forward(x.copy(), parameters, context)
    x[...] = y
    return y, backward


@breaks("nothing_modified", RELU)
def cotangent_masked_in_place(self: Planted, case: Case, dy: Array) -> Returned:
    dy *= case.x > 0
    return dy, {}


@breaks("nothing_modified", SIGMOID)
def output_reused_for_the_gradient(self: Planted, case: Case, dy: Array) -> Returned:
    case.y[...] = case.backward(dy)[0]
    return case.y, {}


@breaks("nothing_modified", DENSE)
def weights_updated_in_backward(self: Planted, case: Case, dy: Array) -> Returned:
    dx, gradients = case.backward(dy)
    case.parameters["weight"][...] -= 0.1 * gradients["weight"]
    return dx, gradients


@breaks("nothing_modified", NORM, "new_y")
def state_updated_in_place(self: Planted, case: Case) -> Array:
    state: Any = case.context.state
    state["running_mean"] += 1.0
    return case.y


@breaks("read_only_accepted", RELU, "run_sound")
def input_changed_and_put_back(self: Planted, x: Array, parameters: Any, context: Context) -> Ran:
    result = self.sound.forward(x, parameters, context)
    x += 0
    return result


# ---- calls -------------------------------------------------------------------------------


@breaks("backward_repeats", CONVOLUTION, "run_sound")
def gradients_accumulate(self: Planted, x: Array, parameters: Any, context: Context) -> Ran:
    y, backward = self.sound.forward(x, parameters, context)
    collected = {name: np.zeros_like(array) for name, array in parameters.items()}

    def accumulating(dy: Array) -> Returned:
        dx, gradients = backward(dy)
        for name, gradient in gradients.items():
            collected[name] += gradient
        return dx, collected

    return y, accumulating


@breaks("calls_are_independent", RELU, "run_sound")
def the_last_input_kept_on_the_class(
    self: Planted, x: Array, parameters: Any, context: Context
) -> Ran:
    kind: Any = type(self)
    y, kind.last = self.sound.forward(x, parameters, context)
    return y, lambda dy: kind.last(dy)


@breaks("batch_is_its_images", RELU, "new_y")
def the_batchs_mean_subtracted(self: Planted, case: Case) -> Array:
    return np.asarray(case.y - case.y.mean(axis=0))


@breaks("batch_is_its_images", MEAN, "new_y")
def batch_and_channels_mixed_by_a_reshape(self: Planted, case: Case) -> Array:
    return case.y.swapaxes(0, 1).reshape(case.y.shape)


@breaks("batch_is_its_images", DENSE)
def gradient_divided_by_the_batch(self: Planted, case: Case, dy: Array) -> Returned:
    dx, gradients = case.backward(dy)
    return dx, {name: gradient / len(dy) for name, gradient in gradients.items()}


# ---- training and evaluation -------------------------------------------------------------


@breaks("coupling_is_declared", NORM, "couples_batch")
def coupling_denied(self: Planted) -> bool:
    return False


@breaks("coupling_is_declared", RELU, "couples_batch")
def coupling_claimed(self: Planted) -> bool:
    return True


@breaks("randomness_is_declared", RELU, "new_y")
def values_doubled_while_training(self: Planted, case: Case) -> Array:
    return case.y * 2 if case.context.training else case.y


@breaks("randomness_is_declared", DROPOUT, "run_sound")
def dropout_that_never_drops(self: Planted, x: Array, parameters: Any, context: Context) -> Ran:
    return self.sound.forward(x, parameters, Context())


@breaks("training_repeats", DROPOUT, "run_sound")
def a_generator_of_its_own(self: Planted, x: Array, parameters: Any, context: Context) -> Ran:
    fresh = replace(context, random=np.random.default_rng())
    return self.sound.forward(x, parameters, fresh)


@breaks("training_repeats", replace(DROPOUT, random=False))
def drawing_without_saying_so(self: Planted, case: Case, dy: Array) -> Returned:
    return case.backward(dy)


@breaks("state_is_updated", NORM, "run_sound")
def running_values_forgotten(self: Planted, x: Array, parameters: Any, context: Context) -> Ran:
    return self.sound.forward(x, parameters, replace(context, updates={}))


@breaks("state_is_updated", NORM, "new_y")
def running_values_updated_while_evaluating(self: Planted, case: Case) -> Array:
    case.context.updates.update(case.context.state)
    return case.y


@breaks("state_is_updated", NORM, "new_y")
def running_values_turned_into_float64(self: Planted, case: Case) -> Array:
    for name, array in case.context.updates.items():
        case.context.updates[name] = array.astype(np.float64)
    return case.y


# ---- sums --------------------------------------------------------------------------------


@breaks("mass", TIES)
def every_tied_winner_gets_the_gradient(self: Planted, case: Case, dy: Array) -> Returned:
    largest = case.y.repeat(2, axis=2).repeat(2, axis=3)
    return np.where(case.x == largest, dy.repeat(2, axis=2).repeat(2, axis=3), 0), {}


@breaks("mass", MEAN)
def mean_pooling_repeats_without_dividing(self: Planted, case: Case, dy: Array) -> Returned:
    return dy.repeat(2, axis=2).repeat(2, axis=3), {}


@breaks("gradient_names", DENSE)
def a_gradient_is_missing(self: Planted, case: Case, dy: Array) -> Returned:
    dx, gradients = case.backward(dy)
    return dx, {"weight": gradients["weight"]}


@breaks("gradient_names", RELU)
def a_gradient_of_nothing(self: Planted, case: Case, dy: Array) -> Returned:
    return case.backward(dy)[0], {"weight": dy}


@breaks("backward_is_linear", SIGMOID)
def gradient_clipped(self: Planted, case: Case, dy: Array) -> Returned:
    return np.clip(case.backward(dy)[0], -0.1, 0.1), {}


@breaks("backward_is_linear", DENSE)
def weight_decay_inside(self: Planted, case: Case, dy: Array) -> Returned:
    dx, gradients = case.backward(dy)
    return dx, {**gradients, "weight": gradients["weight"] + 0.1 * case.parameters["weight"]}


# ---- descriptions and beginnings ---------------------------------------------------------


@breaks("description_round_trips", RELU, "__post_init__")
def hyper_parameters_that_are_no_plain_data(self: Planted) -> None:
    object.__setattr__(self, "sound", {1, 2})


@breaks("description_round_trips", RELU, "__post_init__")
def hyper_parameters_that_have_no_hash(self: Planted) -> None:
    object.__setattr__(self, "sound", [1, 2])


@breaks("description_round_trips", RELU, "__eq__")
def descriptions_equal_to_none(self: Planted, other: object) -> bool:
    return False


@breaks("description_round_trips", RELU, "__hash__")
def a_hash_by_identity(self: Planted) -> int:
    return id(self)


@breaks("initial_parameters_repeat", DENSE, "initial_parameters")
def weights_drawn_in_their_own_type(
    self: Planted, input_shape: Shape, random: np.random.Generator, dtype: Any
) -> dict[str, Array]:
    return {"weight": random.standard_normal(5, dtype=np.dtype(dtype).type)}


@breaks("initial_parameters_repeat", DENSE, "initial_parameters")
def weights_from_no_seed(
    self: Planted, input_shape: Shape, random: np.random.Generator, dtype: Any
) -> dict[str, Array]:
    return self.sound.initial_parameters(input_shape, np.random.default_rng(), dtype)


@breaks("initial_parameters_repeat", DENSE, "initial_parameters")
def weights_always_in_float64(
    self: Planted, input_shape: Shape, random: np.random.Generator, dtype: Any
) -> dict[str, Array]:
    return self.sound.initial_parameters(input_shape, random, np.float64)


@breaks("parameter_count", CONVOLUTION, "parameter_count")
def biases_not_counted(self: Planted, input_shape: Shape) -> int:
    return self.sound.parameter_count(input_shape) - 3
