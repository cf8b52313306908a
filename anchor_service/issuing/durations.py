"""Durations as issuers write them, and what they add up to in the calendar.

Source: ISO 8601 §5.5.2 (whole numbers only; weeks stand alone), and the addition of durations to
dates in W3C XML Schema 1.1 Part 2 §E.3.3: years and months first, then the rest. Where the month
that is reached has no such day its last day is taken: one month from 31 January is 28 or 29
February, two years from 29 February 2024 is 28 February 2026.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from registry.errors import MalformedValue

_ISO = re.compile(
    r"P(?:(?P<weeks>\d{1,4})W"
    r"|(?:(?P<years>\d{1,4})Y)?(?:(?P<months>\d{1,5})M)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,7})H)?(?:(?P<minutes>\d{1,7})M)?(?:(?P<seconds>\d{1,9})S)?)?)",
    re.ASCII,
)
_LAST_YEAR = 9999  # RFC 3339 has four digits for it


@dataclass(frozen=True, slots=True)
class Duration:
    """Calendar months, and an exact rest; at least one of them is above zero."""

    months: int
    rest: timedelta

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a text such as P2Y, P18M, P6W or PT36H. Raises MalformedValue."""
        match = _ISO.fullmatch(text)
        if match is None:
            raise MalformedValue("duration", "not ISO 8601; write it like P2Y, P18M, P6W or P90D")
        part = {name: int(digits or 0) for name, digits in match.groupdict().items()}
        months = 12 * part.pop("years") + part.pop("months")
        rest = timedelta(**part)
        if not months and not rest:
            raise MalformedValue("duration", "nothing at all; write it like P2Y or P90D")
        return cls(months, rest)

    def after(self, start: datetime) -> datetime:
        """Return the moment this long after `start`, in its time zone.

        Raises MalformedValue beyond the year 9999.
        """
        years, month = divmod(start.month - 1 + self.months, 12)
        year = start.year + years
        if year <= _LAST_YEAR:
            last_day = calendar.monthrange(year, month + 1)[1]
            reached = start.replace(year=year, month=month + 1, day=min(start.day, last_day))
            if datetime.max.replace(tzinfo=start.tzinfo) - reached >= self.rest:
                return reached + self.rest
        raise MalformedValue("duration", f"reaches beyond the year {_LAST_YEAR}")
