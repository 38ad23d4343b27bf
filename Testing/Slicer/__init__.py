"""The module in a given Slicer, compared with the host: ``make test-slicer SLICER=<executable>``.

``run`` starts a Slicer and the host, one after the other, on the same job (``job``): the self-tests
of the module and a visit of its panel (``scenario``). Both write what they saw, ``compare`` says
where they differ, ``page`` shows it. The scenario speaks to the host as it is, and to Slicer
through ``application``, which has the same methods.
"""
