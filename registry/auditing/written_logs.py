"""Which operation of a block is not told as it was written, by the receipts of its transactions.

Old states show after which block two histories part, and not at which of its operations. A node
that lies in its logs may still hold receipts. No word of theirs is taken for it: logs that fold
from the history before the block to the one after it are those that were written.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from registry.auditing.rows import STORED_LOG, StoredLog
from registry.errors import MalformedValue, NodeInconsistent, NodeRefused
from registry.formats.history import HistoryHash, fold, issuer_start
from registry.formats.log_slices import read_event
from registry.formats.raw_log import read_logs
from registry.formats.storage import HistoryRecord

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from registry.auditing.audit_store import AuditStore, StorePlace
    from registry.formats.raw_log import RawLog
    from registry.formats.strict_json import JsonObject, JsonValue
    from registry.nodes.rpc import Node
    from registry.values import Address, IssuerId


def first_false(
    store: AuditStore,
    node: Node,
    issuer_id: IssuerId,
    block: int,
    before: HistoryRecord,
    after: HistoryRecord,
) -> int | None:
    """The number of the first operation in `block` that the store does not have as it was written.

    before, after: the issuer's history in storage around the block. None where the node has no
    receipts of it, or none that lead from one to the other. Raises ChainError.
    """
    try:
        written = _written(node, store.place.registry, issuer_id, block)
        proven = _folded(store.place, issuer_id, written, before) == after
    except (NodeRefused, NodeInconsistent, MalformedValue):
        return None
    if not proven:
        return None
    pairs = zip_longest(map(_said, written), map(_said, _told(store.db, issuer_id, block)))
    for number, (there, here) in enumerate(pairs, before.count + 1):
        if there != here:
            return number
    return None


def _written(node: Node, registry: Address, issuer_id: IssuerId, block: int) -> list[RawLog]:
    header = node.call("eth_getBlockByNumber", [hex(block), False])
    hashes = header.get("transactions") if isinstance(header, dict) else None
    if not isinstance(hashes, list):
        raise NodeInconsistent(f"{node.name}: block {block} has no list of transactions")
    receipts = node.batch([("eth_getTransactionReceipt", [one]) for one in hashes])
    logs = [log for receipt in receipts for log in _logs_of(receipt)]
    of_registry: list[JsonValue] = [
        log for log in logs if str(log.get("address")).lower() == registry.to_hex()
    ]
    found = read_logs(node.name, of_registry, registry, block, block)
    return [one for one in found if one.split_topics()[1:2] == [issuer_id]]


def _logs_of(receipt: JsonValue) -> list[JsonObject]:
    logs = receipt.get("logs") if isinstance(receipt, dict) else None
    return [one for one in logs if isinstance(one, dict)] if isinstance(logs, list) else []


def _folded(
    place: StorePlace, issuer_id: IssuerId, logs: Sequence[RawLog], before: HistoryRecord
) -> HistoryRecord:
    history = HistoryHash(before.history)
    if not before.count:
        history = issuer_start(place.chain, place.registry, issuer_id)
    for log in logs:
        history = fold(history, read_event(log))
    return HistoryRecord(before.count + len(logs), history)


def _told(db: sqlite3.Connection, issuer_id: IssuerId, block: int) -> list[RawLog]:
    rows = db.execute(
        f"{STORED_LOG} WHERE issuer = ? AND operation.block = ? ORDER BY id", (issuer_id, block)
    )
    return [StoredLog._make(row).raw() for row in rows]


def _said(log: RawLog | None) -> tuple[bytes, bytes] | None:
    return None if log is None else (log.topics, log.data)
