"""What the doctor costs a training: runs with it and without, in turns."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from statistics import median, quantiles
from typing import Any

from benchmarks.records import Row
from sixloops.doctor.faults.runs import NETWORKS
from sixloops.doctor.faults.runs.cases import part
from sixloops.doctor.run import Doctor
from sixloops.network import Network
from sixloops.training import fit

SIZES = {"short": (1200, 5, 8), "medium": (12_000, 3, 2), "long": (60_000, 1, 1)}
"""Images and epochs of a run; and how many times the rounds, as short runs are noisier."""


def costs(rounds: int, only: str = "") -> Iterator[Row]:
    """Return for each network and size how much longer the training takes.

    Args:
        rounds: of a long run; at least 2.
        only: cases whose name has this in it.
    """
    for size, (images, epochs, times) in SIZES.items():
        for name, (layers, options) in NETWORKS.items():
            case = f"{name}, {size}"
            if only not in case:
                continue
            data, held = part("mnist", 3, images)
            given = {**options, "epochs": epochs, "threads": 1, "validation": held}
            _timed(layers, data, given, [Doctor()])
            found = [_round(layers, data, given) for _ in range(max(2, rounds * times))]
            yield {"case": case, **summary(found)}


def summary(rounds: list[tuple[float, float, float]]) -> Row:
    """Return medians and quartiles of rounds: seconds without, with, and the doctor's own.

    Examples:
        >>> found = summary([(1.0, 1.01, 0.005), (2.0, 2.06, 0.01), (1.0, 1.02, 0.005)])
        >>> round(found["cost"], 3), found["rounds"]
        (0.02, 3)
    """
    ratios = [watched / plain - 1 for plain, watched, _ in rounds]
    low, _, high = quantiles(ratios, n=4, method="inclusive")
    return {
        "seconds": median(plain for plain, _, _ in rounds),
        "cost": median(ratios),
        "low": low,
        "high": high,
        "own": median(own / plain for plain, _, own in rounds),
        "rounds": len(rounds),
    }


def _round(layers: Any, data: Any, options: Any) -> tuple[float, float, float]:
    """Train without, with, with and without, so that a machine that drifts favours neither."""
    doctors = [Doctor(), Doctor()]
    callbacks: list[list[Any]] = [[], [doctors[0]], [doctors[1]], []]
    first, *watched, last = [_timed(layers, data, options, given) for given in callbacks]
    return first + last, sum(watched), sum(doctor.seconds for doctor in doctors)


def _timed(layers: Any, data: Any, options: Any, callbacks: list[Any]) -> float:
    """Return the seconds of a training, the verdict at its end included."""
    network = Network(layers(), data.image_shape, seed=0)
    gc.collect()
    began = time.perf_counter()
    fit(network, data, callbacks=callbacks, **options)
    return time.perf_counter() - began
