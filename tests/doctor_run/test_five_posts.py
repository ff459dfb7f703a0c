"""The troubles of the five posts, planted as described: one command names each."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sixloops.cli import app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (.+?) \| `sixloops (doctor .+?)` \| “(.+?)” \|$", PAGE, flags=re.MULTILINE)

NAMES = {
    "post_316354.py:MaxPooling": "zero-gradient",
    "post_316354.py:make": "saturated",
    "post_276213.py:make": "inputs-not-scaled",
    "numpy_pooling.py:mean_forward,mean_backward": "mean-pool-not-divided",
    "numpy_pooling.py:max_forward,max_backward": "ties-all-win",
    "chained_passes.py:MeanPooling": "mean-pool-not-divided",
    "chained_passes.py:Convolution": "kernel-not-rotated",
    "java_question.py:MaxPooling": "max-pool-ones",
    "java_question.py:ReLU": "error-dropped",
}


def mended(words):
    """Return the command for the sound twin."""
    *before, where = words
    if before[-1] == "run":
        return [*before, where.replace(":make", ":mended")]
    if "," in where:
        forward, backward = where.split(",")
        return [*before, f"{forward},mended_{backward}"]
    return [*before, where, "--argument", "mended=True"]


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_the_page_lists_a_command_for_each_of_the_five():
    assert [words.split("/")[-1] for _, words, _ in ROWS] == list(NAMES)
    files = {words.split("/")[-1].partition(".py")[0] for _, words, _ in ROWS}
    assert files == {path.stem for path in (ROOT / "examples" / "doctor").glob("*.py")}
    assert all((ROOT / "docs" / link).is_file() for row in ROWS for link in links(row[0]))


def links(words):
    return re.findall(r"\]\((.+?)\)", words)


@pytest.mark.parametrize(("words", "says"), [row[1:] for row in ROWS])
def test_one_command_names_the_trouble(words, says):
    done = CliRunner().invoke(app, [*words.split(), "--json"])
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert found["name"] == NAMES[words.split("/")[-1]]
    assert says in found["diagnoses"][0]["sentence"]
    if words.startswith("doctor run"):
        assert found["proof"]["after"] > found["proof"]["before"] + 0.15


@pytest.mark.parametrize("words", [row[1] for row in ROWS])
def test_the_sound_twin_is_healthy(words):
    done = CliRunner().invoke(app, mended(words.split()))
    assert done.exit_code == 0
    assert "healthy" in done.stdout.splitlines()[0]
