"""LDMReg: registration of medical images with trained deep networks."""
