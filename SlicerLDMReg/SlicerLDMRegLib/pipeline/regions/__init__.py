"""Regions of the fixed image for models that are guided by text."""
