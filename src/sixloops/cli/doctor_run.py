"""``sixloops doctor run`` and ``sixloops doctor show``."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from sixloops.cli.choices import folder_of
from sixloops.cli.waiting import waiting
from sixloops.doctor.faults.runs import FAULTS, RunFault, healthy
from sixloops.doctor.layer.guard import LONGEST, Guard
from sixloops.doctor.loading import load_subject, loaded_for_now
from sixloops.doctor.run import Examination, examine
from sixloops.doctor.run.curves import sparkline
from sixloops.doctor.run.examine import NOT_RUN
from sixloops.doctor.run.picture import write_report
from sixloops.doctor.verdict import Verdict
from sixloops.errors import ConfigurationError, did_you_mean, wrong
from sixloops.files import check_writable

SICK, NOT_STARTED, UNDECIDED = 1, 2, 3
LOADING = 60.0


def run(
    where: Annotated[
        str,
        typer.Argument(
            metavar="FILE.py:make",
            help="A function in a file of yours that returns a Case or a Loop. The file is run.",
        ),
    ],
    experiments: Annotated[
        bool, typer.Option(help="Separate suspects by short runs from the same seed.")
    ] = True,
    prove: Annotated[bool, typer.Option(help="Repeat the run with the fix.")] = True,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=LONGEST, help="How long any one run may take.")
    ] = 600.0,
    out: Annotated[
        str | None, typer.Option(metavar="PATH", help="A folder for a report to look at.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Say why a training does not learn, and prove it.

    The exit code is 0 if the run is healthy, 1 if it is not, 2 if it could not be run, and 3 if
    neither can be told: not enough was seen, or it learns with gradients that are not its loss's.
    """
    folder = folder_of(out)
    if folder is not None:
        check_writable(folder)
    with loaded_for_now():
        make = load_subject(where, Guard(LOADING))
        if not callable(make):
            kind = type(make).__name__
            raise ConfigurationError(
                f"{where} must be a function that returns a Case or a Loop. Got {kind}."
            )
        errors = Console(stderr=True, highlight=False, soft_wrap=True)
        if errors.is_terminal:
            words = "It is run now, perhaps several times; what is found follows."
            errors.print(words, style="dim")
        found = examine(make, experiments=experiments, prove=prove, seconds=seconds)
    _say(json.dumps(found.to_json()) if as_json else str(found))
    if folder is not None:
        write_report(found, folder)
    raise typer.Exit(_code(found.verdict))


def _code(verdict: Verdict) -> int:
    if verdict.name == NOT_RUN:
        return NOT_STARTED
    return UNDECIDED if verdict.undecided else SICK if verdict.sick else 0


def show(
    fault: Annotated[
        str | None, typer.Argument(help="A fault's name; without one they are listed.")
    ] = None,
    network: Annotated[
        str | None, typer.Option(help="dense, lenet-mean, lenet-max or conv-bn.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of data, weights and order.")] = 1,
) -> None:
    """Show what a mistake looks like: how it is planted, its curve beside the healthy one."""
    if fault is None:
        for each in FAULTS.values():
            _say(f"{each.id:24} {each.title}")
        return
    if fault not in FAULTS:
        mend = "Without a name, 'sixloops doctor show' lists them."
        expected = f"be one of {len(FAULTS)} faults"
        mend += did_you_mean(fault, FAULTS)
        raise ConfigurationError(wrong("fault", "sixloops doctor show", expected, fault, mend))
    chosen = FAULTS[fault]
    place = network or chosen.networks[0]
    if place not in chosen.networks:
        expected = f"be one of {', '.join(chosen.networks)}"
        raise ConfigurationError(wrong("network", f"the fault {fault}", expected, place))
    with waiting(f"{place} is trained without the fault and with it"):
        shown = _shown(chosen, place, seed)
    _say(shown)


def _shown(fault: RunFault, network: str, seed: int) -> str:
    well = examine(lambda: healthy(network, seed=seed), prove=False)
    ill = examine(lambda: fault.plant(healthy(network, seed=seed)))
    return "\n".join(
        [
            f"{fault.title}. How it is planted here, in {network}:",
            "",
            fault.source(),
            *_curves("healthy", well),
            *_curves("with the fault", ill),
            "",
            str(ill),
        ]
    )


def _curves(name: str, found: Examination) -> list[str]:
    e, outcome = found.evidence, found.outcome
    if e is None or outcome is None:
        return [f"{name:15} could not be run"]
    high = 1.15 * (e.constant_loss or max(e.losses, default=1.0))
    return [
        f"{name:15} loss     {sparkline(e.losses, high)}",
        f"{'':15} accuracy {sparkline(e.hits, 1.0)}  {outcome.accuracy:.1%}",
    ]


def _say(words: str) -> None:
    Console(highlight=False, soft_wrap=True).print(Text(words))
