"""Options of each section of a configuration, by stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from SlicerLDMRegLib.networks.backbones.lapirn import LapIRN
from SlicerLDMRegLib.networks.backbones.lku_net import LKUNet
from SlicerLDMRegLib.networks.backbones.transmorph import TransMorph
from SlicerLDMRegLib.networks.backbones.voxelmorph import VoxelMorph
from SlicerLDMRegLib.networks.ldm_morph import LDMMorphConfig
from SlicerLDMRegLib.networks.segmenter import UNetSegmenter
from SlicerLDMRegLib.networks.textscf import TextSCFConfig

from .baselines.networks.build import BASELINE_NETWORKS, BaselineConfig
from .datasets.augment import AugmentOptions
from .datasets.brain_streams import BrainStreamOptions
from .datasets.layouts import LAYOUTS
from .datasets.region_tables import Background
from .schema import AtLeast, check_section, choose, options_of

__all__ = ["STAGES", "check_sections"]

_BACKBONES: dict[str, Callable[..., Any]] = {
    "lku-net": LKUNet, "voxelmorph": VoxelMorph, "transmorph": TransMorph, "lapirn": LapIRN
}  # fmt: skip
Count = Annotated[int, AtLeast(0)]
Weight = Annotated[float, AtLeast(0)]
Source = Literal["real", "cardiac", "echo", "apical", "shapes"]  # of 2D pairs


# Of a baseline's network: options that BaselineConfig has, not its arguments.
_BUILT = ("self", "spatial_dims", "integration_steps")


@dataclass
class _Nothing:
    """Section without options."""


@dataclass
class _VQGANLosses:
    """Losses of the VQ-GAN, see :class:`~training.stages.vqgan.VQGANStage`."""

    discriminator_start: Count
    discriminator_weight: Weight
    discriminator_channels: Annotated[int, AtLeast(1)] = 64
    perceptual_weight: Weight = 0.0
    vgg_weights: str | None = None
    lpips_weights: str | None = None


@dataclass
class _RegistrationLosses:
    """Losses of LDM-Morph, see :class:`~training.stages.registration.RegistrationStage`."""

    beta: Weight
    smoothness: Weight
    latent_grad: bool
    dice: Weight = 0.0


@dataclass
class _TextSCFLosses:
    """Losses of textSCF, see :class:`~training.stages.textscf.TextSCFStage`."""

    dice: Weight
    similarity: Weight
    smoothness: Weight
    structures: Weight = 0.0
    dice_form: Literal["present", "released"] = "present"
    voxels: Literal["quarter", "all"] = "quarter"


@dataclass
class _BaselineLosses:
    """Losses of a baseline, see :class:`~training.baselines.networks.Objective`."""

    metric: Literal["mse", "ncc", "lncc"] = "mse"
    similarity: Weight = 1.0
    smoothness: Weight = 0.1
    dice: Weight = 0.0
    window: Annotated[int, AtLeast(3)] = 9
    scales: Annotated[int, AtLeast(1)] = 1


@dataclass
class _Text:
    """Text of textSCF, see :func:`~training.datasets.volumes.region_embeddings`."""

    encoder: str
    template: str = ""
    background: Background = "svd"
    scheme: str | Mapping[int, str] = ""
    weights: str | None = None
    cell: Annotated[int, AtLeast(1)] = 8
    cache: str | None = None


@dataclass
class _Masks:
    """Imperfect masks, see :func:`~training.datasets.degraded_masks.degrade`."""

    none: Weight = 0.0
    perfect: Weight = 0.0
    shift: Weight = 0.0
    drop: Weight = 0.0


@dataclass
class _Pairs:
    """2D pairs, see :func:`~training.datasets.pairs.build_pairs`."""

    root: str = ""
    set: str = "cardiac-mr"
    options: Mapping[str, Any] = field(default_factory=dict)
    incomplete: bool = False
    mixture: Mapping[Source, Weight] = field(default_factory=dict)
    augment: AugmentOptions | Literal["none"] = "none"
    size: Annotated[int, AtLeast(1)] = 128
    scored: tuple[int, ...] | Literal["all"] = ()
    validate_both: bool = True


@dataclass
class _Volumes:
    """3D pairs of a data set, see :func:`~training.datasets.volumes.build_pairs`."""

    root: str
    set: str
    options: Mapping[str, Any] = field(default_factory=dict)
    incomplete: bool = False
    exclude: tuple[int, ...] = ()
    scored: tuple[int, ...] | Literal["all"] = ()
    masks: _Masks = field(default_factory=_Masks)


@dataclass
class _Brains:
    """Synthetic brain pairs, see :func:`~training.datasets.volumes.build_pairs`."""

    root: str
    images: BrainStreamOptions
    exclude: tuple[int, ...] = ()
    masks: _Masks = field(default_factory=_Masks)


@dataclass
class _BrainImages:
    """Synthetic brain images, see :func:`~training.datasets.volumes.build_images`."""

    root: str
    images: BrainStreamOptions


@dataclass
class _StructureImages:
    """2D images, see :func:`~training.datasets.structure_images.build_structure_images`."""

    root: str = ""
    set: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    incomplete: bool = False
    mixture: Mapping[Source, Weight] = field(default_factory=dict)
    augment: AugmentOptions | Literal["none"] = "none"
    size: Annotated[int, AtLeast(1)] = 128
    pool: Annotated[int, AtLeast(1)] = 1500


@dataclass(frozen=True)
class _Sections:
    network: Callable[..., Any]
    losses: type
    data: tuple[type, ...]
    text: type = _Nothing


#: Sections of each stage; of several kinds of ``data`` the first has the key ``set``.
STAGES: dict[str, _Sections] = {
    "vqgan": _Sections(LDMMorphConfig, _VQGANLosses, (_Pairs,)),
    "ldm": _Sections(LDMMorphConfig, _Nothing, (_Pairs,)),
    "registration": _Sections(LDMMorphConfig, _RegistrationLosses, (_Pairs,)),
    "textscf": _Sections(TextSCFConfig, _TextSCFLosses, (_Volumes, _Brains), _Text),
    "segmentation": _Sections(UNetSegmenter, _Nothing, (_StructureImages, _BrainImages)),
    # Of 2D and of 3D pairs, by network.spatial_dims.
    "baseline": _Sections(BaselineConfig, _BaselineLosses, (_Pairs, _Volumes)),
}


def _data_options(kind: type, data: Mapping[str, Any]) -> dict[str, tuple[Any, bool]]:
    """Return the options of a kind of data; a mixture without real images needs no data set."""
    options = options_of(kind)
    mixture = data.get("mixture") or {"real": 1.0}
    needed = {_Pairs: ("root",), _StructureImages: ("root", "set")}.get(kind, ())
    if isinstance(mixture, Mapping) and mixture.get("real"):
        options |= {name: (str, True) for name in needed}
    return options


def check_sections(values: Mapping[str, Any], source: str = "") -> None:
    """Check network, data, losses and text of a configuration at every depth.

    Args:
        values: the configuration.
        source: its file, for errors.

    Raises:
        InputError: naming the option, and the nearest one where it is misspelt.
    """
    stage = values.get("stage")
    choose(str(stage), STAGES, f"{source}: stage" if source else "stage")
    own = STAGES[str(stage)]
    network, data = values.get("network", {}), values.get("data", {})
    options = options_of(own.network)
    if "latent_scale" in options:  # a model has the number; a training can find it
        options["latent_scale"] = (float | Literal["data"], False)
    check_section(network, options, "network", source)
    if own.network is TextSCFConfig:
        backbone = network.get("backbone", TextSCFConfig().backbone)
        choose(backbone, _BACKBONES, "network.backbone")
        check_section(
            network.get("backbone_arguments", {}),
            options_of(_BACKBONES[backbone], ("self",)),
            "network.backbone_arguments",
            source,
        )
    # A data set's pairs or 2D images, which need none, or brains.
    first = len(own.data) == 1 or "set" in data or network.get("spatial_dims") == 2
    kind = own.data[0] if first else own.data[1]
    if own.network is BaselineConfig:
        kind = own.data[network.get("spatial_dims", 2) - 2]
        check_section(
            network.get("arguments", {}),
            options_of(BASELINE_NETWORKS[network["name"]], _BUILT),
            "network.arguments",
            source,
        )
    check_section(data, _data_options(kind, data), "data", source)
    if "set" in data:
        choose(data["set"], LAYOUTS, "data.set")
        known = options_of(LAYOUTS[data["set"]], ("root",))
        check_section(data.get("options", {}), known, "data.options", source)
    check_section(values.get("losses", {}), options_of(own.losses), "losses", source)
    text = values.get("text", {})
    if text or (own.text is _Text and network.get("filters", "blended") != "none"):
        check_section(text, options_of(own.text), "text", source)
