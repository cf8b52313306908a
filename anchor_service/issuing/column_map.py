"""A column map: how another program's export becomes a roster, as a TOML file says it.

    [columns]                        # ours = theirs; several are joined by one space
    name = ["First name", "Last name"]
    email = "Email address"
    result = "Course total (Letter)"
    date = "Course complete"

    [rows]
    other_columns = "ignore"         # else a column that is named nowhere here is a fault

    [rows.skip]                      # rows that are no learner's
    Student = ["", "Points Possible"]

    [rows.only]                      # rows with one of these values; the others earn nothing
    "Course total (Letter)" = ["A", "B", "C"]

    [rows.at_least]                  # rows with this number or more
    "Final Score" = 60

    [results]                        # theirs = ours; one that is not listed is a fault
    A = "Pass with distinction"

    [name]
    order = "family, given"          # "Sousa, Ana" becomes "Ana Sousa"

    [date]
    forms = ["%d/%m/%y, %H:%M"]      # as Python's strptime has them, or "unix"; else ISO 8601
    zone = "Europe/Lisbon"           # of times without one; UTC unless said

Titles and values are compared without the spaces around them, titles in any case.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from anchor_service.errors import ColumnMapRefused
from anchor_service.issuing.roster_values import CellError, read_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COLUMNS = ("name", "email", "did", "date", "result", "evidence")
UNIX = "unix"
_FAMILY_FIRST = "family, given"
# What gradebooks write where there is no grade (Moodle, Canvas).
_NO_GRADE = frozenset({"", "-", "N/A"})
_MAX_UNIX = 253_402_300_799  # the end of the year 9999
_Titles = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """columns: ours to theirs, theirs in the order in which they are joined.

    skip, only: title to values; at_least: title to a number; results: theirs to ours, empty for as
    it stands. date_forms empty: ISO 8601.
    """

    columns: Mapping[str, tuple[str, ...]]
    ignores_others: bool = False
    skip: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    at_least: Mapping[str, Decimal] = field(default_factory=dict)
    family_first: bool = False
    date_forms: tuple[str, ...] = ()
    zone: tzinfo = UTC
    results: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, mapping: Mapping[str, str]) -> Self:
        """The map of a roster whose columns are ours but for those named: ours to theirs."""
        return cls({column: (title.strip(),) for column, title in mapping.items()})

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a map's TOML. Raises ColumnMapRefused, which names table and key."""
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ColumnMapRefused(str(error)) from None
        _refuse_others(document, {"columns", "rows", "results", "name", "date"}, "")
        columns = _texts(_table(document, "columns"), "columns")
        _refuse_others(columns, set(COLUMNS), "columns")
        if not columns:
            raise ColumnMapRefused("[columns] is empty: it says which column is ours")
        rows = _table(document, "rows")
        _refuse_others(rows, {"other_columns", "skip", "only", "at_least"}, "rows")
        name, date = _table(document, "name"), _table(document, "date")
        _refuse_others(name, {"order"}, "name")
        _refuse_others(date, {"forms", "zone"}, "date")
        return cls(
            columns=columns,
            ignores_others=_choice(rows, "rows", "other_columns", "refuse", "ignore") == "ignore",
            skip=_texts(_table(rows, "skip"), "rows.skip"),
            only=_texts(_table(rows, "only"), "rows.only"),
            at_least=_numbers(_table(rows, "at_least")),
            family_first=_choice(name, "name", "order", "as written", _FAMILY_FIRST)
            == _FAMILY_FIRST,
            date_forms=_texts(date, "date", "forms").get("forms", ()),
            zone=_zone(date.get("zone", "UTC")),
            results={
                theirs: " ".join(ours)
                for theirs, ours in _texts(_table(document, "results"), "results").items()
            },
        )

    @property
    def titles(self) -> set[str]:
        """Every title that the map names and that the header must have."""
        listed = (*self.columns.values(), tuple(self.skip), tuple(self.only), tuple(self.at_least))
        return {title for titles in listed for title in titles}

    def wants(self, value_of: Mapping[str, str]) -> bool:
        """Whether a row, by casefolded title, is a learner's who has earned it.

        Raises CellError with `title` set where a number was expected and something else stands.
        """
        if any(value_of[title.casefold()] in values for title, values in self.skip.items()):
            return False
        if any(value_of[title.casefold()] not in values for title, values in self.only.items()):
            return False
        return all(
            _reaches(value_of[title.casefold()], least, title)
            for title, least in self.at_least.items()
        )

    def name_of(self, value: str) -> str:
        """A name in the order in which people write it; untouched unless the map says otherwise."""
        family, comma, given = value.partition(",")
        if not self.family_first or not comma or not given.strip():
            return value
        return f"{given.strip()} {family.strip()}"

    def result_of(self, value: str) -> str:
        """Raises CellError where the map lists results and not this one."""
        if self.results and value not in self.results:
            raise CellError(f"not a result that the map lists: {', '.join(self.results)}")
        return self.results.get(value, value)

    def date_of(self, value: str) -> datetime:
        """To UTC. Raises CellError."""
        if not self.date_forms:
            return read_date(value)
        for form in self.date_forms:
            read = _dated(value, form, self.zone)
            if read is not None:
                return read
        raise CellError(f"not a date of the form {' or '.join(self.date_forms)}")


class NotANumber(CellError):
    """title: the column of theirs in which it stands."""

    def __init__(self, title: str, value: str) -> None:
        super().__init__("not a number")
        self.title = title
        self.value = value


def _reaches(value: str, least: Decimal, title: str) -> bool:
    if value in _NO_GRADE:
        return False
    # "87,50 %": a decimal comma and a percent sign are ways of writing the same number.
    plain = re.sub(r"\s*%$", "", value).replace(",", ".")
    try:
        number = Decimal(plain)
    except InvalidOperation:
        raise NotANumber(title, value) from None
    if not number.is_finite():
        raise NotANumber(title, value)
    return number >= least


def _dated(value: str, form: str, zone: tzinfo) -> datetime | None:
    if form == UNIX:
        if not value.isascii() or not value.isdecimal() or int(value) > _MAX_UNIX:
            return None
        return datetime.fromtimestamp(int(value), UTC)
    try:
        read = datetime.strptime(value, form)  # noqa: DTZ007 - the zone comes next
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(name: object) -> tzinfo:
    try:
        return ZoneInfo(name) if isinstance(name, str) else _no_zone(name)
    except (ZoneInfoNotFoundError, ValueError):
        return _no_zone(name)


def _no_zone(name: object) -> tzinfo:
    raise ColumnMapRefused(f"[date] zone: {name!r} is no time zone such as Europe/Lisbon")


def _table(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise ColumnMapRefused(f"{name}: not a table")
    return table


def _texts(table: Mapping[str, Any], place: str, only: str | None = None) -> _Titles:
    """Each value a tuple of texts, also where one stands alone."""
    return dict(_each_texts(table, place, only))


def _each_texts(
    table: Mapping[str, Any], place: str, only: str | None
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for key, value in table.items():
        if only is not None and key != only:
            continue
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(one, str) for one in values):
            raise ColumnMapRefused(f"[{place}] {key}: text, or a list of texts, expected")
        yield key, tuple(one.strip() for one in values)


def _numbers(table: Mapping[str, Any]) -> dict[str, Decimal]:
    for key, value in table.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ColumnMapRefused(f"[rows.at_least] {key}: a number expected")
    return {key: Decimal(str(value)) for key, value in table.items()}


def _choice(table: Mapping[str, Any], place: str, key: str, *choices: str) -> str:
    """The first choice is what holds where nothing is said."""
    value = table.get(key, choices[0])
    if value not in choices:
        raise ColumnMapRefused(f"[{place}] {key}: one of {', '.join(choices)} expected")
    return str(value)


def _refuse_others(table: Mapping[str, Any], known: set[str], place: str) -> None:
    for key in table:
        if key not in known:
            where = f"[{place}] {key}" if place else f"[{key}]"
            raise ColumnMapRefused(f"{where} is unknown; known are {', '.join(sorted(known))}")
