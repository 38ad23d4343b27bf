"""Generated image pairs with labels and known deformations, free of patient data."""
