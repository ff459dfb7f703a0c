"""The rules of published tools, on the evidence that the doctor gathers anyway.

AutoTrainer (Zhang et al. 2021), DeepDiagnosis (Wardat et al. 2022) and Amazon SageMaker
Debugger, with their published thresholds. Each is asked only whether it alarms. Where a rule
leaves something open it is read so that it alarms less: a swing of the accuracy is a fall, and
ReLU's rules hold only where there is a ReLU.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sixloops.doctor.run.evidence import Evidence
from sixloops.doctor.run.signals import LayerSignals, ParameterSignals


def _gradients(e: Evidence) -> list[list[float]]:
    """Return the gradients' norms of the weights, a list a layer, in the layers' order."""
    found = [
        [s.gradient for s in series if s.gradient is not None]
        for name, series in e.parameters.items()
        if name.endswith("weight")
    ]
    return [norms for norms in found if norms]


def _rectified(e: Evidence) -> bool:
    return any(s.rectified for series in e.layers.values() for s in series)


def _still(e: Evidence) -> list[float]:
    """Return the share of zeros in each weight's last gradient."""
    found = []
    for series in e.parameters.values():
        shares = [s.still for s in series if s.matrix and s.still is not None]
        found += shares[-1:]
    return found


def autotrainer(e: Evidence) -> list[str]:
    """Return what AutoTrainer alarms at."""
    found, norms = [], _gradients(e)
    if e.broken:
        found.append("exploding gradient")
    for first, last in zip(norms[0], norms[-1], strict=False) if len(norms) > 1 else ():
        ratio = first / last if last else float("inf")
        if ratio < 1e-3 and first < 1e-4:
            found.append("vanishing gradient")
        if ratio > 70:
            found.append("exploding gradient")
    if _rectified(e) and any(share >= 0.7 for share in _still(e)):
        found.append("dying ReLU")
    accuracies = [r["accuracy"] for r in e.epochs if "accuracy" in r]
    swings = np.abs(np.diff(accuracies))
    falls = np.diff(accuracies) <= -0.03
    if len(accuracies) > 2 and falls.mean() >= 0.2:
        found.append("oscillating loss")
    if len(swings) and swings[-1] < 0.01 and accuracies[-1] < 0.6:
        found.append("slow convergence")
    if accuracies and accuracies[-1] < 0.6:
        found.append("not converging")
    return found


def deepdiagnosis(e: Evidence) -> list[str]:
    """Return what DeepDiagnosis alarms at."""
    found = [name for name, series in e.layers.items() for name in _of_layer(series)]
    found += [name for series in e.parameters.values() for name in _of_parameter(series)]
    if e.broken:
        found.append("numerical error")
    if len(e.epochs) > 1 and e.epochs[-1]["loss"] >= e.epochs[0]["loss"]:
        found.append("loss not decreasing")
    return found


def _of_layer(series: list[LayerSignals]) -> list[str]:
    found = []
    if any(s.rectified and s.zeros >= 0.7 for s in series):
        found.append("dead node")
    if any(s.far > 0.5 for s in series):
        found.append("saturated activation")
    if any(not 1e-5 <= s.spread**2 <= 10 for s in series):
        found.append("out of range")
    return found


def _of_parameter(series: list[ParameterSignals]) -> list[str]:
    found = []
    if any(s.pull is not None and s.pull < 1e-7 for s in series):
        found.append("vanishing gradient")
    # lr·‖g‖/‖w‖, which is ‖Δw‖/‖w‖ for plain gradient descent alone.
    ratios = [s.ratio / s.scale for s in series if s.matrix and s.ratio and s.scale]
    if any(not 1e-5 <= ratio <= 1e-1 for ratio in ratios):
        found.append("weights' change")
    return found


def sagemaker(e: Evidence) -> list[str]:
    """Return what SageMaker Debugger alarms at."""
    found = []
    if any(s.rectified and s.dead > 0.5 for s in e.last_layers().values()):
        found.append("dead ReLU")
    for name, series in e.parameters.items():
        for s in series:
            if s.pull is not None and s.pull < 1e-7:
                found.append("vanishing gradient")
            ratio = s.ratio
            if name.endswith("weight") and ratio is not None and not 1e-8 <= ratio <= 10:
                found.append("weight update ratio")
    losses = np.asarray(e.losses)
    if e.broken:
        found.append("exploding tensor")
    elif any(losses[i + 10] > losses[i] * (1 - 0.001) for i in range(0, len(losses) - 10, 10)):
        found.append("loss not decreasing")
    return found


TOOLS: dict[str, Callable[[Evidence], list[str]]] = {
    "AutoTrainer's rules": autotrainer,
    "DeepDiagnosis' rules": deepdiagnosis,
    "SageMaker Debugger's rules": sagemaker,
}
"""Each tool's rules by its name; what it alarms at, empty for nothing."""
