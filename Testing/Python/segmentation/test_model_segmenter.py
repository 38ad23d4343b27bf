from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from SlicerLDMRegLib.errors import CancelledError, InputError, ModelError
from SlicerLDMRegLib.geometry import ImageGeometry
from SlicerLDMRegLib.model_store import ModelCard, ModelSegmenter, build_segmenter
from SlicerLDMRegLib.pipeline.progress import Progress

MIRRORED = np.diag([-1.0, 1.0, -1.0])
LEFT_HANDED = np.diag([1.0, -1.0, 1.0])
PERMUTED = np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def turned(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


LATTICES: dict[str, dict[str, Any]] = {
    "the model's own": {},
    "stored from left to right and upside down": {"direction": MIRRORED},
    "left-handed": {"direction": LEFT_HANDED},
    "sagittal slices": {"direction": PERMUTED},
    "oblique": {"direction": turned(25.0), "size": (44, 44, 32)},
    "thick slices": {"size": (64, 64, 18), "spacing": (2.0, 2.0, 7.0)},
    "finer": {"size": (64, 70, 66), "spacing": (2.0, 1.9, 1.8)},
    "smaller than the stride of the network": {"size": (12, 14, 13), "spacing": (9.0, 9.0, 9.0)},
}


@pytest.mark.parametrize("name", LATTICES)
def test_labels_are_where_the_structures_are_however_the_image_is_stored(
    segmenter: ModelSegmenter, phantom: Any, name: str
) -> None:
    image = phantom.image(phantom.lattice(**LATTICES[name]))
    result = segmenter.segment(image)
    assert result.geometry == ImageGeometry.from_image(image)
    # Voxels of 9 mm hold a ball of 13 mm badly; mirrored labels would have an overlap of 0.
    least = 0.7 if "stride" in name else 0.88
    assert phantom.dice(result.labels, phantom.left) > least
    assert phantom.dice(result.labels, phantom.right) > least
    assert result.names == {17: "left ball", 53: "right ball"}


def test_confidence_is_high_inside_and_low_at_borders(
    segmenter: ModelSegmenter, phantom: Any
) -> None:
    lattice = phantom.lattice((60, 60, 60), (2.0, 2.0, 2.0))
    result = segmenter.segment(phantom.image(lattice))
    assert result.confidence is not None
    confidence = sitk.GetArrayFromImage(result.confidence)
    labels = sitk.GetArrayFromImage(result.labels)
    assert confidence.dtype == np.float32
    assert confidence.max() <= 1 and confidence.min() >= 1 / 3 - 1e-3
    border = (labels != np.roll(labels, 1, axis=2))[1:, 1:, 1:]
    inner = confidence[1:, 1:, 1:]
    assert inner[border].mean() < 0.9 < inner[~border].mean()


def test_large_image_is_cut_to_its_foreground(segmenter: ModelSegmenter, phantom: Any) -> None:
    lattice = phantom.lattice((90, 80, 85), (4.0, 4.0, 4.0), centre=(70.0, 40.0, -30.0))
    image = phantom.image(lattice)
    assert segmenter.lattice(image).size == (32, 32, 32)
    labels = segmenter.segment(image).labels
    assert phantom.dice(labels, phantom.left) > 0.88
    assert phantom.dice(labels, phantom.right) > 0.88


def test_foreground_larger_than_the_grid_is_seen_in_windows(
    segmenter: ModelSegmenter, phantom: Any
) -> None:
    # A bright wall far behind the head, so that everything between belongs to the foreground.
    lattice = phantom.lattice((32, 60, 32), (4.0, 4.0, 4.0), centre=(0.0, 56.0, 0.0))
    array = sitk.GetArrayFromImage(phantom.image(lattice))
    array[:, -6:, :] = 800
    image = lattice.to_image(array)
    assert segmenter.lattice(image).size[1] > 32
    seen: list[tuple[int, ...]] = []
    hook = segmenter.network.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape))
    labels = segmenter.segment(image).labels
    hook.remove()
    assert len(seen) > 1 and set(seen) == {(1, 1, 32, 32, 32)}
    assert phantom.dice(labels, phantom.left) > 0.8
    assert phantom.dice(labels, phantom.right) > 0.8


def test_probabilities_on_a_given_lattice(segmenter: ModelSegmenter, phantom: Any) -> None:
    image = phantom.image(phantom.lattice((64, 64, 64), (2.0, 2.0, 2.0)))
    shifted = phantom.lattice(centre=(8.0, -4.0, 4.0))
    probabilities, lattice = segmenter.probabilities(image, lattice=shifted)
    assert lattice == shifted and probabilities.shape == (3, 32, 32, 32)
    np.testing.assert_allclose(probabilities.astype(np.float32).sum(axis=0), 1, atol=5e-3)
    found = probabilities.argmax(axis=0) == 1
    truth = phantom.draw(shifted)[1] == phantom.left
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.88
    with pytest.raises(InputError, match=r"expected 4 mm along LPS for model 'segment-balls', got"):
        segmenter.probabilities(image, lattice=phantom.lattice(direction=MIRRORED))
    with pytest.raises(InputError, match=r"expected 4 mm along LPS for model"):
        segmenter.probabilities(image, lattice=phantom.lattice(spacing=(2.0, 2.0, 2.0)))


def test_a_slice_is_refused(segmenter: ModelSegmenter) -> None:
    with pytest.raises(InputError, match="segments 3D images, got a 2D one; give the volume"):
        segmenter.segment(sitk.Image(32, 32, sitk.sitkFloat32))


def test_network_of_another_number_of_classes(segmenter: ModelSegmenter, phantom: Any) -> None:
    card = replace(segmenter.card, network={}, label_scheme={"1": {"name": "one"}})
    wrong = ModelSegmenter(card, segmenter.network)
    with pytest.raises(ModelError, match=r"expected 2 classes .* its network has 3"):
        wrong.segment(phantom.image(phantom.lattice()))


def test_build_segmenter_by_path_and_card(
    segmenter_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = ModelCard.from_folder(segmenter_folder)
    for spec in (segmenter_folder, str(segmenter_folder), card):
        assert build_segmenter(spec).names == {17: "left ball", 53: "right ball"}
    monkeypatch.setenv("LDMREG_MODELS", str(segmenter_folder.parent))
    assert build_segmenter("segment-balls").names
    with pytest.raises(ModelError, match="unknown model 'segment-nothing'"):
        build_segmenter("segment-nothing")
    with pytest.raises(ModelError, match=re.escape("is for registration, expected one for")):
        ModelSegmenter(replace(card, kind="registration"), torch.nn.Identity())


def test_progress_and_cancel(segmenter: ModelSegmenter, phantom: Any) -> None:
    image = phantom.image(phantom.lattice())
    fractions: list[float] = []
    segmenter.segment(image, Progress(lambda _, fraction, __: fractions.append(fraction)))
    assert fractions == sorted(fractions) and fractions[-1] == 1 and len(fractions) > 2
    with pytest.raises(CancelledError):
        segmenter.segment(image, Progress(should_cancel=lambda: True))
