"""Refinement: a stationary velocity field fitted to one pair of images, without folds."""
