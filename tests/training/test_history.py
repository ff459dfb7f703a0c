"""The history: its records, and its measures by name."""

import numpy as np
import pytest

from sixloops.data import Dataset
from sixloops.errors import ConfigurationError
from sixloops.layers import Dense, Flatten
from sixloops.network import Network
from sixloops.training import Callback, History, HistoryFile, fit


def example(**measures):
    history = History()
    for epoch in (1, 2):
        history.add("step", epoch=epoch, step=epoch * 5, loss=9.0)
        history.add(
            "epoch", epoch=epoch, step=epoch * 10, **{k: v[epoch - 1] for k, v in measures.items()}
        )
    return history


MEASURES = {
    "loss": [0.5, 0.25],
    "accuracy": [0.75, 0.875],
    "validation_loss": [0.625, 0.5],
    "validation_accuracy": [0.7, 0.84],
}


def test_measures_by_name():
    history = example(**MEASURES)
    for name, values in MEASURES.items():
        assert getattr(history, name) == values


def test_what_was_not_measured_is_empty():
    history = example(loss=[0.5, 0.25])
    assert history.accuracy == history.validation_loss == history.validation_accuracy == []


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (MEASURES, "History(2 epochs, validation accuracy 84.00%)"),
        (["loss", "accuracy"], "History(2 epochs, accuracy 87.50%)"),
        (["loss", "validation_loss"], "History(2 epochs, validation loss 0.5)"),
        (["loss"], "History(2 epochs, loss 0.25)"),
    ],
)
def test_it_is_shown_in_short(names, text):
    assert repr(example(**{name: MEASURES[name] for name in names})) == text
    assert repr(History()) == "History(0 epochs)"


def test_records_of_an_unknown_kind_are_refused():
    history = History()
    assert history.of("evaluation") == []
    with pytest.raises(ConfigurationError, match=r"'kind' of History\.of must be one of .*'epoch'"):
        history.of("epochs")
    history.add("mine", epoch=1)
    assert history.of("mine") == [{"kind": "mine", "epoch": 1}]


def test_numbers_of_numpy_are_recorded_as_files_have_them():
    history = History()
    history.add("mine", norm=np.float32(0.5), count=np.int64(3), both=[1, None], words="x")
    assert history.records == [
        {"kind": "mine", "norm": 0.5, "count": 3, "both": [1, None], "words": "x"}
    ]
    assert type(history.records[0]["norm"]) is float


def test_a_record_is_what_a_file_will_hold_and_no_longer_the_callers():
    history, counts = History(), dict.fromkeys(range(12), 1)
    history.add("mine", counts=counts, pair=(1, 2))
    counts[3] = 9
    names = {str(number): 1 for number in range(12)}
    assert history.records == [{"kind": "mine", "counts": names, "pair": [1, 2]}]


@pytest.mark.parametrize(
    "value", [float("nan"), np.float32("inf"), [1, float("nan")], np.ones(2), 1j]
)
def test_what_no_file_can_hold_is_refused_at_once(value):
    with pytest.raises(ConfigurationError, match="'norm' of a record must be a finite number"):
        History().add("mine", norm=value)


class Recording(Callback):
    """Makes a record after each step and epoch."""

    def on_step_end(self, run, plan):
        run.record("mine", x=np.float32(1))

    def on_epoch_end(self, run, plan):
        run.record("mine", x=2)


@pytest.mark.parametrize(
    ("kind", "values", "lacking"),
    [
        ("epoch", {"value": 3.0}, "loss, rate"),
        ("epoch", {"rate": 0.1, "loss": None}, "loss"),
        ("step", {"accuracy": "high"}, "accuracy"),
    ],
)
def test_a_record_as_of_the_run_itself_must_have_what_those_have(kind, values, lacking):
    class Imitating(Callback):
        def on_step_end(self, run, plan):
            run.record(kind, **values)

    network = Network([Flatten(), Dense(2)], input_shape=(1, 2, 2))
    data = Dataset(np.ones((6, 1, 2, 2), np.float32), np.arange(6) % 2)
    with pytest.raises(ConfigurationError, match=f"'{kind}' must have the numbers {lacking}, as"):
        fit(network, data, epochs=1, callbacks=[Imitating()])


def test_the_file_has_what_callbacks_behind_it_record(tmp_path):
    network = Network([Flatten(), Dense(2)], input_shape=(1, 2, 2))
    data = Dataset(np.ones((6, 1, 2, 2), np.float32), np.arange(6) % 2)
    written = HistoryFile(tmp_path / "history.jsonl")
    history = fit(network, data, epochs=2, batch_size=3, callbacks=[written, Recording()])
    assert len(history.of("mine")) == 6
    assert History.read(written.path).records == history.records
