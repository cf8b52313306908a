"""PERMANENT. Where orjson and RFC 8785 write a value alike, and what orjson may have misread.

The two differ on integral doubles, doubles outside [1e-5, 1e16), integers beyond ±(2^53-1), and the
order of keys with characters from U+D800 up. Whatever is not shown here to be alike goes to the
reference; the tests hold both against each other.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from registry.exact_json import MAX_DEPTH, MAX_SAFE_INTEGER

_SMALLEST_ALIKE = 1e-5
_BELOW_D000 = bytes(range(0xED))  # lead and continuation bytes of UTF-8 for all below U+D000


class Survey(IntEnum):
    """What a walk over a value has shown; each says less than the one before."""

    PLAIN = 0
    """Every number is written alike."""
    READABLE = 1
    """The exact reader gives this value for the same text; its numbers need the reference."""
    UNSURE = 2
    """Something that reading may refuse: only the exact reader and the reference can tell."""
    TOO_DEEP = 3


def survey(value: object, max_depth: int = MAX_DEPTH, *, hasty: bool = False) -> Survey:
    """Walk over `value` once, level by level: its numbers and its depth.

    hasty: for those to whom UNSURE and TOO_DEEP are one; it ends with the first such number.
    """
    found = Survey.PLAIN
    level: list[Any] = [[value]]
    for _ in range(max_depth + 1):  # the list around `value` is one more
        deeper: list[Any] = []
        for container in level:
            for child in container.values() if type(container) is dict else container:
                kind = type(child)
                if kind is str:
                    continue
                if kind is dict or kind is list:
                    deeper.append(child)
                elif kind is int and -MAX_SAFE_INTEGER <= child <= MAX_SAFE_INTEGER:
                    continue
                elif kind is not bool and child is not None and found is not Survey.UNSURE:
                    found = max(found, _survey_number(child))
                    if hasty and found is Survey.UNSURE:
                        return found
        if not deeper:
            return found
        level = deeper
    return Survey.TOO_DEEP


def _survey_number(number: object) -> Survey:
    if type(number) is int and -MAX_SAFE_INTEGER <= number <= MAX_SAFE_INTEGER:
        return Survey.PLAIN
    if type(number) is not float or not abs(number) <= MAX_SAFE_INTEGER:
        # Not JSON at all, or NaN, Infinity, or a double that orjson made of a long integer.
        return Survey.UNSURE
    if abs(number) >= _SMALLEST_ALIKE and not number.is_integer():
        return Survey.PLAIN
    return Survey.READABLE


def sorts_alike(value: object, dump: bytes) -> bool:
    """Whether orjson sorts the keys of `value`, dumped as `dump`, by UTF-16 units as well.

    It sorts by UTF-8, whose order is another one only from U+D800 up (RFC 8785 §3.2.3).
    """
    if dump.isascii() or not dump.translate(None, _BELOW_D000):
        return True
    rest: list[Any] = [value]
    while rest:
        item = rest.pop()
        if type(item) is dict:
            if max("".join(item), default="") >= "\ud800":
                return False
            rest += item.values()
        elif type(item) is list:
            rest += item
    return True
