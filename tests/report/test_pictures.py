"""The pictures: what is in them, and that they leave everything else alone."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from sixloops.data import Dataset
from sixloops.engine import Plan
from sixloops.errors import ConfigurationError, DataError, FileError, ShapeError
from sixloops.layers import Conv2D, Dense, Dropout, Flatten, MaxPool2D, Rescale
from sixloops.layers.residual import Residual
from sixloops.losses import SquaredError
from sixloops.network import Network
from sixloops.report import (
    find_mistakes,
    kernels,
    mistakes,
    plot_confusion,
    plot_feature_maps,
    plot_history,
    plot_kernels,
    plot_mistakes,
    save_figure,
)
from sixloops.report.charts import Chart, Curve, plot_charts
from sixloops.report.style import png
from sixloops.training import Evaluation, History, confusion_matrix

NAMES = ("Coat", "Bag $", "Boot $")


def small_network(channels: int = 1, **options: object) -> Network:
    layers = [
        Rescale(),
        Conv2D(3, 3, activation="relu"),
        MaxPool2D(2),
        Conv2D(14, 2),
        Flatten(),
        Dense(3),
    ]
    return Network(layers, (channels, 8, 9), **options)


def small_data(images: int = 40, channels: int = 1) -> Dataset:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (images, channels, 8, 9), dtype=np.uint8)
    return Dataset(pixels, random.integers(0, 3, images), classes=NAMES)


def history(epochs: int = 3, steps: int = 20) -> History:
    made = History()
    for step in range(5, epochs * steps + 1, 5):
        made.add("step", epoch=1, step=step, loss=30 / step, accuracy=1 - 1 / step)
        if step % 10 == 0:
            made.add("evaluation", epoch=1, step=step, loss=1 / step, accuracy=0.9, images=100)
        if step % steps == 0:
            test = {"validation_loss": 2 / step, "validation_accuracy": 1 - 2 / step}
            made.add("epoch", epoch=step // steps, step=step, loss=1 / step, accuracy=0.5, **test)
    return made


def texts(figure) -> list[str]:
    """All that is written outside the axes, and the axes' own titles."""
    titles = [axes.get_title(loc) for axes in figure.axes for loc in ("left", "center")]
    return [text.get_text() for text in figure.texts] + titles


def evaluation(confusion) -> Evaluation:
    counts = np.asarray(confusion)
    return Evaluation(0.1, np.trace(counts) / counts.sum(), 1.0, 3, counts, int(counts.sum()))


class TestHistory:
    def test_the_lines_are_the_records(self):
        made = history()
        figure = plot_history(made)
        for axes, measure in zip(figure.axes, ("loss", "accuracy"), strict=True):
            training, subset, test = axes.lines
            records = made.of("step")
            np.testing.assert_allclose(training.get_xdata(), [r["step"] / 20 for r in records])
            np.testing.assert_allclose(training.get_ydata(), [r[measure] for r in records])
            assert list(subset.get_ydata()) == [r[measure] for r in made.of("evaluation")]
            assert list(test.get_xdata()) == [1, 2, 3]
            assert list(test.get_ydata()) == [r[f"validation_{measure}"] for r in made.epochs]

    def test_titles_legend_and_last_values(self):
        figure = plot_history(history())
        assert [axes.get_title("left") for axes in figure.axes] == ["Loss (cost)", "Accuracy"]
        assert [axes.get_xlabel() for axes in figure.axes] == ["epoch", "epoch"]
        words = [text.get_text() for text in figure.legends[0].get_texts()]
        assert words == ["training", "random subset", "validation"]
        assert [axes.texts[0].get_text() for axes in figure.axes] == ["0.0333", "96.67%"]
        # Matplotlib 3.11 draws smaller bold figures so that they seem to have serifs.
        assert all(axes.texts[0].get_size() >= 12 for axes in figure.axes)
        assert "96.67% of the validation images classified right after 3 epochs" in texts(figure)

    def test_the_best_epoch_and_the_reason_to_stop_are_told(self):
        made = history()
        made.epochs[-1]["validation_accuracy"] = 0.5
        made.stopped = "interrupted"
        (subtitle,) = [text for text in texts(plot_history(made)) if text.startswith("50.00%")]
        assert subtitle.endswith("at best 95.00% after epoch 2 · stopped: interrupted")

    def test_the_loss_is_logarithmic_only_where_it_falls_far(self):
        assert plot_history(history()).axes[0].get_yscale() == "log"
        flat = History([{"kind": "epoch", "epoch": e, "step": e, "loss": 2.5} for e in (1, 2)])
        (loss,) = plot_history(flat).axes
        assert loss.get_yscale() == "linear"
        assert loss.get_ylim()[0] == 0

    def test_a_stuck_accuracy_is_shown_whole(self):
        made = History()
        for epoch in range(1, 21):
            low = 0.1 if epoch == 15 else 0.3
            made.add("epoch", epoch=epoch, step=epoch, loss=2.5, accuracy=low)
        low, high = plot_history(made).axes[1].get_ylim()
        assert low < 0.1
        assert high > 0.3

    def test_an_accuracy_of_one_is_shown_below_the_frame(self):
        made = History([{"kind": "epoch", "epoch": 1, "step": 9, "loss": 0.0, "accuracy": 1.0}])
        assert plot_history(made).axes[1].get_ylim()[1] > 1

    def test_before_the_first_epoch_the_axis_counts_steps(self):
        made = History([r for r in history().records if r["step"] < 20])
        figure = plot_history(made)
        assert figure.axes[0].get_xlabel() == "step"
        assert list(figure.axes[0].lines[0].get_xdata()) == [5, 10, 15]

    def test_an_empty_history_gives_an_empty_picture(self):
        figure = plot_history(History())
        assert "no epoch has ended yet" in texts(figure)
        assert png(figure).startswith(b"\x89PNG")


class TestKernels:
    def test_grey_ones_show_the_weights_around_zero(self):
        network = small_network()
        figure = plot_kernels(network)
        weight = network.parameters["1.weight"]
        *kernels, scale = figure.axes
        assert len(kernels) == 3
        largest = np.abs(weight).max()
        for axes, kernel in zip(kernels, weight, strict=True):
            (picture,) = axes.images
            np.testing.assert_array_equal(picture.get_array(), kernel[0])
            assert picture.get_clim() == pytest.approx((-largest, largest))
        assert scale.get_xlim() == pytest.approx((-largest, largest))
        assert "Kernels of layer 1: Conv2D 3@3×3, relu" in texts(figure)

    def test_three_channels_are_colours_with_grey_for_zero(self):
        network = small_network(3)
        network.parameters["1.weight"][0] = 0
        *kernels, _ = plot_kernels(network).axes
        assert len(kernels) == 3
        picture = kernels[0].images[0].get_array()
        assert picture.shape == (3, 3, 3)
        np.testing.assert_array_equal(picture, 0.5)

    def test_other_channels_have_a_picture_each(self):
        network = small_network(5)
        *kernels, _ = plot_kernels(network).axes
        weight = network.parameters["1.weight"]
        assert len(kernels) == 15
        np.testing.assert_array_equal(kernels[7].images[0].get_array(), weight[1, 2])
        assert kernels[7].get_title() == "1 ← 2"

    def test_a_kernel_of_a_group_is_shown_with_the_channels_that_it_sees(self):
        network = Network([Conv2D(4, 3, groups=2)], (10, 5, 5))
        *kernels, _ = plot_kernels(network).axes
        assert len(kernels) == 4 * 5
        assert [kernels[at].get_title() for at in (0, 9, 10, 19)] == [
            "0 ← 0",
            "1 ← 4",
            "2 ← 5",
            "3 ← 9",
        ]
        np.testing.assert_array_equal(
            kernels[12].images[0].get_array(), network.parameters["0.weight"][2, 2]
        )
        *three, _ = plot_kernels(Network([Conv2D(2, 3, groups=2)], (6, 5, 5))).axes
        assert [axes.get_title() for axes in three][3:] == ["1 ← 3", "1 ← 4", "1 ← 5"]

    def test_many_kernels_are_cut_with_a_word(self, monkeypatch):
        monkeypatch.setattr(kernels, "MOST_KERNELS", 6)
        monkeypatch.setattr(kernels, "MOST_COLUMNS", 4)
        monkeypatch.setattr(kernels, "MOST_ROWS", 2)
        figure = plot_kernels(Network([Conv2D(9, 2)], (1, 4, 4)))
        assert len(figure.axes) == 6 + 1
        assert any("the first 6 of 9 kernels" in text for text in texts(figure))
        wide = plot_kernels(Network([Conv2D(3, 1)], (5, 4, 4)))
        assert len(wide.axes) == 2 * 4 + 1
        assert any("first 2 of 3 kernels; the first 4 of 5 channels" in t for t in texts(wide))

    def test_a_convolution_inside_a_block_is_found(self):
        block = Network([Residual([Conv2D(2, 3, padding="same")], [Conv2D(2, 1)])], (1, 4, 4))
        assert "Kernels of layer 0.body.0: Conv2D 2@3×3, same" in texts(plot_kernels(block))

    def test_all_weights_zero(self):
        network = small_network()
        network.parameters["1.weight"][:] = 0
        assert png(plot_kernels(network))

    def test_a_network_without_convolution_is_refused(self):
        with pytest.raises(ConfigurationError, match="must have a convolution"):
            plot_kernels(Network([Flatten(), Dense(3)], (1, 4, 4)))


class TestFeatureMaps:
    def test_every_layer_with_maps_has_a_row(self):
        network, image = small_network(classes=NAMES), small_data().images[0]
        figure = plot_feature_maps(network, image)
        shown, *maps = figure.axes
        np.testing.assert_allclose(
            shown.images[0].get_array(), (image[0] - image.min()) / np.ptp(image), rtol=1e-6
        )
        assert len(maps) == 3 + 3 + 12
        scaled = image[np.newaxis] / np.float32(255)
        parameters = {"weight": network.parameters["1.weight"], "bias": np.zeros(3, np.float32)}
        y, _ = network.layers[1].forward(scaled, parameters)
        np.testing.assert_allclose(maps[2].images[0].get_array(), y[0, 2], rtol=1e-5, atol=1e-6)
        assert maps[0].images[0].get_clim() == maps[2].images[0].get_clim()
        words = texts(figure)
        assert "1  Conv2D 3@3×3, relu" in words
        assert "14×2×2, the first 12 of 14 maps" in words
        assert (
            "3 of the 4 layers that make maps; within a row, the same grey is the same value"
            in words
        )
        answer = NAMES[network.classify(image[np.newaxis])[0]]
        assert words[0].endswith(f"which takes it for {answer}")

    def test_a_deep_network_is_thinned_out(self):
        layers = [Conv2D(2, 3, padding="same") for _ in range(20)]
        figure = plot_feature_maps(Network(layers, (1, 6, 6)), np.zeros((1, 6, 6)))
        assert len(figure.axes) == 1 + 8 * 2
        names = [text for text in texts(figure) if "Conv2D" in text]
        assert names[0].startswith("0 ")
        assert names[-1].startswith("19 ")

    def test_a_network_without_maps_shows_the_image_alone(self):
        figure = plot_feature_maps(Network([Flatten(), Dense(2)], (1, 4, 4)), np.ones((1, 4, 4)))
        assert len(figure.axes) == 1
        assert "no layer of this network makes maps" in texts(figure)

    def test_dropout_is_off(self):
        network = Network([Conv2D(2, 1), Dropout(0.9)], (1, 5, 5))
        _, *maps = plot_feature_maps(network, np.ones((1, 5, 5))).axes
        np.testing.assert_array_equal(maps[0].images[0].get_array(), maps[2].images[0].get_array())

    def test_wrong_input_is_refused(self):
        with pytest.raises(DataError, match="must have shape"):
            plot_feature_maps(small_network(), np.ones((1, 4, 4)))
        with pytest.raises(ShapeError, match="must take maps"):
            plot_feature_maps(Network([Dense(2)], (4,)), np.ones(4))


class TestConfusion:
    def test_every_count_is_written(self):
        counts = [[5, 0, 1], [0, 1200, 2], [0, 0, 3]]
        figure = plot_confusion(evaluation(counts), NAMES)
        (axes,) = figure.axes
        written = [text.get_text() for text in axes.texts]
        assert written == ["5", "1", "1,200", "2", "3", "right", "83.3%", "99.8%", "100.0%"]
        assert [label.get_text() for label in axes.get_yticklabels()] == list(NAMES)
        assert axes.get_xlabel() == "taken for"
        assert axes.get_ylabel() == "right class"
        assert "1,208 of 1,211 images classified right (99.75%)" in texts(figure)
        assert png(figure)

    def test_right_is_green_wrong_is_red_and_nothing_is_white(self):
        (axes,) = plot_confusion(evaluation([[8, 2], [0, 10]])).axes
        red, green, _ = np.moveaxis(axes.images[0].get_array(), -1, 0)
        assert green[0, 0] > red[0, 0]
        assert red[0, 1] > green[0, 1]
        assert red[1, 0] == green[1, 0] == 1

    def test_many_classes_are_drawn_without_numbers(self):
        (axes,) = plot_confusion(evaluation(np.eye(50, dtype=int))).axes
        assert not axes.texts
        assert len(axes.get_xticks()) <= 20

    @pytest.mark.parametrize("names", [["a", "b"], ["healthy leaves", "ill " * 20], ["x" * 30] * 9])
    def test_it_fills_the_picture_and_no_name_leaves_it(self, names):
        names = [f"{number}{name}" for number, name in enumerate(names)]
        figure = plot_confusion(evaluation(np.eye(len(names), dtype=int)), names)
        figure.draw_without_rendering()
        (axes,) = figure.axes
        assert axes.get_window_extent().x1 > 0.9 * figure.bbox.x1
        labels = [*axes.get_xticklabels(), *axes.get_yticklabels(), axes.xaxis.label]
        for box in [label.get_window_extent() for label in (*labels, axes.yaxis.label)]:
            assert box.x0 >= 0
            assert box.y0 >= 0
        rows = [label.get_window_extent() for label in axes.get_xticklabels()]
        if len(names) == 2:
            assert not rows[0].overlaps(rows[1])

    def test_a_class_without_images(self):
        (axes,) = plot_confusion(evaluation([[4, 0], [0, 0]])).axes
        assert "no images" in [text.get_text() for text in axes.texts]

    def test_wrong_input_is_refused(self):
        with pytest.raises(DataError, match="must have a confusion matrix"):
            plot_confusion(Evaluation(0.1, None, None, 5, None, 3))
        with pytest.raises(DataError, match=r"one name for each of its 3 rows\. Got 2"):
            plot_confusion(evaluation(np.eye(3, dtype=int)), ["a", "b"])


class TestMistakes:
    def test_they_are_all_found_the_surest_first(self):
        network, data = small_network(seed=3), small_data(300)
        found = find_mistakes(network, data)
        predictions = network.predict(data.images)
        wrong = predictions.argmax(axis=1) != data.labels
        assert set(found.indices) == set(np.flatnonzero(wrong))
        assert (np.diff(found.confidence) <= 0).all()
        np.testing.assert_allclose(found.confidence, predictions[found.indices].max(axis=1), 1e-5)
        np.testing.assert_array_equal(found.labels, data.labels[found.indices])
        np.testing.assert_array_equal(found.predicted, network.classify(data.images)[found.indices])

    def test_each_shows_its_image_and_both_classes(self):
        network, data = small_network(), small_data()
        found = find_mistakes(network, data)
        figure = plot_mistakes(network, data, count=7)
        assert len(figure.axes) == 7
        image = data.images[found.indices[0], 0].astype(float)
        shown = figure.axes[0].images[0].get_array()
        np.testing.assert_allclose(shown * np.ptp(image) + image.min(), image, atol=1e-9)
        right, taken = NAMES[found.labels[0]], NAMES[found.predicted[0]]
        title = f"is {right}\ntaken for {taken}: {found.confidence[0]:.1%}"
        assert figure.axes[0].get_title() == title
        share = f"{len(found.indices)} of 40 images are taken for another class"
        assert f"{share}; these 7 with the most confidence" in texts(figure)
        assert png(figure)

    def test_a_loss_of_numbers_tells_the_output(self):
        network = small_network(loss=SquaredError())
        network.parameters["5.bias"][:] = (9, 0, 0)
        titles = [axes.get_title() for axes in plot_mistakes(network, small_data()).axes]
        assert "taken for Coat: output " in titles[0]

    def test_names_that_are_fewer_than_the_outputs_are_left_out(self):
        network = Network([Flatten(), Dense(5)], (1, 8, 9))
        network.parameters["1.weight"][:] = 0
        network.parameters["1.bias"][:] = (0, 0, 0, 0, 9)
        assert small_data().classes == NAMES
        titles = [axes.get_title() for axes in plot_mistakes(network, small_data()).axes]
        assert all("\ntaken for 4: " in title for title in titles)

    def test_threads_are_kept(self, monkeypatch):
        asked = []

        def plan(network, batch_size, threads):
            asked.append(threads)
            return Plan(network, batch_size, threads)

        monkeypatch.setattr(mistakes, "Plan", plan)
        plot_mistakes(small_network(), small_data(), threads=1)
        assert asked == [1]

    def test_no_mistake_gives_a_friendly_picture(self):
        network, data = small_network(), small_data()
        perfect = Dataset(data.images, network.classify(data.images), classes=3)
        figure = plot_mistakes(network, perfect)
        assert not figure.axes
        assert "The network classified all 40 images right." in texts(figure)

    def test_wrong_input_is_refused(self):
        with pytest.raises(ConfigurationError, match="'count' of plot_mistakes"):
            plot_mistakes(small_network(), small_data(), count=0)
        targets = Dataset(small_data().images, np.zeros((40, 3)))
        with pytest.raises(DataError, match="must be classes"):
            plot_mistakes(small_network(loss=SquaredError()), targets)


def all_figures():
    network, data = small_network(), small_data()
    yield plot_history(history())
    yield plot_kernels(network)
    yield plot_feature_maps(network, data.images[0])
    yield plot_confusion(
        evaluation(confusion_matrix(network.classify(data.images), data.labels, 3))
    )
    yield plot_mistakes(network, data)


def test_all_are_1200_pixels_wide():
    for figure in all_figures():
        assert Image.open(io.BytesIO(png(figure))).width == 1200


def test_no_text_leaves_the_picture_or_lies_on_another():
    for figure in all_figures():
        figure.draw_without_rendering()
        outside = [text for text in figure.texts if text.get_text()]
        outside += [axes.title for axes in figure.axes if axes.get_title()]
        boxes = [text.get_window_extent() for text in outside]
        for number, box in enumerate(boxes):
            assert box.x0 >= 0
            assert box.x1 <= figure.bbox.x1
            assert box.y0 >= 0
            assert box.y1 <= figure.bbox.y1
            assert not any(box.overlaps(other) for other in boxes[number + 1 :])


def test_they_look_the_same_under_any_settings_and_change_none():
    plain = [png(figure) for figure in all_figures()]
    colours = ("text.color", "axes.facecolor", "axes.labelcolor", "xtick.color", "grid.color")
    with mpl.rc_context(dict.fromkeys(colours, "red")):
        before = dict(mpl.rcParams)
        again = [png(figure) for figure in all_figures()]
        assert dict(mpl.rcParams) == before
    assert plain == again


def test_ticks_leave_the_range_as_it_is():
    curve = Curve("curve", [1, 2], [0.3, 0.5])
    plain = Chart("", "", "", [curve], logarithmic=True)
    named = replace(plain, y_ticks=(0.1, 0.4, 10))
    limits = [plot_charts([chart], "").axes[0].get_ylim() for chart in (plain, named)]
    assert limits[0] == limits[1]


def test_pyplot_is_never_imported():
    code = "import sys, sixloops.report as r; from sixloops.training import History; "
    code += "r.style.png(r.plot_history(History())); print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_what_takes_long_to_import_waits_until_it_is_needed():
    code = """
import sys, sixloops.cli
from sixloops.report import plot_history
from sixloops.training import History
print([name for name in ("matplotlib", "scipy.ndimage", "scipy.special") if name in sys.modules])
plot_history(History())
print("matplotlib" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "True"]


def test_a_figure_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be written"):
        save_figure(plot_history(History()), tmp_path / "file" / "x.png")


def test_validation_of_another_kind_than_the_training_has_no_accuracy():
    made = History()
    for epoch in (1, 2):
        made.add(
            "epoch", epoch=epoch, step=epoch, loss=1 / epoch, accuracy=0.5, validation_loss=1.0
        )
    assert png(plot_history(made))


def test_classes_in_any_script_are_drawn_without_warnings():
    labels = np.array([0, 1])
    confusion = confusion_matrix(labels, labels, 2)
    figure = plot_confusion(Evaluation(0.1, 1.0, 1.0, 2, confusion, 2), ("狗", "ネコ"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = png(figure)
    assert png(figure) == first
