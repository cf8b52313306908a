"""Calendar arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor_service.issuing.durations import Duration
from registry.errors import MalformedValue


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        ("2024-02-29T00:00:00+00:00", "P2Y", "2026-02-28T00:00:00+00:00"),
        ("2024-02-29T00:00:00+00:00", "P4Y", "2028-02-29T00:00:00+00:00"),
        ("2026-01-31T00:00:00+00:00", "P1M", "2026-02-28T00:00:00+00:00"),
        ("2024-01-31T00:00:00+00:00", "P1M", "2024-02-29T00:00:00+00:00"),
        ("2026-01-31T00:00:00+00:00", "P2M", "2026-03-31T00:00:00+00:00"),
        ("2026-12-15T08:30:00+00:00", "P1M", "2027-01-15T08:30:00+00:00"),
        ("2026-06-30T00:00:00+00:00", "P18M", "2027-12-30T00:00:00+00:00"),
        ("2026-06-30T00:00:00+00:00", "P6W", "2026-08-11T00:00:00+00:00"),
        ("2026-06-30T00:00:00+00:00", "P90D", "2026-09-28T00:00:00+00:00"),
        ("2026-06-30T23:00:00+00:00", "PT36H", "2026-07-02T11:00:00+00:00"),
        # Months first, then the rest: one day more than the clamped month end.
        ("2026-01-31T00:00:00+00:00", "P1M1D", "2026-03-01T00:00:00+00:00"),
        ("2026-01-31T00:00:00+00:00", "P1Y2M3DT4H5M6S", "2027-04-03T04:05:06+00:00"),
        ("9998-12-31T00:00:00+00:00", "P1Y", "9999-12-31T00:00:00+00:00"),
    ],
)
def test_durations_add_up_in_the_calendar(start: str, duration: str, end: str) -> None:
    found = Duration.parse(duration).after(datetime.fromisoformat(start))
    assert found.isoformat() == end


@pytest.mark.parametrize(
    "text",
    [
        "", "P", "PT", "P1", "2Y", "P2YT", "P-1Y", "-P1Y", "P1.5Y", "P1D1Y", "P1H", "PT1D",
        "P1W1D", "P0D", "P0Y0M", "PT0S", "p2y", "P2Y ", " P2Y", "P٢Y", "P10000Y", "two years",
    ],
)  # fmt: skip
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(MalformedValue, match="write it like"):
        Duration.parse(text)


@pytest.mark.parametrize("duration", ["P1Y", "P12M", "P366D", "P9999Y"])
def test_the_year_9999_is_the_last(duration: str) -> None:
    with pytest.raises(MalformedValue, match="9999"):
        Duration.parse(duration).after(datetime(9999, 1, 1, tzinfo=UTC))


@given(
    st.integers(-(2**31), 2**33),
    st.integers(1, 2400),
)
def test_months_reach_the_same_day_or_the_last_of_the_month(second: int, months: int) -> None:
    start = datetime.fromtimestamp(second, timezone(timedelta(hours=2)))
    end = Duration.parse(f"P{months}M").after(start)
    assert (end.year - start.year) * 12 + end.month - start.month == months
    assert end.timetz() == start.timetz()
    assert end.day == start.day or (
        end.day < start.day and (end + timedelta(days=1)).month != end.month
    )
