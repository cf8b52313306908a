"""What an audit's charts are drawn from: sums a night, and changes of keys, asked of the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.auditing.nights import DAY_S, NOON_S

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from registry.auditing.chain_findings import Span
    from registry.values import IssuerId

MOST_KEY_EVENTS = 1_000
_NIGHT = f"(timestamp - {NOON_S}) / {DAY_S}"
_WITHIN = " AND (?1 IS NULL OR operation.issuer = ?1) AND operation.block BETWEEN ?2 AND ?3"
KEY_KINDS = (
    "DidChanged",
    "DelegateSet",
    "EpochBumped",
    "OwnershipOffered",
    "OwnershipTransferred",
    "NoncesCancelled",
)


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """timestamp: Unix seconds; operation: its number in the issuer's history."""

    timestamp: int
    kind: str
    issuer: bytes
    operation: int


@dataclass(frozen=True, slots=True)
class Series:
    """Night -> number (`nights.night_of`). credentials: None where no records were compared.

    key_events: the newest MOST_KEY_EVENTS, oldest first.
    """

    anchors: Mapping[int, int]
    leaves: Mapping[int, int]
    credentials: Mapping[int, int] | None
    revocations: Mapping[int, int]
    key_events: tuple[KeyEvent, ...]
    first: int | None
    last: int | None


def read_series(db: sqlite3.Connection, only: IssuerId | None, span: Span) -> Series:
    """Of one issuer, or of all; of the blocks that the audit tells of."""
    place = (only, *span)
    nights = db.execute(
        f"SELECT {_NIGHT}, count(*), sum(leaves) FROM operation WHERE kind = 'Anchored'"  # noqa: S608 - our own words
        f"{_WITHIN} GROUP BY 1",
        place,
    ).fetchall()
    first, last = db.execute(
        f"SELECT min({_NIGHT}), max({_NIGHT}) FROM operation WHERE 1 {_WITHIN}",  # noqa: S608
        place,
    ).fetchone()
    return Series(
        anchors={row[0]: row[1] for row in nights},
        leaves={row[0]: row[2] for row in nights},
        credentials=_credentials(db, place),
        revocations=_revocations(db, place),
        key_events=_key_events(db, place),
        first=first,
        last=last,
    )


def _credentials(db: sqlite3.Connection, place: tuple[object, ...]) -> dict[int, int] | None:
    """From the issuer's own records, which `records_findings` has put beside the store."""
    if not db.execute("SELECT 1 FROM sqlite_temp_master WHERE name = 'own_batch'").fetchone():
        return None
    rows = db.execute(
        f"SELECT {_NIGHT}, sum(own.credentials) FROM operation JOIN own_batch AS own"  # noqa: S608
        f" USING (issuer, root) WHERE kind = 'Anchored' {_WITHIN} GROUP BY 1",
        place,
    )
    return dict(rows)


def _revocations(db: sqlite3.Connection, place: tuple[object, ...]) -> dict[int, int]:
    """A batch that was revoked as a whole counts with all its leaves."""
    rows = db.execute(
        f"SELECT {_NIGHT}, sum(CASE kind WHEN 'BatchRevoked' THEN batch.size"  # noqa: S608
        " ELSE operation.leaves END) FROM operation LEFT JOIN batch"
        " ON batch.issuer = operation.issuer AND batch.root = operation.root"
        f" WHERE (kind = 'BatchRevoked' OR kind = 'StatusChanged' AND change = 'REVOKE') {_WITHIN}"
        " GROUP BY 1",
        place,
    )
    return dict(rows)


def _key_events(db: sqlite3.Connection, place: tuple[object, ...]) -> tuple[KeyEvent, ...]:
    kinds = ", ".join(f"'{kind}'" for kind in KEY_KINDS)
    rows = db.execute(
        f"SELECT timestamp, kind, issuer, operation FROM operation"  # noqa: S608 - our own words
        f" WHERE leaves IS NULL AND kind IN ({kinds})"
        f" {_WITHIN} ORDER BY id DESC LIMIT {MOST_KEY_EVENTS}",
        place,
    )
    return tuple(KeyEvent(*row) for row in rows)[::-1]
