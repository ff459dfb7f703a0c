"""A report of an examination that a person can look at."""

from __future__ import annotations

import base64
import html
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.examine import Examination
from sixloops.files import write_bytes, write_text
from sixloops.report.style import (
    BLUE,
    GREEN,
    MUTED,
    ORANGE,
    RED,
    SMALL,
    dress,
    inches,
    new_figure,
    png,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (BLUE, ORANGE, GREEN, RED, MUTED, "#805ad5", "#b7791f", "#2c7a7b")
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>sixloops doctor</title>
<style>body {{ font-family: sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }}
pre {{ background: #f5f6f8; padding: 1rem; overflow-x: auto }} img {{ max-width: 100% }}</style>
</head><body><h1>{title}</h1><pre>{words}</pre>{picture}</body></html>
"""


def write_report(found: Examination, folder: str | os.PathLike[str]) -> Path:
    """Write a page that needs no other file, the picture in it, and the verdict as JSON.

    Args:
        found: the examination.
        folder: where ``report.html``, ``signals.png`` and ``verdict.json`` go; made if need be.

    Returns:
        The page's path.
    """
    place = Path(folder)
    verdict = found.verdict
    title = verdict.name if verdict.sick and verdict.name else verdict.state
    picture = ""
    if found.evidence is not None and found.evidence.losses:
        drawn = png(signals_figure(found.evidence, title))
        write_bytes(place / "signals.png", drawn)
        data = base64.b64encode(drawn).decode("ascii")
        picture = f'<img alt="signals over time" src="data:image/png;base64,{data}">'
    words = html.escape(str(found))
    page = PAGE.format(title=html.escape(f"The run: {title}"), words=words, picture=picture)
    write_text(place / "report.html", page)
    write_text(place / "verdict.json", json.dumps(found.to_json(), indent=1) + "\n")
    return place / "report.html"


def signals_figure(e: Evidence, name: str = "") -> Figure:
    """Draw the signals over time: loss, accuracy, layers' outputs, sizes of steps."""
    place = begins_at(e)
    where = f", from {place} on" if name and place else ""
    figure = new_figure(8.2, "What the doctor saw", f"{name}{where}")
    _loss(inches(figure, 0.8, 4.5, 5.0, 2.6), e)
    _accuracy(inches(figure, 6.8, 4.5, 4.9, 2.6), e)
    _layers(inches(figure, 0.8, 0.7, 5.0, 2.6), e)
    _updates(inches(figure, 6.8, 0.7, 4.9, 2.6), e)
    return figure


def begins_at(e: Evidence) -> str:
    """Return the first layer most of which is dead, saturated or constant; empty for none."""
    for name, seen in list(e.last_layers().items())[:-1]:
        if max(seen.dead, seen.saturated, float(seen.constant)) > 0.6:
            return name
    return ""


def _loss(axes: Axes, e: Evidence) -> None:
    losses = np.asarray(e.losses)
    shown = np.where(np.isfinite(losses), losses, np.nan)
    axes.plot(np.arange(1, len(shown) + 1), shown, color=BLUE, linewidth=1)
    if e.constant_loss is not None:
        words = f"says the same of every image: {e.constant_loss:.3f}"
        _level(axes, e.constant_loss, words, RED, "--")
    if np.isfinite(shown).any() and np.nanmax(shown) > 50 * max(float(np.nanmedian(shown)), 1e-9):
        axes.set_yscale("log")
    dress(axes, "Loss of each step", "step", "loss")


def _level(axes: Axes, value: float, words: str, colour: str, style: str) -> None:
    """Draw a level, named at the right, where fewer curves cross it than at the start."""
    axes.axhline(value, color=colour, linewidth=1, linestyle=style)
    look: dict[str, Any] = {"color": colour, "size": SMALL}
    ground: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.5}
    look |= {"ha": "right", "va": "bottom", "transform": axes.get_yaxis_transform()}
    axes.text(0.99, value, words, bbox=ground, **look)


def _accuracy(axes: Axes, e: Evidence) -> None:
    if e.hits:
        width = max(1, len(e.hits) // 40)
        smooth = np.convolve(e.hits, np.ones(width) / width, mode="valid")
        axes.plot(np.arange(len(smooth)) + width, smooth, color=BLUE, linewidth=1, label="training")
    held = [(r["step"], r["validation_accuracy"]) for r in e.epochs if "validation_accuracy" in r]
    held += [(x.step, x.accuracy) for x in e.evaluations if x.accuracy is not None]
    if held:
        axes.plot(
            *zip(*sorted(held), strict=True), color=ORANGE, marker="o", label="held-out images"
        )
    for value, words in ((e.probes.get("neighbours"), "nearest neighbour"), (e.chance, "a guess")):
        if value is not None:
            _level(axes, value, words, MUTED, ":")
    axes.set_ylim(0, 1.02)
    axes.set_xlim(0, 1.02 * max([*e.steps[-1:], *(step for step, _ in held), 1]))
    if e.hits or held:
        axes.legend(fontsize=SMALL, frameon=False)
    dress(axes, "Share of right answers", "step", "")


def _layers(axes: Axes, e: Evidence) -> None:
    for colour, (name, series) in zip(COLOURS, e.layers.items(), strict=False):
        steps = [max(s.step, 1) for s in series]
        idle = [max(s.dead, s.saturated, float(s.constant)) for s in series]
        axes.plot(steps, idle, color=colour, marker=".", linewidth=1, label=name)
    axes.set_ylim(-0.03, 1.03)
    if e.layers:
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter("")
        axes.legend(fontsize=SMALL, frameon=False)
    dress(axes, "Dead or saturated share of each layer", "step", "")


def _updates(axes: Axes, e: Evidence) -> None:
    drawn = False
    named = [(n, s) for n, s in e.parameters.items() if s and s[0].matrix]
    for colour, (name, series) in zip(COLOURS, named, strict=False):
        pairs = [(s.step, s.ratio) for s in series if s.ratio]
        if pairs:
            axes.plot(*zip(*pairs, strict=True), color=colour, marker=".", linewidth=1, label=name)
            drawn = True
    if drawn:
        axes.axhline(1e-3, color=MUTED, linewidth=1, linestyle=":")
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter("")
        axes.set_yscale("log")
        axes.legend(fontsize=SMALL, frameon=False)
    dress(axes, "‖Δw‖ / ‖w‖ of one step; about 10⁻³ is usual", "step", "")
