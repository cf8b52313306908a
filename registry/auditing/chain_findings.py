"""What issuers did that an auditor should look at, asked of the store by SQL.

Nothing here is an error: the contract allowed it. How grave it is says how seldom an honest issuer
does it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

from registry.auditing.findings import Finding, Matter, Severity
from registry.plurals import count
from registry.values import Address, BatchRoot, IssuerId, TxHash

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from registry.formats.strict_json import JsonObject

MASS_REVOCATION = 100
"""Credentials revoked in one transaction: from here on an auditor is told."""


class Span(NamedTuple):
    """The blocks whose operations are told of, both counted."""

    first: int
    last: int


def chain_findings(db: sqlite3.Connection, span: Span, every_s: int | None) -> Iterator[Finding]:
    """All of them, matter after matter. every_s: how often an issuer should anchor, if told."""
    yield from _key_changes(db, span)
    yield from _standing(db, span)
    yield from _distrust(db, span)
    yield from _mass_revocations(db, span)
    yield from _reused_roots(db, span)
    if every_s is not None:
        yield from _missed_nights(db, span, every_s)


_OPERATIONS = (
    "SELECT issuer, block, operation, kind, timestamp, actor, root, detail FROM operation"
    # Of all but anchors and status changes, which have an index of their own.
    " WHERE leaves IS NULL AND kind IN ({kinds}) AND block BETWEEN ? AND ? ORDER BY id"
)


class _Operation(NamedTuple):
    issuer_id: IssuerId
    block: int
    operation: int
    kind: str
    timestamp: int
    actor: Address
    root: bytes | None
    detail: JsonObject


def _operations(db: sqlite3.Connection, span: Span, *kinds: str) -> Iterator[_Operation]:
    named = ", ".join(f"'{kind}'" for kind in kinds)
    for row in db.execute(_OPERATIONS.format(kinds=named), span):
        yield _Operation(
            IssuerId(row[0]),
            row[1],
            row[2],
            row[3],
            row[4],
            Address(row[5]),
            row[6],
            orjson.loads(row[7]) if row[7] else {},
        )


def _finding(
    matter: Matter, severity: Severity, one: _Operation, sentence: str, **more: object
) -> Finding:
    evidence: JsonObject = {
        "kind": one.kind,
        "timestamp": one.timestamp,
        "actor": str(one.actor),
        **one.detail,
    }
    evidence.update({name: value for name, value in more.items() if isinstance(value, int | str)})
    return Finding(matter, severity, sentence, one.issuer_id, one.block, one.operation, evidence)


def _key_changes(db: sqlite3.Connection, span: Span) -> Iterator[Finding]:
    kinds = (
        "DidChanged",
        "OwnershipOffered",
        "OwnershipTransferred",
        "DelegateSet",
        "EpochBumped",
        "NoncesCancelled",
    )
    for one in _operations(db, span, *kinds):
        grave = one.kind == "OwnershipTransferred"
        severity = Severity.WARNING if grave else Severity.NOTE
        yield _finding(Matter.KEY_CHANGE, severity, one, _KEY_SENTENCES[one.kind](one))


def _delegate(one: _Operation) -> str:
    names = {0: "no authority any more", 1: "may anchor", 2: "may change status", 3: "may do both"}
    return f"delegate {one.detail['delegate']}: {names.get(int(str(one.detail['roles'])))}"


_KEY_SENTENCES: dict[str, Callable[[_Operation], str]] = {
    "DidChanged": lambda one: f"DID document changed, its hash is {one.detail['didHash']}",
    "OwnershipOffered": lambda one: f"ownership offered to {one.detail['pendingOwner']}",
    "OwnershipTransferred": lambda one: (
        f"owned by {one.actor} from now on, before by {one.detail['previousOwner']}"
    ),
    "DelegateSet": _delegate,
    "EpochBumped": lambda one: f"all delegates ended: epoch {one.detail['epoch']} begins",
    "NoncesCancelled": lambda one: f"signed operations of {one.detail['signer']} cancelled",
}


def _standing(db: sqlite3.Connection, span: Span) -> Iterator[Finding]:
    sentences = {
        "Paused": "paused: it does not anchor until it is unpaused",
        "Unpaused": "unpaused: it anchors again",
        "Retired": "retired: it anchors no more",
    }
    for one in _operations(db, span, *sentences):
        matter = Matter.RETIRED if one.kind == "Retired" else Matter.PAUSED
        yield _finding(matter, Severity.NOTE, one, sentences[one.kind])


def _distrust(db: sqlite3.Connection, span: Span) -> Iterator[Finding]:
    for one in _operations(db, span, "Distrusted"):
        since = int(str(one.detail["distrustAfter"]))
        batches, leaves = db.execute(
            "SELECT count(*), coalesce(sum(size), 0) FROM batch"
            " WHERE issuer = ? AND anchored_at >= ?",
            (one.issuer_id, since),
        ).fetchone()
        sentence = (
            f"distrusted from {since} on (Unix seconds), as said at {one.timestamp}, and with it "
            f"{count(batches, 'batch')} of {count(leaves, 'leaf')}"
        )
        yield _finding(
            Matter.DISTRUST, Severity.WARNING, one, sentence, batches=batches, leaves=leaves
        )


def _mass_revocations(db: sqlite3.Connection, span: Span) -> Iterator[Finding]:
    rows = db.execute(
        "SELECT issuer, block, min(operation), timestamp, actor, tx_hash, sum(leaves), count(*)"
        " FROM operation WHERE block BETWEEN ? AND ? AND change = 'REVOKE'"
        " GROUP BY issuer, tx_hash HAVING sum(leaves) >= ? ORDER BY min(id)",
        (*span, MASS_REVOCATION),
    )
    for issuer, block, operation, timestamp, actor, tx_hash, leaves, operations in rows:
        evidence: JsonObject = {
            "timestamp": timestamp,
            "actor": str(Address(actor)),
            "transaction": str(TxHash(tx_hash)),
            "leaves": leaves,
            "operations": operations,
        }
        sentence = f"{count(leaves, 'credential')} revoked at once"
        place = IssuerId(issuer), block, operation
        yield Finding(Matter.MASS_REVOCATION, Severity.WARNING, sentence, *place, evidence)
    for one in _operations(db, span, "BatchRevoked"):
        root = BatchRoot(one.root or b"")
        (size,) = db.execute(
            "SELECT coalesce(max(size), 0) FROM batch WHERE issuer = ? AND root = ?",
            (one.issuer_id, root),
        ).fetchone()
        sentence = f"batch {root} of {count(size, 'leaf')} revoked as a whole"
        more = {"root": str(root), "leaves": size}
        yield _finding(Matter.MASS_REVOCATION, Severity.WARNING, one, sentence, **more)


def _reused_roots(db: sqlite3.Connection, span: Span) -> Iterator[Finding]:
    """A leaf names its issuer, so an honest root belongs to one: whoever repeats it copied it."""
    rows = db.execute(
        "SELECT operation.issuer, operation.block, operation.operation, operation.root,"
        " first.issuer FROM operation JOIN operation AS first"
        " ON first.root = operation.root AND first.kind = 'Anchored' AND first.id < operation.id"
        " WHERE operation.kind = 'Anchored' AND operation.block BETWEEN ? AND ?"
        " AND operation.root IN (SELECT root FROM batch GROUP BY root HAVING count(*) > 1)"
        " GROUP BY operation.id ORDER BY operation.id",
        span,
    )
    for issuer, block, operation, root, first in rows:
        evidence: JsonObject = {
            "root": str(BatchRoot(root)),
            "anchoredBefore": str(IssuerId(first)),
        }
        sentence = f"root {BatchRoot(root)} was anchored before, by {IssuerId(first)}"
        place = IssuerId(issuer), block, operation
        yield Finding(Matter.ROOT_REUSED, Severity.WARNING, sentence, *place, evidence)


def _missed_nights(db: sqlite3.Connection, span: Span, every_s: int) -> Iterator[Finding]:
    rows = db.execute(
        "SELECT issuer, block, operation, timestamp,"
        " timestamp - lag(timestamp) OVER (PARTITION BY issuer ORDER BY id) AS gap"
        " FROM operation WHERE kind = 'Anchored' ORDER BY id"
    )
    for issuer, block, operation, timestamp, gap in rows:
        if gap is None or gap <= every_s or not span.first <= block <= span.last:
            continue
        evidence: JsonObject = {"timestamp": timestamp, "sinceLastS": gap, "everyS": every_s}
        sentence = f"anchored {gap / 3600:.1f} hours after the anchor before"
        place = IssuerId(issuer), block, operation
        yield Finding(Matter.MISSED_NIGHT, Severity.WARNING, sentence, *place, evidence)
