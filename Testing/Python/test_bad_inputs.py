"""Every named bad input ends in one line that tells, or is shown without harm."""

from __future__ import annotations

import pytest

from SlicerLDMRegLib._printable import json_safe, one_line, printable, shown
from Testing.Prove import bad_inputs
from Testing.Prove.bad_inputs import CASES, Case, unsafe_characters


def test_there_are_many_and_each_has_a_name_of_its_own() -> None:
    names = [case.name for case in CASES]
    assert len(names) >= 200 and len(set(names)) == len(names)
    assert len({name.partition(":")[0] for name in names}) >= 12


@pytest.mark.parametrize("case", CASES, ids=lambda case: ascii(case.name))
def test_it_ends_as_it_must(case: Case) -> None:
    result = bad_inputs._tried(case)
    assert not result.problem, f"{result.outcome}: {result.text}"


def test_a_case_that_fails_is_seen() -> None:
    def refuse(text: str) -> Case:
        def act(folder: object) -> str:
            raise bad_inputs.InputError(text)

        return Case("x", act, bad_inputs.InputError, "reason")

    def crash(folder: object) -> str:
        raise KeyError("x")

    assert bad_inputs._tried(refuse("the reason")).problem == ""
    assert "does not tell" in bad_inputs._tried(refuse("x")).problem
    assert "advice" in bad_inputs._tried(refuse("reason: use weights_only=False")).problem
    crashed = bad_inputs._tried(Case("x", crash, None, ""))  # type: ignore[arg-type]
    assert crashed.outcome == "crash: KeyError" and crashed.problem
    raw = bad_inputs._tried(Case("x", lambda folder: "a\x1b[2J", None, ""))
    assert "\\x1b" in raw.problem


def test_safe_texts() -> None:
    nasty = "a\x1b[31m\x9b\x00\x7f\u202e\u2066\u200e\ufeff\udcff\U000e0041\u2028b"
    assert unsafe_characters(printable(nasty)) == ""
    assert printable(nasty).startswith(r"a\x1b[31m\x9b\x00\x7f\u202e")
    assert printable("a\tb\nc", lines=True) == "a\tb\nc" and printable("a\nb") == r"a\nb"
    kept = (
        "J\u00fcrgen \u65e5\u672c \u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \U0001f9e0"
    )
    assert printable(kept) == one_line(kept) == kept
    assert one_line(" a \r\n b\u2028c ") == "a b c"
    long = one_line("start " + "x" * 10_000 + " end", 100)
    assert len(long) <= 100 and long.startswith("start") and long.endswith("end")
    assert len(shown({"a": ["x" * 10**6] * 10**5})) <= 60
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep) and len(shown(10**5000)) <= 60


def test_safe_json_means_the_same() -> None:
    import json

    value = {"a": "\x1b\x7f\x9b\u202e\U000e0041\udcff\n", "\u2028": [1]}
    text = json_safe(json.dumps(value, ensure_ascii=False, indent=1))
    assert unsafe_characters(text) == "" and json.loads(text) == value
