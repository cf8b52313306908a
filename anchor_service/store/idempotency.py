"""Idempotency-Key: one effect and one answer, however often and wherever a request is repeated.

The answer is stored in the transaction of the effect: either both are there after a crash, or
neither is. A key belongs to an issuer and to the name of the API key, so that it outlives a
rotation, and is kept as a hash: callers put all kinds of things into it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, tuple_

from anchor_service.store.database import bulk_insert
from anchor_service.store.schema import idempotency

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

KEPT_S = 7 * 86400
_COLUMNS = ("issuer", "client", "key_hash", "fingerprint", "status", "headers", "body", "created")

Place = tuple[str, str, bytes]


@dataclass(frozen=True, slots=True)
class Ticket:
    """One request that came with a key. fingerprint: of method, path, query and body."""

    issuer: str
    client: str
    key_hash: bytes
    fingerprint: bytes

    @classmethod
    def of(cls, issuer: str, client: str, key: str, request: Iterable[bytes]) -> Ticket:
        digest = hashlib.sha256()
        for part in request:
            digest.update(len(part).to_bytes(8, "big") + part)
        return cls(issuer, client, hashlib.sha256(key.encode()).digest(), digest.digest())

    @property
    def place(self) -> Place:
        return self.issuer, self.client, self.key_hash


@dataclass(frozen=True, slots=True)
class Kept:
    """What the first request with a key was, and what it was answered. headers: JSON."""

    fingerprint: bytes
    status: int
    headers: str
    body: bytes


def find(connection: Connection, tickets: Sequence[Ticket]) -> dict[Place, Kept]:
    if not tickets:
        return {}
    c = idempotency.c
    places = tuple_(c.issuer, c.client, c.key_hash).in_([one.place for one in tickets])
    return {
        (row.issuer, row.client, bytes(row.key_hash)): Kept(
            bytes(row.fingerprint), row.status, row.headers, bytes(row.body)
        )
        for row in connection.execute(select(idempotency).where(places))
    }


def keep(connection: Connection, answered: Sequence[tuple[Ticket, Kept]], now: int) -> None:
    """A key that another process has stored meanwhile ends the transaction: unique constraint."""
    rows = [
        (*ticket.place, kept.fingerprint, kept.status, kept.headers, kept.body, now)
        for ticket, kept in answered
    ]
    bulk_insert(connection, idempotency, _COLUMNS, rows)


def forget(connection: Connection, before: int) -> int:
    """Drop what was kept before that time; returns how many."""
    return connection.execute(delete(idempotency).where(idempotency.c.created < before)).rowcount
