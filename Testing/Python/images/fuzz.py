"""Mutate small files and read them; anything but an image or an InputError is a fault.

    python -m Testing.Python.images.fuzz --runs 20000 --seed 1 [--kinds nii nrrd ...]

Each file is read in a process that is started anew when it dies, so that a crash is counted.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import io
import multiprocessing
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

KINDS = (
    "nii", "nii.gz", "nrrd", "nrrd.gz", "mha", "mha.z", "png", "tif", "tif.z", "dcm",
    "txt.nrrd", "nhdr", "seg.nrrd",
)  # fmt: skip
SLOW = ("jpg", "tif.lzw", "dcm.rle")
"""Read by a process of their own; half a second each."""
_SECONDS = 20
_TOKENS = (
    b"-1", b"0", b"nan", b"inf", b"99999999999", b"2147483648", b"1e308", b"none", b"()", b"\n",
    b"\0", b"LIST", b"LOCAL", b"../../etc/passwd", b"%999999d", b"gzip", b"raw", b"True",
)  # fmt: skip


def seed_file(kind: str, folder: Path) -> bytes:
    """Return a small valid file."""
    voxels = np.random.default_rng(0).integers(0, 250, (5, 6, 7)).astype(np.int16)
    image = sitk.GetImageFromArray(voxels)
    flat = sitk.GetImageFromArray(voxels[0].astype(np.uint8))
    path = folder / f"seed.{kind.split('.')[0]}"
    if kind in ("nii", "nii.gz"):
        sitk.WriteImage(image, str(path))
        data = path.read_bytes()
        return gzip.compress(data) if kind == "nii.gz" else data
    if kind in ("nrrd", "nrrd.gz", "mha", "mha.z"):
        sitk.WriteImage(image, str(path), useCompression="." in kind)
        return path.read_bytes()
    if kind == "seg.nrrd":
        for key, value in {"Segment0_Name": "a", "Segment0_LabelValue": "1"}.items():
            image.SetMetaData(key, value)
        sitk.WriteImage(image, str(folder / "seed.nrrd"))
        return (folder / "seed.nrrd").read_bytes()
    if kind in ("txt.nrrd", "nhdr"):
        head = b"NRRD0005\ntype: short\ndimension: 3\nsizes: 7 6 5\nspace: RAS\nendian: little\n"
        head += b"space directions: (1,0,0) (0,2,0) (0,0,3)\nspace origin: (1,2,3)\n"
        if kind == "nhdr":
            (folder / "a.raw").write_bytes(voxels.tobytes())
            return head + b"encoding: raw\ndata file: a.raw\n"
        return head + b"encoding: text\n\n" + " ".join(map(str, voxels.ravel())).encode()
    if kind in ("png", "jpg"):
        sitk.WriteImage(flat, str(path))
        return path.read_bytes()
    if kind.startswith("tif"):
        from PIL import Image

        pages = [Image.fromarray(page) for page in voxels.astype(np.uint16)]
        options = {"tif": None, "tif.z": "tiff_deflate", "tif.lzw": "tiff_lzw"}
        buffer = io.BytesIO()
        pages[0].save(
            buffer, "TIFF", save_all=True, append_images=pages[1:], compression=options[kind]
        )
        return buffer.getvalue()
    import pydicom

    from Testing.Python.images.dicom_files import dataset, save

    data = dataset(voxels[0], (0, 0, 0), RescaleSlope=2, RescaleIntercept=-3)
    if kind == "dcm.rle":
        data.compress(pydicom.uid.RLELossless)
    return save(data, folder / "seed.dcm").read_bytes()


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Return a file with a few changes of bits, bytes, tokens and length."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        place = rng.randrange(min(len(changed), rng.choice((600, 600, len(changed)))))
        how = rng.randrange(7)
        if how == 0:
            changed[place] ^= 1 << rng.randrange(8)
        elif how == 1:
            changed[place] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
        elif how == 2:
            value = rng.choice((0, 1, -1, 2**15, 2**31 - 1, -(2**31), 2**16, 7))
            changed[place : place + 4] = (value & 0xFFFFFFFF).to_bytes(
                4, rng.choice(("big", "little"))
            )
        elif how == 3:
            token = rng.choice(_TOKENS)
            changed[place : place + rng.choice((0, len(token)))] = token
        elif how == 4:
            del changed[place : place + rng.choice((1, 4, 50))]
        elif how == 5:
            changed = changed[: max(1, place)]
        else:
            other = rng.randrange(len(changed))
            changed[place:place] = changed[other : other + rng.choice((1, 8, 100))]
        if not changed:
            changed = bytearray(b"\0")
    return bytes(changed)


def _reader(connection: Any) -> None:
    """Read the files that are asked for until the end."""
    from SlicerLDMRegLib.errors import InputError
    from SlicerLDMRegLib.images import load_image

    while True:
        path = connection.recv()
        try:
            image = load_image(path).image
            answer = ("read", str(image.GetSize()))
        except InputError as error:
            answer = ("refused", str(error))
        except Exception:
            answer = ("fault", traceback.format_exc())
        connection.send(answer)


class Reader:
    """A process that reads files and may die."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("fork")
        self._start()

    def _start(self) -> None:
        self._here, there = self._context.Pipe()
        self._process = self._context.Process(target=_reader, args=(there,), daemon=True)
        self._process.start()
        there.close()

    def read(self, path: Path, seconds: float = _SECONDS) -> tuple[str, str]:
        """Return ``read``, ``refused``, ``fault``, ``crash`` or ``hang``, and the details."""
        self._here.send(str(path))
        try:
            if self._here.poll(seconds):
                return self._here.recv()
            kind = ("hang", f"{seconds} s")
        except (EOFError, ConnectionError):
            self._process.join()
            kind = ("crash", f"exit code {self._process.exitcode}")
        self.close()
        self._start()
        return kind

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def run(kinds: tuple[str, ...], runs: int, seed: int) -> tuple[collections.Counter, list[str]]:
    """Read mutated files; returns how often what happened, and the faults with their files."""
    counts: collections.Counter = collections.Counter()
    faults: list[str] = []
    reader = Reader()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seeds = {kind: seed_file(kind, folder) for kind in kinds}
        for number in range(runs):
            kind = kinds[number % len(kinds)]
            rng = random.Random(f"{seed} {number} {kind}")
            path = (
                folder
                / f"a.{kind.rpartition('.')[2] if kind.endswith('nrrd') else kind.split('.')[0]}"
            )
            if kind == "nii.gz":
                path = folder / "a.nii.gz"
            data = seeds[kind]
            if kind == "nii.gz" and rng.random() < 0.7:  # behind the compression
                path.write_bytes(gzip.compress(mutated(gzip.decompress(data), rng), 1))
            else:
                path.write_bytes(mutated(data, rng))
            what, text = reader.read(path)
            counts[kind, what] += 1
            unforeseen = "\n" in text or "cannot be read (" in text
            bad = what in ("fault", "crash", "hang") or (what == "refused" and unforeseen)
            if bad:
                kept = Path(tempfile.gettempdir()) / f"fuzz-{seed}-{number}.{kind}"
                kept.write_bytes(path.read_bytes())
                faults.append(f"{kept}: {what}: {text}")
    reader.close()
    return counts, faults


def main() -> int:
    """Print how often what happened, and each fault; 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS))
    arguments = parser.parse_args()
    start = time.perf_counter()
    counts, faults = run(tuple(arguments.kinds), arguments.runs, arguments.seed)
    for (kind, what), count in sorted(counts.items()):
        print(f"{kind:10} {what:8} {count}")
    print(f"{arguments.runs} files in {time.perf_counter() - start:.0f} s, {len(faults)} faults")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
