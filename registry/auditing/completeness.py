"""Whether an auditor's store is whole: its histories and state against the registry's storage.

Reads the store and asks the node; what follows from both is `auditor`'s to judge.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from registry.auditing.auditor import (
    Break,
    Case,
    Parting,
    Sighting,
    first_bad,
    judge_issuer,
    judge_registrations,
)
from registry.auditing.findings import Finding, Matter, Severity
from registry.errors import NodeRefused
from registry.formats import storage
from registry.formats.history import HistoryHash
from registry.formats.state import Batch, Issuer, batch_value, issuer_value
from registry.formats.storage import HistoryRecord
from registry.rpc_hex import data
from registry.values import Address, BatchRoot, DidHash, IssuerId, MetaHash

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

    from registry.auditing.audit_store import AuditStore
    from registry.nodes.rpc import Node
    from registry.values import Slot

    ReadSlots = Callable[[Sequence[Slot]], dict[Slot, bytes]]
    """32 bytes for each slot as of the audit's block, however they are known."""

_T = TypeVar("_T")

_AT_ONCE = 400
"""Slots that are read and held at once."""


@dataclass(frozen=True, slots=True)
class Compared:
    """How many of how many records of the state were compared; seed: which, if not all."""

    records: int
    of: int
    seed: int | None


def check_histories(
    store: AuditStore, node: Node, read: ReadSlots, last: int
) -> tuple[list[Finding], int]:
    """Compare every folded history with storage, and name the first bad operation of each.

    node: asked for old states, to find where two histories part. Gives the findings and how many
    issuers were compared. Raises ChainError.
    """
    findings: list[Finding] = []
    registrations = _check_registrations(store, node, read, last)
    if registrations is not None:
        findings.append(registrations)
    broken = _breaks(store)
    compared = 0
    for some in _in_chunks(_histories(store, broken)):
        slots = [storage.issuer_slots(issuer_id).history for issuer_id, _ in some]
        values = read(slots)
        for (issuer_id, replayed), slot in zip(some, slots, strict=True):
            compared += 1
            stored = storage.decode_history(values[slot])
            ended = broken.get(issuer_id)
            if replayed == stored and ended is None:
                continue
            if registrations is not None and _follows_from_registrations(ended):
                continue
            finding = _judge(store, node, issuer_id, replayed, stored, ended, last)
            if finding is not None:
                findings.append(finding)
    return findings, compared


def _follows_from_registrations(ended: Break | None) -> bool:
    """One registration left out makes all later ones wrong; that is said once."""
    return ended is not None and ended.reason.startswith("IssuerRegistered: registration ")


def _judge(
    store: AuditStore,
    node: Node,
    issuer_id: IssuerId,
    replayed: HistoryRecord,
    stored: HistoryRecord,
    ended: Break | None,
    last: int,
) -> Finding | None:
    parting = _parting(store, node, issuer_id, last)
    case = Case(issuer_id, replayed, stored, ended, parting)
    seen = _sighting(store.db, issuer_id, first_bad(case))
    return judge_issuer(replace(case, seen=seen))


def _histories(
    store: AuditStore, broken: dict[IssuerId, Break]
) -> Iterator[tuple[IssuerId, HistoryRecord]]:
    known = set()
    for issuer_id, count, history in store.db.execute("SELECT id, operations, history FROM issuer"):
        known.add(issuer_id)
        yield IssuerId(issuer_id), HistoryRecord(count, history)
    for issuer_id in broken:
        if issuer_id not in known:
            yield issuer_id, HistoryRecord(0, bytes(HistoryHash.LENGTH))


def _breaks(store: AuditStore) -> dict[IssuerId, Break]:
    blocks = "SELECT block FROM operation WHERE id = ?"
    return {
        issuer_id: Break(store.db.execute(blocks, (number,)).fetchone()[0], operation, reason)
        for issuer_id, (number, operation, reason) in store.broken().items()
    }


def _sighting(
    db: sqlite3.Connection, issuer_id: IssuerId, operation: int | None
) -> Sighting | None:
    row = db.execute(
        "SELECT block, id > coalesce((SELECT id FROM broken WHERE issuer = ?1), id) FROM operation"
        " WHERE issuer = ?1 AND operation = ?2 ORDER BY id LIMIT 1",
        (issuer_id, operation),
    ).fetchone()
    return None if row is None else Sighting(row[0], bool(row[1]))


def _parting(store: AuditStore, node: Node, issuer_id: IssuerId, last: int) -> Parting | None:
    """Bisect over the node's old states; None where it has none, or none differs.

    Both histories only grow, and once apart they stay apart: each hash folds all before it.
    """
    slot = storage.issuer_slots(issuer_id).history

    def stored_at(block: int) -> HistoryRecord:
        return _stored_at(node, store.place.registry, slot, block)

    def replayed_at(block: int) -> HistoryRecord:
        row = store.db.execute(
            "SELECT operation, history FROM operation WHERE issuer = ? AND block <= ?"
            " AND history IS NOT NULL ORDER BY operation DESC LIMIT 1",
            (issuer_id, block),
        ).fetchone()
        return HistoryRecord(*(row or (0, bytes(HistoryHash.LENGTH))))

    low, high = store.cursor().first, last
    try:
        if stored_at(high) == replayed_at(high):
            return None
        while low < high:
            middle = (low + high) // 2
            if stored_at(middle) == replayed_at(middle):
                low = middle + 1
            else:
                high = middle
        before = stored_at(low - 1).count if low > 0 else 0
        return Parting(low, before, stored_at(low), replayed_at(low))
    except NodeRefused:
        return None


def _stored_at(node: Node, registry: Address, slot: Slot, block: int) -> HistoryRecord:
    answer = node.call("eth_getStorageAt", [str(registry), slot.to_hex(), hex(block)])
    return storage.decode_history(data(answer, "eth_getStorageAt").rjust(32, b"\0"))


def _check_registrations(
    store: AuditStore, node: Node, read: ReadSlots, last: int
) -> Finding | None:
    count, history = store.db.execute(
        "SELECT registrations, registrations_history FROM cursor"
    ).fetchone()
    replayed = HistoryRecord(count, history if count else bytes(HistoryHash.LENGTH))
    stored = storage.decode_history(read([storage.REGISTRATIONS_SLOT])[storage.REGISTRATIONS_SLOT])
    if replayed == stored:
        return None
    return judge_registrations(replayed, stored, _registrations_part(store, node, last))


def _registrations_part(store: AuditStore, node: Node, last: int) -> int | None:
    def differ(block: int) -> bool:
        (replayed,) = store.db.execute(
            "SELECT count(*) FROM operation WHERE leaves IS NULL AND kind = 'IssuerRegistered'"
            " AND history IS NOT NULL AND block <= ?",
            (block,),
        ).fetchone()
        slot = storage.REGISTRATIONS_SLOT
        stored = _stored_at(node, store.place.registry, slot, block)
        return bool(stored.count != replayed)

    low, high = store.cursor().first, last
    try:
        if not differ(high):
            return None
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if differ(middle) else (middle + 1, high)
    except NodeRefused:
        return None
    return low


def check_state(
    store: AuditStore, read: ReadSlots, sample: int | None, seed: int
) -> tuple[list[Finding], Compared]:
    """Compare issuers, batches and status words with storage: all, or `sample` by `seed`."""
    db = store.db
    total = sum(db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in _RECORDS)  # noqa: S608
    chosen: set[int] | range = range(total)
    if sample is not None and sample < total:
        chosen = set(random.Random(seed).sample(range(total), sample))  # noqa: S311 - repeatable
    records = (record for place, record in enumerate(_records(db)) if place in chosen)
    findings: list[Finding] = []
    compared = 0
    for some in _in_chunks(records):
        values = read([slot for _, _, slot, _ in some])
        compared += len(some)
        findings += [
            _differs(issuer_id, what, expected, values[slot])
            for issuer_id, what, slot, expected in some
            if values[slot] != expected
        ]
    return findings, Compared(compared, total, seed if compared < total else None)


_RECORDS = ("issuer", "batch", "word")


def _records(db: sqlite3.Connection) -> Iterator[tuple[IssuerId, str, Slot, bytes]]:
    """Whose, what, and the slot with the 32 bytes that it should hold."""
    for row in db.execute("SELECT id, owner, paused, retired, epoch, distrust_after FROM issuer"):
        issuer = Issuer(
            Address(row[1]),
            DidHash(bytes(32)),
            b"",
            0,
            HistoryHash(bytes(HistoryHash.LENGTH)),
            paused=bool(row[2]),
            retired=bool(row[3]),
            epoch=row[4],
            distrust_after=row[5],
        )
        issuer_id = IssuerId(row[0])
        yield issuer_id, "its record", storage.issuer_slots(issuer_id).record, issuer_value(issuer)
    for row in db.execute("SELECT issuer, root, anchored_at, operation, size, revoked FROM batch"):
        issuer_id, root = IssuerId(row[0]), BatchRoot(row[1])
        batch = Batch(row[2], row[3], row[4], MetaHash(bytes(32)), bool(row[5]))
        yield issuer_id, f"batch {root}", storage.batch_slot(issuer_id, root), batch_value(batch)
    for issuer, word_root, number, lanes in db.execute(
        "SELECT issuer, root, number, lanes FROM word"
    ):
        issuer_id, root = IssuerId(issuer), BatchRoot(word_root)
        slot = storage.word_slot(issuer_id, root, number)
        yield issuer_id, f"status word {number} of batch {root}", slot, lanes


def _differs(issuer_id: IssuerId, what: str, expected: bytes, found: bytes) -> Finding:
    return Finding(
        Matter.STATE_DIFFERS,
        Severity.ERROR,
        f"{what} is not what the logs give: they and the contract follow different rules",
        issuer_id,
        evidence={"record": what, "replayed": "0x" + expected.hex(), "stored": "0x" + found.hex()},
    )


def _in_chunks(source: Iterator[_T]) -> Iterator[list[_T]]:
    while chunk := list(islice(source, _AT_ONCE)):
        yield chunk
