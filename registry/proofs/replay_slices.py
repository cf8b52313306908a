"""Replays anchors and status changes by slicing: the fast path of `replay.apply`.

What may follow is asked of `replay`'s own rules. Whatever is odd about a log in the least, or about
its following, is left to `replay.apply`, which knows what is the matter. A test holds both against
each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from registry.formats import events as ev
from registry.formats.abi import WORD
from registry.formats.log_slices import (
    ANCHORED,
    STATUS_CHANGED,
    anchor_words,
    fold_log,
    status_words,
)
from registry.formats.state import Batch
from registry.proofs.replay import changed_lanes, has_authority, lanes_inside
from registry.values import Address, BatchRoot, MetaHash

if TYPE_CHECKING:
    from registry.formats.state import Issuer, State

_NO_ROOT = bytes(WORD)
_REVOKE = ev.StatusChange.REVOKE

_new = bytes.__new__


Followed: TypeAlias = tuple[
    int, int, bytes, BatchRoot, int, ev.StatusChange | None, list[int] | None
]
"""An anchor or a status change that followed: operation, timestamp, actor, root, size of the batch,
and, None for an anchor, change and lanes: word, mask, word, mask ..."""


def follow(state: State, issuer: Issuer, topics: bytes, data: bytes) -> Followed | None:
    """Let a log of `issuer` follow, as `replay.apply` does; else None, and nothing has changed."""
    if len(topics) != 3 * WORD:
        return None
    kind, root = topics[:WORD], _new(BatchRoot, topics[2 * WORD :])
    if kind == STATUS_CHANGED:
        return _status_changed(state, issuer, root, data)
    if kind == ANCHORED:
        return _anchored(state, issuer, root, data)
    return None


def _anchored(state: State, issuer: Issuer, root: BatchRoot, data: bytes) -> Followed | None:
    words = anchor_words(data)
    if words is None:
        return None
    operation, timestamp, actor, size, meta_hash = words
    if not (
        operation == issuer.operations + 1
        and timestamp >= state.last_timestamp
        and (actor == issuer.owner or _may(issuer, actor, ev.ROLE_ANCHOR, timestamp))
        and not (issuer.paused or issuer.retired or issuer.distrust_after)
        and size > 0
        and root != _NO_ROOT
        and root not in issuer.batches
    ):
        return None
    issuer.batches[root] = Batch(timestamp, operation, size, _new(MetaHash, meta_hash))
    issuer.operations = operation
    issuer.history = fold_log(issuer.history, ev.Kind.ANCHORED, root, data)
    state.last_timestamp = timestamp
    return operation, timestamp, actor, root, size, None, None


def _status_changed(state: State, issuer: Issuer, root: BatchRoot, data: bytes) -> Followed | None:
    words = status_words(data)
    batch = issuer.batches.get(root)
    if words is None or batch is None:
        return None
    operation, timestamp, actor, change, nonce, lanes = words
    if not (
        operation == issuer.operations + 1
        and timestamp >= state.last_timestamp
        and (actor == issuer.owner or _may(issuer, actor, ev.ROLE_STATUS, timestamp))
        and not nonce
        and (change is _REVOKE or not batch.revoked)
    ):
        return None
    after = _after(batch, change, lanes)
    if not after:
        return None
    batch.words.update(after)
    issuer.operations = operation
    issuer.history = fold_log(issuer.history, ev.Kind.STATUS_CHANGED, root, data)
    state.last_timestamp = timestamp
    return operation, timestamp, actor, root, batch.size, change, lanes


def _after(batch: Batch, change: ev.StatusChange, lanes: list[int]) -> dict[int, int] | None:
    """The words that change, as they become; None where a lane may not change, or is none."""
    words = batch.words
    found: dict[int, int] = {}
    for at in range(0, len(lanes), 2):
        word, mask = lanes[at], lanes[at + 1]
        before = found[word] if word in found else words.get(word, 0)
        if not lanes_inside(batch, word, mask):
            return None
        if before & mask << 1 and change is not _REVOKE:
            return None
        after = changed_lanes(change, before, mask)
        if after != before:
            found[word] = after
    return found


def _may(issuer: Issuer, actor: bytes, role: int, timestamp: int) -> bool:
    return has_authority(issuer, Address(actor), role, timestamp)
