"""What the API reads: every query is of one issuer, and another's things are not there at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, func, select

from anchor_service.api.errors import Erased, NotFound, WrongState
from anchor_service.store import documents
from anchor_service.store.lifecycle import BatchState, ChangeState
from anchor_service.store.prepared import Prepared
from anchor_service.store.schema import batch, credential, inclusion, placement, status_change
from registry.errors import MalformedValue
from registry.values import CredentialDigest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Select

    from registry.formats.events import StatusChange

_CREDENTIAL = (
    credential.c.id,
    credential.c.credential_id,
    credential.c.label,
    credential.c.digest,
    credential.c.created,
    credential.c.batch,
    batch.c.state,
    placement.c.leaf_index,
)
_BATCH = (
    batch.c.id,
    batch.c.state,
    batch.c.reason,
    batch.c.created,
    batch.c.sealed,
    batch.c.chain,
    batch.c.registry,
    batch.c.issuer_id,
    batch.c.root,
    batch.c.size,
    batch.c.meta_hash,
    inclusion.c.tx_hash,
    inclusion.c.block_number,
    inclusion.c.block_time,
)
_CHANGE = (
    status_change.c.id,
    status_change.c.change,
    status_change.c.state,
    status_change.c.created,
    status_change.c.reason,
    status_change.c.urgent,
    status_change.c.reason_code,
    status_change.c.note,
    status_change.c.asked_by,
    credential.c.digest,
    credential.c.credential_id,
)


@dataclass(frozen=True, slots=True)
class CredentialFilter:
    """None does not filter."""

    state: BatchState | None = None
    batch: int | None = None
    credential_id: str | None = None


def credentials(
    connection: Connection, issuer: str, wanted: CredentialFilter, after: int, limit: int
) -> Sequence[Any]:
    """Rows of _CREDENTIAL in order of arrival, those after the row number `after`."""
    query = _credentials(issuer).where(credential.c.id > after)
    if wanted.state is not None:
        query = query.where(batch.c.state == wanted.state)
    if wanted.batch is not None:
        query = query.where(credential.c.batch == wanted.batch)
    if wanted.credential_id is not None:
        query = query.where(credential.c.credential_id == wanted.credential_id)
    return connection.execute(query.order_by(credential.c.id).limit(limit)).all()


def find_credential(connection: Connection, issuer: str, name: str) -> Any:
    """A row of _CREDENTIAL by digest (0x...) or by the document's id.

    Raises NotFound, and WrongState where documents of this issuer share the id.
    """
    rows = connection.execute(_credentials(issuer).where(named(name)).limit(2)).all()
    if not rows:
        raise NotFound("credential")
    if len(rows) > 1:
        raise WrongState("More than one document has this id; name one by its digest.")
    return rows[0]


def named(name: str) -> Any:
    """The condition that a credential is meant. Raises NotFound for what can be no name."""
    digest = _digest(name)
    if digest is not None:
        return credential.c.digest == digest
    return credential.c.credential_id == name


def _digest(name: str) -> bytes | None:
    """None for a document's own id. Raises NotFound for what can be neither."""
    if name.startswith("0x"):
        try:
            return bytes(CredentialDigest.from_hex(name))
        except MalformedValue:
            raise NotFound("credential") from None
    if "\0" in name:  # PostgreSQL's text has no place for it
        raise NotFound("credential")
    return None


class Sealed(NamedTuple):
    """What a receipt is made of, beside its path. id: the credential's row number."""

    id: int
    digest: bytes
    batch: int
    state: str
    chain: int
    registry: bytes
    issuer_id: bytes
    root: bytes
    size: int
    leaf_index: int
    salt: bytes


def _sealed_query(named_by: ColumnElement[Any]) -> Prepared:
    return Prepared(
        select(
            credential.c.id,
            credential.c.digest,
            credential.c.batch,
            batch.c.state,
            batch.c.chain,
            batch.c.registry,
            batch.c.issuer_id,
            batch.c.root,
            batch.c.size,
            placement.c.leaf_index,
            placement.c.salt,
        )
        .join(batch, batch.c.id == credential.c.batch)
        .outerjoin(placement, placement.c.credential == credential.c.id)
        .where(credential.c.issuer == bindparam("issuer"), named_by == bindparam("name"))
        .limit(2)
    )


_SEALED_BY_DIGEST = _sealed_query(credential.c.digest)
_SEALED_BY_ID = _sealed_query(credential.c.credential_id)


def find_sealed(connection: Connection, issuer: str, name: str) -> Sealed:
    """By digest (0x...) or by the document's id. Raises NotFound, WrongState, Erased."""
    digest = _digest(name)
    if digest is None:
        rows = _SEALED_BY_ID.rows(connection, issuer=issuer, name=name)
    else:
        rows = _SEALED_BY_DIGEST.rows(connection, issuer=issuer, name=digest)
    if not rows:
        raise NotFound("credential")
    if len(rows) > 1:
        raise WrongState("More than one document has this id; name one by its digest.")
    row = Sealed._make(rows[0])
    if row.state == BatchState.OPEN:
        raise WrongState("It waits for its seal, and has no receipt yet.")
    if row.salt is None:
        raise Erased("Document and salt were erased.")
    return row


def document(connection: Connection, row: int) -> bytes:
    """The bytes exactly as received or issued. Raises Erased."""
    body = connection.scalar(select(credential.c.document).where(credential.c.id == row))
    if body is None:
        raise Erased("Document and salt were erased.")
    return documents.unpack(body)


def batches(
    connection: Connection, issuer: str, state: BatchState | None, after: int, limit: int
) -> Sequence[Any]:
    """Rows of _BATCH, the oldest first, those after the number `after`."""
    query = _batches(issuer).where(batch.c.id > after)
    if state is not None:
        query = query.where(batch.c.state == state)
    return connection.execute(query.order_by(batch.c.id).limit(limit)).all()


def find_batch(connection: Connection, issuer: str, number: int) -> Any:
    row = connection.execute(_batches(issuer).where(batch.c.id == number)).first()
    if row is None:
        raise NotFound("batch")
    return row


def count_credentials(connection: Connection, numbers: Sequence[int]) -> dict[int, int]:
    """Credentials in each of those batches."""
    query = (
        select(credential.c.batch, func.count())
        .where(credential.c.batch.in_(numbers))
        .group_by(credential.c.batch)
    )
    return {int(row[0]): int(row[1]) for row in connection.execute(query)}


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """None does not filter; credential: a row number."""

    state: ChangeState | None = None
    change: StatusChange | None = None
    credential: int | None = None


def changes(
    connection: Connection, issuer: str, wanted: ChangeFilter, after: int, limit: int
) -> Sequence[Any]:
    """Rows of _CHANGE in the order in which they were asked for."""
    query = _changes(issuer).where(status_change.c.id > after)
    if wanted.state is not None:
        query = query.where(status_change.c.state == wanted.state)
    if wanted.change is not None:
        query = query.where(status_change.c.change == int(wanted.change))
    if wanted.credential is not None:
        query = query.where(status_change.c.credential == wanted.credential)
    return connection.execute(query.order_by(status_change.c.id).limit(limit)).all()


def find_change(connection: Connection, issuer: str, number: int) -> Any:
    row = connection.execute(_changes(issuer).where(status_change.c.id == number)).first()
    if row is None:
        raise NotFound("status change")
    return row


def changes_by_number(connection: Connection, issuer: str, numbers: Sequence[int]) -> Sequence[Any]:
    query = _changes(issuer).where(status_change.c.id.in_(numbers)).order_by(status_change.c.id)
    return connection.execute(query).all()


def _credentials(issuer: str) -> Select[Any]:
    return (
        select(*_CREDENTIAL, credential.c.document.is_(None).label("erased"))
        .join(batch, batch.c.id == credential.c.batch)
        .outerjoin(placement, placement.c.credential == credential.c.id)
        .where(credential.c.issuer == issuer)
    )


def _batches(issuer: str) -> Select[Any]:
    return (
        select(*_BATCH)
        .outerjoin(inclusion, inclusion.c.batch == batch.c.id)
        .where(batch.c.issuer == issuer)
    )


def _changes(issuer: str) -> Select[Any]:
    return (
        select(*_CHANGE)
        .join(credential, credential.c.id == status_change.c.credential)
        .where(credential.c.issuer == issuer)
    )
