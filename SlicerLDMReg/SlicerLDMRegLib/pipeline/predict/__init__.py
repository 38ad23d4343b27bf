"""Prediction of the deformation by a loaded network, on the lattice of its model."""
