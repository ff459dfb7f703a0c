"""Training: the loop, what happens beside it, and what it leaves behind."""

from sixloops.training.callbacks import (
    AfterEpoch,
    Callback,
    EarlyStopping,
    EvaluateEvery,
    HistoryFile,
)
from sixloops.training.checkpoint import Checkpoint
from sixloops.training.evaluate import evaluate
from sixloops.training.fit import fit
from sixloops.training.history import History
from sixloops.training.metrics import Evaluation, confusion_matrix, top_k_accuracy
from sixloops.training.run import Run, Settings

__all__ = [
    "AfterEpoch",
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "EvaluateEvery",
    "Evaluation",
    "History",
    "HistoryFile",
    "Run",
    "Settings",
    "confusion_matrix",
    "evaluate",
    "fit",
    "top_k_accuracy",
]
