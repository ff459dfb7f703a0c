"""The plan as it is shown, and what is said while kernels are compiled."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pytest
from rich.console import Console

from sixloops.engine import Plan
from sixloops.errors import ConfigurationError
from sixloops.layers import BatchNorm, Conv2D, Dense, Flatten, Layer, MaxPool2D, ReLU, Residual
from sixloops.network import Network
from sixloops.report import compilation, compile_kernels, print_plan


@dataclass(frozen=True)
class Doubled(Layer):
    """A layer that the engine does not know."""

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, parameters, context):
        return 2 * x, lambda dy: (2 * dy, {})


def network(*more):
    layers = [
        Conv2D(6, 5, activation="relu"),
        MaxPool2D(2),
        Residual([Conv2D(6, 3, padding=1), BatchNorm(), ReLU()], [Conv2D(6, 1)]),
        *more,
        Flatten(),
        Dense(10),
    ]
    return Network(layers, (1, 28, 28))


def shown(network, batch_size=64, width=80):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_plan(network, console, batch_size)
    return console.file.getvalue()


def rows(text):
    return [" ".join(line.split()) for line in text.splitlines()]


def test_each_stage_has_a_line_and_what_is_joined_has_one():
    lines = rows(shown(network(), width=120))
    assert any(
        line.startswith("0 Conv2D 6@5×5 and 2×2 max pooling with ReLU tiles") for line in lines
    )
    assert not [line for line in lines if line.startswith("1 ")]
    assert "2 Residual adds what its ways give" in lines
    assert [line.split()[0] for line in lines if "." in line.split(" ")[0]] == [
        "body.0",
        "body.1",
        "shortcut.0",
    ]
    assert "In NumPy no layer: all are compiled" in lines


def test_layers_that_run_by_their_own_numpy_are_named():
    lines = rows(shown(network(Doubled(), Residual([Doubled()]))))
    assert "3 Doubled its own NumPy" in lines
    assert "In NumPy 3 Doubled, body.0 Doubled" in lines


def test_shares_and_threads_follow_from_the_batch(monkeypatch):
    monkeypatch.setattr("sixloops.engine.threads.available_threads", lambda: 6)
    assert "A step 1 image in 1 share, by 1 thread" in rows(shown(network(), 1))
    assert "A step 64 images in 4 shares, by 4 threads" in rows(shown(network(), 64))
    assert "A step 256 images in 8 shares, by 6 threads" in rows(shown(network(), 256))


def test_the_memory_is_that_of_the_arrays():
    made = Network([Dense(4)], (1000,))
    with Plan(made, 50, 1) as plan:
        told = plan.memory()
        images, gradients = 50 * 1000 * 4, (4 * 1000 + 4) * 4
        assert images + gradients < told < images + 4 * gradients + 50_000


def test_the_memory_holds_the_convolutions_arranged_weights():
    few, many = (Network([Conv2D(n, 3), Flatten()], (200, 4, 4)) for n in (8, 208))
    with Plan(few, 1, 1) as small, Plan(many, 1, 1) as large:
        weights = 200 * 200 * 9 * 4
        # The gradients, a share's part of them, and the weights arranged for both ways.
        assert large.memory() - small.memory() > 4 * weights


@pytest.mark.parametrize("batch_size", [1, 64])
def test_the_text_fits_80_columns(batch_size):
    assert max(map(len, shown(network(Doubled()), batch_size).splitlines())) <= 80


def test_a_wrong_batch_size_is_refused():
    with pytest.raises(ConfigurationError, match="'batch_size'"):
        shown(network(), 0)


def compiled_with(monkeypatch, kernels, terminal):
    """Have a plan that compiles some kernels; return what is printed."""

    class Fake(Plan):
        def prepare(self, training=True):
            for name in kernels:
                teller[0](name)

    teller = []

    class Told:
        def __init__(self, tell):
            teller.append(tell)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

    monkeypatch.setattr(compilation, "Plan", Fake)
    monkeypatch.setattr(compilation, "told_of_compilations", Told)
    console = Console(file=io.StringIO(), width=100, force_terminal=terminal, color_system=None)
    compile_kernels(Network([Dense(2)], (3,)), 4, console)
    return console.file.getvalue()


def test_only_a_compilation_is_spoken_of(monkeypatch):
    assert compiled_with(monkeypatch, [], terminal=True) == ""
    out = compiled_with(monkeypatch, ["dense", "max_pool"], terminal=False)
    assert out.count("Compiling kernels for this machine") == 1
    assert "max pool" not in out


def test_on_a_terminal_the_kernels_are_named_while_they_are_compiled(monkeypatch):
    assert "Compiling: " in compiled_with(monkeypatch, ["dense", "max_pool"], terminal=True)


def test_in_python_nothing_is_printed(capsys):
    with Plan(Network([Dense(2)], (3,)), 4, 1) as plan:
        plan.step(np.ones((4, 3)), np.array([0, 1, 0, 1]))
    assert capsys.readouterr() == ("", "")
