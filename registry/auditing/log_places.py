"""Whether logs stand where the node says: against headers and receipts of the same node.

What a log says is proven by its history's hash; its block, position and transaction are not. A node
that moves a log without telling the same story in headers and receipts is caught here. Each log
that is looked at costs a call for its block and one for its transaction, at most.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

from registry.auditing.findings import Finding, Matter, Severity
from registry.auditing.rows import STORED_LOG, StoredLog
from registry.errors import NodeRefused
from registry.rpc_hex import quantity
from registry.values import BlockHash, IssuerId, TxHash

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from registry.formats.raw_log import RawLog
    from registry.formats.strict_json import JsonObject, JsonValue
    from registry.nodes.rpc import Node

_AT_ONCE = 400
"""Logs that are held, with their receipts, at once."""


def place_findings(
    db: sqlite3.Connection, node: Node, sample: int | None, seed: int
) -> tuple[list[Finding], int]:
    """What does not stand where the logs say, and how many blocks were looked at.

    sample: how many logs at least, if there are more, chosen by `seed`; None: all. Raises
    ChainError.
    """
    chosen = _chosen(db, sample, seed)
    findings: list[Finding] = []
    blocks, newest = 0, -1
    for at in range(0, len(chosen), _AT_ONCE):
        rows = [_row(db, number) for number in chosen[at : at + _AT_ONCE]]
        looked_at = {row.block for row in rows}
        blocks += len(looked_at - {newest})
        newest = rows[-1].block
        findings += _check(node, rows, sorted(looked_at))
    return findings, blocks


def _chosen(db: sqlite3.Connection, sample: int | None, seed: int) -> Sequence[int]:
    """Ids in order; with one log all others of its transaction, since one receipt has them all."""
    (total,) = db.execute("SELECT logs FROM cursor").fetchone()
    every = range(1, total + 1)
    if sample is None or sample >= total:
        return every
    chosen: set[int] = set()
    for number in random.Random(seed).sample(every, sample):  # noqa: S311 - repeatable
        if len(chosen) >= sample:
            break
        if number not in chosen:
            chosen.update(_same_transaction(db, number))
    return sorted(chosen)


def _same_transaction(db: sqlite3.Connection, number: int) -> range:
    (tx_hash,) = db.execute("SELECT tx_hash FROM operation WHERE id = ?", (number,)).fetchone()
    before = db.execute(
        "SELECT id FROM operation WHERE id < ? AND tx_hash <> ? ORDER BY id DESC LIMIT 1",
        (number, tx_hash),
    ).fetchone()
    after = db.execute(
        "SELECT id FROM operation WHERE id > ? AND tx_hash <> ? ORDER BY id LIMIT 1",
        (number, tx_hash),
    ).fetchone()
    (end,) = after or db.execute("SELECT logs + 1 FROM cursor").fetchone()
    return range(before[0] + 1 if before else 1, end)


def _row(db: sqlite3.Connection, number: int) -> StoredLog:
    return StoredLog._make(db.execute(f"{STORED_LOG} WHERE id = ?", (number,)).fetchone())


def _check(node: Node, rows: Sequence[StoredLog], blocks: Sequence[int]) -> Iterator[Finding]:
    headers = node.batch([("eth_getBlockByNumber", [hex(block), False]) for block in blocks])
    by_block = dict(zip(blocks, headers, strict=True))
    transactions = list(dict.fromkeys(row.tx_hash for row in rows))
    try:
        answers = node.batch(
            [("eth_getTransactionReceipt", ["0x" + one.hex()]) for one in transactions]
        )
    except NodeRefused:  # pruned, or not served: the headers still say something
        answers = []
    receipts = {
        tx_hash: _Receipt.read(answer)
        for tx_hash, answer in zip(transactions, answers, strict=False)
    }
    for row in rows:
        fault = _header_fault(row, by_block[row.block])
        if fault is None and row.tx_hash in receipts:
            fault = _receipt_fault(row.raw(), receipts[row.tx_hash])
        if fault is not None:
            yield _misplaced(row, fault)


def _header_fault(log: StoredLog, header: JsonValue) -> str | None:
    if not isinstance(header, dict):
        return "the node knows no such block"
    if header.get("hash") != "0x" + log.block_hash.hex():
        return "the block of that number has another hash"
    if quantity(header.get("timestamp"), "block timestamp") != log.timestamp:
        return f"the log was written at {log.timestamp}, and the block is of another time"
    return None


class _Receipt(NamedTuple):
    """logs: position -> topics and data, in hex."""

    block_hash: JsonValue
    logs: dict[int, tuple[str, str]]

    @classmethod
    def read(cls, answer: JsonValue) -> _Receipt | None:
        if not isinstance(answer, dict):
            return None
        logs = answer.get("logs")
        told = [one for one in logs if isinstance(one, dict)] if isinstance(logs, list) else []
        return cls(
            answer.get("blockHash"),
            {quantity(one.get("logIndex"), "log"): _written(one) for one in told},
        )


def _receipt_fault(log: RawLog, receipt: _Receipt | None) -> str | None:
    if receipt is None:
        return "the node knows no such transaction"
    if receipt.block_hash != "0x" + log.block_hash.hex():
        return "its transaction is in another block"
    if receipt.logs.get(log.log_index) != (log.topics.hex(), log.data.hex()):
        return "its transaction's receipt has no such log at that position"
    return None


def _written(log: JsonObject) -> tuple[str, str]:
    topics = log.get("topics")
    texts = [str(one)[2:] for one in topics] if isinstance(topics, list) else []
    return "".join(texts), str(log.get("data"))[2:]


def _misplaced(log: StoredLog, fault: str) -> Finding:
    evidence: JsonObject = {
        "blockHash": str(BlockHash(log.block_hash)),
        "logIndex": log.log_index,
        "transaction": str(TxHash(log.tx_hash)),
        "fault": fault,
    }
    return Finding(
        Matter.MISPLACED_LOG,
        Severity.ERROR,
        f"the node contradicts itself on where operation {log.operation} stands: {fault}",
        IssuerId(log.issuer),
        log.block,
        log.operation,
        evidence,
    )
