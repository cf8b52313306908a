from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import MalformedValue
from registry.moments import duration, read_asked_moment, read_moment, stamp, unix_stamp


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02T03:04:05.1Z", "2026-01-02T03:04:05.100000+00:00"),
        ("2026-01-02T03:04:05.1234567Z", "2026-01-02T03:04:05.123456+00:00"),
        ("2026-01-02T03:04:05+05:30", "2026-01-01T21:34:05+00:00"),
        ("2026-01-02T03:04:05-14:00", "2026-01-02T17:04:05+00:00"),
        ("2026-12-31T24:00:00Z", "2027-01-01T00:00:00+00:00"),
        ("2024-02-29T00:00:00-00:00", "2024-02-29T00:00:00+00:00"),
    ],
)
def test_a_date_time_stamp_is_read_to_utc(text: str, expected: str) -> None:
    assert read_moment(text).isoformat() == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-02",
        "2026-01-02T03:04:05",  # no zone
        "2026-01-02T03:04Z",
        "2026-01-02 03:04:05Z",
        "2026-01-02t03:04:05z",
        "20260102T030405Z",
        "2026-W01-1T03:04:05Z",
        "2026-01-02T03:04:05Z ",
        "2026-01-02T03:04:05Z\n",
        "2026-01-02T03:04:05,5Z",
        "2026-01-02T03:04:60Z",
        "2026-01-02T24:00:01Z",
        "2026-01-02T24:00:00.01Z",
        "2026-02-30T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-01-02T03:04:05+14:01",
        "2026-01-02T03:04:05+10:60",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T24:00:00Z",
        "\u0662026-01-02T03:04:05Z",
        "2026-01-02T24:00:00." + "9" * 5000 + "Z",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(MalformedValue):
        read_moment(text)


aware = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1))  # noqa: DTZ001 - zone is drawn apart


@given(aware, st.integers(-14 * 60, 14 * 60))
def test_what_python_writes_is_read_back(local: datetime, minutes: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert read_moment(moment.isoformat()) == moment


def test_a_stamp_is_utc_to_the_second() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 999999, timezone(timedelta(hours=5)))
    assert stamp(moment) == "2026-01-01T22:04:05Z"
    assert stamp(datetime(7, 1, 1, tzinfo=UTC)) == "0007-01-01T00:00:00Z"


def test_any_number_of_seconds_that_a_node_may_answer_has_a_text() -> None:
    assert unix_stamp(0) == "1970-01-01T00:00:00Z"
    assert unix_stamp(253402300799) == "9999-12-31T23:59:59Z"
    assert unix_stamp(253402300800) == "253402300800 s after 1970"
    assert unix_stamp(2**256) == f"{2**256} s after 1970"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-01", "2026-05-01T00:00:00Z"),
        ("2026-05-01T12:00Z", "2026-05-01T12:00:00Z"),
        ("2026-05-01T12:00:07Z", "2026-05-01T12:00:07Z"),
        ("2026-05-01T14:00+02:00", "2026-05-01T12:00:00Z"),
        ("2026-05-01T24:00Z", "2026-05-02T00:00:00Z"),
    ],
)
def test_a_moment_may_be_asked_for_by_day_or_minute(text: str, moment: str) -> None:
    assert stamp(read_asked_moment(text)) == moment


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-05-01T12:00", "2026-13-01", "2026-05-01T25:00Z", "2026-5-1", "05-01-2026Z"],
)
def test_what_is_no_moment_to_ask_for_is_refused(text: str) -> None:
    with pytest.raises(MalformedValue):
        read_asked_moment(text)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (90, "90 seconds"),
        (5400, "90 minutes"),
        (3600, "1 hour"),
        (86400, "1 day"),
        (604800, "7 days"),
    ],
)
def test_a_length_of_time_is_told_in_the_largest_whole_unit(seconds: int, told: str) -> None:
    assert duration(seconds) == told
