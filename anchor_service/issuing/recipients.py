"""One recipient given by name and value, checked as a roster's row is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anchor_service.errors import RosterRefused
from anchor_service.issuing import roster_values
from anchor_service.issuing.roster import NAMING_COLUMNS, RosterFault, RosterRow
from anchor_service.issuing.roster_values import CellError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_LINE = 1


def read_recipient(values: Mapping[str, str]) -> RosterRow:
    """values: by the roster's column names. Raises RosterRefused with each fault."""
    faults: list[RosterFault] = []
    cells = {column: text.strip() for column, text in values.items() if text.strip()}
    date: datetime | None = None
    for column, text in cells.items():
        try:
            roster_values.check_text(text)
            if column == "date":
                date = roster_values.read_date(text)
            else:
                roster_values.CHECKS[column](text)
        except CellError as fault:
            faults.append(RosterFault(_LINE, column, fault.reason))
    if not any(cells.get(column) for column in NAMING_COLUMNS):
        faults.append(RosterFault(_LINE, "", f"one of {', '.join(NAMING_COLUMNS)} is needed"))
    if faults:
        raise RosterRefused(tuple(faults))
    cells.pop("date", None)
    return RosterRow(_LINE, date=date, **cells)
