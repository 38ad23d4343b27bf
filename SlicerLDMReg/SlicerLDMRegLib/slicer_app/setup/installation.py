"""Installation of the missing packages when the user asks for it: torch first, then the rest."""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import CalledProcessError

import qt
import slicer
from slicer.i18n import tr as _

from ...errors import InputError
from . import dependencies
from .dependencies import EXTENSION, Package, SetupStatus, check_setup, why_no_torch
from .installation_texts import explain_failure, folder_question, question
from .wheel_folder import WheelFolder, download_command

__all__ = ["Installation", "replaced_in_use", "versions"]

_REQUESTER = "LDM Registration"
_PAINT_MS = 50  # for the panel to show what comes, before something blocks
_LAST_LINES = 40


class Installation:
    """Asks once, installs, and says how it went.

    torch comes from the PyTorch extension, which knows the build for this computer; that blocks the
    application for most of the time. The rest comes from ``Resources/requirements.txt`` and leaves
    it alive, but in Slicer 5.10, which cannot. No package that Slicer ships is replaced.

    Args:
        on_change: called when the attributes have changed.
        on_log: called with each line that pip says.

    Attributes:
        step: what is being installed, in words; empty while nothing is.
        problem: why the last one failed and what to do; empty otherwise.
        declined: whether the user was asked and declined.
        restart_for: what was replaced while it was in use: Slicer has to be restarted.
    """

    def __init__(
        self,
        on_change: Callable[[], object] = lambda: None,
        on_log: Callable[[str], object] = lambda line: None,
    ) -> None:
        self._on_change, self._on_log = on_change, on_log
        self.step = ""
        self.problem = ""
        self.declined = False
        self.restart_for: tuple[str, ...] = ()
        self._before: dict[str, str] = {}
        self._imported: set[str] = set()
        self._with_encoder = False
        self._log: list[str] = []
        self._constraints: Path | None = None
        self._folder: Path | None = None  # of wheels; None: the Internet

    @property
    def is_running(self) -> bool:
        """Whether something is being installed."""
        return bool(self.step)

    def forget(self) -> None:
        """Call back no more; what is being installed goes on to its end."""
        self._on_change, self._on_log = (lambda: None), (lambda line: None)

    def install(self, with_encoder: bool = False) -> None:
        """Ask, and install what is missing; return before it is done where Slicer allows it.

        Args:
            with_encoder: also the text encoder for new prompts.
        """
        status = check_setup()
        missing = status.missing(with_encoder)
        if self.is_running or not missing:
            return
        self.problem, self.declined = _refused_in_tests() or self._obstacle(status), False
        if not self.problem:
            self.declined = not slicer.util.confirmOkCancelDisplay(
                question(status, missing),
                _("Install Python packages"),
                detailedText="\n".join(package.requirement for package in missing),
            )
        if self.problem or self.declined:
            self._on_change()
            return
        self._with_encoder, self._folder = with_encoder, None
        # The extension imports torch when it has installed it, which is no reason to restart.
        self._before, self._imported, self._log = versions(), set(sys.modules), []
        if status.torch.present:
            self._begin(_installing_packages(), self._install_packages)
        else:
            text = _(
                "Installing PyTorch. Slicer hardly responds for some minutes; what happens is in"
                " the Python console (menu View)."
            )
            self._begin(text, self._install_torch)

    def install_from(self, folder: Path, with_encoder: bool = False) -> None:
        """Ask, and install what is missing from a folder of wheels, torch as well; no download.

        Args:
            folder: of the wheels.
            with_encoder: also the text encoder for new prompts.
        """
        missing = check_setup().missing(with_encoder)
        if self.is_running or not missing:
            return
        self.declined = False
        self.problem = _refused_in_tests() or self._busy() or _lacking(folder, missing)
        if not self.problem:
            self.declined = not slicer.util.confirmOkCancelDisplay(
                folder_question(folder, missing),
                _("Install Python packages"),
                detailedText="\n".join(package.requirement for package in missing),
            )
        if self.problem or self.declined:
            self._on_change()
            return
        self._with_encoder, self._folder = with_encoder, folder
        self._before, self._imported, self._log = versions(), set(sys.modules), []
        self._begin(_installing_packages(), self._install_packages)

    def install_extension(self) -> None:
        """Ask, and install the PyTorch extension from Slicer's server; a restart has to follow."""
        if self.is_running:
            return
        self.problem, self.declined = _refused_in_tests(), False
        text = _(
            "The extension {name} is downloaded from Slicer's extensions server and installed."
            " Slicer has to be restarted afterwards. Continue?"
        ).format(name=EXTENSION)
        if not self.problem:
            self.declined = not slicer.util.confirmOkCancelDisplay(text, _("Install an extension"))
        if self.problem or self.declined:
            self._on_change()
            return
        text = _("Installing the extension {name}.").format(name=EXTENSION)
        self._begin(text, self._install_extension)

    # Steps; each begins after the panel was painted.

    def _begin(self, step: str, function: Callable[[], None]) -> None:
        self.step = step
        self._on_change()

        def run() -> None:
            try:
                function()
            except Exception as error:
                self._end(f"{type(error).__name__}: {error}")

        qt.QTimer.singleShot(_PAINT_MS, run)

    def _install_extension(self) -> None:
        manager = slicer.app.extensionsManagerModel()
        is_interactive, manager.interactive = manager.interactive, False
        try:
            # Without False, it would restart Slicer at once.
            is_installed = manager.installExtensionFromServer(EXTENSION, False)
        finally:
            manager.interactive = is_interactive
        if is_installed:
            self._end("")
        else:
            self._end(
                _(
                    "The extension {name} could not be installed. Check the connection to the"
                    " Internet, or install it in the Extensions Manager (menu View)."
                ).format(name=EXTENSION)
            )

    def _install_torch(self) -> None:
        problem = ""
        try:
            import PyTorchUtils

            wanted = dependencies.TORCH.removeprefix("torch")
            PyTorchUtils.PyTorchUtilsLogic().installTorch(
                askConfirmation=False, torchVersionRequirement=wanted
            )
        except Exception as error:
            logging.exception("PyTorch could not be installed")
            problem = f"{type(error).__name__}: {error}"
        importlib.invalidate_caches()
        if problem or not check_setup().torch.present:
            self._end(
                _(
                    "PyTorch could not be installed. What was tried is in the Python console (menu"
                    " View). Check the connection to the Internet and the room on the disk and"
                    " install again, or install PyTorch in the module PyTorch Utils, where another"
                    " build can be chosen. {problem}"
                ).format(problem=problem)
            )
        elif not check_setup().missing(self._with_encoder):
            self._end("")
        else:
            self._begin(_installing_packages(), self._install_packages)

    def _install_packages(self) -> None:
        # Only what was wanted is named: a line `torch` would get pip's build of it.
        missing = check_setup().missing(self._with_encoder)
        alone, others = _split(missing)
        if self._folder is not None:
            offline = ["--no-index", f"--find-links={self._folder}"]
            alone, others = ([*some, *offline] if some else [] for some in (alone, others))
        self._constraints = Path(slicer.app.temporaryPath) / f"ldmreg-{uuid.uuid4().hex}.txt"
        replaced = () if self._folder is None else [package.name for package in missing]
        self._constraints.write_text(dependencies.constraints_text(replaced), "utf-8")
        try:
            from slicer.packaging import pip_install
        except ImportError:  # Slicer 5.10: it waits, and its output goes to the Python console
            self._install_waiting(alone, others)
            return
        if not others:
            alone, others = [], [*alone, "--no-deps"]
        pip_install(
            others,
            constraints=str(self._constraints),
            no_deps_requirements=alone or None,
            blocking=False,
            show_progress=False,
            requester=_REQUESTER,
            logCallback=self._line,
            completedCallback=self._installed,
        )

    def _install_waiting(self, alone: list[str], others: list[str]) -> None:
        try:
            if alone:
                slicer.util.pip_install([*alone, "--no-deps"])
            if others:
                slicer.util.pip_install([*others, "-c", str(self._constraints)])
        except CalledProcessError as error:
            self._end(
                _(
                    "pip could not install the packages (exit code {code}). Its output is in the"
                    " Python console (menu View). Check the connection to the Internet and the"
                    " room on the disk and install again."
                ).format(code=error.returncode)
            )
        else:
            self._installed(0)

    def _line(self, line: str) -> None:
        self._log.append(line)
        self._on_log(line)

    def _installed(self, code: int) -> None:
        importlib.invalidate_caches()
        log = "\n".join(self._log)
        if code != 0:
            logging.error("pip ended with code %s:\n%s", code, log)
        failed = code != 0 or bool(check_setup().missing(self._with_encoder))
        self._end(explain_failure(log) if failed else "")

    def _end(self, problem: str) -> None:
        if self._constraints is not None:
            self._constraints.unlink(missing_ok=True)
            self._constraints = None
        self.step, self.problem = "", problem
        if self._before:
            replaced = replaced_in_use(self._before, self._imported)
            self.restart_for = tuple(sorted({*self.restart_for, *replaced}))
            self._before = {}
        self._on_change()

    # Words

    @staticmethod
    def _obstacle(status: SetupStatus) -> str:
        if not status.torch.present and why_no_torch():
            return why_no_torch()
        if status.needs_extension:
            return _("The extension {name} has to be installed first.").format(name=EXTENSION)
        return Installation._busy()

    @staticmethod
    def _busy() -> str:
        packaging = getattr(slicer, "packaging", None)
        if packaging is not None and packaging.isPipInstallInProgress():
            return _("Another module is installing packages. Wait for its end and install again.")
        return ""

    @property
    def last_lines(self) -> str:
        """The end of what pip said."""
        return "\n".join(self._log[-_LAST_LINES:])


def _split(packages: Sequence[Package]) -> tuple[list[str], list[str]]:
    """Return the requirements of what is installed alone, and of what brings its dependencies."""
    alone = [p.requirement for p in packages if p.name in dependencies.WITHOUT_DEPENDENCIES]
    return alone, [p.requirement for p in packages if p.requirement not in alone]


def _lacking(folder: Path, missing: Sequence[Package]) -> str:
    """Return what a folder of wheels lacks, and how to get it; empty: nothing."""
    try:
        lacking = WheelFolder(folder).lacking(missing)
    except InputError as error:
        return str(error)
    if not lacking:
        return ""
    return _(
        "{folder} lacks wheels for this computer: {names}. Nothing was installed. On a computer"
        " with Internet, run: {command}"
    ).format(folder=folder, names=", ".join(lacking), command=download_command())


def _installing_packages() -> str:
    return _("Installing packages. This takes a minute or two.")


def _refused_in_tests() -> str:
    # Then questions are answered with yes, and a test must not change Slicer's Python.
    return _("Nothing is installed while Slicer runs tests.") if slicer.app.testingEnabled() else ""


def versions() -> dict[str, str]:
    """Return the version of every package that is installed, by the names of their folders."""
    importlib.invalidate_caches()
    folders = (folder for place in sys.path for folder in Path(place).glob("*-*.dist-info"))
    parts = (folder.name.removesuffix(".dist-info").partition("-") for folder in folders)
    return {name: version for name, _dash, version in parts}


def replaced_in_use(before: dict[str, str], imported: set[str]) -> list[str]:
    """Return the packages that were replaced while they were in use: Slicer has to be restarted.

    Args:
        before: what :func:`versions` returned before the installation.
        imported: names of the modules that Slicer had imported then.
    """
    return [
        name
        for name, version in versions().items()
        if version != before.get(name) and imported.intersection(_modules(name))
    ]


def _modules(package: str) -> set[str]:
    """Return the names under which a package is imported."""
    distribution = importlib.metadata.distribution(package)
    files = distribution.files or ()
    named = (distribution.read_text("top_level.txt") or "").split()
    return set(named) or {f.parts[0].removesuffix(".py") for f in files if f.suffix == ".py"}
