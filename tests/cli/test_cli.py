"""The command line as a user meets it: what is printed, what is written, how it fails."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import typer
from PIL import Image, ImageDraw, ImageOps
from typer.testing import CliRunner

from sixloops.cli import app, main
from sixloops.cli.choices import load_data
from sixloops.cli.options import Options
from sixloops.cli.predict import _table
from sixloops.data import load_mnist, mnist, read_photo
from sixloops.data.augmentation import Compose, Flip, Shift
from sixloops.errors import DataError, FileError
from sixloops.files import read_tensors
from sixloops.initializers import Constant
from sixloops.layers import Conv2D, Dense, Flatten
from sixloops.losses import SquaredError
from sixloops.network import Network
from sixloops.optimizers import Momentum
from sixloops.regularizers import L2
from sixloops.report import read_configuration
from sixloops.schedules import Cosine
from sixloops.training import Settings, evaluate

DATA = Path(mnist.__file__).parent
FAULTY = ["--augmentation", "shift", "--augmentation", "x"]
SHORT = ["train", "--epochs", "1", "--images", "640", "--threads", "1"]


def sixloops(*arguments, cwd="."):
    """Run a command in this process, which has loaded all modules already."""
    command = ["sixloops", *map(str, arguments)]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err), chdir(cwd), patch.object(sys, "argv", command):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
    return subprocess.CompletedProcess(command, code, out.getvalue(), err.getvalue())


def process(*arguments, **options):
    """Run a command in a process of its own."""
    command = [sys.executable, "-m", "sixloops", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, **options)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Train once, for all tests that need a finished run."""
    folder = tmp_path_factory.mktemp("cli") / "run"
    result = process(*SHORT, "--out", folder)
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
    assert "Test images of mnist: loss" in table
    assert str(evaluation["confusion"][3][3]) in table


def test_predict_names_class_and_probability(run, tmp_path):
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


def test_predict_of_a_network_that_learnt_numbers_gives_outputs(tmp_path):
    layers = [Flatten(), Dense(3, weight_initializer=Constant(-0.5))]
    network = Network(layers, (1, 2, 2), loss=SquaredError())
    network.save(tmp_path / "model.safetensors")
    Image.fromarray(np.full((2, 2), 200, np.uint8)).save(tmp_path / "image.png")
    files = tmp_path / "model.safetensors", tmp_path / "image.png"
    (answer,) = json.loads(sixloops("predict", *files, "--json").stdout)
    assert answer["classes"][0] == {"class": "0", "output": -400.0}
    shown = sixloops("predict", *files).stdout
    assert "output" in shown
    assert "-400" in shown
    assert "%" not in shown


def test_a_folder_in_brackets_is_named_as_it_is(tmp_path):
    folder = tmp_path / "[old]" / "[/a]"
    result = sixloops(*SHORT, "--network", "dense", "--out", folder)
    assert result.returncode == 0, result.stderr
    assert f"run folder {folder}" in result.stdout
    assert f"are in {folder}" in result.stdout


def test_summary_of_a_name_a_file_and_a_run(run, tmp_path):
    folder, _ = run
    named, from_run = sixloops("summary", "two-convolutions"), sixloops("summary", folder)
    assert named.stdout == from_run.stdout
    assert "1, 28, 28" in named.stdout or "1×28×28" in named.stdout
    described = sixloops("summary", "dense", "--json").stdout
    (tmp_path / "mine.json").write_text(described)
    assert sixloops("summary", tmp_path / "mine.json").stdout == sixloops("summary", "dense").stdout
    plan = sixloops("summary", "dense", "--plan", "--batch", 5).stdout
    assert plan.startswith(sixloops("summary", "dense", "--batch", 5).stdout)
    assert "5 images in 2 shares" in plan
    result = sixloops(*SHORT, "--network", tmp_path / "mine.json", "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr


def test_interrupted_and_resumed_is_the_same_as_never_interrupted(run, tmp_path):
    whole, _ = run
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "sixloops", *SHORT, "--out", str(folder)]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # not ignored, in no shell
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
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
        (["train", "--network", "lenet5"], "Did you mean 'lenet5-1998'?"),
        (["train", "--data", "kmnst"], "The data must be one of mnist"),
        (["train", "--data", "kmnst"], "Did you mean 'kmnist'?"),
        (["train", "--optimizer", "newton"], "The optimizer must be one of sgd"),
        (["train", "--schedule", "x"], "The schedule must be one of constant"),
        (["train", *FAULTY], "The augmentation must be one of"),
        (["train", "--epochs", "0"], "--epochs must be a whole number"),
        (["train", "--batch", "0"], "--batch must"),
        (["train", "--rate", "-1"], "--rate must"),
        (["train", "--l2", "-1"], "--l2 must"),
        (["train", "--clip-norm", "0"], "--clip-norm must"),
        (["train", "--average", "1"], "--average must"),
        (["train", "--seed", "-1"], "--seed must"),
        (["train", "--out", ""], "--out must name a folder"),
        (["reproduce", "chained-passes", "--short", "--out", " "], "--out must name a folder"),
        (["train", "--data", ""], "The data must be one of mnist"),
        (["train", "--image-size", "3x3"], "--image-size must be height and width"),
        (["train", "--image-size", "9,9"], "--image-size is for a folder of images"),
        (["train", "--channels", "3"], "--channels is for a folder of images"),
        (["train", "--from", "a", "--network", "dense"], "--from brings its own network"),
        (["train", "--from", "nowhere"], "nowhere is missing"),
        (["train", "--images", "70000"], "--images must be from 1 to 60000"),
        (["train", "--images", "9", "--hold-out", "9"], "--hold-out must be from 1 to 8"),
        (["train", "--hold-out", "0"], "--hold-out must be from 1 to 59999"),
        (["train", "--epochs", "many"], "--epochs"),
        (["train", "--threads", "0"], "--threads"),
        (["train", "--evaluate-every", "0"], "--evaluate-every"),
        (["train", "--colour", "red"], "--colour"),
        (["train", "--resume", "nowhere"], "nowhere"),
        (["train", "--resume", "nowhere", "--rate", "1"], "Beside --resume only"),
        (["train", "--network", "missing.json"], "missing.json cannot be read"),
        (["evaluate", "nowhere"], "nowhere is missing"),
        (["predict", "nowhere", "image.png"], "nowhere is missing"),
        (["summary", "nowhere"], "The network must be one of two-convolutions"),
        (["summary", "--input-shape", "28"], "three whole numbers"),
        (["summary", "--input-shape", "²,3,4"], "three whole numbers"),
        (["summary", "mine.json", "--classes", "3"], "--classes must be left out for a network"),
        (["summary", "denses", "--classes", "3"], "Got 'denses', which is none"),
        (["summary", "--input-shape", "1,3,3"], "Layer 1: The window of Conv2D"),
        (["train", "--data", "cifar10", "--data-folder", "nowhere"], "folder with --data-folder"),
        (["train", "--data-folder", DATA], f"Is --data-folder {DATA / 'mnist'} meant?"),
        (["train", "--data-folder", "."], "t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(arguments, words, tmp_path):
    result = sixloops(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert words in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_images_that_are_held_out_validate_and_choose_the_best_network(tmp_path):
    short = ["train", "--network", "dense", "--images", "2000", "--hold-out", "700"]
    folder = tmp_path / "run"
    result = sixloops(*short, "--epochs", "2", "--threads", "1", "--seed", "3", "--out", folder)
    assert result.returncode == 0, result.stderr
    assert "1,300 training, 700 validation and 10,000 test images" in result.stdout
    _, held_out = load_mnist()[0].first(2000).split(700, seed=3)
    best = Network.load(folder / "best.safetensors")
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    accuracies = [line["validation_accuracy"] for line in history if line["kind"] == "epoch"]
    assert evaluate(best, held_out).accuracy == max(accuracies)
    words = f"Test of best.safetensors, the best by validation: {evaluate(best, load_mnist()[1])}"
    assert words in " ".join(result.stdout.split())
    longer = sixloops("train", "--resume", folder, "--epochs", "3", "--threads", "1")
    assert longer.returncode == 0, longer.stderr
    assert "1,300 training, 700 validation" in longer.stdout


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


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path):
    tmp_path.chmod(0o500)
    result = sixloops(*SHORT, "--out", tmp_path / "run")
    assert result.returncode == 2
    assert "cannot be written" in result.stderr


def commands(command, name=()):
    """Yield a command and those below it, each with the words that call it."""
    yield name, command
    for word, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*name, word))


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", COMMANDS, ids=" ".join)
def test_help_explains_every_option(name):
    result = sixloops(*name, "--help")
    assert result.returncode == 0
    for parameter in COMMANDS[name].params:
        assert parameter.help, parameter.name
        assert parameter.param_type_name == "argument" or parameter.opts[-1] in result.stdout


def test_version():
    import sixloops as package

    assert sixloops("--version").stdout.strip() == f"sixloops {package.__version__}"


def test_data_that_does_not_fit_leaves_no_run_folder(tmp_path):
    described = sixloops("summary", "two-convolutions", "--input-shape", "1,32,32", "--json").stdout
    (tmp_path / "larger.json").write_text(described)
    result = sixloops(*SHORT, "--network", "larger.json", "--out", "run", cwd=tmp_path)
    assert result.returncode == 2
    assert "must have shape (batch, 1, 32, 32)" in result.stderr
    assert not (tmp_path / "run").exists()


def image_folder(path, classes, count=5):
    """Write small images of random grays, one sub-folder a class."""
    random = np.random.default_rng(0)
    for name in classes:
        (path / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 256, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(path / name / f"{number}.png")


def test_known_data_sets_come_before_folders_of_the_same_name(tmp_path, monkeypatch):
    (tmp_path / "mnist").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_data("mnist", None)[1].name == "MNIST test"
    with pytest.raises(FileError, match="one sub-folder a class"):
        load_data("./mnist", None)


def test_train_and_test_folders_must_have_the_same_classes(tmp_path):
    image_folder(tmp_path / "train", ["cat", "dog", "emu"])
    image_folder(tmp_path / "test", ["cat", "emu"])
    with pytest.raises(DataError, match=r"one a class: cat, dog, emu\. Got cat, emu"):
        load_data(str(tmp_path), None)


def test_images_to_test_with_must_be_as_those_to_train_with(tmp_path):
    for part in ("train", "test"):
        image_folder(tmp_path / part, ["cat", "dog"])
    for each in (tmp_path / "test").rglob("*.png"):
        Image.new("RGB", (30, 10)).save(each)
    with pytest.raises(
        DataError, match=r"\(1, 8, 8\)\. Got \(3, 10, 30\)\. .* --image-size and --ch"
    ):
        load_data(str(tmp_path))
    _, test = load_data(str(tmp_path), size=(6, 4), channels=1)
    assert test.image_shape == (1, 6, 4)


def test_gray_and_coloured_images_may_be_mixed_if_it_is_said_how(tmp_path):
    image_folder(tmp_path / "images", ["cat", "dog"])
    Image.new("RGB", (8, 8)).save(tmp_path / "images" / "dog" / "z.png")
    train = ["train", "--network", "dense", "--epochs", "1", "--data", "images", "--out", "run"]
    refused = sixloops(*train, cwd=tmp_path)
    assert refused.returncode == 2
    assert "--channels 1 for gray, --channels 3 for colour" in refused.stderr
    assert "1×8×8" in sixloops(*train, "--channels", "1", cwd=tmp_path).stdout
    evaluated = sixloops("evaluate", "run", cwd=tmp_path)
    assert evaluated.returncode == 0, evaluated.stderr
    other = sixloops("evaluate", "run", "--data", "images", "--channels", "3", cwd=tmp_path)
    assert "must have shape (batch, 1, 8, 8)" in other.stderr
    assert "be 1 for gray or 3" in sixloops(*train, "--channels", "2", cwd=tmp_path).stderr


def test_a_network_with_more_outputs_than_the_data_has_classes_is_evaluated(tmp_path):
    Network([Flatten(), Dense(12)], (1, 28, 28)).save(tmp_path / "model.safetensors")
    result = sixloops("evaluate", tmp_path / "model.safetensors")
    assert result.returncode == 0, result.stderr
    assert " 11 " in result.stdout


def test_a_run_on_a_folder_is_evaluated_on_what_it_was_tested_on(tmp_path):
    image_folder(tmp_path / "images", ["cat", "dog"])
    train = ["train", "--network", "dense", "--epochs", "1", "--seed", "3", "--out", "run"]
    result = sixloops(*train, "--data", "images", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    expected = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    got = sixloops("evaluate", "run", "--data", "images", "--json", cwd=tmp_path)
    assert json.loads(got.stdout)["loss"] == expected["loss"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    resumed = sixloops("train", "--resume", "../run", "--epochs", "2", cwd=elsewhere)
    assert resumed.returncode == 0, resumed.stderr


def test_the_data_names_the_classes_of_a_described_network(tmp_path):
    described = sixloops("summary", "dense", "--classes", "2", "--input-shape", "1,8,8", "--json")
    (tmp_path / "mine.json").write_text(described.stdout)
    image_folder(tmp_path / "images", ["cat", "dog"])
    train = ["train", "--network", "mine.json", "--epochs", "1", "--out", "run"]
    result = sixloops(*train, "--data", "images", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    image = tmp_path / "images" / "cat" / "0.png"
    (answer,) = json.loads(sixloops("predict", "run", image, "--json", cwd=tmp_path).stdout)
    assert {entry["class"] for entry in answer["classes"]} == {"cat", "dog"}
    image_folder(tmp_path / "others", ["bat", "cat"])
    other = sixloops("evaluate", "run", "--data", "others", cwd=tmp_path)
    assert other.returncode == 2
    assert "must be those of run: cat, dog. Got bat, cat." in other.stderr


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    """Train on a folder of a few images, for the tests that damage a run."""
    folder = tmp_path_factory.mktemp("small")
    image_folder(folder / "images", ["cat", "dog"])
    command = ["train", "--network", "dense", "--epochs", "1", "--data", folder / "images"]
    result = sixloops(*command, "--out", folder / "run")
    assert result.returncode == 0, result.stderr
    return folder / "run"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("data", 3), ("data", None), ("data_folder", ["a"]), ("images", "5"), ("optimizer", 3),
        ("schedule", None), ("augmentation", 3), ("augmentation", [3]), ("epochs", "3"),
    ],
)  # fmt: skip
def test_an_edited_configuration_is_one_error_and_changes_nothing(
    small_run, tmp_path, option, value
):
    folder = tmp_path / "run"
    shutil.copytree(small_run, folder)
    configuration = json.loads((folder / "configuration.json").read_text())
    configuration["options"][option] = value
    (folder / "configuration.json").write_text(json.dumps(configuration))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    result = sixloops("train", "--resume", folder)
    assert result.returncode == 2
    assert f"The '{option}' of" in result.stderr
    assert "Traceback" not in result.stderr
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_behind_the_output_is_one_error():
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "sixloops", "summary"]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 2
    assert "No space left" in result.stderr
    assert "Traceback" not in result.stderr


def test_output_that_knows_ascii_only_is_no_error():
    result = process("summary", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert result.returncode == 0, result.stderr
    assert "Conv2D" in result.stdout


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_network_that_no_memory_holds_is_one_error(tmp_path, arguments):
    layers = [{"type": "Flatten"}, {"type": "Dense", "units": 10**15}]
    described = tmp_path / "huge.json"
    described.write_text(json.dumps({"layers": layers, "input_shape": [1, 8, 8]}))
    result = sixloops("summary", described, *arguments)
    assert result.returncode == 2
    assert "cannot be made" in result.stderr
    assert "Traceback" not in result.stderr


def test_json_of_endless_brackets_is_one_error(tmp_path):
    (tmp_path / "deep.json").write_text("[" * 100_000)
    result = sixloops("summary", tmp_path / "deep.json")
    assert result.returncode == 2
    assert "deep.json must hold a JSON object" in result.stderr


def draw_three(path):
    """Write a picture of a 3 in dark ink on paper, at one side of the sheet and in shadow."""
    sheet = Image.new("L", (640, 480), 205)
    points = [(60, 120), (170, 120), (220, 180), (140, 230), (230, 300), (200, 360), (60, 370)]
    ImageDraw.Draw(sheet).line(points, fill=40, width=12, joint="curve")
    shadow = np.linspace(1, 0.6, 640)
    Image.fromarray((np.asarray(sheet) * shadow).astype(np.uint8)).save(path)


def test_a_photo_of_a_digit_is_told_about_and_prepared(run, tmp_path):
    folder, _ = run
    draw_three(tmp_path / "three.png")
    plain = sixloops("predict", folder, "three.png", "--json", cwd=tmp_path)
    assert "three.png is light with dark ink" in plain.stderr
    assert "try --photo" in plain.stderr
    assert json.loads(plain.stdout)
    prepared = sixloops("predict", folder, "three.png", "--photo", "--json", cwd=tmp_path)
    assert prepared.stderr == ""
    twice = sixloops("predict", folder, "three.png", "--photo", "--invert", cwd=tmp_path)
    assert "three.png is light with dark ink already: try --photo without" in twice.stderr
    with Image.open(tmp_path / "three.png") as image:
        ImageOps.invert(image.convert("L")).save(tmp_path / "board.png")
    board = sixloops("predict", folder, "board.png", "--photo", cwd=tmp_path)
    assert "board.png is dark with light ink, but --photo is for dark ink" in board.stderr
    assert sixloops("predict", folder, "board.png", cwd=tmp_path).stderr == ""
    chalk = sixloops("predict", folder, "board.png", "--photo", "--invert", cwd=tmp_path)
    assert chalk.stderr == ""
    network = Network.load(folder / "model.safetensors")
    (expected,) = network.predict(read_photo(tmp_path / "three.png", (1, 28, 28))[np.newaxis])
    best = json.loads(prepared.stdout)[0]["classes"][0]
    assert best["class"] == str(expected.argmax())
    assert best["probability"] == pytest.approx(expected.max(), rel=1e-5)


def test_a_table_of_answers_leaves_out_what_is_as_good_as_nothing():
    answers = [[("cat", 0.9), ("dog", 0.0996), ("emu", 0.0004)]]
    table = _table([Path("a.png")], answers, "probability")
    assert [column.header for column in table.columns][-1] == "next"
    assert [str(cell) for column in table.columns for cell in column.cells] == [
        "a.png", "cat", "90.0%", "dog 10.0%"
    ]  # fmt: skip


def test_every_option_reaches_the_settings():
    names = {"optimizer": "momentum", "schedule": "cosine", "augmentation": ("shift", "flip")}
    numbers = {"rate": 0.3, "l2": 1e-3, "clip_norm": 2.0, "average": 0.9}
    given = Options(**names, **numbers, epochs=7, batch=5, seed=4)
    assert given.settings() == Settings(
        epochs=7,
        batch_size=5,
        optimizer=Momentum(0.3),
        schedule=Cosine(),
        regularizers=(L2(1e-3),),
        augmentation=Compose((Shift(), Flip())),
        clip_norm=2.0,
        average=0.9,
        seed=4,
    )


def test_the_options_of_a_command_are_noted_and_followed(tmp_path):
    short = ["train", "--network", "dense", "--images", "96", "--epochs", "1", "--threads", "1"]
    others = ["--batch", "32", "--schedule", "cosine", "--l2", "0.01", "--augmentation", "shift"]
    limits = ["--clip-norm", "2", "--average", "0.9", "--evaluate-every", "2"]
    result = sixloops(*short, *others, *limits, "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    settings = read_configuration(tmp_path / "run" / "configuration.json")["settings"]
    assert settings["batch_size"] == 32
    assert settings["schedule"]["type"] == "Cosine"
    assert settings["regularizers"][0]["strength"] == 0.01
    assert [each["type"] for each in settings["augmentation"]["steps"]] == ["Shift"]
    assert (settings["clip_norm"], settings["average"]) == (2.0, 0.9)
    lines = (tmp_path / "run" / "history.jsonl").read_text().splitlines()
    kinds = [json.loads(line)["kind"] for line in lines]
    assert kinds.count("evaluation") == 1


def test_tables_are_never_cut(tmp_path):
    network = Network([Flatten(), Dense(26)], (1, 2, 2))
    network.save(tmp_path / "model.safetensors")
    folder = tmp_path / ("a_rather_long_name_of_a_folder_" * 3)
    folder.mkdir()
    for name in ("one.png", "two.png"):
        Image.new("L", (2, 2)).save(folder / name)
    paths = [folder / "one.png", folder / "two.png"]
    shown = sixloops("predict", tmp_path / "model.safetensors", *paths).stdout
    assert all(str(path) in shown for path in paths)
    image_folder(
        tmp_path / "images", [f"class_{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    )
    arguments = "--data", tmp_path / "images", "--image-size", "2,2"
    table = sixloops("evaluate", tmp_path / "model.safetensors", *arguments).stdout
    assert "…" not in table
    assert " 24 25 " in " ".join(table.split())


def test_predict_of_a_network_that_does_not_classify(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "image.png")
    for layers, shape in (([Conv2D(2, 3)], "(2, 2, 2)"), ([Flatten(), Dense(1)], "(1,)")):
        Network(layers, (1, 4, 4), loss=SquaredError()).save(tmp_path / "model.safetensors")
        result = sixloops("predict", tmp_path / "model.safetensors", tmp_path / "image.png")
        assert result.returncode == 2
        assert f"Got outputs of shape {shape}" in result.stderr


def test_numbers_that_are_not_finite_are_null_in_json(tmp_path):
    bias = Constant(3e38)
    layers = [Flatten(), Dense(3, weight_initializer=bias, bias_initializer=bias)]
    model, image = tmp_path / "model.safetensors", tmp_path / "image.png"
    Network(layers, (1, 2, 2), loss=SquaredError()).save(model)
    Image.new("L", (2, 2), 255).save(image)
    (answer,) = json.loads(sixloops("predict", model, image, "--json").stdout)
    assert answer["classes"][0] == {"class": "0", "output": None}
    image_folder(tmp_path / "images", ["a", "b", "c"])
    data = "--data", tmp_path / "images", "--image-size", "2,2"
    told = json.loads(sixloops("evaluate", model, *data, "--json").stdout)
    assert told["loss"] is None


def test_images_of_several_sizes_and_long_names(tmp_path):
    image_folder(tmp_path / "images", ["a_rather_long_name", "[bold] name"])
    Image.new("L", (9, 7)).save(tmp_path / "images" / "[bold] name" / "odd.png")
    train = ["train", "--network", "dense", "--epochs", "1", "--data", "images", "--out", "run"]
    refused = sixloops(*train, cwd=tmp_path)
    assert refused.returncode == 2
    assert "--image-size 8,8" in refused.stderr
    result = sixloops(*train, "--image-size", "6,10", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "1×6×10" in result.stdout
    assert "Adam 0.001, one-cycle, batches of 64, " in result.stdout
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    table = sixloops("evaluate", "../run", cwd=elsewhere)  # on the run's own data and size
    assert table.returncode == 0, table.stderr
    expected = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert f"loss {expected['loss']:.4f}" in table.stdout
    assert " 0 [bold] name" in table.stdout
    assert " 1 a_rather_long_name" in table.stdout


def test_going_on_with_a_finished_run(small_run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(small_run, folder)
    done = sixloops("train", "--resume", folder)
    assert done.returncode == 0, done.stderr
    assert "Nothing is left to do: the 1 epoch is done. Name more epochs" in done.stdout
    more = sixloops("train", "--resume", folder, "--epochs", "2")
    assert more.returncode == 0, more.stderr
    assert "Going on after epoch 1 of 2." in more.stdout
    wrong = sixloops("train", "--resume", folder, "--epochs", "0")
    assert "--epochs must" in wrong.stderr


def test_training_begins_from_the_weights_of_another_run(small_run, tmp_path):
    before = read_tensors(small_run / "model.safetensors")[0]
    data, out = small_run.parent / "images", tmp_path / "run"
    begin = ["train", "--from", small_run, "--data", data, "--epochs", "1", "--rate", "1e-12"]
    result = sixloops(*begin, "--out", out)
    assert result.returncode == 0, result.stderr
    after = read_tensors(out / "model.safetensors")[0]
    for name, array in before.items():
        np.testing.assert_allclose(after[name], array, atol=1e-9)
    resumed = sixloops("train", "--resume", out, "--epochs", "2")
    assert resumed.returncode == 0, resumed.stderr
    mistaken = sixloops("train", "--network", small_run)
    assert f"--resume {small_run}" in mistaken.stderr
    assert f"--from {small_run}" in mistaken.stderr
    others = sixloops("train", "--from", small_run)
    assert others.returncode == 2
    assert "must be those of" in others.stderr


@pytest.mark.parametrize(
    ("place", "begun"),
    [
        ("RunFolder.finish", True),  # while the pictures are drawn
        ("Progress.on_step_end", True),  # the second time, in the middle of the training
        ("run_callbacks.Configuration.on_train_start", False),
    ],
)
def test_an_interrupt_at_any_time_says_how_to_finish(
    small_run, tmp_path, monkeypatch, place, begun
):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"sixloops.report.{place}", interrupted)
    data, out = small_run.parent / "images", tmp_path / "run"
    command = ["train", "--network", "dense", "--epochs", "1", "--data", data, "--out", out]
    result = CliRunner().invoke(app, list(map(str, command)))
    assert result.exit_code == 130
    go_on = f" Go on with: sixloops train --resume {out}"
    assert result.stdout.endswith(f"Interrupted.{go_on if begun else ''}\n")


def test_the_first_run_says_that_it_compiles(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    command = [*SHORT, "--images", "10", "--network", "dense"]
    first = process(*command, "--out", tmp_path / "one", env=environment)
    second = process(*command, "--out", tmp_path / "two", env=environment)
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert "Compiling kernels for this machine" in first.stdout
    assert "Compiling" not in second.stdout


def test_some_images_of_a_folder_are_of_all_classes(tmp_path):
    image_folder(tmp_path / "train", ["cat", "dog"], count=30)
    image_folder(tmp_path / "test", ["cat", "dog"])
    first, again = (
        Options(data=str(tmp_path), images=20).load(download=False).training.labels
        for _ in range(2)
    )
    assert 4 < first.sum() < 16
    np.testing.assert_array_equal(first, again)


def test_what_systems_leave_in_folders_is_passed_over(tmp_path):
    image_folder(tmp_path, ["cat", "dog"])
    for name in ("Thumbs.db", "desktop.ini"):
        (tmp_path / "cat" / name).write_text("")
    (tmp_path / "__MACOSX").mkdir()
    training, test = load_data(str(tmp_path))
    assert (len(training) + len(test), training.classes) == (10, ("cat", "dog"))


def test_a_network_that_is_not_finite_names_no_class(tmp_path):
    network = Network([Flatten(), Dense(2)], (1, 2, 2))
    network.parameters["1.weight"][:] = np.nan
    network.save(tmp_path / "model.safetensors")
    Image.new("L", (2, 2)).save(tmp_path / "image.png")
    result = sixloops("predict", tmp_path / "model.safetensors", tmp_path / "image.png")
    assert result.returncode == 2
    assert "must be finite. Got 8 of 8 values that are not" in result.stderr
