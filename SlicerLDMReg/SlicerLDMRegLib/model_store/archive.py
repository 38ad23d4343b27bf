"""Zip archives of model folders, for download."""

from __future__ import annotations

import re
import shutil
import stat
import struct
import zipfile
import zlib
from pathlib import Path

from .._outputs import check_place, whole_file
from ..errors import InputError, ModelError
from .catalogue import CatalogueEntry, check_url
from .verify import FILE_NAME, sha256_of, verify

__all__ = ["pack_model", "unpack_model"]

_END_RECORD, _LONGEST_COMMENT = 22, 1 << 16  # bytes at the end of a zip file
_MOST_ENTRIES = 1000  # a model has five
_LONGEST_ENTRY = 1000  # bytes in the list of entries
_LONGEST_NAME = 200  # characters
# Names of Windows for devices, whatever follows a point.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_DATE = (1980, 1, 1, 0, 0, 0)  # fixed, so that the same folder gives the same archive


def pack_model(folder: Path | str, archive: Path | str, url: str) -> CatalogueEntry:
    """Write the zip archive of a model folder.

    Args:
        folder: a model that :func:`SlicerLDMRegLib.model_store.verify` accepts.
        archive: the file to write.
        url: future address of the archive.

    Returns:
        Its entry for ``catalogue.json``.

    Raises:
        ModelError: when the folder fails verification, or the address is not https.
        InputError: when the archive cannot be written, or would lie in the model.
    """
    check_url(url)
    folder, archive = Path(folder), check_place(Path(archive), "archive")
    if folder.resolve() in archive.resolve().parents:
        raise InputError(f"archive: {archive} lies in the model; name a file outside of it")
    card = verify(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with (
        whole_file(archive) as new,
        zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for path in files:
            member = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            with path.open("rb") as source, packed.open(member, "w") as target:
                shutil.copyfileobj(source, target)
    return CatalogueEntry(
        id=card.id,
        title=card.title,
        spatial_dims=card.spatial_dims,
        use=card.use,
        url=url,
        sha256=sha256_of(archive),
        bytes=archive.stat().st_size,
        unpacked_bytes=sum(path.stat().st_size for path in files),
    )


def unpack_model(archive: Path, folder: Path, limit: int) -> None:
    """Unpack a model into a folder; no archive can write outside it.

    Args:
        archive: the zip file.
        folder: an empty folder.
        limit: maximum size of the unpacked files in bytes.

    Raises:
        ModelError: for entries other than plain files with plain names, more than ``limit`` bytes,
            or a damaged file.
    """
    try:
        _check_directory(archive)
        with zipfile.ZipFile(archive) as packed:
            members = packed.infolist()
            _check_members(archive, members, limit)
            for member in members:
                if member.is_dir():
                    continue
                path = folder / member.filename
                path.parent.mkdir(parents=True, exist_ok=True)
                # zipfile never reads more than `member.file_size` bytes.
                with packed.open(member) as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target)
    except _DAMAGED as error:
        raise ModelError(f"{archive.name} is damaged or no zip file: {error}") from error


_DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError,
    ValueError,
)  # fmt: skip


def _check_directory(archive: Path) -> None:
    """Refuse an archive of very many entries, before a list of them is made."""
    with archive.open("rb") as file:
        length = file.seek(0, 2)
        file.seek(max(0, length - _END_RECORD - _LONGEST_COMMENT))
        tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END_RECORD:
        raise zipfile.BadZipFile("it has no end")
    count, size = struct.unpack_from("<HI", tail, at + 10)
    if count > _MOST_ENTRIES or size > _MOST_ENTRIES * _LONGEST_ENTRY:
        raise ModelError(f"{archive.name} has {count} entries or more, a model has a few")


def _check_members(archive: Path, members: list[zipfile.ZipInfo], limit: int) -> None:
    if len(members) > _MOST_ENTRIES:
        raise ModelError(f"{archive.name} has {len(members)} entries, a model has a few")
    files: set[str] = set()
    for member in members:
        # Some file systems ignore case.
        name = member.filename.rstrip("/").lower()
        if name in files or not _is_allowed(member):
            raise ModelError(
                f"{archive.name} has an entry that no model has: {member.orig_filename[:100]!r}"
            )
        if not member.is_dir():
            files.add(name)
    folders = {
        "/".join(name.split("/")[:n]) for name in files for n in range(1, name.count("/") + 1)
    }
    folders |= {member.filename.rstrip("/").lower() for member in members if member.is_dir()}
    if clash := sorted(files & folders):
        raise ModelError(f"{archive.name} has {clash[0]!r} as a file and as a folder")
    size = sum(member.file_size for member in members)
    if size > limit:
        raise ModelError(f"{archive.name} holds {size} bytes, expected at most {limit}")


def _is_allowed(member: zipfile.ZipInfo) -> bool:
    """Whether an entry is a plain file or folder with a name that is one on every system."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    name = member.filename.removesuffix("/")
    parts = name.split("/")
    return (
        # `zipfile` cuts a name off at a NUL, and turns the separators of the system around.
        member.orig_filename == member.filename
        and FILE_NAME.fullmatch(name) is not None
        and len(name) <= _LONGEST_NAME
        and not any(_DEVICE.fullmatch(part) or part.endswith(".") for part in parts)
        and kind in (0, stat.S_IFDIR if member.is_dir() else stat.S_IFREG)
        and not member.flag_bits & 1  # encrypted
        and member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    )
