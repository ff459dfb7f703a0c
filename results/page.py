"""Writes RESULTS.md, its pictures, and the findings in docs/answers/: ``make results``.

All of it comes from the records in ``results/recipes/``, one file for each run of
``sixloops reproduce NAME --out results/recipes/NAME``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from sixloops.recipes import RECIPES, Recipe
from sixloops.recipes.recipe import Experiment, Results
from sixloops.recipes.records import read_results, records
from sixloops.report.charts import Chart, plot_charts
from sixloops.report.style import save_figure

ROOT = Path(__file__).parents[1]
RECORDS = ROOT / "results" / "recipes"
PAGE = ROOT / "RESULTS.md"
ANSWERS = ROOT / "docs" / "answers"
PICTURES = ROOT / "docs" / "results"

HEAD = """# Results

What the posts and papers reported, and what came out here. Every figure in the tables is of a run
that happened; `results/recipes/` has its record, with versions, machine, seed, command and time,
and `make results` writes this page from the records. Where there are several seeds, the mean comes
first, and then the least and the largest. While most of them ran, the machine did other work too,
so their seconds tell the order of magnitude only; [performance](docs/performance.md) has what was
measured on a quiet machine.
"""


def page() -> str:
    """Return the whole page."""
    return HEAD + "".join(section(recipe) for recipe in recorded())


def recorded() -> list[Recipe]:
    """Return the recipes that have records."""
    return [recipe for recipe in RECIPES.values() if any(_folder(recipe).glob("*.json"))]


def section(recipe: Recipe) -> str:
    """Return one recipe's part of the page."""
    results = read_results(_folder(recipe), recipe)
    answer = ANSWERS / f"{recipe.name}.md"
    link = f" [The answer](docs/answers/{answer.name})." if answer.exists() else ""
    remarks = f"{recipe.remarks}\n\n" if recipe.remarks else ""
    table = findings(recipe, results)
    return (
        f"\n## {recipe.name}: {recipe.title}\n\n{recipe.source}. "
        f"`sixloops reproduce {recipe.name}`.{link}\n\n{_setup(recipe)}{table}\n"
        f"![{recipe.title}](docs/results/{recipe.name}.png)\n\n{remarks}{runs(recipe)}"
    )


def _setup(recipe: Recipe) -> str:
    return f"{recipe.setup}\n\n" if recipe.setup else ""


def findings(recipe: Recipe, results: Results) -> str:
    """Return the findings as a table."""
    rows = [(each.question, each.reported, each.found) for each in recipe.findings(results)]
    return _table(("", "in the source", "here"), rows)


def runs(recipe: Recipe) -> str:
    """Return which runs there were, as a table."""
    rows = [_run(recipe, experiment) for experiment in recipe.experiments]
    return _table(("part", "what", "seeds", "seconds a run", "machine"), rows)


def _run(recipe: Recipe, experiment: Experiment) -> tuple[str, ...]:
    read = [record for each, record in records(_folder(recipe), recipe) if each is experiment]
    if not read:
        return experiment.name, experiment.about, "not run yet", "–", "–"
    seconds = ", ".join(f"{record['seconds']:.0f}" for record in read)
    machines = {f"{m['processor']}, {m['cores']} cores" for m in (r["machine"] for r in read)}
    seeds = str(len(read))
    return experiment.name, experiment.about, seeds, seconds, "; ".join(sorted(machines))


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def answer(text: str) -> str:
    """Return an answer's text with the findings as they are recorded."""

    def marked(match: re.Match[str]) -> str:
        name = match[1]
        recipe = RECIPES.get(name)
        if recipe not in recorded():
            return f"<!-- findings of {name} -->\n<!-- end of findings -->"
        table = findings(recipe, read_results(_folder(recipe), recipe))
        picture = f"![{recipe.title}](../results/{name}.png)"
        begin, end = f"<!-- findings of {name} -->", "<!-- end of findings -->"
        return f"{begin}\n{_setup(recipe)}{table}\n{picture}\n{end}"

    pattern = r"(?s)<!-- findings of ([\w-]+) -->.*?<!-- end of findings -->"
    return re.sub(pattern, marked, text)


def digest(charts: Sequence[Chart]) -> str:
    """Return what tells these charts from all others; a picture keeps it."""
    return hashlib.sha256(repr(charts).encode()).hexdigest()


def _folder(recipe: Recipe) -> Path:
    return RECORDS / recipe.name


def write() -> None:
    """Write the page, the pictures and the answers."""
    PAGE.write_text(page(), encoding="utf-8")
    PICTURES.mkdir(parents=True, exist_ok=True)
    for recipe in recorded():
        charts = recipe.charts(read_results(_folder(recipe), recipe))
        figure = plot_charts(charts, recipe.name, recipe.title)
        save_figure(figure, PICTURES / f"{recipe.name}.png", digest(charts))
    for path in ANSWERS.glob("*.md"):
        path.write_text(answer(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write()
