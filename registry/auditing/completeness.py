"""Whether an auditor's store is whole: its histories against the registry's storage.

Reads the store and asks the node; what follows from both is `auditor`'s to judge.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from registry.auditing.auditor import (
    Break,
    Case,
    Parting,
    Sighting,
    first_bad,
    judge_issuer,
    judge_registrations,
)
from registry.auditing.reading_ahead import read_ahead
from registry.auditing.written_logs import first_false
from registry.errors import NodeRefused
from registry.formats import storage
from registry.formats.history import HistoryHash
from registry.formats.storage import HistoryRecord
from registry.rpc_hex import data
from registry.values import IssuerId

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from registry.auditing.audit_store import AuditStore
    from registry.auditing.findings import Finding
    from registry.auditing.reading_ahead import ReadSlots
    from registry.nodes.rpc import Node
    from registry.values import Address, Slot


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
    histories = ((storage.issuer_slots(one[0]).history, one) for one in _histories(store, broken))
    for some in read_ahead(read, histories):
        for value, (issuer_id, replayed) in some:
            compared += 1
            stored = storage.decode_history(value)
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
        before = stored_at(low - 1) if low > 0 else HistoryRecord(0, bytes(HistoryHash.LENGTH))
        stored = stored_at(low)
        first = first_false(store, node, issuer_id, low, before, stored)
        return Parting(low, before.count, stored, replayed_at(low), first)
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
