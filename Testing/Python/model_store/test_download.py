"""Downloads from a server on this computer that breaks connections, lies, or stalls."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from SlicerLDMRegLib.cli import main
from SlicerLDMRegLib.errors import CancelledError, ModelError
from SlicerLDMRegLib.model_store import (
    CatalogueEntry,
    Grid,
    ModelCard,
    catalogue,
    download_model,
    downloaded_models,
    http_resume,
    http_stream,
    list_models,
    pack_model,
    remove_downloads,
    unfinished_downloads,
    verify,
    write_model_folder,
)
from Testing.Prove.bad_inputs import unsafe_characters
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


@pytest.fixture(autouse=True)
def this_computer_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of the machine, and no long waiting."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(http_resume, "_WAIT_SECONDS", 0.01)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[CatalogueEntry, bytes]:
    """A model of 300 kB that does not let itself be compressed, packed, and its entry."""
    folder = tmp_path_factory.mktemp("published")
    weights = torch.randn(75_000, generator=torch.Generator().manual_seed(0))
    write_model_folder(folder / "model", CARD, {"w": weights}, "CC0", dtype="float32")
    entry = pack_model(folder / "model", folder / "model.zip", "https://models.example/model.zip")
    return entry, (folder / "model.zip").read_bytes()


@pytest.fixture
def server(archive: tuple[CatalogueEntry, bytes]) -> Iterator[FileServer]:
    with serving(FileServer(archive[1])) as state:
        yield state


@pytest.fixture
def entry(archive: tuple[CatalogueEntry, bytes], server: FileServer) -> CatalogueEntry:
    return replace(archive[0], url=server.url)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "store"
    monkeypatch.setenv("LDMREG_MODELS", str(folder))
    return folder


def of_content(entry: CatalogueEntry, content: bytes) -> CatalogueEntry:
    """The entry of another archive."""
    return replace(entry, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))


def kept(store: Path) -> list[Path]:
    """What is in the folder for downloads, but notes on those that succeeded."""
    folder = store / ".downloads"
    return sorted(p for p in folder.iterdir() if p.suffix != ".json") if folder.is_dir() else []


def test_a_model_arrives_and_can_be_used(
    entry: CatalogueEntry, store: Path, server: FileServer
) -> None:
    seen: list[tuple[int, int]] = []
    card = download_model(entry, progress=lambda done, total: seen.append((done, total)))
    assert card.folder == store / "far-model"
    assert verify(store / "far-model").title == "Far model"
    assert "far-model" in [card.id for card in list_models()]
    assert seen[0] == (0, entry.bytes) and seen[-1] == (entry.bytes, entry.bytes)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert not kept(store)
    assert (store / "far-model").stat().st_mode & 0o755 == 0o755


def test_nothing_but_the_request_leaves_the_computer(
    entry: CatalogueEntry, store: Path, server: FileServer
) -> None:
    download_model(entry)
    assert server.paths == ["/model.zip"]
    (headers,) = server.headers
    assert set(headers) == {"Accept-Encoding", "Host", "User-Agent", "Connection"}
    assert headers["User-Agent"] == "ldmreg"


def test_broken_connections_are_continued(
    entry: CatalogueEntry, store: Path, server: FileServer
) -> None:
    server.break_after = [100_000, 50_000, 10]
    download_model(entry)
    assert server.asked == [None, "bytes=100000-", "bytes=150000-", "bytes=150010-"]
    verify(store / "far-model")


def test_a_later_try_goes_on_where_this_one_stopped(
    entry: CatalogueEntry, store: Path, server: FileServer
) -> None:
    server.break_after = [200_000, 0, 0, 0, 0]
    with pytest.raises(ModelError, match=r"the connection broke.*try again: it goes on"):
        download_model(entry)
    (part,) = kept(store)
    assert part.stat().st_size == 200_000
    assert not (store / "far-model").exists() and not list_models_of(store)
    server.break_after, server.asked = [], []
    download_model(entry)
    assert server.asked == ["bytes=200000-"]
    assert not kept(store)


def list_models_of(store: Path) -> list[str]:
    return [card.id for card in list_models() if card.folder and card.folder.parent == store]


def test_a_server_that_sends_no_parts_sends_all_again(
    entry: CatalogueEntry, store: Path, server: FileServer
) -> None:
    server.ranges, server.break_after = False, [150_000]
    download_model(entry)
    assert server.asked == [None, "bytes=150000-"]
    verify(store / "far-model")


def test_a_server_that_always_breaks_is_given_up(
    entry: CatalogueEntry, store: Path, server: FileServer
) -> None:
    server.ranges, server.break_after = False, [1000] * 50
    with pytest.raises(ModelError, match="connection broke"):
        download_model(entry)
    assert len(server.asked) < 10


def test_a_part_that_was_not_asked_for_is_not_appended(
    entry: CatalogueEntry, store: Path, server: FileServer
) -> None:
    server.break_after, server.shift = [100_000], 5
    with pytest.raises(ModelError, match="another part"):
        download_model(entry)
    (part,) = kept(store)
    assert part.read_bytes() == server.content[:100_000]


def test_a_wrong_file_is_thrown_away(
    entry: CatalogueEntry, store: Path, server: FileServer
) -> None:
    server.content = bytes(len(server.content))
    with pytest.raises(ModelError, match="SHA-256 differs"):
        download_model(entry)
    assert not kept(store) and not (store / "far-model").exists()


def test_a_damaged_part_is_replaced(entry: CatalogueEntry, store: Path, server: FileServer) -> None:
    server.break_after = [100_000, 0, 0, 0, 0]
    with pytest.raises(ModelError):
        download_model(entry)
    (part,) = kept(store)
    part.write_bytes(bytes(100_000))
    server.break_after, server.asked = [], []
    download_model(entry)
    assert server.asked == ["bytes=100000-", None]
    verify(store / "far-model")


def test_a_part_that_is_too_long_is_replaced(
    entry: CatalogueEntry, store: Path, server: FileServer
) -> None:
    part = store / ".downloads" / f"far-model-{entry.sha256[:16]}.zip.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(entry.bytes + 1))
    download_model(entry)
    assert server.asked == [None]


@pytest.mark.parametrize("told", [10, 10**9])
def test_a_file_of_another_size_is_not_downloaded(
    entry: CatalogueEntry, store: Path, server: FileServer, told: int
) -> None:
    server.told_length = told
    with pytest.raises(ModelError, match=f"has {told} bytes, expected {entry.bytes}"):
        download_model(entry)
    assert not kept(store) or kept(store)[0].stat().st_size == 0


def test_a_file_that_is_not_there(entry: CatalogueEntry, store: Path, server: FileServer) -> None:
    server.statuses = [404]
    with pytest.raises(ModelError, match="404"):
        download_model(entry)
    assert len(server.asked) == 1


def test_a_busy_server_is_asked_again(
    entry: CatalogueEntry, store: Path, server: FileServer
) -> None:
    server.statuses = [503, 429]
    download_model(entry)
    assert len(server.asked) == 3


def test_no_server(entry: CatalogueEntry, store: Path) -> None:
    with serving(FileServer()) as gone:
        url = gone.url
    with pytest.raises(ModelError, match=r"refused.*check the connection"):
        download_model(replace(entry, url=url))


def test_cancelled_in_the_middle(entry: CatalogueEntry, store: Path, server: FileServer) -> None:
    done = 0

    def progress(received: int, total: int) -> None:
        nonlocal done
        done = received

    server.break_after = [100_000]
    with pytest.raises(CancelledError):
        download_model(entry, progress=progress, cancelled=lambda: done >= 100_000)
    (part,) = kept(store)
    assert part.stat().st_size == 100_000
    assert not (store / "far-model").exists()
    download_model(entry)
    assert server.asked == [None, "bytes=100000-"]


def test_a_stalled_connection_counts_as_broken(
    entry: CatalogueEntry, store: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_resume, "_SILENCE_SECONDS", 0.1)
    server.stall = threading.Event()
    with pytest.raises(ModelError, match="timed out"):
        download_model(entry)
    assert kept(store)[0].stat().st_size >= len(server.content) // 2


@pytest.mark.parametrize("head", [False, True], ids=["body", "head"])
def test_a_server_that_drips_is_given_up(
    entry: CatalogueEntry,
    store: Path,
    server: FileServer,
    monkeypatch: pytest.MonkeyPatch,
    head: bool,
) -> None:
    # A byte now and then is no silence, and each try brings a little more.
    monkeypatch.setattr(http_stream, "_WINDOW_SECONDS", 0.3)
    server.drip = (0.02, 1, head)
    began = time.monotonic()
    with pytest.raises(ModelError, match=r"less than 1 kB a second.*it goes on where it stopped"):
        download_model(entry)
    assert time.monotonic() - began < 10 and 2 <= len(server.asked) < 10
    if not head:
        assert server.asked[1] is not None  # what had come was kept


def test_a_server_that_is_slow_enough_is_waited_for(
    entry: CatalogueEntry, store: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_stream, "_WINDOW_SECONDS", 0.2)
    server.drip = (0.02, 10_000, False)
    download_model(entry)
    assert server.asked == [None]
    verify(store / "far-model")


@pytest.mark.parametrize("how", ["stalled", "dripping", "no head"])
def test_cancelled_whatever_the_server_does(
    entry: CatalogueEntry, store: Path, server: FileServer, how: str
) -> None:
    if how == "stalled":
        server.stall = threading.Event()
    else:
        server.drip = (0.05, 1, how == "no head")
    began = time.monotonic()
    with pytest.raises(CancelledError, match="is kept for the next try"):
        download_model(entry, cancelled=lambda: time.monotonic() - began > 0.3)
    assert time.monotonic() - began < 3
    threads = [thread for thread in threading.enumerate() if thread.name == "download"]
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


@pytest.mark.parametrize("told", ["9" * 5000, "-1", "\u0663", "1e6", "0x10"])
def test_lengths_that_are_none(
    entry: CatalogueEntry, store: Path, server: FileServer, told: str
) -> None:
    server.told_length = told.encode("utf-8").decode("latin-1")
    try:
        download_model(entry)
    except ModelError as error:
        assert "cannot be downloaded" in str(error) or "expected" in str(error)
    else:
        verify(store / "far-model")


def test_reasons_of_a_server_are_only_text(
    entry: CatalogueEntry, store: Path, server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.statuses, server.reason = [404], "no \x1b[2J\x9b\x07 model"
    with pytest.raises(ModelError, match="404") as caught:
        download_model(entry)
    assert unsafe_characters(str(caught.value)) == "" and r"\x1b[2J" in str(caught.value)


def test_a_full_disk_is_noticed_before(
    entry: CatalogueEntry, store: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(store.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    with pytest.raises(ModelError, match=r"needs 11 MB in .*store, 1 MB are free"):
        download_model(entry)
    assert not server.paths


def test_a_disk_that_fills_up_is_told_as_it_is(
    entry: CatalogueEntry, store: Path, server: FileServer
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    part = store / ".downloads" / f"far-model-{entry.sha256[:16]}.zip.part"
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")
    with pytest.raises(ModelError, match=r"cannot be stored in .*No space left"):
        download_model(entry)
    assert len(server.paths) == 1


def test_a_folder_that_cannot_be_written(entry: CatalogueEntry, store: Path) -> None:
    store.write_text("a file")
    with pytest.raises(ModelError, match="cannot be stored in"):
        download_model(entry)


def test_a_model_is_not_overwritten_unasked(
    entry: CatalogueEntry, store: Path, server: FileServer
) -> None:
    download_model(entry)
    (store / "far-model" / "mine").touch()
    with pytest.raises(ModelError, match="exists"):
        download_model(entry)
    assert len(server.paths) == 1
    download_model(entry, overwrite=True)
    verify(store / "far-model")


def test_only_what_was_downloaded_is_removed(
    entry: CatalogueEntry, store: Path, server: FileServer
) -> None:
    """A model of the user stays, also in the place of one that was downloaded."""
    weights = {"w": torch.ones(3)}
    write_model_folder(store / "mine", replace(CARD, id="mine"), weights, "CC0")
    download_model(entry)
    assert [card.id for card in downloaded_models()] == ["far-model"]
    assert remove_downloads() > entry.unpacked_bytes - 1
    assert sorted(path.name for path in store.iterdir()) == ["mine"]
    assert downloaded_models() == [] and remove_downloads() == 0
    download_model(entry)
    write_model_folder(store / "far-model", CARD, weights, "CC0", overwrite=True)
    assert downloaded_models() == []
    remove_downloads()
    assert sorted(path.name for path in store.iterdir()) == ["far-model", "mine"]
    verify(store / "far-model")


def test_what_is_left_of_a_broken_download_is_removed(
    entry: CatalogueEntry, store: Path, server: FileServer
) -> None:
    assert unfinished_downloads() == [] and remove_downloads() == 0
    server.break_after = [1000, 0, 0, 0, 0]
    with pytest.raises(ModelError):
        download_model(entry)
    assert unfinished_downloads() == kept(store) != []
    assert remove_downloads() == 1000
    assert list(store.iterdir()) == []


def test_notes_that_were_tampered_with_remove_nothing(
    entry: CatalogueEntry, store: Path, server: FileServer, tmp_path: Path
) -> None:
    """A note is a file that somebody else may have written."""
    download_model(entry)
    (store / "far-model").replace(tmp_path / "elsewhere")
    (store / "far-model").symlink_to(tmp_path / "elsewhere")
    (store / ".downloads" / "x.json").write_text("[]")
    assert downloaded_models() == []
    remove_downloads()
    verify(tmp_path / "elsewhere")


def test_what_is_not_the_model_is_not_put_in_place(
    entry: CatalogueEntry, store: Path, server: FileServer
) -> None:
    with pytest.raises(ModelError, match=r"holds the model 'far-model', expected 'near-model'"):
        download_model(replace(entry, id="near-model"))
    assert not (store / "near-model").exists() and not (store / "far-model").exists()
    server.content = b"no zip file at all"
    with pytest.raises(ModelError, match="no zip file"):
        download_model(of_content(entry, server.content))
    assert [path.name for path in store.iterdir()] == [".downloads"]


@pytest.mark.parametrize(
    "target", ["http://models.example/model.zip", "ftp://models.example/model.zip"]
)
def test_a_server_cannot_lead_away_from_protected_addresses(
    entry: CatalogueEntry, store: Path, server: FileServer, target: str
) -> None:
    server.redirect = target
    with pytest.raises(ModelError, match=r"https|not allowed|302"):
        download_model(entry)


def test_redirects_are_followed_and_continued(
    entry: CatalogueEntry, store: Path, server: FileServer
) -> None:
    with serving(FileServer(redirect=server.url)) as first:
        server.break_after = [100_000]
        download_model(replace(entry, url=first.url))
        assert server.asked == first.asked == [None, "bytes=100000-"]


def test_proxies_are_taken_from_the_environment(
    entry: CatalogueEntry, store: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "")
    with serving(FileServer()) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(ModelError, match="403"):
            download_model(replace(entry, url="https://models.example/model.zip"))
        assert set(proxy.paths) == {"models.example:443"}
    # The proxy sends the file itself: the address is asked for as a whole.
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.port}")
    download_model(replace(entry, url="http://localhost:9/far.zip"))
    assert server.paths == ["http://localhost:9/far.zip"]


def test_download_from_the_command_line(
    entry: CatalogueEntry,
    store: Path,
    server: FileServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(catalogue, "bundled_models_dir", lambda: tmp_path)
    assert main(["models", "download"]) == 0
    assert "no models are offered" in capsys.readouterr().out
    content = {"format": 1, "models": [entry.to_json()]}
    (tmp_path / "catalogue.json").write_text(json.dumps(content))
    assert main(["models", "download"]) == 0
    assert capsys.readouterr().out == "far-model  2D  0.3 MB  Generated shapes\n"
    assert main(["models", "download", "far-model"]) == 0
    assert "use it with --model far-model" in capsys.readouterr().out
    verify(store / "far-model")
    assert main(["models", "download", "far-model"]) == 3
    assert "exists" in capsys.readouterr().err
    assert main(["models", "download", "far-model", "--overwrite"]) == 0
    assert main(["models", "download", "near-model"]) == 3
    assert "there are: far-model" in capsys.readouterr().err
