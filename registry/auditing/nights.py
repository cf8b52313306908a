"""Nights, and how many of them go into one bar of a chart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DAY_S = 86_400
NOON_S = 43_200
"""A night goes from noon to noon in UTC, and is named by the day on which it begins."""
MOST_BARS = 60
_LAST_NIGHT = 2_932_895
_WIDTHS = ((1, "night"), (7, "week"), (28, "four weeks"), (364, "year"))


@dataclass(frozen=True, slots=True)
class Calendar:
    """Equal spans that hold every night from the first to the last; width and first in nights."""

    first: int
    width: int
    bars: int
    noun: str

    def label(self, bar: int) -> str:
        return night_name(self.first + bar * self.width)

    def spread(self, values: Mapping[int, int]) -> list[int]:
        """Night -> number, summed up for each bar; nights beyond the calendar are left out."""
        sums = [0] * self.bars
        for night, value in values.items():
            bar = (night - self.first) // self.width
            if 0 <= bar < self.bars:
                sums[bar] += value
        return sums

    def place(self, timestamp: int) -> float:
        """Where a moment lies, 0 the beginning and 1 the end; Unix seconds."""
        start = self.first * DAY_S + NOON_S
        return min(1.0, max(0.0, (timestamp - start) / (self.bars * self.width * DAY_S)))


def night_of(timestamp: int) -> int:
    return (timestamp - NOON_S) // DAY_S


def night_name(night: int) -> str:
    """The day on which it begins, such as 2026-11-24."""
    if not 0 <= night <= _LAST_NIGHT:
        return f"day {night}"
    return datetime.fromtimestamp(night * DAY_S, UTC).strftime("%Y-%m-%d")


def calendar(first: int, last: int) -> Calendar:
    """The narrowest spans with which no chart has more than MOST_BARS of them."""
    nights = last - first + 1
    for width, noun in _WIDTHS:
        if -(-nights // width) <= MOST_BARS:
            return Calendar(first, width, -(-nights // width), noun)
    width = -(-nights // MOST_BARS)
    return Calendar(first, width, -(-nights // width), f"{width} nights")
