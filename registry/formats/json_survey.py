"""PERMANENT. Where orjson and RFC 8785 write a value alike, and what orjson may have misread.

The two differ on integral doubles, doubles outside [1e-5, 1e16), integers beyond ±(2^53-1), and the
order of keys with characters from U+D800 up. Whatever is not shown here to be alike goes to the
reference; the tests hold both against each other.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from registry.formats.exact_json import MAX_DEPTH, MAX_SAFE_INTEGER

SMALLEST_ALIKE = 1e-5
_BELOW_D000 = bytes(range(0xED))  # lead and continuation bytes of UTF-8 for all below U+D000


class Survey(IntEnum):
    """What a walk over a value has shown; each says less than the one before."""

    PLAIN = 0
    """Every number is written alike."""
    READABLE = 1
    """The exact reader gives this value for the same text; its numbers need the reference."""
    UNSURE = 2
    """Numbers that reading may refuse, by how they are written, or what is no JSON at all."""
    TOO_DEEP = 3


def survey(value: object, max_depth: int = MAX_DEPTH) -> Survey:
    """Walk over `value` once, level by level: its numbers and its depth."""
    is_unsure = is_odd = False
    largest, smallest = MAX_SAFE_INTEGER, SMALLEST_ALIKE
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
                elif kind is float or kind is int:
                    # Beyond it: NaN, Infinity, or a double that orjson made of a long integer.
                    if not -largest <= child <= largest:
                        is_unsure = True
                    elif not is_odd and kind is float:
                        is_odd = child.is_integer() or -smallest < child < smallest
                elif kind is not bool and child is not None:
                    is_unsure = True  # not JSON at all
        if not deeper:
            return Survey.UNSURE if is_unsure else Survey.READABLE if is_odd else Survey.PLAIN
        level = deeper
    return Survey.TOO_DEEP


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
