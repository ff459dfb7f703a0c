"""What a recipe is: a set-up that somebody described, which can be run again.

A recipe has experiments. Each is run by some seeds, and leaves what it measured; from all of
that come the findings, beside what the source reported, and the charts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sixloops.data import Dataset, load_mnist
from sixloops.recipes.unfinished import Unfinished
from sixloops.report.charts import Chart

Measures: TypeAlias = dict[str, Any]
"""What an experiment measured, in JSON's types."""


def _nobody(words: Any) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Setting:
    """What an experiment is given.

    Args:
        training: the images to learn from.
        test: the others.
        seed: of all random numbers.
        short: whether to do little of everything, to see that it works.
        threads: how many; None for all that the process may use.
        tell: called with a line of progress.
        note: called before each training with what is trained, how, and on what, or with what else
            is measured; it is kept in the record, and a record of another set-up is told from one
            of this.
        unfinished: where trainings are kept while they are under way, so that one that was
            interrupted goes on; None to keep none.
    """

    training: Dataset
    test: Dataset
    seed: int = 0
    short: bool = False
    threads: int | None = None
    tell: Callable[[str], None] = _nobody
    note: Callable[[Measures], None] = _nobody
    unfinished: Unfinished | None = None


Loaded: TypeAlias = tuple[Dataset, Dataset]
"""The images to learn from, and the others."""

Load: TypeAlias = Callable[[str | os.PathLike[str] | None, bool], Loaded]
"""Finds images: in a folder, if one is named; or downloads them, if it may."""


@dataclass(frozen=True)
class Experiment:
    """Something that is done and measured.

    Args:
        name: for its files; lower case, with hyphens.
        about: what is done, in a few words.
        run: does it.
        seeds: by how many seeds, unless the user says otherwise.
        load: finds the images to learn from, and the others.
    """

    name: str
    about: str
    run: Callable[[Setting], Measures]
    seeds: int = 3
    load: Load = load_mnist


Results: TypeAlias = Mapping[str, Sequence[Measures]]
"""What was measured, for each experiment by name, one for each seed; perhaps by none yet."""


@dataclass(frozen=True)
class Finding:
    """What came out, beside what the source says.

    Args:
        question: what is asked or claimed.
        reported: by the source.
        found: by us.
    """

    question: str
    reported: str
    found: str


@dataclass(frozen=True)
class Recipe:
    """A set-up from a source.

    Args:
        name: what ``sixloops reproduce`` calls it.
        title: one line that says what it is.
        source: where it is from.
        experiments: what is done.
        findings: what follows from the results.
        charts: the results' pictures, in the source's own form.
        setup: sizes and rates, which of them are ours, and how long it takes.
        remarks: what else is to be said of the results, such as what was tried in vain.
    """

    name: str
    title: str
    source: str
    experiments: Sequence[Experiment]
    findings: Callable[[Results], list[Finding]]
    charts: Callable[[Results], list[Chart]]
    setup: str = ""
    remarks: str = ""
