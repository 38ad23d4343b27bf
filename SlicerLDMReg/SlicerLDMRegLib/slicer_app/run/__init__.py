"""One registration of nodes: the choices, the plan, and the run in steps."""
