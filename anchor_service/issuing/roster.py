"""A roster: CSV to rows, each fault with its line, its column and what is wrong.

UTF-8 with or without mark; comma, semicolon or tab, whichever the header line has most of; RFC
4180 quotes. Columns are `name,email,did,date,result,evidence` in any order and case, or what a
column map calls them; those that nobody fills may be missing. A row needs one of name, email and
did, since Open Badges 3.0 asks that a learner have an id or an identifier. Blank rows are passed
over.

Values are kept as typed, without the spaces around them: no other form of a name is ever made,
unless a column map says that the file turns names around.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from anchor_service.issuing import roster_values
from anchor_service.issuing.column_map import COLUMNS, ColumnMap, NotANumber
from anchor_service.issuing.roster_values import CellError, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

NAMING_COLUMNS = ("name", "email", "did")
# The first of those that a header line has equally many of.
_SEPARATORS = ",;\t"
MAX_ROSTER_BYTES = 64 * 2**20
_Cells = dict[str, str]
_Places = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True, order=True)
class RosterFault:
    """line: 1-based, where the row begins; column: as the file's header calls it, or empty.

    value: what stood there, shortened and printable: personal data, for the issuer's eyes.
    """

    line: int
    column: str
    reason: str
    value: str = ""

    def __str__(self) -> str:
        column = f", column {self.column}" if self.column else ""
        value = f": {self.value}" if self.value else ""
        return f"line {self.line}{column}: {self.reason}{value}"


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One learner. Empty text is what the roster does not say; date is in UTC."""

    line: int
    name: str = ""
    email: str = ""
    did: str = ""
    date: datetime | None = None
    result: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Roster:
    """rows: those without a fault, in file order; faults: all that was found, in line order.

    passed_over: rows that the column map counts as nobody's, or as not earned.
    """

    rows: tuple[RosterRow, ...]
    faults: tuple[RosterFault, ...]
    passed_over: int = 0


def read_roster(raw: bytes, mapping: Mapping[str, str] | ColumnMap | None = None) -> Roster:
    """Read a whole roster; it never raises for bad content, which becomes faults.

    mapping: our column names to the file's, where they differ, as {"email": "E-mail"}; or a map.
    A header that leaves it open who is meant gives no rows at all.
    """
    columns = mapping if isinstance(mapping, ColumnMap) else ColumnMap.of(mapping or {})
    faults: list[RosterFault] = []
    text = _decode(raw, faults)
    records = _records(text, faults)
    line, header = next(records, (1, []))
    if faults or not header:
        return Roster((), tuple(faults) or (RosterFault(1, "", "the roster is empty"),))
    titles = [title.strip() for title in header]
    places = _places(titles, columns, line, faults)
    if places is None:
        return Roster((), tuple(sorted(faults)))
    rows, passed_over = _rows(records, Layout(columns, titles, places), faults)
    if not rows and not faults:
        reason = "no row is a learner's" if passed_over else "no rows after the header"
        faults.append(RosterFault(line, "", reason))
    return Roster(rows, tuple(sorted(faults)), passed_over)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each column of ours stands in this file, and what its header calls it."""

    columns: ColumnMap
    titles: list[str]
    places: _Places

    def title(self, column: str) -> str:
        return " + ".join(self.titles[place] for place in self.places[column])

    def values(self, cells: list[str]) -> _Cells:
        values = {
            column: " ".join(cells[place] for place in places if cells[place])
            for column, places in self.places.items()
        }
        if "name" in values:
            values["name"] = self.columns.name_of(values["name"])
        return values

    def wants(self, cells: list[str]) -> bool:
        folded = (title.casefold() for title in self.titles)
        return self.columns.wants(dict(zip(folded, cells, strict=False)))


def _decode(raw: bytes, faults: list[RosterFault]) -> str:
    if len(raw) > MAX_ROSTER_BYTES:
        faults.append(RosterFault(1, "", f"over {MAX_ROSTER_BYTES:,} bytes; split the roster"))
    elif raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        faults.append(RosterFault(1, "", "UTF-16 text; save it as CSV UTF-8"))
    else:
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = 1 + raw.count(b"\n", 0, error.start)
            value = raw[error.start : error.start + 1].hex()
            reason = "not UTF-8 text; save it as CSV UTF-8"
            faults.append(RosterFault(line, "", reason, f"byte 0x{value}"))
    return ""


def _records(text: str, faults: list[RosterFault]) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) of each row that is not blank; a row may span lines inside quotes."""
    header = re.match(r"\s*([^\r\n]*)", text)
    separator = max(_SEPARATORS, key=(header[1] if header else "").count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # Quotes that do not close leave it open where the next row begins.
            reason = f"no readable CSV ({error}); nothing from here on was read"
            faults.append(RosterFault(line, "", reason))
            return
        if any(cell.strip() for cell in cells):
            yield line, cells


def _places(
    titles: list[str], columns: ColumnMap, line: int, faults: list[RosterFault]
) -> _Places | None:
    """Where each column of ours stands; None where that cannot be told well enough to go on."""
    wanted = {column: columns.columns.get(column, (column,)) for column in COLUMNS}
    sound = _is_sound_map(columns, line, faults)
    found: dict[str, int] = {}
    known = columns.titles | {title for theirs in wanted.values() for title in theirs}
    folded = {title.casefold() for title in known}
    for place, title in enumerate(titles):
        key = title.casefold()
        if key not in folded:
            if not columns.ignores_others:
                faults.append(_unknown_title(title, [" + ".join(t) for t in wanted.values()], line))
        elif key in found:
            faults.append(RosterFault(line, title, "the header names this column twice"))
            sound = False
        else:
            found[key] = place
    for title in sorted(columns.titles):
        if title.casefold() not in found:
            faults.append(RosterFault(line, title, "the mapping names it, the header does not"))
            sound = False
    places = {
        column: tuple(found[title.casefold()] for title in theirs)
        for column, theirs in wanted.items()
        if all(title.casefold() in found for title in theirs)
    }
    if sound and places.keys().isdisjoint(NAMING_COLUMNS):
        names = " and ".join(" + ".join(wanted[column]) for column in NAMING_COLUMNS)
        faults.append(RosterFault(line, "", f"the header has none of {names}"))
        sound = False
    return places if sound else None


def _is_sound_map(columns: ColumnMap, line: int, faults: list[RosterFault]) -> bool:
    foreign = [column for column in columns.columns if column not in COLUMNS]
    for column in foreign:
        reason = f"the mapping names no column of ours; these are {', '.join(COLUMNS)}"
        faults.append(RosterFault(line, "", reason, shorten(column)))
    return not foreign


def _unknown_title(title: str, known: list[str], line: int) -> RosterFault:
    near = get_close_matches(title.casefold(), known, n=1)
    hint = f"is {near[0]} meant?" if near else f"known are {', '.join(known)}"
    reason = f"no column of a roster; {hint}"
    return RosterFault(line, shorten(title), reason)


def _rows(
    records: Iterator[tuple[int, list[str]]], layout: Layout, faults: list[RosterFault]
) -> tuple[tuple[RosterRow, ...], int]:
    """The good rows, and how many were passed over."""
    rows = []
    passed_over = 0
    seen: dict[tuple[str, str], int] = {}
    for line, cells in records:
        before = len(faults)
        if len(cells) != len(layout.titles):
            reason = f"{len(cells)} cells where the header has {len(layout.titles)}"
            faults.append(RosterFault(line, "", reason))
            continue
        stripped = [cell.strip() for cell in cells]
        try:
            if not layout.wants(stripped):
                passed_over += 1
                continue
        except NotANumber as wrong:
            faults.append(RosterFault(line, wrong.title, wrong.reason, shorten(wrong.value)))
            continue
        values = layout.values(stripped)
        row = read_row(line, values, layout, faults)
        for column, reason in repeated(row, seen):
            faults.append(RosterFault(line, layout.title(column), reason, shorten(values[column])))
        if len(faults) == before:
            rows.append(row)
    return tuple(rows), passed_over


def read_row(line: int, values: _Cells, layout: Layout, faults: list[RosterFault]) -> RosterRow:
    """The row, with what is wrong left out of it and added to `faults`."""
    date: datetime | None = None
    good: _Cells = {}
    for column, value in values.items():
        try:
            roster_values.check_text(value)
            if value and column == "date":
                date = layout.columns.date_of(value)
            elif value:
                roster_values.CHECKS[column](value)
                good[column] = layout.columns.result_of(value) if column == "result" else value
        except CellError as wrong:
            faults.append(RosterFault(line, layout.title(column), wrong.reason, shorten(value)))
    if not any(values.get(column) for column in NAMING_COLUMNS):
        faults.append(RosterFault(line, "", "who is it? One of name, email and did is needed"))
    return RosterRow(line=line, date=date, **good)


def repeated(row: RosterRow, seen: dict[tuple[str, str], int]) -> Iterator[tuple[str, str]]:
    """Columns in which `row` names somebody who has had a row, by e-mail or DID.

    A name alone is nobody's own: only a wholly equal row without both repeats one.
    """
    keys = [("email", row.email.lower()), ("did", row.did)]
    if not row.email and not row.did and row.name:
        keys = [("name", "\n".join((row.name, str(row.date), row.result, row.evidence)))]
    for column, value in keys:
        if value:
            first = seen.setdefault((column, value), row.line)
            if first != row.line:
                yield column, f"the same as in line {first}"
