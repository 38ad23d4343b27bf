"""Alignment before the deformation: given transform, centres of mass, shift, rigid, affine."""
