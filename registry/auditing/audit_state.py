"""The registry's state in an auditor's store: what a run of logs needs of it, and what they left.

Only what the logs name is loaded, so memory does not grow with the registry. Each function works
in the caller's transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from registry.formats import events as ev
from registry.formats.abi import WORD
from registry.formats.history import HistoryHash
from registry.formats.log_slices import STATUS_CHANGED
from registry.formats.state import Batch, Grant, Issuer, State
from registry.values import Address, BatchRoot, DidHash, IssuerId, MetaHash

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping

    from registry.formats.raw_log import RawLog
    from registry.values import ChainId

_LOW_BYTE_BITS = 8
_DELEGATE_SET, _NONCES_CANCELLED = ev.topic(ev.DelegateSet), ev.topic(ev.NoncesCancelled)
_FOURTH, _FIFTH = (slice(WORD * place, WORD * (place + 1)) for place in (3, 4))
_NONCE, _NO_NONCE = _FIFTH, bytes(WORD)
"""Words of a log's data behind operation, timestamp and actor; the nonce of a status change."""
_ACTOR = slice(3 * WORD - Address.LENGTH, 3 * WORD)
_LANES_START = 7 * WORD
_MAX_WORD = 2**25
"""Beyond it replay refuses a lane, and SQLite a number."""


class Touched(NamedTuple):
    """What of the state some logs can touch, by the primary keys of its tables.

    batches: with the data of each status change of theirs.
    """

    issuers: set[bytes]
    delegates: set[tuple[bytes, bytes]]
    batches: dict[tuple[bytes, bytes], list[bytes]]
    nonces: set[tuple[bytes, bytes, int]]


def touched_by(logs: Iterable[RawLog]) -> Touched:
    """Logs that the registry cannot have written may touch anything: they are refused elsewhere."""
    issuers, delegates, batches, nonces = touched = Touched(set(), set(), {}, set())
    for log in logs:
        topics, data = log.topics, log.data
        kind, issuer = topics[:WORD], topics[WORD : 2 * WORD]
        actor = data[_ACTOR]
        issuers.add(issuer)
        delegates.add((issuer, actor))
        if len(topics) == 3 * WORD:
            place = issuer, topics[2 * WORD :]
            changes = batches.get(place)
            if changes is None:
                changes = batches[place] = []
            if kind == STATUS_CHANGED:
                changes.append(data)
                nonce = data[_NONCE]
                if nonce != _NO_NONCE:
                    nonces.add((issuer, actor, _number(nonce, "big") >> _LOW_BYTE_BITS))
        elif kind == _DELEGATE_SET:
            delegates.add((issuer, data[_FOURTH][-Address.LENGTH :]))
        elif kind == _NONCES_CANCELLED:
            signer = data[_FOURTH][-Address.LENGTH :]
            nonces.add((issuer, signer, _number(data[_FIFTH], "big")))
    return touched


def load(db: sqlite3.Connection, chain: ChainId, registry: Address, touched: Touched) -> State:
    """So much of the state."""
    state = State.empty(chain, registry)
    row = db.execute(
        "SELECT registrations, registrations_history, last_timestamp FROM cursor"
    ).fetchone()
    state.registrations = row[0]
    state.registrations_history = HistoryHash(row[1])
    state.last_timestamp = row[2]
    issuers: dict[bytes, Issuer] = {}
    for issuer_id in touched.issuers:
        issuer = _issuer(db, issuer_id)
        if issuer is not None:
            issuers[issuer_id] = state.issuers[IssuerId(issuer_id)] = issuer
    for issuer_id, account in touched.delegates:
        # The owner too: it needs no grant, and may give itself one.
        if issuer_id in issuers:
            _load_delegate(db, issuers[issuer_id], issuer_id, account)
    for (issuer_id, root), changes in touched.batches.items():
        if issuer_id in issuers:
            _load_batch(db, issuers[issuer_id], issuer_id, root, changes)
    for issuer_id, signer, number in touched.nonces:
        if issuer_id in issuers:
            _load_nonces(db, issuers[issuer_id], issuer_id, signer, number)
    return state


def _issuer(db: sqlite3.Connection, issuer_id: bytes) -> Issuer | None:
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


def _load_delegate(
    db: sqlite3.Connection, issuer: Issuer, issuer_id: bytes, account: bytes
) -> None:
    row = db.execute(
        "SELECT roles, epoch, expiry FROM delegate WHERE issuer = ? AND account = ?",
        (issuer_id, account),
    ).fetchone()
    if row is not None:
        issuer.delegates[Address(account)] = Grant(*row)


def _load_batch(
    db: sqlite3.Connection, issuer: Issuer, issuer_id: bytes, root: bytes, changes: Iterable[bytes]
) -> None:
    row = db.execute(
        "SELECT anchored_at, operation, size, meta_hash, revoked FROM batch"
        " WHERE issuer = ? AND root = ?",
        (issuer_id, root),
    ).fetchone()
    if row is None:
        return
    batch = Batch(row[0], row[1], row[2], MetaHash(row[3]), bool(row[4]))
    issuer.batches[BatchRoot(root)] = batch
    for number in {number for data in changes for number in _words_of(data)}:
        row = db.execute(
            "SELECT lanes FROM word WHERE issuer = ? AND root = ? AND number = ?",
            (issuer_id, root, number),
        ).fetchone()
        if row is not None:
            batch.words[number] = _number(row[0], "big")


def _words_of(data: bytes) -> Iterator[int]:
    """The status words that a change names, as far as there can be such."""
    for at in range(_LANES_START, len(data), 2 * WORD):
        number = _number(data[at : at + WORD], "big")
        if number < _MAX_WORD:
            yield number


def _load_nonces(
    db: sqlite3.Connection, issuer: Issuer, issuer_id: bytes, signer: bytes, number: int
) -> None:
    row = db.execute(
        "SELECT used FROM nonce WHERE issuer = ? AND signer = ? AND number = ?",
        (issuer_id, signer, _word(number)),
    ).fetchone()
    if row is not None:
        issuer.used_nonces[Address(signer), number] = _number(row[0], "big")


def save(db: sqlite3.Connection, state: State, registrations: Mapping[IssuerId, int]) -> None:
    """Write what `load` gave and logs have changed since. registrations: of issuers new in it."""
    db.execute(
        "UPDATE cursor SET registrations = ?, registrations_history = ?, last_timestamp = ?",
        (state.registrations, state.registrations_history, state.last_timestamp),
    )
    for issuer_id, issuer in state.issuers.items():
        _save_issuer(db, issuer_id, issuer, registrations.get(issuer_id))
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


_number = int.from_bytes


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")
