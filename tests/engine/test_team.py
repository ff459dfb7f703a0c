"""The team: the same bits whoever does what, and nobody waits for ever."""

import os
import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest

from sixloops.engine import Plan
from sixloops.engine.kernels import team
from sixloops.engine.kernels.atomic import TELLS_CORES
from sixloops.engine.threads import Workers
from sixloops.layers import Conv2D, Dense, Flatten, Layer, MaxPool2D
from sixloops.network import Network


def network(extra=()):
    layers = [Conv2D(5, 3), MaxPool2D(2, activation="relu"), *extra, Flatten(), Dense(4)]
    return Network(layers, (1, 12, 11))


def batch(images=64, seed=0):
    random = np.random.default_rng(seed)
    return random.random((images, 1, 12, 11), dtype=np.float32), random.integers(0, 4, images)


def gradients(made, plan, images, labels):
    return b"".join(g.tobytes() for g in plan.step(images, labels).gradients.values())


@pytest.mark.parametrize("images", [1, 2, 10, 64, 130])
def test_the_bits_do_not_depend_on_the_number_of_threads(images):
    made, results = network(), []
    for threads in (1, 2, 4):
        with Plan(made, images, threads) as plan:
            results.append(gradients(made, plan, *batch(images)))
    assert results[0] == results[1] == results[2]


def test_workers_that_have_gone_to_sleep_are_woken_up():
    made = network()
    with Plan(made, 64, 3) as plan:
        first = gradients(made, plan, *batch())
        time.sleep(0.3)
        assert gradients(made, plan, *batch()) == first


def test_a_plan_can_be_entered_again():
    made = network()
    plan = Plan(made, 64, 2)
    results = []
    for _ in range(2):
        with plan:
            results.append(gradients(made, plan, *batch()))
    assert results[0] == results[1]
    assert not [t for t in threading.enumerate() if t.name.startswith("sixloops")]


def test_networks_that_train_in_threads_of_their_own_do_not_disturb_each_other():
    def work(seed, results):
        made = network()
        with Plan(made, 64, 2) as plan:
            results[seed] = [gradients(made, plan, *batch(seed=seed)) for _ in range(30)]

    alone, together = {}, {}
    for seed in range(3):
        work(seed, alone)
    threads = [threading.Thread(target=work, args=(seed, together)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert alone == together


@dataclass(frozen=True)
class Breaks(Layer):
    """A user's layer that fails when told to."""

    def forward(self, x, parameters, context):
        if context.state["broken"]:
            raise ValueError("the user's own")
        return x, lambda dy: (dy, {})

    def initial_state(self, input_shape, dtype):
        return {"broken": np.zeros((), bool)}


def test_an_error_in_a_users_layer_comes_out_and_the_next_step_is_right():
    made = network([Breaks()])
    with Plan(made, 64, 2) as plan:
        first = gradients(made, plan, *batch())
        made.state["2.broken"] = np.ones((), bool)
        with pytest.raises(ValueError, match="the user's own"):
            plan.step(*batch())
        made.state["2.broken"] = np.zeros((), bool)
        assert gradients(made, plan, *batch()) == first


def test_parameters_that_were_replaced_are_seen():
    made = network()
    images, labels = batch()
    with Plan(made, 64, 2) as plan:
        plan.step(images, labels)
        made.parameters["3.weight"] = np.zeros_like(made.parameters["3.weight"])
        made.parameters["3.bias"][:] = 0
        assert plan.step(images, labels).loss == pytest.approx(np.log(4))


@pytest.fixture
def one_core():
    """Keep this thread on one core, and return which."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    yield min(allowed)
    os.sched_setaffinity(0, allowed)


@pytest.mark.skipif(not TELLS_CORES, reason="only Linux tells on which core a thread runs")
@pytest.mark.parametrize(("further", "next_thing"), [(0, team.MOVE), (1, team.SLEEP)])
def test_a_worker_on_the_leaders_core_is_to_move(one_core, further, next_thing):
    control = np.zeros(team.size(2), np.int64)
    # One job, without phases, which is the one in so many after which a worker looks.
    control[team.SEEN], control[team.GENERATION] = team.GLANCE - 1, team.GLANCE
    control[team.CORES] = one_core + further
    assert team.take_part(control, 0) == next_thing
    assert control[team.CORES + team.LINE] == one_core


@pytest.mark.skipif(not TELLS_CORES, reason="only Linux lets a thread choose its cores")
def test_a_worker_moves_to_where_none_of_the_team_is(monkeypatch):
    chosen = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3, 5})
    monkeypatch.setattr(os, "sched_setaffinity", lambda process, cores: chosen.append(cores))
    workers = Workers(2)
    workers._control[[team.CORES, team.CORES + team.LINE]] = 3
    workers._leave_to_others(workers._control)
    assert chosen == [{0, 5}, {0, 3, 5}]
