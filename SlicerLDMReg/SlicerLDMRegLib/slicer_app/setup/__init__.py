"""Setup: the Python packages that are needed, their installation, and models to download."""
