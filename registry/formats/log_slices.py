"""Logs to events and folds by slicing: the fast path of `events.read_log` and `history.fold`.

The two commonest logs, an anchor and a status change, are cut apart here; any other log, and any of
those two that looks odd in the least, goes to the rule itself. A history folds the very words of a
log, so it is computed from them as they came. A test holds both against the rule.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, TypeAlias

from registry.formats import events as ev
from registry.formats.abi import WORD, Lanes
from registry.formats.history import HistoryHash
from registry.keccak import keccak256
from registry.values import Address, BatchRoot, IssuerId, MetaHash

if TYPE_CHECKING:
    from registry.formats.raw_log import RawLog

ANCHORED, STATUS_CHANGED = ev.topic(ev.Anchored), ev.topic(ev.StatusChanged)
"""First topics."""

AnchorWords: TypeAlias = tuple[int, int, bytes, int, bytes]
"""Operation, timestamp, actor, size, metaHash."""

StatusWords: TypeAlias = tuple[int, int, bytes, ev.StatusChange, int, list[int]]
"""Operation, timestamp, actor, change, nonce, and lanes: word, mask, word, mask ..."""

_ANCHORED_BYTES = 5 * WORD
_STATUS_HEAD = 6 * WORD
_LANES_START = _STATUS_HEAD + WORD
_LANES_AT = _STATUS_HEAD.to_bytes(WORD, "big")
_ANCHORED_WORDS = Struct(">24sQ24sQ12s20s28sI32s").unpack
_STATUS_WORDS = Struct(">24sQ24sQ12s20s31sB32s32s32s").unpack_from
"""Before each number the zeros that must be there; of a status change offset and count at last."""
_Z5, _Z12, _Z24, _Z28, _Z31 = (bytes(count) for count in (5, 12, 24, 28, 31))
_TOO_LARGE = 2**40
"""For a number or a time."""
_CHANGES = {int(change): change for change in ev.StatusChange}

_new = bytes.__new__
_number = int.from_bytes


def read_event(log: RawLog) -> ev.Event:
    """The event that `events.read_log` gives, or its refusal."""
    topics, data = log.topics, log.data
    if len(topics) == 3 * WORD:
        kind, event = topics[:WORD], None
        if kind == STATUS_CHANGED:
            event = _status_changed(topics, data)
        elif kind == ANCHORED:
            event = _anchored(topics, data)
        if event is not None:
            return event
    return ev.read_log(log.split_topics(), data)


def anchor_words(data: bytes) -> AnchorWords | None:
    """None unless it is what the contract writes."""
    if len(data) != _ANCHORED_BYTES:
        return None
    zero, operation, none, timestamp, empty, actor, free, size, meta_hash = _ANCHORED_WORDS(data)
    if not (zero == none == _Z24 and empty == _Z12 and free == _Z28):
        return None
    if operation >= _TOO_LARGE or timestamp >= _TOO_LARGE:
        return None
    return operation, timestamp, actor, size, meta_hash


def status_words(data: bytes) -> StatusWords | None:
    """None unless it is what the contract writes, with a lane at least."""
    if len(data) <= _LANES_START:
        return None
    zero, operation, none, timestamp, empty, actor, free, number, nonce, offset, count = (
        _STATUS_WORDS(data)
    )
    if not (zero == none == _Z24 and empty == _Z12 and free == _Z31 and offset == _LANES_AT):
        return None
    change = _CHANGES.get(number)
    if change is None or operation >= _TOO_LARGE or timestamp >= _TOO_LARGE:
        return None
    if len(data) - _LANES_START != 2 * WORD * _number(count, "big"):
        return None
    lanes = [_number(data[at : at + WORD], "big") for at in range(_LANES_START, len(data), WORD)]
    return operation, timestamp, actor, change, _number(nonce, "big"), lanes


def _anchored(topics: bytes, data: bytes) -> ev.Event | None:
    words = anchor_words(data)
    if words is None:
        return None
    operation, timestamp, actor, size, meta_hash = words
    return ev.Anchored(
        _new(IssuerId, topics[WORD : 2 * WORD]),
        operation,
        timestamp,
        _new(Address, actor),
        _new(BatchRoot, topics[2 * WORD :]),
        size,
        _new(MetaHash, meta_hash),
    )


def _status_changed(topics: bytes, data: bytes) -> ev.Event | None:
    words = status_words(data)
    if words is None:
        return None
    operation, timestamp, actor, change, nonce, lanes = words
    return ev.StatusChanged(
        _new(IssuerId, topics[WORD : 2 * WORD]),
        operation,
        timestamp,
        _new(Address, actor),
        _new(BatchRoot, topics[2 * WORD :]),
        change,
        nonce,
        tuple(map(Lanes, lanes[::2], lanes[1::2])),
    )


def fold_log(history: HistoryHash, kind: ev.Kind, root: bytes, data: bytes) -> HistoryHash:
    """What `history.fold` gives for the event of a log that `read_event` took.

    root: its batch's, empty where its kind has none; data: the log's.
    """
    word, at, offset = _FOLDED[kind]
    if at:
        data = data[:at] + offset + data[at + WORD :]
    folded = b"".join((history, _Z5, data[:32], word, data[32:96], root, data[96:]))
    return _new(HistoryHash, keccak256(folded)[: HistoryHash.LENGTH])


def _folded(kind: type[ev.Event]) -> tuple[bytes, int, bytes]:
    """Its word; where in a log's data an offset stands, 0 for nowhere; and that offset as folded.

    What is folded has a longer head: it begins with the history, and has kind and root.
    """
    word = int(kind.KIND).to_bytes(WORD, "big")
    dynamic = [place for place, member in enumerate(ev.data_members(kind)) if member.dynamic]
    if not dynamic:
        return word, 0, b""
    head = len(("history", "operation", "kind", "timestamp", "actor", *kind.MEMBERS))
    return word, WORD * dynamic[0], (WORD * head).to_bytes(WORD, "big")


_FOLDED = [(b"", 0, b""), *map(_folded, ev.EVENTS)]
"""By the number of the kind: EVENTS stand in that order, and an enum is slow to look up."""
