"""The menu of the models, with a server on this computer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from SlicerLDMRegLib.model_store import (
    Grid,
    ModelCard,
    catalogue,
    http_resume,
    list_models,
    pack_model,
    write_model_folder,
)
from Testing.Python.model_store.file_server import FileServer, serving

CARD = ModelCard(
    id="far-model",
    title="Far model",
    method="ldm-morph",
    spatial_dims=2,
    network={},
    grid=Grid((64, 32), divisor=32),
    use="Generated shapes",
)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(http_resume, "_WAIT_SECONDS", 0.01)
    monkeypatch.setenv("LDMREG_MODELS", str(tmp_path / "my models"))
    return tmp_path / "my models"


@pytest.fixture
def server(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A server with one model, which is in the catalogue."""
    weights = {"w": torch.randn(50_000, generator=torch.Generator().manual_seed(0))}
    write_model_folder(tmp_path / "published", CARD, weights, "CC0", dtype="float32")
    with serving(FileServer()) as state:
        entry = pack_model(tmp_path / "published", tmp_path / "model.zip", state.url)
        state.content = (tmp_path / "model.zip").read_bytes()
        shipped = tmp_path / "shipped"
        shipped.mkdir()
        content = {"format": 1, "models": [entry.to_json()]}
        (shipped / "catalogue.json").write_text(json.dumps(content))
        monkeypatch.setattr(catalogue, "bundled_models_dir", lambda: shipped)
        yield state


@pytest.fixture
def section(form: Any) -> Iterator[Any]:
    """The menu, and what it said to the panel."""
    from SlicerLDMRegLib.slicer_app.panel.models_section import ModelsSection

    said: list[tuple[str, str]] = []
    panel = SimpleNamespace(
        running=False,
        changes=0,
        said=said,
        say=lambda text, level: said.append((text, level)),
    )

    def models_changed() -> None:
        panel.changes += 1

    panel.models_changed = models_changed
    section = ModelsSection(form.ui, panel)
    section.setup()
    yield section
    section.cleanup()


def entries(section: Any) -> dict[str, Any]:
    """The entries of the menu when it is opened, by their texts."""
    section._menu.aboutToShow.emit()
    return {a.text: a for a in section._menu.actions() if not a.isSeparator()}


def choose(host: Any, section: Any, text: str) -> None:
    action = entries(section)[text]
    assert action.enabled, text
    action.trigger()
    host.process_events()


DOWNLOAD = "Download Far model (2D, 1 MB)..."
DELETE = "Delete the downloaded models..."


def test_the_menu_belongs_to_the_button(host: Any, form: Any, section: Any, store: Path) -> None:
    assert form.ui.modelFolderButton.menu() is section._menu
    menu = entries(section)
    assert list(menu) == ["Open the folder of models", "Look for models again", DELETE]
    assert not menu[DELETE].enabled


def test_the_folder_is_made_and_opened(host: Any, section: Any, store: Path) -> None:
    choose(host, section, "Open the folder of models")
    assert store.is_dir() and len(host.opened_urls) == 1
    assert host.qt.QUrl(host.opened_urls[0]).toLocalFile() == str(store)


def test_a_folder_that_cannot_be_made_is_told(host: Any, section: Any, store: Path) -> None:
    store.write_text("a file")
    choose(host, section, "Open the folder of models")
    ((text, level),) = section.panel.said
    assert level == "error" and str(store) in text and not host.opened_urls


def test_models_are_looked_for_again(host: Any, section: Any) -> None:
    choose(host, section, "Look for models again")
    assert section.panel.changes == 1


def test_download_and_delete(host: Any, section: Any, server: FileServer, store: Path) -> None:
    assert entries(section)[DOWNLOAD].toolTip == "Generated shapes"
    host.dialogs.answer("Download it now?", host.qt.QMessageBox.Ok)
    with host.measure_blocking() as measured:
        choose(host, section, DOWNLOAD)
        host.wait_until(lambda: section.download is None, what="the download")
    assert measured.longest < 0.25  # 0.1 on a machine that is not busy
    asked = host.dialogs.shown[0].text
    for word in ("Far model", "1 MB", "127.0.0.1", str(store), "Nothing is sent"):
        assert word in asked
    assert section.panel.said[0] == ("Downloading Far model: 0 %", "info")
    assert section.panel.said[-1] == ("Far model is there: choose it.", "good")
    assert section.panel.changes == 1
    assert "far-model" in [card.id for card in list_models()]
    assert DOWNLOAD not in entries(section)
    host.dialogs.answer("can be downloaded again", host.qt.QMessageBox.Ok)
    choose(host, section, DELETE)
    assert "Far model" in host.dialogs.shown[1].text
    assert "far-model" not in [card.id for card in list_models()]
    assert section.panel.said[-1] == ("1 MB were freed.", "good")
    assert DOWNLOAD in entries(section)


def test_declined(host: Any, section: Any, server: FileServer, store: Path) -> None:
    host.dialogs.answer("Download it now?", host.qt.QMessageBox.Cancel)
    choose(host, section, DOWNLOAD)
    assert section.download is None and not server.paths and not store.exists()


def test_deleting_is_declined(host: Any, section: Any, server: FileServer, store: Path) -> None:
    host.dialogs.answer("Download it now?", host.qt.QMessageBox.Ok)
    choose(host, section, DOWNLOAD)
    host.wait_until(lambda: section.download is None)
    host.dialogs.answer("can be downloaded again", host.qt.QMessageBox.Cancel)
    choose(host, section, DELETE)
    assert (store / "far-model").is_dir()
    section.panel.running = True
    assert not entries(section)[DELETE].enabled


def test_cancelled(host: Any, section: Any, server: FileServer, store: Path) -> None:
    server.stall = threading.Event()
    host.dialogs.answer("Download it now?", host.qt.QMessageBox.Ok)
    choose(host, section, DOWNLOAD)
    host.wait_until(
        lambda: any("Downloading Far model: 5" in text for text, _ in section.panel.said)
    )
    menu = entries(section)
    assert DOWNLOAD not in menu and not menu[DELETE].enabled
    choose(host, section, "Cancel the download of Far model")
    server.stall.set()
    host.wait_until(lambda: section.download is None)
    text, level = section.panel.said[-1]
    assert "cancelled" in text and level == "warning"
    assert not (store / "far-model").exists()
    # What has come can be deleted, too.
    host.dialogs.answer("(unfinished downloads)", host.qt.QMessageBox.Ok)
    choose(host, section, DELETE)
    assert list(store.iterdir()) == []


def test_a_failure_is_told(host: Any, section: Any, server: FileServer) -> None:
    server.statuses = [404]
    host.dialogs.answer("Download it now?", host.qt.QMessageBox.Ok)
    choose(host, section, DOWNLOAD)
    host.wait_until(lambda: section.download is None)
    text, level = section.panel.said[-1]
    assert "404" in text and level == "error"
    assert DOWNLOAD in entries(section)


def test_the_panel_may_go_while_a_model_comes(
    host: Any, section: Any, server: FileServer, store: Path
) -> None:
    server.stall = threading.Event()
    host.dialogs.answer("Download it now?", host.qt.QMessageBox.Ok)
    choose(host, section, DOWNLOAD)
    host.wait_until(lambda: server.paths)
    section.cleanup()
    said = len(section.panel.said)
    server.stall.set()
    host.wait_until(lambda: not [t for t in threading.enumerate() if "_compute" in t.name])
    host.process_events()
    assert len(section.panel.said) == said and not (store / "far-model").exists()
