"""Names become prompts as the paper writes them."""

from __future__ import annotations

import doctest

import pytest

from SlicerLDMRegLib import text
from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.text import (
    TEMPLATES,
    build_prompt,
    matching,
    prompts,
    schemes,
    structure_words,
)


def test_prompt_of_a_named_template() -> None:
    assert (
        build_prompt("abdomen-ct", "Portal-vein_and  splenic vein")
        == "A computerized tomography of a portal vein and splenic vein in human abdomen."
    )


def test_template_may_be_any_text() -> None:
    assert build_prompt("[CLS], the [CLS]!", "Left-Lung") == "left lung, the left lung!"


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_name_the_structure_once(name: str) -> None:
    assert build_prompt(name, "Spleen").count("spleen") == 1


def test_template_without_a_place_is_refused() -> None:
    with pytest.raises(InputError, match=r"\[CLS\].*brain-mr.*got 'a photo'"):
        build_prompt("a photo", "spleen")


@pytest.mark.parametrize("name", ["", " ", "-_-"])
def test_empty_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="name of a structure"):
        structure_words(name)


@pytest.mark.parametrize("module", [text, prompts, schemes, matching])
def test_examples_are_true(module: object) -> None:
    results = doctest.testmod(module)  # type: ignore[arg-type]
    assert results.attempted >= 2
    assert results.failed == 0
