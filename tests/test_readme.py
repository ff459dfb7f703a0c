"""The README's commands and programs, run as they stand there."""

import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands(program):
    lines = [
        line.partition("#")[0].strip() for block in blocks("bash") for line in block.splitlines()
    ]
    return [shlex.split(line)[1:] for line in lines if line.split()[:1] == [program]]


def test_the_programs_run(tmp_path):
    """All Python blocks form one program; a later one uses the names of an earlier one."""
    program = "\n".join(blocks("python"))
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    accuracy = float(re.search(r"accuracy ([\d.]+)%", result.stdout)[1])
    assert accuracy > 97
    validated = float(re.findall(r"([\d.]+)\s*%", result.stdout)[-1])
    said = float(re.search(r"for a first look: ([\d.]+) %", program)[1])
    assert validated == pytest.approx(said, abs=0.5)
    assert (tmp_path / "curves.png").stat().st_size > 10_000
    assert (tmp_path / "network.safetensors").is_file()


def test_the_commands_run(tmp_path):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    ran = [command for command in commands("sixloops") if command != ["train"]]
    assert len(ran) == 8
    for arguments in ran:
        result = subprocess.run(
            [sys.executable, "-m", "sixloops", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert result.returncode == 0, result.stderr
        for name, digit in {"docs/seven.png": "7", "docs/three.jpg": "3"}.items():
            if name in arguments:
                assert f"│ {digit} " in result.stdout


def test_make_knows_the_targets():
    targets = [arguments[0] for arguments in commands("make")]
    assert targets == ["train", "test"]
    for target in targets:
        command = ["make", "--dry-run", "--always-make", target]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def test_linked_files_exist():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_table_is_what_the_recorded_runs_reached():
    program = runpy.run_path(str(ROOT / "results" / "table.py"))
    assert program["table"]().count("sixloops train") >= 3
    assert program["updated"](README) == README
