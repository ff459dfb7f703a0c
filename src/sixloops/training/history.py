"""The history of a run: what was measured, when.

A history is a list of records, plain dictionaries, each of one ``kind``:

- ``step``: training loss and accuracy since the last such record;
- ``evaluation``: loss and accuracy on a random subset, taken while training;
- ``epoch``: training loss and accuracy of a whole epoch, and those on the
  validation set where there is one.

Every one of these has ``epoch`` (1 for the first), ``step`` (batches done so far) and
``seconds``. Callbacks may add kinds of their own, with what they like. As a file it is JSON
lines: one record a line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from sixloops.checks import is_number
from sixloops.errors import ConfigurationError, FileError, wrong
from sixloops.files import read_bytes

Record: TypeAlias = dict[str, Any]

KINDS = ("step", "evaluation", "epoch")

NEEDED = {"epoch", "step", "seconds"}
"""What each record of these kinds has; one of an epoch has its rate and its loss, too."""


@dataclass(repr=False)
class History:
    """All records of a run, in the order in which they were made.

    Args:
        records: the records.
        stopped: why the run was asked to end, if need be before its last epoch; None if nothing
            and nobody asked.

    Examples:
        >>> history = History()
        >>> history.add("epoch", epoch=1, step=938, loss=0.25, accuracy=0.92)
        >>> history.epochs[-1]["accuracy"]
        0.92
        >>> history.accuracy
        [0.92]
        >>> history
        History(1 epoch, accuracy 92.00%)
    """

    records: list[Record] = field(default_factory=list)
    stopped: str | None = None

    def __repr__(self) -> str:
        count = len(self.epochs)
        epochs = f"{count} epoch{'' if count == 1 else 's'}"
        for name in ("validation_accuracy", "accuracy", "validation_loss", "loss"):
            values = self._by_epoch(name)
            if values:
                value = f"{values[-1]:.2%}" if name.endswith("accuracy") else f"{values[-1]:.4g}"
                return f"History({epochs}, {name.replace('_', ' ')} {value})"
        return f"History({epochs})"

    def add(self, kind: str, **values: Any) -> None:
        """Append a record.

        Args:
            kind: of what the record is.
            values: by name; what JSON has: finite numbers (NumPy's too), words, None, and lists
                and dictionaries of these.

        Raises:
            ConfigurationError: a value cannot be written to a file.
        """
        self.records.append({"kind": kind} | {name: _plain(name, v) for name, v in values.items()})

    def of(self, kind: str) -> list[Record]:
        """Return the records of one kind.

        Raises:
            ConfigurationError: no kind that a run records, nor one in this history.
        """
        found = [record for record in self.records if record["kind"] == kind]
        if not found and kind not in KINDS:
            raise ConfigurationError(wrong("kind", "History.of", f"be one of {KINDS}", kind))
        return found

    @property
    def epochs(self) -> list[Record]:
        """The records of whole epochs."""
        return self.of("epoch")

    @property
    def loss(self) -> list[float]:
        """The training loss of every epoch, while it learnt."""
        return self._by_epoch("loss")

    @property
    def accuracy(self) -> list[float]:
        """The training accuracy of every epoch, while it learnt; empty without labels."""
        return self._by_epoch("accuracy")

    @property
    def validation_loss(self) -> list[float]:
        """The loss on the validation set after every epoch; empty without one."""
        return self._by_epoch("validation_loss")

    @property
    def validation_accuracy(self) -> list[float]:
        """The accuracy on the validation set after every epoch; empty without one."""
        return self._by_epoch("validation_accuracy")

    def _by_epoch(self, measure: str) -> list[float]:
        return [record[measure] for record in self.epochs if measure in record]

    def monitored(self, measure: str = "loss") -> list[float]:
        """Return a measure after each epoch: on the validation set, else on the training set.

        Raises:
            KeyError: there is no such measure, as there is no accuracy without labels.
        """
        held_out = f"validation_{measure}"
        return [record[held_out if held_out in record else measure] for record in self.epochs]

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> History:
        """Read a file of JSON lines.

        Raises:
            FileError: the file is missing or a line is no record; the error names the line.
        """
        records = []
        for number, line in enumerate(read_bytes(path).splitlines(), 1):
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                record = None
            if not isinstance(record, dict) or "kind" not in record:
                raise FileError(
                    f"Line {number} of {path} must be a record of a history, in JSON. Got "
                    f"{line[:60]!r}. The file is damaged; a checkpoint beside it holds it whole."
                )
            records.append(record)
        return cls(records)


def _plain(name: str, value: Any) -> Any:
    """Return a value of a record as JSON has it."""
    plain = value.item() if isinstance(value, np.generic) else value
    try:
        # A file has words as names, and lists for tuples; a copy is no longer the caller's.
        return json.loads(json.dumps(plain, allow_nan=False))
    except (TypeError, ValueError) as error:
        expected = "be a finite number, words, None, or a list or dictionary of these"
        mend = "An array becomes a list by its tolist()."
        raise ConfigurationError(wrong(name, "a record", expected, value, mend)) from error


def missing_of(record: Mapping[str, Any]) -> list[str]:
    """Return what should be a number in a record of a run, and is not."""
    if record["kind"] not in KINDS:
        return []
    needed = NEEDED | ({"rate", "loss"} if record["kind"] == "epoch" else set())
    measured = needed | (record.keys() & {"accuracy", "validation_loss", "validation_accuracy"})
    return sorted(name for name in measured if not is_number(record.get(name)))


def as_lines(records: Iterable[Record]) -> str:
    """Return records as JSON lines."""
    return "".join(json.dumps(record, allow_nan=False) + "\n" for record in records)
