"""Networks: building, predicting, saving and loading."""

import json
import os
import stat
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from sixloops import layers as all_layers
from sixloops.data import Dataset
from sixloops.descriptions import to_data
from sixloops.errors import ConfigurationError, DataError, FileError, ShapeError
from sixloops.files import check_writable, read_tensors, remove_leftovers, write_bytes
from sixloops.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Flatten,
    Layer,
    MaxPool2D,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Softmax,
    Subsampling2D,
)
from sixloops.losses import LOSSES, SigmoidCrossEntropy, SoftmaxCrossEntropy, SquaredError
from sixloops.network import Network, from_description


def example(**options):
    layers = [
        Sequential([Conv2D(3, 3, padding="same"), ReLU()]),
        Residual([Conv2D(3, 3, padding="same")]),
        MaxPool2D(2),
        Flatten(),
        Dense(4),
    ]
    return Network(layers, input_shape=(2, 6, 4), **options)


def images(count=5):
    return np.random.default_rng(1).random((count, 2, 6, 4), dtype=np.float32)


def test_parameters_have_dotted_names():
    assert list(example().parameters) == [
        "0.0.weight",
        "0.0.bias",
        "1.body.0.weight",
        "1.body.0.bias",
        "4.weight",
        "4.bias",
    ]


def test_saved_and_loaded_gives_the_same_bits(tmp_path):
    network = example(classes=["a", "b", "c", "d"], loss=SquaredError(off=-1.0, on=1.0))
    network.save(tmp_path / "network.safetensors")
    loaded = Network.load(tmp_path / "network.safetensors")
    assert loaded.about() == network.about()
    assert loaded.predict(images()).tobytes() == network.predict(images()).tobytes()
    assert loaded.classes == ("a", "b", "c", "d")


def test_saving_twice_gives_the_same_file(tmp_path):
    for name in ("one", "two"):
        example().save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_predict_is_the_same_in_batches_of_any_size():
    network = example()
    whole = network.predict(images(7))
    np.testing.assert_allclose(network.predict(images(7), batch_size=3), whole, rtol=1e-6)
    np.testing.assert_allclose(whole.sum(axis=1), 1, rtol=1e-6)
    assert (network.classify(images(7)) == whole.argmax(axis=1)).all()
    assert network.predict(images(0)).shape == (0, 4)


def test_bytes_are_taken_as_numbers():
    network = example()
    as_bytes = np.random.default_rng(2).integers(0, 256, (3, 2, 6, 4), dtype=np.uint8)
    assert (network.forward(as_bytes) == network.forward(as_bytes.astype(np.float32))).all()


@dataclass(frozen=True)
class Twice(Layer):
    """A user's layer."""

    factor: float = 2.0

    def forward(self, x, parameters=None, context=None):
        return self.factor * x, lambda dy: (self.factor * dy, {})


def test_a_users_layer_is_read_back_only_if_named(tmp_path):
    network = Network([Twice(3.0), Flatten(), Dense(2)], input_shape=(1, 2, 2))
    network.save(tmp_path / "network.safetensors")
    assert Network.load(tmp_path / "network.safetensors", kinds=[Twice]).layers[0] == Twice(3.0)
    words = r"holds a layer 'Twice' that .* If it is yours: Network\.load\(path, kinds=\[Twice\]\)"
    with pytest.raises(FileError, match=words):
        Network.load(tmp_path / "network.safetensors")


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([Dense(3)], "Layer 0: The input of Dense must be a vector.*Put Flatten"),
        ([ReLU(), Residual([Conv2D(5, 3)])], r"Layer 1: The body and the shortcut.*\(5, 4, 2\)"),
        ([Sequential([MaxPool2D(2), MaxPool2D(9)])], r"Layer 0.1: The window.*\(9, 9\) pixels"),
        ([Flatten(), Flatten(), MaxPool2D(2)], r"Layer 2: The input of MaxPool2D must be maps"),
    ],
)
def test_a_layer_that_does_not_fit_is_named(layers, words):
    with pytest.raises(ShapeError, match=words):
        Network(layers, input_shape=(2, 6, 4))


def _takes(method):
    """Return a layer of the user's own whose method takes too little."""
    return type("Scale", (Layer,), {method: lambda self, x: x})()


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("initial_parameters", "input_shape, random, dtype"),
        ("initial_state", "input_shape, dtype"),
        ("forward", "x, parameters, context"),
    ],
)
def test_a_method_that_takes_other_arguments_is_named(method, arguments):
    words = rf"The {method} of layer 2 \(Scale\) must take \(self, {arguments}\)\. Got \(self, x\)"
    with pytest.raises(ConfigurationError, match=words):
        Network([ReLU(), ReLU(), _takes(method)], input_shape=(2, 3, 3))


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"layers": [ReLU]}, ConfigurationError, "Layer 0 of Network must be a layer.*brackets"),
        ({"layers": ["relu"]}, ConfigurationError, "derives from sixloops.layers.Layer"),
        ({"layers": ReLU()}, ConfigurationError, "must be a list of layers"),
        ({"input_shape": (0, 2)}, ShapeError, "whole numbers"),
        ({"input_shape": 28}, ShapeError, "whole numbers"),
        ({"loss": "softmax"}, ConfigurationError, "must be a loss such as"),
        ({"dtype": "int8"}, ConfigurationError, "np.float32 or np.float64"),
        ({"classes": ["a"]}, ConfigurationError, "one name for each of the 2 outputs. Got 1"),
        ({"seed": -3}, ConfigurationError, "'seed'"),
        ({"input_shape": (2, True, 3)}, ShapeError, "whole numbers"),
        ({"classes": [None, None]}, ConfigurationError, "'classes' .* must be different names"),
        ({"classes": ["a", "a"]}, ConfigurationError, "'classes' .* must be different names"),
    ],
)
def test_wrong_options(change, kind, words):
    options = {"layers": [ReLU()], "input_shape": (2, 3, 3), **change}
    with pytest.raises(kind, match=words):
        Network(options.pop("layers"), **options)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (
            (2, 6, 4),
            r"\(batch, 2, 6, 4\). Got \(2, 6, 4\). For one image write image\[np.newaxis\]",
        ),
        ((5, 2, 4, 6), r"Got \(5, 2, 4, 6\)"),
        ((5, 6, 4), "Got"),
        ((5, 6, 4, 2), r"Channels come first: images\.transpose\(0, 3, 1, 2\)"),
    ],
)
def test_images_of_another_shape(shape, words):
    with pytest.raises(DataError, match=words):
        example().predict(np.zeros(shape))


def test_images_that_are_no_numbers():
    with pytest.raises(DataError, match="must be numbers"):
        example().predict(np.full((1, 2, 6, 4), "x"))


@pytest.fixture
def saved(tmp_path):
    example().save(tmp_path / "network.safetensors")
    return tmp_path / "network.safetensors"


def rewrite(path, change):
    """Write the file again with its JSON changed."""
    arrays, about = read_tensors(path)
    change(arrays, about)
    path.write_bytes(safetensors.numpy.save(arrays, metadata={"sixloops": json.dumps(about)}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a, j: a.pop("parameters.4.bias"), "must be float32 of shape"),
        (lambda a, j: j.pop("network"), "holds no network of format 1"),
        (lambda a, j: j["network"].update(format=99), "holds no network of format 1"),
        (lambda a, j: j["network"]["layers"].pop(), "cannot be built|does not fit"),
        (lambda a, j: j["network"].pop("input_shape"), "cannot be built"),
        (lambda a, j: j["network"]["layers"][4].update(units=-4), "'units' of Dense"),
        (lambda a, j: j["network"]["layers"][4].update(colour=1), "no hyper-parameter 'colour'"),
        (lambda a, j: j["network"]["layers"][4].update(type="os.system"), "Got 'os.system'"),
    ],
)
def test_a_changed_file_is_one_clear_error(saved, change, words):
    rewrite(saved, change)
    with pytest.raises(FileError, match=words):
        Network.load(saved)


def test_files_of_other_kinds(tmp_path):
    other = tmp_path / "other.safetensors"
    other.write_bytes(safetensors.numpy.save({"x": np.zeros(3)}))
    with pytest.raises(FileError, match="not one that sixloops wrote"):
        Network.load(other)
    other.write_bytes(safetensors.numpy.save({"x": np.zeros(3)}, metadata={"sixloops": "{"}))
    with pytest.raises(FileError, match="is no JSON"):
        Network.load(other)
    other.write_text("hello")
    with pytest.raises(FileError, match="no whole safetensors file"):
        Network.load(other)
    with pytest.raises(FileError, match="missing"):
        Network.load(tmp_path / "none")


def test_a_flipped_bit_anywhere_in_a_file_is_an_error_or_harmless(saved, tmp_path):
    whole = saved.read_bytes()
    reference = Network.load(saved)
    harmless = 0
    for position in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        (tmp_path / "damaged").write_bytes(bytes(damaged))
        try:
            network = Network.load(tmp_path / "damaged")
        except FileError:
            continue
        harmless += 1
        assert network.layers == reference.layers
        for name, array in reference.parameters.items():
            np.testing.assert_array_equal(network.parameters[name], array)
    assert harmless < 9  # in the name of the checksum itself, or in the spaces behind the header


def test_a_weight_that_was_damaged_on_the_way_is_told(saved):
    whole = bytearray(saved.read_bytes())
    whole[-1] ^= 1
    saved.write_bytes(bytes(whole))
    with pytest.raises(FileError, match="not what was written into it"):
        Network.load(saved)


def test_a_file_whose_checksum_another_program_left_out_is_read(saved):
    rewrite(saved, lambda arrays, about: None)
    Network.load(saved)


def test_a_folder_that_cannot_be_written_to_is_told_by_its_own_name(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(FileError) as caught:
            check_writable(folder)
        assert str(caught.value).startswith(f"{folder} cannot be written: {tmp_path / 'file'} is a")
        assert "probe" not in str(caught.value)
    check_writable(tmp_path / "new")
    assert [*(tmp_path / "new").iterdir()] == []


def test_writing_is_whole_or_not_at_all(tmp_path, monkeypatch):
    target = tmp_path / "file"
    write_bytes(target, b"old")

    def fail(source, destination):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(FileError, match="cannot be written: the disk is full"):
        write_bytes(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_written_files_have_the_usual_rights(tmp_path):
    write_bytes(tmp_path / "ours", b"")
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    did, flush, replace = [], os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: did.append("flushed") or flush(handle))
    monkeypatch.setattr(Path, "replace", lambda a, b: did.append("named") or replace(a, b))
    write_bytes(tmp_path / "file", b"content")
    assert did == ["flushed", "named"]


def test_a_file_that_is_written_over_keeps_its_rights(tmp_path):
    target = tmp_path / "private"
    write_bytes(target, b"old")
    for rights in (0o600, 0o640):
        target.chmod(rights)
        write_bytes(target, b"new")
        assert stat.S_IMODE(target.stat().st_mode) == rights


def test_only_an_ordinary_file_is_written_over(tmp_path):
    pipe, network = tmp_path / "pipe", Network([Flatten(), Dense(2)], (1, 2, 2))
    os.mkfifo(pipe)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path in (pipe, loop):
        with pytest.raises(FileError, match="is no ordinary file"):
            network.save(path)
    assert pipe.is_fifo()
    assert loop.is_symlink()
    with pytest.raises(FileError, match=r"is a folder\. Name a file in it\."):
        network.save(tmp_path)


def test_a_link_stays_and_its_target_is_written(tmp_path):
    (tmp_path / "models").mkdir()
    for name in ("new", "old"):
        link, target = tmp_path / name, tmp_path / "models" / name
        link.symlink_to(Path("models", name))
        if name == "old":
            target.write_bytes(b"old")
        write_bytes(link, b"content")
        assert link.is_symlink()
        assert target.read_bytes() == b"content"


def test_a_file_where_a_folder_should_be_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file" / "x", tmp_path / "file" / "x" / "y"):
        with pytest.raises(FileError, match=r"file is a file and no folder\. Name a folder\."):
            write_bytes(path, b"")


def test_layer_and_loss_tables_are_complete():
    kinds = {
        name
        for name, value in vars(all_layers).items()
        if isinstance(value, type) and issubclass(value, Layer) and value is not Layer
    }
    assert set(all_layers.LAYERS) == kinds
    assert len(LOSSES) == len(set(LOSSES.values()))


def test_a_table_of_numpy_numbers_can_be_saved(tmp_path):
    network = Network([Conv2D(2, 3, table=np.array([[0], [1]]))], (2, 6, 6))
    network.save(tmp_path / "a.safetensors")
    assert Network.load(tmp_path / "a.safetensors").layers == network.layers


@pytest.mark.parametrize("table", [5, [0, 1], [[0], []], [[0], [0, 0]], [[0], [0.5]], [[0]]])
def test_no_tables(table):
    with pytest.raises(ConfigurationError, match="The 'table' of Conv2D must have 2 rows"):
        Conv2D(2, 3, table=table)


@dataclass(frozen=True)
class Weighing(Layer):
    weights: object

    def forward(self, x, parameters, context):
        return x * self.weights, lambda dy: (dy * self.weights, {})


def test_hyper_parameters_that_no_file_can_hold(tmp_path):
    network = Network([Flatten(), Weighing(np.ones(9))], (1, 3, 3))
    with pytest.raises(ConfigurationError, match=r"The 'weights' of Weighing must be .* Got array"):
        network.save(tmp_path / "a.safetensors")
    assert not list(tmp_path.iterdir())
    Network([Flatten(), Weighing(np.float32(2))], (1, 3, 3)).save(tmp_path / "b.safetensors")


@pytest.mark.parametrize("classes", ["ab", 2, ["a"]])
def test_classes_that_are_no_names(classes):
    with pytest.raises(ConfigurationError, match="one name for each of the 2 outputs"):
        Network([Flatten(), Dense(2)], (1, 3, 3), classes=classes)


def test_predict_takes_lists():
    network = Network([Flatten(), Dense(2)], (1, 1, 2))
    assert network.predict([[[[1, 2]]]]).shape == (1, 2)


class WrittenByHand(Layer):
    def __init__(self, factor):
        self.factor = factor

    def forward(self, x, parameters, context):
        return x * self.factor, lambda dy: (dy * self.factor, {})


def test_a_layer_whose_hyper_parameters_a_file_would_lack(tmp_path):
    network = Network([Flatten(), WrittenByHand(2.0)], (1, 3, 3))
    with pytest.raises(ConfigurationError, match="The class WrittenByHand must be a dataclass"):
        network.save(tmp_path / "a.safetensors")


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, "all", None])
def test_predict_refuses_a_batch_size_that_makes_no_sense(batch_size):
    network = Network([Flatten(), Dense(2)], input_shape=(1, 2, 2))
    with pytest.raises(ConfigurationError, match="'batch_size' of predict must be a whole number"):
        network.predict(np.zeros((3, 1, 2, 2)), batch_size=batch_size)


@pytest.mark.parametrize("units", [10**15, 10**18, 10**30])
def test_parameters_that_no_memory_holds_are_refused(units):
    with pytest.raises(ConfigurationError, match="initial parameters of Network cannot be made"):
        Network([Flatten(), Dense(units)], input_shape=(1, 2, 2))


def test_a_header_of_endless_brackets_is_a_damaged_file(tmp_path):
    path = tmp_path / "deep.safetensors"
    metadata = {"sixloops": "[" * 100_000}
    path.write_bytes(safetensors.numpy.save({"a": np.zeros(1)}, metadata=metadata))
    with pytest.raises(FileError, match="is no JSON"):
        Network.load(path)


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ([Flatten(), Dense(20_000_000)], [1, 1, 1]),
        ([Conv2D(5000, 1)], [5000, 1, 1]),
        ([Conv2D(2, 1, table=[[0], [1]])], [20_000_000, 1, 1]),
        ([BatchNorm()], [20_000_000, 1, 1]),
        ([Residual([Subsampling2D(1)])], [20_000_000, 1, 1]),
    ],
)
def test_a_small_file_takes_little_memory_whatever_it_says(saved, layers, shape):
    described = {"layers": to_data(layers), "input_shape": shape}
    rewrite(saved, lambda _, about: about["network"].update(described))
    tracemalloc.start()
    try:
        with pytest.raises(FileError, match=r"layers must have \d+,.* parameters\. Got 217\."):
            Network.load(saved)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_the_parameters_are_counted_as_they_are_drawn():
    layers = [Conv2D(4, 3, groups=2), Conv2D(2, 1, table=[[0], [1, 3]]), Subsampling2D(2)]
    network = Network([*layers, BatchNorm(), Flatten(), Dense(3, use_bias=False)], (2, 8, 8))
    drawn = sum(array.size for array in network.parameters.values())
    assert network.root.stored_count((2, 8, 8)) == drawn
    assert network.root.parameter_count((2, 8, 8)) == drawn - 5


def test_the_hints_for_one_grey_image_and_for_channels_that_come_last():
    network = Network([Flatten(), Dense(2)], (1, 28, 28))
    with pytest.raises(DataError, match=r"image\[np\.newaxis, np\.newaxis\]"):
        network.predict(np.zeros((28, 28)))
    with pytest.raises(ShapeError, match=r"is input_shape=\(1, 28, 28\) meant\?"):
        Network([Conv2D(4, 5), Flatten(), Dense(2)], (28, 28, 1))
    with pytest.raises(DataError, match=r"in a network's input_shape, too: \(3, 28, 28\)"):
        Network([Flatten(), Dense(2)], (28, 28, 3)).predict(np.zeros((1, 3, 28, 28)))


def test_predict_refuses_lists_of_different_lengths():
    network = Network([Flatten(), Dense(2)], (1, 1, 2))
    with pytest.raises(
        DataError, match=r"Number 0 has shape \(1, 1, 2\), number 1 has \(1, 1, 1\)"
    ):
        network.predict([[[[1, 2]]], [[[1]]]])


@pytest.mark.parametrize("path", [None, 3])
def test_names_that_no_file_has(path):
    with pytest.raises(FileError, match=rf"must be a string or a Path\. Got {path}"):
        Network.load(path)
    with pytest.raises(FileError, match=rf"must be a string or a Path\. Got {path}"):
        example().save(path)


@pytest.mark.parametrize(
    ("loss", "applied"), [(SoftmaxCrossEntropy(), Softmax()), (SigmoidCrossEntropy(), Sigmoid())]
)
def test_what_the_loss_applies_is_left_off_the_last_layer(loss, applied):
    words = f"The loss {type(loss).__name__} applies {type(applied).__name__.lower()} itself"
    for end in ([Dense(3, activation=applied)], [Dense(3), Sequential([applied])]):
        with pytest.raises(ConfigurationError, match=words):
            Network([Flatten(), *end], (1, 2, 2), loss=loss)
        Network([Flatten(), *end], (1, 2, 2), loss=SquaredError())
        Network([Flatten(), *end, Dense(3)], (1, 2, 2), loss=loss)


def answering(**answers):
    """Build a layer of one's own whose methods return something that they must not."""

    @dataclass(frozen=True)
    class Odd(Layer):
        def forward(self, x, parameters=None, context=None):
            return x, lambda dy: (dy, {})

    for method, answer in answers.items():
        setattr(Odd, method, lambda self, *given, answer=answer: answer)
    return Odd()


@pytest.mark.parametrize(
    ("method", "answer", "words"),
    [
        *(("output_shape", a, "must return a tuple of whole") for a in (None, 3, (2.0,), (0,))),
        *(("initial_parameters", a, "a dictionary of arrays of float32") for a in (None, 3, [])),
        ("initial_parameters", {"w": 3.0}, "'w' too. Got float"),
        ("initial_parameters", {1: np.zeros(2, np.float32)}, "must return a dictionary"),
        ("initial_parameters", {"w": np.zeros(2)}, "of float32. Got float64 for 'w'"),
        ("initial_parameters", {"w": np.zeros(2, int)}, "of float32. Got int64 for 'w'"),
        ("initial_state", None, "a dictionary of arrays of float32. Got NoneType"),
        ("initial_state", {"mean": np.zeros(2)}, "of float32. Got float64 for 'mean'"),
    ],
)
@pytest.mark.parametrize("nest", [lambda layer: layer, lambda layer: Residual([layer])])
def test_a_users_layer_that_says_something_else_than_it_must_is_named(method, answer, words, nest):
    layers = [Flatten(), nest(answering(**{method: answer})), Dense(3)]
    with pytest.raises(ConfigurationError, match=rf"The {method} of layer \d \(Odd\) .*{words}"):
        Network(layers, (1, 2, 2))


@dataclass(frozen=True)
class Gain(Layer):
    """A user's layer with one number to learn, which has no axes."""

    def initial_parameters(self, input_shape, random, dtype):
        return {"gain": np.array(1.5, dtype)}

    def forward(self, x, parameters, context):
        return parameters["gain"] * x, lambda dy: (dy, {"gain": (dy * x).sum()})


def test_a_parameter_without_axes_is_read_back(tmp_path):
    Network([Gain(), Flatten(), Dense(2)], (1, 2, 2)).save(tmp_path / "network")
    loaded = Network.load(tmp_path / "network", kinds=[Gain])
    assert loaded.parameters["0.gain"].shape == ()
    assert loaded.parameters["0.gain"] == 1.5


def test_a_layer_of_ones_own_with_the_name_of_ours_is_not_saved(tmp_path):
    @dataclass(frozen=True)
    class Tanh(Layer):
        def forward(self, x, parameters, context):
            return 3 * x, lambda dy: (3 * dy, {})

    with pytest.raises(ConfigurationError, match=r"Tanh of .*test_network must have another name"):
        Network([Tanh(), Flatten()], (1, 1, 3)).save(tmp_path / "network")


@dataclass(frozen=True)
class Typed(Layer):
    type: str = "x"

    def forward(self, x, parameters, context):
        return x, lambda dy: (dy, {})


@dataclass(frozen=True)
class Limited(Layer):
    limit: float = float("inf")

    def forward(self, x, parameters, context):
        return x, lambda dy: (dy, {})


@pytest.mark.parametrize(
    ("layer", "words"), [(Typed(), "other names than 'type'"), (Limited(), "finite number")]
)
def test_hyper_parameters_that_a_file_would_read_as_something_else(tmp_path, layer, words):
    with pytest.raises(ConfigurationError, match=words):
        Network([layer, Flatten()], (1, 1, 3)).save(tmp_path / "network")


def test_a_file_of_another_program_with_other_numbers(tmp_path):
    header = json.dumps({"x": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
    content = len(header).to_bytes(8, "little") + header + bytes(4)
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(FileError, match="not one that sixloops wrote"):
        Network.load(tmp_path / "other")


@pytest.mark.parametrize("dtype", ["f4,(", {"names": ["a"]}, "float16", None])
def test_a_type_that_is_none(dtype):
    with pytest.raises(ConfigurationError, match="'dtype' of Network must be"):
        Network([Flatten()], (1, 1, 3), dtype=dtype)


@pytest.mark.parametrize("layers", [[Flatten(), Dense(1)], [Conv2D(2, 1)]])
def test_only_what_has_classes_classifies(layers):
    network = Network(layers, (1, 2, 2), loss=SquaredError())
    with pytest.raises(ConfigurationError, match="one output for each of several classes"):
        network.classify(np.zeros((3, 1, 2, 2)))


def test_only_what_a_killed_process_left_is_removed(tmp_path):
    target = tmp_path / "model"
    others = [".model.swp", ".model.backup.part", ".model.0123456789abcdef"]
    for name in (*others, ".model.0123456789abcdef.part", "model"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / ".model.aaaaaaaaaaaaaaaa.part").mkdir()
    remove_leftovers(target)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*others, ".model.aaaaaaaaaaaaaaaa.part", "model"}


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ({"type": "Conv2d", "filters": 4, "kernel": 5}, "Layer 1: The 'type' of .* 'Conv2D'?"),
        ({"type": "Conv2D", "filter": 4, "kernel": 5}, "Layer 1: Conv2D has no .* 'filters'?"),
        ({"type": "Dense", "units": 0}, "Layer 1: "),
    ],
)
def test_a_description_that_is_wrong_is_told_by_its_layer_and_what_was_meant(layer, words):
    described = {"layers": [{"type": "Flatten"}, layer], "input_shape": [1, 8, 8]}
    with pytest.raises(ConfigurationError, match=words):
        from_description(described)


def test_what_could_not_be_read_again_is_not_written(saved):
    network = Network.load(saved)
    name = next(iter(network.parameters))
    network.parameters[name] = network.parameters[name] * np.float64(0.5)
    with pytest.raises(ConfigurationError, match="must be an array of float32"):
        network.save(saved)
    Network.load(saved)
    frozen = Network.load(saved)
    frozen.parameters[name].flags.writeable = False
    frozen.save(saved)  # its values are all there


def test_a_folder_and_a_data_set_are_told_as_what_they_are(tmp_path):
    with pytest.raises(FileError, match=r"is a folder\. Name a file in it"):
        Network.load(tmp_path)
    with pytest.raises(DataError, match=r"Got a Dataset\. Give its images: data\.images"):
        example().predict(Dataset(np.zeros((2, 2, 6, 4), np.uint8), [0, 1]))


def test_names_may_be_an_array():
    names = np.array(["cat", "dog"])
    network = Network([Flatten(), Dense(2)], input_shape=(1, 2, 2), classes=names)
    data = Dataset(np.zeros((2, 1, 2, 2), np.uint8), [0, 1], classes=names)
    assert network.classes == data.classes == ("cat", "dog")


class Total(Layer):
    """Gives one number an image, without an axis for it."""

    def output_shape(self, input_shape):
        return ()


def test_classes_need_an_output_each():
    with pytest.raises(ConfigurationError, match=r"Got outputs of shape \(\)\. Leave them out"):
        Network([Total()], (1, 2, 2), loss=SquaredError(), classes=["a"])


def test_arrays_that_are_none_are_not_saved(tmp_path):
    network = Network([Flatten(), Dense(2)], (1, 2, 2))
    network.parameters["1.bias"] = [1, 2]
    with pytest.raises(ConfigurationError, match=r"\['1\.bias'\] must be an array .* Got list"):
        network.save(tmp_path / "net.safetensors")
    assert not list(tmp_path.iterdir())


def test_predict_names_a_parameter_of_another_shape():
    network = Network([Flatten(), Dense(3)], (1, 2, 2))
    network.parameters["1.weight"] = np.zeros((3, 5), np.float32)
    with pytest.raises(ConfigurationError, match=r"network.parameters\['1.weight'\] must be"):
        network.predict(np.zeros((2, 1, 2, 2), np.float32))
