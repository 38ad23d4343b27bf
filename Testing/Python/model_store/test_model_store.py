from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from SlicerLDMRegLib.errors import ModelError
from SlicerLDMRegLib.model_store import (
    Grid,
    ModelCard,
    choose_model,
    find_model,
    list_models,
    user_models_dir,
    write_model_folder,
)
from SlicerLDMRegLib.model_store import (
    store as store_module,
)


@pytest.fixture
def stores(
    tmp_path: Path,
    small_card: ModelCard,
    segmenter_card: ModelCard,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[Path, Path]:
    """Shipped: one 2D model and a segmenter. The user's: another 2D model and a 3D one."""
    bundled, user = tmp_path / "bundled", tmp_path / "user"
    monkeypatch.setattr(store_module, "bundled_models_dir", lambda: bundled)
    monkeypatch.setenv("LDMREG_MODELS", str(user))
    volume = replace(small_card, id="brain-mr", spatial_dims=3, grid=Grid((8, 8, 8)))
    for folder, card in (
        (bundled, replace(small_card, id="cardiac-mr")),
        (bundled, replace(segmenter_card, id="a-segmenter")),
        (user, replace(small_card, id="aardvark-us")),
        (user, volume),
    ):
        write_model_folder(folder / card.id, card, {"w": torch.ones(1)}, "CC0")
    return bundled, user


def test_shipped_models_come_first(stores: tuple[Path, Path]) -> None:
    ids = [card.id for card in list_models()]
    assert ids == ["a-segmenter", "cardiac-mr", "aardvark-us", "brain-mr"]


def test_default_is_the_shipped_registration_model_of_the_dimension(
    stores: tuple[Path, Path],
) -> None:
    assert choose_model("auto", 2).id == "cardiac-mr"
    assert choose_model("auto", 3).id == "brain-mr"


def test_no_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "bundled_models_dir", lambda: tmp_path)
    monkeypatch.setenv("LDMREG_MODELS", str(tmp_path / "absent"))
    with pytest.raises(ModelError, match="no registration model for 3D images is installed"):
        choose_model("auto", 3)
    with pytest.raises(ModelError, match=r"no model is installed; put model folders into .*absent"):
        find_model("anything")


def test_the_users_model_replaces_the_shipped_one_of_its_id(
    stores: tuple[Path, Path], small_card: ModelCard
) -> None:
    newer = replace(small_card, id="cardiac-mr", version="2.0.0")
    write_model_folder(stores[1] / "cardiac-mr", newer, {"w": torch.ones(1)}, "CC0")
    assert find_model("cardiac-mr").version == "2.0.0"
    assert choose_model("auto", 2).folder == stores[1] / "cardiac-mr"


def test_find_by_id_and_by_path(stores: tuple[Path, Path], small_folder: Path) -> None:
    assert find_model("brain-mr").folder == stores[1] / "brain-mr"
    assert find_model(small_folder).id == "small-model"
    assert find_model(str(small_folder)).id == "small-model"


def test_unknown_id_gives_similar_ones(stores: tuple[Path, Path]) -> None:
    with pytest.raises(ModelError, match="unknown model 'cardiac-mri'; did you mean 'cardiac-mr'"):
        find_model("cardiac-mri")
    with pytest.raises(
        ModelError, match="known models: a-segmenter, aardvark-us, brain-mr, cardiac-mr"
    ):
        find_model("zzz")


def test_unknown_path_is_named(stores: tuple[Path, Path], tmp_path: Path) -> None:
    for path in (tmp_path / "absent", str(tmp_path / "absent")):
        with pytest.raises(
            ModelError, match=r"absent is no model folder: it has no metadata\.json"
        ):
            find_model(path)


def test_a_broken_model_does_not_hide_the_others(
    stores: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    (stores[1] / "aardvark-us" / "metadata.json").write_text("{")
    (stores[1] / "no-model").mkdir()
    (stores[1] / ".being-written").mkdir()
    (stores[1] / ".being-written" / "metadata.json").write_text("{")
    broken: list[ModelError] = []
    assert [card.id for card in list_models(broken)] == ["a-segmenter", "cardiac-mr", "brain-mr"]
    assert len(broken) == 1
    assert "aardvark-us" in str(broken[0])
    with caplog.at_level(logging.WARNING):
        list_models()
    assert "aardvark-us" in caplog.text


def test_user_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LDMREG_MODELS", str(tmp_path))
    assert user_models_dir() == tmp_path
    monkeypatch.delenv("LDMREG_MODELS")
    for platform, variable in (("linux", "XDG_CACHE_HOME"), ("win32", "LOCALAPPDATA")):
        monkeypatch.setattr("sys.platform", platform)
        monkeypatch.setenv(variable, str(tmp_path / platform))
        assert user_models_dir() == tmp_path / platform / "ldmreg" / "models"
        monkeypatch.delenv(variable)
        assert user_models_dir().is_relative_to(Path.home())
    monkeypatch.setattr("sys.platform", "darwin")
    assert user_models_dir() == Path.home() / "Library" / "Caches" / "ldmreg" / "models"


def test_incomplete_installation_leaves_the_users_models(
    stores: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> Path:
        raise FileNotFoundError

    monkeypatch.setattr(store_module, "bundled_models_dir", missing)
    assert [card.id for card in list_models()] == ["aardvark-us", "brain-mr"]


def test_segmenters_are_not_offered_for_registration(stores: tuple[Path, Path]) -> None:
    assert [card.id for card in list_models(kind="segmentation")] == ["a-segmenter"]
    assert "a-segmenter" not in [card.id for card in list_models(kind="registration")]
    assert find_model("a-segmenter").kind == "segmentation"
    assert find_model("a-segmenter", "segmentation").id == "a-segmenter"
    with pytest.raises(ModelError, match=r"'a-segmenter' is for segmentation, .* for registration"):
        find_model("a-segmenter", "registration")
    with pytest.raises(ModelError, match=r"is for registration, .*; known ones: a-segmenter"):
        find_model(stores[1] / "brain-mr", "segmentation")
    with pytest.raises(ModelError, match=r"unknown model 'zzz'; known models: a-segmenter$"):
        find_model("zzz", "segmentation")
