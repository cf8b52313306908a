"""What an issuer's database says, for `credanchor audit --database`.

Filled in for `registry.auditing.issuer_records`, through the entry-point group of that name.
Nothing is written, and no document, label or salt is read.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from anchor_service.store.database import Database
from anchor_service.store.lifecycle import BatchState, ChangeState, IntentState
from anchor_service.store.schema import (
    attempt,
    batch,
    credential,
    inclusion,
    intent,
    placement,
    shown_change,
    status_change,
)
from registry.auditing.issuer_records import RecordedBatch, RecordedChange, RecordedTwice
from registry.formats.events import StatusChange
from registry.values import BatchRoot, CredentialDigest, IssuerId, MetaHash, TxHash

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from sqlalchemy import Connection, ScalarSelect, Select

    from registry.values import Address, ChainId

_CHUNK = 2000


@contextmanager
def open_records(url: str, chain: ChainId, registry: Address) -> Iterator[StoredRecords]:
    """The records as of now, all of one moment. Raises DatabaseError."""
    database = Database(url)
    try:
        with database.snapshot() as connection:
            yield StoredRecords(connection, chain, registry)
    finally:
        database.close()


class StoredRecords:
    """`IssuerRecords` of one connection."""

    def __init__(self, connection: Connection, chain: ChainId, registry: Address) -> None:
        self._connection = connection
        # Set by the seal: an open batch is nowhere yet.
        self._here = (batch.c.chain == chain.number) & (batch.c.registry == bytes(registry))

    def issuers(self) -> Iterator[IssuerId]:
        query = select(batch.c.issuer_id).where(self._here).distinct()
        for row in self._rows(query):
            yield IssuerId(row[0])

    def batches(self) -> Iterator[RecordedBatch]:
        held = (
            select(credential.c.batch, func.count().label("held"))
            .group_by(credential.c.batch)
            .subquery()
        )
        query = (
            select(
                batch.c.issuer_id,
                batch.c.root,
                batch.c.size,
                batch.c.meta_hash,
                batch.c.sealed,
                batch.c.state,
                func.coalesce(held.c.held, 0),
                func.coalesce(_adopted_in(), _anchored_in()),
            )
            .outerjoin(held, held.c.batch == batch.c.id)
            .where(batch.c.state != BatchState.OPEN, self._here)
            .order_by(batch.c.id)
        )
        for row in self._rows(query):
            yield RecordedBatch(
                IssuerId(row[0]),
                BatchRoot(row[1]),
                row[2],
                MetaHash(row[3]),
                row[4],
                row[5] == BatchState.FINAL,
                row[6],
                row[7],
            )

    def changes(self) -> Iterator[RecordedChange]:
        query = (
            select(
                batch.c.issuer_id,
                batch.c.root,
                placement.c.leaf_index,
                status_change.c.change,
                status_change.c.state,
                status_change.c.intent,
                func.coalesce(inclusion.c.block_number, shown_change.c.block_number),
            )
            .join(credential, credential.c.id == status_change.c.credential)
            .join(placement, placement.c.credential == credential.c.id)
            .join(batch, batch.c.id == credential.c.batch)
            .outerjoin(inclusion, inclusion.c.intent == status_change.c.intent)
            .outerjoin(shown_change, shown_change.c.change == status_change.c.id)
            .where(self._here)
            .order_by(status_change.c.id)
        )
        for row in self._rows(query):
            issuer_id, root, leaf, change, state, sent, block = row
            # Also final is what stood before it was asked for, once what followed it is: that the
            # final chain has never shown.
            made = state == ChangeState.FINAL and (sent is not None or block is not None)
            yield RecordedChange(
                IssuerId(issuer_id), BatchRoot(root), leaf, StatusChange(change), made, block
            )

    def twice(self) -> Iterator[RecordedTwice]:
        """Only of different issuers: one issuer's database takes each credential once."""
        repeated = (
            select(credential.c.digest).group_by(credential.c.digest).having(func.count() > 1)
        )
        query = (
            select(credential.c.digest, batch.c.issuer_id, batch.c.root)
            .join(batch, batch.c.id == credential.c.batch)
            .where(credential.c.digest.in_(repeated), batch.c.root.is_not(None))
            .order_by(credential.c.digest, batch.c.id)
        )
        for digest, rows in groupby(self._rows(query), key=lambda row: bytes(row[0])):
            places = tuple((IssuerId(row[1]), BatchRoot(row[2])) for row in rows)
            if len(places) > 1:
                yield RecordedTwice(CredentialDigest(digest), places)

    def transactions(self) -> Iterator[TxHash]:
        for row in self._rows(select(attempt.c.hash)):
            yield TxHash(row[0])

    def _rows(self, query: Select[Any]) -> Iterator[Any]:
        options = self._connection.execution_options(yield_per=_CHUNK)
        yield from options.execute(query)


def _adopted_in() -> ScalarSelect[int]:
    """The block in which another sender anchored the batch."""
    return select(inclusion.c.block_number).where(inclusion.c.batch == batch.c.id).scalar_subquery()


def _anchored_in() -> ScalarSelect[int]:
    """The block in which the service's own transaction anchored it."""
    return (
        select(func.max(inclusion.c.block_number))
        .join(intent, intent.c.id == inclusion.c.intent)
        .where(intent.c.batch == batch.c.id, intent.c.state == IntentState.FINAL)
        .scalar_subquery()
    )
