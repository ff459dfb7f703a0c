"""The command line as a user meets it: what is printed, what is written, how it fails."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from sixloops.files import read_tensors

FAULTY = ["--augmentation", "shift", "--augmentation", "x"]
SHORT = ["train", "--epochs", "1", "--images", "640", "--threads", "1"]


def sixloops(*arguments, **options):
    command = [sys.executable, "-m", "sixloops", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, **options)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Train once, for all tests that need a finished run."""
    folder = tmp_path_factory.mktemp("cli") / "run"
    result = sixloops(*SHORT, "--out", folder)
    assert result.returncode == 0, result.stderr
    return folder, result.stdout


def test_train_shows_summary_result_and_run_folder(run):
    folder, out = run
    assert "Conv2D" in out
    assert "1/1" in out
    assert "accuracy" in out
    assert str(folder) in out


def test_the_run_folder_is_complete(run):
    folder, _ = run
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {
        "configuration.json",
        "history.jsonl",
        "evaluation.json",
        "last.safetensors",
        "best.safetensors",
        "model.safetensors",
        "pictures/curves.png",
        "pictures/kernels.png",
        "pictures/feature_maps.png",
        "pictures/confusion.png",
        "pictures/mistakes.png",
    } <= names


def test_evaluate_gives_what_training_reported(run):
    folder, _ = run
    result = sixloops("evaluate", folder, "--json")
    assert result.returncode == 0, result.stderr
    evaluation = json.loads(result.stdout)
    assert evaluation["images"] == 10_000
    assert (
        evaluation["accuracy"] == json.loads((folder / "evaluation.json").read_text())["accuracy"]
    )
    assert np.trace(np.array(evaluation["confusion"])) == round(evaluation["accuracy"] * 10_000)
    table = sixloops("evaluate", folder, "--threads", "1").stdout
    assert "accuracy" in table
    assert str(evaluation["confusion"][3][3]) in table


def test_predict_names_class_and_probability(run, tmp_path):
    from sixloops.data import load_mnist

    folder, _ = run
    _, test = load_mnist()
    images, labels = test.take(np.arange(3))
    paths = [tmp_path / f"digit{number}.png" for number in range(3)]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image[0]).save(path)
    result = sixloops("predict", folder, *paths, "--json")
    assert result.returncode == 0, result.stderr
    answers = json.loads(result.stdout)
    assert [answer["image"] for answer in answers] == [str(path) for path in paths]
    assert answers[0]["classes"][0]["class"] == str(labels[0])
    total = sum(entry["probability"] for entry in answers[0]["classes"])
    assert 0 < total <= 1.000001
    inverted = tmp_path / "inverted.png"
    Image.fromarray(255 - images[0][0]).save(inverted)
    again = json.loads(sixloops("predict", folder, inverted, "--invert", "--json").stdout)
    assert again[0]["classes"][0] == {
        "class": answers[0]["classes"][0]["class"],
        "probability": pytest.approx(answers[0]["classes"][0]["probability"], rel=1e-5),
    }
    assert "%" in sixloops("predict", folder, paths[0]).stdout


def test_summary_of_a_name_a_file_and_a_run(run, tmp_path):
    folder, _ = run
    named, from_run = sixloops("summary", "two-convolutions"), sixloops("summary", folder)
    assert named.stdout == from_run.stdout
    assert "1, 28, 28" in named.stdout or "1×28×28" in named.stdout
    described = sixloops("summary", "dense", "--json").stdout
    (tmp_path / "mine.json").write_text(described)
    assert sixloops("summary", tmp_path / "mine.json").stdout == sixloops("summary", "dense").stdout
    result = sixloops(*SHORT, "--network", tmp_path / "mine.json", "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr


def test_interrupted_and_resumed_is_the_same_as_never_interrupted(run, tmp_path):
    whole, _ = run
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "sixloops", *SHORT, "--out", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (folder / "last.safetensors").exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    if process.returncode != 0:  # it may have been faster than the signal
        assert process.returncode == 130, err
        assert f"sixloops train --resume {folder}" in out
        assert not (folder / "model.safetensors").exists()
        resumed = sixloops("train", "--resume", folder)
        assert resumed.returncode == 0, resumed.stderr
    assert read_tensors(folder / "model.safetensors")[0].keys()
    assert (folder / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--network", "lenet"], "The network must be one of two-convolutions"),
        (["train", "--data", "emnist"], "The data must be one of mnist"),
        (["train", "--optimizer", "newton"], "The optimizer must be one of sgd"),
        (["train", "--schedule", "x"], "The schedule must be one of constant"),
        (["train", *FAULTY], "The augmentation must be one of"),
        (["train", "--epochs", "0"], "'epochs'"),
        (["train", "--batch", "0"], "'batch_size'"),
        (["train", "--rate", "-1"], "'rate'"),
        (["train", "--images", "70000"], "--images must be from 1 to 60000"),
        (["train", "--epochs", "many"], "--epochs"),
        (["train", "--colour", "red"], "--colour"),
        (["train", "--resume", "nowhere"], "nowhere"),
        (["train", "--resume", "nowhere", "--rate", "1"], "Beside --resume only"),
        (["train", "--network", "missing.json"], "missing.json cannot be read"),
        (["evaluate", "nowhere"], "nowhere is missing"),
        (["predict", "nowhere", "image.png"], "nowhere is missing"),
        (["summary", "nowhere"], "nowhere is missing"),
        (["summary", "--input-shape", "28"], "three whole numbers"),
        (["summary", "--input-shape", "1,3,3"], "Layer 1: The window of Conv2D"),
        (["train", "--data", "cifar10", "--data-folder", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(arguments, words, tmp_path):
    result = sixloops(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert words in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_not_overwritten(run):
    folder, _ = run
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    result = sixloops(*SHORT, "--out", folder)
    assert result.returncode == 2
    assert "already" in result.stderr
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_predict_with_files_that_are_no_images(run, tmp_path):
    folder, _ = run
    (tmp_path / "text.png").write_text("no image")
    for name in ("text.png", "missing.png"):
        result = sixloops("predict", folder, tmp_path / name)
        assert result.returncode == 2
        assert name in result.stderr
        assert "Traceback" not in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path):
    tmp_path.chmod(0o500)
    result = sixloops(*SHORT, "--out", tmp_path / "run")
    assert result.returncode == 2
    assert "cannot be written" in result.stderr


@pytest.mark.parametrize("command", [[], ["train"], ["evaluate"], ["predict"], ["summary"]])
def test_help_explains_every_option(command):
    result = sixloops(*command, "--help")
    assert result.returncode == 0
    assert "Usage" in result.stdout


def test_version():
    import sixloops as package

    assert sixloops("--version").stdout.strip() == f"sixloops {package.__version__}"
