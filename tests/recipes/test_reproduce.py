"""``sixloops reproduce``: each recipe in its short form, what it leaves, and how it fails."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from sixloops.cli import app
from sixloops.data import Dataset, load_mnist
from sixloops.errors import ConfigurationError, FileError
from sixloops.layers import Conv2D, Dense, Flatten, Rescale
from sixloops.losses import SquaredError
from sixloops.optimizers import SGD
from sixloops.recipes import RECIPES, chained_passes, nielsen_ladder, numpy_pooling
from sixloops.recipes.epochs import shown, train, values
from sixloops.recipes.recipe import Setting
from sixloops.recipes.records import read_record, read_results
from sixloops.report.charts import Chart, Curve, plot_charts


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
            experiment.load()
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
    assert "as reported" in result.output
    assert "not run yet" not in result.output
    assert (folder / f"{name}.png").stat().st_size > 10_000
    for experiment in recipe.experiments:
        record = read_record(folder / f"{experiment.name}-seed0.json")
        assert record["recipe"] == name
        assert record["short"] is True
        assert {"seconds", "command", "versions", "machine", "measured"} <= record.keys()


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
        [
            {key: value for key, value in epoch.items() if key != "seconds"}
            for epoch in run["epochs"]
        ]
        for number in (1, 2)
        for run in read_results(tmp_path / str(number), RECIPES["post-316354"])[
            "pooling-with-sigmoid"
        ]
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


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": 0, "measured": {}}'])
def test_a_broken_record_is_named(tmp_path, text):
    path = tmp_path / "max-seed0.json"
    path.write_text(text)
    with pytest.raises(FileError, match="is no record of a recipe"):
        read_record(path)


def test_an_interrupted_run_leaves_no_record_and_goes_on(tmp_path):
    program = (
        "import os, signal, sixloops.recipes.epochs as epochs\n"
        "from sixloops.cli import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # not ignored\n"
        "line = epochs._line\n"
        "def interrupt(run, count):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    return line(run, count)\n"
        "epochs._line = interrupt\n"
        "main()\n"
    )
    given = ["reproduce", "post-316354", "--short", "--only", "standard-normal"]
    command = [sys.executable, "-c", program, *given, "--out", str(tmp_path / "out")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert result.returncode == 130, result.stderr
    assert "The same command goes on" in result.stdout
    assert not list(tmp_path.rglob("*.json"))


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


def test_values_and_how_they_are_shown():
    results = {"a": [{"epochs": [{"x": 0.5}, {"x": 0.75}]}, {"epochs": [{"x": 0.25}]}], "b": []}
    assert values(results, "a", "x", 1) == [0.5, 0.25]
    assert values(results, "a", "x", 9) == [0.75, 0.25]
    assert values(results, "a", "x", -1) == [0.75, 0.25]
    assert values(results, "b", "x", 1) == values(results, "c", "x", 1) == []
    assert shown([0.5], ".1f") == "0.5"


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


def test_a_rung_learns_from_the_first_images_and_not_from_those_that_validate():
    images = np.zeros((10_030, 1, 28, 28), np.uint8)
    data = Dataset(images, np.arange(10_030) % 10, classes=10)
    rung = nielsen_ladder.RUNGS["expanded"]
    training, validation, test, _ = rung._data(Setting(data, data))
    assert (len(training), len(validation), len(test)) == (150, 10_000, 10_030)
    plain = nielsen_ladder.RUNGS["relu-in-order"]
    training, *_ = plain._data(Setting(data, data))
    assert (training.labels == np.arange(30) % 10).all()
