"""Sums over an auditor's store: what each issuer has, as of its cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.auditing.audit_report import IssuerAudit
from registry.values import Address, IssuerId

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

_EVEN_BITS = (2**256 - 1) // 3


def issuer_audits(db: sqlite3.Connection, only: IssuerId | None) -> Iterator[IssuerAudit]:
    """Every issuer in order of registration, or `only` that one."""
    batches = _batches(db)
    lanes = _lanes(db)
    for row in db.execute(
        "SELECT id, registration, owner, operations, history, profile_uri FROM issuer"
        " WHERE ?1 IS NULL OR id = ?1 ORDER BY registration",
        (only,),
    ):
        issuer_id = IssuerId(row[0])
        count, leaves, whole, last = batches.get(issuer_id, (0, 0, 0, None))
        suspended, revoked = lanes.get(issuer_id, (0, 0))
        yield IssuerAudit(
            issuer_id=issuer_id,
            registration=row[1],
            owner=Address(row[2]),
            operations=row[3],
            history="0x" + row[4].hex(),
            batches=count,
            leaves=leaves,
            suspended=suspended,
            revoked=whole + revoked,
            last_anchored_at=last,
            profile=row[5].decode("utf-8", "backslashreplace"),
        )


def _batches(db: sqlite3.Connection) -> dict[bytes, tuple[int, int, int, int | None]]:
    """Issuer -> batches, leaves, leaves of batches revoked as a whole, time of the newest."""
    rows = db.execute(
        "SELECT issuer, count(*), sum(size), sum(size * revoked), max(anchored_at) FROM batch"
        " GROUP BY issuer"
    )
    return {row[0]: (row[1], row[2], row[3], row[4]) for row in rows}


def _lanes(db: sqlite3.Connection) -> dict[bytes, tuple[int, int]]:
    """Issuer -> suspended and revoked, of batches that are not revoked as a whole."""
    found: dict[bytes, tuple[int, int]] = {}
    for issuer, lanes in db.execute(
        "SELECT issuer, lanes FROM word JOIN batch USING (issuer, root) WHERE NOT revoked"
    ):
        word = int.from_bytes(lanes, "big")
        revoked = word >> 1 & _EVEN_BITS
        suspended = word & _EVEN_BITS & ~revoked
        before = found.get(issuer, (0, 0))
        found[issuer] = before[0] + suspended.bit_count(), before[1] + revoked.bit_count()
    return found


def registrations_history(db: sqlite3.Connection) -> tuple[int, str]:
    """How many issuers, and the fold of their registrations as 0x and 27 bytes."""
    count, history = db.execute(
        "SELECT registrations, registrations_history FROM cursor"
    ).fetchone()
    return count, "0x" + history.hex()
