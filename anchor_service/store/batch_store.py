"""Batches in the database: sealed once, moved by compare and swap.

Each function works in the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from anchor_service.errors import StateMoved
from anchor_service.store import notices, tree_parts
from anchor_service.store.database import bulk_insert
from anchor_service.store.lifecycle import BatchState, batch_may
from anchor_service.store.schema import batch, credential, placement
from registry.values import Address, BatchRoot, ChainId, CredentialDigest, IssuerId, MetaHash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from anchor_service.store.sealing import SealedBatch

# Rows in one round trip.
_CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Batch:
    """One sealed batch; issuer: its handle.

    reason: why it is BLOCKED; tries: how often in a row; retry_at: not tried again before.
    """

    id: int
    issuer: str
    state: BatchState
    reason: str | None
    tries: int
    retry_at: int | None
    chain: ChainId
    registry: Address
    issuer_id: IssuerId
    root: BatchRoot
    size: int
    meta_hash: MetaHash


def open_batches(connection: Connection, issuer: str) -> list[int]:
    """Batches of an issuer (handle) with credentials that wait for their seal."""
    some = select(credential.c.id).where(credential.c.batch == batch.c.id).exists()
    query = (
        select(batch.c.id)
        .where(batch.c.issuer == issuer, batch.c.state == BatchState.OPEN, some)
        .order_by(batch.c.id)
    )
    return list(connection.scalars(query))


def count_unanchored(connection: Connection, issuer: str) -> int:
    """Credentials of an issuer (handle) whose anchor is not in a block."""
    query = (
        select(func.count())
        .select_from(credential.join(batch, credential.c.batch == batch.c.id))
        .where(
            credential.c.issuer == issuer,
            batch.c.state.not_in((BatchState.INCLUDED, BatchState.FINAL)),
        )
    )
    return int(connection.scalar(query) or 0)


def ask_seal(connection: Connection, issuer: str, now: int) -> list[int]:
    """Ask the service to seal what is open now, before its schedule does."""
    numbers = open_batches(connection, issuer)
    connection.execute(
        update(batch)
        .where(batch.c.id.in_(numbers), batch.c.state == BatchState.OPEN)
        .values(seal_asked=func.coalesce(batch.c.seal_asked, now))
    )
    return numbers


@dataclass(frozen=True, slots=True)
class Waiting:
    """An open batch with credentials; times in unix seconds.

    oldest: when its first credential came. count: how many, counted no further than was asked.
    closed: since when it takes no more.
    """

    id: int
    oldest: int
    count: int
    seal_asked: int | None
    closed: int | None


def waiting_batches(connection: Connection, issuer: str, count_to: int = 0) -> list[Waiting]:
    """An issuer's open batches that have credentials, in order of their making."""
    query = (
        select(batch.c.id, batch.c.seal_asked, batch.c.closed)
        .where(batch.c.issuer == issuer, batch.c.state == BatchState.OPEN)
        .order_by(batch.c.id)
    )
    found = []
    for number, asked, closed in connection.execute(query).all():
        held = select(credential.c.created).where(credential.c.batch == number)
        oldest = connection.scalar(held.order_by(credential.c.id).limit(1))
        if oldest is None:
            continue
        counted = select(func.count()).select_from(held.limit(count_to).subquery())
        count = connection.scalar(counted) if count_to else 0
        found.append(Waiting(number, oldest, count or 0, asked, closed))
    return found


def close(connection: Connection, batch_id: int, now: int) -> bool:
    """Let the open batch take no more credentials; what comes goes into the next one.

    False where it is not open any more.
    """
    changed = connection.execute(
        update(batch)
        .where(batch.c.id == batch_id, batch.c.state == BatchState.OPEN)
        .values(closed=func.coalesce(batch.c.closed, now))
    )
    return changed.rowcount == 1


def unsealed(connection: Connection, batch_id: int) -> tuple[list[int], list[CredentialDigest]]:
    """Row numbers and digests of a closed batch, in order of arrival."""
    rows = connection.execute(
        select(credential.c.id, credential.c.digest)
        .where(credential.c.batch == batch_id)
        .order_by(credential.c.id)
    )
    ids: list[int] = []
    digests: list[CredentialDigest] = []
    for row, digest in rows:
        ids.append(row)
        digests.append(CredentialDigest(digest))
    return ids, digests


def store_seal(
    connection: Connection,
    batch_id: int,
    ids: Sequence[int],
    sealed: SealedBatch,
    chain: ChainId,
    registry: Address,
    now: int,
) -> None:
    rows = [
        (row, index, bytes(salt))
        for row, index, salt in zip(ids, sealed.indexes, sealed.salts, strict=True)
    ]
    for start in range(0, len(rows), _CHUNK):
        bulk_insert(
            connection,
            placement,
            ("credential", "leaf_index", "salt"),
            rows[start : start + _CHUNK],
        )
    _compare_and_swap(
        connection,
        batch_id,
        BatchState.OPEN,
        state=BatchState.SEALED,
        chain=chain.number,
        registry=bytes(registry),
        issuer_id=bytes(sealed.issuer_id),
        root=bytes(sealed.root),
        size=sealed.size,
        meta_hash=bytes(sealed.meta_hash),
        sealed=now,
        changed=now,
        leaves=sealed.leaves,
    )
    tree_parts.store_parts(connection, batch_id, sealed.leaves)


def move_batch(
    connection: Connection,
    batch_id: int,
    before: BatchState,
    after: BatchState,
    now: int,
    reason: str | None = None,
) -> None:
    """Raises StateMoved where the lifecycle has no such step or another process was first."""
    if not batch_may(before, after):
        raise StateMoved(f"batch {batch_id} can't go from {before} to {after}")
    _compare_and_swap(connection, batch_id, before, state=after, reason=reason, changed=now)
    if after in (BatchState.SUBMITTED, BatchState.INCLUDED):
        values = {"tries": 0, "retry_at": None}
        connection.execute(update(batch).where(batch.c.id == batch_id).values(**values))
    notices.batch_moved(connection, batch_id, after, reason, now)


def block(connection: Connection, blocked: Batch, reason: str, retry_s: int, now: int) -> None:
    """A person is needed; looked at again `retry_s` later. Raises StateMoved."""
    values = {"reason": reason, "tries": blocked.tries + 1, "retry_at": now + retry_s}
    if blocked.state is BatchState.BLOCKED:
        # `changed` stays: since when it is blocked.
        _compare_and_swap(connection, blocked.id, BatchState.BLOCKED, **values)
        notices.batch_moved(connection, blocked.id, BatchState.BLOCKED, reason, now)
        return
    if not batch_may(blocked.state, BatchState.BLOCKED):
        raise StateMoved(f"batch {blocked.id} can't go from {blocked.state} to BLOCKED")
    _compare_and_swap(
        connection, blocked.id, blocked.state, state=BatchState.BLOCKED, changed=now, **values
    )
    notices.batch_moved(connection, blocked.id, BatchState.BLOCKED, reason, now)


def _compare_and_swap(
    connection: Connection, batch_id: int, before: BatchState, **values: object
) -> None:
    changed = connection.execute(
        update(batch).where(batch.c.id == batch_id, batch.c.state == before).values(**values)
    )
    if changed.rowcount != 1:
        raise StateMoved(f"batch {batch_id} is no longer {before}: another process moved it")


_BATCH_COLUMNS = (
    batch.c.id,
    batch.c.issuer,
    batch.c.state,
    batch.c.reason,
    batch.c.tries,
    batch.c.retry_at,
    batch.c.chain,
    batch.c.registry,
    batch.c.issuer_id,
    batch.c.root,
    batch.c.size,
    batch.c.meta_hash,
)


def sealed_batches(
    connection: Connection, *states: BatchState, issuer: str | None = None
) -> list[Batch]:
    """Sealed batches in order of their making; in all states, of all issuers, if none is named."""
    query = select(*_BATCH_COLUMNS).where(batch.c.state != BatchState.OPEN).order_by(batch.c.id)
    if states:
        query = query.where(batch.c.state.in_(states))
    if issuer is not None:
        query = query.where(batch.c.issuer == issuer)
    return [_to_batch(row) for row in connection.execute(query)]


def get_batch(connection: Connection, batch_id: int) -> Batch:
    """A sealed batch."""
    return _to_batch(
        connection.execute(select(*_BATCH_COLUMNS).where(batch.c.id == batch_id)).one()
    )


def leaves_of(connection: Connection, batch_id: int) -> bytes:
    """The leaf file of a sealed batch."""
    return bytes(
        connection.execute(select(batch.c.leaves).where(batch.c.id == batch_id)).scalar_one()
    )


def counts(connection: Connection, issuer: str | None = None) -> dict[int, int]:
    """Credentials a batch."""
    query = select(credential.c.batch, func.count()).group_by(credential.c.batch)
    if issuer is not None:
        query = query.where(credential.c.issuer == issuer)
    return {int(row[0]): int(row[1]) for row in connection.execute(query)}


def _to_batch(row: Sequence[Any]) -> Batch:
    return Batch(
        row[0],
        row[1],
        BatchState(row[2]),
        row[3],
        row[4],
        row[5],
        ChainId(row[6]),
        Address(row[7]),
        IssuerId(row[8]),
        BatchRoot(row[9]),
        row[10],
        MetaHash(row[11]),
    )
