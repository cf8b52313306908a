"""Rebuilds the registry from its events alone: `replay(events, chain, registry) -> State`.

The contract's rules are kept here once more, written from its interface: an event that it could
not have emitted after those before it breaks the history, and so does one left out, doubled or
moved. What no single node can be caught at by numbers alone, such as an ending left out, shows when
the histories are compared with storage (`auditor`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry.errors import HistoryBroken
from registry.formats import events as ev
from registry.formats.history import fold, fold_registration, issuer_id_of, issuer_start
from registry.formats.log_slices import fold_log
from registry.formats.state import NOBODY, Batch, Grant, Issuer, State
from registry.formats.storage import LANES_PER_WORD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from registry.formats.history import HistoryHash
    from registry.values import Address, BatchRoot, ChainId, IssuerId

_EVEN_BITS = (2**256 - 1) // 3
_ODD_BITS = ~_EVEN_BITS
_LOW_BYTE = 0xFF
_SUSPEND, _REVOKE = ev.StatusChange.SUSPEND, ev.StatusChange.REVOKE
_MAX_WORDS = 2**32 // LANES_PER_WORD


def replay(events: Iterable[ev.Event], chain: ChainId, registry: Address) -> State:
    """The registry after all of `events`, given in the chain's order from the first on.

    Raises HistoryBroken at the first that cannot follow those before it.
    """
    state = State.empty(chain, registry)
    for event in events:
        apply(state, event)
    return state


def replay_issuer(
    events: Iterable[ev.Event], chain: ChainId, registry: Address, issuer_id: IssuerId
) -> Issuer | None:
    """One issuer after all of its own `events`, from its registration on; None without any.

    Raises HistoryBroken at the first that cannot follow those before it. Which registration of the
    registry it was is not judged: that shows in the history of registrations alone.
    """
    issuer: Issuer | None = None
    before = 0
    for event in events:
        _require(event, event.issuer_id == issuer_id, "of another issuer")
        _require(event, event.timestamp >= before, "older than the event before it")
        before = event.timestamp
        if isinstance(event, ev.IssuerRegistered):
            _require(event, issuer is None, "registered twice")
            issuer = _registered(event, chain, registry)
        elif issuer is None:
            raise _broken(event, "the issuer was never registered")
        else:
            _follow(issuer, event)
    return issuer


def apply(state: State, event: ev.Event, data: bytes | None = None) -> None:
    """Let one event follow. data: its log's, where that is at hand, to fold it as it came.

    After HistoryBroken the event's issuer is good for nothing more.
    """
    _require(event, event.timestamp >= state.last_timestamp, "older than the event before it")
    state.last_timestamp = event.timestamp
    if isinstance(event, ev.IssuerRegistered):
        _register(state, event, data)
        return
    issuer = state.issuers.get(event.issuer_id)
    if issuer is None:
        raise _broken(event, "the issuer was never registered")
    _follow(issuer, event, data)


def _follow(issuer: Issuer, event: ev.Event, data: bytes | None = None) -> None:
    _check_number(issuer, event)
    _CHANGES[type(event)](issuer, event)
    issuer.operations = event.operation
    issuer.history = _folded(issuer.history, event, data)


def _folded(history: HistoryHash, event: ev.Event, data: bytes | None) -> HistoryHash:
    if data is None:
        return fold(history, event)
    return fold_log(history, event.KIND, getattr(event, "root", b""), data)


def _register(state: State, event: ev.IssuerRegistered, data: bytes | None) -> None:
    due = state.registrations + 1
    _require(event, event.registration == due, f"registration {event.registration}, not {due}")
    issuer = _registered(event, state.chain, state.registry, data)
    _require(event, event.issuer_id not in state.issuers, "registered twice")
    state.issuers[event.issuer_id] = issuer
    state.registrations = event.registration
    state.registrations_history = fold_registration(state.registrations_history, event)


def _registered(
    event: ev.IssuerRegistered, chain: ChainId, registry: Address, data: bytes | None = None
) -> Issuer:
    _require(event, event.operation == 1, "a registration that is not operation 1")
    issuer_id = issuer_id_of(chain, registry, event.actor, event.salt)
    _require(event, event.issuer_id == issuer_id, f"salt and registrant give {issuer_id}")
    return Issuer(
        owner=event.actor,
        did_hash=event.did_hash,
        profile_uri=event.profile_uri,
        operations=1,
        history=_folded(issuer_start(chain, registry, issuer_id), event, data),
    )


def _check_number(issuer: Issuer, event: ev.Event) -> None:
    due = issuer.operations + 1
    if event.operation > due:
        missing = str(due) if event.operation == due + 1 else f"{due} to {event.operation - 1}"
        raise _broken(event, f"a gap: {missing} did not come before it")
    if event.operation < due:
        raise _broken(event, f"doubled or out of order: {due} was due")


def _did_changed(issuer: Issuer, event: ev.DidChanged) -> None:
    _owner_only(issuer, event)
    issuer.did_hash = event.did_hash
    issuer.profile_uri = event.profile_uri


def _ownership_offered(issuer: Issuer, event: ev.OwnershipOffered) -> None:
    _owner_only(issuer, event)
    _require(event, event.pending_owner != issuer.pending_owner, "it changes nothing")
    issuer.pending_owner = event.pending_owner


def _ownership_transferred(issuer: Issuer, event: ev.OwnershipTransferred) -> None:
    _require(event, event.actor == issuer.pending_owner, "ownership was not offered to the actor")
    _require(event, event.previous_owner == issuer.owner, f"the owner was {issuer.owner}")
    issuer.owner = event.actor
    issuer.pending_owner = NOBODY
    _next_epoch(issuer, event, event.epoch)


def _delegate_set(issuer: Issuer, event: ev.DelegateSet) -> None:
    _owner_only(issuer, event)
    grant = Grant(event.roles, event.epoch, event.expiry)
    if event.roles == 0:
        _require(event, grant == Grant(0, 0, 0), "a grant that ends, yet has an expiry or epoch")
    else:
        _require(event, event.roles <= ev.ROLE_ANCHOR | ev.ROLE_STATUS, "roles that do not exist")
        _require(event, event.epoch == issuer.epoch, f"the epoch was {issuer.epoch}")
        _require(event, event.expiry > event.timestamp, "the grant had expired")
    before = issuer.delegates.get(event.delegate, Grant(0, 0, 0))
    _require(event, grant != before, "it changes nothing")
    issuer.delegates[event.delegate] = grant


def _epoch_bumped(issuer: Issuer, event: ev.EpochBumped) -> None:
    _owner_only(issuer, event)
    _next_epoch(issuer, event, event.epoch)


def _paused(issuer: Issuer, event: ev.Paused) -> None:
    _owner_only(issuer, event)
    _require(event, not issuer.paused, "it was paused")
    issuer.paused = True


def _unpaused(issuer: Issuer, event: ev.Unpaused) -> None:
    _owner_only(issuer, event)
    _require(event, issuer.paused, "it was not paused")
    issuer.paused = False


def _distrusted(issuer: Issuer, event: ev.Distrusted) -> None:
    _owner_only(issuer, event)
    since, before = event.distrust_after, issuer.distrust_after
    _require(event, 0 < since <= event.timestamp, "a time of distrust that is zero or to come")
    _require(event, not before or since < before, f"distrusted from {before} on already")
    issuer.distrust_after = since


def _retired(issuer: Issuer, event: ev.Retired) -> None:
    _owner_only(issuer, event)
    _require(event, not issuer.retired, "it was retired")
    issuer.retired = True


def _nonces_cancelled(issuer: Issuer, event: ev.NoncesCancelled) -> None:
    if event.actor == event.signer:
        _authorized(issuer, event, ev.ROLE_STATUS)
    else:
        _owner_only(issuer, event)
    _use_nonces(issuer, event, (event.signer, event.word), event.mask)


def _anchored(issuer: Issuer, event: ev.Anchored) -> None:
    _authorized(issuer, event, ev.ROLE_ANCHOR)
    ended = issuer.paused or issuer.retired or issuer.distrust_after
    _require(event, not ended, "an anchor while paused, distrusted or retired")
    _require(event, event.size > 0 and any(event.root), "an empty batch")
    _require(event, event.root not in issuer.batches, "anchored twice")
    issuer.batches[event.root] = Batch(
        event.timestamp, event.operation, event.size, event.meta_hash
    )


def _status_changed(issuer: Issuer, event: ev.StatusChanged) -> None:
    _authorized(issuer, event, ev.ROLE_STATUS)
    batch = _batch(issuer, event, event.root)
    revoking = event.change is _REVOKE
    _require(event, revoking or not batch.revoked, "the batch is revoked")
    if event.nonce:
        place = event.actor, event.nonce >> 8
        _use_nonces(issuer, event, place, 1 << (event.nonce & _LOW_BYTE))
    changed = False
    for lanes in event.lanes:
        if not lanes_inside(batch, *lanes):
            raise _broken(event, f"lanes of word {lanes.word} beyond the batch")
        before = batch.words.get(lanes.word, 0)
        _require(event, revoking or not before & lanes.mask << 1, "it changes revoked lanes")
        after = changed_lanes(event.change, before, lanes.mask)
        if after != before:
            changed = True
            batch.words[lanes.word] = after
    _require(event, changed, "it changes nothing")


def _batch_revoked(issuer: Issuer, event: ev.BatchRevoked) -> None:
    _owner_only(issuer, event)
    batch = _batch(issuer, event, event.root)
    _require(event, not batch.revoked, "the batch was revoked")
    batch.revoked = True


def changed_lanes(change: ev.StatusChange, word: int, mask: int) -> int:
    """A status word after a change of the lanes in `mask`."""
    if change is _REVOKE:
        return word | mask << 1
    return word | mask if change is _SUSPEND else word & ~mask


def lanes_inside(batch: Batch, word: int, mask: int) -> bool:
    """Whether `mask` names lanes of the batch alone, one bit each."""
    count = batch.size - LANES_PER_WORD * word
    if count >= LANES_PER_WORD:
        return not mask & _ODD_BITS
    in_use = _EVEN_BITS & (1 << 2 * count) - 1 if count > 0 else 0
    return not mask & ~in_use and word < _MAX_WORDS


def _use_nonces(issuer: Issuer, event: ev.Event, place: tuple[Address, int], mask: int) -> None:
    used = issuer.used_nonces.get(place, 0)
    _require(event, used | mask != used, "nonces that were used")
    issuer.used_nonces[place] = used | mask


def _next_epoch(issuer: Issuer, event: ev.Event, epoch: int) -> None:
    _require(event, epoch == issuer.epoch + 1, f"the epoch was {issuer.epoch}")
    issuer.epoch = epoch


def _batch(issuer: Issuer, event: ev.Event, root: BatchRoot) -> Batch:
    batch = issuer.batches.get(root)
    if batch is None:
        raise _broken(event, f"batch {root} was never anchored")
    return batch


def _owner_only(issuer: Issuer, event: ev.Event) -> None:
    _require(event, event.actor == issuer.owner, f"{event.actor} was not the owner")


def _authorized(issuer: Issuer, event: ev.Event, role: int) -> None:
    if not has_authority(issuer, event.actor, role, event.timestamp):
        raise _broken(event, f"{event.actor} had no authority")


def has_authority(issuer: Issuer, actor: Address, role: int, timestamp: int) -> bool:
    """As its owner, or as a delegate whose grant of `role` is current."""
    if actor == issuer.owner:
        return True
    grant = issuer.delegates.get(actor)
    return (
        grant is not None
        and grant.epoch == issuer.epoch
        and timestamp < grant.expiry
        and bool(grant.roles & role)
    )


def _require(event: ev.Event, holds: object, reason: str) -> None:
    if not holds:
        raise _broken(event, reason)


def _broken(event: ev.Event, reason: str) -> HistoryBroken:
    reason = f"{type(event).__name__}: {reason}"
    return HistoryBroken(event.issuer_id.to_hex(), event.operation, reason)


# Any: each function takes the one class that it stands beside.
_CHANGES: dict[type[ev.Event], Callable[[Issuer, Any], None]] = {
    ev.DidChanged: _did_changed,
    ev.OwnershipOffered: _ownership_offered,
    ev.OwnershipTransferred: _ownership_transferred,
    ev.DelegateSet: _delegate_set,
    ev.EpochBumped: _epoch_bumped,
    ev.Paused: _paused,
    ev.Unpaused: _unpaused,
    ev.Distrusted: _distrusted,
    ev.Retired: _retired,
    ev.NoncesCancelled: _nonces_cancelled,
    ev.Anchored: _anchored,
    ev.StatusChanged: _status_changed,
    ev.BatchRevoked: _batch_revoked,
}
