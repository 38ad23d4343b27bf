"""The long proof: what goes wrong in space, on disks, in files and in time, tried in numbers.

Each module has a ``run`` that returns a table; the tests try a part of each.
"""
