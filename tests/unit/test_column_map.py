"""Column maps: Moodle's and Canvas's own exports, and every fault where it stands."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest

from anchor_service.errors import ColumnMapRefused
from anchor_service.issuing.achievement import Achievement
from anchor_service.issuing.column_map import ColumnMap
from anchor_service.issuing.issuer import fit
from anchor_service.issuing.roster import Roster, read_roster

SAMPLES = files("anchor_service").joinpath("samples")


def sample(name: str) -> Roster:
    columns = ColumnMap.parse(SAMPLES.joinpath(f"{name}.toml").read_text("utf-8"))
    achievement = Achievement.parse(SAMPLES.joinpath("achievement.json").read_bytes())
    raw = SAMPLES.joinpath(f"{name}.csv").read_bytes()
    return fit(read_roster(raw, columns), achievement)


def read(text: str, columns: str) -> Roster:
    return read_roster(text.encode(), ColumnMap.parse(columns))


def test_moodles_grade_export_is_read_as_moodle_writes_it() -> None:
    found = sample("moodle-grades")
    assert found.faults == ()
    assert [(row.name, row.email, row.result) for row in found.rows] == [
        ("Zoë Hämäläinen", "zoe.hamalainen@example.org", "Pass with distinction"),
        ("María José Núñez", "mj.nunez@example.org", "Pass"),
    ]
    assert {row.date for row in found.rows} == {datetime(2026, 6, 30, 14, 0, tzinfo=UTC)}
    assert found.passed_over == 2


def test_moodles_completion_report_gives_the_day_in_its_own_zone() -> None:
    found = sample("moodle-completion")
    assert found.faults == ()
    assert [row.date for row in found.rows] == [
        datetime(2026, 6, 29, 21, 30, tzinfo=UTC),
        datetime(2026, 7, 1, 9, 0, tzinfo=UTC),
    ]
    assert found.passed_over == 1


def test_canvas_gradebook_is_read_with_mark_semicolons_and_decimal_commas() -> None:
    found = sample("canvas-gradebook")
    assert found.faults == ()
    assert [(row.name, row.email, row.result, row.date) for row in found.rows] == [
        ("Zoë Hämäläinen", "zoe.hamalainen@example.org", "Pass with distinction", None),
        ("María José Núñez", "mj.nunez@example.org", "Pass", None),
    ]
    assert found.passed_over == 4


def test_a_tab_separates_too() -> None:
    found = read(
        "Name\tMail\nSousa, Ana\tana@example.org\n", '[columns]\nname="Name"\nemail="Mail"'
    )
    assert [(row.name, row.email) for row in found.rows] == [("Sousa, Ana", "ana@example.org")]


def test_a_fault_is_named_by_the_files_own_column_and_line() -> None:
    columns = '[columns]\nname=["First","Last"]\ndate="Done"\n[date]\nforms=["%d/%m/%y"]'
    found = read("First,Last,Done\nAna,Sousa,31/06/26\nBo,Li\u202e,30/06/26\n", columns)
    assert [(one.line, one.column) for one in found.faults] == [(2, "Done"), (3, "First + Last")]
    assert found.rows == ()


def test_a_grade_that_is_no_number_is_a_fault_and_none_is_no_grade() -> None:
    columns = '[columns]\nname="Name"\n[rows.at_least]\nScore=50'
    found = read("Name,Score\nA,50\nB,49.99\nC,-\nD,many\nE,\nF,NaN\n", columns)
    assert [row.name for row in found.rows] == ["A"]
    assert [(one.line, one.column, one.value) for one in found.faults] == [
        (5, "Score", "many"),
        (7, "Score", "NaN"),
    ]
    assert found.passed_over == 3


def test_a_result_that_the_map_does_not_list_is_a_fault() -> None:
    columns = '[columns]\nname="Name"\nresult="Grade"\n[results]\nA="Pass"'
    found = read("Name,Grade\nAna,A\nBo,B\n", columns)
    assert [row.result for row in found.rows] == ["Pass"]
    assert [(one.line, one.column) for one in found.faults] == [(3, "Grade")]


def test_only_those_values_earn_it() -> None:
    columns = '[columns]\nname="Name"\n[rows.only]\nState=["done","Done"]'
    found = read("Name,State\nAna,done\nBo,open\nCy,Done\n", columns)
    assert ([row.name for row in found.rows], found.passed_over) == (["Ana", "Cy"], 1)


def test_a_roster_without_a_learner_says_so() -> None:
    columns = '[columns]\nname="Name"\n[rows.only]\nState="done"'
    assert read("Name,State\nAna,open\n", columns).faults[0].reason == "no row is a learner's"


def test_other_columns_are_a_fault_unless_ignored() -> None:
    assert read("Name,Shoe\nAna,39\n", '[columns]\nname="Name"').faults[0].column == "Shoe"
    ignored = '[columns]\nname="Name"\n[rows]\nother_columns="ignore"'
    assert read("Name,Shoe\nAna,39\n", ignored).faults == ()


@pytest.mark.parametrize(
    "missing", ['[columns]\nname=["Name","Last"]', '[columns]\nname="Name"\n[rows.skip]\nLast="x"']
)
def test_a_column_that_the_map_names_must_be_there(missing: str) -> None:
    (fault,) = read("Name\nAna\n", missing).faults
    assert (fault.line, fault.column) == (1, "Last")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[columns", "table declaration"),
        ("", "columns"),
        ('columns = "name"', "columns"),
        ('[columns]\nnick = "N"', "nick"),
        ("[columns]\nname = 1", "name"),
        ('[columns]\nname = "N"\n[row]', "row"),
        ('[columns]\nname = "N"\n[rows]\nother_columns = "drop"', "other_columns"),
        ('[columns]\nname = "N"\n[rows.at_least]\nScore = "60"', "Score"),
        ('[columns]\nname = "N"\n[name]\norder = "backwards"', "order"),
        ('[columns]\nname = "N"\n[date]\nzone = "Europe/Atlantis"', "Atlantis"),
        ('[columns]\nname = "N"\n[date]\nzone = 1', "zone"),
        ('[columns]\nname = "N"\n[date]\nforms = []', "forms"),
    ],
)
def test_a_map_that_cannot_be_followed_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(ColumnMapRefused, match=place):
        ColumnMap.parse(text)


def test_the_example_of_the_documentation_is_a_map() -> None:
    text = Path(__file__).parents[2].joinpath("docs", "registrar.md").read_text("utf-8")
    example = next(
        one for one in re.findall(r"```toml\n(.*?)```", text, re.DOTALL) if "[columns]" in one
    )
    columns = ColumnMap.parse(example)
    assert columns.name_of("Núñez, María José") == "María José Núñez"
    assert columns.ignores_others
