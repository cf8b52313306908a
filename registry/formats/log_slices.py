"""Logs to events and folds by slicing: the fast path of `events.read_log` and `history.fold`.

The two commonest logs, an anchor and a status change, are cut apart here; any other log, and any of
those two that looks odd in the least, goes to the rule itself. A history folds the very words of a
log, so it is computed from them as they came. A test holds both against the rule.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from registry.formats import events as ev
from registry.formats.abi import WORD, Lanes
from registry.formats.history import HistoryHash
from registry.keccak import keccak256
from registry.values import Address, BatchRoot, IssuerId, MetaHash

if TYPE_CHECKING:
    from registry.formats.raw_log import RawLog

_ANCHORED, _STATUS_CHANGED = ev.topic(ev.Anchored), ev.topic(ev.StatusChanged)
_ANCHORED_BYTES = 5 * WORD
_STATUS_HEAD = 6 * WORD
_ANCHORED_WORDS = Struct(">27s5s27s5s12s20s28sI32s").unpack
_STATUS_WORDS = Struct(">27s5s27s5s12s20s31sB32s32s32s").unpack_from
"""Operation, timestamp, actor, and of an anchor size and metaHash, of a status change the change,
its nonce, and offset and number of lanes; before each number the zeros that must be there."""
_Z5, _Z12, _Z27, _Z28, _Z31 = (bytes(count) for count in (5, 12, 27, 28, 31))
_LANES_AT = _STATUS_HEAD.to_bytes(WORD, "big")
_CHANGES = {int(change): change for change in ev.StatusChange}
_KIND_WORDS = {kind.KIND: int(kind.KIND).to_bytes(WORD, "big") for kind in ev.EVENTS}
_DYNAMIC = {
    kind.KIND: place
    for kind in ev.EVENTS
    for place, member in enumerate(ev.data_members(kind))
    if member.dynamic
}
"""Which word of the data is an offset: in what is folded it stands further from its content."""

_new = bytes.__new__
_number = int.from_bytes


def read_event(log: RawLog) -> ev.Event:
    """The event that `events.read_log` gives, or its refusal."""
    topics, data = log.topics, log.data
    if len(topics) == 3 * WORD:
        kind = topics[:WORD]
        if kind == _ANCHORED and len(data) == _ANCHORED_BYTES:
            event = _anchored(topics, data)
        elif kind == _STATUS_CHANGED and len(data) > _STATUS_HEAD + WORD:
            event = _status_changed(topics, data)
        else:
            event = None
        if event is not None:
            return event
    return ev.read_log(log.split_topics(), data)


def _anchored(topics: bytes, data: bytes) -> ev.Event | None:
    zero, operation, none, timestamp, empty, actor, free, size, meta_hash = _ANCHORED_WORDS(data)
    if not (zero == none == _Z27 and empty == _Z12 and free == _Z28):
        return None
    return ev.Anchored(
        _new(IssuerId, topics[32:64]),
        _number(operation, "big"),
        _number(timestamp, "big"),
        _new(Address, actor),
        _new(BatchRoot, topics[64:96]),
        size,
        _new(MetaHash, meta_hash),
    )


def _status_changed(topics: bytes, data: bytes) -> ev.Event | None:
    zero, operation, none, timestamp, empty, actor, free, number, nonce, offset, count = (
        _STATUS_WORDS(data)
    )
    if not (zero == none == _Z27 and empty == _Z12 and free == _Z31 and offset == _LANES_AT):
        return None
    change = _CHANGES.get(number)
    lanes = len(data) - _STATUS_HEAD - WORD
    if change is None or lanes != 2 * WORD * _number(count, "big"):
        return None
    return ev.StatusChanged(
        _new(IssuerId, topics[32:64]),
        _number(operation, "big"),
        _number(timestamp, "big"),
        _new(Address, actor),
        _new(BatchRoot, topics[64:96]),
        change,
        _number(nonce, "big"),
        tuple(
            [
                Lanes(_number(data[at : at + 32], "big"), _number(data[at + 32 : at + 64], "big"))
                for at in range(_STATUS_HEAD + WORD, len(data), 2 * WORD)
            ]
        ),
    )


def fold_log(history: HistoryHash, kind: ev.Kind, root: bytes, data: bytes) -> HistoryHash:
    """What `history.fold` gives for the event of a log that `read_event` took.

    root: its batch's, empty where its kind has none; data: the log's.
    """
    place = _DYNAMIC.get(kind)
    if place is not None:
        at = WORD * place
        # Before the content stand three words that the log's data has not, at most.
        further = _number(data[at : at + WORD], "big") + 2 * WORD + len(root)
        data = data[:at] + further.to_bytes(WORD, "big") + data[at + WORD :]
    folded = b"".join(
        (
            history,
            _Z5,
            data[:WORD],
            _KIND_WORDS[kind],
            data[WORD : 3 * WORD],
            root,
            data[3 * WORD :],
        )
    )
    return _new(HistoryHash, keccak256(folded)[: HistoryHash.LENGTH])
