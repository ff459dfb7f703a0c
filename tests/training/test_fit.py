"""The training loop: it learns, it is reproducible, and it says where it breaks."""

import os
import re
import signal
import threading
from dataclasses import dataclass

import numpy as np
import pytest

from sixloops.data import Dataset
from sixloops.data.augmentation import Shift
from sixloops.engine import Plan
from sixloops.errors import ConfigurationError, DataError, NonFiniteError, ShapeError
from sixloops.layers import (
    BatchNorm,
    Context,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool2D,
    ReLU,
    Rescale,
    Residual,
    Sequential,
)
from sixloops.losses import Loss, SquaredError
from sixloops.network import Network
from sixloops.optimizers import SGD, Adam, Momentum
from sixloops.regularizers import L2, Regularizer
from sixloops.schedules import ReduceOnPlateau, Schedule
from sixloops.training import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EvaluateEvery,
    History,
    Run,
    Settings,
    evaluate,
    fit,
)


def blobs(count=96, seed=0, side=8):
    """Images with one bright quarter, which is the class; easy, but not without a network."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 4, count)
    images = random.integers(0, 120, (count, 1, side, side), dtype=np.uint8)
    half = side // 2
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 2)
        image[0, row * half : (row + 1) * half, column * half : (column + 1) * half] += 90
    return Dataset(images, labels)


def small_network(seed=0, extra=(), **options):
    layers = [
        Rescale(1 / 255),
        Conv2D(4, 3, activation="relu"),
        MaxPool2D(2),
        *extra,
        Flatten(),
        Dense(4),
    ]
    return Network(layers, input_shape=(1, 8, 8), seed=seed, **options)


def bits(network):
    arrays = {**network.parameters, **network.state}
    return {name: array.tobytes() for name, array in arrays.items()}


def test_it_learns():
    network, data = small_network(), blobs()
    before = evaluate(network, data)
    history = fit(network, data, epochs=8, batch_size=16, optimizer=Momentum(0.1), validation=data)
    after = evaluate(network, data)
    assert before.accuracy < 0.6
    assert after.accuracy == 1.0
    assert after.loss < before.loss / 5
    assert history.epochs[-1]["validation_accuracy"] == 1.0
    assert history.epochs[-1]["validation_loss"] == pytest.approx(after.loss)
    assert len(history.epochs) == 8
    assert history.stopped is None


@dataclass(frozen=True)
class Swish(Layer):
    """A layer as a user writes it."""

    def forward(self, x, parameters=None, context=None):
        s = 1 / (1 + np.exp(-x))
        y = x * s

        def backward(dy):
            return dy * (s + y * (1 - s)), {}

        return y, backward


@dataclass(frozen=True)
class Gain(Layer):
    """A user's layer that learns."""

    def initial_parameters(self, input_shape, random, dtype):
        return {"gain": np.ones(input_shape[0], dtype)}

    def forward(self, x, parameters, context):
        gain = parameters["gain"][:, None, None]

        def backward(dy):
            return dy * gain, {"gain": (dy * x).sum(axis=(0, 2, 3))}

        return x * gain, backward


def test_a_users_layers_train_beside_ours():
    network = small_network(extra=[Swish(), Gain()])
    start = network.parameters["3.gain" if "3.gain" in network.parameters else "4.gain"].copy()
    fit(network, blobs(), epochs=6, batch_size=16, optimizer=Momentum(0.1))
    assert evaluate(network, blobs()).accuracy > 0.9
    assert (network.parameters["4.gain"] != start).all()


@pytest.mark.parametrize("extra", [[], [Dropout(0.3)], [BatchNorm(), Dropout(0.3)]])
def test_threads_do_not_change_the_bits(extra):
    reached = []
    for threads in (1, 2, 4):
        network = small_network(extra=extra)
        fit(
            network,
            blobs(90),
            epochs=2,
            batch_size=40,
            optimizer=Adam(0.01),
            augmentation=Shift(1),
            threads=threads,
        )
        reached.append(bits(network))
    assert reached[0] == reached[1] == reached[2]


def test_the_seed_decides_the_bits():
    reached = []
    for seed in (3, 3, 4):
        network = small_network()
        fit(network, blobs(), epochs=1, batch_size=16, seed=seed)
        reached.append(bits(network))
    assert reached[0] == reached[1] != reached[2]


@pytest.mark.parametrize("extra", [[], [Sequential([ReLU(), BatchNorm()])]])
def test_gradients_of_the_plan_are_those_of_the_whole_network(extra):
    network = small_network(dtype=np.float64, extra=extra)
    images, labels = blobs(37).take(np.arange(37))
    with Plan(network, batch_size=37) as plan:
        step = plan.step(images.astype(float), labels)

    context = Context(training=True, state=network.state)
    y, backward = network.root.forward(images.astype(float), network.parameters, context)
    losses, loss_backward = network.loss.forward(y, labels)
    _, gradients = backward(loss_backward(np.full(37, 1 / 37)))
    assert step.loss == pytest.approx(losses.mean(), rel=1e-12)
    assert gradients.keys() == step.gradients.keys()
    for name, gradient in gradients.items():
        np.testing.assert_allclose(step.gradients[name], gradient, rtol=1e-10, atol=1e-14)
    assert step.updates.keys() == network.state.keys()
    for name, value in context.updates.items():
        np.testing.assert_allclose(step.updates[name], value, rtol=1e-12)


def test_running_statistics_follow_the_batches():
    network = small_network(extra=[BatchNorm()])
    before = {name: array.copy() for name, array in network.state.items()}
    fit(network, blobs(), epochs=2, batch_size=16)
    assert all((network.state[name] != before[name]).all() for name in before)


def test_regularizer_pulls_weights_but_not_biases():
    data = blobs()
    plain, pulled = small_network(), small_network()
    fit(plain, data, epochs=2, optimizer=SGD(0.01))
    fit(pulled, data, epochs=2, optimizer=SGD(0.01), regularizers=[L2(5.0)])
    assert (
        np.abs(pulled.parameters["4.weight"]).sum()
        < 0.9 * np.abs(plain.parameters["4.weight"]).sum()
    )
    # In one step the same gradients meet the same weights: a bias differs by a penalty alone.
    plain, pulled = small_network(), small_network()
    for network, penalties in ((plain, []), (pulled, [L2(5.0)])):
        for bias in (name for name in network.parameters if name.endswith("bias")):
            network.parameters[bias] += 1
        some = data.first(16)
        fit(network, some, epochs=1, batch_size=16, optimizer=SGD(0.01), regularizers=penalties)
    for name, array in plain.parameters.items():
        equal = np.array_equal(array, pulled.parameters[name])
        assert equal == name.endswith("bias"), name


@pytest.mark.parametrize("regularizers", [[], [L2(5.0)]], ids=["data", "penalty too"])
def test_clipping_bounds_the_step(regularizers):
    network = small_network()
    before = {name: array.copy() for name, array in network.parameters.items()}
    options = {"optimizer": SGD(1.0), "clip_norm": 1e-3, "regularizers": regularizers}
    fit(network, blobs(16), epochs=1, batch_size=16, **options)
    moved = sum(((network.parameters[n] - before[n]).astype(float) ** 2).sum() for n in before)
    assert np.sqrt(moved) == pytest.approx(1e-3, rel=1e-3)


def test_schedule_sees_the_monitored_loss():
    network = small_network()
    history = fit(
        network,
        blobs(),
        epochs=4,
        optimizer=SGD(1e-9),
        schedule=ReduceOnPlateau(patience=1, decay=0.5, minimum_change=1e-3),
    )
    rates = [record["rate"] for record in history.epochs]
    assert rates[0] == 1e-9
    assert rates[-1] < rates[0]


def test_early_stopping_says_why():
    history = fit(
        small_network(), blobs(), epochs=50, optimizer=SGD(1e-12), callbacks=[EarlyStopping(2)]
    )
    assert len(history.epochs) < 10
    assert history.stopped == "no better loss for 2 epochs"


def test_a_function_is_a_callback():
    seen = []
    fit(
        small_network(),
        blobs(),
        epochs=2,
        callbacks=[lambda run: seen.append((run.epoch, run.history.epochs[-1]["loss"]))],
    )
    assert [epoch for epoch, _ in seen] == [1, 2]


def test_evaluation_on_random_subsets_is_recorded_and_reproducible():
    records = []
    for _ in range(2):
        history = fit(
            small_network(),
            blobs(),
            epochs=2,
            batch_size=16,
            callbacks=[EvaluateEvery(4, images=20)],
        )
        records.append(
            [{k: v for k, v in r.items() if k != "seconds"} for r in history.of("evaluation")]
        )
    assert [record["step"] for record in records[0]] == [4, 8, 12]
    assert all(record["images"] == 20 for record in records[0])
    assert records[0] == records[1]


def test_the_last_batch_may_be_smaller():
    history = fit(small_network(), blobs(50), epochs=1, batch_size=16, record_every=1)
    assert history.epochs[0]["step"] == 4
    mean = sum(r["loss"] * n for r, n in zip(history.of("step"), (16, 16, 16, 2), strict=True)) / 50
    assert history.epochs[0]["loss"] == pytest.approx(mean)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"epochs": 0}, "The 'epochs' of fit must be a whole number of at least 1. Got 0."),
        ({"batch_size": 2.5}, "'batch_size'"),
        ({"optimizer": "sgd"}, r"such as sixloops\.optimizers\.Adam.* Write optimizer=SGD\("),
        ({"optimizer": Adam}, r"Write optimizer=Adam\("),
        ({"optimizer": "best"}, r"Got 'best'\.$"),
        ({"schedule": "Cosine"}, r"Write schedule=Cosine\("),
        ({"schedule": None}, r"such as sixloops\.schedules\.Cosine"),
        ({"regularizers": [0.1]}, r"\[sixloops\.regularizers\.L2"),
        ({"augmentation": 3}, r"such as sixloops\.data\.Shift"),
        ({"clip_norm": -1}, "above 0"),
        ({"average": 1.0}, "The 'average' of fit must be a number above 0 and below 1"),
        ({"threads": 0}, "The 'threads' of a plan must be"),
        ({"callbacks": [3]}, "Callback objects or functions"),
        ({"seed": -1}, "'seed'"),
    ],
)
def test_wrong_options(change, words):
    with pytest.raises(ConfigurationError, match=words):
        fit(small_network(), blobs(), **change)


def test_images_and_labels_side_by_side():
    data = blobs()
    with pytest.raises(ConfigurationError, match=r"fit\(network, Dataset\(images, labels\)\)"):
        fit(small_network(), data.images, data.labels)


def test_data_of_another_shape_or_with_other_labels():
    with pytest.raises(
        DataError, match=r"'data' does not fit.*\(batch, 1, 8, 8\).*\(50, 1, 9, 9\)"
    ):
        fit(small_network(), blobs(50, side=9))
    data = blobs()
    with pytest.raises(DataError, match="does not fit"):
        fit(small_network(), Dataset(data.images, data.labels + 3))
    with pytest.raises(DataError, match="must be a Dataset"):
        fit(small_network(), (data.images, data.labels))
    with pytest.raises(DataError, match="'validation' does not fit"):
        fit(small_network(), data, validation=blobs(side=9))


@pytest.mark.filterwarnings("error")
def test_not_finite_names_layer_parameter_and_step():
    # Without a ReLU, whose units may all die before anything is infinite.
    network = Network([Flatten(), Dense(4)], (1, 8, 8), loss=SquaredError())
    with pytest.raises(NonFiniteError, match=r"at step \d+ \(epoch \d+, rate 1e\+30\).*layer"):
        fit(network, blobs(), epochs=5, optimizer=SGD(1e30))


def test_not_finite_output_names_the_first_layer():
    network = small_network(extra=[returning(lambda x: (x * np.nan, lambda dy: (dy, {})))])
    with pytest.raises(NonFiniteError, match=r"step 1 .*output of layer 3 \(Odd\) is the first"):
        fit(network, blobs(), epochs=1)


@dataclass(frozen=True)
class Exploding(Layer):
    """A layer whose gradient is not finite."""

    def initial_parameters(self, input_shape, random, dtype):
        return {"weight": np.ones(1, dtype)}

    def forward(self, x, parameters, context):
        return x, lambda dy: (dy, {"weight": np.array([np.inf], x.dtype)})


def test_not_finite_gradient_names_the_parameter():
    with pytest.raises(NonFiniteError, match=r"gradient '3.weight' of layer 3 \(Exploding\)"):
        fit(small_network(extra=[Exploding()]), blobs(), epochs=1)


@dataclass(frozen=True)
class WrongShape(Layer):
    """A user's layer that forgot its shape rule."""

    def forward(self, x, parameters, context):
        return x[:, :, :2], lambda dy: (dy, {})


@dataclass(frozen=True)
class WrongBackward(Layer):
    """A user's layer whose dx has another shape."""

    def forward(self, x, parameters, context):
        return x, lambda dy: (dy[:1], {})


@dataclass(frozen=True)
class NoGradient(Layer):
    """A user's layer that forgot a gradient."""

    def initial_parameters(self, input_shape, random, dtype):
        return {"weight": np.ones(1, dtype)}

    def forward(self, x, parameters, context):
        return x * parameters["weight"], lambda dy: (dy * parameters["weight"], {})


@pytest.mark.parametrize(
    ("layer", "kind", "words"),
    [
        (WrongShape(), ShapeError, "Layer 3: The output from WrongShape.forward must have shape"),
        (WrongBackward(), ShapeError, "Layer 3: The dx from WrongBackward.backward must have"),
        (NoGradient(), ConfigurationError, "must return a gradient for its parameter '3.weight'"),
    ],
)
def test_a_users_faulty_layer_is_named(layer, kind, words):
    with pytest.raises(kind, match=words):
        fit(small_network(extra=[layer]), blobs(), epochs=1)


class InterruptAt(Callback):
    def __init__(self, *steps):
        self.steps = steps

    def on_step_end(self, run, plan):
        for _ in range(self.steps.count(run.step)):
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def handled():
    """Ctrl-C's usual handler, even if the tests run as a job in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_cleanly_with_a_checkpoint(tmp_path, handled):
    network = small_network()
    with pytest.raises(KeyboardInterrupt, match=r"fit ended after 9 of \d+ steps"):
        fit(
            network,
            blobs(),
            epochs=5,
            batch_size=16,
            callbacks=[InterruptAt(9), Checkpoint(tmp_path)],
        )
    assert signal.getsignal(signal.SIGINT) is handled
    fit(network, blobs(), epochs=5, batch_size=16, resume=tmp_path / "last.safetensors")
    straight = small_network()
    fit(straight, blobs(), epochs=5, batch_size=16)
    assert bits(network) == bits(straight)


def test_a_callback_that_stops_by_this_word_raises_nothing():
    history = fit(small_network(), blobs(), callbacks=[lambda run: run.stop("interrupted")])
    assert (history.stopped, len(history.epochs)) == ("interrupted", 1)


def test_of_several_reasons_to_stop_the_first_counts():
    stops = [lambda run: run.stop("enough"), lambda run: run.stop("more than enough")]
    assert fit(small_network(), blobs(), epochs=3, callbacks=stops).stopped == "enough"


def test_ctrl_c_may_return_the_history(handled):
    options = {"epochs": 5, "callbacks": [InterruptAt(1)], "raise_interrupt": False}
    assert fit(small_network(), blobs(), **options).stopped == "interrupted"


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_stops_a_loop_over_set_ups(handled, presses):
    tried = []

    def search():
        for seed in range(3):
            tried.append(seed)
            fit(small_network(), blobs(), callbacks=[InterruptAt(*[1] * presses)], seed=seed)

    with pytest.raises(KeyboardInterrupt):
        search()
    assert tried == [0]


def test_a_second_ctrl_c_ends_at_once(handled):
    with pytest.raises(KeyboardInterrupt):
        fit(small_network(), blobs(), epochs=5, callbacks=[InterruptAt(1, 1)])
    assert signal.getsignal(signal.SIGINT) is handled


def test_ctrl_c_stays_ignored_in_the_background(handled):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    history = fit(small_network(), blobs(), epochs=2, callbacks=[InterruptAt(1)])
    assert history.stopped is None
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_two_networks_train_in_two_threads():
    def train(into, seed):
        network = small_network(seed=seed)
        fit(network, blobs(seed=seed), epochs=2, batch_size=16, seed=seed)
        into[seed] = bits(network)

    alone, together = {}, {}
    for seed in (1, 2):
        train(alone, seed)
    threads = [threading.Thread(target=train, args=(together, seed)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert alone == together


class Failing(Callback):
    def __init__(self, where):
        self.where = where
        self.ended = False
        setattr(self, where, self.fail)

    def fail(self, run, plan):
        raise RuntimeError(f"failed in {self.where}")

    def on_train_end(self, run, plan):
        self.ended = True


@pytest.mark.parametrize("where", ["on_train_start", "on_step_end", "on_epoch_end", "on_train_end"])
def test_a_failing_callback_keeps_no_other_from_its_end(where, tmp_path):
    first, failing, last = Failing("nowhere"), Failing(where), Failing("nowhere")
    callbacks = [first, failing, last, Checkpoint(tmp_path / "run", every_seconds=1000)]
    with pytest.raises(RuntimeError, match=f"failed in {where}"):
        fit(small_network(), blobs(), epochs=1, callbacks=callbacks)
    assert first.ended
    assert last.ended
    assert (tmp_path / "run" / "best.safetensors").exists() == (where == "on_train_end")


def test_a_state_that_is_not_finite_stops_the_run():
    network = Network([Flatten(), Rescale(1e25), BatchNorm(), Dense(4)], (1, 8, 8))
    with pytest.raises(NonFiniteError, match=r"the state '2\.running_variance' of layer 2"):
        fit(network, blobs(), epochs=1)


@pytest.mark.parametrize("callbacks", [(), (EvaluateEvery(1),)])
def test_a_validation_loss_that_is_not_finite_stops_the_run(callbacks, tmp_path):
    network = Network([Flatten(), Dense(4)], (1, 8, 8), loss=SquaredError())
    bright = Dataset(np.full((4, 1, 8, 8), 1e30, np.float32), [0, 1, 2, 3])
    options = {"validation": bright, "callbacks": [*callbacks, Checkpoint(tmp_path)]}
    what = "a random subset" if callbacks else "the validation set"
    with pytest.raises(NonFiniteError, match=rf"the loss on {what} is inf\. Try a lower"):
        fit(network, blobs(), epochs=1, optimizer=SGD(1e-6), **options)


@dataclass(frozen=True)
class Holder(Layer):
    """Holds a layer and forgets to ask it whether it couples the batch."""

    inner: Layer

    def initial_parameters(self, input_shape, random, dtype):
        return self.inner.initial_parameters(input_shape, random, dtype)

    def initial_state(self, input_shape, dtype):
        return self.inner.initial_state(input_shape, dtype)

    def forward(self, x, parameters, context):
        return self.inner.forward(x, parameters, context)


def test_a_layer_that_couples_the_batch_sees_all_of_it_said_or_not():
    histories = [
        fit(small_network(extra=[layer]), blobs(), epochs=1).epochs[-1]["loss"]
        for layer in (BatchNorm(), Holder(BatchNorm()))
    ]
    assert histories[0] == pytest.approx(histories[1], rel=1e-5)


def test_a_step_takes_no_more_images_than_its_plan_was_made_for():
    images, labels = blobs().take(np.arange(20))
    with Plan(small_network(), 16) as plan, pytest.raises(ConfigurationError, match="1 to 16"):
        plan.step(images, labels)


def test_images_that_are_true_or_false_train():
    data = blobs()
    fit(small_network(), Dataset(data.images > 100, data.labels), epochs=1)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"callbacks": print}, "'callbacks' of fit must be a list"), ({"regularizers": 5}, "Got 5")],
)
def test_no_lists(options, words):
    with pytest.raises(ConfigurationError, match=words):
        fit(small_network(), blobs(), **options)


@pytest.mark.parametrize("k", [0, 1.5, "5"])
def test_top_k_of_no_classes(k):
    with pytest.raises(ConfigurationError, match="The 'k' of evaluate must be"):
        evaluate(small_network(), blobs(), k=k)


def returning(y_and_backward):
    """Build a layer of one's own that returns what ``y_and_backward`` makes of its input."""

    @dataclass(frozen=True)
    class Odd(Layer):
        def forward(self, x, parameters=None, context=None):
            return y_and_backward(x)

    return Odd()


@pytest.mark.parametrize(
    ("forward", "got"),
    [
        (lambda x: None, "NoneType"),
        (lambda x: x, "ndarray"),
        (lambda x: (None, lambda dy: (dy, {})), "NoneType, function"),
        (lambda x: (x.tolist(), lambda dy: (dy, {})), "list, function"),
        (lambda x: (x, None), "ndarray, NoneType"),
    ],
)
@pytest.mark.parametrize("nest", [lambda layer: layer, lambda layer: Residual([layer])])
def test_a_forward_that_returns_something_else_is_named(forward, got, nest):
    network = Network([Flatten(), nest(returning(forward)), Dense(3)], input_shape=(1, 4, 4))
    images = np.zeros((6, 1, 4, 4), np.float32)
    words = rf"forward of layer [\w.]+ \(Odd\) must return \(y, backward\), .* Got {got}\."
    with pytest.raises(ConfigurationError, match=words):
        fit(network, Dataset(images, [0, 1, 2] * 2), epochs=1)
    with pytest.raises(ConfigurationError, match=words):
        network.predict(images)


@pytest.mark.parametrize(
    ("backward", "got"),
    [
        (lambda dy: None, "NoneType"),
        (lambda dy: dy, "ndarray"),
        (lambda dy: (None, {}), "NoneType, dict"),
        (lambda dy: (dy, None), "ndarray, NoneType"),
        (lambda dy: (dy, {"w": 1.0}), "ndarray, dict"),
    ],
)
def test_a_backward_that_returns_something_else_is_named(backward, got):
    layers = [Flatten(), Dense(16), returning(lambda x: (x, backward)), Dense(3)]
    network = Network(layers, input_shape=(1, 4, 4))
    data = Dataset(np.zeros((6, 1, 4, 4), np.float32), [0, 1, 2] * 2)
    words = rf"backward of layer 2 \(Odd\) must return \(dx, gradients\), .* Got {got}\."
    with pytest.raises(ConfigurationError, match=words):
        fit(network, data, epochs=1)


@pytest.mark.parametrize("network", [None, [Dense(3)]])
def test_something_that_is_no_network_is_refused(network):
    data = Dataset(np.zeros((3, 1, 4, 4), np.float32), [0, 1, 2])
    with pytest.raises(ConfigurationError, match="'network' must be a Network"):
        fit(network, data, epochs=1)
    with pytest.raises(ConfigurationError, match="'network' must be a Network"):
        evaluate(network, data)


@pytest.mark.parametrize("kind", ["int64", "complex64", "object"])
def test_arrays_of_no_floats_from_a_users_layer_are_named(kind):
    data = Dataset(np.zeros((6, 1, 4, 4), np.float32), [0, 1, 2] * 2)
    ahead = returning(lambda x: (x.astype(kind), lambda dy: (dy, {})))
    back = returning(lambda x: (x, lambda dy: (dy.astype(kind), {})))
    for layer, method in ((ahead, "forward"), (back, "backward")):
        network = Network([Flatten(), Dense(16), layer, Dense(3)], input_shape=(1, 4, 4))
        words = rf"The {method} of layer 2 \(Odd\) must return arrays of floats\. Got {kind}"
        with pytest.raises(ConfigurationError, match=words):
            fit(network, data, epochs=1)


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda p: p.pop("4.weight"), ConfigurationError, r"\['4.weight'\] must .* Got nothing"),
        (lambda p: p.update({"4.bias": [0, 0, 0, 0]}), ConfigurationError, "Got list"),
        (lambda p: p.update({"4.bias": np.zeros(4)}), ConfigurationError, "Got float64 of shape"),
        (lambda p: p.update({"9.bias": np.zeros(4)}), ConfigurationError, "Got '9.bias'"),
        (lambda p: p["4.bias"].fill(np.inf), NonFiniteError, "Got 4 of 4 values that are not"),
    ],
)
def test_parameters_that_were_changed_by_hand_are_named_at_once(change, kind, words):
    network = small_network()
    change(network.parameters)
    for use in (fit, evaluate):
        with pytest.raises(kind, match=r"network\.parameters.*" + words):
            use(network, blobs())


def test_one_class_is_nothing_to_tell_apart():
    network = Network([Flatten(), Dense(1)], (1, 8, 8))
    data = Dataset(blobs().images, np.zeros(96, int))
    with pytest.raises(DataError, match=r"'data' does not fit .* at least two classes\."):
        fit(network, data)


class AskedHistory(History):
    """Counts how often all records are looked through."""

    asked = 0

    def of(self, kind):
        self.asked += 1
        return super().of(kind)


def test_the_schedule_is_told_the_losses_without_a_search_at_every_step():
    run = Run(small_network(), blobs(), None, Settings())
    run.history = history = AskedHistory()
    run.record("epoch", rate=0.1, loss=0.5)
    run.record("step", loss=0.25)
    asked = history.asked
    assert [run.clock.losses for _ in range(9)] == [(0.5,)] * 9
    assert history.asked == asked


@dataclass(frozen=True)
class Counter(Layer):
    """A user's layer that remembers something; ``new`` makes the new value of the old."""

    new: object

    def initial_state(self, input_shape, dtype):
        return {"count": np.zeros(2, dtype), "steps": np.zeros((), int)}

    def couples_batch(self):
        return True

    def forward(self, x, parameters, context):
        if context.training:
            context.updates.update(self.new(context.state["count"]))
            context.updates["steps"] = context.state["steps"] + 1
        return x, lambda dy: (dy, {})


@pytest.mark.parametrize(
    ("new", "got"),
    [
        (lambda old: {"count": old.astype(float)}, "float64 of shape (2,) for 'count'"),
        (lambda old: {"count": old[:1]}, "float32 of shape (1,) for 'count'"),
        (lambda old: {"counts": old}, "float32 of shape (2,) for 'counts'"),
    ],
)
def test_a_state_of_another_form_is_named(new, got):
    words = re.escape(
        f"updates of layer 3 (Counter) must be its state's names and forms. Got {got}"
    )
    with pytest.raises(ConfigurationError, match=words):
        fit(small_network(extra=[Counter(new)]), blobs(), epochs=1)
    network = small_network(extra=[Counter(lambda old: {"count": old + 1})])
    fit(network, blobs(), epochs=2, batch_size=96)
    assert network.state["3.count"].tolist() == [2, 2]
    fit(network, blobs(), epochs=1, batch_size=96)
    assert network.state["3.steps"] == 3


@pytest.mark.parametrize("best", [True, False])
def test_the_best_network_is_written_where_it_is_wanted(tmp_path, best):
    fit(small_network(), blobs(), epochs=1, callbacks=[Checkpoint(tmp_path, best=best)])
    assert (tmp_path / "best.safetensors").exists() == best
    assert (tmp_path / "last.safetensors").exists()


@pytest.mark.parametrize("factor", [-1.0, float("nan"), None, np.ones(1)], ids=str)
def test_a_schedules_factor_that_makes_no_sense_is_an_error(factor):
    class Own(Schedule):
        def factor(self, clock):
            return factor

    with pytest.raises(ConfigurationError, match="The 'factor' of Own in step 1 must be a finite"):
        fit(small_network(), blobs(), schedule=Own())


LOSSES = {
    "mean": lambda d: (np.mean(d**2), lambda dlosses: d),
    "row": lambda d: ((d**2).sum(axis=1), lambda dlosses: d.sum(axis=0)),
    "column": lambda d: ((d**2).sum(axis=1), lambda dlosses: d.sum(axis=1, keepdims=True)),
    "no backward": lambda d: (d**2).sum(axis=1),
    "a number": lambda d: (float((d**2).sum()), lambda dlosses: d),
}


@pytest.mark.parametrize("kind", LOSSES)
def test_a_loss_of_ones_own_that_breaks_its_word_is_an_error(kind):
    class Own(Loss):
        def forward(self, outputs, targets):
            return LOSSES[kind](outputs - np.eye(outputs.shape[1], dtype=outputs.dtype)[targets])

    network = small_network(loss=Own())
    words = "The (forward of Own|losses from Own.forward|gradient from the backward of Own) must"
    with pytest.raises((ShapeError, ConfigurationError), match=words):
        fit(network, blobs(), epochs=1, batch_size=16)


def test_a_regularizer_may_put_new_arrays_in_the_place_of_gradients():
    class Adds(Regularizer):
        def add_gradients(self, parameters, gradients):
            for name, w in parameters.items():
                gradients[name] += 0.5 * w

    class Assigns(Regularizer):
        def add_gradients(self, parameters, gradients):
            for name, w in parameters.items():
                gradients[name] = gradients[name] + 0.5 * w

    trained = []
    for kind in (Adds, Assigns):
        network = small_network()
        fit(network, blobs(), epochs=2, optimizer=SGD(0.01), regularizers=[kind()])
        trained.append(network)
    for name, array in trained[0].parameters.items():
        np.testing.assert_array_equal(array, trained[1].parameters[name])
