"""``sixloops doctor layer`` as a user meets it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sixloops.cli import app
from sixloops.cli.layer_options import read_arguments, read_shape
from sixloops.errors import ConfigurationError, FileError, SixloopsError

FILE = """
import numpy as np

class MeanPool:
    def __init__(self, size=2):
        self.size = size

    def forward(self, x):
        n, c, h, w = x.shape
        k = self.size
        return x.reshape(n, c, h // k, k, w // k, k).mean(axis=(3, 5))

    def backward(self, dout):
        return dout.repeat(self.size, axis=2).repeat(self.size, axis=3)

def relu_forward(x):
    return np.maximum(x, 0), x

def relu_backward(dy, cache):
    return dy * (cache > 0)

def slow(x):
    while True:
        pass
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my_cnn.py"
    path.write_text(FILE)
    return path


def doctor(*arguments):
    return CliRunner().invoke(app, ["doctor", "layer", *map(str, arguments)])


def test_a_fault_is_named_and_the_exit_code_is_1(file):
    modules = set(sys.modules)
    result = doctor(f"{file}:MeanPool")
    assert result.exit_code == 1
    assert "4.000 times the true gradient everywhere" in result.stdout
    assert not any("my_cnn" in name for name in set(sys.modules) - modules)


def test_the_readme_shows_what_is_printed(file):
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert doctor(f"{file}:MeanPool").stdout.strip() in readme


def test_settings_and_input_reach_the_layer(file):
    result = doctor(f"{file}:MeanPool", "--argument", "size=3", "--input", "2,1,9,6", "--json")
    verdict = json.loads(result.stdout)
    assert verdict["name"] == "mean-pool-not-divided"
    assert "9.000" in verdict["diagnoses"][0]["sentence"]
    assert "(2, 1, 9, 6)" in verdict["examined"]


@pytest.mark.parametrize("names", ["relu_forward", "relu_forward,relu_backward"])
def test_functions_find_their_partner(file, names):
    result = doctor(f"{file}:{names}")
    assert result.exit_code == 0
    assert "relu_forward, relu_backward: healthy. It computes ReLU." in result.stdout


def test_the_installed_command_survives_an_endless_loop(file):
    command = [sys.executable, "-m", "sixloops", "doctor", "layer", f"{file}:slow"]
    result = subprocess.run(
        [*command, "--seconds", "0.2"], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 1
    assert "does not end" in result.stdout


def test_an_input_that_does_not_fit_is_no_sick_layer(tmp_path):
    path = tmp_path / "pool.py"
    path.write_text(
        "class Halves:\n"
        "    def forward(self, x):\n"
        "        n, c, h, w = x.shape\n"
        "        return x.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5))\n"
        "    def backward(self, dy):\n"
        "        return dy.repeat(2, axis=2).repeat(2, axis=3) / 4\n"
    )
    result = doctor(f"{path}:Halves", "--input", "2,3,7,7")
    assert result.exit_code == 2
    words = " ".join(result.stdout.split())
    assert "the input does not fit" in words
    assert "of shape (2, 3, 7, 7) that you said; of shape (2, 3, 8, 6) it takes one." in words
    assert doctor(f"{path}:Halves", "--input", "2,3,4,6").exit_code == 0
    result = doctor(f"{path}:Halves", "--input", "1,1,1,2,2")
    assert "must have one to four axes" in str(result.exception)


def test_what_cannot_be_examined_is_no_sick_layer(tmp_path):
    path = tmp_path / "loss.py"
    path.write_text(
        "import numpy as np\n\n"
        "class Softmax:\n"
        "    def forward(self, x):\n"
        "        e = np.exp(x - x.max(axis=1, keepdims=True))\n"
        "        self.p = e / e.sum(axis=1, keepdims=True)\n"
        "        return self.p\n\n"
        "    def backward(self, labels):\n"
        "        return self.p - labels\n"
    )
    result = doctor(f"{path}:Softmax", "--axes", "ND")
    assert result.exit_code == 2
    assert "Softmax: a loss that cannot be examined in this form." in result.stdout


def test_a_layer_may_import_what_lies_beside_it(tmp_path):
    (tmp_path / "lies_beside.py").write_text("factor = 2\n")
    path = tmp_path / "late.py"
    path.write_text(
        "def double_forward(x):\n    import lies_beside\n    return x * lies_beside.factor\n\n"
        "def double_backward(dy):\n    return dy * 2\n"
    )
    before = list(sys.path)
    result = doctor(f"{path}:double_forward")
    sys.modules.pop("lies_beside", None)
    assert result.exit_code == 0, result.stdout
    assert sys.path == before


PATIENT = """
import time

class Slow:
    def forward(self, x):
        time.sleep(0.05)
        self.mask = x > 0
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask

def stubborn(x):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
"""


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("Slow", 0, "Slow: healthy. It computes ReLU."),
        ("stubborn", 2, "stubborn took too long"),
    ],
)
def test_the_last_resort_is_for_a_single_call(tmp_path, name, code, words):
    path = tmp_path / "patient.py"
    path.write_text(PATIENT)
    program = (
        "import sixloops.cli.doctor as doctor; from sixloops.doctor.layer import watch; "
        "from sixloops.cli import main; doctor.LAST_RESORT = 0.5; watch.LAST_WORDS = 0.5; main()"
    )
    command = [sys.executable, "-c", program, "doctor", "layer", f"{path}:{name}"]
    result = subprocess.run(
        [*command, "--seconds", "0.5"], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == code, result.stderr
    assert words in result.stdout + result.stderr
    assert "Thread" not in result.stderr


@pytest.mark.parametrize("command", ["layer", "run"])
@pytest.mark.parametrize(
    ("source", "error", "line"),
    [
        ("import numpy as np\nx = 1 / 0\n", "ZeroDivisionError", "line 2, in <module>: x = 1 / 0"),
        ("def f(x:\n    pass\n", "SyntaxError", "line 1: def f(x:"),
        ("import no_such_module\n", "ModuleNotFoundError", "line 1, in <module>: import no_such"),
    ],
)
def test_a_file_that_cannot_be_run_is_no_sick_layer(tmp_path, command, source, error, line):
    path = tmp_path / "broken.py"
    path.write_text(source)
    result = CliRunner().invoke(app, ["doctor", command, f"{path}:f"])
    assert isinstance(result.exception, FileError)  # the command ends with 2
    words = str(result.exception)
    assert words.startswith(f"The file {path} cannot be run: {error}: ")
    assert words.splitlines()[1].startswith(f"  broken.py, {line}")
    assert "importlib" not in words
    assert not result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "must be named as"),
        (["nowhere.py:Layer"], "no file nowhere.py"),
        (["{file}:Layer"], "has no 'Layer'. It has MeanPool"),
        (["{file}:MeanPool", "--input", "2,x"], "--input must be"),
        (["{file}:MeanPool", "--argument", "size"], "NAME=VALUE"),
        (["{file}:MeanPool", "--axes", "QQ"], "'axes'"),
        (
            ["{file}:MeanPool", "--argument", "siz=3"],
            "MeanPool has no setting 'siz'; it has size. Did you mean 'size'?",
        ),
        (["{file}:relu_forward", "--argument", "siz=3"], "has no setting 'siz'"),
    ],
)
def test_bad_usage_is_one_error(file, arguments, message):
    result = doctor(*[argument.format(file=file) for argument in arguments])
    assert isinstance(result.exception, SixloopsError)
    assert message in str(result.exception)


def test_words_of_the_command_line():
    assert read_shape("2x3x8x6") == read_shape("2,3,8,6") == (2, 3, 8, 6)
    assert read_shape(None) is None
    assert read_arguments(["a=1", "b=[1, 2]", "c=max"]) == {"a": 1, "b": [1, 2], "c": "max"}
    with pytest.raises(ConfigurationError):
        read_shape("0,3")


@pytest.mark.parametrize("seconds", ["inf", "1e30", "-1", "nan", "much"])
def test_seconds_of_no_use_are_no_verdict(file, seconds):
    result = doctor(f"{file}:MeanPool", "--seconds", seconds)
    assert result.exit_code != 0
    assert "MeanPool" not in result.stdout
    assert result.exit_code == 2 or isinstance(result.exception, ConfigurationError)


def test_json_is_the_same_in_any_terminal(file):
    command = [sys.executable, "-m", "sixloops", "doctor", "layer", f"{file}:MeanPool", "--json"]
    environment = os.environ | {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    result = subprocess.run(command, capture_output=True, env=environment, timeout=240)
    plain = doctor(f"{file}:MeanPool", "--json").stdout
    assert json.loads(result.stdout.decode("ascii")) == json.loads(plain)
    assert not json.loads(plain)["recognised"].isascii()
