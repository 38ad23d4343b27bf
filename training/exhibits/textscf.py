"""The exhibits of textSCF: Tables 1 to 5 and Figures 3 to 8."""

from __future__ import annotations

from collections.abc import Sequence

from .exhibit import Exhibit, Printed, Quantity, Recipe, Row, Setting, Stage

__all__ = ["EXHIBITS", "SEGMENTERS"]

#: Segmenters that a user names a file of, with the feature size of SwinUNETR.
SEGMENTERS = {"base": 48, "small": 24, "tiny": 12}

_ABDOMEN = Setting("abdomen-ct", "Abdomen CT", "abdomen-ct", "abdomen-ct")
_OASIS = Setting("oasis", "OASIS", "oasis", "oasis", "validation")
_DICE = Quantity("dice", "Dice (%)", 2, 100)
_HD95 = Quantity("hd95", "HD95 (mm)", 2)
_SDLOGJ = Quantity("sdlogj_learn2reg", "SDlogJ", 2)
_FOLDS = Quantity("folds_percent", "det J ≤ 0 (%)", 4)
_WEIGHTS = Quantity("parameters", "weights (M)", 2, 1e-6)
_OPERATIONS = Quantity("multiply_adds", "multiply-adds (G)", 1, 1e-9)
_MEASURES = (_DICE, _HD95, _SDLOGJ)

_SPLIT = (
    "Split: the paper says 20, 3 and 7 scans, not which; here the ten of Learn2Reg's "
    "registration_val are held out."
)
_UNITS = (
    "HD95: in millimetres here; Learn2Reg's evaluator takes voxels (2 mm in the abdomen), and the "
    "paper does not say which it prints. A structure that the warp loses is left out."
)
_HALF = (
    "The network sees half the resolution; the displacement is doubled and interpolated on the way "
    "back, and all is measured at the whole. Labels are warped to the nearest one."
)
_TRAINING_MASKS = "Regions in training: the reference labels here, SwinUNETR's masks in the paper."
_SEEN = (
    "The public SwinUNETR was trained on 24 of the 30 scans, which the paper's accuracy includes; "
    "no list says which 24."
)
_DIFFERENCES = (_SPLIT, _UNITS, _HALF, _TRAINING_MASKS)


def _textscf(variant: str = "", *overrides: str, cells: int = 0) -> Recipe:
    def recipe(data: str) -> Sequence[Stage]:
        config = "oasis" if data == "oasis" else "abdomen"
        own = (f"data.set={data}", *overrides)
        if data not in ("oasis", "abdomen-ct"):
            own = ("data.options={}", 'text.scheme=""', *own)
        name = f"textscf{variant}"
        return (Stage(name, f"textscf-{config}-paper/textscf", own, cells=cells),)

    return recipe


def _baseline(name: str, variant: str = "", *overrides: str) -> Recipe:
    def recipe(data: str) -> Sequence[Stage]:
        config = "oasis" if data == "oasis" else "abdomen"
        own = (f"data.set={data}", *overrides)
        if data not in ("oasis", "abdomen-ct"):
            own = ("data.options={}", *own)
        return (Stage(f"{name}{variant}", f"baselines-{config}/{name}", own),)

    return recipe


def _on(name: str, arguments: str) -> Recipe:
    """Return textSCF on another backbone."""
    return _textscf(
        f"-{name}", f"network.backbone={name}", f"network.backbone_arguments={arguments}"
    )


_BASELINES = tuple(
    Row(title, recipe=_baseline(name))
    for title, name in (
        ("VoxelMorph", "voxelmorph"),
        ("Fourier-Net", "fourier-net"),
        ("LapIRN", "lapirn"),
        ("TransMorph", "transmorph"),
        ("LKU-Net", "lku-net"),
    )
)
_CLASSICAL = (
    Row("Greedy", "greedy", own=True),
    Row("SyN", "syn", own=True),
    Row("ConvexAdam", "convex-adam", own=True),
)
_OURS = Row("textSCF (ours)", recipe=_textscf(), masks="base")
_WITH_REFERENCE = Row("textSCF, reference masks", recipe=_textscf(), masks="reference", own=True)
_WITHOUT = Row("textSCF, no masks", recipe=_textscf(), masks="no", own=True)


def _printed(
    key: str, table: dict[str, Sequence[Printed | None]]
) -> dict[tuple[str, str], Sequence[Printed | None]]:
    return {(title, key): values for title, values in table.items()}


_TABLE_2: dict[str, Sequence[Printed | None]] = {
    "Initial": (57.18, 3.83, None),
    "VoxelMorph": (84.70, 1.55, 0.13),
    "Fourier-Net": (86.04, 1.37, 0.48),
    "LapIRN": (86.10, 1.51, 0.07),
    "TransMorph": (86.20, 1.43, 0.13),
    "LKU-Net": (88.61, 1.26, 0.52),
    "textSCF (ours)": (90.05, 1.22, 0.39),
}
_TABLE_3: dict[str, Sequence[Printed | None]] = {
    "Initial": (30.86, 29.77, None),
    "VoxelMorph": (38.64, 25.58, 0.24),
    "TransMorph": (39.40, 23.71, 0.29),
    "Fourier-Net": (40.55, 23.70, 0.16),
    "LKU-Net": (50.32, 20.20, 0.35),
    "LapIRN": (54.55, 20.52, 1.73),
    "textSCF (ours)": (60.75, 22.44, 0.87),
    "textSCF, reference masks": (74.73, 20.13, 0.86),
}

_PROMPTS = (
    ("#0 SCP", 51.56, "-scp", ("text.encoder=coordinates", "network.text_channels=3"), 8),
    ("#1 one-hot", 59.05, "-one-hot", ("text.encoder=one-hot", "network.text_channels=14"), 0),
    ("#2 a photo of, CLIP", 59.33, "-photo-plain",
     ("text.template=photo", "text.background=prompt"), 0),
    ("#3 a photo of, CLIP + SVD", 60.17, "-photo", ("text.template=photo",), 0),
    ("#4 a photo of ... in human abdomen", 60.61, "-photo-abdomen",
     ("text.template=photo-abdomen",), 0),
    ("#5 a computerized tomography of, ResNet", 60.01, "-resnet",
     ("text.encoder=open-clip:RN50x64:openai", "network.text_channels=1024"), 0),
    ("#6 a computerized tomography of, ViT", 60.75, "", (), 0),
    ("#7 a computerized tomography of, ada-002", 57.63, "-ada",
     ("text.encoder=EMBEDDINGS", "network.text_channels=1536"), 0),
)  # fmt: skip
_LAMBDAS = (0.01, 0.05, 0.1, 1.0)


def _trade_off() -> tuple[Row, ...]:
    """Return textSCF by the weight of the smoothness, with and without integration."""
    rows = []
    for weight in _LAMBDAS:
        for steps in (0, 7):
            changed = (f"losses.smoothness={weight}", f"network.integration_steps={steps}")
            plain = weight == 0.1 and not steps
            name = "" if plain else f"-lambda{weight}-int{steps}"
            title = f"textSCF, lambda {weight}" + (", Int" if steps else "")
            recipe = _textscf(name, *(() if plain else changed))
            rows.append(Row(title, recipe=recipe, masks="reference"))
    return tuple(rows)


def _sizes() -> tuple[Row, ...]:
    """Return textSCF, LKU-Net and LapIRN by the number of their first channels."""
    rows = []
    for n in (8, 16, 32):
        channels = f"network.backbone_arguments={{start_channels: {n}}}"
        name = "" if n == 32 else f"-{n}"
        recipe = _textscf(name, *(() if n == 32 else (channels,)))
        rows.append(Row(f"textSCF, {n} channels", recipe=recipe, masks="reference", x=n))
        for title, network in (("LKU-Net", "lku-net"), ("LapIRN", "lapirn")):
            own = (f"network.arguments.start_channels={n}",)
            recipe = _baseline(network, name, *(() if n == 32 else own))
            rows.append(Row(f"{title}, {n} channels", recipe=recipe, x=n))
    return tuple(rows)


_BACKBONES = (
    ("LKU-Net", "lku-net", "{start_channels: 32}", 50.32, 60.75),
    ("LapIRN", "lapirn", "{start_channels: 32}", 54.55, 56.84),
    ("VoxelMorph", "voxelmorph", "{}", 38.64, 52.77),
    ("TransMorph", "transmorph", "{variant: large, image_size: [128, 80, 96]}", 39.40, 51.92),
)

EXHIBITS = (
    Exhibit(
        "textscf-table-1",
        "Dice by text prompt and encoder",
        (_ABDOMEN,),
        tuple(
            Row(
                title,
                recipe=_textscf(variant, *changes, cells=cells),
                masks="reference",
            )
            for title, _, variant, changes, cells in _PROMPTS
        ),
        (_DICE,),
        _printed("abdomen-ct", {title: (value,) for title, value, *_ in _PROMPTS}),
        (
            *_DIFFERENCES,
            "Masks: reference labels of the fixed image for all rows; SwinUNETR's in the paper.",
            "CLIP needs weights that the user names: --set textscf.text.weights=FOLDER; ada-002 "
            "the vectors that its service gives for the prompts: --embeddings FILE.",
            "SCP: one filter for a cell of 8 voxels, not for each voxel.",
        ),
    ),
    Exhibit(
        "textscf-table-2",
        "all methods on the brains of OASIS",
        (_OASIS,),
        (
            Row("Initial", "identity"),
            *_BASELINES,
            Row("textSCF (ours)", recipe=_textscf(), masks="reference"),
            _WITHOUT,
            *_CLASSICAL,
        ),
        _MEASURES,
        _printed(
            "oasis",
            _TABLE_2,
        ),
        (
            "Masks of textSCF: the reference labels of the fixed image, which the Dice is measured "
            "with, as in the released code; the row without masks is of the images alone.",
            "The paper takes the others' numbers from the leaderboard and from their papers; those "
            "of TM-TVF (87.06, 1.39, 0.10) and im2grid (89.35, 1.24, 0.23) have no row here.",
            "Labels are warped to the nearest one at the whole resolution; the challenge of 2021 "
            "doubled a field of half the resolution.",
        ),
    ),
    Exhibit(
        "textscf-table-3",
        "all methods on abdominal CT",
        (_ABDOMEN,),
        (Row("Initial", "identity"), *_BASELINES, _OURS, _WITH_REFERENCE, _WITHOUT, *_CLASSICAL),
        _MEASURES,
        _printed("abdomen-ct", _TABLE_3),
        (
            *_DIFFERENCES,
            "textSCF (ours) needs the weights of SwinUNETR: --segmenter base=FILE.",
            "LapIRN: correlation in windows of 3 to 7 voxels and progressive levels as released; "
            "the Dice, which the paper adds, at every level.",
        ),
    ),
    Exhibit(
        "textscf-table-4",
        "lungs as further training data, with and without the word",
        (_ABDOMEN,),
        tuple(
            Row(title, recipe=_textscf(variant, *changes), masks="reference")
            for title, variant, changes in (
                ("no lung data", "", ()),
                ("lung data", "-lungs", ("data.options={halve: true, lungs: LUNGS}",)),
                (
                    "lung data, lung encoded",
                    "-lungs-encoded",
                    (
                        "data.options={halve: true, lungs: LUNGS, lung_label: true}",
                        'text.scheme=""',
                        "network.regions=15",
                    ),
                ),
            )
        ),
        _MEASURES,
        _printed(
            "abdomen-ct",
            {
                "no lung data": (60.75, 22.44, 0.87),
                "lung data": (59.81, 22.17, 0.79),
                "lung data, lung encoded": (62.07, 22.50, 0.86),
            },
        ),
        (
            *_DIFFERENCES,
            "The lungs (--lungs DIR, Learn2Reg lung CT) are put centre upon centre onto the "
            "lattice of the abdomen and paired with each other; the paper does not say how.",
            "Masks: reference labels of the fixed image for all rows; SwinUNETR's in the paper.",
        ),
    ),
    Exhibit(
        "textscf-table-5",
        "textSCF by the segmenter of its regions",
        (_ABDOMEN,),
        (
            Row("Ground truth", recipe=_textscf(), masks="reference"),
            *(Row(f"SwinUnetr {name}", recipe=_textscf(), masks=name) for name in SEGMENTERS),
            Row("no segmenter", recipe=_baseline("lku-net")),
            _WITHOUT,
        ),
        (Quantity("accuracy", "Accuracy (%)", 2, 100), *_MEASURES),
        _printed(
            "abdomen-ct",
            {
                "Ground truth": (100.0, 74.73, 20.13, 0.86),
                "SwinUnetr base": (77.92, 60.75, 22.44, 0.87),
                "SwinUnetr small": (74.96, 58.53, 21.36, 0.79),
                "SwinUnetr tiny": (63.35, 56.88, 20.09, 0.72),
                "no segmenter": (None, 50.32, 20.20, 0.35),
            },
        ),
        (
            *_DIFFERENCES,
            _SEEN,
            "Accuracy: mean Dice of the fixed images of the test pairs here, of "
            "all 30 scans in the paper.",
        ),
    ),
    Exhibit(
        "textscf-figure-3",
        "box plots of the Dice of each organ",
        (_ABDOMEN,),
        (*_BASELINES, _OURS, _WITH_REFERENCE),
        (_DICE,),
        {(t, "abdomen-ct"): v[:1] for t, v in _TABLE_3.items() if t != "Initial"},
        (*_DIFFERENCES, "Printed are the means of Table 3; the figure prints no numbers."),
        kind="structures",
    ),
    Exhibit(
        "textscf-figure-4",
        "Dice against smoothness, by lambda and integration",
        (_OASIS, _ABDOMEN),
        (*_BASELINES, *_trade_off()),
        (_SDLOGJ, _DICE),
        {
            **{(r.title, "abdomen-ct"): _TABLE_3[r.title][2::-2] for r in _BASELINES},
            **{(r.title, "oasis"): _TABLE_2[r.title][2::-2] for r in _BASELINES},
            ("textSCF, lambda 0.1", "abdomen-ct"): (0.87, 60.75),
            ("textSCF, lambda 0.1", "oasis"): (0.39, 90.05),
        },
        (
            *_DIFFERENCES,
            "The figure prints no numbers: those here are of Tables 2 and 3, textSCF's with "
            "SwinUNETR's masks on abdomen.",
        ),
        kind="scatter",
    ),
    Exhibit(
        "textscf-figure-5a",
        "Dice by the width of the implicit function",
        (_ABDOMEN,),
        tuple(
            Row(
                f"width {width}",
                recipe=_textscf(
                    "" if width == 2048 else f"-width{width}",
                    *(() if width == 2048 else (f"network.hidden_channels={width}",)),
                ),
                masks="reference",
                x=width,
            )
            for width in (128, 512, 1024, 2048, 4096)
        ),
        (_DICE,),
        {("width 2048", "abdomen-ct"): (60.75,)},
        (*_DIFFERENCES, "The figure prints no numbers but the peak's; its other widths are ours."),
        kind="sweep",
        axis="channels of the implicit function",
        statements=("The Dice is highest at a width of 2048.",),
    ),
    Exhibit(
        "textscf-figure-5b",
        "Dice, weights and multiply-adds by the number of first channels",
        (_ABDOMEN,),
        _sizes(),
        (_OPERATIONS, _DICE, _WEIGHTS),
        {
            ("textSCF, 32 channels", "abdomen-ct"): (None, 60.75, None),
            ("LKU-Net, 32 channels", "abdomen-ct"): (None, 50.32, None),
            ("LapIRN, 32 channels", "abdomen-ct"): (None, 54.55, None),
        },
        (
            *_DIFFERENCES,
            "Weights: without the implicit function, with the table that it leaves, as there.",
        ),
        kind="scatter",
        statements=(
            "textSCF of 8 channels has 89.13 % fewer weights and 98.34 % fewer multiply-adds than "
            "LapIRN of 32, at a comparable Dice.",
        ),
    ),
    Exhibit(
        "textscf-figure-6",
        "fields at the borders of organs",
        (_ABDOMEN,),
        (
            Row("LKU-Net", recipe=_baseline("lku-net")),
            Row("textSCF", recipe=_textscf(), masks="reference"),
        ),
        (_DICE,),
        differences=(
            "The pair is the first of the test split (--pair names another), in its middle slice.",
        ),
        kind="pictures",
    ),
    Exhibit(
        "textscf-figure-7",
        "textSCF on four backbones",
        (_ABDOMEN,),
        tuple(
            row
            for title, name, arguments, *_ in _BACKBONES
            for row in (
                Row(title, recipe=_baseline(name)),
                Row(
                    f"{title} + textSCF",
                    recipe=_textscf() if name == "lku-net" else _on(name, arguments),
                    masks="base",
                ),
                Row(
                    f"{title} + textSCF, reference masks",
                    recipe=_textscf() if name == "lku-net" else _on(name, arguments),
                    masks="reference",
                    own=True,
                ),
            )
        ),
        (_DICE,),
        {
            (text, "abdomen-ct"): (value,)
            for title, _, _, plain, with_text in _BACKBONES
            for text, value in ((title, plain), (f"{title} + textSCF", with_text))
        },
        (
            *_DIFFERENCES,
            "The figure prints gains (20.73, 4.20, 36.57, 31.78 %); the Dice with textSCF follows "
            "from them and Table 3.",
        ),
        statements=(
            "TransMorph's images need no padding in the paper; 80 voxels are padded to 96.",
        ),
    ),
    Exhibit(
        "textscf-figure-8",
        "folds against SDlogJ",
        (_ABDOMEN,),
        (*_trade_off(), *(row for row in _sizes() if row.title.startswith("textSCF"))),
        (_SDLOGJ, _FOLDS),
        differences=(
            *_DIFFERENCES,
            "Variants: four lambdas with and without integration, and three sizes; the paper "
            "crosses all of them, and segmenters.",
        ),
        kind="scatter",
        statements=(
            "Pearson's correlation of both is 0.93, R squared 0.86; SDlogJ from 0.0675 to 0.95, "
            "folds from 3.37e-6 to 4.16e-2.",
        ),
    ),
)
