"""Installing without Internet, from a folder of wheels; what is told before an installation."""

from __future__ import annotations

import importlib.metadata
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ALL = {
    "torch": "2.9.0+cpu",
    "einops": "0.8.1",
    "jinja2": "3.1.6",
    "matplotlib": "3.10.0",
    "monai": "1.6.1",
    "safetensors": "0.6.2",
    "tqdm": "4.67.1",
}


def wheel(folder: Path, name: str, version: str, *needs: str, tag: str = "py3-none-any") -> Path:
    """A wheel without code, which asks for other packages."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{version}-{tag}.whl"
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    lines += [f"Requires-Dist: {need}" for need in needs]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}-{version}.dist-info/METADATA", "\n".join(lines) + "\n\ntext\n")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with wheels of everything that is needed."""
    for name, version in ALL.items():
        wheel(tmp_path / "my wheels", name, version)
    return tmp_path / "my wheels"


def choose(host: Any, form: Any, folder: Path) -> None:
    host.dialogs.answer("The folder of wheels", str(folder))
    form.ui.installFromFolderButton.click()
    host.process_events()


def test_all_comes_from_the_folder(host: Any, form: Any, packages: Any, folder: Path) -> None:
    host.dialogs.answer("nothing is downloaded", host.qt.QMessageBox.Ok)
    choose(host, form, folder)
    host.wait_until(lambda: not form.section.installation.is_running)
    (command,) = host.pip.commands
    for part in ("torch>=2.8", "monai>=1.6", "--no-index", f"--find-links={folder}"):
        assert part in command
    assert form.section.installation.problem == ""
    asked = host.dialogs.shown[-1].text
    assert str(folder) in asked and "site-packages" in asked and "GB" not in asked


def test_an_older_torch_is_no_constraint(
    host: Any, form: Any, packages: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages["torch"] = "2.4.1"
    written: list[str] = []
    real = Path.write_text

    def write_text(path: Path, text: str, *rest: Any) -> int:
        written.append(text)
        return real(path, text, *rest)

    monkeypatch.setattr(Path, "write_text", write_text)
    host.dialogs.answer("nothing is downloaded", host.qt.QMessageBox.Ok)
    choose(host, form, folder)
    host.wait_until(lambda: not form.section.installation.is_running)
    assert "torch" not in written[0] and "numpy==2.4.6" in written[0]


def refused(host: Any, form: Any, folder: Path) -> str:
    """What is said of a folder; nothing was asked or installed."""
    choose(host, form, folder)
    assert not host.pip.commands and len(host.dialogs.shown) == 1
    assert not form.section.installation.is_running
    return str(form.ui.setupLabel.text)


def test_what_is_lacking_is_told_before(host: Any, form: Any, folder: Path) -> None:
    (folder / "monai-1.6.1-py3-none-any.whl").unlink()
    text = refused(host, form, folder)
    assert "lacks wheels for this computer: monai>=1.6." in text
    assert "python -m pip download --dest wheels --only-binary :all:" in text
    assert '"torch>=2.8"' in text and '"monai>=1.6"' in text


def test_too_old_counts_as_lacking(host: Any, form: Any, folder: Path) -> None:
    (folder / "monai-1.6.1-py3-none-any.whl").unlink()
    wheel(folder, "monai", "1.3.0")
    assert "monai>=1.6" in refused(host, form, folder)


def test_of_another_system_counts_as_lacking(host: Any, form: Any, folder: Path) -> None:
    (folder / "torch-2.9.0+cpu-py3-none-any.whl").unlink()
    wheel(folder, "torch", "2.9.0", tag="cp27-cp27m-win32")
    assert "lacks wheels for this computer: torch>=2.8." in refused(host, form, folder)


def test_what_wheels_ask_for_is_needed_too(host: Any, form: Any, folder: Path) -> None:
    wheel(folder, "torch", "2.9.0+cpu", "filelock", "sympy>=1.13", 'pywin32; sys_platform=="cp/m"')
    wheel(folder, "sympy", "1.14.0", "mpmath<1.4", "numpy>=2")
    text = refused(host, form, folder)
    assert "lacks wheels for this computer: filelock, mpmath<1.4." in text


def test_a_damaged_wheel(host: Any, form: Any, folder: Path) -> None:
    (folder / "torch-2.9.0+cpu-py3-none-any.whl").write_bytes(b"PK\3\4 half a file")
    text = refused(host, form, folder)
    assert "torch-2.9.0+cpu-py3-none-any.whl is damaged; download it again" in text


def test_a_folder_without_wheels(host: Any, form: Any, tmp_path: Path) -> None:
    (tmp_path / "torch.txt").write_text("")
    text = refused(host, form, tmp_path)
    assert "has no wheels for this computer, of 0 wheels in all" in text


def test_no_folder_was_chosen(host: Any, form: Any) -> None:
    host.dialogs.answer("The folder of wheels", "")
    form.ui.installFromFolderButton.click()
    assert not host.pip.commands and len(host.dialogs.shown) == 1


def test_on_an_intel_mac_nothing_is_offered(
    host: Any, form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from SlicerLDMRegLib.slicer_app.setup import dependencies

    monkeypatch.setattr(dependencies.sys, "platform", "darwin")
    monkeypatch.setattr(dependencies.platform, "machine", lambda: "x86_64")
    form.section.update()
    assert not form.ui.installFromFolderButton.enabled and not form.ui.installButton.enabled


# What is told before anything is downloaded


@pytest.fixture
def only_rest(form: Any, packages: Any) -> Iterator[Any]:
    """All but monai is there."""
    packages.have_all()
    packages["monai"] = "1.3.0"
    form.section.update()
    yield form


def asked(host: Any, form: Any) -> str:
    """The question; it is declined."""
    host.dialogs.answer("Install them now?", host.qt.QMessageBox.Cancel)
    form.ui.installButton.click()
    host.process_events()
    return str(host.dialogs.shown[-1].text)


def test_an_older_package_of_another_extension(
    host: Any, only_rest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def distribution(name: str, *requires: str) -> Any:
        return SimpleNamespace(metadata={"Name": name}, requires=list(requires))

    monkeypatch.setattr(
        importlib.metadata,
        "distributions",
        lambda: [
            distribution("oldseg", "torch", "MONAI<1.5,>=1.2"),
            distribution("newseg", "monai>=1.4"),
            distribution("optional", 'monai<1; extra == "all"'),
            distribution("broken", "???"),
        ],
    )
    text = asked(host, only_rest)
    assert "monai 1.3.0 is replaced by a newer version, for all modules." in text
    assert "ask for an older monai, and may work no more: oldseg (MONAI<1.5,>=1.2)." in text
    assert "newseg" not in text and "optional" not in text


def test_nobody_asks_for_the_older_one(host: Any, only_rest: Any) -> None:
    text = asked(host, only_rest)
    assert "monai 1.3.0 is replaced" in text and "may work no more" not in text


def test_the_proxy_is_told_without_its_password(
    host: Any, only_rest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://me:secret@proxy.example:3128")
    text = asked(host, only_rest)
    assert "through the proxy http://proxy.example:3128." in text and "secret" not in text


def test_no_proxy(host: Any, only_rest: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert "proxy" not in asked(host, only_rest)
