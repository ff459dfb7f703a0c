"""What the doctor says: findings, the name of the mistake, and its cure."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

WIDTH = 92
PROJECT = Path(__file__).parents[3]
"""The project's root, where the package lies in a clone of it."""


@dataclass(frozen=True)
class Diagnosis:
    """A mistake that has a name.

    Args:
        id: short and unique, such as ``"mean-pool-not-divided"``.
        sentence: what was done, with the measured numbers.
        mathematics: the equation that it should have been.
        fix: what to change.
        page: where the equation is derived, relative to the project's root.
        number: of the fault in the project's list of fifty; None if it is not there.
        certainty: from 0 to 1; 1 where all numbers agree to rounding.
    """

    id: str
    sentence: str
    mathematics: str = ""
    fix: str = ""
    page: str = ""
    number: int | None = None
    certainty: float = 1.0


@dataclass(frozen=True)
class Finding:
    """One thing that was measured to be wrong.

    Args:
        what: which array or which call, such as ``"dX"`` or ``"forward"``.
        words: what is wrong with it, and where.
        numbers: what was measured.
    """

    what: str
    words: str
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What is known about a subject after the examination.

    Args:
        subject: its name.
        healthy: whether nothing is wrong, as far as could be seen.
        recognised: what the subject computes, in words; empty where that is not known.
        findings: what is wrong.
        diagnoses: the mistakes that explain it, the likeliest first; empty where unknown.
        alternatives: mistakes that cannot be told from the first one by any number here.
        notes: what is worth knowing, but no fault.
        examined: on what it was examined.
        traceback: the user's own lines, where their code raised.
        undecided: why neither can be said, such as ``"not enough seen to tell"``; else empty.

    Examples:
        >>> verdict = Verdict("Pool", healthy=True, recognised="mean pooling 2×2")
        >>> print(verdict)
        Pool: healthy. It computes mean pooling 2×2.
    """

    subject: str
    healthy: bool
    recognised: str = ""
    findings: tuple[Finding, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    alternatives: tuple[Diagnosis, ...] = ()
    notes: tuple[str, ...] = ()
    examined: str = ""
    traceback: str = ""
    undecided: str = ""

    @property
    def sick(self) -> bool:
        """Return whether something is known to be wrong."""
        return not self.healthy and not self.undecided

    @property
    def state(self) -> str:
        """Return the verdict in a few words."""
        return self.undecided or ("healthy" if self.healthy else "not right")

    @property
    def name(self) -> str:
        """Return the first diagnosis' id; empty where the mistake is unknown."""
        return self.diagnoses[0].id if self.diagnoses else ""

    def to_json(self) -> dict[str, Any]:
        """Return everything as dictionaries, lists, words and numbers."""
        return {"name": self.name, **asdict(self)}

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def _lines(verdict: Verdict) -> list[str]:
    lines = _wrapped(_headline(verdict))
    for diagnosis in verdict.diagnoses:
        lines += ["", *_diagnosis(diagnosis)]
    if verdict.alternatives:
        others = " Or: ".join(other.sentence for other in verdict.alternatives)
        lines += _wrapped(f"By its numbers it could also be this: {others}", "  ")
    lines += _section("What was measured:", [f"{f.what}: {f.words}" for f in verdict.findings])
    if verdict.traceback:
        lines += ["", "In your code:", *(f"  {line}" for line in verdict.traceback.splitlines())]
    lines += _section("Worth knowing:", list(verdict.notes))
    if verdict.examined:
        lines += ["", *_wrapped(f"Examined: {verdict.examined}")]
    return lines


def _headline(verdict: Verdict) -> str:
    what = f" It computes {verdict.recognised}." if verdict.recognised else ""
    unknown = ""
    if verdict.sick and not verdict.diagnoses:
        unknown = " The mistake has no name that I know; this is where it is."
    return f"{verdict.subject}: {verdict.state}.{what}{unknown}"


def _diagnosis(diagnosis: Diagnosis) -> list[str]:
    lines = _wrapped(diagnosis.sentence, "  ")
    for title, text in (
        ("why", diagnosis.mathematics),
        ("fix", diagnosis.fix),
        ("read", place_of(diagnosis.page)),
    ):
        if text:
            lines += _wrapped(text, " " * 10, first=f"    {title + ':':<6}")
    return lines


def place_of(page: str) -> str:
    """Return where a page is found, from another folder too, or without a clone around the package.

    Examples:
        >>> place_of("src/sixloops/layers/dense.py")
        'the module sixloops.layers.dense'
        >>> place_of("docs/no-such-page.md#there")
        'docs/no-such-page.md#there of the project'
    """
    if page.startswith("src/"):
        parts = PurePosixPath(page).relative_to("src").with_suffix("").parts
        return f"the module {'.'.join(parts)}"
    file, _, place = page.partition("#")
    if not page or Path(file).is_file():
        return page
    if (PROJECT / file).is_file():
        return f"{PROJECT / file}#{place}" if place else str(PROJECT / file)
    return f"{page} of the project"


def _section(title: str, entries: list[str]) -> list[str]:
    if not entries:
        return []
    lines = ["", title]
    for entry in entries:
        lines += _wrapped(entry, "    ", first="  - ")
    return lines


def _wrapped(text: str, indent: str = "", first: str | None = None) -> list[str]:
    start = indent if first is None else first
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=start,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
