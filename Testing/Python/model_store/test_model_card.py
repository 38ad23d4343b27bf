from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.model_store import Grid, Intensity, ModelCard


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
    ("ldmreg.intensity.mode", "magic", "intensity.mode must be 'minmax', got 'magic'"),
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


def test_describing_models_does_not_import_torch() -> None:
    code = (
        "import sys, SlicerLDMRegLib.model_store as m; m.list_models(); "
        "sys.exit(any(n in sys.modules for n in ('torch', 'monai', 'safetensors')))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
