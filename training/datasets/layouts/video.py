"""Single frames of a video file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from SlicerLDMRegLib.errors import InputError

__all__ = ["read_frames"]


def read_frames(path: Path, wanted: Iterable[int]) -> dict[int, np.ndarray]:
    """Decode some frames of a video.

    Args:
        path: of the file, AVI or another that FFmpeg knows.
        wanted: numbers of the frames, the first is 0.

    Returns:
        ``(H, W)`` float32 by number: the green channel, which is the grey value of grey videos.

    Raises:
        InputError: when PyAV is not installed, or the file is missing, damaged, or too short.
    """
    try:
        import av
    except ImportError as error:
        raise InputError(
            f"{path}: reading videos needs PyAV; pip install av, or the extra 'training'"
        ) from error
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    left = set(wanted)
    last = max(left)
    found: dict[int, np.ndarray] = {}
    count = 0
    try:
        with av.open(str(path)) as video:
            if not video.streams.video:
                raise InputError(f"{path}: expected a video, got a file without pictures")
            for frame in video.decode(video=0):
                if count in left:
                    rgb = frame.to_ndarray(format="rgb24")
                    found[count] = rgb[..., 1].astype(np.float32)
                count += 1
                if count > last:
                    break
    except (av.error.FFmpegError, ValueError, EOFError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: cannot be decoded after {count} frames ({error}); get the file again"
        ) from error
    if count <= last:
        raise InputError(
            f"{path}: expected at least {last + 1} frames, since frame {last} is traced, got "
            f"{count}; the file is cut off: get it again"
        )
    return found
