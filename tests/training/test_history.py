"""The history: its records, and its measures by name."""

import pytest

from sixloops.errors import ConfigurationError
from sixloops.training import History


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
