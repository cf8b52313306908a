"""Whether logs stand where the node says: against headers and receipts of the same node.

What a log says is proven by its history's hash; its block, position and transaction are not. A node
that moves a log without telling the same story in headers and receipts is caught here. Each log
that is looked at costs a call for its block and one for its transaction, at most.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

from registry.auditing.findings import Finding, Matter, Severity
from registry.errors import NodeRefused
from registry.formats.raw_log import RawLog
from registry.rpc_hex import quantity
from registry.values import BlockHash, IssuerId, TxHash

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from registry.formats.strict_json import JsonObject, JsonValue
    from registry.nodes.rpc import Node

_AT_ONCE = 400
"""Logs that are held, with their receipts, at once."""


def place_findings(
    db: sqlite3.Connection, node: Node, last: int, sample: int | None, seed: int
) -> tuple[list[Finding], int]:
    """What does not stand where the logs say, and how many blocks were looked at.

    sample: how many logs at most, chosen by `seed`; None: all. Raises ChainError.
    """
    (total,) = db.execute("SELECT count(*) FROM log WHERE block <= ?", (last,)).fetchone()
    chosen: Sequence[int] = range(1, total + 1)
    if sample is not None and sample < total:
        chosen = sorted(random.Random(seed).sample(chosen, sample))  # noqa: S311 - repeatable
    findings: list[Finding] = []
    blocks, newest = 0, -1
    for at in range(0, len(chosen), _AT_ONCE):
        rows = [_row(db, number) for number in chosen[at : at + _AT_ONCE]]
        looked_at = {row[0].block for row in rows}
        blocks += len(looked_at - {newest})
        newest = rows[-1][0].block
        findings += _check(node, rows, sorted(looked_at))
    return findings, blocks


_Row = tuple[RawLog, int, bytes, int]
"""A log, and its event's timestamp, issuer and operation."""


def _row(db: sqlite3.Connection, number: int) -> _Row:
    found = db.execute(
        "SELECT block, block_hash, log_index, tx_hash, topics, data, timestamp, issuer, operation"
        " FROM log JOIN operation USING (id) WHERE id = ?",
        (number,),
    ).fetchone()
    return RawLog._make(found[:6]), *found[6:]


def _check(node: Node, rows: Sequence[_Row], blocks: Sequence[int]) -> Iterator[Finding]:
    headers = node.batch([("eth_getBlockByNumber", [hex(block), False]) for block in blocks])
    by_block = dict(zip(blocks, headers, strict=True))
    transactions = list(dict.fromkeys(row[0].tx_hash for row in rows))
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
    for log, timestamp, issuer, operation in rows:
        fault = _header_fault(log, timestamp, by_block[log.block])
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
