"""The run folder: complete, never overwritten, and silent about who made it."""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
import subprocess
import sys

import numpy as np
import pytest

import sixloops
from sixloops.cli.choices import load_network
from sixloops.data import Dataset
from sixloops.engine import Plan
from sixloops.errors import ConfigurationError, FileError
from sixloops.layers import Conv2D, Dense, Flatten, MaxPool2D, Rescale
from sixloops.losses import SquaredError
from sixloops.network import Network
from sixloops.optimizers import SGD
from sixloops.report import Configuration, Curves, RunFolder, read_configuration
from sixloops.training import Callback, History, Run, evaluate, fit

PICTURES = {"confusion.png", "curves.png", "feature_maps.png", "kernels.png", "mistakes.png"}


def network() -> Network:
    layers = [Rescale(), Conv2D(2, 3, activation="relu"), MaxPool2D(2), Flatten(), Dense(3)]
    return Network(layers, (1, 8, 8))


def data(images: int = 30) -> Dataset:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (images, 1, 8, 8), dtype=np.uint8)
    return Dataset(pixels, random.integers(0, 3, images), classes=("a", "b", "c"), name="noise")


def train(folder: RunFolder, net: Network, epochs: int = 1, **options: object) -> History:
    return fit(
        net,
        data(),
        validation=data(10),
        epochs=epochs,
        optimizer=SGD(0.05),
        callbacks=folder.callbacks(),
        **options,
    )


def test_a_run_leaves_everything(tmp_path):
    folder, net, test = RunFolder(tmp_path / "run", command="train --epochs 1"), network(), data(10)
    history = train(folder, net)
    result = folder.finish(net, history, test)

    names = {path.name for path in folder.path.iterdir()}
    assert names == {
        "configuration.json",
        "history.jsonl",
        "last.safetensors",
        "best.safetensors",
        "model.safetensors",
        "evaluation.json",
        "pictures",
    }
    assert {path.name for path in folder.pictures.iterdir()} == PICTURES
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in folder.pictures.iterdir())
    assert History.read(folder.history).records == history.records
    for path in (folder.model, folder.last, folder.best):
        np.testing.assert_array_equal(
            Network.load(path).predict(test.images), net.predict(test.images)
        )

    told = json.loads((folder.path / "evaluation.json").read_text())
    expected = evaluate(net, test)
    assert told["loss"] == expected.loss == result.loss
    assert told["accuracy"] == expected.accuracy
    assert (told["top_k"], told["k"]) == (1.0, 3)
    assert told["confusion"] == expected.confusion.tolist()
    assert told["classes"] == ["a", "b", "c"]
    assert told["images"] == 10


def test_the_configuration_tells_what_was_run(tmp_path):
    folder, net = RunFolder(tmp_path, command="sixloops train"), network()
    train(folder, net)
    about = read_configuration(folder.configuration)
    assert about["commands"] == ["sixloops train"]
    assert about["versions"]["python"] == platform.python_version()
    assert about["versions"]["numpy"] == np.__version__
    assert about["versions"]["sixloops"] == sixloops.__version__
    assert about["machine"]["cores"] == os.cpu_count()
    assert about["machine"]["processor"]
    assert about["data"] == {"name": "noise", "images": 30, "image_shape": [1, 8, 8]}
    assert about["validation"]["images"] == 10
    assert about["settings"]["optimizer"] == {"type": "SGD", "rate": 0.05}
    assert about["network"] == net.about()


def test_versions_are_the_same_before_and_after_a_network_has_run():
    code = """
from sixloops import Network
from sixloops.engine import Plan
from sixloops.layers import Dense
from sixloops.report.machine import versions
before = versions()
with Plan(Network([Dense(3)], input_shape=(4,)), batch_size=8):
    assert versions() == before, versions()
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_the_configuration_names_neither_person_nor_place(tmp_path):
    folder = RunFolder(tmp_path)
    train(folder, network())
    text = folder.configuration.read_text()
    assert str(tmp_path) not in text
    told = json.loads(text)["machine"]
    assert set(told) == {"processor", "architecture", "cores", "usable_threads", "system"}
    assert platform.node() not in told.values()
    assert getpass.getuser() not in told.values()


def test_a_folder_with_a_run_is_refused_and_left_as_it_was(tmp_path):
    train(RunFolder(tmp_path), network())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    with pytest.raises(FileError, match=r"must not hold one already\. .* has configuration\.json"):
        RunFolder(tmp_path)
    assert before == {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}


@pytest.mark.parametrize("name", ["history.jsonl", "best.safetensors", "evaluation.json"])
def test_any_file_of_a_run_is_enough_to_refuse(tmp_path, name):
    (tmp_path / name).write_text("")
    with pytest.raises(FileError, match=re.escape(f"has {name}")):
        RunFolder(tmp_path)


def test_a_folder_with_other_things_may_be_used(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert RunFolder(tmp_path).path == tmp_path


def test_a_run_goes_on_in_its_folder(tmp_path):
    train(RunFolder(tmp_path, command="first"), network())
    folder, net = RunFolder(tmp_path, resume=True, command="second"), network()
    history = train(folder, net, epochs=2, resume=folder.last)
    assert [record["epoch"] for record in history.epochs] == [1, 2]
    assert read_configuration(folder.configuration)["commands"] == ["first", "second"]
    assert read_configuration(folder.configuration)["settings"]["epochs"] == 2


def test_resuming_needs_a_checkpoint(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(FileError, match=r"must hold its checkpoint last\.safetensors"):
            RunFolder(path, resume=True)
    assert not (tmp_path / "missing").exists()


def test_a_file_in_the_way_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(FileError):
            RunFolder(path)
    with pytest.raises(FileError):
        RunFolder.new("lenet", parent=tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_new_folders_are_named_by_time_and_never_clash(tmp_path):
    folders = [RunFolder.new("LeNet 5/ü", parent=tmp_path / "runs") for _ in range(4)]
    names = [folder.path.name for folder in folders]
    assert len(set(names)) == 4
    assert all(re.fullmatch(r"\d{8}-\d{6}-LeNet-5-ü(-\d)?", name) for name in names)
    assert all(folder.path.is_dir() for folder in folders)
    assert RunFolder.new("../..", parent=tmp_path).path.name.endswith("-run")


def test_a_run_of_numbers_leaves_out_what_needs_classes(tmp_path):
    net = Network([Flatten(), Dense(2)], (1, 8, 8), loss=SquaredError())
    numbers = Dataset(data().images, np.ones((30, 2)))
    folder = RunFolder(tmp_path)
    history = fit(net, numbers, epochs=1, optimizer=SGD(1e-9), callbacks=folder.callbacks())
    folder.finish(net, history, numbers)
    assert {path.name for path in folder.pictures.iterdir()} == {"curves.png", "feature_maps.png"}
    assert json.loads((tmp_path / "evaluation.json").read_text())["confusion"] is None


class TestCurves:
    def drawn(self, monkeypatch, tmp_path, **options):
        calls = []
        monkeypatch.setattr(
            "sixloops.report.run_callbacks.save_figure", lambda figure, path: calls.append(path)
        )
        curves = Curves(tmp_path / "curves.png", **options)
        fit(network(), data(), epochs=4, optimizer=SGD(0.01), callbacks=[curves])
        return len(calls)

    def test_short_epochs_do_not_wait_for_pictures(self, monkeypatch, tmp_path):
        assert self.drawn(monkeypatch, tmp_path, every_seconds=1000) == 2  # the first, and the end

    def test_each_epoch_may_be_drawn(self, monkeypatch, tmp_path):
        assert self.drawn(monkeypatch, tmp_path, every_seconds=0) == 4

    def test_a_wrong_interval_is_refused(self, tmp_path):
        with pytest.raises(ConfigurationError, match="'every_seconds' of Curves"):
            Curves(tmp_path, every_seconds=-1)


@pytest.mark.parametrize("content", ["{", "[]", '{"commands": 3}', "\xff", "[" * 100_000])
def test_a_damaged_configuration_is_one_clear_error(tmp_path, content):
    path = tmp_path / "configuration.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(FileError, match=r"configuration\.json .*damaged"):
        read_configuration(path)
    with pytest.raises(FileError, match="damaged"):
        fit(network(), data(), epochs=1, callbacks=[Configuration(path)])
    assert path.read_bytes() == content.encode("latin-1")


class Interrupt(Callback):
    """Ends a training as Ctrl-C does, behind the first step of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_step_end(self, run: Run, plan: Plan) -> None:
        if run.epoch == self.epoch:
            raise KeyboardInterrupt


def test_a_finished_run_that_goes_on_and_ends_early_has_no_old_network(tmp_path):
    folder, test = RunFolder(tmp_path), data(10)
    net = network()
    folder.finish(net, train(folder, net), test)
    finished = {path: path.read_bytes() for path in (folder.model, tmp_path / "evaluation.json")}

    again = RunFolder(tmp_path, resume=True)
    train(again, network(), resume=again.last)  # nothing is left to do
    assert {path: path.read_bytes() for path in finished} == finished

    net = network()
    callbacks = [*again.callbacks(), Interrupt(epoch=2)]
    options = {"epochs": 3, "optimizer": SGD(0.05), "resume": again.last, "callbacks": callbacks}
    with pytest.raises(KeyboardInterrupt):
        fit(net, data(), validation=test, **options)
    assert not any(path.exists() for path in finished)
    assert [path.name for path in folder.pictures.iterdir()] == ["curves.png"]
    shown = load_network(tmp_path).predict(test.images)
    np.testing.assert_array_equal(shown, Network.load(folder.best).predict(test.images))


def test_a_folder_for_runs_that_cannot_be_made_is_one_error(tmp_path):
    link = tmp_path / "runs"
    link.symlink_to(tmp_path / "disk" / "that" / "is" / "not" / "there")
    (tmp_path / "file").write_text("mine")
    for parent in (link, tmp_path / "file"):
        with pytest.raises(FileError, match=f"{parent.name} is no folder"):
            RunFolder.new("lenet", parent=parent)


def test_a_loss_that_is_not_finite_is_none_in_json(tmp_path):
    folder, net = RunFolder(tmp_path), network()
    history = train(folder, net)
    net.parameters["4.bias"][0] = 3e38
    net.parameters["4.bias"][1:] = -3e38
    assert not np.isfinite(folder.finish(net, history, data(10)).loss)
    told = json.loads((tmp_path / "evaluation.json").read_text())
    assert told["loss"] is None
    assert told["accuracy"] is not None


def test_a_network_with_more_outputs_than_the_data_has_classes_is_finished(tmp_path):
    net = Network([Flatten(), Dense(5)], (1, 8, 8))
    folder = RunFolder(tmp_path / "run")
    folder.finish(net, train(folder, net), data(10))
    assert json.loads((folder.path / "evaluation.json").read_text())["classes"] is None
    assert {"confusion.png", "mistakes.png"} <= {path.name for path in folder.pictures.iterdir()}


def test_a_second_run_does_not_take_the_place_of_the_first(tmp_path):
    folder, net = RunFolder(tmp_path / "run"), network()
    train(folder, net)
    before = {path: path.read_bytes() for path in folder.path.iterdir() if path.is_file()}
    with pytest.raises(FileError, match=r"RunFolder\(path, resume=True\)"):
        train(folder, network())
    assert before == {path: path.read_bytes() for path in folder.path.iterdir() if path.is_file()}
