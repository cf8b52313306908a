"""Credentials and batches in the database. Each function works in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from anchor_service import documents
from anchor_service.database import bulk_insert, insert_one
from anchor_service.errors import StateMoved, UnknownCredential
from anchor_service.lifecycle import BatchState, batch_may
from anchor_service.schema import batch, credential, placement
from registry.values import (
    Address,
    BatchRoot,
    ChainId,
    CredentialDigest,
    IssuerId,
    MetaHash,
    Salt,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection, Select

    from anchor_service.sealing import SealedBatch

# Rows in one round trip: SQLite takes 32,766 parameters a statement, and memory stays small.
_CHUNK = 2000
_NEW_COLUMNS = ("batch", "created", "credential_id", "label", "digest", "document")


@dataclass(frozen=True, slots=True)
class NewCredential:
    """document: the bytes exactly as received or issued. label: for people, never hashed."""

    credential_id: str | None
    label: str | None
    digest: CredentialDigest
    document: bytes


@dataclass(frozen=True, slots=True)
class Added:
    """present: the same document was here already, and nothing was written."""

    credential_id: str | None
    digest: CredentialDigest
    present: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """One sealed batch; `reason` says why it is BLOCKED."""

    id: int
    state: BatchState
    reason: str | None
    chain: ChainId
    registry: Address
    issuer_id: IssuerId
    root: BatchRoot
    size: int
    meta_hash: MetaHash


@dataclass(frozen=True, slots=True)
class Stored:
    """A credential's row without its document; index is None until its batch is sealed."""

    row: int
    credential_id: str | None
    label: str | None
    digest: CredentialDigest
    batch: int
    batch_state: BatchState
    index: int | None

    @property
    def name(self) -> str:
        """How commands print it and take it back: the document's id, else the digest."""
        return self.credential_id or self.digest.to_hex()


@dataclass(frozen=True, slots=True)
class Placed:
    """Everything of one sealed credential that its receipt and file are made of."""

    credential_id: str | None
    label: str | None
    digest: CredentialDigest
    document: bytes
    index: int
    salt: Salt


def add_credentials(
    connection: Connection, credentials: Iterable[NewCredential], now: int
) -> Iterator[Added]:
    """Put credentials into the open batch, in chunks as the caller iterates.

    A document that is here already, or comes twice, is reported as present and not written again.
    """
    target = _open_batch(connection, now)
    source = iter(credentials)
    while chunk := list(islice(source, _CHUNK)):
        known = set(
            connection.scalars(
                select(credential.c.digest).where(
                    credential.c.digest.in_([bytes(new.digest) for new in chunk])
                )
            )
        )
        rows: list[tuple[Any, ...]] = []
        added: list[Added] = []
        for new in chunk:
            present = new.digest in known
            added.append(Added(new.credential_id, new.digest, present))
            if present:
                continue
            known.add(new.digest)
            body = documents.pack(new.document)
            rows.append((target, now, new.credential_id, new.label, bytes(new.digest), body))
        bulk_insert(connection, credential, _NEW_COLUMNS, rows)
        yield from added


def _open_batch(connection: Connection, now: int) -> int:
    """The open batch, locked until the transaction ends, so that no seal can overtake us."""
    found = connection.scalar(
        select(batch.c.id)
        .where(batch.c.state == BatchState.OPEN)
        .order_by(batch.c.id)
        .limit(1)
        .with_for_update()
    )
    if found is not None:
        return int(found)
    return insert_one(connection, batch, state=BatchState.OPEN, created=now)


def open_batches(connection: Connection) -> list[int]:
    """Batches with credentials that wait for their seal."""
    some = select(credential.c.id).where(credential.c.batch == batch.c.id).exists()
    query = select(batch.c.id).where(batch.c.state == BatchState.OPEN, some).order_by(batch.c.id)
    return list(connection.scalars(query))


def unsealed(
    connection: Connection, batch_id: int
) -> tuple[list[int], list[CredentialDigest]] | None:
    """Row numbers and digests of an open batch, locked; None if another sealed it first."""
    locked = select(batch.c.state).where(batch.c.id == batch_id).with_for_update()
    if connection.scalar(locked) != BatchState.OPEN:
        return None
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
        leaves=sealed.leaves,
    )


def move_batch(
    connection: Connection,
    batch_id: int,
    before: BatchState,
    after: BatchState,
    reason: str | None = None,
) -> None:
    """Raises StateMoved where the lifecycle has no such step or another process was first."""
    if not batch_may(before, after):
        raise StateMoved(f"batch {batch_id} can't go from {before} to {after}")
    _compare_and_swap(connection, batch_id, before, state=after, reason=reason)


def note_reason(connection: Connection, batch_id: int, reason: str) -> None:
    """Say anew why a batch is BLOCKED."""
    _compare_and_swap(connection, batch_id, BatchState.BLOCKED, reason=reason)


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
    batch.c.state,
    batch.c.reason,
    batch.c.chain,
    batch.c.registry,
    batch.c.issuer_id,
    batch.c.root,
    batch.c.size,
    batch.c.meta_hash,
)


def sealed_batches(connection: Connection, *states: BatchState) -> list[Batch]:
    """Sealed batches in order of their making; all of them where no state is named."""
    query = select(*_BATCH_COLUMNS).where(batch.c.state != BatchState.OPEN).order_by(batch.c.id)
    if states:
        query = query.where(batch.c.state.in_(states))
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


def counts(connection: Connection) -> dict[int, int]:
    """Credentials a batch."""
    query = select(credential.c.batch, func.count()).group_by(credential.c.batch)
    return {int(row[0]): int(row[1]) for row in connection.execute(query)}


def find(connection: Connection, wanted: str) -> Stored:
    """By the document's id, by the start of the uuid in it, or by digest (0x...).

    Raises UnknownCredential where nothing or more than one thing is meant.
    """
    if wanted.startswith("0x"):
        matches = _by_digest(connection, wanted)
    else:
        matches = _select_stored(connection, credential.c.credential_id == wanted)
        if not matches:
            start = wanted if wanted.startswith("urn:uuid:") else f"urn:uuid:{wanted}"
            beginning = credential.c.credential_id.startswith(start.lower(), autoescape=True)
            matches = _select_stored(connection, beginning) if len(start) > 9 else []
    if not matches:
        raise UnknownCredential(f"{wanted}: no such credential here; `status` counts what there is")
    if len(matches) > 1:
        those = ", ".join(f"{one.name} ({one.digest.to_hex()[:18]}...)" for one in matches[:4])
        raise UnknownCredential(
            f"{wanted}: more than one credential is meant: {those}; name one by its digest"
        )
    return matches[0]


def _by_digest(connection: Connection, wanted: str) -> list[Stored]:
    return _select_stored(
        connection, credential.c.digest == bytes(CredentialDigest.from_hex(wanted))
    )


def _stored_query() -> Select[Any]:
    return (
        select(
            credential.c.id,
            credential.c.credential_id,
            credential.c.label,
            credential.c.digest,
            credential.c.batch,
            batch.c.state,
            placement.c.leaf_index,
        )
        .join(batch, batch.c.id == credential.c.batch)
        .outerjoin(placement, placement.c.credential == credential.c.id)
    )


def _select_stored(connection: Connection, condition: Any, limit: int = 5) -> list[Stored]:
    return [
        _to_stored(row) for row in connection.execute(_stored_query().where(condition).limit(limit))
    ]


def all_stored(connection: Connection) -> Iterator[Stored]:
    """Every credential, by batch and then in order of arrival."""
    query = _stored_query().order_by(credential.c.batch, credential.c.id)
    for row in connection.execute(query):
        yield _to_stored(row)


def placed(
    connection: Connection, batch_id: int, rows: Sequence[int] | None = None
) -> Iterator[Placed]:
    """The sealed credentials of a batch, all or those row numbers; erased ones are left out."""
    query = (
        select(
            credential.c.credential_id,
            credential.c.label,
            credential.c.digest,
            credential.c.document,
            placement.c.leaf_index,
            placement.c.salt,
        )
        .join(placement, placement.c.credential == credential.c.id)
        .where(credential.c.batch == batch_id, credential.c.document.is_not(None))
        .order_by(credential.c.id)
    )
    chunks: Iterable[Any] = (query,)
    if rows is not None:
        chunks = (
            query.where(credential.c.id.in_(rows[start : start + _CHUNK]))
            for start in range(0, len(rows), _CHUNK)
        )
    for chunk in chunks:
        for credential_id, label, digest, body, index, salt in connection.execute(chunk):
            yield Placed(
                credential_id,
                label,
                CredentialDigest(digest),
                documents.unpack(body),
                index,
                Salt(salt),
            )


def document_of(connection: Connection, row: int) -> bytes | None:
    """The bytes exactly as received; None once erased."""
    body = connection.scalar(select(credential.c.document).where(credential.c.id == row))
    return None if body is None else documents.unpack(body)


def _to_stored(row: Sequence[Any]) -> Stored:
    return Stored(
        row[0], row[1], row[2], CredentialDigest(row[3]), row[4], BatchState(row[5]), row[6]
    )


def _to_batch(row: Sequence[Any]) -> Batch:
    return Batch(
        row[0],
        BatchState(row[1]),
        row[2],
        ChainId(row[3]),
        Address(row[4]),
        IssuerId(row[5]),
        BatchRoot(row[6]),
        row[7],
        MetaHash(row[8]),
    )
