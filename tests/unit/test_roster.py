"""Rosters: every fault with its line and column, and rows exactly as typed."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor_service.issuing.column_map import COLUMNS
from anchor_service.issuing.roster import MAX_ROSTER_BYTES, Roster, RosterFault, read_roster
from anchor_service.issuing.roster_values import MAX_CELL, shorten

HEADER = "name,email,did,date,result,evidence\n"
DID = "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw"


def read(text: str, mapping: dict[str, str] | None = None) -> Roster:
    return read_roster(text.encode(), mapping)


def only_fault(text: str, mapping: dict[str, str] | None = None) -> RosterFault:
    found = read(text, mapping)
    assert len(found.faults) == 1, found.faults
    return found.faults[0]


def sample(name: str) -> Roster:
    return read_roster(files("anchor_service").joinpath("samples", name).read_bytes())


def test_a_full_row_is_read_as_it_stands() -> None:
    row = read(
        HEADER + f"Zoë,zoe@example.org,{DID},2026-06-30,Pass,https://example.org/e?x=1#y\n"
    ).rows[0]
    assert (row.line, row.name, row.email, row.did) == (2, "Zoë", "zoe@example.org", DID)
    assert row.date == datetime(2026, 6, 30, tzinfo=UTC)
    assert (row.result, row.evidence) == ("Pass", "https://example.org/e?x=1#y")


def test_names_are_kept_as_typed_in_every_script() -> None:
    decomposed = "Zoe\u0308"
    joined = (
        "\u06a9\u062a\u0627\u0628\u200c\u0647\u0627"  # a zero-width non-joiner that Persian needs
    )
    found = read(f"name\n  {decomposed} \n{joined}\n\u210c \ufb01\n")
    assert [row.name for row in found.rows] == [decomposed, joined, "\u210c \ufb01"]
    assert found.faults == ()


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_marks_separators_and_line_ends(mark: bytes, separator: str, line_end: str) -> None:
    lines = [separator.join(("name", "email")), separator.join(("Ana", "ana@example.org")), ""]
    found = read_roster(mark + line_end.join(lines).encode())
    assert found.faults == ()
    assert [(row.line, row.name, row.email) for row in found.rows] == [
        (2, "Ana", "ana@example.org")
    ]


def test_a_comma_inside_a_semicolon_roster_is_text() -> None:
    assert read('name;email\n"Núñez, Ana";ana@example.org\n').rows[0].name == "Núñez, Ana"


def test_columns_in_any_order_and_case_some_missing() -> None:
    row = read(" EMAIL ,Name\nana@example.org,Ana\n").rows[0]
    assert (row.name, row.email, row.date) == ("Ana", "ana@example.org", None)


def test_a_mapping_gives_columns_other_titles() -> None:
    found = read("Vorname,E-Mail\nAna,ana@example.org\n", {"name": "Vorname", "email": "e-mail"})
    assert found.faults == ()
    assert (found.rows[0].name, found.rows[0].email) == ("Ana", "ana@example.org")


@pytest.mark.parametrize("who", ["Ana,,", ",ana@example.org,", f",,{DID}"])
def test_one_of_name_email_and_did_is_enough(who: str) -> None:
    assert len(read(f"name,email,did\n{who}\n").rows) == 1


def test_blank_rows_are_passed_over_and_lines_stay_true() -> None:
    found = read("\n\nname,email\n\n , \nAna,wrong\n,,\n")
    assert [(fault.line, fault.column) for fault in found.faults] == [(6, "email")]


def test_quoted_line_breaks_keep_lines_true() -> None:
    found = read('name,email\n"Ana\nSousa",ana@example.org\nBo,wrong\n"Cy ""C""",c@example.org\n')
    assert [(fault.line, fault.column, fault.value) for fault in found.faults] == [
        (2, "name", "Ana\\u000aSousa"),
        (4, "email", "wrong"),
    ]
    assert [(row.line, row.name) for row in found.rows] == [(5, 'Cy "C"')]


ROWS = [
    ("name", "Ana\tSousa", "control character"),
    ("name", "Ana\x00", "control character"),
    ("name", "Ana\u202egnp", "turns the text around"),
    ("name", "M\ufffdller", "letters were lost"),
    ("name", "x" * (MAX_CELL + 1), "characters"),
    ("email", "ana", "e-mail"),
    ("email", "ana@example", "e-mail"),
    ("email", "@example.org", "e-mail"),
    ("email", "ana@example..org", "e-mail"),
    ("email", "ana@b@example.org", "e-mail"),
    ("email", "Ana <ana@example.org>", "e-mail"),
    ("email", "ana@example.org.", "e-mail"),
    ("email", "a" * 250 + "@example.org", "e-mail"),
    ("did", "did", "DID"),
    ("did", "did:key:", "DID"),
    ("did", "DID:key:z6Mk", "DID"),
    ("did", "did:web:example.org#key-1", "DID"),
    ("did", "did:web:example.org/x", "DID"),
    ("did", "https://example.org", "DID"),
    ("date", "30.06.2026", "ISO 8601"),
    ("date", "06/30/2026", "ISO 8601"),
    ("date", "2026-6-30", "ISO 8601"),
    ("date", "20260630", "ISO 8601"),
    ("date", "2026-W27-2", "ISO 8601"),
    ("date", "2026-06-30 12:00", "ISO 8601"),
    ("date", "2026-06-30T12:00", "zone"),
    ("date", "2026-02-30", "no such date"),
    ("date", "2026-13-01", "no such date"),
    ("date", "0000-01-01", "no such date"),
    ("date", "2026-06-30T25:00Z", "no such date"),
    ("date", "0001-01-01T00:00+02:00", "no such date"),
    ("evidence", "http://example.org/e", "https"),
    ("evidence", "example.org/e", "https"),
    ("evidence", "https://", "https"),
    ("evidence", "https://[", "web address"),
    ("evidence", "https://example.org:99999/", "web address"),
    ("evidence", "https://example.org/a b", "space"),
    ("evidence", "https://ana:secret@example.org/e", "password"),
    ("evidence", "javascript:alert(1)", "https"),
]


@pytest.mark.parametrize(("column", "value", "words"), ROWS)
def test_a_wrong_value_is_told_with_line_and_column(column: str, value: str, words: str) -> None:
    cells = {"name": "Ana", column: value}
    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS, [cells.get(name, "") for name in COLUMNS]])
    fault = only_fault(text.getvalue())
    assert (fault.line, fault.column) == (2, column)
    assert words in fault.reason
    assert len(fault.value) <= 60


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-06-30", "2026-06-30T00:00:00+00:00"),
        ("2024-02-29", "2024-02-29T00:00:00+00:00"),
        ("2026-06-30T12:30Z", "2026-06-30T12:30:00+00:00"),
        ("2026-06-30T12:30:15.5Z", "2026-06-30T12:30:15+00:00"),
        ("2026-06-30T01:00:00+02:00", "2026-06-29T23:00:00+00:00"),
    ],
)
def test_dates_are_midnight_utc_or_the_moment_with_its_zone(text: str, moment: str) -> None:
    date = read(f"name,date\nAna,{text}\n").rows[0].date
    assert date is not None
    assert date.isoformat() == moment


@pytest.mark.parametrize("email", ["ana+x@example.co.uk", "o'brien@example.org", "ñandú@пример.рф"])
def test_addresses_that_exist_are_taken(email: str) -> None:
    assert read(f"email\n{email}\n").rows[0].email == email


@pytest.mark.parametrize(
    "did", [DID, "did:web:example.org%3A3000:people:ana", "did:x:a::b", "did:a1:."]
)
def test_dids_of_every_method_are_taken(did: str) -> None:
    assert read(f"did\n{did}\n").rows[0].did == did


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("", 1, "", "the roster is empty"),
        ("\n \n", 1, "", "the roster is empty"),
        ("name,email\n", 1, "", "no rows"),
        ("date,result\n2026-06-30,Pass\n", 1, "", "none of name and email and did"),
        ("name,Name\nAna,Ana\n", 1, "Name", "twice"),
        ("name,mail\nAna,\n", 1, "mail", "is email meant"),
        ("name,group\nAna,\n", 1, "group", "known are name, email"),
        ("name,\nAna,\n", 1, "", "no column"),
        ("name,email\nAna\n", 2, "", "1 cells where the header has 2"),
        ("name,email\nAna,a@example.org,x\n", 2, "", "3 cells where the header has 2"),
        ("name,date\n,2026-06-30\n", 2, "", "who is it"),
        ('name,email\nAna,\n"Bo,b@example.org\nCy,\n', 3, "", "no readable CSV"),
        ('name,email\n"Ana"x,\n', 2, "", "no readable CSV"),
    ],
)
def test_a_roster_of_a_wrong_form(text: str, line: int, column: str, words: str) -> None:
    fault = only_fault(text)
    assert (fault.line, fault.column) == (line, column)
    assert words in fault.reason


@pytest.mark.parametrize(
    ("raw", "line", "words"),
    [
        ("name\nJosé\n".encode("latin-1"), 2, "not UTF-8"),
        ("name\nAna\n".encode("utf-16"), 1, "UTF-16"),
        (b"x" * (MAX_ROSTER_BYTES + 1), 1, "split the roster"),
    ],
)
def test_text_in_another_encoding_and_too_much_of_it(raw: bytes, line: int, words: str) -> None:
    (fault,) = read_roster(raw).faults
    assert fault.line == line
    assert words in fault.reason


@pytest.mark.parametrize(
    ("mapping", "words"),
    [({"mail": "E-mail"}, "no column of ours"), ({"email": "E-mail"}, "the header does not")],
)
def test_a_mapping_that_does_not_fit_gives_no_rows(mapping: dict[str, str], words: str) -> None:
    found = read("name\nAna\n", mapping)
    assert found.rows == ()
    assert any(words in fault.reason for fault in found.faults)


def test_an_unknown_column_is_told_and_the_rest_read() -> None:
    found = read("name,group\nAna,4b\n")
    assert [row.name for row in found.rows] == ["Ana"]
    assert len(found.faults) == 1


def test_the_same_learner_twice_is_told_with_the_first_line() -> None:
    found = read(
        "name,email,did\n"
        "Ana,ana@example.org,\n"
        f"Bo,,{DID}\n"
        "Anna,ANA@example.org,\n"
        f"Bob,,{DID}\n"
        "Ana,,\n"
        "Ana,,\n"
    )
    assert [(fault.line, fault.column, fault.reason) for fault in found.faults] == [
        (4, "email", "the same as in line 2"),
        (5, "did", "the same as in line 3"),
        (7, "name", "the same as in line 6"),
    ]
    assert [row.line for row in found.rows] == [2, 3, 6]


def test_every_fault_of_every_row_is_told_in_line_order() -> None:
    found = sample("bad-roster.csv")
    assert [(fault.line, fault.column) for fault in found.faults] == [
        (1, "e-mail"),
        (3, "email"),
        (4, "did"),
        (5, "date"),
        (6, "date"),
        (6, "evidence"),
        (7, "email"),
        (8, ""),
        (9, ""),
    ]
    assert [row.line for row in found.rows] == [2]


def test_the_packaged_sample_is_sound() -> None:
    found = sample("roster.csv")
    assert found.faults == ()
    assert len(found.rows) == 12
    assert sum(not row.did for row in found.rows) == 1
    assert any(not row.name.isascii() for row in found.rows)


def test_a_fault_reads_as_one_line() -> None:
    assert str(only_fault("name,email\nAna,a\\b\n")) == (
        "line 2, column email: not an e-mail address such as ana@example.org: a\\b"
    )


@given(st.text(max_size=100))
def test_what_is_shown_of_a_value_is_short_and_printable(value: str) -> None:
    shown = shorten(value)
    assert len(shown) <= 6 * 41
    assert "\n" not in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@given(st.binary(max_size=200))
def test_no_bytes_at_all_make_the_reader_fail(raw: bytes) -> None:
    found = read_roster(b"name,email\n" + raw)
    assert isinstance(found.rows, tuple)


@given(st.lists(st.text(min_size=1).map(str.strip), min_size=1, max_size=5))
def test_whatever_is_written_as_csv_is_read_back_or_told(names: list[str]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["name", "result"], *([name, "x"] for name in names)])
    found = read_roster(text.getvalue().encode(errors="replace"))
    told = {fault.line for fault in found.faults}
    assert told or [row.name for row in found.rows] == names
