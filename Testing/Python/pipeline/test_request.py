from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.pipeline import AlignOptions, RefineOptions, RegistrationRequest
from SlicerLDMRegLib.pipeline.options import chosen_refinement


def test_request_travels_as_json() -> None:
    request = RegistrationRequest(
        "a.nrrd",
        "b.nrrd",
        align=AlignOptions("affine", iterations=5),
        refine=RefineOptions(similarity="lncc", iterations=(3, 2)),
        slices="axial:3-5",
        seed=7,
    )
    assert RegistrationRequest.from_json(request.to_json()) == request
    plain = RegistrationRequest("a.nrrd", Path("b.nrrd"))  # type: ignore[arg-type]
    assert plain.moving == "b.nrrd"
    assert json.loads(plain.to_json())["refine"] == {}
    assert RegistrationRequest.from_json(plain.to_json()) == plain


def test_a_request_keeps_only_what_was_said_about_the_refinement() -> None:
    """The worker that reads the request knows the model; its defaults fill the rest."""
    card = {"similarity": "lncc", "iterations": [5, 4], "enabled": False}
    for said, expected in (
        (None, RefineOptions(similarity="lncc", iterations=(5, 4), enabled=False)),
        (True, RefineOptions(similarity="lncc", iterations=(5, 4))),
        ("on", RefineOptions(similarity="lncc", iterations=(5, 4))),
        (False, RefineOptions(similarity="lncc", iterations=(5, 4), enabled=False)),
        ("7,6", RefineOptions(similarity="lncc", iterations=(7, 6))),
        ({"iterations": (3,)}, RefineOptions(similarity="lncc", iterations=(3,))),
        (RefineOptions(sigma=1.0), RefineOptions(sigma=1.0)),
    ):
        request = RegistrationRequest("a", "b", refine=said)  # type: ignore[arg-type]
        read = RegistrationRequest.from_json(request.to_json())
        assert read == request
        assert read.refine_options({"refine": card}) == expected


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"fixed": "a"}, "moving"),
        ({"fixed": "a", "moving": "b", "colour": 1}, "colour"),
        ({"fixed": "a", "moving": 3}, "moving"),
        ({"fixed": "a", "moving": "b", "seed": -1}, "seed"),
        ({"fixed": "a", "moving": "b", "slices": "x:1"}, "slices"),
        ({"fixed": "a", "moving": "b", "align": "banana"}, "banana"),
        ({"fixed": "a", "moving": "b", "refine": {"sigmas": 2}}, "sigmas"),
    ],
)
def test_wrong_request_names_the_field(values: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        RegistrationRequest.from_dict(values)


def test_not_json() -> None:
    with pytest.raises(InputError, match="JSON"):
        RegistrationRequest.from_json("{")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("similarity", "ssim"),
        ("iterations", ()),
        ("iterations", (1.5,)),
        ("learning_rate", 0),
        ("similarity_weight", -1.0),
        ("smoothness", -0.1),
        ("squarings", 0),
        ("max_seconds", 0.0),
        ("enabled", "yes"),
    ],
)
def test_wrong_refinement_names_the_option(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=name.replace("_", " ")) as caught:
        RefineOptions(**{name: value})
    assert caught.value.option == f"refine.{name}"


def test_refinement_from_what_users_give() -> None:
    card = {"similarity": "lncc", "iterations": [5, 4]}

    def options(value: Any, defaults: dict[str, Any] = card) -> RefineOptions:
        return RefineOptions.recommended(chosen_refinement(value), defaults)

    assert options(None, {}) == RefineOptions()
    assert options(None) == RefineOptions(similarity="lncc", iterations=(5, 4))
    assert not options(False).enabled
    assert options("9,8").iterations == (9, 8)
    assert options({"iterations": "9,8"}).iterations == (9, 8)
    assert options({"max_seconds": 2.0}).similarity == "lncc"
    own = RefineOptions(similarity="mind")
    assert options(own) == own
    for wrong in ("fast", 3, {"speed": 1}):
        with pytest.raises(InputError) as caught:
            chosen_refinement(wrong)  # type: ignore[arg-type]
        assert str(caught.value.option).startswith("refine")
