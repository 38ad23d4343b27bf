"""Display of a result in slice and 3D views: images, grid, arrows, Jacobian map, folds."""
