from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path

import pytest
import torch

from SlicerLDMRegLib._outputs import whole
from SlicerLDMRegLib.errors import InputError, ModelError
from SlicerLDMRegLib.model_store import (
    ModelCard,
    render_readme,
    verify,
    write_model_folder,
)
from SlicerLDMRegLib.model_store import (
    folder as folder_module,
)

FILES = ("LICENSE", "SHA256SUMS", "docs/README.md", "metadata.json", "model.safetensors")
WEIGHTS = {"a": torch.arange(6.0).reshape(2, 3), "steps": torch.tensor(3)}


@pytest.fixture
def tiny(tmp_path: Path, small_card: ModelCard) -> Path:
    folder = tmp_path / "store" / "tiny"
    write_model_folder(folder, small_card, WEIGHTS, "CC0")
    return folder


def _rewrite_checksums(folder: Path) -> None:
    """Do what a forger would do after changing files."""
    lines = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in FILES
        if name != "SHA256SUMS"
    ]
    (folder / "SHA256SUMS").write_text("".join(lines))


def test_folder_has_the_files_of_the_format_and_verifies(tiny: Path) -> None:
    found = {p.relative_to(tiny).as_posix() for p in tiny.rglob("*") if p.is_file()}
    assert found == set(FILES)
    card = verify(tiny)
    assert card.weights is not None
    assert card.weights.parameters == 7
    assert card.weights.bytes == (tiny / "model.safetensors").stat().st_size


def test_metadata_has_the_keys_of_a_monai_bundle(tiny: Path) -> None:
    metadata = json.loads((tiny / "metadata.json").read_text())
    assert list(metadata) == [
        "version",
        "changelog",
        "monai_version",
        "pytorch_version",
        "numpy_version",
        "required_packages_version",
        "task",
        "description",
        "authors",
        "copyright",
        "intended_use",
        "network_data_format",
        "ldmreg",
    ]
    shape = metadata["network_data_format"]["inputs"]["moving"]["spatial_shape"]
    assert shape == [32, 64], "arrays are the other way round than the grid's x, y"
    assert metadata["network_data_format"]["outputs"]["displacement"]["num_channels"] == 2


def test_readme_says_use_data_size_results_and_limits(tiny: Path) -> None:
    text = (tiny / "docs" / "README.md").read_text()
    for expected in (
        "# Small model",
        "Generated shapes",
        "Not for clinical use",
        "**Shapes**, licence: CC0-1.0. Thanks to nobody.",
        "7 parameters as float16",
        "Two pairs.",
        "| model | 0.75 |",
        "Does not know real images.",
        "| `embed_dim` | 8 |",
    ):
        assert expected in text
    assert text == render_readme(ModelCard.from_folder(tiny))


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_anywhere_is_detected(tiny: Path, name: str) -> None:
    path = tiny / name
    good = path.read_bytes()
    step = 1 if len(good) < 700 else len(good) // 200
    for position in range(0, len(good), step):
        bad = bytearray(good)
        bad[position] ^= 1 << position % 8
        path.write_bytes(bad)
        with pytest.raises(ModelError, match=r"^[^\n]+$"):
            verify(tiny)
    path.write_bytes(good)
    verify(tiny)


@pytest.mark.parametrize("name", FILES)
def test_missing_file_is_named(tiny: Path, name: str) -> None:
    (tiny / name).unlink()
    with pytest.raises(ModelError, match=name):
        verify(tiny)


@pytest.mark.parametrize("name", FILES)
def test_shortened_and_lengthened_files_are_detected(tiny: Path, name: str) -> None:
    good = (tiny / name).read_bytes()
    for bad in (good[:-1], b"", good + b"\n"):
        (tiny / name).write_bytes(bad)
        with pytest.raises(ModelError):
            verify(tiny)


def test_truncated_weights_are_told_by_their_size(tiny: Path) -> None:
    path = tiny / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(ModelError, match=r"model\.safetensors must have \d+ bytes, got \d+"):
        verify(tiny)


def test_weights_of_another_model_are_told_even_with_new_checksums(
    tiny: Path, small_card: ModelCard
) -> None:
    other = write_model_folder(
        tiny.parent / "other", small_card, {**WEIGHTS, "a": WEIGHTS["a"] + 1}, "CC0"
    )
    (tiny / "model.safetensors").write_bytes(other.weights_path.read_bytes())
    _rewrite_checksums(tiny)
    with pytest.raises(ModelError, match=r"does not belong to this metadata\.json"):
        verify(tiny)


def test_surplus_files_are_refused_but_not_those_of_file_managers(tiny: Path) -> None:
    (tiny / "docs" / ".DS_Store").write_bytes(b"x")
    verify(tiny)
    (tiny / "docs" / "model.pt").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"model\.pt is not part of the model"):
        verify(tiny)


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "docs/../../outside",
        "/etc/passwd",
        "..",
        "./LICENSE",
        "C:/x",
        "docs\\x",
        "docs//x",
        ".ssh/id",
    ],
)
def test_checksums_cannot_name_files_outside_the_folder(tiny: Path, name: str) -> None:
    (tiny.parent / "outside").write_bytes(b"secret")
    line = f"{hashlib.sha256(b'secret').hexdigest()}  {name}\n"
    with (tiny / "SHA256SUMS").open("a") as file:
        file.write(line)
    with pytest.raises(ModelError, match="line 5, must be a SHA-256"):
        verify(tiny)


@pytest.mark.parametrize("edit", ["twice", "itself", "upper case"])
def test_checksums_of_another_form_are_refused(tiny: Path, edit: str) -> None:
    path = tiny / "SHA256SUMS"
    lines = path.read_text().splitlines(keepends=True)
    changed = {
        "twice": [*lines, lines[0]],
        "itself": [*lines, f"{'0' * 64}  SHA256SUMS\n"],
        "upper case": [lines[0].upper(), *lines[1:]],
    }
    path.write_text("".join(changed[edit]))
    with pytest.raises(ModelError, match="must be a SHA-256"):
        verify(tiny)


def test_symbolic_links_are_refused(tiny: Path) -> None:
    moved = tiny.parent / "README.md"
    (tiny / "docs" / "README.md").rename(moved)
    (tiny / "docs" / "README.md").symlink_to(moved)
    with pytest.raises(ModelError, match=r"README\.md is a link"):
        verify(tiny)
    (tiny / "docs" / "README.md").unlink()
    (tiny / "docs").rmdir()
    (tiny.parent / "elsewhere").mkdir()
    moved.rename(tiny.parent / "elsewhere" / "README.md")
    (tiny / "docs").symlink_to(tiny.parent / "elsewhere")
    with pytest.raises(ModelError, match="docs is a link"):
        verify(tiny)


def test_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "absent", tmp_path):
        with pytest.raises(ModelError, match="is no model folder"):
            verify(path)


def test_writing_is_all_or_nothing(
    tmp_path: Path, small_card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(card: ModelCard) -> str:
        raise OSError("disk full")

    target = tmp_path / "model"
    with monkeypatch.context() as patch:
        patch.setattr(folder_module, "render_readme", fail)
        with pytest.raises(InputError, match=r"model folder: .* cannot be written: disk full"):
            write_model_folder(target, small_card, WEIGHTS, "CC0")
    assert list(tmp_path.iterdir()) == []
    write_model_folder(target, small_card, WEIGHTS, "CC0")
    assert list(tmp_path.iterdir()) == [target]


def test_existing_folder_is_replaced_only_on_request(tiny: Path, small_card: ModelCard) -> None:
    with pytest.raises(ModelError, match="exists already"):
        write_model_folder(tiny, small_card, WEIGHTS, "CC0")
    (tiny / "stale").touch()
    card = write_model_folder(tiny, small_card, WEIGHTS, "CC0", dtype="float32", overwrite=True)
    assert verify(tiny) == card
    assert list(tiny.parent.iterdir()) == [tiny]


def test_only_model_folders_are_overwritten(tmp_path: Path, small_card: ModelCard) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").touch()
    with pytest.raises(ModelError, match="thesis is no model folder and is not overwritten"):
        write_model_folder(tmp_path / "thesis", small_card, WEIGHTS, "CC0", overwrite=True)
    assert (tmp_path / "thesis" / "chapter1.tex").exists()


def test_failed_replacement_leaves_the_old_model(
    tiny: Path, small_card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = verify(tiny)
    rename = Path.rename

    def fail_for_new(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError("no space")
        return rename(self, target)

    with monkeypatch.context() as patch:
        # As on file systems that cannot exchange two folders.
        patch.setattr(whole, "exchange", lambda first, second: False)
        patch.setattr(Path, "rename", fail_for_new)
        with pytest.raises(InputError, match="no space"):
            write_model_folder(tiny, small_card, {"b": torch.ones(2)}, "CC0", overwrite=True)
    assert verify(tiny) == before
    assert list(tiny.parent.iterdir()) == [tiny]


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_files_are_readable_like_any_other(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    usual = stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    assert {stat.S_IMODE((tiny / name).stat().st_mode) for name in FILES} == {usual}
    (tmp_path / "directory").mkdir()
    assert tiny.stat().st_mode == (tmp_path / "directory").stat().st_mode


@pytest.mark.parametrize(
    ("weights", "dtype", "message"),
    [
        ({"w": torch.tensor([1e6])}, "float16", "w is too large for float16"),
        ({"w": torch.tensor([float("nan")])}, "float32", "w has values that are not finite"),
        ({}, "float32", "empty state dict"),
        ({"w": torch.ones(1)}, "int8", "dtype must be one of"),
    ],
)
def test_weights_that_cannot_be_stored_are_refused(
    tmp_path: Path,
    small_card: ModelCard,
    weights: dict[str, torch.Tensor],
    dtype: str,
    message: str,
) -> None:
    with pytest.raises(ModelError, match=message):
        write_model_folder(tmp_path / "m", small_card, weights, "CC0", dtype=dtype)
    assert list(tmp_path.iterdir()) == []
