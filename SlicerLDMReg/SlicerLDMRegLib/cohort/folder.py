"""The folder of a cohort: where results and records of each pair lie, and who writes them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .._outputs import check_place, is_work_folder, recover, whole_file
from .._printable import json_safe
from .._processes import is_running, start_time
from .._small_files import DamagedFile, read_json
from ..errors import InputError

__all__ = ["CohortFolder"]

_DESCRIPTION = "cohort.json"
_MOST_BYTES = 50_000_000
# A run on another computer counts as ended when it has not told for so long that it runs; it tells
# every few seconds.
_SILENT_SECONDS = 600.0


class CohortFolder:
    """The folder of a cohort.

    Results lie in ``pairs/XX/ID``, records in ``records/XX/ID.json``: ``XX`` are digits of the
    name's SHA-256, for a folder of 100,000 others would be searched whole at every pair.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.abspath(root.expanduser()))  # noqa: PTH100 (no links resolved)

    def results(self, pair: str) -> Path:
        """Return the folder of the results of a pair."""
        return self.root / "pairs" / _shard(pair) / pair

    def record(self, pair: str) -> Path:
        """Return the file that tells what became of a pair."""
        return self.root / "records" / _shard(pair) / f"{pair}.json"

    def begun(self, pair: str) -> Path:
        """Return the file that counts how often a pair was begun in this run and not ended."""
        return self.root / "running" / f"{pair}.begun"

    @property
    def tables(self) -> Path:
        """The folder that holds tables and pages of the whole."""
        return self.root

    @property
    def run_file(self) -> Path:
        """The file that names the run that is writing; workers stop when it is gone."""
        return self.root / "running" / "run.json"

    def prepare(self, share: bool) -> None:
        """Make the folder, or check that it is one of a cohort.

        Args:
            share: whether others may read a new one as the umask says.

        Raises:
            InputError: when it holds other files, or cannot be written to.
        """
        check_place(self.root, inner="records/00/" + "x" * 170 + ".json")
        if self.root.exists() and not self.root.is_dir():
            raise InputError(f"output: {self.root} is a file; name a folder")
        try:
            names = sorted(p.name for p in self.root.iterdir()) if self.root.is_dir() else []
            others = [name for name in names if not is_work_folder(name)]
            if others and _DESCRIPTION not in names:
                raise InputError(
                    f"output: {self.root} holds files that are not of a cohort "
                    f"({', '.join(others[:3])}{', ...' if len(others) > 3 else ''}); "
                    "name another folder"
                )
            self.root.mkdir(parents=True, exist_ok=True)
            if not share and not names:
                self.root.chmod(0o700)
            for name in ("pairs", "records", "running"):
                (self.root / name).mkdir(exist_ok=True)
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"output: {self.root} cannot be written to ({reason})") from error

    def describe(self, values: dict[str, Any], share: bool) -> None:
        """Write what the cohort is, as JSON."""
        text = json.dumps(values, indent=2, ensure_ascii=False)
        with whole_file(self.root / _DESCRIPTION, private=not share) as file:
            file.write_text(json_safe(text) + "\n", encoding="utf-8")

    def description(self) -> dict[str, Any]:
        """Read what the cohort is.

        Raises:
            InputError: when it is not the folder of a cohort.
        """
        path = self.root / _DESCRIPTION
        try:
            values = read_json(path, _MOST_BYTES)
        except DamagedFile as error:
            raise InputError(
                f"cohort: expected the output folder of ldmreg cohort, got {self.root}: "
                f"{_DESCRIPTION}: {error}"
            ) from error
        if not isinstance(values, dict):
            raise InputError(f"cohort: {path} is not of ldmreg cohort")
        return values

    @contextmanager
    def running(self) -> Iterator[str]:
        """Be the one run that writes inside the block; yield its name.

        Raises:
            InputError: when another one is running.
        """
        name = uuid.uuid4().hex
        self._take(name)
        for old in self.begun("x").parent.glob("*.begun"):  # of runs that were ended
            old.unlink(missing_ok=True)
        try:
            yield name
        finally:
            with contextlib.suppress(OSError):
                if self.current_run() == name:
                    self.run_file.unlink()

    def current_run(self) -> str | None:
        """Return the name of the run that is writing, None where there is none."""
        found = self._owner()
        return None if found is None else str(found.get("run"))

    def is_running(self) -> bool:
        """Whether a run is writing now, as far as can be told."""
        owner = self._owner()
        return owner is not None and self._is_alive(owner)

    def tell(self, **values: Any) -> None:
        """Tell those who look how far the run is; it shows that the run is alive, too."""
        owner = self._owner()
        if owner is not None:
            self._write_run({**owner, **values})

    def told(self) -> dict[str, Any]:
        """Return what the run told last; empty where there is none."""
        return self._owner() or {}

    def end_broken(self, pairs: Iterator[str]) -> None:
        """End, or remove, what ended processes have left in the folders of some pairs."""
        for folder in {self.results(pair).parent for pair in pairs}:
            if folder.is_dir():
                recover(folder)

    def _take(self, name: str) -> None:
        pid = os.getpid()
        owner = {
            "run": name,
            "machine": platform.node(),
            "pid": pid,
            "began": start_time(pid) or 0,
        }
        for _ in range(3):
            try:
                with self.run_file.open("x", encoding="utf-8") as file:
                    json.dump(owner, file)
                return
            except FileExistsError:
                other = self._owner()
                if other is not None and self._is_alive(other):
                    raise InputError(
                        f"output: process {other.get('pid')} on {other.get('machine')} is writing "
                        f"into {self.root}; wait for it, or end it"
                    ) from None
                self.run_file.unlink(missing_ok=True)
        raise InputError(f"output: another process is writing into {self.root}")

    def _owner(self) -> dict[str, Any] | None:
        try:
            values = read_json(self.run_file, _MOST_BYTES)
        except DamagedFile:
            return None
        return values if isinstance(values, dict) else None

    def _write_run(self, values: dict[str, Any]) -> None:
        partial = self.run_file.with_suffix(".part")
        with contextlib.suppress(OSError):
            partial.write_text(json.dumps(values), encoding="utf-8")
            partial.replace(self.run_file)

    def _is_alive(self, owner: dict[str, Any]) -> bool:
        pid, began = owner.get("pid"), owner.get("began")
        if owner.get("machine") == platform.node() and isinstance(pid, int):
            return is_running(pid) and (not began or start_time(pid) in (None, began))
        try:
            return time.time() - self.run_file.stat().st_mtime < _SILENT_SECONDS
        except OSError:
            return False


def _shard(pair: str) -> str:
    return hashlib.sha256(pair.encode()).hexdigest()[:2]
