"""The chain, as stored, against the issuer's own records: what either knows and the other does not.

The records are put beside the store's tables, in tables of this connection alone, and compared by
SQL: neither side need fit into memory, and nothing of the records stays in the store. They are read
after the audit's block was chosen, and may know of later blocks: that is left for the next audit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.auditing.findings import Finding, Matter, Severity
from registry.plurals import count
from registry.values import BatchRoot, IssuerId, MetaHash, TxHash

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from registry.auditing.chain_findings import Span
    from registry.auditing.issuer_records import IssuerRecords
    from registry.formats.strict_json import JsonObject, JsonValue

_TABLES = """
DROP TABLE IF EXISTS temp.own_issuer;
DROP TABLE IF EXISTS temp.own_batch;
DROP TABLE IF EXISTS temp.own_change;
DROP TABLE IF EXISTS temp.own_transaction;
CREATE TEMP TABLE own_issuer (id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TEMP TABLE own_batch (
    issuer BLOB, root BLOB, size INTEGER, meta_hash BLOB, sealed INTEGER, anchored INTEGER,
    credentials INTEGER, block INTEGER, PRIMARY KEY (issuer, root)
) WITHOUT ROWID;
CREATE TEMP TABLE own_change (
    issuer BLOB, root BLOB, leaf INTEGER, change TEXT, made INTEGER, block INTEGER
);
CREATE INDEX temp.own_change_place ON own_change (issuer, root, leaf, change);
CREATE TEMP TABLE own_transaction (hash BLOB PRIMARY KEY) WITHOUT ROWID;
"""


def records_findings(
    db: sqlite3.Connection, records: IssuerRecords, span: Span, late_s: int
) -> Iterator[Finding]:
    """All of them. late_s: seconds from seal to anchor beyond which a night counts as late."""
    _take_in(db, records)
    yield from _unknown_anchors(db, span)
    yield from _conflicting_anchors(db, span)
    yield from _unknown_changes(db, span)
    yield from _unknown_operations(db, span)
    yield from _not_anchored(db, span)
    yield from _changes_not_made(db, span)
    yield from _late(db, span, late_s)
    yield from _twice(records)


def _take_in(db: sqlite3.Connection, records: IssuerRecords) -> None:
    db.executescript(_TABLES)
    db.execute("BEGIN")
    db.executemany("INSERT OR IGNORE INTO own_issuer VALUES (?)", ((i,) for i in records.issuers()))
    db.executemany("INSERT INTO own_batch VALUES (?, ?, ?, ?, ?, ?, ?, ?)", records.batches())
    db.executemany(
        "INSERT INTO own_change VALUES (?, ?, ?, ?, ?, ?)",
        (
            (one.issuer_id, one.root, one.leaf, one.change.name, one.made, one.block)
            for one in records.changes()
        ),
    )
    db.executemany(
        "INSERT OR IGNORE INTO own_transaction VALUES (?)", ((h,) for h in records.transactions())
    )
    db.execute("COMMIT")


def _unknown_anchors(db: sqlite3.Connection, span: Span) -> Iterator[Finding]:
    rows = db.execute(
        "SELECT issuer, block, operation, root, leaves, timestamp, tx_hash"
        " FROM operation WHERE kind = 'Anchored' AND block BETWEEN ? AND ?"
        " AND issuer IN (SELECT id FROM own_issuer)"
        " AND (issuer, root) NOT IN (SELECT issuer, root FROM own_batch) ORDER BY id",
        span,
    )
    for issuer, block, operation, root, leaves, timestamp, tx_hash in rows:
        evidence: JsonObject = {
            "root": str(BatchRoot(root)),
            "leaves": leaves,
            "timestamp": timestamp,
            "transaction": str(TxHash(tx_hash)),
        }
        sentence = (
            f"batch {BatchRoot(root)} of {count(leaves, 'leaf')} is anchored and not in the records"
        )
        place = IssuerId(issuer), block, operation
        yield Finding(Matter.UNKNOWN_ANCHOR, Severity.ERROR, sentence, *place, evidence)


def _conflicting_anchors(db: sqlite3.Connection, span: Span) -> Iterator[Finding]:
    rows = db.execute(
        "SELECT batch.issuer, operation.block, batch.operation, batch.root, batch.size, own.size,"
        " batch.meta_hash, own.meta_hash FROM batch JOIN own_batch AS own USING (issuer, root)"
        " JOIN operation ON operation.issuer = batch.issuer"
        " AND operation.operation = batch.operation"
        " WHERE (batch.size <> own.size OR batch.meta_hash <> own.meta_hash)"
        " AND operation.block BETWEEN ? AND ? ORDER BY operation.id",
        span,
    )
    for issuer, block, operation, root, size, own_size, meta_hash, own_meta in rows:
        evidence: JsonObject = {
            "root": str(BatchRoot(root)),
            "anchored": {"size": size, "metaHash": str(MetaHash(meta_hash))},
            "recorded": {"size": own_size, "metaHash": str(MetaHash(own_meta))},
        }
        sentence = f"batch {BatchRoot(root)} is anchored with another size or manifest"
        place = IssuerId(issuer), block, operation
        yield Finding(Matter.UNKNOWN_ANCHOR, Severity.ERROR, sentence, *place, evidence)


def _unknown_changes(db: sqlite3.Connection, span: Span) -> Iterator[Finding]:
    rows = db.execute(
        "SELECT issuer, block, operation, root, change, count(*), min(leaf), tx_hash"
        " FROM operation JOIN lane USING (id)"
        " WHERE block BETWEEN ? AND ? AND issuer IN (SELECT id FROM own_issuer)"
        " AND NOT EXISTS (SELECT 1 FROM own_change AS own WHERE own.issuer = operation.issuer"
        " AND own.root = operation.root AND own.leaf = lane.leaf"
        " AND own.change = operation.change)"
        " GROUP BY id ORDER BY id",
        span,
    )
    for issuer, block, operation, root, change, leaves, leaf, tx_hash in rows:
        evidence: JsonObject = {
            "root": str(BatchRoot(root)),
            "change": change,
            "leaves": leaves,
            "firstLeaf": leaf,
            "transaction": str(TxHash(tx_hash)),
        }
        held = count(leaves, "credential")
        sentence = f"{held} of batch {BatchRoot(root)}: {change.lower()} on the chain,"
        sentence += " and not in the records"
        place = IssuerId(issuer), block, operation
        yield Finding(Matter.UNKNOWN_CHANGE, Severity.ERROR, sentence, *place, evidence)


def _unknown_operations(db: sqlite3.Connection, span: Span) -> Iterator[Finding]:
    """Keys, pauses and the like: an issuer's service sends none of them but its registration."""
    rows = db.execute(
        "SELECT issuer, block, operation, kind, actor, tx_hash, detail"
        " FROM operation WHERE leaves IS NULL AND block BETWEEN ? AND ?"
        " AND issuer IN (SELECT id FROM own_issuer)"
        " AND tx_hash NOT IN (SELECT hash FROM own_transaction) ORDER BY id",
        span,
    )
    for issuer, block, operation, kind, actor, tx_hash, detail in rows:
        evidence: JsonObject = {
            "kind": kind,
            "actor": "0x" + actor.hex(),
            "transaction": str(TxHash(tx_hash)),
            "detail": detail,
        }
        severity = Severity.NOTE if kind == "IssuerRegistered" else Severity.WARNING
        sentence = f"{kind} was sent by a transaction that the records do not know"
        place = IssuerId(issuer), block, operation
        yield Finding(Matter.UNKNOWN_OPERATION, severity, sentence, *place, evidence)


def _not_anchored(db: sqlite3.Connection, span: Span) -> Iterator[Finding]:
    rows = db.execute(
        "SELECT issuer, root, size, credentials, sealed FROM own_batch"
        " WHERE anchored AND coalesce(block, 0) <= ?"
        " AND (issuer, root) NOT IN (SELECT issuer, root FROM batch)",
        (span.last,),
    )
    for issuer, root, size, credentials, sealed in rows:
        evidence: JsonObject = {
            "root": str(BatchRoot(root)),
            "leaves": size,
            "credentials": credentials,
            "sealed": sealed,
        }
        held = count(credentials, "credential")
        sentence = f"the records call {held} of batch {BatchRoot(root)} anchored"
        sentence += ", and the chain does not"
        yield Finding(
            Matter.NOT_ANCHORED, Severity.ERROR, sentence, IssuerId(issuer), evidence=evidence
        )


def _changes_not_made(db: sqlite3.Connection, span: Span) -> Iterator[Finding]:
    rows = db.execute(
        "SELECT own.issuer, own.root, own.leaf, own.change FROM own_change AS own"
        " WHERE own.made AND coalesce(own.block, 0) <= ? AND NOT EXISTS ("
        "SELECT 1 FROM operation JOIN lane USING (id) WHERE operation.issuer = own.issuer"
        " AND operation.root = own.root AND lane.leaf = own.leaf"
        " AND operation.change = own.change)"
        # A batch that was revoked as a whole has done what was asked of each of its credentials.
        " AND NOT (own.change = 'REVOKE' AND EXISTS (SELECT 1 FROM batch"
        " WHERE batch.issuer = own.issuer AND batch.root = own.root AND batch.revoked))"
        # What was active when it was to be reinstated is as it was asked for.
        " AND NOT (own.change = 'REINSTATE' AND NOT EXISTS (SELECT 1 FROM operation"
        " JOIN lane USING (id) WHERE operation.issuer = own.issuer AND operation.root = own.root"
        " AND lane.leaf = own.leaf AND operation.change = 'SUSPEND'"
        " AND operation.block <= coalesce(own.block, operation.block)))",
        (span.last,),
    )
    for issuer, root, leaf, change in rows:
        evidence: JsonObject = {"root": str(BatchRoot(root)), "leaf": leaf, "change": change}
        sentence = f"leaf {leaf} of batch {BatchRoot(root)}: {change.lower()} in the records, and"
        sentence += " not on the chain"
        yield Finding(
            Matter.CHANGE_NOT_MADE, Severity.ERROR, sentence, IssuerId(issuer), evidence=evidence
        )


def _late(db: sqlite3.Connection, span: Span, late_s: int) -> Iterator[Finding]:
    rows = db.execute(
        "SELECT batch.issuer, operation.block, batch.operation, batch.root, sealed, anchored_at"
        " FROM batch JOIN own_batch USING (issuer, root) JOIN operation"
        " ON operation.issuer = batch.issuer AND operation.operation = batch.operation"
        " WHERE anchored_at - sealed > ? AND operation.block BETWEEN ? AND ?"
        " ORDER BY operation.id",
        (late_s, *span),
    )
    for issuer, block, operation, root, sealed, anchored_at in rows:
        evidence: JsonObject = {
            "root": str(BatchRoot(root)),
            "sealed": sealed,
            "anchoredAt": anchored_at,
        }
        hours = (anchored_at - sealed) / 3600
        sentence = f"batch {BatchRoot(root)} was anchored {hours:.1f} hours after its seal"
        place = IssuerId(issuer), block, operation
        yield Finding(Matter.LATE_ANCHOR, Severity.WARNING, sentence, *place, evidence)


def _twice(records: IssuerRecords) -> Iterator[Finding]:
    for digest, places in records.twice():
        shown: list[JsonValue] = [
            {"issuerId": str(issuer_id), "root": str(root)} for issuer_id, root in places
        ]
        evidence: JsonObject = {"digest": str(digest), "batches": shown}
        sentence = f"credential {digest} stands in {len(places)} batches"
        issuer_id = places[0][0]
        yield Finding(
            Matter.ANCHORED_TWICE, Severity.WARNING, sentence, issuer_id, evidence=evidence
        )
