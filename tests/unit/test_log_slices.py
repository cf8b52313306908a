"""The fast path of reading and folding logs: never another answer than the rule's, or eth_abi's."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from hypothesis import given, settings
from hypothesis import strategies as st
from vector_files import load, unhex

from registry.errors import MalformedValue
from registry.formats import events as ev
from registry.formats.history import HistoryHash, fold
from registry.formats.log_slices import fold_log, read_event
from registry.formats.raw_log import RawLog

VECTORS = load("events-v1")
HISTORIES = load("history-v1")
HISTORY = HistoryHash(bytes(range(27)))
WORDS = st.sampled_from([bytes(32), b"\xff" * 32, (1).to_bytes(32, "big"), (2).to_bytes(32, "big")])


def raw(topics: list[bytes], data: bytes) -> RawLog:
    return RawLog(7, bytes(32), 0, bytes(32), b"".join(topics), data)


LOGS = [
    raw([unhex(topic) for topic in one["topics"]], unhex(one["data"]))
    for one in [*VECTORS["logs"], *HISTORIES["logs"]]
]
REFUSED = [
    raw([unhex(topic) for topic in one["topics"]], unhex(one["data"])) for one in VECTORS["refused"]
]


@st.composite
def logs(draw: st.DrawFn) -> RawLog:
    """A log of any kind: with any content, or one bent in a few places."""
    if draw(st.booleans()):
        return bent(draw)
    kind = draw(st.sampled_from([ev.Anchored, ev.StatusChanged, *ev.EVENTS]))
    types = [member.name for member in ev.data_members(kind)]
    data = encode([_as_bytes(one) for one in types], [draw(VALUES[one]) for one in types])
    topics = [ev.topic(kind), draw(st.binary(min_size=32, max_size=32))]
    if "root" in [field.name for field in fields(kind)]:
        topics.append(draw(st.binary(min_size=32, max_size=32)))
    return raw(topics, data)


def bent(draw: st.DrawFn) -> RawLog:
    log = draw(st.sampled_from(LOGS))
    data = bytearray(log.data)
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.booleans()) and len(data) >= 32:
            at = 32 * draw(st.integers(0, len(data) // 32 - 1))
            data[at : at + 32] = draw(WORDS)
        elif data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    size = draw(st.sampled_from([len(data), len(data), len(data) - 32, len(data) - 1]))
    more = draw(st.sampled_from([b"", b"", b"", bytes(32), bytes(64)]))
    return log._replace(data=bytes(data[: max(size, 0)]) + more)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "uint8": st.integers(0, 2),
    "uint32": st.integers(0, 2**32 - 1),
    "uint40": st.integers(0, 2**40 - 1),
    "uint256": st.integers(0, 2**256 - 1),
    "address": st.binary(min_size=20, max_size=20),
    "bytes32": st.binary(min_size=32, max_size=32),
    "string": st.binary(max_size=70),
    "(uint256,uint256)[]": st.lists(
        st.tuples(st.integers(0, 2**256 - 1), st.integers(0, 2**256 - 1)), max_size=4
    ),
}


def _as_bytes(name: str) -> str:
    """A string of any bytes: the contract checks no UTF-8, and eth_abi would."""
    return "bytes" if name == "string" else name


def by_rule(log: RawLog) -> ev.Event | None:
    try:
        return ev.read_log(log.split_topics(), log.data)
    except MalformedValue:
        return None


def by_slices(log: RawLog) -> ev.Event | None:
    try:
        return read_event(log)
    except MalformedValue:
        return None


def by_eth_abi(log: RawLog) -> list[Any] | None:
    """What the log's data says; None where it is not the very form that encoding gives."""
    kind = next(kind for kind in ev.EVENTS if ev.topic(kind) == log.topics[:32])
    types = [_as_bytes(member.name) for member in ev.data_members(kind)]
    try:
        values = list(decode(types, log.data, strict=True))
    except (DecodingError, OverflowError):
        return None
    if encode(types, values) != log.data or (kind is ev.StatusChanged and values[3] > 2):
        return None
    return values


@pytest.mark.parametrize("log", LOGS)
def test_released_logs_are_read_and_folded_as_by_the_rule(log: RawLog) -> None:
    check(log)
    assert by_slices(log) is not None


@pytest.mark.parametrize("log", REFUSED)
def test_what_the_rule_refuses_is_refused(log: RawLog) -> None:
    assert by_slices(log) is None


@settings(max_examples=600, deadline=None)
@given(logs())
def test_any_log_is_read_and_folded_as_by_the_rule_and_by_eth_abi(log: RawLog) -> None:
    check(log)


@pytest.mark.long
@settings(max_examples=50_000, deadline=None)
@given(logs())
def test_any_of_very_many_logs_is_read_and_folded_as_by_the_rule(log: RawLog) -> None:
    check(log)


def check(log: RawLog) -> None:
    event = by_slices(log)
    assert event == by_rule(log)
    told = by_eth_abi(log)
    assert (event is None) == (told is None)
    if event is None or told is None:
        return
    root = getattr(event, "root", b"")
    assert log.topics[32:] == bytes(event.issuer_id) + root
    assert [plain(value) for value in values_of(event)] == [plain(value) for value in told]
    assert fold_log(HISTORY, event.KIND, root, log.data) == fold(HISTORY, event)


def values_of(event: ev.Event) -> list[Any]:
    names = [field.name for field in fields(event)]
    return [getattr(event, name) for name in names if name not in ("issuer_id", "root")]


def plain(value: Any) -> Any:
    if isinstance(value, str):
        return bytes.fromhex(value[2:])
    if isinstance(value, tuple | list):
        return [list(one) for one in value]
    return bytes(value) if isinstance(value, bytes) else int(value)
