"""JSON lines for the drop folder: on each line a ready-made credential, or one row of a roster.

A row is an object with the roster's own columns as text: {"name": "Ana Sousa", "date":
"2026-06-30"}. What has `@context` is a credential and is taken exactly as received.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anchor_service.issuing.column_map import COLUMNS, ColumnMap
from anchor_service.issuing.ready_made import take
from anchor_service.issuing.roster import Layout, RosterFault, RosterRow, read_row, repeated
from anchor_service.issuing.roster_values import shorten
from registry.errors import MalformedJson
from registry.formats.strict_json import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from anchor_service.issuing.ready_made import ReadyMade
    from registry.formats.strict_json import JsonObject

_LAYOUT = Layout(
    ColumnMap.of({}), list(COLUMNS), {column: (place,) for place, column in enumerate(COLUMNS)}
)


@dataclass(frozen=True, slots=True)
class Faulty:
    """One line with all that is wrong with it."""

    faults: tuple[RosterFault, ...]


Item = RosterRow | Faulty
"""What a line that is no credential becomes."""


def read_lines(lines: Iterable[tuple[int, bytes]]) -> Iterator[ReadyMade | Item]:
    """Yield one item a line, in order. lines: (1-based number, bytes without the line end)."""
    seen: dict[tuple[str, str], int] = {}
    for line, raw in lines:
        try:
            document = read(raw)
        except MalformedJson as fault:
            yield Faulty((RosterFault(line, "", str(fault)),))
            continue
        if not isinstance(document, dict):
            yield Faulty((RosterFault(line, "", "neither a credential nor a row: no JSON object"),))
        elif "@context" in document:
            yield _ready_made(line, raw)
        else:
            yield _row(line, document, seen)


def _ready_made(line: int, raw: bytes) -> ReadyMade | Faulty:
    taken = take("", line, raw, strict=False)
    if isinstance(taken, Exception):
        return Faulty((RosterFault(line, "", taken.reason),))
    return taken


def _row(line: int, document: JsonObject, seen: dict[tuple[str, str], int]) -> Item:
    faults: list[RosterFault] = []
    values: dict[str, str] = {}
    for column, value in document.items():
        if column not in COLUMNS:
            reason = f"no column of a roster; known are {', '.join(COLUMNS)}"
            faults.append(RosterFault(line, shorten(column), reason))
        elif not isinstance(value, str):
            faults.append(RosterFault(line, column, "not text"))
        else:
            values[column] = value.strip()
    row = read_row(line, values, _LAYOUT, faults)
    for column, reason in repeated(row, seen):
        faults.append(RosterFault(line, column, reason, shorten(values[column])))
    return Faulty(tuple(faults)) if faults else row
