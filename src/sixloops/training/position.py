"""Checking where a checkpoint says that a run stood, before the run is put there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sixloops.checks import is_number, is_whole
from sixloops.errors import ConfigurationError, FileError, wrong
from sixloops.training.history import missing_of

if TYPE_CHECKING:
    from sixloops.training.run import Run


def check_position(run: Run, position: Mapping[str, Any], source: str) -> None:
    """Raise unless ``run`` can go on from a position that ``Run.position`` once returned.

    Args:
        run: set up with the checkpoint's data and batch size.
        position: from a file, so that it may be anything.
        source: the file's name, for errors.

    Raises:
        FileError: something in the position is missing or makes no sense.
        ConfigurationError: more is done than the run shall have epochs for.
    """
    for name, (good, expected) in _RULES.items():
        got = position.get(name)
        if not good(got):
            raise _damaged(source, name, expected, got)
    epoch, step, length = position["epoch"], position["step"], run.steps_per_epoch
    if not epoch * length <= step <= (epoch + 1) * length:
        expected = f"be from {epoch * length} to {(epoch + 1) * length}, in epoch {epoch + 1}"
        raise _damaged(source, "step", expected, step)
    if step > run.total_steps:
        mend = "Name more epochs, to go on, or use the model as it is."
        begun = -(-step // length)
        done = "done" if begun == epoch else "begun"
        expected = f"be at least {begun}, as so many are {done}"
        owner = "a run that goes on"
        raise ConfigurationError(wrong("epochs", owner, expected, run.settings.epochs, mend))


def _damaged(source: str, name: str, expected: str, got: object) -> FileError:
    owner = f"the position in {source}"
    return FileError(wrong(name, owner, expected, got, "The file is damaged."))


def _is_count(value: object) -> bool:
    return is_whole(value) and value >= 0  # type: ignore[operator]  # it is a number


def _is_tally(value: object) -> bool:
    if not isinstance(value, dict) or value.keys() != {"loss", "correct", "images"}:
        return False
    hits_good = value["correct"] is None or _is_count(value["correct"])
    return hits_good and is_number(value["loss"]) and _is_count(value["images"])


def _is_history(value: object) -> bool:
    return isinstance(value, list) and all(_is_record(record) for record in value)


def _is_record(value: object) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        return False
    return not missing_of(value)


_TALLY = "be a tally of loss, correct and images"
_RULES: dict[str, tuple[Callable[[object], bool], str]] = {
    "step": (_is_count, "be a whole number of at least 0"),
    "epoch": (_is_count, "be a whole number of at least 0"),
    "rate": (is_number, "be a finite number"),
    "seconds": (is_number, "be a finite number"),
    "recent": (_is_tally, _TALLY),
    "current": (_is_tally, _TALLY),
    "history": (_is_history, "be a list of whole records"),
}
