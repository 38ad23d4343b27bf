"""Run inside Slicer by ``--python-script``: the job that the variable LDMREG_TEST_JOB describes."""

import json
import os
import sys
from pathlib import Path

job = json.loads(os.environ["LDMREG_TEST_JOB"])
sys.path.insert(0, job["repository"])

from Testing.Slicer.application import GivenSlicer  # noqa: E402
from Testing.Slicer.job import run_job  # noqa: E402

if not run_job(GivenSlicer(), Path(job["output"]), Path(job["module"]), job["self_tests"]):
    raise SystemExit(1)
