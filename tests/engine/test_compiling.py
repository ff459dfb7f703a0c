"""The cache of compiled kernels: shared by processes, told of, and done without."""

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from numba.core.codegen import get_host_cpu_features

from sixloops.engine import Plan, told_of_compilations
from sixloops.engine.kernels import compiling
from sixloops.layers import Dense
from sixloops.network import Network

STEP = """
import numpy as np
from sixloops.engine import Plan, told_of_compilations
from sixloops.layers import Dense
from sixloops.network import Network

told = []
with told_of_compilations(told.append):
    with Plan(Network([Dense(2)], (3,)), 4, 2) as plan:
        step = plan.step(np.ones((4, 3)), np.array([0, 1, 0, 1]))
print(f"{step.loss:.6f}", *sorted(set(told)))
"""


def start(program, **environment):
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.Popen(
        command,
        env=os.environ | {key: str(value) for key, value in environment.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process):
    out, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    return out.split()


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Return a cache that three processes have filled together, and what they said."""
    folder = tmp_path_factory.mktemp("kernels")
    processes = [start(STEP, NUMBA_CACHE_DIR=folder) for _ in range(3)]
    return folder, [said(process) for process in processes]


def test_processes_that_start_at_once_on_an_empty_cache_get_the_same_result(filled):
    _, answers = filled
    assert len({loss for loss, *_ in answers}) == 1


def test_what_is_compiled_is_told_once_and_then_is_in_the_cache(filled):
    folder, answers = filled
    assert any({"dense", "softmax_cross_entropy", "team"} <= set(told) for _, *told in answers)
    loss, *told = said(start(STEP, NUMBA_CACHE_DIR=folder))
    assert loss == answers[0][0]
    assert told == []


def test_a_home_that_cannot_be_written_to(filled, tmp_path):
    folder, answers = filled
    # A file where the folder should be stops even those who may write anywhere.
    (tmp_path / "file").write_text("")
    shutil.copytree(folder, tmp_path / f"sixloops-{os.getuid()}")
    loss, *told = said(start(STEP, NUMBA_CACHE_DIR=tmp_path / "file" / "kernels", TMPDIR=tmp_path))
    assert loss == answers[0][0]
    assert told == []  # found in the temporary folder


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="the system has no owners by number")
def test_a_temporary_folder_that_others_may_write_to_is_not_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own = compiling._temporary_folder()
    assert own == tmp_path / f"sixloops-{os.getuid()}"
    assert compiling._temporary_folder() == own
    own.chmod(0o777)
    fresh = compiling._temporary_folder()
    assert fresh != own
    assert fresh.stat().st_mode & 0o077 == 0
    own.rmdir()
    own.symlink_to(fresh)
    assert compiling._temporary_folder() not in (own, fresh)


def test_nobody_is_told_after_the_block():
    told = []
    with told_of_compilations(told.append):
        pass
    with Plan(Network([Dense(2)], (3,), dtype="float64"), 4, 1) as plan:
        plan.prepare()
    compiling.tell_of_compilation(f"{compiling.PACKAGE}.dense")
    assert told == []


TRAINING = """
import numpy as np
from sixloops.data import Dataset
from sixloops.engine.kernels.processor import REGISTER_BITS
from sixloops.layers import *
from sixloops.network import Network
from sixloops.optimizers import Adam
from sixloops.training import fit

numbers = np.random.default_rng(1)
images = numbers.normal(size=(40, 2, 15, 14)).astype(DTYPE)
network = Network(LAYERS, (2, 15, 14), dtype=DTYPE, seed=1)
fit(network, Dataset(images, numbers.integers(0, 3, 40)), epochs=3, batch_size=16, optimizer=Adam())
print(REGISTER_BITS, *[parameter.tobytes().hex() for parameter in network.parameters.values()])
"""

SINGLE_PRECISION = """[
    Conv2D(70, 3), ReLU(), MaxPool2D(2), Conv2D(9, 2), MaxPool2D(2), Conv2D(6, 2, padding=1),
    BatchNorm(), Tanh(), Flatten(), Dense(70), Dense(12), Dense(3),
]"""

DOUBLE_PRECISION = """[
    Conv2D(20, 3, padding=1, groups=2), MaxPool2D(3, 2), Conv2D(12, 2), MeanPool2D(3, 2),
    Flatten(), Dense(12), Sigmoid(), Dense(3),
]"""


def trained(layers, dtype, environment):
    """Return the bits of a register and the parameters, trained in another process."""
    program = TRAINING.replace("LAYERS", layers).replace("DTYPE", repr(dtype))
    bits, *parameters = said(start(program, **environment))
    return int(bits), parameters


@pytest.mark.parametrize(
    ("layers", "dtype"), [(SINGLE_PRECISION, "float32"), (DOUBLE_PRECISION, "float64")]
)
def test_the_bits_depend_on_neither_the_processor_nor_the_cache(layers, dtype, tmp_path):
    plain = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": tmp_path}
    (plain_bits, compiled), (_, cached) = (trained(layers, dtype, plain) for _ in range(2))
    _, here = trained(layers, dtype, {})
    assert plain_bits == 128
    assert compiled == cached == here


def test_the_bits_are_the_same_without_the_widest_registers(tmp_path):
    without = get_host_cpu_features().replace("+avx512", "-avx512")
    narrower = {"NUMBA_CPU_FEATURES": without, "NUMBA_CACHE_DIR": tmp_path}
    bits, parameters = trained(SINGLE_PRECISION, "float32", narrower)
    assert bits <= 256
    assert parameters == trained(SINGLE_PRECISION, "float32", {})[1]


def kernels_used_by(module):
    """Return the files of a kernel's module and of those that it imports, in whatever form."""
    path = Path(compiling.__file__).with_name(f"{module}.py")
    used = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == compiling.PACKAGE:
            used |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and f"{node.module}".startswith(compiling.PACKAGE):
            used.add(node.module.rpartition(".")[2])
        elif isinstance(node, ast.Import):
            assert not any(alias.name.startswith(compiling.PACKAGE) for alias in node.names)
    return {str(path)}.union(*(kernels_used_by(name) for name in used))


@pytest.mark.parametrize(
    "module", sorted(path.stem for path in Path(compiling.__file__).parent.glob("[a-z]*.py"))
)
def test_kept_code_is_of_all_sources_that_it_was_compiled_from(module):
    assert compiling._sources(module) == kernels_used_by(module)


def test_code_for_other_processors_is_kept_elsewhere():
    tell = (
        "from sixloops.engine.kernels import compiling; print(compiling._folder(compiling._folder))"
    )
    others = {"NUMBA_CPU_NAME": "generic"}, {"NUMBA_CPU_FEATURES": ""}
    (here,), *folders = (said(start(tell, **each)) for each in ({}, *others))
    assert len({here, *(folder for (folder,) in folders)}) == 3


SIDE_BY_SIDE = """
import numpy as np
from sixloops.engine import told_of_compilations
from sixloops.engine.kernels import activations, dense, sums
from sixloops.engine.kernels.precompiling import compile_side_by_side

needed, dtype, told = [sums.clear, sums.add_rows, sums.add_parts] * 2, np.dtype("float32"), []
needed += [dense.sum_rows, activations.activate, activations.differentiate]
with told_of_compilations(told.append):
    compile_side_by_side(needed, dtype, 2)
assert all(each.is_kept(dtype) for each in needed)
print(*(name for each in needed for name in each._compiled), "told", *told)
"""


def test_what_is_missing_is_compiled_by_other_processes(tmp_path):
    here, *told = said(start(SIDE_BY_SIDE, NUMBA_CACHE_DIR=tmp_path))
    assert here == "told"
    assert sorted(told) == ["activations", "activations", "dense", "sums", "sums", "sums"]
    assert said(start(SIDE_BY_SIDE, NUMBA_CACHE_DIR=tmp_path)) == ["told"]


def test_other_processes_that_fail_do_not_matter(tmp_path):
    for executable in ("", "/no/python", sys.executable + "x"):
        cache = tmp_path / executable.replace("/", "_")
        no_python = f"import sys; sys.executable = {executable!r}" + SIDE_BY_SIDE
        process = start(no_python.replace("assert all", "assert not any"), NUMBA_CACHE_DIR=cache)
        assert said(process)[0] == "told"


def test_a_user_without_a_home(tmp_path, monkeypatch):
    def unknown():
        raise RuntimeError("Could not determine home directory.")

    for name in ("XDG_CACHE_HOME", "NUMBA_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(compiling.Path, "home", unknown)
    assert compiling._base_folder().parent == tmp_path
