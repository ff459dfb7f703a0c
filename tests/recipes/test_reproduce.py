"""``sixloops reproduce``: each recipe in its short form, what it leaves, and how it fails."""

import json
import re
import shutil
import subprocess
import sys
import zlib
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage
from typer.testing import CliRunner

from sixloops.cli import app
from sixloops.cli import reproduce as cli_reproduce
from sixloops.data import Dataset, Shift, load_mnist
from sixloops.errors import ConfigurationError, FileError
from sixloops.files import read_tensors, write_tensors
from sixloops.layers import Conv2D, Dense, Flatten, Rescale
from sixloops.losses import SoftmaxCrossEntropy, SquaredError
from sixloops.network import Network
from sixloops.optimizers import SGD
from sixloops.recipes import (
    RECIPES,
    best_networks,
    chained_passes,
    java_question,
    lenet5,
    nielsen_ladder,
    numpy_pooling,
    post_276213,
    post_316354,
    unfinished,
)
from sixloops.recipes.epochs import outcome, shown, train, values
from sixloops.recipes.networks import NETWORKS, nielsen
from sixloops.recipes.recipe import Experiment, Setting
from sixloops.recipes.records import KINDS, first_training, read_record, read_results
from sixloops.recipes.unfinished import Unfinished
from sixloops.report.charts import Chart, Curve, Points, plot_charts
from sixloops.schedules import Schedule
from sixloops.training import Settings
from sixloops.training.run import Run


def reproduce(*arguments):
    return CliRunner().invoke(app, ["reproduce", *map(str, arguments)])


@pytest.fixture
def setting():
    images = np.zeros((4, 1, 28, 28), np.uint8)
    data = Dataset(images, np.arange(4), classes=10)
    return Setting(data, data, short=True)


def with_data_that_is_here(recipe):
    """Return a recipe whose experiments take MNIST where their own data set is not installed."""

    def loaded(experiment):
        try:
            experiment.load(None, False)
        except FileError:
            return replace(experiment, load=load_mnist)  # which has the same form
        return experiment

    return replace(recipe, experiments=[loaded(each) for each in recipe.experiments])


@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_runs_in_its_short_form(name, tmp_path, monkeypatch):
    recipe, folder = with_data_that_is_here(RECIPES[name]), tmp_path / "out"
    monkeypatch.setitem(RECIPES, name, recipe)
    result = reproduce(name, "--short", "--out", folder)
    assert result.exit_code == 0, result.output
    assert recipe.title in result.output
    assert "in the source" in result.output
    assert "This is the short form" in result.output
    assert "not run yet" not in result.output
    assert (folder / f"{name}.png").stat().st_size > 10_000
    for experiment in recipe.experiments:
        record = read_record(folder / f"{experiment.name}-seed0.json")
        assert record["recipe"] == name
        assert record["short"] is True
        command = f"sixloops reproduce {name} --only {experiment.name} --seeds 1 --short"
        assert record["command"] == command
        assert {"numba", "llvmlite", "numpy", "blas"} <= record["versions"].keys()
        assert record["seconds"] > 0


def test_what_is_recorded_is_not_run_again(tmp_path):
    given = "chained-passes", "--only", "max", "--only", "l2", "--seeds", 2, "--out", tmp_path
    assert reproduce(*given).exit_code == 0
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.json")}
    assert sorted(before) == [
        f"{name}-seed{seed}.json" for name in ("l2", "max") for seed in (0, 1)
    ]
    again = reproduce(*given)
    assert again.output.count("recorded already") == 4
    assert "not run yet" in again.output  # mean pooling
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.json")} == before


def test_the_same_seed_gives_the_same_measures(tmp_path):
    for number in (1, 2):
        given = "--short", "--only", "pooling-with-sigmoid", "--threads", number
        reproduce("post-316354", *given, "--out", tmp_path / str(number))
    measured = [
        without_seconds(read_results(tmp_path / str(number), RECIPES["post-316354"]))
        for number in (1, 2)
    ]
    assert measured[0] == measured[1]


def test_the_list_names_all():
    result = reproduce()
    assert result.exit_code == 0
    for name in RECIPES:
        assert name in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["post-316353"], "Did you mean 'post-316354'"),
        (["post-316354", "--only", "max"], "--only must be one of without-pooling"),
    ],
)
def test_wrong_names(arguments, words):
    with pytest.raises(ConfigurationError, match=words):
        CliRunner().invoke(app, ["reproduce", *arguments], catch_exceptions=False)


def test_short_and_whole_runs_do_not_mix(tmp_path):
    given = ["chained-passes", "--only", "max", "--seeds", "1", "--out", str(tmp_path)]
    assert reproduce(*given, "--short").exit_code == 0
    with pytest.raises(ConfigurationError, match="record of a short run"):
        CliRunner().invoke(app, ["reproduce", *given], catch_exceptions=False)


def fails(*arguments):
    """Run, and return what the error says."""
    with pytest.raises((ConfigurationError, FileError)) as caught:
        CliRunner().invoke(app, ["reproduce", *map(str, arguments)], catch_exceptions=False)
    return str(caught.value)


@pytest.fixture
def recorded(tmp_path):
    """Return a folder with one short record, and the command that made it."""
    given = "chained-passes", "--short", "--only", "max", "--out", tmp_path
    assert reproduce(*given).exit_code == 0
    return tmp_path, given


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"format": 0, "measured": {}}', "[" * 200_000, '{"format": 2}']
)
def test_a_broken_record_is_named_before_anything_is_run(recorded, text):
    folder, given = recorded
    (folder / "mean-seed3.json").write_text(text)
    assert "mean-seed3.json is no record of a recipe" in fails(*given, "--only", "l2")
    assert not (folder / "l2-seed0.json").exists()


@pytest.mark.parametrize("key", sorted(KINDS))
def test_a_record_without_one_of_its_parts_is_named(recorded, key):
    path = recorded[0] / "max-seed0.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, key: None}))
    with pytest.raises(FileError, match="is no record of a recipe"):
        read_record(path)
    path.write_text(json.dumps({k: v for k, v in record.items() if k != key}))
    with pytest.raises(FileError, match=f"is no record of a recipe: it lacks '{key}'"):
        read_record(path)


def test_records_of_something_else_do_not_count(recorded):
    folder, given = recorded
    record = folder / "max-seed0.json"
    (folder / "max-seed0 (1).json").write_bytes(record.read_bytes())  # as file managers copy
    assert len(read_results(folder, RECIPES["chained-passes"])["max"]) == 1
    shutil.copy(record, folder / "l2-seed0.json")
    assert "belongs into max-seed0.json" in fails(*given)
    (folder / "l2-seed0.json").unlink()
    record.write_text(record.read_text().replace("chained-passes", "another"))
    assert "max-seed0.json is a record of another, not of chained-passes" in fails(*given)


def test_a_record_of_another_rate_does_not_count(tmp_path, monkeypatch):
    given = "java-question", "--short", "--only", "convolutions", "--out", tmp_path
    assert reproduce(*given).exit_code == 0
    assert "recorded already" in reproduce(*given).output
    monkeypatch.setattr(java_question, "RATE", 0.123)
    assert "convolutions-seed0.json is the record of another set-up" in fails(*given)


def test_where_records_cannot_be_written_nothing_is_run(tmp_path):
    (tmp_path / "file").write_text("")
    given = "chained-passes", "--short", "--only", "max", "--out", tmp_path / "file"
    assert "cannot be written" in fails(*given)


def test_what_a_killed_run_left_is_removed(tmp_path):
    left = tmp_path / ".max-seed0.json.0123456789abcdef.part"
    left.write_text("")
    reproduce("chained-passes", "--short", "--only", "max", "--out", tmp_path)
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_a_folder_with_brackets_is_named_as_it_is(tmp_path):
    folder = tmp_path / "[x]"
    result = reproduce("chained-passes", "--short", "--only", "max", "--out", folder)
    assert f"are in {folder}" in result.output.replace("\n", "")


def test_seeds_differ(tmp_path):
    given = "java-question", "--short", "--only", "feed-forward", "--seeds", 2
    reproduce(*given, "--out", tmp_path)
    one, two = read_results(tmp_path, RECIPES["java-question"])["feed-forward"]
    assert one["epochs"][0]["cost"] != two["epochs"][0]["cost"]


@pytest.mark.parametrize(
    ("name", "part", "step", "goes_on"),
    [
        ("post-316354", "standard-normal", 1, ["after 1 of"]),
        ("java-question", "relu-inside-or-apart", 1, ["after 1 of"]),
        ("java-question", "relu-inside-or-apart", 60, ["after 60 of"]),
        ("java-question", "relu-inside-or-apart", 61, ["after 60 of", "after 1 of"]),
    ],
)
def test_an_interrupted_run_leaves_no_record_and_goes_on(tmp_path, name, part, step, goes_on):
    program = (
        "import os, signal, sixloops.recipes.epochs as epochs\n"
        "from sixloops.cli import main\n"
        "from sixloops.training import Callback\n"
        "steps = []\n"
        "class Interrupt(Callback):\n"
        "    def on_step_end(self, run, plan):\n"
        "        steps.append(run.step)\n"
        f"        if len(steps) == {step}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # not ignored\n"
        "fit = epochs.fit\n"
        "def interrupted(*given, callbacks=(), **options):\n"
        "    return fit(*given, callbacks=[*callbacks, Interrupt()], **options)\n"
        "epochs.fit = interrupted\n"
        "main()\n"
    )
    given = ["reproduce", name, "--short", "--only", part]
    command = [sys.executable, "-c", program, *given, "--out", str(tmp_path / "out")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert result.returncode == 130, result.stderr
    assert "The same command goes on" in result.stdout
    assert not list(tmp_path.rglob("*.json"))
    went_on = reproduce(*given[1:], "--out", tmp_path / "out")
    assert re.findall("goes on (after .* of) 60 steps", went_on.output) == goes_on
    reproduce(*given[1:], "--out", tmp_path / "whole")
    resumed, whole = (
        read_record(tmp_path / each / f"{part}-seed0.json") for each in ("out", "whole")
    )
    assert without_seconds(resumed["measured"]) == without_seconds(whole["measured"])
    assert resumed["trained"] == whole["trained"]
    assert len(resumed["taken_over"]) == len(goes_on)
    assert not whole["taken_over"]
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".json", ".png"]


def one_part(monkeypatch, run):
    """Let post 276213 have one part, which does something."""
    part = Experiment("part", "does something", run, seeds=1)
    recipe = replace(RECIPES["post-276213"], experiments=[part])
    monkeypatch.setitem(RECIPES, recipe.name, recipe)
    monkeypatch.setattr(cli_reproduce, "_show", lambda *given: None)


def test_seconds_of_earlier_processes_count(tmp_path, monkeypatch):
    one_part(monkeypatch, lambda setting: setting.unfinished.taken_over.append(1000.0) or {})
    assert reproduce("post-276213", "--out", tmp_path).exit_code == 0
    record = read_record(tmp_path / "part-seed0.json")
    assert record["taken_over"] == [1000.0]
    assert 1000 <= record["seconds"] < 1100


def test_what_others_left_unfinished_is_told_and_stays(tmp_path, monkeypatch):
    def run(setting):
        setting.unfinished.place({"rate": 1}, None)
        setting.unfinished.used[0].mkdir()
        return {}

    one_part(monkeypatch, run)
    others = tmp_path / "part-seed0.unfinished/1/last.safetensors"
    others.parent.mkdir(parents=True)
    others.touch()
    for words in ("part", "recorded already"):
        monkeypatch.setattr(cli_reproduce, "check_trained", lambda *given: None)
        output = reproduce("post-276213", "--out", tmp_path).output
        assert words in output
        assert "part-seed0.unfinished has trainings that this set-up, version" in output
        assert "remove it, if nobody goes on with them" in output
    assert [path.name for path in others.parent.parent.iterdir()] == ["1"]
    assert others.exists()


def without_seconds(measured):
    """Return what was measured, but for the times."""
    if isinstance(measured, list):
        return [without_seconds(each) for each in measured]
    if not isinstance(measured, dict):
        return measured
    return {key: without_seconds(each) for key, each in measured.items() if key != "seconds"}


def evaluated_on_subsets(setting):
    layers, how = [Rescale(1 / 255), Flatten(), Dense(10)], {"optimizer": SGD(0.5)}
    return train(setting, layers, SoftmaxCrossEntropy(), 3, 10, subsets_every=3, **how)


LADDERS = replace(nielsen_ladder.RUNGS["dropout"], layers=nielsen((), (7,), "relu"))


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(replace(LADDERS, expanded=False, epochs=3), id="ladder"),
        pytest.param(best_networks.Training(3, Shift(1), asks_of_copies=True), id="best-network"),
        pytest.param(lenet5.Training("", passes=3), id="lenet5"),
        pytest.param(evaluated_on_subsets, id="subsets"),
    ],
)
@pytest.mark.parametrize("epoch", [2, 3])
def test_a_killed_run_goes_on_to_the_same_measures(tmp_path, run, epoch):
    random = np.random.default_rng(0)
    count = nielsen_ladder.VALIDATION + 40 if isinstance(run, nielsen_ladder.Rung) else 40
    data = Dataset(random.integers(0, 255, (count, 1, 28, 28), np.uint8), np.arange(count) % 10)
    unfinished = Unfinished(tmp_path / "unfinished")
    setting = Setting(data, data.first(10), threads=1, unfinished=unfinished)
    whole = run(replace(setting, unfinished=None))
    told = []

    def killed(words):
        told.append(words)
        if words.startswith(f"epoch {epoch}/"):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        run(replace(setting, tell=killed))
    assert len(told) == epoch
    assert not unfinished.taken_over
    resumed = run(replace(setting, tell=told.append))
    done, steps = map(int, re.findall(r"\d+", told[epoch]))
    assert told[epoch].startswith("goes on after ")
    assert done == (epoch - 1) * steps // 3
    assert unfinished.taken_over[0] > 0
    assert without_seconds(resumed) == without_seconds(whole)
    assert run(setting) == resumed  # what has ended is not trained again


def trained_and_kept(folder, rate=0.1, threads=1):
    """Train a little; return how many trainings went on, and what came out."""
    random = np.random.default_rng(0)
    data = Dataset(random.integers(0, 255, (20, 1, 28, 28), np.uint8), np.arange(20) % 10)
    layers, how = [Rescale(1 / 255), Flatten(), Dense(10)], {"optimizer": SGD(rate)}
    unfinished = Unfinished(folder)
    setting = Setting(data, data, threads=threads, unfinished=unfinished)
    measured = train(setting, layers, SoftmaxCrossEntropy(), 2, 10, **how)
    return len(unfinished.taken_over), measured


def test_a_training_of_another_set_up_or_version_does_not_go_on(tmp_path, monkeypatch):
    assert trained_and_kept(tmp_path)[0] == 0
    assert trained_and_kept(tmp_path)[0] == 1
    assert trained_and_kept(tmp_path, rate=0.2)[0] == 0
    assert trained_and_kept(tmp_path, threads=2)[0] == 0
    monkeypatch.setattr(unfinished, "versions", lambda: {"sixloops": "99.0"})
    assert trained_and_kept(tmp_path)[0] == 0


def test_a_damaged_training_says_how_to_begin_anew(tmp_path):
    _, measured = trained_and_kept(tmp_path)
    (kept,) = tmp_path.rglob("*.safetensors")
    content = kept.read_bytes()
    arrays, about = read_tensors(kept)
    next(array for name, array in arrays.items() if name.endswith("2.bias"))[3] = np.nan
    not_finite = tmp_path / "not_finite"
    write_tensors(not_finite, arrays, about)
    for damaged in (content[:-9], b"", not_finite.read_bytes()):
        kept.write_bytes(damaged)
        with pytest.raises(FileError, match=f"Remove {kept.parent}, to begin this training anew"):
            trained_and_kept(tmp_path)
    shutil.rmtree(kept.parent)
    assert without_seconds(trained_and_kept(tmp_path)[1]) == without_seconds(measured)


def test_the_one_liners_are_right_and_the_askers_are_not(setting):
    found = numpy_pooling.check_one_liners(setting)
    assert found["mean, ours"] < 1e-8
    assert found["max, ours"] < 1e-8
    assert found["slices"] < 1e-8
    assert found["mask, without ties"] < 1e-8
    assert found["mean undivided, smallest ratio"] == pytest.approx(4)
    assert found["mean undivided, largest ratio"] == pytest.approx(4)
    assert found["error by the first winner with ties"] == 1
    assert found["error by the mask with ties"] > 1.5


@pytest.mark.parametrize("name", chained_passes.POOLS)
@pytest.mark.parametrize("count", chained_passes.SIDES)
def test_errors_through_chained_passes(setting, name, count):
    ratios = chained_passes._compare(chained_passes.POOLS[name], count, setting)["ratios"]
    factor = 4 if name == "mean-undivided" else 1
    expected = [factor**number for number in range(1, count + 1)]
    np.testing.assert_allclose(ratios, expected, rtol=1e-5)


def test_a_training_that_breaks_off_says_so(setting):
    layers = [Rescale(1e30), Conv2D(2, 3), Flatten(), Dense(10)]
    loss = SquaredError()
    whole = replace(setting, short=False)
    measured = train(whole, layers, loss, 1, 4, optimizer=SGD(1e30))
    assert measured["epochs"] == []
    assert "step 1" in measured["broken"]
    assert values({"a": [measured]}, "a", "test_accuracy", -1) == []


def test_epochs_before_a_training_breaks_off_are_kept(setting):
    @dataclass(frozen=True)
    class Bursts(Schedule):
        def factor(self, clock):
            return 1e30 if clock.epoch >= 2 else 1e-3

    whole = replace(setting, short=False)
    layers = [Rescale(1 / 255), Flatten(), Dense(10)]
    measured = train(whole, layers, SquaredError(), 3, 4, optimizer=SGD(0.1), schedule=Bursts())
    assert [each["epoch"] for each in measured["epochs"]] == [1, 2]
    assert "epoch 3" in measured["broken"]


def test_a_recorded_run_that_broke_off_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(java_question, "RATE", 1e30)
    given = "java-question", "--short", "--only", "convolutions", "--out", tmp_path
    first, again = reproduce(*given), reproduce(*given)
    for result in (first, again):
        assert result.exit_code == 0
        assert "convolutions, seed 0, broke off: Values must stay finite" in result.output


def test_values_and_how_they_are_shown():
    results = {"a": [{"epochs": [{"x": 0.5}, {"x": 0.75}]}, {"epochs": [{"x": 0.25}]}], "b": []}
    assert values(results, "a", "x", 1) == [0.5, 0.25]
    assert values(results, "a", "x", 9) == [0.75, 0.25]
    assert values(results, "a", "x", -1) == [0.75, 0.25]
    assert values(results, "b", "x", 1) == values(results, "c", "x", 1) == []
    assert shown([0.5], ".1f") == "0.5"


def test_a_seed_that_broke_off_is_told_and_does_not_count():
    ended = [{"epochs": [{"test_accuracy": share}]} for share in (0.96, 0.98)]
    broken = {"epochs": [{"test_accuracy": 0.1}], "broken": "The loss is NaN"}
    words = "97.00% (96.00%–98.00%, 2 seeds); 1 of 3 seeds broke off: The loss is NaN"
    results = {"convolutions": [*ended, broken], "lenet5": [broken, *ended]}
    for recipe, question in (
        (java_question, "its convolution network, after 3 epochs"),
        (post_276213, "LeNet-5, after one epoch and after five"),
    ):
        said = {each.question: each.found for each in recipe.findings(results)}[question]
        assert words in said
    assert outcome(results, "convolutions", []) == "1 of 3 seeds broke off: The loss is NaN"


def test_seeds_that_broke_off_are_told_in_every_finding():
    measured = {"cost": 0.1, "test_cost": 0.2, "accuracy": 0.8, "test_accuracy": 0.9}
    good = {"epochs": [{"epoch": 1, "seconds": 9.0, **measured}]}
    broken = {"epochs": [], "broken": "The loss is NaN"}
    for runs in ([good, broken], [broken]):
        results = dict.fromkeys(post_316354.PARTS, runs)
        said = post_316354.findings(results)
        assert all(f"1 of {len(runs)} seeds broke off" in each.found for each in said)
        assert len(runs) == 2 or all("0.2" not in each.found for each in said)
        results = dict.fromkeys(("mnist", "fashion-mnist"), runs)
        if len(runs) == 2:
            good["copies_accuracy"] = 0.95
        for each in best_networks.findings(results):
            assert f"1 of {len(runs)} seeds broke off" in each.found


def test_the_networks_with_a_name_are_the_recipes():
    for name, layers in (
        ("post-316354", post_316354.POOLED),
        ("post-276213", post_276213.lenet5()),
        ("dense", nielsen_ladder.RUNGS["dense"].layers),
    ):
        assert [*NETWORKS[name].layers((1, 28, 28), 10)] == [*layers]


def test_a_rung_that_breaks_off_is_told_and_does_not_count():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (10_020, 1, 28, 28), np.uint8)
    data = Dataset(images, np.arange(10_020) % 10, classes=10)
    rung = replace(nielsen_ladder.RUNGS["dense"], rate=1e30, epochs=1)
    measured = rung(Setting(data, data.first(20)))
    assert "must stay finite" in measured["broken"]
    run = {"epochs": [{"epoch": 1, "validation_accuracy": 0.9, "test_accuracy": 0.98}]}
    found = nielsen_ladder.findings({"dense": [measured, run]})[0].found
    assert found.startswith("98.00%; 1 of 2 seeds broke off: ")
    assert "0.20 points more" in found


def test_one_network_is_no_vote_and_several_vote_in_each_order_for_themselves():
    def voted(**runs):
        return nielsen_ladder.findings(runs)[-1].found

    def run(predicted):
        epochs = [{"epoch": 1, "validation_accuracy": 0.9, "test_accuracy": 0.98}]
        return {"epochs": epochs, "predicted": predicted}

    assert voted() == "not run yet; in one order not run yet"
    in_order = {"dropout-in-order": [run("7210"), run("7310"), run("7310")]}  # 7, 2, 1, 0 are right
    found = voted(dropout=[run("7210")], **in_order)
    assert found == "one network only; in one order 75.00% (3 voted); 24.67 points less"


def test_the_ladder_is_drawn_with_its_seeds_and_without_rungs_that_were_not_run():
    def run(accuracy):
        return {"epochs": [{"epoch": 1, "validation_accuracy": 0.9, "test_accuracy": accuracy}]}

    results = {"dense": [run(0.97), run(0.99)], "expanded": [run(0.5)], "relu-in-order": [run(0.6)]}
    plain, expanded = nielsen_ladder.charts(results)
    assert [[*points.y] for points in plain.points[1:]] == [[[0.97, 0.99]], [[0.6]]]
    assert [[*points.y] for points in expanded.points[1:]] == [[[0.5]], []]
    assert [plain.points[1].x, plain.points[2].x] == [[1], [4 + nielsen_ladder.APART]]
    assert [len(chart.points[0].y) for chart in (plain, expanded)] == [4, 7]  # the book's
    assert [len(chart.x_names) for chart in (plain, expanded)] == [4, 7]


def test_the_logistic_error_of_tanh_outputs_is_the_one_of_the_page():
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (4, 1, 28, 28), np.uint8), np.arange(4)
    part = post_276213.RUNS["five-filters-logistic"]
    network = Network(part.layers, (1, 28, 28), loss=part.loss, dtype=np.float64)
    network.parameters["5.weight"] *= 0.05  # not saturated, where logarithms would be rounded
    losses, _ = network.loss.forward(network.forward(images), labels)
    tanh = Network(post_276213.five_filters(), (1, 28, 28), dtype=np.float64)
    tanh.parameters = network.parameters
    p, t = (1 + tanh.forward(images)) / 2, np.eye(10)[labels]
    assert 0.001 < p.min() < p.max() < 0.999
    expected = -(t * np.log(p) + (1 - t) * np.log(1 - p)).sum(axis=1)
    np.testing.assert_allclose(losses, expected, rtol=1e-10)


def test_shared_weights_take_the_sum_of_their_positions(setting):
    found = java_question.compare_sums(setting)
    assert found["sum"] < 1e-8
    assert found["mean"] == pytest.approx(15 / 16)  # of 16 positions
    assert found["last"] > 0.5


def test_slices_and_the_first_winner_agree_at_ties_and_for_any_error():
    random = np.random.default_rng(0)
    x, dy = random.integers(0, 3, (2, 3, 4, 6)).astype(float), random.normal(size=(2, 3, 2, 3))
    y, winners = numpy_pooling.winner_forward(x)
    expected = numpy_pooling.winner_back(dy, winners)
    assert (dy < 0).any()
    assert (numpy_pooling.max_back_by_slices(dy, x, y) == expected).all()
    assert not (numpy_pooling.max_back_by_mask(dy, x, y) == expected).all()


def test_charts_name_each_curve_once():
    curves = [Curve("one", [1, 2], [0.5, 0.6]), Curve("one", [1, 2], [0.4, 0.7])]
    curves += [Curve("two", [1], [0.1])]
    charts = [Chart(title, "x", "y", curves, percent=True) for title in "abc"]
    figure = plot_charts(charts, "title", "subtitle")
    assert len(figure.axes) == 3
    assert [text.get_text() for text in figure.texts].count("one") == 1
    assert [len(axes.lines) for axes in figure.axes] == [3, 3, 3]
    colors = [line.get_color() for line in figure.axes[0].lines]
    assert colors[0] == colors[1] != colors[2]


def test_points_are_drawn_at_their_means_with_their_ranges_and_no_line():
    points = [Points("one", [1, 2], [[0.5, 0.6, 1.0], [0.4]]), Points("none", [], [])]
    figure = plot_charts([Chart("", "", "", (), points=points)], "")
    (axes,) = figure.axes
    (dots,), (bars,) = axes.lines, axes.collections
    assert [*dots.get_xydata().ravel()] == pytest.approx([1, 0.7, 2, 0.4])
    assert dots.get_linestyle() == "None"
    assert [[*bar[:, 1]] for bar in bars.get_segments()] == [[0.5, 1.0], [0.4, 0.4]]
    (named,) = figure.artists
    assert (named.get_marker(), named.get_linestyle()) == ("o", "None")
    assert [text.get_text() for text in figure.texts].count("none") == 0


def test_records_are_plain_json(tmp_path):
    reproduce("chained-passes", "--short", "--only", "l2", "--out", tmp_path)
    (path,) = tmp_path.glob("*.json")
    assert json.loads(path.read_text())["measured"]["2 passes"]["ratios"][0] == pytest.approx(1)


def test_networks_vote_and_of_equal_votes_the_smaller_class_wins():
    runs = [{"predicted": text} for text in ("0123", "0193", "0521", "9520", "9524")]
    assert nielsen_ladder.vote(runs, [0, 5, 2, 0]) == 0.75
    assert nielsen_ladder.vote(runs, [0, 5, 2, 3]) == 1


def test_the_last_of_the_best_validation_epochs_counts():
    measured = [(0.9, 0.1), (0.95, 0.2), (0.95, 0.3), (0.94, 0.4)]
    epochs = [
        {"epoch": number, "validation_accuracy": validation, "test_accuracy": test}
        for number, (validation, test) in enumerate(measured, 1)
    ]
    assert nielsen_ladder.at_best_validation([{"epochs": epochs}]) == [0.3]
    worse = [{"epoch": 1, "validation_accuracy": 0.94, "test_accuracy": 0.9}]
    runs = [{"epochs": worse}, {"epochs": epochs}]
    assert nielsen_ladder.of_best_run(runs) == 0.3
    found = nielsen_ladder.findings({"dense": runs})[0].found
    assert "60.00% (30.00%–90.00%, 2 seeds); chosen 30.00%; 67.80 points less" in found


def test_a_rung_learns_from_the_first_images_and_not_from_those_that_validate():
    images = np.zeros((10_030, 1, 28, 28), np.uint8)
    data = Dataset(images, np.arange(10_030) % 10, classes=10)
    rung = nielsen_ladder.RUNGS["expanded"]
    training, validation, test = rung._data(Setting(data, data))
    assert (len(training), len(validation), len(test)) == (150, 10_000, 10_030)
    plain = nielsen_ladder.RUNGS["relu-in-order"]
    training, *_ = plain._data(Setting(data, data))
    assert (training.labels == np.arange(30) % 10).all()


def first(rung):
    """Return what a rung of the ladder notes of its training."""
    images = np.zeros((10_030, 1, 28, 28), np.uint8)
    data = Dataset(images, np.arange(10_030) % 10, classes=10)
    runs = {each.name: each for each in RECIPES["nielsen-ladder"].experiments}
    return first_training(runs[rung], Setting(data, data.first(7)))


def test_a_rung_validates_with_images_that_it_does_not_learn_from():
    data = first("relu")["data"]
    assert {name: each["images"] for name, each in data.items()} == {
        "training": 30,
        "choice": 10_000,
        "test": 7,
    }
    assert data["choice"]["labels"] == zlib.crc32((np.arange(30, 10_030) % 10).tobytes())


def test_a_rungs_settings_are_the_books():
    settings = {name: first(name)["settings"] for name in ("relu", "relu-in-order", "dropout")}
    assert [each["shuffle"] for each in settings.values()] == [True, False, True]
    assert [each["epochs"] for each in settings.values()] == [60, 60, 40]
    (penalty,) = settings["relu"]["regularizers"]
    assert penalty == {"type": "L2", "strength": 0.1 / 3, "biases": False}  # three batches
    assert settings["dropout"]["regularizers"] == []
    assert settings["relu"]["optimizer"] == {"type": "SGD", "rate": 0.03}
    assert settings["relu"]["batch_size"] == 10


def begun(data, epochs):
    """Return a run at its beginning."""
    network = Network([Flatten(), Dense(3)], data.image_shape)
    return Run(network, data, None, Settings(epochs=epochs))


def test_the_best_epoch_keeps_what_it_said(setting):
    outputs = {  # the classes that three images are taken for, epoch by epoch
        "validation": [[0, 1, 1], [0, 1, 2], [0, 0, 0]],
        "test": [[2, 2, 2], [0, 1, 0], [1, 1, 1]],
    }
    sets = {
        name: Dataset(np.full((3, 1, 1, 1), number, np.uint8), np.arange(3), classes=3)
        for number, name in enumerate(outputs)
    }
    best = nielsen_ladder.BestEpoch(sets["validation"], sets["test"], setting)
    run = begun(sets["test"], epochs=3)
    best.on_train_start(run, None)
    for epoch in range(3):

        def plan_outputs(images, epoch=epoch):
            return np.eye(3)[list(outputs.values())[images.flat[0]][epoch]]

        run.record("epoch", rate=0.1, loss=0.5)
        run.epoch += 1
        best.on_epoch_end(run, SimpleNamespace(outputs=plan_outputs))
    assert [each["epoch"] for each in best.epochs] == [1, 2, 3]
    assert [each["validation_accuracy"] for each in best.epochs] == pytest.approx([2 / 3, 1, 1 / 3])
    assert [each["test_accuracy"] for each in best.epochs] == pytest.approx([1 / 3, 2 / 3, 1 / 3])
    assert best.predicted == "010"
    assert [each["epoch"] for each in best.records] == [1, 2, 3]


def test_cost_is_of_the_training_and_accuracy_of_the_test(setting):
    random = np.random.default_rng(0)
    images = random.integers(0, 255, (40, 1, 28, 28), dtype=np.uint8)
    training = Dataset(images, np.arange(40) % 10, classes=10)
    test = Dataset(images[:10], np.zeros(10, np.int64), classes=10)
    network = [Rescale(1 / 255), Flatten(), Dense(10)]
    how = {"optimizer": SGD(0.5), "subsets_every": 40}
    measured = train(
        Setting(training, test, threads=1), network, SoftmaxCrossEntropy(), 20, 10, **how
    )
    last = measured["epochs"][-1]
    assert last["cost"] < 1 < last["test_cost"]
    assert last["accuracy"] > 0.8 > 0.4 > last["test_accuracy"]
    assert measured["subsets"][-1]["accuracy"] > 0.8  # of training images


def test_copies_are_the_image_moved_about_and_turned():
    image = np.zeros((1, 1, 9, 9), np.uint8)
    image[0, 0, 4, 2:7] = 240  # a bar across the middle
    found = [copy[0, 0].astype(float) for copy in best_networks.copies(image)]
    assert len(found) == 13
    places = [tuple(np.round(ndimage.center_of_mass(copy)).astype(int) - 4) for copy in found[:9]]
    assert sorted(places) == [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1)]
    assert (found[4] == image[0, 0]).all()
    down, across = np.indices((9, 9)) - 4
    slants = [(copy * down * across).sum() for copy in found[9:]]
    assert slants == pytest.approx([-each for each in slants[::-1]], rel=0.05)
    assert abs(slants[0]) > abs(slants[1]) > 100


def test_what_is_averaged_over_copies(setting):
    data = Dataset(np.zeros((3, 1, 4, 4), np.uint8), np.arange(3), classes=3)
    answers = iter([np.eye(3)] * 6 + [np.full((3, 3), [0.0, 1.0, 0.0])] * 7)
    asked, run = best_networks.AskedOfCopies(data), begun(data, epochs=2)
    asked.on_train_start(run, None)
    plan = SimpleNamespace(predict=lambda images: next(answers))
    for run.epoch in (1, 2):
        asked.on_epoch_end(run, plan)
    assert asked.measured["copies_accuracy"] == pytest.approx(1 / 3)
    assert asked.measured["copies_cost"] == pytest.approx(-2 / 3 * np.log(6 / 13))
