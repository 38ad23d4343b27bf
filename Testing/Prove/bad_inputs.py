"""Named bad inputs, each of which must end in one line that tells, or be shown without harm.

A case builds files in an empty folder and gives them to a function of the library, of the command
line or of the worker, as a user would. :func:`run` returns a table; ``python -m
Testing.Prove.bad_inputs [WORD ...]`` prints it for the cases whose names have the words.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import struct
import sys
import tempfile
import time
import unicodedata
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from SlicerLDMRegLib.errors import InputError, LDMRegError, ModelError

__all__ = ["CASES", "Case", "Result", "run", "unsafe_characters"]

#: What must not be heard from us: advice of others to run the code of a file.
_ADVICE = re.compile(r"weights_only|allow_pickle|trust the source", re.IGNORECASE)
_LONGEST = 10_000  # characters of an error; the shell and the panel show 2,000 of them
_SECONDS = 30.0
_NASTY = "\x1b[31mred\x1b[0m \x9b2J \u202eesrever\u2069 \x07 \x00 \r\nldmreg: error: fake \u2028 x"


@dataclass(frozen=True)
class Case:
    """A bad input.

    Attributes:
        name: ``kind: what``.
        act: given an empty folder, builds the input and gives it to its entry point; returns a text
            that a user would see, for a case that is no error.
        expected: the error, or None where it is to be shown, or read, without harm.
        tells: pattern in the text.
    """

    name: str
    act: Callable[[Path], str | None]
    expected: type[LDMRegError] | None
    tells: str


@dataclass(frozen=True)
class Result:
    """What came of a case: ``problem`` is empty where it is as it must be."""

    name: str
    outcome: str
    text: str
    problem: str
    seconds: float


CASES: list[Case] = []


def _case(
    name: str, expected: type[LDMRegError] | None, tells: str = ""
) -> Callable[[Callable[[Path], str | None]], None]:
    def add(act: Callable[[Path], str | None]) -> None:
        CASES.append(Case(name, act, expected, tells))

    return add


def unsafe_characters(text: str) -> str:
    """Return the characters of a text that a terminal or a browser would not just show."""
    found = {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    return "".join(sorted(found - set("\n\t\u200c\u200d")))


def run(words: Sequence[str] = ()) -> list[Result]:
    """Try the cases whose names have all of the words; a row for each."""
    return [_tried(case) for case in CASES if all(word in case.name for word in words)]


def _tried(case: Case) -> Result:
    with tempfile.TemporaryDirectory(prefix="ldmreg-bad-") as name:
        begin = time.perf_counter()
        text, outcome, problem = "", "no error", ""
        try:
            text = case.act(Path(name)) or ""
        except LDMRegError as error:
            outcome, text = type(error).__name__, str(error)
        except BaseException as error:
            outcome, text = f"crash: {type(error).__name__}", str(error)[:200]
        seconds = time.perf_counter() - begin
    expected = "no error" if case.expected is None else case.expected.__name__
    if outcome != expected:
        problem = f"expected {expected}"
    elif not re.search(case.tells, text, re.DOTALL):
        problem = f"does not tell {case.tells!r}"
    elif unsafe_characters(text):
        problem = f"has {unsafe_characters(text)!r}"
    elif case.expected is not None and ("\n" in text or len(text) > _LONGEST):
        problem = f"is no line, or one of {len(text)} characters"
    elif _ADVICE.search(text):
        problem = "gives bad advice"
    elif seconds > _SECONDS:
        problem = f"took {seconds:.0f} s"
    return Result(case.name, outcome, text, problem, seconds)


# Model cards

_CARD = {
    "version": "1.0.0", "changelog": {}, "description": "d", "authors": "a", "copyright": "c",
    "intended_use": "n",
    "ldmreg": {
        "format": 1, "kind": "registration", "id": "bad", "title": "Bad", "method": "ldm-morph",
        "spatial_dims": 2, "use": "nothing", "network": {},
        "grid": {"size": [32, 32], "divisor": 32},
        "intensity": {"mode": "minmax", "lower_percentile": 0, "upper_percentile": 100},
        "weights": {"file": "model.safetensors", "sha256": "0" * 64, "bytes": 3, "dtype": "float16",
                    "parameters": 1},
    },
}  # fmt: skip


def _store(folder: Path, metadata: bytes | str | None, weights: bytes | None = b"abc") -> None:
    model = folder / "bad"
    model.mkdir()
    if metadata is not None:
        data = metadata.encode() if isinstance(metadata, str) else metadata
        (model / "metadata.json").write_bytes(data)
    if weights is not None:
        (model / "model.safetensors").write_bytes(weights)


def _changed(**ldmreg: Any) -> str:
    return json.dumps({**_CARD, "ldmreg": {**_CARD["ldmreg"], **ldmreg}})  # type: ignore[dict-item]


@contextlib.contextmanager
def _models(folder: Path) -> Any:
    before = os.environ.get("LDMREG_MODELS")
    os.environ["LDMREG_MODELS"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("LDMREG_MODELS")
        if before is not None:
            os.environ["LDMREG_MODELS"] = before


def _listed(folder: Path) -> None:
    """Raise what ``models list`` warns of, when it is one warning and the others are listed."""
    from SlicerLDMRegLib.model_store import find_model, list_models

    with _models(folder):
        broken: list[ModelError] = []
        cards = list_models(broken)
        assert any(card.id == "ldm-morph-cardiac-mr" for card in cards), "the others are missing"
        assert find_model("ldm-morph-cardiac-mr") is not None
        if len(broken) != 1:
            raise AssertionError(f"expected one warning, got {len(broken)}")
        raise broken[0]


def _cards() -> None:
    bad: dict[str, bytes | str] = {
        "empty": b"",
        "cut off": json.dumps(_CARD)[:200],
        "zeros": bytes(1000),
        "UTF-16": json.dumps(_CARD).encode("utf-16"),
        "Latin-1": json.dumps(_CARD).replace('"a"', '"J\u00fcrgen"').encode("latin-1"),
        "nested 100,000 deep": "[" * 100_000,
        "nested objects": '{"a":' * 50_000 + "1" + "}" * 50_000,
        "5,000 digits": json.dumps(_CARD).replace('"format": 1', '"format": ' + "9" * 5000),
        "1,000 digits": json.dumps(_CARD).replace('"bytes": 3', '"bytes": ' + "9" * 1000),
        "NaN": json.dumps(_CARD).replace("100", "NaN"),
        "infinity": json.dumps(_CARD).replace("100", "1e999"),
        "a list": "[]",
        "11 MB": json.dumps({**_CARD, "description": "x" * 11_000_000}),
        "a title of 1 MB": _changed(title="x" * 1_000_000),
        "control characters in the text": json.dumps(_CARD).replace("nothing", "a\x1b[31mb"),
        "an id that leads out": _changed(id="../../evil"),
        "an id of 300 letters": _changed(id="x" * 300),
        "an id with an escape": _changed(id="\x1b[2J"),
        "a list as id": _changed(id=["bad"]),
        "no grid": _changed(grid=None),
        "a grid of text": _changed(grid={"size": "32", "divisor": 32}),
        "a grid of huge numbers": _changed(grid={"size": [10**30, 10**30], "divisor": 1}),
        "a grid with a fraction": _changed(grid={"size": [32.5, 32], "divisor": 1}),
        "a label of 5,000 digits": _changed(label_scheme={"9" * 5000: {"name": "x"}}),
        "labels in other digits": _changed(label_scheme={"\u0663": {"name": "x"}}),
        "a million labels": _changed(label_scheme={str(n): {"name": ""} for n in range(100_000)}),
        "results of text": _changed(results={"identity": "good"}),
        "limits of numbers": _changed(limits=[1]),
        "an object as segmenter": _changed(segmenter={"a": 1}),
        "another format": _changed(format=2),
        "the weights of another file": _changed(weights={"file": "/etc/passwd"}),
    }  # fmt: skip
    for what, metadata in bad.items():

        def act(folder: Path, metadata: bytes | str = metadata) -> None:
            _store(folder, metadata)
            _listed(folder)

        _case(f"card: {what}", ModelError, r"bad")(act)

    @_case("card: a folder in its place", ModelError, "bad")
    def _(folder: Path) -> None:
        _store(folder, None)
        (folder / "bad" / "metadata.json").mkdir()
        _listed(folder)

    @_case("card: a pipe in its place", ModelError, "no file")
    def _(folder: Path) -> None:
        _store(folder, None)
        os.mkfifo(folder / "bad" / "metadata.json")
        _listed(folder)

    @_case("card: a link to nowhere", ModelError, "bad")
    def _(folder: Path) -> None:
        _store(folder, None)
        (folder / "bad" / "metadata.json").symlink_to(folder / "nowhere")
        _listed(folder)

    @_case("card: a link to itself", ModelError, "bad")
    def _(folder: Path) -> None:
        _store(folder, None)
        (folder / "bad" / "metadata.json").symlink_to("metadata.json")
        _listed(folder)

    @_case("model: no weights", ModelError, "get the model again")
    def _(folder: Path) -> None:
        from SlicerLDMRegLib.model_store import load_network

        _store(folder, json.dumps(_CARD), None)
        load_network(folder / "bad")

    @_case("model: weights that link to themselves", ModelError, "get the model again")
    def _(folder: Path) -> None:
        _store(folder, json.dumps(_CARD), None)
        (folder / "bad" / "model.safetensors").symlink_to("model.safetensors")
        _listed(folder)

    @_case("model: weights that are cut off", ModelError, "must have 3 bytes, got 2")
    def _(folder: Path) -> None:
        _store(folder, json.dumps(_CARD), b"ab")
        _listed(folder)

    @_case("model: one that is asked for by name", ModelError, "bad/metadata.json")
    def _(folder: Path) -> None:
        from SlicerLDMRegLib.model_store import find_model

        _store(folder, "{")
        with _models(folder):
            find_model("bad")

    for what, value in {
        "a name of 300 characters": "x" * 300,
        "a path of 9,000 characters": "x/" * 4500,
        "a name with a NUL": "a\0b",
        "a name with escapes": _NASTY,
        "a home of nobody": "~nobody-of-this-name/model",
    }.items():

        def find(folder: Path, value: str = value) -> None:
            from SlicerLDMRegLib.model_store import find_model

            with _models(folder):
                find_model(value)

        _case(f"model: {what}", ModelError)(find)

    for what, network in {
        "a network of ten million blocks": {"depths": [10**7, 2, 4, 2]},
        "a network that needs terabytes": {"codebook_size": 900_000, "embed_dim": 65536},
        "a network of text": {"window": "seven"},
        "a network of lists in lists": {"depths": [[[[[[[2]]]]]]]},
        "a network without channels": {"embed_dim": 0},
        "a network of negative size": {"unet_channels": [-64, -128, -192, -256]},
    }.items():

        def load(folder: Path, network: dict[str, Any] = network) -> None:
            import torch

            from SlicerLDMRegLib.model_store import (
                Grid,
                ModelCard,
                load_network,
                write_model_folder,
            )

            card = ModelCard("bad", "Bad", "ldm-morph", 2, network, Grid((32, 32), 32), "nothing")
            write_model_folder(folder / "bad", card, {"w": torch.ones(3)}, "CC0")
            load_network(folder / "bad")

        _case(f"model: {what}", ModelError, "bad")(load)


def _shown_cards() -> None:
    """Cards that are sound but for their texts: what a terminal gets of them."""

    def printed(folder: Path, *arguments: str) -> str:
        from SlicerLDMRegLib.cli import main

        out = io.StringIO()
        with _models(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            main(list(arguments))
        return out.getvalue()

    card = _changed(title=f"T {_NASTY}", use=f"U {_NASTY}", method=f"M {_NASTY}",
                    limits=[_NASTY], results={_NASTY: {_NASTY: 1.0}})  # fmt: skip
    for command in ("list", "list --json", "show bad", "show bad --json", "verify"):

        def act(folder: Path, command: str = command) -> str:
            _store(folder, card)
            text = printed(folder, "models", *command.split())
            assert not re.search(r"^ldmreg: error: fake", text, re.MULTILINE), "a line is faked"
            if command.endswith("--json"):
                told = json.loads(text)
                told = told[-1] if isinstance(told, list) else told["ldmreg"]
                assert told["title"] == f"T {_NASTY}", "JSON must mean the same"
            return text

        _case(f"terminal: models {command}", None, "bad|esrever")(act)

    pair = ["register", "--fixed", "a", "--moving", "b", "--output", "o"]
    for what, arguments in {
        "an unknown model": ["models", "show", _NASTY.replace("\0", "")],
        "an unknown option": ["register", "--" + _NASTY],
        "an unknown file": [*pair, "--fixed", "/x\x1b[2Jy.nrrd"],
        "a prompt": [*pair, "--prompt", _NASTY],
    }.items():  # fmt: skip

        def told(folder: Path, arguments: list[str] = arguments) -> str:
            return printed(folder, *arguments)

        _case(f"terminal: {what}", None, "ldmreg: error: ")(told)


# Archives, checkpoints, arrays


def _many_entries(path: Path, count: int, end: str) -> None:
    """Write an archive of empty files, or of folders; zipfile itself would take ten seconds."""
    files, directory = bytearray(), bytearray()
    for number in range(count):
        name = f"f{number}{end}".encode()
        common = struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 0x21, 0, 0, 0, len(name), 0)
        directory += b"PK\1\2" + struct.pack("<H", 20) + common
        directory += struct.pack("<HHHII", 0, 0, 0, 0, len(files)) + name
        files += b"PK\3\4" + common + name
    whole = struct.pack("<IHQHHIIQQQQ", 0x06064B50, 0, 44, 45, 45, 0, 0, count, count,
                        len(directory), len(files))  # fmt: skip
    whole = b"PK\6\6" + whole[6:]
    locator = b"PK\6\7" + struct.pack("<IQI", 0, len(files) + len(directory), 1)
    last = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, len(directory), len(files), 0)
    path.write_bytes(bytes(files) + bytes(directory) + whole + locator + last)


def _archives() -> None:
    def unpacked(
        folder: Path, make: Callable[[zipfile.ZipFile], object], limit: int = 10**6
    ) -> None:
        from SlicerLDMRegLib.model_store import unpack_model

        with zipfile.ZipFile(folder / "a.zip", "w") as archive:
            make(archive)
        (folder / "out").mkdir()
        unpack_model(folder / "a.zip", folder / "out", limit)

    def entry(*names: str) -> Callable[[zipfile.ZipFile], object]:
        def make(archive: zipfile.ZipFile) -> None:
            for name in names:
                archive.writestr(zipfile.ZipInfo(name), b"x")

        return make

    for what, names in {
        "absolute": ["/etc/passwd"],
        "leads out": ["a/../../b"],
        "a drive": ["C:/b"],
        "backslashes": ["a\\..\\b"],
        "the same name twice": ["a", "a"],
        "clash by case": ["docs/A", "docs/a"],
        "clash of folders by case": ["Docs", "docs/README.md"],
        "a file that is a folder, too": ["docs", "docs/README.md"],
        "a folder that is a file, too": ["docs/README.md", "docs"],
        "clash by normal form": ["caf\u00e9", "cafe\u0301"],
        "NUL device": ["NUL"],
        "a device with an end": ["docs/con.txt"],
        "COM1": ["com1"],
        "a point at the end": ["LICENSE."],
        "a space at the end": ["LICENSE "],
        "a stream of Windows": ["LICENSE:evil"],
        "an escape": ["a\x1b[2Jb"],
        "a hidden file": [".bashrc"],
        "a name of 300 characters": ["x" * 300],
        "no name": [""],
        "an odd folder": ["../x/"],
    }.items():

        def act(folder: Path, names: list[str] = names) -> None:
            unpacked(folder, entry(*names))

        _case(f"archive: {what}", ModelError, "no model has|as a file and as|damaged")(act)

    def unpack(folder: Path) -> None:
        from SlicerLDMRegLib.model_store import unpack_model

        (folder / "out").mkdir()
        unpack_model(folder / "a.zip", folder / "out", 10**6)

    @_case("archive: NUL in a name", ModelError, "no model has")
    def _(folder: Path) -> None:
        with zipfile.ZipFile(folder / "a.zip", "w") as archive:
            archive.writestr("LICENSE_evil", b"x")
        data = (folder / "a.zip").read_bytes().replace(b"LICENSE_evil", b"LICENSE\0evil")
        (folder / "a.zip").write_bytes(data)
        unpack(folder)

    @_case("archive: 200,000 entries", ModelError, "entries")
    def _(folder: Path) -> None:
        _many_entries(folder / "a.zip", 200_000, "")
        unpack(folder)

    @_case("archive: 200,000 folders", ModelError, "entries")
    def _(folder: Path) -> None:
        _many_entries(folder / "a.zip", 200_000, "/")
        unpack(folder)

    @_case("archive: entries that its end does not count", ModelError, "entries|damaged")
    def _(folder: Path) -> None:
        with zipfile.ZipFile(folder / "a.zip", "w") as archive:
            entry(*(f"f{n}" for n in range(5000)))(archive)
        data = bytearray((folder / "a.zip").read_bytes())
        at = data.rindex(b"PK\5\6")
        struct.pack_into("<HH", data, at + 8, 1, 1)
        (folder / "a.zip").write_bytes(data)
        unpack(folder)

    def link(archive: zipfile.ZipFile) -> None:
        member = zipfile.ZipInfo("LICENSE")
        member.external_attr = 0o120777 << 16
        archive.writestr(member, b"/etc/passwd")

    @_case("archive: a link", ModelError, "no model has")
    def _(folder: Path) -> None:
        unpacked(folder, link)

    @_case("archive: a pipe", ModelError, "no model has")
    def _(folder: Path) -> None:
        def pipe(archive: zipfile.ZipFile) -> None:
            member = zipfile.ZipInfo("LICENSE")
            member.external_attr = 0o010644 << 16
            archive.writestr(member, b"")

        unpacked(folder, pipe)

    @_case("archive: a bomb", ModelError, "expected at most")
    def _(folder: Path) -> None:
        unpacked(folder, lambda a: a.writestr("LICENSE", bytes(10**7), zipfile.ZIP_DEFLATED))

    @_case("archive: a bomb that says it is small", ModelError, "damaged")
    def _(folder: Path) -> None:
        from SlicerLDMRegLib.model_store import unpack_model

        with zipfile.ZipFile(folder / "a.zip", "w") as archive:
            archive.writestr("LICENSE", bytes(10**7), zipfile.ZIP_DEFLATED)
        data = (folder / "a.zip").read_bytes()
        (folder / "a.zip").write_bytes(
            data.replace(struct.pack("<I", 10**7), struct.pack("<I", 10))
        )
        (folder / "out").mkdir()
        unpack_model(folder / "a.zip", folder / "out", 1000)

    @_case("archive: LZMA, whose dictionary takes gigabytes", ModelError, "no model has")
    def _(folder: Path) -> None:
        unpacked(folder, lambda a: a.writestr("LICENSE", b"x" * 99, zipfile.ZIP_LZMA))

    for what, data in {
        "empty": b"",
        "text": b"no zip",
        "only an end": b"PK\5\6" + bytes(18),
    }.items():

        def damaged(folder: Path, data: bytes = data) -> None:
            from SlicerLDMRegLib.model_store import unpack_model

            (folder / "a.zip").write_bytes(data)
            (folder / "out").mkdir()
            unpack_model(folder / "a.zip", folder / "out", 1000)
            if not list((folder / "out").iterdir()):  # none of a model's files: verified later
                raise ModelError("damaged")

        _case(f"archive: {what}", ModelError, "damaged")(damaged)


class _Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch /tmp/ldmreg-was-here",)


def _weights() -> None:
    import pickle

    def saved(value: Any) -> bytes:
        import torch

        stream = io.BytesIO()
        torch.save(value, stream)
        return stream.getvalue()

    def bomb() -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("archive/data.pkl", bytes(10**7))
            archive.writestr("archive/version", b"3\n")
        return stream.getvalue()

    makers: dict[str, Callable[[], bytes]] = {
        "code": lambda: saved(_Evil()),
        "code, in the old form": lambda: pickle.dumps(_Evil()),
        "an object of another class": lambda: saved({"a": np.random.default_rng(1)}),
        "a set": lambda: saved({1, 2}),
        "cut off": lambda: saved({"a": __import__("torch").ones(1000)})[:2000],
        "text": lambda: b"no checkpoint",
        "empty": lambda: b"",
        "an empty pickle": lambda: b"\x80\x02.",
        "a bomb": bomb,
        "nested lists": lambda: b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
        "numbers": lambda: saved([1, 2, 3]),
    }
    for what, make in makers.items():

        def act(folder: Path, make: Callable[[], bytes] = make) -> None:
            from SlicerLDMRegLib._weight_files import read_checkpoint

            (folder / "a.pt").write_bytes(make())
            try:
                read_checkpoint(folder / "a.pt")
            finally:
                assert not Path("/tmp/ldmreg-was-here").exists(), "code of the file was run"

        _case(f"checkpoint: {what}", ModelError, "a.pt")(act)

    def npz(header: bytes) -> bytes:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("text_embeddings.npy", header)
        return stream.getvalue()

    def header(shape: str, descr: str = "<f4") -> bytes:
        text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
        return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text

    def objects() -> bytes:
        stream = io.BytesIO()
        np.save(stream, np.array([_Evil()], object), allow_pickle=True)
        return stream.getvalue()

    arrays: dict[str, Callable[[], bytes]] = {
        "objects": objects,
        "a pickle": lambda: pickle.dumps(_Evil()),
        "terabytes in a header": lambda: header("(1000000, 1000000)"),
        "terabytes in a header of npz": lambda: npz(header("(1000000, 1000000)")),
        "a bomb": lambda: npz(header("(50000000,)") + bytes(2 * 10**8)),
        "a header of code": lambda: header("__import__('os').getcwd()"),
        "another array": lambda: npz(b"")[:-10],
        "empty": lambda: b"",
    }
    for what, make in arrays.items():

        def read(folder: Path, make: Callable[[], bytes] = make) -> None:
            from SlicerLDMRegLib.model_store.import_checkpoint.textscf import _read_array

            (folder / "a.npz").write_bytes(make())
            _read_array(folder / "a.npz")

        _case(f"text vectors: {what}", InputError, "a.npz")(read)


# Names, requests, landmarks, transforms


def _json_and_csv() -> None:
    deep, digits = "[" * 100_000, "9" * 5000
    names = {
        "nested": deep,
        "an integer of 5,000 digits as name": f'{{"1": {digits}}}',
        "a key of 5,000 digits": f'{{"{digits}": "x"}}',
        "a key of Arabic digits": '{"\u0663": "x"}',
        "a key twice": '{"1": "a", "1": "b"}',
        "a name of 1 MB": json.dumps({"1": "x" * 1_000_000}),
        "a name of nothing": '{"1": "  "}',
        "a list": "[]",
        "NaN": '{"1": NaN}',
        "UTF-16": '{"1": "a"}'.encode("utf-16"),
        "11 MB": '{"1": "' + "x" * 11_000_000 + '"}',
        "a deep value": '{"1": ' + "[" * 900 + "]" * 900 + "}",
        "cut off": '{"1": "a',
    }
    for what, text in names.items():

        def read_names_(folder: Path, text: str | bytes = text) -> None:
            from SlicerLDMRegLib.segmentation.names import read_names

            data = text if isinstance(text, bytes) else text.encode()
            (folder / "names.json").write_bytes(data)
            read_names(folder / "names.json")

        _case(f"names: {what}", InputError, "names")(read_names_)

    @_case("names: a scheme of 300 characters", InputError)
    def _(folder: Path) -> None:
        from SlicerLDMRegLib.segmentation.names import read_names

        read_names("x" * 300)

    pair = '"fixed": "a", "moving": "b"'
    requests = {
        "nested": deep,
        "no object": "[]",
        "NaN": f'{{{pair}, "seed": NaN}}',
        "a seed of 5,000 digits": f'{{{pair}, "seed": {digits}}}',
        "a seed of 30 digits": f'{{{pair}, "seed": {"9" * 30}}}',
        "a seed of truth": f'{{{pair}, "seed": true}}',
        "an unknown field": f'{{{pair}, "\u202e\x07": 1}}'.replace("\x07", "\\u0007"),
        "a field of 1 MB": f'{{{pair}, "{"x" * 1_000_000}": 1}}',
        "a device of objects": f'{{{pair}, "device": {{"a": 1}}}}',
        "a precision of lists": f'{{{pair}, "precision": [[]]}}',
        "an alignment of numbers": f'{{{pair}, "align": 7}}',
        "iterations without end": f'{{{pair}, "refine": {{"iterations": [{"9" * 18}]}}}}',
        "iterations of digits": f'{{{pair}, "refine": "{digits}"}}',
        "an infinite smoothness": f'{{{pair}, "refine": {{"smoothness": 1e999}}}}',
        "slices of 5,000 digits": f'{{{pair}, "slices": "k:{digits}"}}',
        "slices of objects": f'{{{pair}, "slices": {{}}}}',
        "prompts of lists": f'{{{pair}, "prompts": [1]}}',
        "a prompt of 5,000 digits": f'{{{pair}, "prompts": {{"{digits}": "x"}}}}',
        "label names of digits": f'{{{pair}, "label_names": {{"{digits}": "x"}}}}',
        "an output of numbers": f'{{{pair}, "output": 1}}',
        "a share of text": f'{{{pair}, "share": "yes"}}',
        "images of numbers": '{"fixed": 1, "moving": 2}',
    }
    for what, text in requests.items():

        def read_request(folder: Path, text: str = text) -> None:
            from SlicerLDMRegLib.pipeline import RegistrationRequest

            RegistrationRequest.from_json(text)

        _case(f"request: {what}", InputError)(read_request)

    presets = {
        "nested": deep,
        "no object": "[]",
        "cut off": '{"seed": 1',
        "UTF-16": '{"seed": 1}'.encode("utf-16"),
        "1 MB": '{"model": "' + "x" * 1_000_000 + '"}',
        "a seed of 5,000 digits": f'{{"seed": {digits}}}',
        "NaN": '{"landmark_mm": NaN}',
        "an infinite smoothness": '{"refine": {"smoothness": 1e999}}',
        "an unknown field": '{"\\u202e\\u0007": 1}',
        "an image": '{"fixed": "/etc/passwd"}',
        "a place to write to": '{"output": "/tmp"}',
        "an alignment of numbers": '{"align": 7}',
    }
    for what, text in presets.items():

        def read_preset(folder: Path, text: str | bytes = text) -> None:
            from SlicerLDMRegLib.pipeline.presets import find_preset

            data = text if isinstance(text, bytes) else text.encode()
            (folder / "mine.json").write_bytes(data)
            find_preset(folder / "mine.json")

        _case(f"preset: {what}", InputError)(read_preset)

    point = '{"label": "a", "position": [1, 2, 3]}'
    markups = '{"markups": [{"type": "Fiducial", "controlPoints": [%s]}]}'
    landmarks = {
        "nested.mrk.json": deep,
        "digits.mrk.json": markups % point.replace("3]", f"{digits}]"),
        "400 digits.mrk.json": markups % point.replace("3]", "9" * 399 + "]"),
        "NaN.mrk.json": markups % point.replace("3]", "NaN]"),
        "text.mrk.json": markups % point.replace("3]", '"x"]'),
        "two coordinates.mrk.json": markups % f'{point}, {{"position": [1, 2]}}',
        "no points.mrk.json": markups % "",
        "points of numbers.mrk.json": markups % "1, 2",
        "no object.mrk.json": "7",
        "an escape.mrk.json": '{"markups": [{"type": "Plane\\u001b[2J"}, {"name": "\\u202e"}]}',
        "units.mrk.json": markups.replace('"type"', '"coordinateUnits": [], "type"') % point,
        "21 MB.mrk.json": " " * 21_000_000,
        "UTF-16.mrk.json": (markups % point).encode("utf-16"),
        "a field of 200,000 characters.csv": "x,y,z\n1,2," + "3" * 200_000 + "\n1,2,3\n",
        "quotes.csv": 'x,y,z\n"1,2,3\n' * 5,
        "NULs.csv": "x,y,z\n1\0,2,3\n",
        "infinite.csv": "x,y,z\n1,2,1e999\n",
        "few columns.csv": "x,y,z\n1,2\n",
        "an escape.csv": "\x1b[2J,\x9b,\u202e\n1,2,3\n",
        "empty.csv": "",
        "Latin-1.csv": "x,y,z,label\n1,2,3,J\u00fcrgen\n".encode("latin-1"),
        "words.fcsv": "# CoordinateSystem = RAS\na,b,c,d\n",
        "another system.fcsv": "# CoordinateSystem = \x1b[2J\n1,1,2,3\n",
        "few columns.fcsv": "# columns = id,x,y,z\n1,2\n",
        "a count of 5,000 digits.pts": f"point\n{digits}\n1 2 3\n",
        "another count.pts": "point\n3\n1 2 3\n",
        "another kind.pts": "\x1b[2J\n1\n1 2 3\n",
        "one line.txt": "point\n",
        "another suffix.\x1b[2J": "1 2 3\n",
    }
    for what, text in landmarks.items():

        def read_points(folder: Path, what: str = what, text: str | bytes = text) -> None:
            from SlicerLDMRegLib.geometry import ImageGeometry
            from SlicerLDMRegLib.pipeline.landmarks import read_landmarks

            path = folder / f"points.{what.partition('.')[2]}"
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            geometry = ImageGeometry((9, 9, 9), (1.0,) * 3, (0.0,) * 3, tuple(np.eye(3).ravel()))
            read_landmarks(path, geometry)

        _case(f"landmarks: {what.partition('.')[0]} ({what.partition('.')[2]!a})", InputError)(
            read_points
        )


def _transforms() -> None:
    elastix = '(Transform "AffineTransform")\n(TransformParameters 1 0 0 0 1 0 0 0 1 0 0 0)\n'
    identity = "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
    files: dict[str, bytes | str] = {
        "a dimension of digits.txt": elastix + f"(FixedImageDimension {'9' * 5000})\n",
        "a billion dimensions.txt": elastix + "(FixedImageDimension 1000000000)\n",
        "negative dimensions.txt": elastix + "(FixedImageDimension -3)\n",
        "words as parameters.txt": elastix.replace("1 0 0", "a b c") + "(FixedImageDimension 3)\n",
        "a kind with an escape.txt": '(Transform "\x1b[2J")\n(TransformParameters 1)\n'
        "(FixedImageDimension 3)\n",
        "a matrix that says nothing.txt": "1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n",
        "UTF-16.txt": identity.encode("utf-16"),
        "Latin-1.tfm": b"\xff" + identity.encode(),
        "no parameters.tfm": identity,
        "words.tfm": identity + "Parameters: a b\nFixedParameters: 0 0 0\n",
        "NaN.tfm": identity + "Parameters: nan 0 0 0 1 0 0 0 1 0 0 0\nFixedParameters: 0 0 0\n",
        "singular.tfm": identity + "Parameters: 0 0 0 0 0 0 0 0 0 0 0 0\nFixedParameters: 0 0 0\n",
        "empty.tfm": b"",
        "empty.h5": b"",
        "text.h5": b"no HDF5",
        "text.nii.gz": b"no gzip",
        "text.nrrd": b"NRRD0004\nencoding: \x1b[2J\n\n",
    }
    for what, data in files.items():

        def act(folder: Path, what: str = what, data: bytes | str = data) -> None:
            from SlicerLDMRegLib.pipeline.initial_transform import load_transform

            path = folder / f"t.{what.partition('.')[2]}"
            path.write_bytes(data if isinstance(data, bytes) else data.encode())
            load_transform(path, 3)

        name = what.partition(".")
        _case(f"transform: {name[0]} ({name[2]})", InputError, "initial transform")(act)

    def field(folder: Path) -> tuple[bytes, bytes]:
        vectors = np.random.default_rng(1).random((4, 5, 6, 3))
        image = sitk.Cast(sitk.GetImageFromArray(vectors, isVector=True), sitk.sitkVectorFloat32)
        sitk.WriteImage(image, str(folder / "f.nrrd"), useCompression=True)
        head, _, body = (folder / "f.nrrd").read_bytes().partition(b"\n\n")
        return head, body

    for what, encoding in {
        "gzip that is said to be raw": b"raw",
        "gzip that is said to be text": b"ascii",
        "gzip that is said to be hex": b"hex",
        "gzip that is said to be bzip2": b"bzip2",
        "an unknown encoding": b"zrl",
        "an encoding with an escape": b"\x1b[2J",
        "an encoding of 1 MB": b"x" * 1_000_000,
    }.items():

        def read(folder: Path, encoding: bytes = encoding) -> None:
            from SlicerLDMRegLib import DisplacementField

            head, body = field(folder)
            changed = head.replace(b"encoding: gzip", b"encoding: " + encoding)
            (folder / "f.nrrd").write_bytes(changed + b"\n\n" + body)
            DisplacementField.read(folder / "f.nrrd")

        _case(f"field: {what}", InputError, "f.nrrd")(read)

    for what, change in {
        "the other order of bytes": (b"endian: little", b"endian: big"),
        "terabytes": (b"sizes: 3 6 5 4", b"sizes: 3 60000 50000 40000"),
        "digits": (b"sizes: 3 6 5 4", b"sizes: 3 " + b"9" * 5000 + b" 5 4"),
        "no vectors": (b"sizes: 3 6 5 4", b"sizes: 18 5 2 2"),
    }.items():

        def altered(folder: Path, change: tuple[bytes, bytes] = change) -> None:
            from SlicerLDMRegLib import DisplacementField

            head, body = field(folder)
            assert change[0] in head
            (folder / "f.nrrd").write_bytes(head.replace(*change) + b"\n\n" + body)
            DisplacementField.read(folder / "f.nrrd")

        _case(f"field: {what}", InputError, "f.nrrd")(altered)

    @_case("field: an HDF5 file whose reader does not end, or crashes", InputError, "f.h5")
    def _(folder: Path) -> None:
        from SlicerLDMRegLib import DisplacementField
        from SlicerLDMRegLib.geometry import ImageGeometry

        geometry = ImageGeometry((6, 7, 8), (1.0,) * 3, (0.0,) * 3, tuple(np.eye(3).ravel()))
        DisplacementField(np.ones((8, 7, 6, 3)), geometry).write(folder / "f.h5")
        data = bytearray((folder / "f.h5").read_bytes())
        data[90:400] = bytes(310)
        (folder / "f.h5").write_bytes(data)
        DisplacementField.read(folder / "f.h5")


# Outputs


def _outputs() -> None:
    def asked(folder: Path, output: str, **inputs: str) -> None:
        from SlicerLDMRegLib.pipeline import RegistrationRequest
        from SlicerLDMRegLib.pipeline.output_folder import check_output

        request = {"fixed": str(folder / "a.nrrd"), "moving": str(folder / "b.nrrd"), **inputs}
        check_output(RegistrationRequest(**request, output=output))

    for what, output in {
        "a name of 256 bytes": "x" * 256,
        "a name of 128 letters and 256 bytes": "\u00fc" * 128,
        "a path of 5,000 bytes": "/".join(["x" * 100] * 50),
        "a NUL": "a\0b",
        "a file as its parent": "file/results",
        "a file": "file",
        "an escape in a name of a file": "file/\x1b[2J",
        "the home of nobody": "~nobody-of-this-name/x",
    }.items():

        def act(folder: Path, output: str = output) -> None:
            (folder / "file").write_text("x")
            asked(folder, output if output.startswith("~") else f"{folder}/{output}")

        _case(f"output: {what}", InputError, "^output: ")(act)

    def with_results(folder: Path) -> Path:
        results = folder / "results"
        results.mkdir()
        for name in ("warped.nrrd", "transform.h5"):
            (results / name).write_text("x")
        (results / "report.json").write_text('{"ldmreg_version": "0"}')
        return results

    for what, role, path in (
        ("the fixed image", "fixed", "results/warped.nrrd"),
        ("a frame of the fixed image", "fixed", "results/warped.nrrd#frame=1"),
        ("the transform", "initial_transform", "results/transform.h5"),
        ("the labels behind a link", "fixed_labels", "link.nrrd"),
        ("the landmarks in other words", "fixed_landmarks", "other/../results/report.json"),
        ("the images as a folder", "moving", "results"),
        ("the names", "label_names", "results/report.json"),
    ):

        def inside(folder: Path, role: str = role, path: str = path) -> None:
            results = with_results(folder)
            (folder / "other").mkdir()
            (folder / "link.nrrd").symlink_to(results / "warped.nrrd")
            asked(folder, str(results), **{role: f"{folder}/{path}"})

        _case(f"output: holds {what}", InputError, "holds the input .*; name another folder")(
            inside
        )

    @_case("output: a link to the folder with an input", InputError, "holds the input")
    def _(folder: Path) -> None:
        (folder / "link").symlink_to(with_results(folder))
        asked(folder, str(folder / "link"), fixed=str(folder / "results" / "warped.nrrd"))


# Names in images and in reports


def _images() -> None:
    def told(path: Path) -> None:
        from SlicerLDMRegLib.images import read_image

        read_image(path)

    @_case("image: a header with escapes", InputError, "1b")
    def _(folder: Path) -> None:
        text = "NRRD0004\ntype: \x1b[2J\u202e\ndimension: 2\nsizes: 2 2\nencoding: raw\n\n"
        (folder / "a.nrrd").write_bytes(text.encode() + bytes(4))
        told(folder / "a.nrrd")

    @_case("image: a name with escapes", InputError, "1b")
    def _(folder: Path) -> None:
        (folder / "a\x1b[2J\u202e.nrrd").write_bytes(b"rubbish")
        told(folder / "a\x1b[2J\u202e.nrrd")

    @_case("image: a name that is no text", InputError, "udcff")
    def _(folder: Path) -> None:
        path = Path(os.fsdecode(os.fsencode(folder) + b"/a\xff.nrrd"))
        path.write_bytes(b"rubbish")
        told(path)

    @_case("image: a name of 300 characters", InputError)
    def _(folder: Path) -> None:
        told(folder / ("x" * 300))

    @_case("segmentation: a name that begins another field", None, "Segment0_Name:=a .*LabelValue")
    def _(folder: Path) -> str:
        from SlicerLDMRegLib.segmentation import Segmentation, write_segmentation

        labels = sitk.GetImageFromArray(np.ones((3, 4, 5), np.uint8))
        name = "a\nSegment0_LabelValue:=7\x1b[2J\u202e"
        write_segmentation(Segmentation(labels, {1: name}), folder / "a.seg.nrrd")
        head = (folder / "a.seg.nrrd").read_bytes().partition(b"\n\n")[0].decode()
        assert "\nSegment0_LabelValue:=7" not in head, "the header was changed"
        return head


def _worker() -> None:
    def answers(lines: list[bytes]) -> list[dict[str, Any]]:
        """Return what a server answers to lines, and to a ping behind them."""
        from SlicerLDMRegLib.worker.protocol import decode, encode
        from SlicerLDMRegLib.worker.server import Server

        data = io.BytesIO(b"".join(lines) + encode({"type": "ping", "id": "last"}))
        written = io.BytesIO()
        server = Server(data.read, lambda part: written.write(part))
        server._leave = lambda: None  # type: ignore[method-assign]  # it ends the process
        server._listen()
        while not server._waiting.empty():
            job = server._waiting.get()
            assert job is not None
            server._do(job)
        found = [decode(line) for line in written.getvalue().splitlines()]
        assert all(found), "an answer is no message"
        assert any(a["type"] == "pong" and a["id"] == "last" for a in found if a), "no answer"
        kinds = ("pong", "progress")
        return [answer for answer in found if answer and answer["type"] not in kinds]

    def message(**fields: Any) -> bytes:
        return json.dumps(fields).encode() + b"\n"

    run_ = {"type": "run", "id": "a", "folder": "/nowhere"}
    bad: dict[str, bytes] = {
        "rubbish": b"\xff\xfe\0rubbish\n",
        "nested": b"[" * 100_000 + b"\n",
        "a number of 5,000 digits": b'{"type": "load", "id": "a", "dimension": '
        + b"9" * 5000
        + b"}\n",
        "a dimension of 30 digits": message(type="load", id="a", dimension=10**29),
        "a dimension of truth": message(type="load", id="a", dimension=True),
        "a dimension of text": message(type="load", id="a", dimension="2"),
        "a model of lists": message(type="load", id="a", model=[]),
        "an id of objects": message(type="load", id={"a": 1}),
        "an id of 1 MB": message(type="load", id="x" * 1_000_000),
        "no id": message(type="run"),
        "an unknown type": message(type="\x1b[2J", id="a"),
        "a type of numbers": message(type=1),
        "a request of text": message(**run_, request="x"),
        "a request of nothing": message(**run_, request={}),
        "a request of unknown fields": message(**run_, request={"\u202e": 1}),
        "inputs of lists": message(**run_, request={}, inputs=[]),
        "inputs of text": message(**run_, request={}, inputs={"fixed": "x"}),
        "inputs without a kind": message(**run_, request={}, inputs={"fixed": {}}),
        "an input that leads out": message(
            **run_, request={}, inputs={"fixed": {"kind": "array", "name": "../../etc/x"}}
        ),
        "an input whose file is missing": message(
            **run_, request={}, inputs={"fixed": {"kind": "array", "name": "fixed"}}
        ),
        "an image of wrong types": message(
            **run_, request={}, inputs={"fixed": {"kind": "image", "name": "x", "vector": []}}
        ),
        "slices of wrong fields": message(
            **run_, request={}, inputs={"slices": {"kind": "slices", "value": {"a": 1}}}
        ),
        "a folder of numbers": message(type="run", id="a", folder=1, request={}),
        "a directory with a NUL": message(**run_, request={}, directory="a\0b"),
        "a dict that cannot be": b'{"type": "load", "id": {"$dict": [[[], 1]]}}\n',
        "a tuple that cannot be": b'{"type": "load", "id": {"$tuple": 7}}\n',
    }
    for what, line in bad.items():

        def act(folder: Path, line: bytes = line) -> str:
            given = answers([line])
            assert given and all(a["type"] in ("error", "log") for a in given), "nothing is told"
            text = " ".join(str(answer["text"]) for answer in given)
            assert not text.startswith("unexpected"), text
            return text

        _case(f"worker: {what}", None, ".")(act)


_cards()
_shown_cards()
_archives()
_weights()
_json_and_csv()
_transforms()
_outputs()
_images()
_worker()


def main() -> int:
    """Print the table, and how many cases are not as they must be."""
    table = run(sys.argv[1:])
    for row in table:
        mark = f"  <- {row.problem}" if row.problem else ""
        print(f"{row.name:60} {row.outcome:12} {row.seconds:5.2f} {row.text[:150]!a}{mark}")
    wrong = [row for row in table if row.problem]
    print(f"{len(table)} bad inputs, {len(wrong)} not as they must be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
