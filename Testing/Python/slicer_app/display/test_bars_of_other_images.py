"""The bar of a map goes with it where other images are shown, and comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def test_no_bar_beside_images_without_their_map(
    host: Any, registered: Callable[..., Any], picture: Callable[..., np.ndarray]
) -> None:
    from SlicerLDMRegLib.slicer_app.display.compare_views import CompareViews
    from SlicerLDMRegLib.slicer_app.display.many_views import ManyViews
    from SlicerLDMRegLib.slicer_app.display.mask_views import MaskViews
    from SlicerLDMRegLib.slicer_app.display.pair_views import PairViews
    from SlicerLDMRegLib.slicer_app.display.result_display import ResultDisplay
    from SlicerLDMRegLib.slicer_app.scene.left_out import LeftOut
    from SlicerLDMRegLib.slicer_app.scene.volume_nodes import volume_geometry

    scene = host.slicer.mrmlScene
    pair = registered(lambda points: 3 * np.cos(points / 9) * [1, 0, 0])
    fixed, moving, warped = pair.fixed, pair.moving, pair.nodes["warped"]
    lists = tuple(scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode") for _ in range(2))
    geometry = volume_geometry(fixed)
    everything = LeftOut(np.ones(geometry.array_shape, np.uint8), geometry)
    display = ResultDisplay(fixed, moving)

    def bar_is_drawn() -> bool:
        """Whether there is colour at the right of the view, where no image is."""
        edge = picture("Red", (400, 200))[:, -70:]
        return bool((edge.max(axis=-1) - edge.min(axis=-1) > 60).sum() > 50)

    display.show_displacement(True)
    assert bar_is_drawn()
    for views, show in (
        (PairViews(scene, fixed, moving, lists), lambda v: v.show()),
        (CompareViews(scene, fixed, warped), lambda v: v.side_by_side()),
        (CompareViews(scene, fixed, warped), lambda v: v.show_turn(1)),
        (ManyViews(scene), lambda v: v.show([fixed, warped])),
    ):
        show(views)
        assert not bar_is_drawn(), type(views).__name__
        views.leave()
        assert bar_is_drawn(), type(views).__name__
    masks = MaskViews(scene, [(moving, everything)])
    before = _legend_events(host)
    masks.show()
    assert before() > 0
    masks.leave()


def _legend_events(host: Any) -> Callable[[], int]:
    """Count how often the bars are told to look at the layers again."""
    (legend,) = host.slicer.util.getNodesByClass("vtkMRMLColorLegendDisplayNode")
    counted: list[int] = []
    legend.AddObserver("ModifiedEvent", lambda *_: counted.append(1))
    return lambda: len(counted)
