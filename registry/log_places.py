"""Whether logs stand where the node says: against headers and receipts of the same node.

What a log says is proven by its history's hash; its block, position and transaction are not. A node
that moves a log without telling the same story in headers and receipts is caught here. Each block
that is looked at costs two calls and one more for each of its transactions.
"""

from __future__ import annotations

import random
from itertools import groupby
from typing import TYPE_CHECKING

from registry.errors import NodeRefused
from registry.findings import Finding, Matter, Severity
from registry.raw_log import RawLog
from registry.rpc import quantity
from registry.values import BlockHash, IssuerId, TxHash

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from registry.rpc import Node
    from registry.strict_json import JsonObject, JsonValue

_AT_ONCE = 100


def place_findings(
    db: sqlite3.Connection, node: Node, last: int, sample: int | None, seed: int
) -> tuple[list[Finding], int]:
    """What does not stand where the logs say, and how many blocks were looked at.

    sample: how many blocks at most, chosen by `seed`; None: all. Raises ChainError.
    """
    blocks = [
        row[0] for row in db.execute("SELECT DISTINCT block FROM log WHERE block <= ?", (last,))
    ]
    if sample is not None and sample < len(blocks):
        blocks = sorted(random.Random(seed).sample(blocks, sample))  # noqa: S311 - repeatable
    findings: list[Finding] = []
    for at in range(0, len(blocks), _AT_ONCE):
        findings += _check(db, node, blocks[at : at + _AT_ONCE])
    return findings, len(blocks)


def _check(db: sqlite3.Connection, node: Node, blocks: Sequence[int]) -> Iterator[Finding]:
    rows = [
        row
        for block in blocks
        for row in db.execute(
            "SELECT log.*, timestamp, issuer, operation FROM log JOIN operation USING (id)"
            " WHERE block = ? ORDER BY id",
            (block,),
        )
    ]
    headers = node.batch([("eth_getBlockByNumber", [hex(block), False]) for block in blocks])
    by_block = dict(zip(blocks, headers, strict=True))
    transactions = list(dict.fromkeys(row[4] for row in rows))
    try:
        answers = node.batch(
            [("eth_getTransactionReceipt", ["0x" + one.hex()]) for one in transactions]
        )
    except NodeRefused:  # pruned, or not served: the headers still say something
        answers = []
    receipts = dict(zip(transactions, answers, strict=False))
    for block, group in groupby(rows, key=lambda row: int(row[1])):
        for row in group:
            log, (timestamp, issuer, operation) = RawLog._make(row[1:7]), row[7:]
            fault = _header_fault(log, timestamp, by_block[block])
            if fault is None and log.tx_hash in receipts:
                fault = _receipt_fault(log, receipts[log.tx_hash])
            if fault is not None:
                yield _misplaced(log, IssuerId(issuer), operation, fault)


def _header_fault(log: RawLog, timestamp: int, header: JsonValue) -> str | None:
    if not isinstance(header, dict):
        return "the node knows no such block"
    if header.get("hash") != "0x" + log.block_hash.hex():
        return "the block of that number has another hash"
    if quantity(header.get("timestamp"), "block timestamp") != timestamp:
        return f"the log was written at {timestamp}, and the block is of another time"
    return None


def _receipt_fault(log: RawLog, receipt: JsonValue) -> str | None:
    if not isinstance(receipt, dict):
        return "the node knows no such transaction"
    if receipt.get("blockHash") != "0x" + log.block_hash.hex():
        return "its transaction is in another block"
    logs = receipt.get("logs")
    wanted = [log.log_index, log.topics.hex(), log.data.hex()]
    for one in logs if isinstance(logs, list) else ():
        if isinstance(one, dict) and _written(one) == wanted:
            return None
    return "its transaction's receipt has no such log at that position"


def _written(log: JsonObject) -> list[object]:
    topics = log.get("topics")
    texts = [str(one)[2:] for one in topics] if isinstance(topics, list) else []
    return [quantity(log.get("logIndex"), "log"), "".join(texts), str(log.get("data"))[2:]]


def _misplaced(log: RawLog, issuer_id: IssuerId, operation: int, fault: str) -> Finding:
    evidence: JsonObject = {
        "blockHash": str(BlockHash(log.block_hash)),
        "logIndex": log.log_index,
        "transaction": str(TxHash(log.tx_hash)),
        "fault": fault,
    }
    return Finding(
        Matter.MISPLACED_LOG,
        Severity.ERROR,
        f"the node contradicts itself on where operation {operation} stands: {fault}",
        issuer_id,
        log.block,
        operation,
        evidence,
    )
