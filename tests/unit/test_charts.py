"""Charts and nights: what is drawn is what was counted."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.auditing.charts import HEIGHT, WIDTH, Bar, Mark, bars, nice_top, short, timeline
from registry.auditing.nights import DAY_S, MOST_BARS, NOON_S, calendar, night_name, night_of

SVG = "{http://www.w3.org/2000/svg}"
values = st.lists(st.integers(0, 10**12), max_size=80)


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg.replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" ', 1))


@given(values)
def test_a_bar_is_as_tall_as_its_value_and_stays_inside(numbers: list[int]) -> None:
    chart = parsed(bars("x", "t", "d", [Bar(str(one), one) for one in numbers], ("a", "b")))
    drawn = chart.findall(f"{SVG}rect")
    assert [one.findtext(f"{SVG}title") for one in drawn] == [str(n) for n in numbers if n]
    tops = {int(str(one.findtext(f"{SVG}title"))): float(one.attrib["height"]) for one in drawn}
    assert sorted(tops.values()) == [tops[n] for n in sorted(tops)]
    for one in drawn:
        x, y, wide, tall = (float(one.attrib[name]) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + wide <= WIDTH
        assert 0 <= y <= y + tall <= HEIGHT


@given(st.floats(1e-12, 1e15))
def test_the_axis_holds_the_largest_and_is_not_twice_too_long(largest: float) -> None:
    assert largest <= nice_top(largest) * (1 + 1e-9)
    assert nice_top(largest) <= largest * 2.0000001


@given(st.text(), st.floats(-1, 2))
def test_any_text_is_text(text: str, at: float) -> None:
    kept = "".join(c for c in text if c >= " " and not "\ud800" <= c <= "\udfff" and c < "\ufffe")
    svg = timeline("x", kept, kept, [(kept, [Mark(at, kept)])], (kept, kept))
    assert "<script" not in svg
    assert parsed(svg).find(f"{SVG}circle/{SVG}title") is not None


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.5, "0.5"), (950, "950"), (1000, "1000"), (12_000, "12k"), (3.5e6, "3.5M")],
)
def test_numbers_are_short(value: float, shown: str) -> None:
    assert short(value) == shown


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_every_night_has_its_bar(one: int, other: int) -> None:
    first, last = sorted((night_of(one), night_of(other)))
    days = calendar(first, last)
    assert days.bars <= MOST_BARS
    counts = {first: 2, last: 3} if first != last else {first: 5}
    assert sum(days.spread(counts)) == 5
    assert 0 <= days.place(one) <= 1


def test_a_night_goes_from_noon_to_noon() -> None:
    assert night_of(NOON_S) == 0
    assert night_of(NOON_S - 1) == -1
    assert night_of(NOON_S + DAY_S - 1) == 0
    assert night_name(night_of(1_800_064_800)) == "2027-01-15"
    assert night_name(10**7) == "day 10000000"
    assert [calendar(0, n).noun for n in (0, 59, 60, 419, 420, 10**4)] == [
        "night",
        "night",
        "week",
        "week",
        "four weeks",
        "year",
    ]
