from __future__ import annotations

import json
import math
import pickle

import numpy as np
import pytest

from sixloops.descriptions import from_data, to_data
from sixloops.errors import ConfigurationError
from sixloops.schedules import (
    SCHEDULES,
    Clock,
    Constant,
    Cosine,
    Exponential,
    OneCycle,
    Piecewise,
    ReduceOnPlateau,
    Schedule,
    Step,
)

PER_EPOCH, EPOCHS = 5, 24
TOTAL = PER_EPOCH * EPOCHS
LOSSES = [2.0, 1.5, 1.2, 1.2, 1.25, 1.21, 1.1, 1.1, math.nan, 1.3, 1.1, 1.0]
LOSSES += [1.0 - 1e-6, 1.0, 1.0, 1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]

ALL = [
    Constant(),
    Step(3, decay=0.5),
    Piecewise(((2, 0.4), (5, 0.2), (8, 0.1), (12, 0.02))),
    Exponential(0.8),
    Cosine(final=0.1, warmup=0.2),
    OneCycle(),
    ReduceOnPlateau(patience=2),
]


def named(schedule: object) -> str:
    return repr(schedule)


def clock(step: int) -> Clock:
    epoch = step // PER_EPOCH
    return Clock(step, TOTAL, epoch, EPOCHS, tuple(LOSSES[:epoch]))


def factors(schedule: Schedule) -> list[float]:
    return [schedule.factor(clock(step)) for step in range(TOTAL)]


def of_torch(build, *, by_epoch: bool, monitored: bool = False) -> list[float]:
    """Return the factors that a scheduler of torch gives, the rate being 1."""
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = build(torch.optim.lr_scheduler, optimizer)
    found = []
    for step in range(TOTAL):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        epoch_ends = (step + 1) % PER_EPOCH == 0
        if monitored and epoch_ends:
            scheduler.step(LOSSES[step // PER_EPOCH])
        elif not monitored and (epoch_ends or not by_epoch) and step + 1 < TOTAL:
            scheduler.step()
    return found


def test_step_and_exponential_are_those_of_torch():
    expected = of_torch(lambda s, o: s.StepLR(o, 3, gamma=0.5), by_epoch=True)
    assert factors(Step(3, decay=0.5)) == pytest.approx(expected, rel=1e-12)
    expected = of_torch(lambda s, o: s.ExponentialLR(o, 0.8), by_epoch=True)
    assert factors(Exponential(0.8)) == pytest.approx(expected, rel=1e-12)


def test_cosine_is_that_of_torch():
    build = lambda s, o: s.CosineAnnealingLR(o, TOTAL, eta_min=0.1)  # noqa: E731
    assert factors(Cosine(final=0.1)) == pytest.approx(of_torch(build, by_epoch=False), rel=1e-9)


def test_one_cycle_is_that_of_torch():
    # torch puts the peak at step pct_start·total − 1, we put it at warmup·(total − 1).
    share = (0.3 * (TOTAL - 1) + 1) / TOTAL
    expected = of_torch(
        lambda s, o: s.OneCycleLR(
            o,
            1.0,
            TOTAL,
            pct_start=share,
            div_factor=25,
            final_div_factor=400,
            cycle_momentum=False,
        ),
        by_epoch=False,
    )
    assert factors(OneCycle()) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("patience", [0, 1, 2, 5])
def test_plateaus_are_those_of_torch(patience):
    expected = of_torch(
        lambda s, o: s.ReduceLROnPlateau(
            o,
            factor=0.5,
            patience=patience,
            threshold=1e-4,
            threshold_mode="abs",
            min_lr=0.1,
            eps=0,
        ),
        by_epoch=True,
        monitored=True,
    )
    ours = ReduceOnPlateau(patience, decay=0.5, minimum=0.1)
    assert factors(ours) == pytest.approx(expected, rel=1e-12)
    assert min(expected) < 1


def test_by_hand():
    assert set(factors(Constant())) == {1.0}
    assert factors(Step(10))[49:51] == [1.0, 0.1]
    assert factors(Exponential(0.5))[10] == 0.25
    table = factors(Piecewise(((1, 0.5), (3, 2.0))))
    assert table[::PER_EPOCH][:5] == [1.0, 0.5, 0.5, 2.0, 2.0]
    plateau = ReduceOnPlateau(patience=1, decay=0.5)

    def after(*losses):
        return plateau.factor(Clock(0, 1, len(losses), 9, losses))

    assert after() == after(1.0) == after(1.0, 1.0) == 1.0
    assert after(1.0, 1.0, 1.0) == 0.5
    assert after(1.0, 1.0, 1.0, 1.0) == 0.5
    assert after(1.0, 1.0, 1.0, 1.0, 1.0) == 0.25
    assert after(1.0, 1.0, 0.5, 0.6) == 1.0
    assert after(1.0, 0.99995, 0.9999) == 0.5, "too small an improvement counts as none"


def test_cosines_by_hand():
    def falling(share):
        return (1 + math.cos(math.pi * share)) / 2

    assert factors(Cosine()) == pytest.approx([falling(n / TOTAL) for n in range(TOTAL)])
    found, last = factors(OneCycle(warmup=0.25, start=0.1, final=0.01)), TOTAL - 1
    peak = 0.25 * last
    expected = [0.01 + 0.99 * falling((n - peak) / (last - peak)) for n in range(30, TOTAL)]
    assert found[30:] == pytest.approx(expected)


def test_lenets_rates_are_those_of_the_paper():
    rates = [0.0005 * factor for factor in factors(Piecewise())[::PER_EPOCH]]
    expected = [5e-4] * 2 + [2e-4] * 3 + [1e-4] * 3 + [5e-5] * 4 + [1e-5] * 12
    assert rates == pytest.approx(expected, rel=1e-12)


def test_cosine_warms_up_without_a_lost_step():
    found = factors(Cosine(warmup=0.2))
    warm = TOTAL // 5
    assert found[0] == pytest.approx(1 / (warm + 1))
    assert np.diff(found[: warm + 1]) == pytest.approx(1 / (warm + 1))
    assert found[warm] == 1.0
    assert (np.diff(found[warm:]) < 0).all()


def test_one_cycle_rises_once_and_falls_once():
    found = np.array(factors(OneCycle(warmup=0.25, start=0.1, final=0.01)))
    peak = int(found.argmax())
    assert peak == round(0.25 * (TOTAL - 1))
    assert found[0] == pytest.approx(0.1)
    assert found[-1] == pytest.approx(0.01)
    assert (np.diff(found[: peak + 1]) > 0).all()
    assert (np.diff(found[peak:]) < 0).all()


@pytest.mark.parametrize("schedule", ALL, ids=named)
def test_the_clock_alone_decides(schedule):
    """In any order, from a fresh copy, and again: the same bits."""
    in_order = factors(schedule)
    again = from_data(json.loads(json.dumps(to_data(schedule))), SCHEDULES.values())
    assert again == schedule
    for step in np.random.default_rng(0).permutation(TOTAL).tolist():
        assert again.factor(pickle.loads(pickle.dumps(clock(step)))) == in_order[step]  # noqa: S301


@pytest.mark.parametrize("schedule", ALL, ids=named)
@pytest.mark.parametrize("total", [1, 2, 3])
def test_the_shortest_runs_have_finite_factors(schedule, total):
    for step in range(total + 3):  # and beyond the end, where a run was made longer
        factor = schedule.factor(Clock(step, total, step, total, tuple([1.0] * step)))
        assert type(factor) is float
        assert 0 <= factor <= 1
    if total == 1:
        assert schedule.factor(Clock(0, 1, 0, 1)) > 0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Step(0), r"'every' of Step must be a whole number of at least 1\. Got 0"),
        (lambda: Step(1, decay=0), r"'decay' of Step must be a number above 0 and at most 1"),
        (lambda: Exponential(1.1), r"'decay' of Exponential must be .*at most 1\. Got 1\.1"),
        (lambda: Piecewise(()), r"'milestones' of Piecewise must be pairs \(epoch, factor\)"),
        (lambda: Piecewise("ab"), r"'milestones' of Piecewise must be pairs"),
        (lambda: Piecewise(3), r"'milestones' of Piecewise must be pairs"),
        (lambda: Piecewise(((1, 2, 3),)), r"'milestones' of Piecewise must be pairs"),
        (lambda: Piecewise(((1.5, 0.1),)), r"'milestones' of Piecewise must be pairs"),
        (lambda: Piecewise(((1, -0.1),)), r"'milestones' of Piecewise must be pairs"),
        (lambda: Piecewise(((3, 1), (3, 2))), r"'milestones' of Piecewise must have epochs that"),
        (lambda: Cosine(final=2), r"'final' of Cosine must be .*at least 0 and at most 1"),
        (lambda: Cosine(warmup=1), r"'warmup' of Cosine must be .*below 1"),
        (lambda: OneCycle(warmup=-0.1), r"'warmup' of OneCycle must be .* Got -0\.1"),
        (lambda: OneCycle(start=0), r"'start' of OneCycle must be a number above 0"),
        (lambda: OneCycle(final=None), r"'final' of OneCycle must be .* Got None"),
        (lambda: ReduceOnPlateau(-1), r"'patience' of ReduceOnPlateau must be a whole number"),
        (lambda: ReduceOnPlateau(decay=1), r"'decay' of ReduceOnPlateau must be .*below 1"),
        (lambda: ReduceOnPlateau(minimum_change=-1), r"'minimum_change' of ReduceOnPlateau must"),
        (lambda: ReduceOnPlateau(minimum=2), r"'minimum' of ReduceOnPlateau must be .*at most 1"),
    ],
)
def test_wrong_hyper_parameters_are_named(build, message):
    with pytest.raises(ConfigurationError, match=message):
        build()


def test_a_schedule_without_factor_says_so():
    with pytest.raises(NotImplementedError, match=r"Schedule must define factor"):
        Schedule().factor(clock(0))


def test_the_table_holds_all_of_them():
    """And each can be had by its name alone, as the command line does."""
    assert {type(kind()) for kind in SCHEDULES.values()} == {type(schedule) for schedule in ALL}
