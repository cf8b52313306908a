"""Each behaviour in a tree has its forge test, and each forge test its line in a tree."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "contracts"
_TEST = re.compile(r"function (test\w+)\(")
_INDENT = 4  # characters of a tree drawing's level


def behaviours(tree: str) -> list[str]:
    """Names of the tests that a tree asks for: its innermost condition and its `it`.

    `when the batch is new` over `it takes any size` asks for WhenTheBatchIsNew_TakesAnySize.
    """
    found: list[str] = []
    conditions: list[str] = []
    for line in tree.splitlines()[1:]:
        drawing, text = re.fullmatch(r"([│├└─ ]*)(.+)", line).groups()  # type: ignore[union-attr]  # any line matches
        level = len(drawing) // _INDENT - 1
        word, _, rest = text.partition(" ")
        if word == "it":
            found.append("_".join([*conditions[level - 1 : level], _camel_case(rest)]))
        elif word in {"given", "when"}:
            conditions[level:] = [_camel_case(text)]
        else:
            raise ValueError(f"{text!r} begins with neither given, when nor it")
    return found


def _camel_case(text: str) -> str:
    words = re.findall(r"\w+", text.replace("'", ""))
    return "".join(word[0].upper() + word[1:] for word in words)


def _files() -> list[Path]:
    return sorted(FOLDER.glob("*.t.sol"))


@pytest.mark.parametrize("tree", sorted(FOLDER.glob("*.tree")), ids=lambda path: path.stem)
def test_a_tree_and_its_tests_name_the_same_behaviours(tree: Path) -> None:
    name = tree.stem
    assert tree.read_text("utf-8").splitlines()[0] == name
    tests = FOLDER / f"{name[0].upper()}{name[1:]}.t.sol"
    wanted = Counter(behaviours(tree.read_text("utf-8")))
    written = Counter(
        re.sub("^test(Fuzz)?_", "", test) for test in _TEST.findall(tests.read_text("utf-8"))
    )
    assert wanted == written
    assert max(wanted.values()) == 1


def test_every_file_of_forge_tests_has_a_tree() -> None:
    trees = {tree.stem.lower() for tree in FOLDER.glob("*.tree")}
    tested = {path.name.removesuffix(".t.sol").lower() for path in _files()}
    assert tested - trees == {"invariants"}  # whose properties stand in INVARIANTS.md
    assert trees <= tested


def test_a_behaviour_without_a_condition_is_named_by_itself() -> None:
    tree = "f\n├── it works\n└── when x's y is 1\n    ├── it is\n    └── it is not"
    assert behaviours(tree) == ["Works", "WhenXsYIs1_Is", "WhenXsYIs1_IsNot"]


def test_each_property_names_tests_that_exist() -> None:
    text = (FOLDER / "INVARIANTS.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| .* \| (.*) \|$", text, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 15))
    source = "".join(path.read_text("utf-8") for path in FOLDER.rglob("*.sol"))
    for number, shown_by in rows:
        names = re.findall(r"`(\w+)`", shown_by)
        for name in names:
            assert f"function {name}(" in source, f"property {number} names {name}"
        assert names or (FOLDER / "gas-snapshot.json").exists()
