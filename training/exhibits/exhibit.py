"""Description of a table or figure of a paper: what is trained, measured and printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Exhibit", "Printed", "Quantity", "Recipe", "Row", "Setting", "Stage"]

#: What a paper prints of a cell: a mean, or a mean with its standard deviation.
Printed = float | tuple[float, float]
Kind = Literal["table", "boxes", "structures", "pictures", "sweep", "scatter"]


@dataclass(frozen=True)
class Stage:
    """One run of ``ldmreg-train train``.

    Attributes:
        folder: of the run, below that of its data set; equal folders are one run.
        config: name of the configuration.
        overrides: changes of the configuration.
        init: folder of the run whose weights it begins with.
        cells: edge of SCP's cells in voxels, whose number the network must know; 0: no cells.
    """

    folder: str
    config: str
    overrides: tuple[str, ...] = ()
    init: str | None = None
    cells: int = 0


#: From the name of the training data set to the stages; the last one is measured.
Recipe = Callable[[str], Sequence[Stage]]


@dataclass(frozen=True)
class Row:
    """A method of an exhibit.

    Attributes:
        title: as the paper prints it.
        method: name of a method without training; or
        recipe: how its network is trained.
        masks: regions of textSCF: "reference", "no", or the name of a segmenter, which the user
            names a file of.
        x: place on the axis of a sweep.
        own: whether the paper does not have this row.
    """

    title: str
    method: str | None = None
    recipe: Recipe | None = None
    masks: str | None = None
    x: float | None = None
    own: bool = False


@dataclass(frozen=True)
class Setting:
    """A data set in an exhibit.

    Attributes:
        key: in names of files, in ``--root``.
        title: as the paper prints it.
        data: layout that is measured.
        train: layout that the networks are trained on.
        split: that is measured.
    """

    key: str
    title: str
    data: str
    train: str
    split: str = "test"


@dataclass(frozen=True)
class Quantity:
    """A column.

    Attributes:
        key: of the summary of an evaluation.
        title: as the paper prints it.
        digits: of the paper.
        scale: factor from our unit to the paper's.
    """

    key: str
    title: str
    digits: int
    scale: float = 1.0


@dataclass(frozen=True)
class Exhibit:
    """A table or figure of a paper.

    Attributes:
        name: on the command line.
        title: what it shows.
        settings: data sets.
        rows: methods.
        quantities: columns.
        printed: of the paper, by title of the row and key of the setting: a value for each
            quantity, None where it prints none.
        differences: what of ours is otherwise than in the paper.
        kind: "table", or how its figure is drawn besides the table.
        axis: title of the axis of a sweep.
        statements: other numbers of the paper, in words.
    """

    name: str
    title: str
    settings: tuple[Setting, ...]
    rows: tuple[Row, ...]
    quantities: tuple[Quantity, ...]
    printed: Mapping[tuple[str, str], Sequence[Printed | None]] = field(default_factory=dict)
    differences: tuple[str, ...] = ()
    kind: Kind = "table"
    axis: str = ""
    statements: tuple[str, ...] = ()

    def paper(self, row: str, setting: str, quantity: Quantity) -> Printed | None:
        """Return what the paper prints of a cell."""
        values = self.printed.get((row, setting))
        return None if values is None else values[self.quantities.index(quantity)]
