"""Logs to the rows of an auditor's store: replayed, and written down as columns; and back. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import orjson

from registry.errors import HistoryBroken, MalformedValue
from registry.formats import events as ev
from registry.formats.abi import WORD
from registry.formats.log_slices import read_event
from registry.formats.raw_log import BadLog, RawLog
from registry.formats.storage import LANES_PER_WORD
from registry.proofs.replay import apply
from registry.proofs.replay_slices import Followed, follow
from registry.values import FixedBytes, IssuerId

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from registry.formats.history import HistoryHash
    from registry.formats.state import State

_EXACT = 2**53
"""Beyond it JSON's readers lose digits: such a number is written as text."""
_ALWAYS_BYTES = 3 * WORD
"""Operation, timestamp and actor, with which the data of every log begins."""
_TOPICS = {kind.__name__: ev.topic(kind) for kind in ev.EVENTS}
_CHANGE_NAMES = [change.name for change in ev.StatusChange]
"""By number: names of enums are slow to come by."""
_ANCHORED, _STATUS_CHANGED = ev.Anchored.__name__, ev.StatusChanged.__name__

Row: TypeAlias = tuple[object, ...]

# sqlite3 binds a bytearray as it is, and asks for an adapter of bytes, which takes thrice as long.
_blob = bytearray
_new = bytes.__new__


@dataclass(frozen=True, slots=True)
class Derived:
    """What logs give the store: rows of its tables, and the registrations among them."""

    blocks: dict[int, bytes]
    operations: list[Row] = field(default_factory=list)
    lanes: list[tuple[int, int]] = field(default_factory=list)
    broken: dict[IssuerId, Row] = field(default_factory=dict)
    registrations: dict[IssuerId, int] = field(default_factory=dict)


def derive(
    logs: Sequence[RawLog], before: int, state: State, broken: Collection[IssuerId]
) -> Derived:
    """Replay logs that follow what is stored, and write them down.

    before: how many are stored. state: as much of it as the logs can touch; it changes. broken:
    issuers whose history has ended. An issuer's ends at its first event that cannot follow; the
    other issuers' go on. Raises BadLog for a log that the contract cannot write.
    """
    told = Derived({log.block: log.block_hash for log in logs})
    ended: set[bytes] = set(broken)
    issuers, add_row, changed = state.issuers, told.operations.append, told.lanes
    for number, log in enumerate(logs, before + 1):
        block, _, log_index, tx_hash, topics, data = log
        issuer_id = _new(IssuerId, topics[WORD : 2 * WORD])
        issuer = None if issuer_id in ended else issuers.get(issuer_id)
        followed = None if issuer is None else follow(state, issuer, topics, data)
        place = number, block, log_index, _blob(tx_hash)
        rest = _blob(data[_ALWAYS_BYTES:])
        if issuer is None or followed is None:
            said, lanes, history = _by_rule(log, number, state, ended, told)
            add_row((*place, *said, history, rest))
        else:
            said, lanes = _said(followed, issuer_id), followed[-1]
            add_row((*place, *said, _blob(issuer.history), rest))
        if lanes:
            changed += [(number, leaf) for leaf in leaves_of(lanes)]
    return told


def _by_rule(
    log: RawLog, number: int, state: State, ended: set[bytes], told: Derived
) -> tuple[Row, list[int] | None, HistoryHash | None]:
    """The same for any log: its columns, the lanes that it changed, and its issuer's history.

    None after an event that cannot follow, or comes after one that could not.
    """
    event = _event(log)
    issuer_id = event.issuer_id
    if issuer_id in ended:
        return _columns(event), None, None
    try:
        apply(state, event, log.data)
    except HistoryBroken as fault:
        ended.add(issuer_id)
        told.broken[issuer_id] = (issuer_id, number, event.operation, fault.reason)
        return _columns(event), None, None
    if isinstance(event, ev.IssuerRegistered):
        told.registrations[issuer_id] = event.registration
    lanes = None
    if isinstance(event, ev.StatusChanged):
        lanes = [number for pair in event.lanes for number in pair]
    return _columns(event), lanes, state.issuers[issuer_id].history


def _event(log: RawLog) -> ev.Event:
    try:
        return read_event(log)
    except MalformedValue as fault:
        raise BadLog(
            "the node", "impossible", log.block, f"is none that the registry writes ({fault})"
        ) from None


def _said(followed: Followed, issuer_id: bytes) -> Row:
    """`_columns` of what `follow` took."""
    operation, timestamp, actor, root, size, change, lanes = followed
    return (
        _blob(issuer_id),
        operation,
        _ANCHORED if change is None else _STATUS_CHANGED,
        timestamp,
        _blob(actor),
        _blob(root),
        None if change is None else _CHANGE_NAMES[change],
        _count(lanes) if lanes else size,
        None,
    )


def _columns(event: ev.Event) -> Row:
    """From `issuer` to `detail`."""
    root: bytes | None = getattr(event, "root", None)
    change = leaves = detail = None
    if isinstance(event, ev.Anchored):
        leaves = event.size
    elif isinstance(event, ev.StatusChanged):
        change = event.change.name
        leaves = _count([number for pair in event.lanes for number in pair])
        detail = f'{{"nonce":"{event.nonce}"}}' if event.nonce else None
    else:
        detail = details(event)
    return (
        event.issuer_id,
        event.operation,
        type(event).__name__,
        event.timestamp,
        event.actor,
        root,
        change,
        leaves,
        detail,
    )


def _count(lanes: Sequence[int]) -> int:
    """How many lanes are named, one that is named twice counted twice."""
    if len(lanes) == 2:
        return lanes[1].bit_count()
    return sum([mask.bit_count() for mask in lanes[1::2]])


def leaves_of(lanes: Sequence[int]) -> list[int]:
    """The leaves that lanes (word, mask, word, mask ...) name, each once, in order."""
    found: list[int] = []
    for at in range(0, len(lanes), 2):
        first, left = LANES_PER_WORD * lanes[at], lanes[at + 1]
        while left:
            lowest = left & -left
            found.append(first + lowest.bit_length() // 2)
            left ^= lowest
    return found if len(lanes) == 2 else sorted(set(found))


class StoredLog(NamedTuple):
    """A row that STORED_LOG gives."""

    block: int
    block_hash: bytes
    log_index: int
    tx_hash: bytes
    kind: str
    issuer: bytes
    root: bytes | None
    operation: int
    timestamp: int
    actor: bytes
    rest: bytes

    def raw(self) -> RawLog:
        """The log as it came: its columns say all of it."""
        topics = _TOPICS[self.kind] + self.issuer + (self.root or b"")
        numbers = self.operation.to_bytes(WORD, "big") + self.timestamp.to_bytes(WORD, "big")
        data = numbers + self.actor.rjust(WORD, b"\0") + self.rest
        return RawLog(*self[:4], topics, data)


STORED_LOG = """SELECT block, hash, log_index, tx_hash, kind, issuer, root, operation, timestamp,
    actor, rest FROM operation JOIN block ON number = block"""


def details(event: ev.Event) -> str | None:
    """What an event says beyond issuer, number, time, actor and root, as JSON; None: no more."""
    members = {
        _camel(field.name): _shown(getattr(event, field.name))
        for field in fields(event)[len(fields(ev.Event)) :]
        if field.name != "root"
    }
    return orjson.dumps(members).decode() if members else None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join("URI" if word == "uri" else word.capitalize() for word in rest)


def _shown(value: object) -> object:
    if isinstance(value, FixedBytes):
        return value.to_hex()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, int) and value >= _EXACT:
        return str(value)
    return value
