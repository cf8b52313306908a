"""Whether the state that an auditor's store was left with is what the registry's storage holds."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from registry.auditing.findings import Finding, Matter, Severity
from registry.auditing.reading_ahead import read_ahead
from registry.formats import storage
from registry.formats.history import HistoryHash
from registry.formats.state import Batch, Issuer, batch_value, issuer_value
from registry.values import Address, BatchRoot, DidHash, IssuerId, MetaHash

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from registry.auditing.audit_store import AuditStore
    from registry.auditing.reading_ahead import ReadSlots
    from registry.values import Slot


@dataclass(frozen=True, slots=True)
class Compared:
    """How many of how many records of the state were compared; seed: which, if not all."""

    records: int
    of: int
    seed: int | None


def check_state(
    store: AuditStore, read: ReadSlots, sample: int | None, seed: int
) -> tuple[list[Finding], Compared]:
    """Compare issuers, batches and status words with storage: all, or `sample` by `seed`."""
    db = store.db
    total = sum(db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in _RECORDS)  # noqa: S608 - our own names
    chosen: set[int] | range = range(total)
    if sample is not None and sample < total:
        chosen = set(random.Random(seed).sample(range(total), sample))  # noqa: S311 - repeatable
    records = (_record(row) for place, row in enumerate(_rows(db)) if place in chosen)
    findings: list[Finding] = []
    compared = 0
    for some in read_ahead(read, records):
        compared += len(some)
        findings += [_differs(record, value) for value, record in some if value != record.expected]
    return findings, Compared(compared, total, seed if compared < total else None)


_RECORDS = {
    "issuer": "SELECT 'issuer', id, owner, paused, retired, epoch, distrust_after FROM issuer",
    "batch": "SELECT 'batch', issuer, root, anchored_at, operation, size, revoked FROM batch",
    "word": "SELECT 'word', issuer, root, number, lanes FROM word",
}


class _Record(NamedTuple):
    """expected: the 32 bytes that its slot should hold."""

    issuer_id: IssuerId
    what: str
    expected: bytes


def _rows(db: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    for query in _RECORDS.values():
        yield from db.execute(query)


def _record(row: Sequence[Any]) -> tuple[Slot, _Record]:
    table, issuer, *rest = row
    issuer_id = IssuerId(issuer)
    if table == "issuer":
        owner, paused, retired, epoch, distrust_after = rest
        issuer_now = Issuer(
            Address(owner),
            DidHash(bytes(32)),
            b"",
            0,
            HistoryHash(bytes(HistoryHash.LENGTH)),
            paused=bool(paused),
            retired=bool(retired),
            epoch=epoch,
            distrust_after=distrust_after,
        )
        slot = storage.issuer_slots(issuer_id).record
        return slot, _Record(issuer_id, "its record", issuer_value(issuer_now))
    root = BatchRoot(rest[0])
    if table == "batch":
        _, anchored_at, operation, size, revoked = rest
        batch = Batch(anchored_at, operation, size, MetaHash(bytes(32)), bool(revoked))
        slot = storage.batch_slot(issuer_id, root)
        return slot, _Record(issuer_id, f"batch {root}", batch_value(batch))
    _, number, lanes = rest
    slot = storage.word_slot(issuer_id, root, number)
    return slot, _Record(issuer_id, f"status word {number} of batch {root}", lanes)


def _differs(record: _Record, found: bytes) -> Finding:
    return Finding(
        Matter.STATE_DIFFERS,
        Severity.ERROR,
        f"{record.what} is not what the logs give: they and the contract follow different rules",
        record.issuer_id,
        evidence={
            "record": record.what,
            "replayed": "0x" + record.expected.hex(),
            "stored": "0x" + found.hex(),
        },
    )
