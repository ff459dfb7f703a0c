"""sixloops: convolutional neural networks in Python, differentiated by hand.

Layers are in :mod:`sixloops.layers`, losses in :mod:`sixloops.losses`, and so on; what
nearly every program needs stands here too.
"""

from sixloops.data import Dataset, load_mnist
from sixloops.network import Network
from sixloops.report import plot_history, summary
from sixloops.training import evaluate, fit

__version__ = "0.1.0"

__all__ = [
    "Dataset",
    "Network",
    "__version__",
    "evaluate",
    "fit",
    "load_mnist",
    "plot_history",
    "summary",
]
