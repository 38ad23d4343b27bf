from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.model_store import Grid, Intensity, ModelCard, write_model_folder
from SlicerLDMRegLib.networks import build_network


def test_written_card_is_read_back(small_folder: Path, small_card: ModelCard) -> None:
    card = ModelCard.from_folder(small_folder)
    assert card.weights is not None
    assert card.folder == small_folder
    assert replace(card, weights=None, folder=None) == small_card


WRONG: list[tuple[str, Any, str]] = [
    ("version", None, "version must be a text, got None"),
    ("ldmreg", [], "ldmreg must be an object, got []"),
    ("ldmreg.format", 2, "ldmreg.format must be 1, got 2"),
    ("ldmreg.format", "1", "ldmreg.format must be an integer of at least 1, got '1'"),
    (
        "ldmreg.id",
        "../evil",
        "id must be lower-case words and numbers joined by hyphens, got '../evil'",
    ),
    ("ldmreg.title", " ", "ldmreg.title must be a text, got ' '"),
    ("ldmreg.kind", "game", "kind must be one of ('registration', 'segmentation'), got 'game'"),
    ("ldmreg.spatial_dims", 4, "ldmreg.spatial_dims must be an integer from 2 to 3, got 4"),
    ("ldmreg.spatial_dims", True, "ldmreg.spatial_dims must be an integer from 2 to 3, got True"),
    ("ldmreg.network", "big", "ldmreg.network must be an object, got 'big'"),
    (
        "ldmreg.grid.size",
        [64],
        "ldmreg.grid.size must be a list of 2 integers of at least 1, got [64]",
    ),
    ("ldmreg.grid.size", [64, 40], "grid.size must be multiples of the divisor 32, got (64, 40)"),
    ("ldmreg.grid.divisor", 0, "ldmreg.grid.divisor must be an integer of at least 1, got 0"),
    ("ldmreg.intensity.mode", "magic", "intensity.mode must be 'minmax' or 'window', got 'magic'"),
    (
        "ldmreg.intensity",
        {"mode": "window"},
        "ldmreg.intensity.window must be a list of 2 numbers, got nothing",
    ),
    (
        "ldmreg.intensity",
        {"mode": "window", "window": [0, "bright"]},
        "ldmreg.intensity.window[1] must be a number from -1e+09 to 1e+09, got 'bright'",
    ),
    (
        "ldmreg.intensity",
        {"mode": "window", "window": [800, -500]},
        "intensity.window must be two ascending intensities, got (800.0, -500.0)",
    ),
    (
        "ldmreg.intensity.lower_percentile",
        -1,
        "ldmreg.intensity.lower_percentile must be a number from 0 to 100, got -1",
    ),
    (
        "ldmreg.intensity.upper_percentile",
        0,
        "intensity.upper_percentile must be above 0, at most 100, got 0.0",
    ),
    (
        "ldmreg.training_data",
        [{"name": "x"}],
        "ldmreg.training_data[0].licence must be a text, got nothing",
    ),
    (
        "ldmreg.label_scheme",
        {"one": {"name": "LV"}},
        "label_scheme must be an object {label number",
    ),
    ("ldmreg.results", {"identity": 0.5}, "results must be an object {row: {column: value}}"),
    ("ldmreg.limits", "none", "limits must be a list of texts, got 'none'"),
    (
        "ldmreg.weights.file",
        "../../etc/passwd",
        "ldmreg.weights.file must be one of 'model.safetensors'",
    ),
    ("ldmreg.weights.sha256", "F" * 64, "weights.sha256 must be 64 hexadecimal digits"),
    ("ldmreg.weights.bytes", -1, "ldmreg.weights.bytes must be an integer of at least 1, got -1"),
]


@pytest.mark.parametrize(("field", "value", "message"), WRONG)
def test_wrong_field_is_named_with_what_was_expected_and_found(
    small_folder: Path, field: str, value: Any, message: str
) -> None:
    path = small_folder / "metadata.json"
    metadata = json.loads(path.read_text())
    *parents, last = field.split(".")
    section = metadata
    for parent in parents:
        section = section[parent]
    section[last] = value
    path.write_text(json.dumps(metadata))
    with pytest.raises(ModelError) as error:
        ModelCard.from_folder(small_folder)
    assert message in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": NaN}', "[" * 100000, "\xff"])
def test_file_that_is_no_metadata_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "metadata.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ModelError, match=r"metadata\.json"):
        ModelCard.from_folder(tmp_path)


def test_bundle_of_others_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "metadata.json").write_text('{"version": "1.0", "task": "segment spleens"}')
    with pytest.raises(ModelError, match="no section 'ldmreg'"):
        ModelCard.from_folder(tmp_path)


def test_card_made_in_python_is_checked_too() -> None:
    with pytest.raises(ModelError, match=r"grid\.size must be 3 integers"):
        ModelCard("a", "A", "ldm-morph", 3, {}, Grid((8, 8)), "nothing")
    with pytest.raises(ModelError, match="upper_percentile must be above 50"):
        ModelCard("a", "A", "m", 2, {}, Grid((8, 8)), "x", intensity=Intensity("minmax", 50, 50))


def test_a_window_of_intensities_is_kept(tmp_path: Path, small_card: ModelCard) -> None:
    intensity = Intensity("window", window=(-500.0, 800.0))
    state = build_network(small_card.method, dict(small_card.network)).state_dict()
    written = write_model_folder(
        tmp_path / "small", replace(small_card, intensity=intensity), state, "CC0"
    )
    assert ModelCard.from_folder(tmp_path / "small").intensity == intensity
    section = json.loads((tmp_path / "small" / "metadata.json").read_text())["ldmreg"]["intensity"]
    assert section == {"mode": "window", "window": [-500.0, 800.0]}
    assert (
        "intensities: -500 and 800 become 0 and 1"
        in (tmp_path / "small" / "docs" / "README.md").read_text()
    )
    image = sitk.GetImageFromArray(np.array([[-1000.0, -500.0], [150.0, 3000.0]]))
    found = written.intensity.of(image)(sitk.GetArrayFromImage(image))
    np.testing.assert_allclose(found, [[0, 0], [0.5, 1]])
    with pytest.raises(
        ModelError, match=r"intensity\.window must be two intensities with the mode"
    ):
        replace(small_card, intensity=Intensity(window=(0.0, 1.0)))


def test_describing_models_does_not_import_torch() -> None:
    code = (
        "import sys, SlicerLDMRegLib.model_store as m; m.list_models(); "
        "sys.exit(any(n in sys.modules for n in ('torch', 'monai', 'safetensors')))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_new_entries_are_only_written_where_they_say_something(
    small_folder: Path, small_card: ModelCard, segmenter_card: ModelCard
) -> None:
    section = json.loads((small_folder / "metadata.json").read_text())["ldmreg"]
    assert section["grid"] == {"size": [64, 32], "divisor": 32}
    assert not {"text", "segmenter"} & set(section)
    assert segmenter_card.ldmreg_section()["grid"] == {
        "size": [32, 32, 16],
        "divisor": 16,
        "spacing": 2.0,
        "orientation": "LPS",
        "anchor": "S",
    }


def test_card_of_a_model_with_names_is_read_back(tmp_path: Path, segmenter_card: ModelCard) -> None:
    card = replace(
        segmenter_card,
        kind="registration",
        method="textscf",
        network={},
        text={"encoder": "minilm", "template": "a photo of a [CLS].", "background": "svd"},
        segmenter="segment-brain-mr",
    )
    write_model_folder(tmp_path / "model", card, {"w": torch.ones(1)}, "CC0")
    written = ModelCard.from_folder(tmp_path / "model")
    assert replace(written, weights=None, folder=None) == card
    metadata = json.loads((tmp_path / "model" / "metadata.json").read_text())
    regions = metadata["network_data_format"]["inputs"]["regions"]
    assert regions["value_range"] == [0, 2]
    readme = (tmp_path / "model" / "docs" / "README.md").read_text()
    assert "`segment-brain-mr`" in readme and "encoder of the names: minilm" in readme


def test_rows_of_a_network_are_the_labels_in_ascending_order(segmenter_card: ModelCard) -> None:
    assert segmenter_card.label_numbers == (0, 4, 17)
    names = {4: "Left-Lateral-Ventricle", 17: "Left-Hippocampus"}
    assert segmenter_card.label_names == names
    assert list(segmenter_card.label_names) == [4, 17]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grid": Grid((32, 32, 16), 16, spacing=-2.0)}, "grid.spacing must be a positive"),
        ({"grid": Grid((32, 32, 16), 16, orientation="LPP")}, "grid.orientation must be three"),
        ({"grid": Grid((32, 32, 16), 16, orientation="lps")}, "grid.orientation must be three"),
        ({"grid": Grid((32, 32, 16), 16, orientation="LPS", anchor="X")}, "grid.anchor must be a"),
        ({"grid": Grid((32, 32, 16), 16, anchor="S")}, "grid.anchor must be a letter"),
        ({"grid": Grid((32, 32, 16), 16)}, "grid must be that of a 3D segmentation model, with"),
        ({"label_scheme": {}}, "label_scheme must be the structures of the segmentation"),
        ({"label_scheme": {"0": {"name": "air"}}}, "with numbers from 1 on"),
        ({"label_scheme": {"07": {"name": "x"}}}, "label_scheme must be an object {label number"),
        ({"label_scheme": {"1": {"name": "x"}}}, "network must be a network of 2 classes"),
        ({"segmenter": "another"}, "of a registration model only"),
        ({"text": {"template": "a [CLS]"}}, "text must be an object of texts"),
        ({"text": {"encoder": "minilm", "colour": "red"}}, "text must be an object of texts"),
    ],
)
def test_what_cannot_be_a_segmenter(
    segmenter_card: ModelCard, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError) as error:
        replace(segmenter_card, **changes)
    assert message in str(error.value)
