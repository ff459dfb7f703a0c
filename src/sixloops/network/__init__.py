"""A network: layers, the parameters that they learn, and the state that they keep.

The layers say what is computed, ``parameters`` and ``state`` are plain
dictionaries of arrays with dotted names (``0.weight``). The network also knows
its loss, so that it can tell what its outputs mean, and the names of its classes.
"""

from sixloops.network.arrays import as_array
from sixloops.network.described import fitting
from sixloops.network.network import Network, from_description

__all__ = ["Network", "as_array", "fitting", "from_description"]
