"""The progress on the terminal, with one and without."""

from __future__ import annotations

import io
import re
import threading
import time
from unittest.mock import Mock

import numpy as np
import pytest
from rich.console import Console

from sixloops.data import Dataset
from sixloops.engine import Plan
from sixloops.engine.kernels import compiling
from sixloops.errors import NonFiniteError
from sixloops.layers import Dense, Flatten
from sixloops.losses import SquaredError
from sixloops.network import Network
from sixloops.optimizers import SGD
from sixloops.report import Progress, compilation
from sixloops.report.progress import (
    NO_ACCURACY,
    NOTE,
    NOTE_VALIDATED,
    ONE_HOT,
    Pace,
    epoch_line,
    heading,
    resumed_words,
    status_words,
    targets_words,
)
from sixloops.training import Callback, EvaluateEvery, Run, Settings, fit


def data(images: int = 40, targets: bool = False) -> Dataset:
    random = np.random.default_rng(0)
    pixels = random.normal(size=(images, 1, 3, 3)).astype(np.float32)
    labels = random.normal(size=(images, 2)) if targets else random.integers(0, 2, images)
    return Dataset(pixels, labels)


def network(**options: object) -> Network:
    return Network([Flatten(), Dense(2)], (1, 3, 3), **options)


def console(terminal: bool = False, width: int = 80) -> Console:
    file = io.StringIO()
    return Console(file=file, width=width, force_terminal=terminal, force_interactive=terminal)


def printed(out: Console) -> str:
    return out.file.getvalue()


def train(out: Console, *others: Callback, **options: object) -> str:
    chosen = {"epochs": 3, "batch_size": 10, "validation": data(20), **options}
    fit(network(), data(), callbacks=[Progress(out), *others], **chosen)
    return printed(out)


def test_without_a_terminal_there_is_one_line_an_epoch():
    text = train(console())
    lines = text.splitlines()
    words = r"epoch +train loss +train acc\. +val\. loss +val\. acc\. +rate +time"
    assert re.fullmatch(words, lines[0].strip())
    assert [line.split()[0] for line in lines[1:-1]] == ["1/3", "2/3", "3/3"]
    assert lines[-1] == NOTE_VALIDATED
    assert "\x1b" not in text
    assert "\r" not in text
    assert max(map(len, lines)) <= 80


def test_the_line_tells_the_record():
    out = console()
    progress = Progress(out)
    history = fit(
        network(), data(), epochs=1, validation=data(20), callbacks=[progress], optimizer=SGD(0.05)
    )
    record = history.epochs[0]
    number, *measures = printed(out).splitlines()[1].split()[:6]
    assert number == "1/1"
    assert measures == [
        f"{record['loss']:.4f}",
        f"{record['accuracy']:.2%}",
        f"{record['validation_loss']:.4f}",
        f"{record['validation_accuracy']:.2%}",
        "0.05",
    ]


def test_columns_stand_under_their_headings():
    head, *lines, _ = train(console()).splitlines()
    ends = [match.end() for match in re.finditer(r"(train |val\. )?\S+", head)]
    for line in lines:
        assert [match.end() for match in re.finditer(r"[\d.]+ s|\S+", line)] == ends


def test_without_validation_and_labels_there_are_fewer_columns():
    out = console()
    net = network(loss=SquaredError())
    fit(net, data(targets=True), epochs=1, callbacks=[Progress(out)])
    reason, head, line, note = printed(out).splitlines()
    assert reason == NO_ACCURACY
    assert note == NOTE
    assert "val." not in head
    assert "–" in line


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (np.array([0.0, 1.0, 0.0]), f"{NO_ACCURACY} {ONE_HOT}"),
        (np.array([0.0, 0.5, 0.0]), NO_ACCURACY),
        (np.float64(1.0), NO_ACCURACY),
    ],
)
def test_why_there_is_no_accuracy_is_said(target, words):
    assert targets_words(target) == words


def test_a_terminal_gets_a_bar_that_goes_away():
    text = train(console(terminal=True), EvaluateEvery(2))
    assert "epoch 1/3" in text
    assert "validating …" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # cursor hidden, shown again
    assert text.rindex("\x1b[2K") < text.index(NOTE_VALIDATED)  # the bar's line is erased before
    assert NOTE_VALIDATED in text.splitlines()[-1]
    lines = [line for line in text.splitlines() if re.search(r"\d/3 +\d\.\d{4}", line)]
    assert len(lines) == 3


class Fault(Callback):
    """Fails at the start or after some steps."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_start(self, run, plan):
        if self.step == 0:
            raise ValueError("mine")

    def on_step_end(self, run, plan):
        if run.step == self.step:
            raise ValueError("mine")


@pytest.mark.parametrize("step", [0, 1, 6])
def test_an_error_leaves_no_bar_and_no_thread(step):
    out, before = console(terminal=True), set(threading.enumerate())
    with pytest.raises(ValueError, match="mine"):
        train(out, Fault(step))
    text = printed(out)
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")
    # Rich tells its thread to end and does not wait for it.
    deadline = time.monotonic() + 5
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not set(threading.enumerate()) - before
    assert "Stopped" not in text


class Stop(Callback):
    def on_step_end(self, run, plan):
        if run.step == 6:
            run.stop("interrupted")


@pytest.mark.parametrize("terminal", [False, True])
def test_a_stopped_run_says_why(terminal):
    text = train(console(terminal), Stop())
    assert "Stopped after 6 of 12 steps: interrupted." in text


def test_a_failed_run_leaves_the_word_to_its_error():
    out = console()
    with pytest.raises(NonFiniteError), np.errstate(all="ignore"):
        train(out, optimizer=SGD(1e38))
    assert "Stopped" not in printed(out)


def test_the_bar_is_left_alone_for_a_tenth_of_a_second(monkeypatch):
    progress = Progress(console(terminal=True))
    run, shown = Run(network(), data(), None, Settings(batch_size=1)), []
    clock = iter(100 + 0.01 * n for n in range(1000))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    monkeypatch.setattr("sixloops.report.progress._bar", lambda console, run: Mock())
    monkeypatch.setattr(progress, "_show", lambda run, status: shown.append(run.step))
    progress.on_train_start(run, None)
    for step in range(1, 39):
        run.step = step
        progress.on_step_end(run, None)
    assert len(shown) == 3  # in 0.38 seconds of the clock


def test_speed_and_time_left():
    run = Run(network(), data(), None, Settings(epochs=2, batch_size=10))
    pace = Pace(began=0.0, first_step=0, epoch_began=4.0, epoch_images=0)
    run.step, run.epoch = 6, 1
    run.current.add(0.5, 15, 20)
    assert pace.images_a_second(run, 6.0) == 10
    assert pace.seconds_left(run, 6.0) == 2
    assert status_words(run, pace, 6.0) == "loss 0.5000  75.00%  10 images/s  2 s left"


def test_a_resumed_run_counts_its_own_time_only():
    run = Run(network(), data(), None, Settings(epochs=2, batch_size=10))
    run.step = 7
    run.current.add(0.5, 15, 30)
    pace = Pace(began=0.0, first_step=6, epoch_began=0.0, epoch_images=20)
    assert pace.images_a_second(run, 2.0) == 5
    assert pace.seconds_left(run, 2.0) == 2


def test_the_time_of_an_epoch_is_that_since_the_last_one():
    run = Run(network(), data(), None, Settings(epochs=3))
    for epoch, seconds in ((1, 10.0), (2, 95.5)):
        run.history.add("epoch", epoch=epoch, seconds=seconds, loss=1.0, accuracy=1.0, rate=0.1)
    assert epoch_line(run).split()[-1] == "1:26"


def test_large_numbers_do_not_run_together():
    run = Run(network(), data(), data(), Settings(epochs=1280))
    measures = {"loss": 817890.8960, "accuracy": 1.0, "rate": 0.000123456}
    validation = {"validation_loss": 1e30, "validation_accuracy": 1.0}
    run.history.add("epoch", epoch=1280, seconds=360000.0, **measures, **validation)
    expected = ["1280/1280", "8.179e+05", "100.00%", "1e+30", "100.00%", "0.0001235", "100:00:00"]
    assert epoch_line(run).split() == expected
    assert len(epoch_line(run)) == len(heading(run)) <= 80


@pytest.mark.parametrize(
    ("step", "epoch", "words"),
    [
        (4, 1, "Going on after epoch 1 of 2."),
        (6, 1, "Going on in epoch 2 of 2, after step 2 of 4."),
        (8, 1, "Going on in epoch 2 of 2, after step 4 of 4."),  # its validation is left
        (8, 2, "Nothing is left to do: all 2 epochs are done. Name more epochs to go on."),
    ],
)
def test_a_resumed_run_says_where_it_goes_on(step, epoch, words):
    run = Run(network(), data(), None, Settings(epochs=2, batch_size=10))
    run.step, run.epoch = step, epoch
    assert resumed_words(run) == words
    out = console()
    Progress(out).on_train_start(run, None)
    first, *heads = printed(out).splitlines()
    assert first == words
    assert bool(heads) == (epoch < 2)


def test_what_is_compiled_is_said_and_no_training(monkeypatch):
    order = []

    def prepare(plan, training=True):
        order.append("compiled")
        for tell in compiling._told:
            tell("dense")

    monkeypatch.setattr(Plan, "prepare", prepare)
    out = console()
    words = train(out, Callback(), epochs=1)
    assert order == ["compiled"]
    assert words.startswith(compilation.WORDS)
    assert "epoch" in words.splitlines()[1]
