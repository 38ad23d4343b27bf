"""A stand-in for the PyTorch extension, through which modules install torch."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

__all__ = ["PyTorchExtension", "installed"]


class PyTorchExtension:
    """The extension PyTorch: its answers, and the calls that it got.

    Attributes:
        torch_installed: what ``torchInstalled()`` answers.
        can_install: whether an installation succeeds.
        requests: the arguments of each call of ``installTorch``.
    """

    def __init__(self, torch_installed: bool) -> None:
        self.torch_installed = torch_installed
        self.can_install = True
        self.requests: list[dict[str, Any]] = []


@contextmanager
def installed(slicer: Any, torch_installed: bool) -> Iterator[PyTorchExtension]:
    """Have the extension for a while."""
    state = PyTorchExtension(torch_installed)

    class PyTorchUtilsLogic:
        @staticmethod
        def torchInstalled() -> bool:
            return state.torch_installed

        @property
        def torch(self) -> Any:
            return self.importTorch()

        def importTorch(self) -> Any:
            if not state.torch_installed:
                return self.installTorch()
            import torch

            return torch

        def installTorch(
            self,
            askConfirmation: bool = False,
            forceComputationBackend: str | None = None,
            torchVersionRequirement: str | None = None,
            torchvisionVersionRequirement: str | None = None,
        ) -> Any:
            if askConfirmation and not slicer.app.testingEnabled():
                text = "PyTorch will be downloaded and installed using light-the-torch."
                if not slicer.util.confirmOkCancelDisplay(text):
                    return None
            state.requests.append(
                {
                    "forceComputationBackend": forceComputationBackend,
                    "torchVersionRequirement": torchVersionRequirement,
                    "torchvisionVersionRequirement": torchvisionVersionRequirement,
                }
            )
            if not state.can_install:
                raise RuntimeError("installation of PyTorch failed")
            state.torch_installed = True
            return self.importTorch()

        def getDevice(self) -> Any:
            return self.torch.device("cuda") if self.torch.cuda.is_available() else "cpu"

        @property
        def cuda(self) -> bool:
            return bool(self.getDevice() != "cpu")

    module = ModuleType("PyTorchUtils")
    module.PyTorchUtilsLogic = PyTorchUtilsLogic  # type: ignore[attr-defined]
    sys.modules["PyTorchUtils"] = module
    slicer.modules.pytorchutils = slicer.qSlicerLoadableModule("PyTorchUtils", None)
    slicer.app.extensionsManagerModel()._installed.append("PyTorch")
    try:
        yield state
    finally:
        del sys.modules["PyTorchUtils"]
        del slicer.modules.pytorchutils
        if "PyTorch" in slicer.app.extensionsManagerModel()._installed:
            slicer.app.extensionsManagerModel()._installed.remove("PyTorch")
