"""Times in text: XML Schema's dateTimeStamp in, UTC out."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from registry.errors import MalformedValue

_STAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
_ASKED = re.compile(
    r"([0-9-]{10})(?:T([0-9]{2}:[0-9]{2})(:[0-9]{2}(?:\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2}))?"
)
_KEPT = 1024
"""Times of blocks and anchors: many reports tell the same."""
_LAST_SECOND = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())


def read_moment(text: str) -> datetime:
    """Read an XML Schema 1.1 dateTimeStamp (§3.4.28): date, time and zone, all three.

    Years 0001 to 9999; fractions are cut after microseconds; 24:00:00 is the next day's start.
    Raises MalformedValue for anything else, a missing zone included.
    """
    match = _STAMP.fullmatch(text)
    if match is None:
        raise MalformedValue("dateTimeStamp", "not YYYY-MM-DDThh:mm:ss with Z or +hh:mm after it")
    *date_and_time, fraction, sign, zone_hours, zone_minutes = match.groups()
    year, month, day, hour, minute, second = map(int, date_and_time)
    micro = int((fraction or "0").ljust(6, "0")[:6])
    midnight_after = hour == 24 and not (minute or second or (fraction or "").strip("0"))
    zone = timedelta(hours=int(zone_hours or 0), minutes=int(zone_minutes or 0))
    if zone > timedelta(hours=14) or int(zone_minutes or 0) > 59:
        raise MalformedValue("dateTimeStamp", "zones end at 14:00")
    try:
        moment = datetime(
            year,
            month,
            day,
            0 if midnight_after else hour,
            minute,
            second,
            micro,
            tzinfo=timezone(-zone if sign == "-" else zone),
        )
        return (moment + timedelta(days=midnight_after)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise MalformedValue("dateTimeStamp", "no such day or time") from None


def read_asked_moment(text: str) -> datetime:
    """Read a moment as people ask for one.

    YYYY-MM-DD is its first second in UTC; a time has Z or +hh:mm after it, and may leave out its
    seconds. Raises MalformedValue.
    """
    match = _ASKED.fullmatch(text)
    if match is None:
        raise MalformedValue("time", f"{text[:40]!r} is not one such as 2026-05-01T12:00Z")
    day, minute, second, zone = match.groups()
    return read_moment(f"{day}T{minute or '00:00'}{second or ':00'}{zone or 'Z'}")


def stamp(moment: datetime) -> str:
    """Return an aware moment as RFC 3339 in UTC, to the second."""
    utc = moment.astimezone(UTC)
    # strftime takes ten times as long, and forgets the zeros of early years on some systems.
    time = f"{utc.hour:02}:{utc.minute:02}:{utc.second:02}"
    return f"{utc.year:04}-{utc.month:02}-{utc.day:02}T{time}Z"


@lru_cache(maxsize=_KEPT)
def unix_stamp(seconds: int) -> str:
    """Return Unix seconds, as a chain gives them, as RFC 3339 in UTC.

    A node may answer any number: what is beyond the year 9999 is given in seconds.
    """
    if seconds > _LAST_SECOND:
        return f"{seconds} s after 1970"
    return stamp(datetime.fromtimestamp(seconds, UTC))


@lru_cache(maxsize=_KEPT)
def unix_minute(seconds: int) -> str:
    """Return Unix seconds for a person, to the minute: 2026-11-20 03:00 UTC."""
    if seconds > _LAST_SECOND:
        return unix_stamp(seconds)
    text = unix_stamp(seconds)
    return f"{text[:10]} {text[11:16]} UTC"


def duration(seconds: int) -> str:
    """Return a length of time in the largest unit that it is a whole number of: "7 days"."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds % length == 0 and seconds:
            return f"{seconds // length} {unit}{'s' if seconds != length else ''}"
    return f"{seconds} second{'s' if seconds != 1 else ''}"
