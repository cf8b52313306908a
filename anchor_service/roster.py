"""A roster: CSV to rows, each fault with its line, its column and what is wrong.

UTF-8 with or without mark; comma or semicolon, whichever the header line has more of; RFC 4180
quotes. Columns are `name,email,did,date,result,evidence` in any order and case, or what a mapping
calls them; those that nobody fills may be missing. A row needs one of name, email and did, since
Open Badges 3.0 asks that a learner have an id or an identifier. Blank rows are passed over.

Values are kept as typed, without the spaces around them: no other form of a name is ever made.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from anchor_service import roster_values
from anchor_service.roster_values import CellError, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

COLUMNS = ("name", "email", "did", "date", "result", "evidence")
NAMING_COLUMNS = ("name", "email", "did")
MAX_ROSTER_BYTES = 64 * 2**20
_Cells = dict[str, str]


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
    """rows: those without a fault, in file order; faults: all that was found, in line order."""

    rows: tuple[RosterRow, ...]
    faults: tuple[RosterFault, ...]


def read_roster(raw: bytes, mapping: Mapping[str, str] | None = None) -> Roster:
    """Read a whole roster; it never raises for bad content, which becomes faults.

    mapping: our column names to the file's, where they differ, as {"email": "E-mail"}.
    A header that leaves it open who is meant gives no rows at all.
    """
    faults: list[RosterFault] = []
    text = _decode(raw, faults)
    records = _records(text, faults)
    line, header = next(records, (1, []))
    if faults or not header:
        return Roster((), tuple(faults) or (RosterFault(1, "", "the roster is empty"),))
    titles = [title.strip() for title in header]
    places = _places(titles, mapping or {}, line, faults)
    if places is None:
        return Roster((), tuple(sorted(faults)))
    rows = _rows(records, titles, places, faults)
    if not rows and not faults:
        faults.append(RosterFault(line, "", "no rows after the header"))
    return Roster(rows, tuple(sorted(faults)))


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
    title_line = header[1] if header else ""
    separator = ";" if title_line.count(";") > title_line.count(",") else ","
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
    titles: list[str], mapping: Mapping[str, str], line: int, faults: list[RosterFault]
) -> dict[str, int] | None:
    """Where each column of ours stands; None where that cannot be told well enough to go on."""
    wanted = {column: mapping.get(column, column).strip() for column in COLUMNS}
    by_title = {title.casefold(): column for column, title in wanted.items()}
    places: dict[str, int] = {}
    sound = True
    for place, title in enumerate(titles):
        column = by_title.get(title.casefold())
        if column is None:
            faults.append(_unknown_title(title, list(wanted.values()), line))
        elif column in places:
            faults.append(RosterFault(line, title, "the header names this column twice"))
            sound = False
        else:
            places[column] = place
    for column, title in mapping.items():
        if column not in COLUMNS:
            reason = f"the mapping names no column of ours; these are {', '.join(COLUMNS)}"
            faults.append(RosterFault(line, "", reason, shorten(column)))
            sound = False
        elif column not in places:
            faults.append(RosterFault(line, title, "the mapping names it, the header does not"))
            sound = False
    if places.keys().isdisjoint(NAMING_COLUMNS):
        names = " and ".join(wanted[column] for column in NAMING_COLUMNS)
        faults.append(RosterFault(line, "", f"the header has none of {names}"))
        sound = False
    return places if sound else None


def _unknown_title(title: str, known: list[str], line: int) -> RosterFault:
    near = get_close_matches(title.casefold(), known, n=1)
    hint = f"is {near[0]} meant?" if near else f"known are {', '.join(known)}"
    reason = f"no column of a roster; {hint}"
    return RosterFault(line, shorten(title), reason)


def _rows(
    records: Iterator[tuple[int, list[str]]],
    titles: list[str],
    places: dict[str, int],
    faults: list[RosterFault],
) -> tuple[RosterRow, ...]:
    rows = []
    seen: dict[tuple[str, str], int] = {}
    for line, cells in records:
        before = len(faults)
        if len(cells) != len(titles):
            reason = f"{len(cells)} cells where the header has {len(titles)}"
            faults.append(RosterFault(line, "", reason))
            continue
        values = {column: cells[place].strip() for column, place in places.items()}
        row = _row(line, values, titles, places, faults)
        for column, reason in _repeated(row, seen):
            faults.append(
                RosterFault(line, titles[places[column]], reason, shorten(values[column]))
            )
        if len(faults) == before:
            rows.append(row)
    return tuple(rows)


def _row(
    line: int,
    values: _Cells,
    titles: list[str],
    places: dict[str, int],
    faults: list[RosterFault],
) -> RosterRow:
    """The row, with what is wrong left out of it and added to `faults`."""
    date: datetime | None = None
    good: _Cells = {}
    for column, value in values.items():
        try:
            roster_values.check_text(value)
            if value and column == "date":
                date = roster_values.read_date(value)
            elif value:
                roster_values.CHECKS[column](value)
                good[column] = value
        except CellError as wrong:
            title = titles[places[column]]
            faults.append(RosterFault(line, title, wrong.reason, shorten(value)))
    if not any(values.get(column) for column in NAMING_COLUMNS):
        faults.append(RosterFault(line, "", "who is it? One of name, email and did is needed"))
    return RosterRow(line=line, date=date, **good)


def _repeated(row: RosterRow, seen: dict[tuple[str, str], int]) -> Iterator[tuple[str, str]]:
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
