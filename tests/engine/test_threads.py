"""Threads: limits that hold inside, and are restored outside."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from sixloops.engine import Plan, places_of
from sixloops.engine.kernels import team
from sixloops.engine.threads import Workers, available_threads
from sixloops.errors import ConfigurationError
from sixloops.layers import BatchNorm, Conv2D, Dense, Flatten, ReLU, Residual, Sequential
from sixloops.network import Network


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_blas_has_one_thread_inside_and_what_it_had_outside():
    with Workers(2):
        pass  # Numba loads SciPy's BLAS, too
    before = blas_threads()
    with Workers(2):
        assert set(blas_threads()) <= {1}
    assert blas_threads() == before


@pytest.mark.parametrize("threads", [0, -1, 1.5, 257, True])
def test_wrong_number_of_threads(threads):
    with pytest.raises(ConfigurationError, match="The 'threads' of a plan must be"):
        Workers(threads)


def test_default_is_what_the_process_may_use():
    assert Workers().threads == available_threads() >= 1


def test_of_very_many_processors_as_many_are_used_as_can_be(monkeypatch):
    monkeypatch.setattr("sixloops.engine.threads.available_threads", lambda: 384)
    assert Workers().threads == 256


def test_nested_chains_are_laid_flat_and_blocks_are_not():
    network = Network(
        [Sequential([ReLU(), Sequential([ReLU()])]), Residual([ReLU()]), Flatten(), Dense(2)],
        input_shape=(1, 2, 3),
    )
    places = places_of(network)
    assert [place.path for place in places] == ["0.0", "0.1.0", "1", "2", "3"]
    assert places[-1].input_shape == (6,)
    assert places[-1].name == "layer 3 (Dense)"


def test_evaluation_outputs_are_the_networks_own():
    network = Network([Flatten(), Dense(5), BatchNorm()], input_shape=(1, 4, 3))
    images = np.random.default_rng(0).random((70, 1, 4, 3), dtype=np.float32)
    with Plan(network, batch_size=16, threads=2) as plan:
        np.testing.assert_allclose(plan.outputs(images), network.forward(images), atol=1e-6)


@pytest.mark.parametrize("batch_size", [0, -3, 2.0, "8", True])
def test_wrong_batch_size(batch_size):
    network = Network([ReLU()], input_shape=(1, 2, 2))
    with pytest.raises(ConfigurationError, match="The 'batch_size' of a plan must be"):
        Plan(network, batch_size)


OUTSIDE = """
import numpy as np
from sixloops.engine import Plan
from sixloops.layers import Dense, Flatten
from sixloops.network import Network

images = np.random.default_rng(0).random((9, 1, 4, 3), dtype=np.float32)
network = Network([Flatten(), Dense(5)], input_shape=(1, 4, 3))
with Plan(network, batch_size=4, threads=2) as plan:
    inside = plan.predict(images)
    gradient = plan.step(images[:4], np.arange(4)).gradients["1.weight"].copy()
np.testing.assert_array_equal(plan.predict(images), inside)
with plan:
    np.testing.assert_array_equal(plan.predict(images), inside)
never = Plan(network, batch_size=4, threads=2)
np.testing.assert_array_equal(never.predict(images), inside)
np.testing.assert_array_equal(
    never.step(images[:4], np.arange(4)).gradients["1.weight"], gradient
)
"""


def test_a_plan_outside_a_with_block_gives_the_same_bits():
    """In a process of its own: helpers that are counted and not there are waited for for ever."""
    subprocess.run([sys.executable, "-c", OUTSIDE], check=True, timeout=120)


FORKED = """
import os
import numpy as np
from sixloops.engine import Plan
from sixloops.layers import Dense
from sixloops.network import Network

network = Network([Dense(3)], input_shape=(4,))
images = np.random.default_rng(1).random((40, 4), np.float32)
with Plan(network, batch_size=8, threads=2) as plan:
    outputs = plan.outputs(images)
    child = os.fork()
    same = np.array_equal(plan.outputs(images), outputs)
if not child:
    os._exit(0 if same else 1)
assert same and os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system forks no processes")
def test_a_process_forked_within_a_block_has_helpers_of_its_own():
    subprocess.run([sys.executable, "-c", FORKED], check=True, timeout=120)


LIMITED = """
import os
import numpy as np
from threadpoolctl import threadpool_info
from sixloops.engine import Plan
from sixloops.layers import Dense
from sixloops.network import Network

def blas():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

assert set(blas()) == {2}
with Plan(Network([Dense(3)], input_shape=(4,)), batch_size=8, threads=2) as plan:
    assert set(blas()) == {1}, blas()
    child = os.fork()
    plan.outputs(np.ones((3, 4), np.float32))
assert set(blas()) == {2}, blas()  # SciPy's, too, which Numba loads when it is first needed
if child:
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system forks no processes")
def test_blas_has_its_threads_back_in_a_forked_process_too():
    limits = os.environ | {"OPENBLAS_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-c", LIMITED], check=True, timeout=120, env=limits)


def test_a_block_inside_its_own_is_refused():
    with Plan(Network([Dense(3)], (4,)), batch_size=8, threads=2) as plan:
        outputs = plan.outputs(np.ones((3, 4), np.float32))
        with pytest.raises(ConfigurationError, match="must be left before"):
            plan.__enter__()
        np.testing.assert_array_equal(plan.outputs(np.ones((3, 4), np.float32)), outputs)


def images_and_network():
    images = np.random.default_rng(0).random((64, 1, 6, 5), np.float32)
    return images, Network([Conv2D(3, 3), Flatten(), Dense(5)], input_shape=(1, 6, 5))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("inside", [True, False])
def test_threads_of_the_users_may_share_a_plan(threads, inside):
    images = np.random.default_rng(0).random((200, 1, 28, 28), np.float32)
    network = Network([Conv2D(20, 5, activation="relu"), Flatten(), Dense(10)], (1, 28, 28))
    plan = Plan(network, batch_size=1, threads=threads)
    right = np.concatenate([plan.predict(image[None]) for image in images])
    found = np.zeros_like(right)

    def answer(numbers):
        for number in numbers:
            found[number] = plan.predict(images[number : number + 1])[0]

    with plan if inside else nullcontext(), ThreadPoolExecutor(4) as pool:
        some = np.array_split(np.arange(len(images)), 4)
        assert [*pool.map(answer, some)] == [None] * 4
    np.testing.assert_array_equal(found, right)


def test_plans_that_overlap_give_blas_its_threads_back():
    before = blas_threads()
    _, network = images_and_network()
    first, second = (Plan(network, batch_size=1, threads=1) for _ in range(2))
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    second.__exit__(None, None, None)  # once too often
    assert blas_threads()[: len(before)] == before


@pytest.mark.parametrize("where", ["begin", "take_part"])
@pytest.mark.parametrize("inside", [True, False])
def test_after_an_interrupt_a_plan_answers_as_before(monkeypatch, where, inside):
    """Ctrl-C comes right behind a job's announcement, and before the leader takes part in it."""
    images, network = images_and_network()
    plan = Plan(network, batch_size=32, threads=2)
    with plan if inside else nullcontext():
        right = plan.predict(images)
        time.sleep(0.1)  # the helper sleeps
        real, interrupts = getattr(team, where), [True]

        def interrupted(control, *given):
            if where == "begin":
                real(control, *given)
            leads = where == "begin" or given == (team.LEADER,)
            if leads and interrupts and control[team.GENERATION]:
                interrupts.clear()
                raise KeyboardInterrupt
            return None if where == "begin" else real(control, *given)

        monkeypatch.setattr(team, where, interrupted)
        with pytest.raises(KeyboardInterrupt):
            plan.predict(images)
        monkeypatch.undo()
        for _ in range(3):
            np.testing.assert_array_equal(plan.predict(images), right)
