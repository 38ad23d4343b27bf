"""Imports of a new process: no more than it needs, wherever more is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import SlicerLDMRegLib

pytestmark = pytest.mark.slow

LIBRARY = Path(SlicerLDMRegLib.__file__).parents[1]

# What MONAI imports where it is installed, and nothing here needs before results are drawn.
NAMES = """
    bs4 clearml cucim cv2 gdown h5py huggingface_hub ignite itk jinja2 lmdb lpips matplotlib mlflow
    nibabel ninja nni onnx onnxruntime openslide optuna pandas PIL psutil pydicom pynrrd requests
    skimage sklearn tensorboard tensorboardX tifffile torchvision transformers zarr
"""
OPTIONAL = frozenset(NAMES.split())


def imported_by(code: str) -> tuple[list[set[str]], list[Any]]:
    """Run code in a new Python.

    Returns:
        The packages that were imported at each call of ``look()``, and what ``say(...)`` was given.
    """
    start = """
    import json, sys
    def look():
        print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
    def say(thing):
        print(json.dumps({"said": thing}))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(start) + textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": str(LIBRARY)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line[:1] in "[{"]
    packages = [set(line) for line in lines if isinstance(line, list)]
    return packages, [line["said"] for line in lines if isinstance(line, dict)]


def test_the_cardiac_network_runs_without_optional_packages() -> None:
    code = """
    import torch
    before = len(sys.modules)
    from SlicerLDMRegLib import find_model, load_network
    network = load_network(find_model("ldm-morph-cardiac-mr", "registration"))
    with torch.inference_mode():
        network(torch.zeros(1, 1, 64, 64), torch.zeros(1, 1, 64, 64))
    look()
    say(len(sys.modules) - before)
    # MONAI, and what it uses, are as they would be without us for all who come later.
    from monai.transforms import Compose, ScaleIntensity
    from monai.losses import PerceptualLoss
    from monai.networks.nets import DiffusionModelUNet
    import monai, pandas, transformers
    scaled = Compose([ScaleIntensity()])(torch.arange(4.0))
    say([
        [float(value) for value in scaled],
        any(isinstance(module, DiffusionModelUNet) for module in network.modules()),
        PerceptualLoss.__module__,
        monai.data.utils.DataFrame is pandas.DataFrame,
        transformers.PretrainedConfig(num_labels=3).num_labels,
    ])
    look()
    """
    for name in ("pandas", "transformers"):
        pytest.importorskip(name)
    (alone, later), (modules, answers) = imported_by(code)
    assert "monai" in alone and not alone & OPTIONAL
    # All of MONAI brings about 2000 modules more.
    assert modules < 400
    expected = [0, 1 / 3, 2 / 3, 1]
    assert answers[0] == pytest.approx(expected)
    assert answers[1:] == [True, "monai.losses.perceptual", True, 3]
    assert {"pandas", "matplotlib", "transformers"} <= later


REGISTER = """
from SlicerLDMRegLib import register, sample_data_dir
sample = sample_data_dir()
pair = [sample / f"cardiac_{name}.nrrd" for name in ("fixed", "moving")]
labels = {f"{name}_labels": sample / f"cardiac_{name}_labels.nrrd" for name in ("fixed", "moving")}
"""


def test_a_registration_draws_nothing_before_it_is_saved(tmp_path: Path) -> None:
    code = f"""
    from SlicerLDMRegLib.report import judge
    look()
    {{REGISTER}}
    result = register(*pair, model="none", align="center")
    say(judge(result.metrics).headline)
    look()
    result = register(*pair, model="ldm-morph-cardiac-mr", refine=False, **labels)
    say(judge(result.metrics).headline)
    say(result.metrics["after"]["hd95_mean"])
    look()
    result.save({str(tmp_path / "results")!r})
    look()
    """
    code = textwrap.dedent(code).replace("{REGISTER}", REGISTER)
    packages, said = imported_by(code)
    report, plain, full, saved = packages
    assert not report & {"torch", "monai", "scipy", *OPTIONAL}
    assert not plain & {"monai", "scipy", *OPTIONAL}
    assert "monai" in full and not full & {"scipy", *OPTIONAL}
    # Pictures of slices need the fonts of matplotlib, not its code.
    assert {"PIL", "jinja2"} < saved and "matplotlib" not in saved
    assert all(said)


def test_the_optimisers_do_without_the_compiler() -> None:
    """The compiler of PyTorch takes longer to import than a slice takes to register."""
    code = """
    {REGISTER}
    register(*pair, model="none", align="affine")
    say(bool({"sympy", "torch._dynamo"} & set(sys.modules)))
    import torch
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])
    say("torch._dynamo" in sys.modules)
    """
    _, said = imported_by(textwrap.dedent(code).replace("{REGISTER}", REGISTER))
    assert said == [False, True]  # with the second the test can tell


def test_the_worker_draws_nothing() -> None:
    code = """
    from SlicerLDMRegLib.worker import server, transfer
    from SlicerLDMRegLib.pipeline import RegistrationRequest, Runner
    runner = Runner()
    say(runner.load("ldm-morph-cardiac-mr"))
    {REGISTER}
    options = {name: str(path) for name, path in labels.items()}
    request = RegistrationRequest(*map(str, pair), model="ldm-morph-cardiac-mr", **options)
    say(runner.run(request).metrics["after"]["dice_mean"])
    look()
    """
    (packages,), (model, dice) = imported_by(textwrap.dedent(code).replace("{REGISTER}", REGISTER))
    assert model == "ldm-morph-cardiac-mr" and dice > 0.8
    assert "torch" in packages and not packages & OPTIONAL
