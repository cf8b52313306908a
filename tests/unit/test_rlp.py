"""Recursive Length Prefix against the `rlp` package, and what neither may take."""

from __future__ import annotations

from contextlib import suppress

import pytest
import rlp as peer
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import MalformedRlp
from registry.proofs import rlp

ITEMS = st.recursive(st.binary(max_size=80), lambda inner: st.lists(inner, max_size=20))


def nested(item: object) -> int:
    return 1 + max(map(nested, item), default=0) if isinstance(item, list) else 0


@given(ITEMS)
def test_both_write_and_read_the_same(item: rlp.Item) -> None:
    raw = rlp.encode(item)
    assert raw == peer.encode(item)
    assert rlp.decode(raw, max_bytes=len(raw), max_depth=nested(item)) == item


@given(st.binary(max_size=40))
def test_both_accept_the_same_bytes(raw: bytes) -> None:
    try:
        theirs = peer.decode(raw, strict=True)
    except peer.DecodingError:
        with pytest.raises(MalformedRlp):
            rlp.decode(raw, max_bytes=40, max_depth=64)
    else:
        assert rlp.decode(raw, max_bytes=40, max_depth=64) == theirs


@given(ITEMS, st.data())
def test_a_changed_byte_is_another_value_or_none(item: rlp.Item, data: st.DataObject) -> None:
    raw = bytearray(rlp.encode(item))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(MalformedRlp):
        assert rlp.decode(bytes(raw), max_bytes=len(raw), max_depth=64) != item


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "0 items"),
        ("0000", "2 items"),
        ("8100", "single byte"),
        ("817f", "single byte"),
        ("83aabb", "beyond its end"),
        ("b800", "written shorter"),
        ("b83700", "written shorter"),
        ("b90001", "written shorter"),
        ("b9", "cut short"),
        ("b8", "cut short"),
        ("bfffffffffffffffff", "beyond its end"),
        ("f800", "written shorter"),
        ("ffffffffffffffffff", "beyond its end"),
        ("c281", "beyond its end"),
        ("c18181", "beyond its end"),
    ],
)
def test_what_is_not_canonical_is_refused(raw: str, reason: str) -> None:
    with pytest.raises(MalformedRlp, match=reason):
        rlp.decode(bytes.fromhex(raw), max_bytes=100)


def test_depth_and_size_have_limits() -> None:
    deep = b""
    for _ in range(9):
        deep = rlp.encode([deep]) if not deep else rlp._prefix(0xC0, len(deep)) + deep
    with pytest.raises(MalformedRlp, match="lists in lists"):
        rlp.decode(deep, max_bytes=100)
    assert nested(rlp.decode(deep, max_bytes=100, max_depth=9)) == 9
    with pytest.raises(MalformedRlp, match="at most 3"):
        rlp.decode(b"\x83abc", max_bytes=3)


def test_numbers_are_shortest() -> None:
    for number in (0, 1, 127, 128, 2**64, 2**256 - 1):
        assert rlp.integer(rlp.scalar(number)) == number
        assert rlp.encode(rlp.scalar(number)) == peer.encode(number)
    wrong: list[rlp.Item] = [b"\0", b"\0\1", b"\1" * 33, []]
    for item in wrong:
        with pytest.raises(MalformedRlp):
            rlp.integer(item)
