"""Recursive Length Prefix, strictly: one encoding for each value, and limits before any work.

Source: Ethereum Yellow Paper, appendix B. An item is bytes or a list of items. Refused: a length
that could be written shorter, a byte below 0x80 behind a length, trailing or missing bytes, more
depth or size than the caller allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from registry.errors import MalformedRlp

if TYPE_CHECKING:
    from collections.abc import Sequence

Item: TypeAlias = "bytes | list[Item]"

MAX_DEPTH = 8
"""Lists in lists. Headers and accounts have one; a trie node with embedded nodes has four."""

_HASH = 0xA0
"""Before 32 bytes."""
_SHORT = 55
"""Bytes whose length fits into the first byte."""


def decode(raw: bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH) -> Item:
    """Read exactly one item. Raises MalformedRlp."""
    if len(raw) > max_bytes:
        raise MalformedRlp(f"{len(raw):,} bytes, where at most {max_bytes:,} are read")
    items = _items(raw, 0, len(raw), max_depth + 1)
    if len(items) != 1:
        raise MalformedRlp(f"{len(items)} items where one belongs")
    return items[0]


def decode_list(raw: bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH) -> list[Item]:
    """Read exactly one list. Raises MalformedRlp."""
    item = decode(raw, max_bytes=max_bytes, max_depth=max_depth)
    if isinstance(item, bytes):
        raise MalformedRlp("a string where a list belongs")
    return item


def encode(item: bytes | Sequence[Item]) -> bytes:
    """Return the one encoding of bytes, or of a list of items."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return _prefix(0x80, len(item)) + item
    payload = b"".join(map(encode, item))
    return _prefix(0xC0, len(payload)) + payload


def integer(item: Item, *, max_bytes: int = 32) -> int:
    """Read a scalar: big-endian, shortest, so zero is empty. Raises MalformedRlp."""
    if not isinstance(item, bytes):
        raise MalformedRlp("a list where a number belongs")
    if len(item) > max_bytes:
        raise MalformedRlp(f"a number of {len(item)} bytes, where at most {max_bytes} belong")
    if item[:1] == b"\0":
        raise MalformedRlp("a number with a leading zero")
    return int.from_bytes(item, "big")


def scalar(number: int) -> bytes:
    """The bytes of a number, for `encode`."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _items(raw: bytes, at: int, end: int, depth: int) -> list[Item]:
    """All items in raw[at:end], which they must fill. depth: levels that are left."""
    if depth == 0:
        raise MalformedRlp("too many lists in lists")
    items: list[Item] = []
    while at < end:
        first = raw[at]
        if first == _HASH and at + 33 <= end:  # what most of a trie is made of
            items.append(raw[at + 1 : at + 33])
            at += 33
            continue
        if first < 0x80:
            items.append(raw[at : at + 1])
            at += 1
            continue
        if first <= 0xB7 or 0xC0 <= first <= 0xF7:
            start, length = at + 1, first & 0x3F
        else:
            start, length = _long_length(raw, at, end, first)
        at = start + length
        if at > end:
            raise MalformedRlp(f"an item at byte {start} reaches beyond its end")
        if first >= 0xC0:
            items.append(_items(raw, start, at, depth - 1))
        else:
            if length == 1 and raw[start] < 0x80:
                raise MalformedRlp(f"a length before a single byte at {start}")
            items.append(raw[start:at])
    return items


def _long_length(raw: bytes, at: int, end: int, first: int) -> tuple[int, int]:
    """Where the item begins whose length is a number of its own, and that length."""
    size = (first & 0x3F) - _SHORT
    start = at + 1 + size
    if start > end:
        raise MalformedRlp(f"a length at byte {at} is cut short")
    length = int.from_bytes(raw[at + 1 : start], "big")
    if raw[at + 1] == 0 or length <= _SHORT:
        raise MalformedRlp(f"a length at byte {at} could be written shorter")
    return start, length


def _prefix(offset: int, length: int) -> bytes:
    if length <= _SHORT:
        return bytes((offset + length,))
    size = scalar(length)
    return bytes((offset + _SHORT + len(size),)) + size
