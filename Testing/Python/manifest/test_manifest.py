"""Manifests: what they hold, and that every fault is told with its place."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from SlicerLDMRegLib.errors import InputError
from SlicerLDMRegLib.manifest import (
    ImageEntry,
    ImagesManifest,
    PairEntry,
    PairsManifest,
    read_images,
    read_manifest,
    read_pairs,
    write_manifest,
)

PACKAGE_ROOT = Path(__file__).resolve().parents[3] / "SlicerLDMReg"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with empty files: a manifest does not look into them."""
    (tmp_path / "scans").mkdir()
    for name in ("a.nrrd", "b.nrrd", "c.nrrd", "a_labels.nrrd", "b_labels.nrrd", "a.csv", "t.h5"):
        (tmp_path / "scans" / name).touch()
    (tmp_path / "names.json").write_text('{"1": "left", "2": "right"}')
    return tmp_path


def write(folder: Path, text: str, name: str = "manifest.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_images_of_a_csv_file(folder: Path) -> None:
    path = write(
        folder,
        "image,labels,label_names,landmarks,subject,phase,split,age\n"
        "scans/a.nrrd,scans/a_labels.nrrd,names.json,scans/a.csv,p1,ed,train,71\n"
        "\n"
        "scans/b.nrrd,,freesurfer35,,p2,,test,\n",
    )
    first, second = read_images(path)
    assert first == ImageEntry(
        folder / "scans/a.nrrd",
        labels=folder / "scans/a_labels.nrrd",
        label_names=str(folder / "names.json"),
        landmarks=folder / "scans/a.csv",
        subject="p1",
        phase="ed",
        split="train",
        further={"age": "71"},
    )
    assert (first.row, second.row) == (2, 4)  # as a spreadsheet counts them
    assert second.labels is None and second.label_names == "freesurfer35" and not second.further


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv_files_as_spreadsheets_write_them(folder: Path, separator: str, mark: str) -> None:
    rows = [["fixed", "moving", "remark"], ["scans/a.nrrd", "scans/b.nrrd", '"x, y; z"']]
    path = write(folder, mark + "\r\n".join(separator.join(row) for row in rows) + "\r\n")
    (entry,) = read_pairs(path)
    assert (entry.fixed.name, entry.moving.name) == ("a.nrrd", "b.nrrd")
    assert entry.further == {"remark": "x, y; z"}


@pytest.mark.parametrize("wrapped", [True, False])
def test_pairs_of_a_json_file(folder: Path, wrapped: bool) -> None:
    pair = {
        "fixed": "scans/a.nrrd",
        "moving": str(folder / "scans/b.nrrd"),
        "initial_transform": "scans/t.h5",
        "label_names": {"1": "left"},
        "id": 7,
        "weight": 1.5,
        "good": True,
        "note": None,
    }
    text = json.dumps({"pairs": [pair]} if wrapped else [pair])
    (entry,) = read_pairs(write(folder, text, "pairs.json"))
    assert entry == PairEntry(
        folder / "scans/a.nrrd",
        folder / "scans/b.nrrd",
        initial_transform=folder / "scans/t.h5",
        label_names={1: "left"},
        id="7",
        further={"weight": "1.5", "good": "true"},
    )


@pytest.mark.parametrize("name", ["again.csv", "again.json", "scans/again.csv"])
def test_what_is_written_is_read_again(folder: Path, name: str) -> None:
    images = ImagesManifest(
        (
            ImageEntry(
                folder / "scans/a.nrrd",
                labels=folder / "scans/a_labels.nrrd",
                label_names={1: 'left "one"', 17: "right, other"},
                subject="p1",
                further={"remark": "two\nlines; \u202e and, a comma"},
            ),
            ImageEntry(folder / "scans/b.nrrd", label_names=str(folder / "names.json"), id="x"),
        )
    )
    assert read_images(write_manifest(images, folder / name)) == images
    pairs = PairsManifest(
        (
            PairEntry(folder / "scans/a.nrrd", folder / "scans/b.nrrd", split="test", group="1"),
            PairEntry(folder / "scans/b.nrrd", folder / "scans/a.nrrd", label_names="btcv"),
        )
    )
    assert read_pairs(write_manifest(pairs, folder / name)) == pairs


def test_a_written_manifest_moves_with_its_folder(folder: Path) -> None:
    pairs = PairsManifest((PairEntry(folder / "scans/a.nrrd", folder / "scans/b.nrrd"),))
    write_manifest(pairs, folder / "pairs.csv")
    moved = folder.rename(folder.with_name("moved"))
    assert next(iter(read_pairs(moved / "pairs.csv"))).fixed == moved / "scans/a.nrrd"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it is empty; begin with a header"),
        ("image\n", "it has no entries"),
        ("scan,age\nscans/a.nrrd,3\n", "expected a column image, or columns fixed and moving"),
        ("imgae,age\nscans/a.nrrd,3\n", "is imgae meant to be image?"),
        ("image,fixed,moving\na,b,c\n", "make two tables"),
        ("image,image\na,b\n", "row 1: two columns are named image"),
        ("image,\na,b\n", "row 1: column 2 has no name"),
        ("fixed\nscans/a.nrrd\n", "the column moving is missing"),
        ("fixed,movin\na,b\n", "column movin: it is not known; is it meant to be moving?"),
        ("image,lables\nscans/a.nrrd,x\n", "column lables: .*meant to be labels"),
        ("image,Label-Names\nscans/a.nrrd,x\n", "column Label-Names: .*meant to be label_names"),
        ("image,phases\nscans/a.nrrd,x\n", "column phases: .*meant to be phase"),
        (
            "fixed,moving,fixed_label\na,b,c\n",
            "column fixed_label: .*meant to be fixed_labels",
        ),
        ("image,labels\nscans/a.nrrd\n", "row 2: expected 2 cells as in the header, got 1 cell"),
        ('image\n"scans/a.nrrd\n', "row 2: it is not CSV"),
        ("image,labels\n,scans/a_labels.nrrd\n", "row 2, column image: it is empty"),
        ("image\nscans/a.nrrd\nscans/a.nrrd\n", "row 3, column image: .*is in row 2 already"),
        ("image,id\nscans/a.nrrd,p\nscans/b.nrrd,P\n", "row 3, column id: 'P' is in row 2"),
        (
            "fixed,moving\nscans/a.nrrd,scans/b.nrrd\nscans/a.nrrd,scans/b.nrrd\n",
            "row 3: the same pair is in row 2 already; give each an id",
        ),
        ("image\nscans/z.nrrd\n", "1 file is not there: row 2, column image: .*z.nrrd"),
        (
            "image,label_names\nscans/a.nrrd,nobody9\n",
            "row 2, column label_names: label scheme: expected",
        ),
        ("image,label_names\nscans/a.nrrd,{1\n", "row 2, column label_names: it is not JSON"),
        ("image,label_names\nscans/a.nrrd,other.json\n", "column label_names: .*other.json"),
        ("image\nscans/a\x07.nrrd\n", "row 2, column image: it has a control character"),
        (f"image\n{'a' * 5000}\n", "row 2, column image: expected at most 4000 characters"),
    ],
)
def test_faults_of_csv_files(folder: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        read_manifest(write(folder, text))
    assert str(folder / "manifest.csv") in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[", "it cannot be read"),
        ("3", "expected a list of objects, got 3"),
        ("[]", "it has no entries"),
        ('{"image": []}', "'image'; is it meant to be images?"),
        ('{"images": [], "pairs": []}', "expected either images or pairs"),
        ("[3]", "row 1: expected an object, got 3"),
        ('[{"image": 3}]', "row 1, column image: expected a text, got 3"),
        ('[{"image": "scans/a.nrrd", "id": true}]', "row 1, column id: expected a text, got True"),
        ('[{"image": "a", "image": "b"}]', "'image' is there twice in one object"),
        ('[{"image": "scans/a.nrrd", "more": [1]}]', "row 1, column more: expected a text or"),
        (
            '[{"image": "scans/a.nrrd", "label_names": {"x": "y"}}]',
            "row 1, column label_names: names: expected",
        ),
        ('{"pairs": [{"image": "scans/a.nrrd"}]}', "the column fixed is missing"),
    ],
)
def test_faults_of_json_files(folder: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_manifest(write(folder, text, "manifest.json"))


def test_all_faults_are_told_at_once(folder: Path) -> None:
    rows = [f"scans/{n}.nrrd,scans/{n}_labels.nrrd" for n in "abcdefghijklmnopq"]
    with pytest.raises(InputError) as caught:
        read_manifest(write(folder, "\n".join(["image,labels", *rows, "scans/a.nrrd"]) + "\n"))
    text = str(caught.value)
    assert "row 19: expected 2 cells" in text and "29 files are not there" in text
    assert "row 4, column labels" in text and "and 9 more" in text and "row 2," not in text


def test_a_misspelt_column_is_none_beside_the_known_one(folder: Path) -> None:
    path = write(folder, "image,subject,subjects\nscans/a.nrrd,p1,2\n")
    (entry,) = read_images(path)
    assert entry.subject == "p1" and entry.further == {"subjects": "2"}


def test_files_that_are_no_manifests(folder: Path) -> None:
    for path, told in (
        (folder / "none.csv", "there is no file"),
        (folder, "got the folder"),
        (folder / "binary.csv", "not text in UTF-8"),
    ):
        (folder / "binary.csv").write_bytes(b"image\n\xff\xfe\n")
        with pytest.raises(InputError, match=told):
            read_manifest(path)
    with pytest.raises(InputError, match="expected a table of images"):
        read_images(write(folder, "fixed,moving\nscans/a.nrrd,scans/b.nrrd\n"))
    with pytest.raises(InputError, match="expected a table of pairs"):
        read_pairs(write(folder, "image\nscans/a.nrrd\n"))


def test_parts_of_files_and_series_of_folders_are_there(folder: Path) -> None:
    text = "image\nscans/a.nrrd#frame=2\nscans/1.2.840.99\n"
    assert len(read_images(write(folder, text))) == 2


def test_missing_files_may_be_left_to_later(folder: Path) -> None:
    path = write(folder, "image\nscans/z.nrrd\n")
    assert len(read_manifest(path, check_files=False)) == 1


def test_a_manifest_cannot_take_a_known_name_for_a_further_column(folder: Path) -> None:
    entry = ImageEntry(folder / "scans/a.nrrd", further={"labels": "x"})
    with pytest.raises(InputError, match="further column labels"):
        write_manifest(ImagesManifest((entry,)), folder / "again.csv")
    assert not (folder / "again.csv").exists()


def test_manifests_need_no_torch() -> None:
    code = "import sys, SlicerLDMRegLib.manifest; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PACKAGE_ROOT)
