"""Credentials in the database. Each function works in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, LargeBinary, any_, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from anchor_service.errors import UnknownCredential
from anchor_service.store import documents
from anchor_service.store.database import bulk_insert
from anchor_service.store.lifecycle import BatchState
from anchor_service.store.prepared import Prepared
from anchor_service.store.schema import batch, credential, placement
from registry.values import CredentialDigest, Salt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection, Select


# Rows in one round trip: SQLite takes 32,766 parameters a statement, and memory stays small.
_CHUNK = 2000
# Made once: making a query costs more than the database takes to answer it.
_KNOWN = select(credential.c.digest).where(
    credential.c.issuer == bindparam("of_issuer"),
    credential.c.digest.in_(bindparam("digests", expanding=True)),
)
_KNOWN_IN_ARRAY = Prepared(
    select(credential.c.digest).where(
        credential.c.issuer == bindparam("of_issuer"),
        credential.c.digest == any_(bindparam("digests", type_=ARRAY(LargeBinary))),
    )
)
_OPEN_BATCH = Prepared(
    select(batch.c.id)
    .where(
        batch.c.issuer == bindparam("of_issuer"),
        batch.c.state == BatchState.OPEN,
        batch.c.closed.is_(None),
    )
    # Adding does not shut out adding.
    .with_for_update(read=True)
)
_NEW_COLUMNS = ("batch", "issuer", "created", "credential_id", "label", "digest", "document")


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
class Stored:
    """A credential's row without its document; index is None until its batch is sealed."""

    row: int
    issuer: str
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
    connection: Connection, issuer: str, credentials: Iterable[NewCredential], now: int
) -> Iterator[Added]:
    """Put credentials into the open batch of an issuer (handle), in chunks as the caller iterates.

    A document that this issuer has already, or that comes twice, is reported as present and not
    written again.
    """
    target = _open_batch(connection, issuer, now)
    source = iter(credentials)
    while chunk := list(islice(source, _CHUNK)):
        known = _known(connection, issuer, [bytes(new.digest) for new in chunk])
        fresh: list[NewCredential] = []
        added: list[Added] = []
        for new in chunk:
            present = new.digest in known
            added.append(Added(new.credential_id, new.digest, present))
            if present:
                continue
            known.add(new.digest)
            fresh.append(new)
        bodies = documents.pack_all([new.document for new in fresh])
        rows: list[tuple[Any, ...]] = [
            (target, issuer, now, new.credential_id, new.label, bytes(new.digest), body)
            for new, body in zip(fresh, bodies, strict=True)
        ]
        bulk_insert(connection, credential, _NEW_COLUMNS, rows)
        yield from added


def _known(connection: Connection, issuer: str, digests: Sequence[bytes]) -> set[bytes]:
    """Those of them that the issuer has already."""
    values = {"of_issuer": issuer, "digests": digests}
    if connection.dialect.name == "postgresql":
        # An array is one value; to find the places of so many took the driver as long as COPY.
        return {digest for (digest,) in _KNOWN_IN_ARRAY.rows(connection, **values)}
    return set(connection.scalars(_KNOWN, values))


def _open_batch(connection: Connection, issuer: str, now: int) -> int:
    """The issuer's open batch, locked until the transaction ends: it is not closed before."""
    while not (found := _OPEN_BATCH.rows(connection, of_issuer=issuer)):
        insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        values = {
            "issuer": issuer,
            "state": BatchState.OPEN,
            "created": now,
            "changed": now,
            "tries": 0,
        }
        # Nothing is made where another process makes it in this moment.
        connection.execute(insert(batch).values(**values).on_conflict_do_nothing())
    return int(found[0][0])


def find(connection: Connection, wanted: str, issuer: str | None = None) -> Stored:
    """By the document's id, by the start of the uuid in it, or by digest (0x...).

    issuer: a handle; None looks at every issuer's. Raises UnknownCredential where nothing or more
    than one thing is meant.
    """
    if wanted.startswith("0x"):
        digest = CredentialDigest.from_hex(wanted)
        matches = _select_stored(connection, credential.c.digest == bytes(digest), issuer)
    else:
        matches = _select_stored(connection, credential.c.credential_id == wanted, issuer)
        if not matches:
            start = wanted if wanted.startswith("urn:uuid:") else f"urn:uuid:{wanted}"
            beginning = credential.c.credential_id.startswith(start.lower(), autoescape=True)
            matches = _select_stored(connection, beginning, issuer) if len(start) > 9 else []
    if not matches:
        raise UnknownCredential(f"{wanted}: no such credential here; `status` counts what there is")
    if len(matches) > 1:
        those = ", ".join(f"{one.name} ({one.digest.to_hex()[:18]}...)" for one in matches[:4])
        raise UnknownCredential(
            f"{wanted}: more than one credential is meant: {those}; name one by its digest"
        )
    return matches[0]


def _stored_query() -> Select[Any]:
    return (
        select(
            credential.c.id,
            credential.c.issuer,
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


def _select_stored(
    connection: Connection, condition: Any, issuer: str | None, limit: int = 5
) -> list[Stored]:
    query = _stored_query().where(condition).limit(limit)
    if issuer is not None:
        query = query.where(credential.c.issuer == issuer)
    return [_to_stored(row) for row in connection.execute(query)]


def all_stored(connection: Connection, issuer: str | None = None) -> Iterator[Stored]:
    """Every credential (of one issuer), by batch and then in order of arrival."""
    query = _stored_query().order_by(credential.c.batch, credential.c.id)
    if issuer is not None:
        query = query.where(credential.c.issuer == issuer)
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
    digest, state = CredentialDigest(row[4]), BatchState(row[6])
    return Stored(row[0], row[1], row[2], row[3], digest, row[5], state, row[7])
