"""Run by a Python that has the host: the job that the variable LDMREG_TEST_JOB describes."""

import json
import os
import sys
from pathlib import Path

job = json.loads(os.environ["LDMREG_TEST_JOB"])
sys.path[:0] = [job["module"], job["repository"]]

from Testing.Host import SlicerHost  # noqa: E402
from Testing.Slicer.absent import hide_packages  # noqa: E402
from Testing.Slicer.job import run_job  # noqa: E402

hide_packages(job["lacks"])
host = SlicerHost()
host.load_module(Path(job["module"]) / "SlicerLDMReg.py")
with host.testing():
    passed = run_job(host, Path(job["output"]), Path(job["module"]), job["self_tests"])
if host.errors or not passed:
    raise SystemExit("\n".join(host.errors) or 1)
