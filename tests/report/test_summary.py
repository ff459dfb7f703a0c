"""The summary: its numbers against ones counted by hand."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pytest
from rich.console import Console

from sixloops.errors import ConfigurationError
from sixloops.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Identity,
    LeakyReLU,
    MaxPool2D,
    MeanPool2D,
    Normalize,
    Rescale,
    ZeroPad2D,
)
from sixloops.layers.base import Layer
from sixloops.layers.residual import Residual
from sixloops.layers.sequential import Sequential
from sixloops.network import Network
from sixloops.report import print_summary, summary, summary_rows
from sixloops.report.words import describe, duration_words


def lenet() -> Network:
    """LeNet-5 in its usual variant without connection table: 61,706 parameters."""
    return Network(
        [
            Conv2D(6, 5, padding=2, activation="tanh"),
            MeanPool2D(2),
            Conv2D(16, 5, activation="tanh"),
            MeanPool2D(2),
            Flatten(),
            Dense(120, activation="tanh"),
            Dense(84, activation="tanh"),
            Dense(10),
        ],
        input_shape=(1, 28, 28),
    )


def block() -> Network:
    return Network(
        [
            Residual(
                [Conv2D(4, 3, padding="same"), Sequential([BatchNorm()])],
                [Conv2D(4, 1)],
                activation="relu",
            ),
            Residual([Conv2D(4, 3, padding="same", use_bias=False)]),
        ],
        input_shape=(2, 6, 5),
    )


def test_lenet_counted_by_hand():
    rows = summary_rows(lenet())
    assert [row.parameters for row in rows] == [156, 0, 2416, 0, 0, 48120, 10164, 850]
    assert sum(row.parameters for row in rows) == 61_706
    assert rows[0].multiply_adds == 6 * 28 * 28 * 25
    assert rows[2].multiply_adds == 16 * 10 * 10 * 6 * 25
    assert [row.multiply_adds for row in rows[5:]] == [400 * 120, 120 * 84, 84 * 10]
    assert [row.output_shape for row in rows[:5]] == [
        (6, 28, 28),
        (6, 14, 14),
        (16, 10, 10),
        (16, 5, 5),
        (400,),
    ]
    assert [row.activation_bytes for row in rows[:2]] == [4 * 6 * 28 * 28, 4 * 6 * 14 * 14]


def test_totals_are_those_of_the_network():
    for network in (lenet(), block()):
        rows = summary_rows(network)
        held = sum(array.size for array in network.parameters.values())
        assert sum(row.parameters for row in rows) == held
        flops = network.root.multiply_adds(network.input_shape)
        assert sum(row.multiply_adds for row in rows) == flops


def test_nested_layers_have_indented_rows_and_count_once():
    rows = summary_rows(block())
    paths = ["0", "0.body", "0.body.0", "0.body.1", "0.body.1.0", "0.shortcut", "0.shortcut.0"]
    paths += ["1", "1.body", "1.body.0", "1.shortcut"]
    assert [row.path for row in rows] == paths
    kinds = {row.path: row.kind for row in rows}
    assert kinds["0"] == "Residual, relu"
    assert kinds["1.shortcut"] == "identity"
    # Block 0 holds convolution, normalisation and shortcut, each 4·6·5 values, and their sum.
    values = sum(row.activation_bytes for row in rows if row.path.startswith("0")) // 4
    assert values == 4 * 4 * 6 * 5
    text = summary(block())
    assert "   shortcut  identity" in text
    assert "\n       0 " in text  # 0.body.1.0, in three other layers


def test_float64_doubles_the_memory():
    layers = [Flatten(), Dense(10)]
    small, large = (
        summary_rows(Network(layers, (1, 4, 4), dtype=dtype)) for dtype in ("float32", "float64")
    )
    assert [row.activation_bytes for row in small] == [64, 40]
    assert [row.activation_bytes for row in large] == [128, 80]


def test_the_text_tells_totals_at_the_batch_size():
    text = summary(lenet(), batch_size=10)
    assert "61,706" in text
    assert "241.0 KiB" in text  # 61,706 · 4 / 1024
    values = 6 * 784 + 6 * 196 + 1600 + 400 + 400 + 120 + 84 + 10
    assert f"{values * 4 * 10 / 1024:.1f} KiB" in text
    assert "10 images" in text
    assert "1 image" in summary(lenet(), batch_size=1)


@pytest.mark.parametrize("network", [lenet(), block()], ids=["lenet", "block"])
def test_the_text_fits_80_columns_without_colours(network):
    text = summary(network)
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text


def test_printing_takes_the_console_that_is_given():
    console = Console(file=io.StringIO(), width=120, color_system=None)
    print_summary(lenet(), console)
    assert console.file.getvalue().rstrip().endswith("outputs of all layers, 64 images")


@pytest.mark.parametrize("batch_size", [0, -1, 2.5])
def test_a_wrong_batch_size_is_refused(batch_size):
    with pytest.raises(ConfigurationError, match="'batch_size' of summary must be a whole number"):
        summary(lenet(), batch_size)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (Conv2D(8, (3, 5), stride=2, padding="same"), "Conv2D 8@3×5, stride 2, same"),
        (Conv2D(8, 3, stride=3, groups=2), "Conv2D 8@3×3, stride 3, groups 2"),
        (Conv2D(8, 3, padding=((1, 2), (0, 0)), use_bias=False), "padding 1+2×0, no bias"),
        (Conv2D(2, 1, table=[[0], [0, 1]]), "Conv2D 2@1×1, table"),
        (MaxPool2D(2, activation=LeakyReLU(0.2)), "MaxPool2D 2×2, leaky_relu 0.2"),
        (MaxPool2D(3, stride=1), "MaxPool2D 3×3, stride 1"),
        (Dense(100, activation="sigmoid"), "Dense 100, sigmoid"),
        (Dropout(), "Dropout 0.5"),
        (ZeroPad2D(2), "ZeroPad2D 2"),
        (Rescale(), "Rescale"),
        (Rescale(0.5), "Rescale scale 0.5"),
        (Normalize(mean=[1, 2, 3], std=[1, 1, 1]), "Normalize"),
        (Layer(), "Layer"),
    ],
)
def test_a_layer_in_a_few_words(layer, words):
    assert describe(layer).endswith(words)


def test_durations():
    assert duration_words(59.4, whole=True) == "59 s"
    assert duration_words(59.6) == "1:00"
    assert duration_words(3599.7) == "1:00:00"


def test_settings_in_brackets_are_shown_as_they_are():
    @dataclass(frozen=True)
    class Marked(Identity):
        mark: str = ""

    network = Network([Marked("[red]"), Marked("[/b]"), Flatten(), Dense(2)], (1, 2, 2))
    text = summary(network)
    assert "[red]" in text
    assert "[/b]" in text
