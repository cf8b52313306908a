"""The registry's state in an auditor's store: what a run of events needs of it, and what they left.

Only what the events name is loaded, so memory does not grow with the registry. Each function works
in the caller's transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.formats import events as ev
from registry.formats.history import HistoryHash
from registry.formats.state import Batch, Grant, Issuer, State
from registry.values import Address, BatchRoot, DidHash, IssuerId, MetaHash

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from registry.values import ChainId

_LOW_BYTE_BITS = 8
_MAX_WORD = 2**25
"""Beyond it replay refuses a lane, and SQLite a number."""


def load(
    db: sqlite3.Connection, chain: ChainId, registry: Address, events: Sequence[ev.Event]
) -> State:
    """As much of the state as `events` can touch."""
    state = State.empty(chain, registry)
    row = db.execute(
        "SELECT registrations, registrations_history, last_timestamp FROM cursor"
    ).fetchone()
    state.registrations = row[0]
    state.registrations_history = HistoryHash(row[1])
    state.last_timestamp = row[2]
    for issuer_id in dict.fromkeys(event.issuer_id for event in events):
        issuer = _issuer(db, issuer_id)
        if issuer is not None:
            state.issuers[issuer_id] = issuer
    absent: set[tuple[IssuerId, BatchRoot]] = set()
    for event in events:
        issuer = state.issuers.get(event.issuer_id)
        if issuer is not None:
            _load_touched(db, issuer, event, absent)
    return state


def _issuer(db: sqlite3.Connection, issuer_id: IssuerId) -> Issuer | None:
    row = db.execute(
        "SELECT owner, did_hash, profile_uri, operations, history, pending_owner, paused, retired,"
        " epoch, distrust_after FROM issuer WHERE id = ?",
        (issuer_id,),
    ).fetchone()
    if row is None:
        return None
    return Issuer(
        owner=Address(row[0]),
        did_hash=DidHash(row[1]),
        profile_uri=row[2],
        operations=row[3],
        history=HistoryHash(row[4]),
        pending_owner=Address(row[5]),
        paused=bool(row[6]),
        retired=bool(row[7]),
        epoch=row[8],
        distrust_after=row[9],
    )


def _load_touched(
    db: sqlite3.Connection,
    issuer: Issuer,
    event: ev.Event,
    absent: set[tuple[IssuerId, BatchRoot]],
) -> None:
    """absent: batches that the store was asked for and does not have, which grows."""
    if event.actor != issuer.owner:
        _load_delegate(db, issuer, event.issuer_id, event.actor)
    if isinstance(event, ev.StatusChanged):
        batch = _load_batch(db, issuer, (event.issuer_id, event.root), absent)
        if batch is not None:
            _load_words(db, batch, event)
        if event.nonce:
            place = event.actor, event.nonce >> _LOW_BYTE_BITS
            _load_nonces(db, issuer, event.issuer_id, place)
    elif isinstance(event, ev.Anchored | ev.BatchRevoked):
        _load_batch(db, issuer, (event.issuer_id, event.root), absent)
    elif isinstance(event, ev.DelegateSet):
        _load_delegate(db, issuer, event.issuer_id, event.delegate)
    elif isinstance(event, ev.NoncesCancelled):
        _load_nonces(db, issuer, event.issuer_id, (event.signer, event.word))


def _load_delegate(
    db: sqlite3.Connection, issuer: Issuer, issuer_id: IssuerId, account: Address
) -> None:
    if account in issuer.delegates:
        return
    row = db.execute(
        "SELECT roles, epoch, expiry FROM delegate WHERE issuer = ? AND account = ?",
        (issuer_id, account),
    ).fetchone()
    if row is not None:
        issuer.delegates[account] = Grant(*row)


def _load_batch(
    db: sqlite3.Connection,
    issuer: Issuer,
    place: tuple[IssuerId, BatchRoot],
    absent: set[tuple[IssuerId, BatchRoot]],
) -> Batch | None:
    root = place[1]
    batch = issuer.batches.get(root)
    if batch is not None or place in absent:
        return batch
    row = db.execute(
        "SELECT anchored_at, operation, size, meta_hash, revoked FROM batch"
        " WHERE issuer = ? AND root = ?",
        place,
    ).fetchone()
    if row is None:
        absent.add(place)
        return None
    batch = issuer.batches[root] = Batch(row[0], row[1], row[2], MetaHash(row[3]), bool(row[4]))
    return batch


def _load_words(db: sqlite3.Connection, batch: Batch, event: ev.StatusChanged) -> None:
    for lanes in event.lanes:
        if lanes.word in batch.words or lanes.word >= _MAX_WORD:
            continue
        row = db.execute(
            "SELECT lanes FROM word WHERE issuer = ? AND root = ? AND number = ?",
            (event.issuer_id, event.root, lanes.word),
        ).fetchone()
        if row is not None:
            batch.words[lanes.word] = int.from_bytes(row[0], "big")


def _load_nonces(
    db: sqlite3.Connection, issuer: Issuer, issuer_id: IssuerId, place: tuple[Address, int]
) -> None:
    if place in issuer.used_nonces:
        return
    row = db.execute(
        "SELECT used FROM nonce WHERE issuer = ? AND signer = ? AND number = ?",
        (issuer_id, place[0], _word(place[1])),
    ).fetchone()
    if row is not None:
        issuer.used_nonces[place] = int.from_bytes(row[0], "big")


def save(db: sqlite3.Connection, state: State, registered: Iterable[ev.IssuerRegistered]) -> None:
    """Write what `load` gave and events have changed since."""
    db.execute(
        "UPDATE cursor SET registrations = ?, registrations_history = ?, last_timestamp = ?",
        (state.registrations, state.registrations_history, state.last_timestamp),
    )
    fresh = {event.issuer_id: event.registration for event in registered}
    for issuer_id, issuer in state.issuers.items():
        _save_issuer(db, issuer_id, issuer, fresh.get(issuer_id))
    _put(db, "delegate", 5, _delegates(state))
    _put(db, "batch", 7, _batches(state))
    _put(db, "word", 4, _words(state))
    _put(db, "nonce", 4, _nonces(state))


def _save_issuer(
    db: sqlite3.Connection, issuer_id: IssuerId, issuer: Issuer, registration: int | None
) -> None:
    values = (
        issuer.owner,
        issuer.pending_owner,
        issuer.did_hash,
        issuer.profile_uri,
        issuer.paused,
        issuer.retired,
        issuer.epoch,
        issuer.distrust_after,
        issuer.operations,
        issuer.history,
    )
    if registration is not None:
        _put(db, "issuer", 12, [(issuer_id, registration, *values)])
        return
    db.execute(
        "UPDATE issuer SET owner = ?, pending_owner = ?, did_hash = ?, profile_uri = ?, paused = ?,"
        " retired = ?, epoch = ?, distrust_after = ?, operations = ?, history = ? WHERE id = ?",
        (*values, issuer_id),
    )


def _delegates(state: State) -> Iterator[tuple[object, ...]]:
    for issuer_id, issuer in state.issuers.items():
        for account, grant in issuer.delegates.items():
            yield issuer_id, account, *grant


def _batches(state: State) -> Iterator[tuple[object, ...]]:
    for issuer_id, issuer in state.issuers.items():
        for root, batch in issuer.batches.items():
            record = batch.anchored_at, batch.operation, batch.size, batch.meta_hash, batch.revoked
            yield issuer_id, root, *record


def _words(state: State) -> Iterator[tuple[object, ...]]:
    for issuer_id, issuer in state.issuers.items():
        for root, batch in issuer.batches.items():
            for number, word in batch.words.items():
                yield issuer_id, root, number, _word(word)


def _nonces(state: State) -> Iterator[tuple[object, ...]]:
    for issuer_id, issuer in state.issuers.items():
        for (signer, number), used in issuer.used_nonces.items():
            yield issuer_id, signer, _word(number), _word(used)


def _put(
    db: sqlite3.Connection, table: str, columns: int, rows: Iterable[tuple[object, ...]]
) -> None:
    marks = ", ".join("?" * columns)
    db.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", rows)  # noqa: S608 - our own names


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")
