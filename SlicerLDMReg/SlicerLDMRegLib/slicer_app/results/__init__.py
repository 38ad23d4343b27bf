"""Results in the scene: their nodes, attributes and tables, and what is done with them later."""
