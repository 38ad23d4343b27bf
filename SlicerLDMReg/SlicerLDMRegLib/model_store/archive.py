"""Zip archives of model folders, for download."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from pathlib import Path

from ..errors import ModelError
from .catalogue import CatalogueEntry, check_url
from .verify import FILE_NAME, sha256_of, verify

__all__ = ["pack_model", "unpack_model"]

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
    """
    check_url(url)
    folder, archive = Path(folder), Path(archive)
    card = verify(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
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
        with zipfile.ZipFile(archive) as packed:
            members = [member for member in packed.infolist() if not member.is_dir()]
            _check_members(archive, members, limit)
            for member in members:
                path = folder / member.filename
                path.parent.mkdir(parents=True, exist_ok=True)
                # zipfile never reads more than `member.file_size` bytes.
                with packed.open(member) as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise ModelError(f"{archive.name} is damaged or no zip file: {error}") from error


def _check_members(archive: Path, members: list[zipfile.ZipInfo], limit: int) -> None:
    seen = set()
    for member in members:
        kind = stat.S_IFMT(member.external_attr >> 16)
        name = member.filename
        # Some file systems ignore case.
        allowed = FILE_NAME.fullmatch(name) and name.lower() not in seen
        if not allowed or kind not in (0, stat.S_IFREG) or member.flag_bits & 1:
            raise ModelError(f"{archive.name} has an entry that no model has: {name[:100]!r}")
        seen.add(name.lower())
    size = sum(member.file_size for member in members)
    if size > limit:
        raise ModelError(f"{archive.name} holds {size} bytes, expected at most {limit}")
