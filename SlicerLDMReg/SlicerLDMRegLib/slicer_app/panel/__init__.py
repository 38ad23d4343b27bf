"""The panel: each section is a file, :mod:`.widget` joins them.

A section is a class with ``__init__(ui, panel)``, ``setup()`` once, ``update()`` after any change,
and ``cleanup()``. Sections know the panel, see :class:`.widget.Panel`, but not each other.
"""
