"""The catalogue, and archives as an attacker would write them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from SlicerLDMRegLib.cli import main
from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.model_store import (
    CatalogueEntry,
    Grid,
    ModelCard,
    find_entry,
    pack_model,
    read_catalogue,
    unpack_model,
    verify,
    write_model_folder,
)

ENTRY: dict[str, Any] = {
    "id": "far-model",
    "title": "Far model",
    "spatial_dims": 3,
    "use": "Brains",
    "url": "https://models.example/far-model.zip",
    "sha256": "0" * 64,
    "bytes": 100,
    "unpacked_bytes": 200,
}


def catalogue(tmp_path: Path, *entries: Any, format: int = 1) -> Path:
    path = tmp_path / "catalogue.json"
    path.write_text(json.dumps({"format": format, "models": list(entries)}))
    return path


def test_the_shipped_catalogue_can_be_read() -> None:
    for entry in read_catalogue():
        assert entry.url.startswith("https://")


def test_entries_are_as_in_the_file(tmp_path: Path) -> None:
    (entry,) = read_catalogue(catalogue(tmp_path, ENTRY))
    assert entry.to_json() == ENTRY
    assert entry.host == "models.example"
    assert find_entry("far-model", [entry]) is entry


def test_no_catalogue_lists_nothing(tmp_path: Path) -> None:
    assert read_catalogue(tmp_path / "missing.json") == ()


def test_an_unknown_model_is_told_with_the_known_ones(tmp_path: Path) -> None:
    entries = read_catalogue(catalogue(tmp_path, ENTRY))
    with pytest.raises(ModelError, match="no model 'x' can be downloaded; there are: far-model"):
        find_entry("x", entries)
    with pytest.raises(ModelError, match="none is offered"):
        find_entry("x", [])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": "http://models.example/a.zip"}, "https"),
        ({"url": "file:///etc/passwd"}, "https"),
        ({"url": "https:///a.zip"}, "https"),
        ({"url": "http://127.0.0.1.example/a.zip"}, "https"),
        ({"url": "http://[::1/a.zip"}, "https"),
        ({"id": "../far"}, "id"),
        ({"id": ""}, "id"),
        ({"sha256": "0" * 63}, "sha256"),
        ({"bytes": 0}, "bytes"),
        ({"spatial_dims": 4}, "spatial_dims"),
        ({"title": None}, "title"),
    ],
)
def test_wrong_entries_are_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = catalogue(tmp_path, ENTRY | change)
    with pytest.raises(ModelError, match=said) as caught:
        read_catalogue(path)
    assert str(path) in str(caught.value)


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="format"):
        read_catalogue(catalogue(tmp_path, format=2))
    with pytest.raises(ModelError, match="twice"):
        read_catalogue(catalogue(tmp_path, ENTRY, ENTRY))
    path = tmp_path / "catalogue.json"
    path.write_text("{")
    with pytest.raises(ModelError, match="JSON"):
        read_catalogue(path)


def packed(tmp_path: Path) -> tuple[CatalogueEntry, Path]:
    card = ModelCard(
        id="far-model",
        title="Far model",
        method="ldm-morph",
        spatial_dims=2,
        network={},
        grid=Grid((64, 32)),
        use="Nothing",
    )
    folder = tmp_path / "model"
    write_model_folder(folder, card, {"w": torch.zeros(9)}, "CC0", overwrite=True)
    archive = tmp_path / "model.zip"
    return pack_model(folder, archive, ENTRY["url"]), archive


def test_packing_and_unpacking_gives_the_folder(tmp_path: Path) -> None:
    entry, archive = packed(tmp_path)
    unpack_model(archive, tmp_path / "new", entry.unpacked_bytes)
    assert verify(tmp_path / "new").id == entry.id == "far-model"
    first = archive.read_bytes()
    assert packed(tmp_path)[0] == entry and archive.read_bytes() == first
    with pytest.raises(ModelError, match=f"expected at most {entry.unpacked_bytes - 1}"):
        unpack_model(archive, tmp_path / "other", entry.unpacked_bytes - 1)
    assert not (tmp_path / "other").exists()


def test_a_changed_model_is_not_packed(tmp_path: Path) -> None:
    packed(tmp_path)
    (tmp_path / "model" / "LICENSE").write_text("other")
    with pytest.raises(ModelError, match="LICENSE"):
        pack_model(tmp_path / "model", tmp_path / "again.zip", ENTRY["url"])
    assert not (tmp_path / "again.zip").exists()


def _named(*names: str) -> Callable[[zipfile.ZipFile], None]:
    def write(archive: zipfile.ZipFile) -> None:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), "evil")

    return write


def _link(archive: zipfile.ZipFile) -> None:
    member = zipfile.ZipInfo("link")
    member.external_attr = 0o120777 << 16
    archive.writestr(member, "/etc/passwd")


@pytest.mark.parametrize(
    "write",
    [
        _named("../evil"),
        _named("/tmp/evil"),
        _named("docs/../../evil"),
        _named("C:\\evil"),
        _named("docs\\evil"),
        _named("C:evil"),
        _named(".hidden"),
        _named("evil\n"),
        _named("metadata.json", "METADATA.json"),
        _link,
    ],
)
def test_nothing_is_written_outside_the_folder(
    tmp_path: Path, write: Callable[[zipfile.ZipFile], None]
) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("docs/README.md", "good")
        write(archive)
    folder = tmp_path / "deep" / "new"
    folder.mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ModelError, match="has an entry that no model has"):
        unpack_model(tmp_path / "evil.zip", folder, 1000)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_archive(tmp_path: Path) -> None:
    entry, archive = packed(tmp_path)
    content = bytearray(archive.read_bytes())
    content[38] ^= 0xFF  # the data of LICENSE, the first file, whose header has 37 bytes
    archive.write_bytes(content)
    with pytest.raises(ModelError, match="damaged"):
        unpack_model(archive, tmp_path / "new", entry.unpacked_bytes)


def test_packing_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry, archive = packed(tmp_path)
    content = archive.read_bytes()
    archive.unlink()
    command = ["models", "pack", str(tmp_path / "model"), "--output", str(archive), "--url"]
    assert main([*command, ENTRY["url"]]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == entry.to_json() and archive.read_bytes() == content
    assert read_catalogue(catalogue(tmp_path, printed)) == (entry,)
    archive.unlink()
    assert main([*command, "http://models.example/model.zip"]) == 3
    assert not archive.exists()
    command[4] = str(tmp_path / "missing" / "model.zip")
    assert main([*command, ENTRY["url"]]) == 2
    assert "No such file" in capsys.readouterr().err
