"""Generated image pairs with labels and known deformations: no patient data, no licence."""
