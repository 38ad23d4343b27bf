"""Fixtures of the training tests: brain label maps made of balls at known places."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicerLDMRegLib.geometry import ImageGeometry

# number -> (centre in LPS mm, radius in mm); the right structures are mirror images.
_LEFT = {
    **{3: ((45, 5, 25), 17), 2: ((33, 0, 36), 18), 8: ((24, 46, -34), 15), 7: ((18, 34, -26), 9)},
    **{10: ((11, 8, 4), 8), 11: ((13, -16, 12), 8), 12: ((26, -8, 2), 8), 13: ((19, -2, -8), 6)},
    **{17: ((28, 12, -18), 8), 18: ((24, -8, -24), 7), 26: ((9, -24, -8), 6), 28: ((9, 8, -12), 6)},
    **{4: ((13, 22, 17), 8)},
}
_RIGHT = {2: 41, 3: 42, 4: 43, 7: 46, 8: 47, 10: 49, 11: 50, 12: 51, 13: 52, 17: 53, 18: 54}
_RIGHT |= {26: 58, 28: 60}
_BALLS = {
    **_LEFT,
    **{_RIGHT[n]: ((-x, y, z), r) for n, ((x, y, z), r) in _LEFT.items()},
    16: ((0, 16, -36), 9),
}
_SPACING, _SIZE = 4.0, 54


def _affine(subject: int) -> np.ndarray:
    """4 x 4 from the phantom's frame to that of a subject: rotated, scaled, shifted."""
    rng = np.random.default_rng(subject)
    pitch, roll = rng.uniform(-0.25, 0.25), rng.uniform(-0.08, 0.08)
    cos, sin = np.cos(pitch), np.sin(pitch)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    cos, sin = np.cos(roll), np.sin(roll)
    turn = turn @ np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    out = np.eye(4)
    out[:3, :3] = turn @ np.diag(rng.uniform(0.92, 1.08, 3))
    out[:3, 3] = rng.uniform(-12, 12, 3)
    return out


def _write(folder: Path, subjects: range) -> None:
    """Write ``training_seg_XX.nii.gz`` of every subject, axes as in the real maps (L, I, A)."""
    direction = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, -1.0, 0.0)
    half = (_SIZE - 1) / 2 * _SPACING
    geometry = ImageGeometry((_SIZE,) * 3, (_SPACING,) * 3, (-half, half, half), direction)
    points = geometry.points().astype(np.float32)
    for subject in subjects:
        affine = _affine(subject)
        inverse = np.linalg.inv(affine).astype(np.float32)
        own = points @ inverse[:3, :3].T + inverse[:3, 3]
        x, y, z = np.moveaxis(own, -1, 0)
        radius = np.sqrt((x / 75) ** 2 + (y / 90) ** 2 + (z / 80) ** 2)
        labels = np.zeros(geometry.array_shape, np.int32)
        labels[radius < 1] = 511  # skin, bone and fluid, from outside to inside
        labels[radius < 0.96] = 515
        labels[radius < 0.9] = 24
        for number, ((a, b, c), size) in _BALLS.items():
            labels[(x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 < size**2] = number
        # Some of the real files hold whole numbers as floats.
        array = labels.astype(np.float32) if subject % 2 else labels
        sitk.WriteImage(
            geometry.to_image(array), folder / f"training_seg_{subject:02d}.nii.gz", True
        )


@dataclass(frozen=True)
class BrainPhantoms:
    """Label maps of subjects 1 to 16 and how they came about.

    Attributes:
        root: their folder.
        centres: of the structures before the subject's affine map, label number -> LPS mm.
        affines: 4 x 4, of subject 1 to 40; of some only the map exists, not the file.
    """

    root: Path
    centres: dict[int, np.ndarray]
    affines: dict[int, np.ndarray]

    @property
    def cache(self) -> Path:
        """Folder for aligned maps."""
        return self.root / "cache"


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Configurations of all stages, tiny, with their data, and runs of the first two of LDM-Morph.

    The second one scales its latents.
    """
    pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")
    from Testing.Python.training.tiny_stages import arguments, write_configs
    from training.cli import main

    folder = write_configs(tmp_path_factory.mktemp("stages"))
    for stage in ("vqgan", "ldm"):
        options = ("steps=1", "network.latent_scale=data")
        assert main(["train", *arguments(folder, stage, stage, *options)]) == 0
    return folder


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> BrainPhantoms:
    """Small label maps in place of the real ones."""
    root = tmp_path_factory.mktemp("label_maps")
    _write(root, range(1, 17))
    centres = {number: np.array(centre, float) for number, (centre, _) in _BALLS.items()}
    return BrainPhantoms(root, centres, {s: _affine(s) for s in range(1, 41)})
