"""Kernels: the loops of the layers, compiled. Each file is named after its layer."""
