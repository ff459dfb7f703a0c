"""What a person sees while the kernels are compiled, which happens once on a machine."""

from __future__ import annotations

from rich.console import Console

from sixloops.engine import Plan, told_of_compilations
from sixloops.network import Network

WORDS = "Compiling kernels for this machine: up to a minute. Later runs begin at once."


def compile_kernels(
    network: Network, batch_size: int, console: Console, *, training: bool = True
) -> None:
    """Compile what a network needs, and say so; say nothing where the cache has it all.

    Args:
        network: the network.
        batch_size: of the plan that will be used.
        console: for one line that stays, and on a terminal another that names the kernels.
        training: whether kernels for training are needed, or those for outputs alone.
    """
    status = console.status("")
    said: list[str] = []

    def tell(kernels: str) -> None:
        if not said:
            console.print(WORDS)
            status.start()
        said.append(kernels)
        status.update(f"Compiling: {kernels.replace('_', ' ')}")

    try:
        with told_of_compilations(tell), Plan(network, batch_size, threads=1) as plan:
            plan.prepare(training)
    finally:
        status.stop()
