"""The images of a registration, from nodes: whole volumes, a slice, some slices, or a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import SimpleITK as sitk

from ...errors import InputError
from ...geometry import ImageGeometry
from ...pipeline.landmarks import Landmarks
from ...pipeline.planes import Plane, plane_pair
from ...resampling import warp_image
from ..texts import tr as _
from .labels import Color, NodeLabels, labels_from_node, mask_from_node
from .landmarks import landmarks_in_plane, landmarks_of
from .steps import Steps
from .transform_nodes import itk_transform
from .view_slices import is_voxel_slice, plane_axes, slice_lattice, view_axes
from .volume_nodes import Node, image_from_volume

__all__ = [
    "LabelSource",
    "SceneImages",
    "VolumeSource",
    "scene_images",
]


@dataclass(frozen=True)
class VolumeSource:
    """A volume to register: a node of the scene, or a frame of a sequence.

    Attributes:
        node: holds the voxels.
        shown: the node of the scene that stands for it: itself, or the volume that shows the
            sequence. Its parent transforms apply, results refer to it.
    """

    node: Node
    shown: Node

    @classmethod
    def of(cls, source: Node | VolumeSource) -> VolumeSource:
        """Return a source as it is, and a node as a source."""
        return source if isinstance(source, cls) else cls(source, source)

    @property
    def name(self) -> str:
        """The name of the node that is shown."""
        return str(self.shown.GetName())

    def image(self) -> sitk.Image:
        """Return the 3D image, LPS mm, where the scene shows it."""
        return image_from_volume(self.node, self.shown)


@dataclass(frozen=True)
class LabelSource:
    """Labels to use: a label map volume or a segmentation; None as segments means all."""

    node: Node
    segments: Sequence[str] | None = None

    @classmethod
    def of(cls, source: Node | LabelSource) -> LabelSource:
        """Return a source as it is, and a node as a source."""
        return source if isinstance(source, cls) else cls(source)


@dataclass(frozen=True, eq=False)
class SceneImages:
    """Two images from the scene, and all else that a request needs of it.

    Attributes:
        fixed, moving: 3D images in LPS mm; 2D ones, in mm of their planes, for single slices.
        fixed_source, moving_source: where they come from.
        fixed_labels, moving_labels: on the lattices of the images, or None.
        fixed_mask, moving_mask: likewise, 1 where the images are compared.
        fixed_landmarks, moving_landmarks: points of the images, or None.
        label_names: names of the fixed labels by number.
        moving_names, moving_colors: of the moving labels; labels of one name have one number.
        initial_transform: fixed to moving points, or None.
        planes: of the fixed and the moving image where these are slices, else None.
        resampled: the 3D moving image and labels where the moving slice is an interpolated one;
            the warped image is then made from them instead of interpolating twice.
    """

    fixed: sitk.Image
    moving: sitk.Image
    fixed_source: VolumeSource
    moving_source: VolumeSource
    fixed_labels: sitk.Image | None = None
    moving_labels: sitk.Image | None = None
    fixed_mask: sitk.Image | None = None
    moving_mask: sitk.Image | None = None
    fixed_landmarks: Landmarks | None = None
    moving_landmarks: Landmarks | None = None
    label_names: Mapping[int, str] = field(default_factory=dict)
    moving_names: Mapping[int, str] = field(default_factory=dict)
    moving_colors: Mapping[int, Color] = field(default_factory=dict)
    initial_transform: sitk.Transform | None = None
    planes: tuple[Plane, Plane] | None = None
    resampled: tuple[sitk.Image, sitk.Image | None] | None = None

    @property
    def shown(self) -> tuple[Node, Node]:
        """The nodes of the scene that stand for the fixed and the moving image."""
        return self.fixed_source.shown, self.moving_source.shown

    def fields(self) -> dict[str, Any]:
        """Return the fields of a :class:`RegistrationRequest`, as far as there are any."""
        images = ("", "_labels", "_mask", "_landmarks")
        names = [f"{role}{kind}" for kind in images for role in ("fixed", "moving")]
        named = {name: getattr(self, name) for name in (*names, "initial_transform")}
        named["label_names"] = dict(self.label_names) or None
        return {name: value for name, value in named.items() if value is not None}


def scene_images(
    sources: Mapping[str, Node | VolumeSource | LabelSource], view: Node | None = None
) -> Steps[SceneImages]:
    """Read two volumes, or slices of them, ready to be registered, step by step.

    Volumes with one slice are 2D images. If only one volume is, the other one is cut in its plane.

    Args:
        sources: by field of the request,

            - ``fixed``, ``moving``: volume nodes, or frames of sequences;
            - ``fixed_labels``: labels of the fixed image; with names they guide models with
              regions;
            - ``moving_labels``: labels of the moving image, to measure the overlap;
            - ``fixed_mask``, ``moving_mask``: segments, or a volume that is not 0, where the images
              are compared; segments may overlap;
            - ``fixed_landmarks``, ``moving_landmarks``: lists of points; of slices those that lie
              in them;
            - ``initial_transform``: transform node that brings the moving image roughly to the
              fixed one.
        view: slice node; the slices that it shows of both volumes are registered in 2D.

    Raises:
        InputError: for volumes that cannot be used, transforms above them that are not linear, a
            plane that misses a volume, or labels that overlap.
    """
    pair = VolumeSource.of(sources["fixed"]), VolumeSource.of(sources["moving"])
    if pair[0].node is pair[1].node:
        raise InputError(
            _("the fixed and the moving volume are both {name!r}; select two volumes").format(
                name=pair[0].name
            )
        )
    sides: list[_Side] = []
    for role, source in zip(("fixed", "moving"), pair, strict=True):
        labels, mask = sources.get(f"{role}_labels"), sources.get(f"{role}_mask")
        sides.append(_Side(source, labels, mask, sources.get(f"{role}_landmarks")))
        yield False
    first, second = sides
    _choose_lattices(sides, view)
    if first.is_slice:
        first.plane, second.plane = plane_pair(first.lattice, second.lattice)
    planes = None if first.plane is None or second.plane is None else (first.plane, second.plane)
    start = None
    if (node := sources.get("initial_transform")) is not None:
        start = yield from itk_transform(node, first.lattice, planes)
    images = [side.image_on_lattice() for side in sides]
    yield False
    fixed_found = first.labels_on(first.lattice)
    yield False
    names = {} if fixed_found is None else fixed_found.names
    moving_found = second.labels_on(second.lattice, names)
    yield False
    masks = [first.mask()]
    yield False
    masks.append(second.mask())
    yield False
    points = [side.landmarks() for side in sides]
    return SceneImages(
        fixed=first.flat(images[0]),
        moving=second.flat(images[1]),
        fixed_source=pair[0],
        moving_source=pair[1],
        fixed_labels=None if fixed_found is None else first.flat(fixed_found.image),
        moving_labels=None if moving_found is None else second.flat(moving_found.image),
        fixed_mask=masks[0],
        moving_mask=masks[1],
        fixed_landmarks=points[0],
        moving_landmarks=points[1],
        label_names=names,
        moving_names={} if moving_found is None else moving_found.names,
        moving_colors={} if moving_found is None else moving_found.colors,
        initial_transform=start,
        planes=planes,
        resampled=second.whole(names) if second.is_resampled else None,
    )


class _Side:
    """The fixed or the moving volume, labels, mask, and the lattice of it that is registered."""

    def __init__(
        self,
        source: VolumeSource,
        labels: LabelSource | Node | None,
        mask: LabelSource | Node | None,
        points: Node | None,
    ) -> None:
        self.source = source
        self.labels = None if labels is None else LabelSource.of(labels)
        self.points = points
        self.masked = None if mask is None else LabelSource.of(mask)
        self.image = source.image()
        self.geometry = ImageGeometry.from_image(self.image)
        self.lattice = self.geometry
        self.plane: Plane | None = None

    @property
    def is_slice(self) -> bool:
        return 1 in self.lattice.size

    @property
    def is_resampled(self) -> bool:
        """Whether the slice is interpolated from voxels of several slices of the volume."""
        return self.lattice is not self.geometry and not is_voxel_slice(self.lattice, self.geometry)

    def image_on_lattice(self) -> sitk.Image:
        """Return the image on the lattice that is registered; outside of it there is air."""
        return self.image if self.lattice is self.geometry else warp_image(self.image, self.lattice)

    def labels_on(
        self, lattice: ImageGeometry, names: Mapping[int, str] | None = None
    ) -> NodeLabels | None:
        """Return the labels on a lattice, numbered as others of the same names."""
        if self.labels is None:
            return None
        found = labels_from_node(self.labels.node, lattice, self.labels.segments)
        # A slice may well lie beside all structures of the volume.
        if lattice is self.geometry and not _any_voxel(found.image):
            raise InputError(
                _(
                    "no label of {labels!r} lies inside of {volume!r}; select labels of this volume"
                ).format(labels=self.labels.node.GetName(), volume=self.source.name)
            )
        return found.numbered_like(names or {})

    def mask(self) -> sitk.Image | None:
        """Return the mask on the lattice that is registered."""
        if self.masked is None:
            return None
        return self.flat(mask_from_node(self.masked.node, self.lattice, self.masked.segments))

    def landmarks(self) -> Landmarks | None:
        """Return the points of the list, on a slice in its coordinates."""
        if self.points is None:
            return None
        found = landmarks_of(self.points)
        return found if self.plane is None else landmarks_in_plane(found, self.plane)

    def flat(self, image: sitk.Image) -> sitk.Image:
        """Return an image on the lattice, 2D where that is a slice."""
        return image if self.plane is None else self.plane.flatten(image)

    def whole(self, names: Mapping[int, str]) -> tuple[sitk.Image, sitk.Image | None]:
        """Return the whole volume and its labels, numbered as others of the same names."""
        labels = self.labels_on(self.geometry, names)
        return self.image, None if labels is None else labels.image


def _any_voxel(labels: sitk.Image) -> bool:
    return bool((sitk.GetArrayViewFromImage(labels) > 0).any())


def _choose_lattices(sides: Sequence[_Side], view: Node | None) -> None:
    """Give the volumes the lattices of the slices that a view shows, or that the other one is."""
    single = [side for side in sides if side.is_slice]
    if view is not None:
        axes, center = view_axes(view)
        where = _("the slice shown in {view!r}").format(view=view.GetLayoutName())
    elif len(single) == 1:
        axes, center = plane_axes(single[0].geometry)
        where = _("the plane of {name!r}").format(name=single[0].source.name)
    else:
        return
    for side in sides:
        if side not in single:
            side.lattice = slice_lattice(side.geometry, axes, center, where)
