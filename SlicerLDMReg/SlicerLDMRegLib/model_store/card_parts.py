"""The parts of a model card: the lattice, the intensities, the data and the weights of a model.

The card checks its parts; a part alone may hold anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from .._printable import shown
from ..errors import ModelError
from .json_fields import Fields

if TYPE_CHECKING:
    import SimpleITK as sitk

    from ..intensity import IntensityMap

__all__ = ["WEIGHTS_FILE", "Anatomy", "Grid", "Intensity", "TrainingData", "Weights", "require"]

WEIGHTS_FILE = "model.safetensors"
_SPACINGS = (1e-3, 1e3)  # mm; anything else is a mistake
_BRIGHTEST = 1e9  # intensity; of any window
_SHA256 = re.compile(r"[0-9a-f]{64}")
_AXES = ({"L", "R"}, {"P", "A"}, {"S", "I"})


def require(good: object, name: str, expected: str, got: object) -> None:
    """Check a field.

    Raises:
        ModelError: naming the field, when it is not good.
    """
    if not good:
        raise ModelError(f"{name} must be {expected}, got {shown(got)}")


@dataclass(frozen=True)
class Grid:
    """The lattice that a network works on.

    Attributes:
        size: voxels along x, y (, z), the order of ITK; arrays are the other way round.
        divisor: each size must be a multiple of it.
        spacing: mm between voxels along every axis; None: as large as the image needs.
        orientation: where the axes x, y, z point: a letter each, ``"LPS"`` for left, posterior,
            superior (the ends of growing indices); None: along the axes of the image.
        anchor: the end of a foreground that is too long for the lattice which is kept, a letter
            such as ``"S"`` for heads; None: it is cut at both ends.
    """

    size: tuple[int, ...]
    divisor: int = 1
    spacing: float | None = None
    orientation: str | None = None
    anchor: str | None = None

    @classmethod
    def from_fields(cls, fields: Fields, spatial_dims: int) -> Grid:
        """Read the section ``grid``."""
        optional = ("spacing", "orientation", "anchor")
        known = {key for key in optional if fields.values.get(key) is not None}
        return cls(
            fields.integers("size", spatial_dims, minimum=1),
            fields.integer("divisor", 1),
            fields.number("spacing", *_SPACINGS) if "spacing" in known else None,
            fields.text("orientation") if "orientation" in known else None,
            fields.text("anchor") if "anchor" in known else None,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the section ``grid``; what is None is left out."""
        section = {**asdict(self), "size": list(self.size)}
        return {key: value for key, value in section.items() if value is not None}

    def check(self, spatial_dims: int) -> None:
        """Raise a ModelError when it is no lattice of a model of so many dimensions."""
        size, spacing, anchor = self.size, self.spacing, self.anchor
        require(len(size) == spatial_dims, "grid.size", f"{spatial_dims} integers", size)
        require(self.divisor >= 1, "grid.divisor", "at least 1", self.divisor)
        require(
            all(n > 0 and n % self.divisor == 0 for n in size),
            "grid.size",
            f"multiples of the divisor {self.divisor}",
            size,
        )
        require(
            spacing is None or (isinstance(spacing, int | float) and 0 < spacing < float("inf")),
            "grid.spacing",
            "a positive number of mm, or nothing",
            spacing,
        )
        letters = [{letter} for letter in str(self.orientation)]
        require(
            self.orientation is None
            or (
                spatial_dims == 3
                and len(letters) == 3
                and all(sum(letter < axis for letter in letters) == 1 for axis in _AXES)
            ),
            "grid.orientation",
            "three letters such as 'LPS' or 'RAS' for a 3D model, or nothing",
            self.orientation,
        )
        require(
            anchor is None
            or (self.orientation is not None and any({anchor} < axis for axis in _AXES)),
            "grid.anchor",
            "a letter such as 'S' for a model with an orientation, or nothing",
            anchor,
        )


@dataclass(frozen=True)
class Intensity:
    """Mapping of image intensities to the [0, 1] that a network expects.

    Attributes:
        mode: ``"minmax"``: linear between two percentiles of the image, clipped; ``"window"``:
            linear between two intensities, clipped, as for the Hounsfield units of CT.
        lower_percentile: percentile that becomes 0.
        upper_percentile: percentile that becomes 1.
        window: intensities that become 0 and 1, of the mode ``"window"``.
    """

    mode: str = "minmax"
    lower_percentile: float = 0.0
    upper_percentile: float = 100.0
    window: tuple[float, float] | None = None

    @classmethod
    def from_fields(cls, fields: Fields) -> Intensity:
        """Read the section ``intensity``."""
        mode = fields.text("mode")
        if mode == "window":
            low, high = fields.numbers("window", 2, -_BRIGHTEST, _BRIGHTEST)
            return cls(mode, window=(low, high))
        return cls(
            mode,
            fields.number("lower_percentile", 0, 100),
            fields.number("upper_percentile", 0, 100),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the section ``intensity``, with what its mode needs."""
        if self.window is not None:
            return {"mode": self.mode, "window": list(self.window)}
        return {key: value for key, value in asdict(self).items() if key != "window"}

    def of(self, image: sitk.Image) -> IntensityMap:
        """Return the map of an image to [0, 1]."""
        from ..intensity import IntensityMap  # with NumPy: lists of models do without

        if self.window is not None:
            return IntensityMap(*self.window)
        return IntensityMap.from_image(image, self.lower_percentile, self.upper_percentile)

    def check(self) -> None:
        """Raise a ModelError when images cannot be mapped like this."""
        modes = ("minmax", "window")
        require(self.mode in modes, "intensity.mode", "'minmax' or 'window'", self.mode)
        require(
            (self.mode == "window") == (self.window is not None),
            "intensity.window",
            "two intensities with the mode 'window', and with it only",
            self.window,
        )
        if self.window is not None:
            good = len(self.window) == 2 and self.window[0] < self.window[1]
            require(good, "intensity.window", "two ascending intensities", self.window)
        low, high = self.lower_percentile, self.upper_percentile
        expected = f"above {low:g}, at most 100"
        require(0 <= low < high <= 100, "intensity.upper_percentile", expected, high)


@dataclass(frozen=True)
class Anatomy:
    """Sizes by which the anatomy that a 3D model knows is told from others.

    Attributes:
        extent_mm: shortest and longest side of the box around the foreground, mm; None: any.
        volumes_ml: by label number (as text), smallest and largest volume in the training label
            maps, of a segmentation model; empty: not known.
    """

    extent_mm: tuple[float, float] | None = None
    volumes_ml: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def from_fields(cls, fields: Fields) -> Anatomy:
        """Read the section ``anatomy``."""
        extent = fields.values.get("extent_mm")
        volumes = fields.mapping("volumes_ml", {})
        return cls(
            None if extent is None else _range(extent, "anatomy.extent_mm"),
            {key: _range(value, f"anatomy.volumes_ml.{key}") for key, value in volumes.items()},
        )

    def to_json(self) -> dict[str, Any]:
        """Return the section ``anatomy``; what is not known is left out."""
        section: dict[str, Any] = {}
        if self.extent_mm is not None:
            section["extent_mm"] = list(self.extent_mm)
        if self.volumes_ml:
            section["volumes_ml"] = {key: list(value) for key, value in self.volumes_ml.items()}
        return section


def _range(value: Any, name: str) -> tuple[float, float]:
    good = (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(isinstance(n, int | float) and not isinstance(n, bool) for n in value)
        and 0 <= value[0] <= value[1] < float("inf")
    )
    require(good, name, "a smallest and a largest number", value)
    return float(value[0]), float(value[1])


@dataclass(frozen=True)
class TrainingData:
    """One data set that a model was trained on, its licence and the words its owners ask for."""

    name: str
    licence: str
    acknowledgement: str = ""

    @classmethod
    def from_fields(cls, fields: Fields) -> TrainingData:
        """Read an entry of ``training_data``."""
        acknowledgement = fields.values.get("acknowledgement", "")
        return cls(fields.text("name"), fields.text("licence"), acknowledgement)


@dataclass(frozen=True)
class Weights:
    """The weights file: digest, length in bytes, number format and number of parameters."""

    sha256: str
    bytes: int
    dtype: str
    parameters: int

    @classmethod
    def from_fields(cls, fields: Fields) -> Weights:
        """Read the section ``weights``; the name of the file in it must be the one it always is."""
        fields.text("file", choices=(WEIGHTS_FILE,))
        return cls(
            fields.text("sha256"),
            fields.integer("bytes", 1),
            fields.text("dtype"),
            fields.integer("parameters", 0),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the section ``weights``."""
        return {"file": WEIGHTS_FILE, **asdict(self)}

    def check(self) -> None:
        """Raise a ModelError when the digest is none."""
        expected = "64 hexadecimal digits"
        require(_SHA256.fullmatch(self.sha256), "weights.sha256", expected, self.sha256)
