"""docs/auditing.md says what `audit` has: findings, tables, members, options."""

from __future__ import annotations

import argparse
import ast
import re
import sqlite3
from pathlib import Path

import pytest

import registry
from registry.auditing.chain_findings import MASS_REVOCATION
from registry.auditing.findings import Matter, Severity
from registry.auditing.tables import ALL, TABLES
from registry.cli import build_parser

MANUAL = (Path(__file__).parents[2] / "docs" / "auditing.md").read_text("utf-8")
CODE = Path(registry.__file__).parent


def rows(part: str) -> dict[str, list[str]]:
    """The rows whose first cell is code: the other cells by what it names."""
    found = {}
    for line in re.findall(r"(?m)^\| (`.*) \|$", part):
        first, *others = line.split(" | ")
        found[first.strip("`")] = others
    return found


def part(heading: str) -> str:
    return MANUAL.partition(f"\n{heading}")[2].partition("\n#")[0]


FINDINGS = rows(part("## Findings\n"))


def test_every_matter_has_its_row_and_no_other_is_there() -> None:
    assert list(FINDINGS) == [matter.value for matter in Matter]
    assert all(len(cells) == 3 and all(cells) for cells in FINDINGS.values())


def raised() -> set[tuple[Matter, Severity]]:
    """Each matter with a severity that stands beside it in a call, anywhere in the library."""
    found = set()
    for file in CODE.rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(call, ast.Call):
                continue
            named = [one for one in call.args if isinstance(one, ast.Attribute)]
            texts = [ast.unparse(one).partition(".")[::2] for one in named]
            matters = [Matter[name] for kind, name in texts if kind == "Matter"]
            graves = [Severity[name] for kind, name in texts if kind == "Severity"]
            found |= {(matter, grave) for matter in matters for grave in graves}
    return found


def test_severities_are_those_that_the_code_gives() -> None:
    said = {
        (Matter(name), Severity(grave))
        for name, (graves, *_) in FINDINGS.items()
        for grave in graves.split(", ")
    }
    beside = raised()
    assert len(beside) > 15
    assert beside <= said
    # What is not told beside its matter is the auditor's to say (always an error), or one of two.
    either = {Matter.KEY_CHANGE, Matter.UNKNOWN_OPERATION, Matter.PAUSED, Matter.RETIRED}
    for matter, grave in said - beside:
        assert grave is Severity.ERROR or matter in either


def test_every_matter_is_found_somewhere() -> None:
    used = {
        name
        for file in CODE.rglob("*.py")
        if file.name not in ("findings.py", "audit_statement.py")
        for name in re.findall(r"Matter\.([A-Z_]+)", file.read_text("utf-8"))
    }
    assert used == set(Matter.__members__)


def test_numbers_in_words_are_those_of_the_code() -> None:
    assert MASS_REVOCATION == 100
    assert "A hundred credentials" in FINDINGS["mass-revocation"][1]


@pytest.mark.parametrize("table", ["store", *ALL])
def test_every_column_has_its_row(table: str) -> None:
    db = sqlite3.connect(":memory:")
    db.executescript(TABLES)
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    db.close()
    described = rows(part(f"### `{table}`: "))
    assert list(described) == columns
    assert all(cells[0] for cells in described.values())


def test_no_other_table_is_described() -> None:
    assert set(re.findall(r"(?m)^### `(\w+)`: ", MANUAL)) == {"store", *ALL}


def options() -> list[str]:
    (commands,) = [
        one for one in build_parser()._actions if isinstance(one, argparse._SubParsersAction)
    ]
    audit: argparse.ArgumentParser = commands.choices["audit"]
    return [one for action in audit._actions for one in action.option_strings]


OF_AUDIT = re.sub(r"`credanchor export [^`]*`", "", MANUAL)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"[`\s](--[a-z-]+)", OF_AUDIT))))
def test_every_option_that_is_named_is_there(name: str) -> None:
    assert name in options()


def test_every_option_is_named() -> None:
    unnamed = [name for name in options() if f"`{name}" not in MANUAL and f" {name}" not in MANUAL]
    assert unnamed == ["-h", "--help"]
