"""Small charts as SVG text: bars over time, and marks on lines of time.

Drawn 360 units wide, which is a phone's width, so that labels there are as large as they say.
Colours come from the page (classes); every text is escaped. Whoever cannot see a chart has its
title and description.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from math import floor, log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH, HEIGHT = 360, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 6, 12, 24
_ROW = 34


@dataclass(frozen=True, slots=True)
class Bar:
    """label: what a pointer that rests on it is told; value: at least 0."""

    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Mark:
    """at: 0 the line's beginning, 1 its end."""

    at: float
    label: str


def bars(
    name: str, title: str, description: str, values: Sequence[Bar], ends: tuple[str, str]
) -> str:
    """One bar a value. name: unique in the page, letters only; ends: below first and last bar."""
    top = nice_top(max((bar.value for bar in values), default=0))
    floor_y = HEIGHT - _BOTTOM
    room = WIDTH - _LEFT - _RIGHT
    step = room / max(len(values), 1)
    wide = min(max(step * 0.72, 1.5), 22)
    parts = list(_grid(top))
    for number, bar in enumerate(values):
        if not bar.value:
            continue
        tall = max(bar.value / top * (floor_y - _TOP), 1.5)
        x = _LEFT + step * number + (step - wide) / 2
        radius = min(2.0, wide / 3)
        parts.append(
            f'<rect class="bar" x="{x:.1f}" y="{floor_y - tall:.1f}" width="{wide:.1f}" '
            f'height="{tall:.1f}" rx="{radius:.1f}"><title>{_text(bar.label)}</title></rect>'
        )
    parts.append(_line(_LEFT, floor_y, WIDTH - _RIGHT, floor_y, "axis"))
    parts += _ends(ends, floor_y + 16)
    return _svg(name, title, description, HEIGHT, parts)


def timeline(
    name: str,
    title: str,
    description: str,
    rows: Sequence[tuple[str, Sequence[Mark]]],
    ends: tuple[str, str],
) -> str:
    """A line for each row, and its marks on it."""
    tall = _TOP + _ROW * len(rows) + _BOTTOM
    left, room = 10, WIDTH - 10 - 10
    parts = []
    for number, (label, marks) in enumerate(rows):
        y = _TOP + _ROW * number + 22
        parts.append(f'<text class="row" x="{left}" y="{y - 10}">{_text(label)}</text>')
        parts.append(_line(left, y, left + room, y, "grid"))
        for mark in marks:
            x = left + min(1.0, max(0.0, mark.at)) * room
            parts.append(
                f'<circle class="mark m{number % 4}" cx="{x:.1f}" cy="{y}" r="4.5">'
                f"<title>{_text(mark.label)}</title></circle>"
            )
    parts += _ends(ends, tall - 6, left)
    return _svg(name, title, description, tall, parts)


def nice_top(largest: float) -> float:
    """The least of 1, 2, 4, 6, 8 times a power of ten that is no smaller; halves read well."""
    if largest <= 0:
        return 1.0
    power = 10.0 ** floor(log10(largest))
    return next(step * power for step in (1, 2, 4, 6, 8, 10, 20) if step * power >= largest)


def short(value: float) -> str:
    """A number as an axis has room for it: 950, 12k, 3.5M, 0.004."""
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1e3 if sign == 'k' else size):.3g}{sign}"
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _grid(top: float) -> Iterator[str]:
    """Lines at nothing, a half and the top; a half only where it is a number to read."""
    parts = (0.0, 1.0) if top == 1 else (0.0, 0.5, 1.0)
    for part in parts:
        y = HEIGHT - _BOTTOM - part * (HEIGHT - _BOTTOM - _TOP)
        if part:
            yield _line(_LEFT, y, WIDTH - _RIGHT, y, "grid")
        label = short(part * top)
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'


def _ends(ends: tuple[str, str], y: float, left: float = _LEFT) -> Iterator[str]:
    yield f'<text x="{left}" y="{y}">{_text(ends[0])}</text>'
    if ends[1] != ends[0]:
        x = WIDTH - _RIGHT
        yield f'<text x="{x}" y="{y}" text-anchor="end">{_text(ends[1])}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"/>'


def _svg(name: str, title: str, description: str, tall: float, parts: Sequence[str]) -> str:
    labels = f"{name}-title {name}-description"
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {tall:g}" role="img" aria-labelledby="{labels}">'
        f'<title id="{name}-title">{_text(title)}</title>'
        f'<desc id="{name}-description">{_text(description)}</desc>' + "".join(parts) + "</svg>"
    )


def _text(text: str) -> str:
    return escape(text, quote=True)
