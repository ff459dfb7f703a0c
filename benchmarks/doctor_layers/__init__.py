"""How well the doctor of layers does: planted faults, strangers' code, and our own layers."""
