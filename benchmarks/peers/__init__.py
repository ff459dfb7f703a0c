"""The libraries, one file each: the same networks, built by the usual means of each library.

A file has ``parameter_count(case)`` and, as far as the library is measured at it,

- ``training_step(case, batch, threads, open_until)``: forward, backward, plain SGD;
- ``prediction(case, images, threads, open_until)``: from images to probabilities;
- ``epoch(batch, images, threads, open_until)``: once over bytes, shuffled.

All but the first return a function without arguments, which is what is timed, and leave what
they open to ``open_until``, an ``ExitStack``.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions, version

from benchmarks.networks import Case

_WITH_BATCH_NORMALIZATION = frozenset({"normed conv", "block"})
_WITH_MAPS = _WITH_BATCH_NORMALIZATION | {"conv", "pool", "global mean"}


@dataclass(frozen=True)
class Peer:
    """A library.

    Args:
        name: what people call it.
        package: what is imported.
        lacks: the layers' words for which it has nothing to build them of.
        slow_to_compile: whether it is left out of the short form.
    """

    name: str
    package: str
    lacks: frozenset[str] = frozenset()
    slow_to_compile: bool = False


PEERS = {
    "ours": Peer("sixloops", "sixloops"),
    "pytorch": Peer("PyTorch", "torch"),
    "pytorch_compiled": Peer("PyTorch compiled", "torch", slow_to_compile=True),
    "jax": Peer("JAX", "jax", _WITH_BATCH_NORMALIZATION, slow_to_compile=True),
    "keras": Peer("Keras on TensorFlow", "tensorflow", slow_to_compile=True),
    "scikit_learn": Peer("scikit-learn", "sklearn", _WITH_MAPS, slow_to_compile=True),
}
"""By the name of the file here."""


def installed(short: bool = False) -> list[str]:
    """Return the peers that can be measured here; for the short form, only the quick ones."""
    return [
        name
        for name, peer in PEERS.items()
        if importlib.util.find_spec(peer.package) and not (short and peer.slow_to_compile)
    ]


def able(peers: list[str], case: Case) -> list[str]:
    """Return the peers that can build a network."""
    return [peer for peer in peers if not PEERS[peer].lacks & case.kinds()]


def with_versions(peers: list[str]) -> dict[str, str]:
    """Return what people call the peers, with their versions."""
    return {peer: f"{PEERS[peer].name} {_version(PEERS[peer].package)}" for peer in peers}


@cache
def _version(package: str) -> str:
    # A package that is installed for development is not in the list under its own name.
    return version(packages_distributions().get(package, [package])[0])
