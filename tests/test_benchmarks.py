"""The benchmarks work, compare the same networks, and the page holds what was recorded.

No test here judges a time.
"""

import doctest
import importlib
import importlib.util
import json
import shlex
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

ROOT = Path(__file__).parents[1]
OTHERS = {"pytorch": "torch", "jax": "jax", "keras": "tensorflow", "scikit_learn": "sklearn"}
COUNTS = """
import json
from benchmarks.networks import CASES
from benchmarks.peers.{peer} import parameter_count
print(json.dumps({{letter: parameter_count(CASES[letter]) for letter in "{letters}"}}))
"""


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)


def module(name):
    return importlib.import_module(f"benchmarks.{name}")


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """Let results and page be written into a temporary folder."""
    page = tmp_path / "docs" / "performance.md"
    page.parent.mkdir()
    page.write_text((ROOT / "docs" / "performance.md").read_text(encoding="utf-8"))
    monkeypatch.setattr(module("records"), "RESULTS", tmp_path / "results")
    monkeypatch.setattr(module("page"), "PAGE", page)
    return tmp_path


def has_pytorch():
    return importlib.util.find_spec("torch") is not None


def test_everything_works_in_its_short_form(elsewhere):
    recording = ["--write"] if has_pytorch() else []
    result = CliRunner().invoke(module("__main__").app, ["--short", *recording])
    assert result.exit_code == 0, result.output
    page = (elsewhere / "docs" / "performance.md").read_text(encoding="utf-8")
    headings = [line for line in result.output.splitlines() if line.startswith("## ")]
    assert len(headings) == len(module("page").MEASUREMENTS)
    if not recording:
        return
    for name in module("page").MEASUREMENTS:
        record = json.loads((elsewhere / "results" / f"{name}.json").read_text(encoding="utf-8"))
        assert record.keys() >= {"command", "machine", "versions", "peers", "threads", "rows"}
        assert module(name).section(record) in page
        if hasattr(module(name), "picture"):
            assert (elsewhere / "docs" / f"performance-{name}.png").stat().st_size > 10_000
    assert page.count("| reached |") + page.count("| aim reached |") + page.count("| not yet |") > 5


def test_what_is_recorded_is_of_whole_runs():
    """A short run shows only that the measuring works."""
    records = sorted((ROOT / "results" / "performance").glob("*.json"))
    assert records
    for path in records:
        words = shlex.split(json.loads(path.read_text(encoding="utf-8"))["command"])
        assert "--short" not in words, path.name


def test_the_page_is_what_was_recorded():
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert "| geometric mean of A, B, C | 64 |" in page
    assert module("page").updated(page) == page
    for name in module("page").recorded():
        if hasattr(module(name), "picture"):
            assert (ROOT / "docs" / f"performance-{name}.png").is_file()


def test_what_is_not_recorded_does_not_appear(elsewhere):
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    empty = module("page").updated(page)
    assert "<!-- training -->\n<!-- end of training -->" in empty
    assert "## Training steps" not in empty
    assert "PyTorch's time / ours" not in empty


def test_a_comparison_without_a_peer_is_not_recorded(monkeypatch, elsewhere):
    monkeypatch.setattr(module("training"), "installed", lambda short: ["ours"])
    arguments = ["training", "--short", "--write"]
    result = CliRunner().invoke(module("__main__").app, arguments)
    assert result.exit_code == 2
    assert "pip install torch" in result.output
    assert not (elsewhere / "results").exists()


def test_an_unknown_network_is_an_error():
    result = CliRunner().invoke(module("__main__").app, ["training", "--cases", "AX"])
    assert result.exit_code == 2
    assert "no network 'X', only ABCDRN" in result.output


@pytest.mark.parametrize("peer", OTHERS)
def test_a_peer_computes_the_same_networks(peer):
    if importlib.util.find_spec(OTHERS[peer]) is None:
        pytest.skip(f"{OTHERS[peer]} is not installed")
    cases, peers = module("networks").CASES, module("peers")
    able = {letter: case for letter, case in cases.items() if peers.able([peer], case)}
    program = COUNTS.format(peer=peer, letters="".join(able))
    # In a process of its own, as its warnings and threads are not this process's affair.
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    ours = {letter: module("peers.ours").parameter_count(case) for letter, case in able.items()}
    assert json.loads(result.stdout) == ours


def test_the_networks_shapes_are_ours():
    for case in module("networks").CASES.values():
        network = module("peers.ours").network(case)
        *_, (last, shape) = case.with_shapes()
        assert module("networks").output_shape(last, shape) == network.output_shape == (10,)


def test_needed_multiply_adds():
    product, cases = module("product"), module("networks").CASES
    # Two convolutions and two dense layers; behind pooling a quarter, no error to the images.
    forward = 20 * 24**2 * 25, 40 * 8**2 * 500, 640 * 100, 100 * 10
    backward = forward[0] // 4, 2 * forward[1] // 4, 2 * forward[2], 2 * forward[3]
    assert product.needed_multiply_adds(cases["B"]) == sum(forward) + sum(backward)
    for letter in "ABCDN":
        network = module("peers.ours").network(cases[letter])
        sums = sum(product._forward(*step) for step in cases[letter].with_shapes())
        assert sums == network.root.multiply_adds(network.input_shape)
    assert doctest.testmod(product).failed == 0


def test_the_ways_of_pooling_agree():
    random = np.random.default_rng(3)
    x, dy = random.random((2, 3, 6, 4)), random.random((2, 3, 3, 2))
    with ExitStack() as stack:
        ways = [way(x, dy, 1, stack) for way in module("pooling").WAYS.values()]
        (y, dx), *others = [(forward(), backward()) for forward, backward in ways]
        for other_y, other_dx in others:
            np.testing.assert_array_equal(other_y, y)
            np.testing.assert_array_equal(other_dx, dx)


def a_product():
    arguments = {"side": 8, "threads": 1}
    return module("turns").Work("benchmarks.peers.numpy_product", "product", arguments)


def is_stopped(process):
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells the state")
def test_a_worker_is_stopped_while_another_works():
    with module("turns").Worker(a_product()) as worker:
        assert worker.first() > 0
        # Until the signal has arrived.
        for _ in range(1000):
            if is_stopped(worker._process):
                break
        assert is_stopped(worker._process)
        assert worker.ask("how-often 0") == 1
        assert worker.ask("run 3") > 0
    assert worker._process.returncode == 0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak")
def test_a_workers_memory_is_its_own():
    ours = np.ones(50_000_000)
    with module("turns").Worker(a_product()) as worker:
        worker.first()
        assert 10 < worker.ask("memory") < ours.nbytes / 2**20 / 2


def test_a_worker_that_fails_says_which_it_was():
    turns = module("turns")
    work = turns.Work("benchmarks.peers.numpy_product", "quotient", {"threads": 1})
    with turns.Worker(work) as worker, pytest.raises(RuntimeError, match=r"quotient of .*numpy"):
        worker.first()


def test_in_turn_gives_quartiles_of_every_work():
    works = {"one": a_product(), "other": a_product()}
    times = module("turns").in_turn(works, 3, 0.0, scale=1e6)
    assert list(times) == ["one", "other"]
    for low, middle, high in times.values():
        assert 0 < low <= middle <= high
    assert module("turns").spread([3.0, 1.0, 2.0], 10.0) == [15.0, 20.0, 25.0]
    assert module("turns").spread([7.0]) == [7.0, 7.0, 7.0]


@pytest.mark.parametrize(
    ("required", "aim", "reached", "words"),
    [
        (6, 10, 5.9, "not yet"),
        (6, 10, 6.0, "reached"),
        (6, 10, 10.5, "aim reached"),
        (0.6, 0.3, 0.61, "not yet"),
        (0.6, 0.3, 0.4, "reached"),
        (0.6, 0.3, 0.3, "aim reached"),
        (30, 30, 12, "aim reached"),
        (3, 1.5, None, "not yet"),
    ],
)
def test_goals(required, aim, reached, words):
    goal = module("tables").Goal("it", required, aim, reached)
    assert goal.words() == words
    assert goal.cells()[-1] == words


def made_record(rows):
    peers = {"ours": "sixloops 1", "pytorch": "PyTorch 2", "jax": "JAX 3"}
    machine = {"processor": "abacus", "cores": 2}
    return {"command": "it", "machine": machine, "peers": peers, "threads": 2, "rows": rows}


def training_record():
    times = {"ours": [9.0, 10.0, 11.0], "jax": [1000.4, 2000.4, 3000.4]}
    rows = [
        {"case": case, "batch": 10, "microseconds": times | {"pytorch": [1.0, ratio * 10, 90.0]}}
        for case, ratio in {"A": 2.0, "B": 4.0, "C": 8.0, "D": 3.0, "R": 0.5}.items()
    ]
    return made_record([*rows, {"case": "N", "batch": 10, "microseconds": times}])


def test_the_table_of_training():
    section = module("training").section(training_record())
    line = "| B | 10 | 10.0 (9.00–11.0) | 40.0 (1.00–90.0) | 2,000 (1,000–3,000) | 4.00 |"
    assert line in section
    assert "| N | 10 | 10.0 (9.00–11.0) | – | 2,000 (1,000–3,000) | – |" in section
    assert "| geometric mean of A, B, C | 10 | | | | 4.00 |" in section


def test_the_goals_of_training():
    goals = module("training").goals(training_record())
    assert [goal.reached for goal in goals] == pytest.approx([4.0, 2.0, 3.0, 0.5])
    assert [goal.required for goal in goals] == [6, 2.2, 1.1, 1]


def test_the_picture_of_training_shows_the_ratios():
    figure = module("training").picture(training_record())
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights == pytest.approx([2.0, 4.0, 8.0, 3.0, 0.5])


def test_the_picture_of_growth_shows_the_times():
    times = {peer: [1.0, 2.0 + number, 9.0] for number, peer in enumerate(("ours", "pytorch"))}
    rows = [{"axis": axis, "value": 4, "milliseconds": times} for axis in ("batch", "depth")]
    record = made_record(rows)
    del record["peers"]["jax"]
    figure = module("growth").picture(record)
    assert [axes.get_title("left") for axes in figure.axes] == ["batch", "depth"]
    for axes in figure.axes:
        assert [list(line.get_xydata()[0]) for line in axes.lines] == [[4, 2.0], [4, 3.0]]


def test_growth_changes_one_thing_at_a_time():
    growth = module("growth")
    usual = growth.Size(threads=2)
    for axis, size in growth.sizes(threads=2):
        changed = {name for name in vars(size) if getattr(size, name) != getattr(usual, name)}
        assert changed <= {axis}
    assert {axis for axis, _ in growth.sizes(threads=2)} == set(vars(usual))


def test_seconds_to_an_accuracy():
    accuracy = module("accuracy")
    curve = [(1.0, 0.9), (2.0, 0.981), (3.0, 0.979), (4.0, 0.99)]
    assert accuracy.seconds_to(curve, 0.98) == 2.0
    assert accuracy.seconds_to(curve, 0.99) == 4.0
    assert accuracy.seconds_to(curve[:3], 0.99) is None
    record = {"rows": [{"curve": curve}, {"curve": curve[:3]}]}
    assert [goal.reached for goal in accuracy.goals(record)] == [2.0, None]


def test_the_share_of_the_product():
    product = module("product")
    rates = {product.PRODUCT: [90.0, 100.0, 110.0], product.TRAINING: [30.0, 40.0, 45.0]}
    record = made_record([{"threads": 2, "gigaflops": rates}])
    assert "| 2 | 100 (90.0–110) | 40.0 (30.0–45.0) | 40% |" in product.section(record)
    assert product.goals(record)[0].reached == pytest.approx(40)
