"""Cohorts: many pairs, registered on this computer, on a cluster of Dask, or by SLURM.

A plan (:func:`make_plan`) names every pair; a run (:func:`run_cohort`) registers those that are
missing or changed; the report (:func:`write_report`) shows all of them. Each is a folder of the
cohort's (:class:`CohortFolder`) that is complete or absent, so a run can be ended at any time.

    >>> folder = CohortFolder(Path("study"))  # doctest: +SKIP
    >>> folder.prepare(share=False)  # doctest: +SKIP
    >>> plan = make_plan("pairs.csv", folder, {"model": "none"})  # doctest: +SKIP
    >>> run_cohort(plan, folder, Means(workers=2)).failed  # doctest: +SKIP
    0
    >>> write_report(folder).page  # doctest: +SKIP
    PosixPath('/data/study/report.html')

Processes are started anew, so a script that calls :func:`run_cohort` does it behind
``if __name__ == "__main__":``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from .folder import CohortFolder
    from .morphometry import Comparison, compare_groups
    from .plan import CohortPair, CohortPlan, make_plan
    from .report import CohortReport, write_report
    from .run import Means, run_cohort
    from .status import CohortStatus, status_of
    from .template import Template, TemplateStep, build_template
    from .totals import Totals

__all__ = [
    "CohortFolder",
    "CohortPair",
    "CohortPlan",
    "CohortReport",
    "CohortStatus",
    "Comparison",
    "Means",
    "Template",
    "TemplateStep",
    "Totals",
    "build_template",
    "compare_groups",
    "make_plan",
    "run_cohort",
    "status_of",
    "write_report",
]

__getattr__ = lazy_names(
    __name__,
    {
        "CohortFolder": "folder",
        "CohortPair": "plan",
        "CohortPlan": "plan",
        "CohortReport": "report",
        "Comparison": "morphometry",
        "CohortStatus": "status",
        "Means": "run",
        "Template": "template",
        "TemplateStep": "template",
        "Totals": "totals",
        "build_template": "template",
        "compare_groups": "morphometry",
        "make_plan": "plan",
        "run_cohort": "run",
        "status_of": "status",
        "write_report": "report",
    },
)
