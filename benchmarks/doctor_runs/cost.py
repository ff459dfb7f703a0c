"""What the doctor costs a training: pairs of runs, with it and without."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks.records import Row
from sixloops.doctor.faults.runs import NETWORKS
from sixloops.doctor.faults.runs.cases import part
from sixloops.doctor.run import Doctor
from sixloops.network import Network
from sixloops.training import fit

SIZES = {"short": (1200, 5), "medium": (12_000, 3), "long": (60_000, 1)}
"""Images and epochs of a run."""


def costs(rounds: int) -> Iterator[Row]:
    """Return for each network and size how much longer the training takes, as the median."""
    for size, (images, epochs) in SIZES.items():
        for name, (layers, options) in NETWORKS.items():
            data, held = part("mnist", 3, images)
            given = {**options, "epochs": epochs, "threads": 1, "validation": held}
            _timed(layers, data, given, [])
            pairs = [_pair(layers, data, given, swap) for swap in _turns(rounds)]
            yield {
                "case": f"{name}, {size}",
                "seconds": median(plain for plain, _, _ in pairs),
                "cost": median(watched / plain - 1 for plain, watched, _ in pairs),
                "own": median(own / plain for plain, _, own in pairs),
            }


def _turns(rounds: int) -> list[bool]:
    return [bool(number % 2) for number in range(rounds)]


def _pair(layers: Any, data: Any, options: Any, swap: bool) -> tuple[float, float, float]:
    """Train once with the doctor and once without, in either order."""
    doctor = Doctor()
    callbacks: list[list[Any]] = [[doctor], []] if swap else [[], [doctor]]
    times = [_timed(layers, data, options, given) for given in callbacks]
    plain, watched = times[::-1] if swap else times
    return plain, watched, doctor.seconds


def _timed(layers: Any, data: Any, options: Any, callbacks: list[Any]) -> float:
    network = Network(layers(), data.image_shape, seed=0)
    began = time.perf_counter()
    fit(network, data, callbacks=callbacks, **options)
    return time.perf_counter() - began
