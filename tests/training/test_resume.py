"""A run that was killed and resumed ends with the same bits as one that was not."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
import pytest

from sixloops.data import Dataset
from sixloops.errors import ConfigurationError, FileError, NonFiniteError
from sixloops.files import read_tensors, write_tensors
from sixloops.layers import Dense, Flatten, Layer, Residual, Sequential
from sixloops.network import Network
from sixloops.optimizers import SGD, Adam
from sixloops.training import Callback, Checkpoint, EarlyStopping, fit

PROGRAM = """
import sys, time
import numpy as np
from sixloops.data import Dataset
from sixloops.data.augmentation import Shift
from sixloops.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, MaxPool2D, Rescale
from sixloops.network import Network
from sixloops.optimizers import Adam
from sixloops.schedules import OneCycle
from sixloops.training import Callback, Checkpoint, EvaluateEvery, HistoryFile, fit
from pathlib import Path

folder, resume = Path(sys.argv[1]), sys.argv[2] == "resume"
pause, most = float(sys.argv[3]), int(sys.argv[4])
random = np.random.default_rng(0)
data = Dataset(random.integers(0, 256, (120, 1, 8, 8), dtype=np.uint8), random.integers(0, 4, 120))
network = Network(
    [Rescale(1 / 255), Conv2D(4, 3), BatchNorm(), MaxPool2D(2, activation="relu"), Flatten(),
     Dropout(0.25), Dense(4)],
    input_shape=(1, 8, 8),
)

class Slow(Callback):
    def on_step_end(self, run, plan):
        print(run.step, flush=True)
        time.sleep(pause if run.step < most else 600)

last = folder / "last.safetensors"
fit(
    network, data, epochs=3, batch_size=10, optimizer=Adam(0.01), schedule=OneCycle(),
    augmentation=Shift(1), validation=data.first(40), record_every=5, threads=1, average=0.9,
    callbacks=[EvaluateEvery(7, images=30), HistoryFile(folder / "history.jsonl"), Slow(),
               Checkpoint(folder, every_steps=4)],
    resume=last if resume and last.exists() else None,
)
network.save(folder / "model.safetensors")
"""
STEPS = 36


def start(folder, mode, pause, most):
    folder.mkdir(exist_ok=True)
    arguments = [sys.executable, "-c", PROGRAM, str(folder), mode, str(pause), str(most)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def kill_at(folder, step):
    """Run until ``step`` is printed, then kill with no chance to tidy up."""
    # Should this process be late, the other one waits for it two steps later.
    process = start(folder, "resume", 0.004, min(step + 2, STEPS))
    for line in process.stdout:
        if int(line) == step:
            break
    time.sleep(0.002 * (step % 3))
    process.send_signal(signal.SIGKILL)
    process.communicate()


def finish(folder):
    process = start(folder, "resume", 0.0, STEPS + 1)
    process.communicate()
    assert process.returncode == 0


def records(folder):
    lines = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    finish(folder)
    return folder


@pytest.mark.parametrize("moments", [(1,), (6,), (12,), (13, 17), (24, 29, 35)])
def test_killed_and_resumed_ends_with_the_same_bits(moments, undisturbed, tmp_path):
    for step in moments:
        kill_at(tmp_path, step)
        assert not (tmp_path / "model.safetensors").exists()
    finish(tmp_path)
    for name in ("model.safetensors", "best.safetensors"):
        assert (tmp_path / name).read_bytes() == (undisturbed / name).read_bytes()
    assert records(tmp_path) == records(undisturbed)
    assert {path.name for path in tmp_path.iterdir()} == {
        "model.safetensors",
        "best.safetensors",
        "last.safetensors",
        "history.jsonl",
    }


def data(count=40, seed=0):
    random = np.random.default_rng(seed)
    return Dataset(random.random((count, 1, 4, 4), dtype=np.float32), random.integers(0, 3, count))


def network(units=3, seed=0):
    return Network([Flatten(), Dense(units)], input_shape=(1, 4, 4), seed=seed)


@pytest.fixture
def checkpoint(tmp_path):
    fit(network(), data(), epochs=1, callbacks=[Checkpoint(tmp_path)])
    return tmp_path / "last.safetensors"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch_size": 7}, "same settings.batch_size. The checkpoint has 64. Got 7"),
        ({"optimizer": Adam()}, "settings.optimizer"),
        ({"optimizer": SGD(0.2)}, "settings.optimizer"),
        ({"seed": 9}, "settings.seed"),
        ({"average": 0.9}, "settings.average. The checkpoint has none. Got 0.9"),
    ],
)
def test_other_settings_are_refused(checkpoint, change, words):
    with pytest.raises(ConfigurationError, match=words):
        fit(network(), data(), epochs=2, resume=checkpoint, **change)


def test_other_data_and_networks_are_refused(checkpoint):
    with pytest.raises(ConfigurationError, match=r"data\.images\. The checkpoint has 40. Got 41"):
        fit(network(), data(41), epochs=2, resume=checkpoint)
    with pytest.raises(ConfigurationError, match=r"data\.labels\. Those of the checkpoint"):
        fit(network(), data(seed=1), epochs=2, resume=checkpoint)
    other_images = Dataset(data().images + 1, data().labels)
    with pytest.raises(ConfigurationError, match=r"data\.pixels\. Those of the checkpoint"):
        fit(network(), other_images, epochs=2, resume=checkpoint)
    with pytest.raises(ConfigurationError, match=r"network\.layers\[1\]\.units\. .* 3\. Got 4\."):
        fit(network(units=4), data(), epochs=2, resume=checkpoint)
    more = Network([Flatten(), Dense(3), Dense(3)], (1, 4, 4))
    with pytest.raises(ConfigurationError, match=r"network\.layers\. .* 2 of them\. Got 3 of them"):
        fit(more, data(), epochs=2, resume=checkpoint)
    with pytest.raises(ConfigurationError, match=r"settings\.optimizer\. .* has SGD\. Got Adam"):
        fit(network(), data(), epochs=2, optimizer=Adam(), resume=checkpoint)


def test_a_checkpoint_of_an_older_version_lacks_what_had_no_choice_then(checkpoint):
    def change(arrays, about):
        del about["network"]["loss"]["label_smoothing"]
        del about["network"]["layers"][1]["use_bias"]

    rewritten(checkpoint, change)
    fit(network(), data(), epochs=2, resume=checkpoint)
    rewritten(checkpoint, lambda _, about: about["network"]["layers"][1].pop("units"))
    with pytest.raises(ConfigurationError, match=r"layers\[1\]\.units\. .* has none\. Got 3"):
        fit(network(), data(), epochs=2, resume=checkpoint)


def test_more_epochs_may_be_asked_for(checkpoint):
    further, straight = network(seed=5), network()
    fit(further, data(), epochs=3, resume=checkpoint)
    fit(straight, data(), epochs=3)
    assert further.parameters["1.weight"].tobytes() == straight.parameters["1.weight"].tobytes()


def test_fewer_epochs_than_are_begun_are_refused(tmp_path):
    class StopAt(Callback):
        def on_step_end(self, run, plan):
            if run.step == 3:
                run.stop("enough")

    written = Checkpoint(tmp_path, best=False)
    fit(network(), data(), epochs=3, batch_size=20, callbacks=[StopAt(), written])
    last = tmp_path / "last.safetensors"
    with pytest.raises(
        ConfigurationError, match=r"must be at least 2, as so many are begun\. Got 1"
    ):
        fit(network(), data(), epochs=1, batch_size=20, resume=last)
    assert fit(network(), data(), epochs=2, batch_size=20, resume=last).epochs[-1]["step"] == 4


def test_a_network_is_no_checkpoint_but_a_checkpoint_is_a_network(checkpoint, tmp_path):
    network().save(tmp_path / "network.safetensors")
    with pytest.raises(FileError, match="is no checkpoint to go on from"):
        fit(network(), data(), resume=tmp_path / "network.safetensors")
    assert Network.load(checkpoint).output_shape == (3,)


def test_every_truncation_is_one_clear_error(checkpoint, tmp_path):
    whole = checkpoint.read_bytes()
    broken = tmp_path / "broken.safetensors"
    for length in [0, 1, 7, 8, 9, 100, len(whole) // 2, len(whole) - 1]:
        broken.write_bytes(whole[:length])
        with pytest.raises(FileError, match=r"broken\.safetensors"):
            fit(network(), data(), epochs=2, resume=broken)
    with pytest.raises(FileError, match="missing"):
        fit(network(), data(), epochs=2, resume=tmp_path / "none.safetensors")


class KilledError(Exception):
    pass


class KilledOnceStopped(Callback):
    """Ends the run as a kill would, between its last checkpoint and its end."""

    runs_last = True

    def on_epoch_end(self, run, plan):
        if run.stop_reason:
            raise KilledError


def test_a_run_killed_when_it_had_stopped_early_does_not_go_on(tmp_path):
    stopping = EarlyStopping(patience=2, minimum_change=1.0)
    straight = network()
    history = fit(straight, data(), epochs=9, callbacks=[stopping])
    killed = network()
    callbacks = [stopping, Checkpoint(tmp_path), KilledOnceStopped()]
    with pytest.raises(KilledError):
        fit(killed, data(), epochs=9, callbacks=callbacks)
    resumed = network(seed=5)
    again = fit(
        resumed, data(), epochs=9, callbacks=[stopping], resume=tmp_path / "last.safetensors"
    )
    assert len(again.epochs) == len(history.epochs) == 3
    assert again.stopped == history.stopped
    assert resumed.parameters["1.weight"].tobytes() == straight.parameters["1.weight"].tobytes()


def test_a_new_run_does_not_leave_the_checkpoint_of_an_older_one(checkpoint):
    class KilledAtOnce(Callback):
        def on_step_end(self, run, plan):
            raise KilledError

    with pytest.raises(KilledError):
        fit(network(seed=7), data(), callbacks=[Checkpoint(checkpoint.parent), KilledAtOnce()])
    stored = Network.load(checkpoint)
    new = network(seed=7)
    assert stored.parameters["1.weight"].tobytes() == new.parameters["1.weight"].tobytes()


@dataclass(frozen=True)
class Twice(Layer):
    def forward(self, x, parameters, context):
        return 2 * x, lambda dy: (2 * dy, {})


def test_a_users_layer_deep_in_the_network_is_no_hindrance(tmp_path):
    def deep():
        return Network([Flatten(), Residual([Sequential([Twice()])]), Dense(3)], (1, 4, 4))

    fit(deep(), data(), epochs=1, callbacks=[Checkpoint(tmp_path)])
    resumed, straight = deep(), deep()
    fit(resumed, data(), epochs=2, resume=tmp_path / "last.safetensors")
    fit(straight, data(), epochs=2)
    assert resumed.parameters["2.weight"].tobytes() == straight.parameters["2.weight"].tobytes()


def test_another_validation_set_is_refused(checkpoint):
    with pytest.raises(ConfigurationError, match=r"data\.validation\. .* has none\. Got one"):
        fit(network(), data(), epochs=2, resume=checkpoint, validation=data().first(9))


def rewritten(checkpoint, change):
    """Write a checkpoint anew with its JSON and arrays changed by ``change``."""
    arrays, about = read_tensors(checkpoint)
    change(arrays, about)
    write_tensors(checkpoint, arrays, about)


@pytest.mark.parametrize("name", ["training", "settings", "data", "position"])
@pytest.mark.parametrize("value", [None, [], "x", 3])
def test_a_checkpoint_with_a_damaged_entry_is_refused(checkpoint, name, value):
    def change(arrays, about):
        (about if name == "training" else about["training"])[name] = value

    rewritten(checkpoint, change)
    with pytest.raises(FileError, match=f"no whole '{name}' entry"):
        fit(network(), data(), epochs=2, resume=checkpoint)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("step", None), ("step", -1), ("step", 1.0), ("step", 5), ("step", "1"),
        ("epoch", -1), ("epoch", [1]), ("rate", "x"), ("rate", 10**400), ("seconds", None),
        ("recent", None), ("recent", {}), ("recent", {"loss": "x", "correct": 0, "images": 0}),
        ("current", [1]), ("history", None), ("history", [1]), ("history", [{}]),
        ("history", [{"kind": "epoch", "epoch": 1, "step": 1, "seconds": 0.0}]),
    ],
)  # fmt: skip
def test_a_checkpoint_with_a_damaged_position_is_refused(checkpoint, name, value):
    rewritten(checkpoint, lambda _, about: about["training"]["position"].update({name: value}))
    ours = network()
    before = ours.parameters["1.weight"]
    with pytest.raises(FileError, match=f"The '{name}' of the position in .* is damaged"):
        fit(ours, data(), epochs=2, resume=checkpoint)
    assert ours.parameters["1.weight"] is before


def test_a_checkpoint_without_a_part_of_its_position_is_refused(checkpoint):
    rewritten(checkpoint, lambda _, about: about["training"]["position"].pop("seconds"))
    with pytest.raises(FileError, match="'seconds' of the position"):
        fit(network(), data(), epochs=2, resume=checkpoint)


def test_optimizer_arrays_of_another_shape_are_refused(tmp_path):
    fit(network(), data(), epochs=1, optimizer=Adam(), callbacks=[Checkpoint(tmp_path)])
    checkpoint = tmp_path / "last.safetensors"
    ours = network()
    arrays, _ = read_tensors(checkpoint)
    name = next(name for name in arrays if name.startswith("optimizer."))
    rewritten(checkpoint, lambda arrays, _: arrays.update({name: np.zeros(7, np.float32)}))
    before = ours.parameters["1.weight"]
    with pytest.raises(FileError, match=r"must be float32 of shape .* Got float32 of shape \(7,\)"):
        fit(ours, data(), epochs=2, optimizer=Adam(), resume=checkpoint)
    assert ours.parameters["1.weight"] is before


def test_fewer_epochs_than_are_done_are_refused(tmp_path):
    fit(network(), data(), epochs=2, callbacks=[Checkpoint(tmp_path)])
    with pytest.raises(ConfigurationError, match=r"'epochs' .* must be at least 2.* Got 1"):
        fit(network(), data(), epochs=1, resume=tmp_path / "last.safetensors")


def test_what_a_killed_process_was_writing_is_cleared_away(tmp_path):
    names = ["last.safetensors", "best.safetensors"]
    killed = [tmp_path / f".{name}.0123456789abcdef.part" for name in names]
    others = [tmp_path / ".last.other", tmp_path / "last.safetensors.old"]
    for path in (*killed, *others):
        path.write_bytes(b"half")
    fit(network(), data(), epochs=1, callbacks=[Checkpoint(tmp_path)])
    assert not any(path.exists() for path in killed)
    assert all(path.exists() for path in others)


def test_a_checkpoint_that_is_not_finite_says_so_and_blames_no_rate(checkpoint):
    arrays, about = read_tensors(checkpoint)
    name = next(name for name in arrays if name.startswith("parameters."))
    arrays[name].flat[0] = np.nan
    write_tensors(checkpoint, arrays, about)
    words = rf"^network\.parameters\['{name.partition('.')[2]}'\] must be finite\. Got 1 of"
    with pytest.raises(NonFiniteError, match=words):
        fit(network(), data(), epochs=2, resume=checkpoint)


class Counting(Callback):
    """Records in ways of its own: names that are numbers, and no time."""

    def on_epoch_end(self, run, plan):
        run.record("counts", of_class=dict.fromkeys(range(12), run.epoch))
        run.history.add("mine", value=run.epoch)


def test_records_of_callbacks_survive_a_resume(tmp_path):
    path = tmp_path / "last.safetensors"
    fit(network(), data(), epochs=1, callbacks=[Counting(), Checkpoint(tmp_path)])
    history = fit(network(), data(), epochs=2, callbacks=[Counting()], resume=path)
    assert [record["value"] for record in history.of("mine")] == [1, 2]
    assert [record["of_class"]["11"] for record in history.of("counts")] == [1, 2]
    Network.load(path)
