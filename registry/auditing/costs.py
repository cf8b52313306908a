"""What an issuer's transactions have cost, from their receipts: on one node's word.

No log says it and no slot holds it, so it is asked for only where an auditor wants it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.auditing.nights import night_of
from registry.errors import NodeInconsistent
from registry.rpc_hex import data, quantity

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from registry.auditing.chain_findings import Span
    from registry.formats.strict_json import JsonValue
    from registry.nodes.rpc import Node
    from registry.progress import Progress
    from registry.values import IssuerId

_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Costs:
    """wei: night -> what its transactions cost together, the part for L1 of a rollup included."""

    node: str
    transactions: int
    gas: int
    wei: Mapping[int, int]

    @property
    def total(self) -> int:
        return sum(self.wei.values())


def read_costs(
    db: sqlite3.Connection, node: Node, only: IssuerId | None, span: Span, bar: Progress
) -> Costs:
    """Ask for the receipt of every transaction of which the audit tells.

    Raises ChainError as `rpc` does, NodeInconsistent for a receipt of something else.
    """
    rows = db.execute(
        "SELECT tx_hash, hash, min(timestamp) FROM operation JOIN block ON number = block"
        " WHERE (?1 IS NULL OR issuer = ?1) AND block BETWEEN ?2 AND ?3 GROUP BY tx_hash",
        (only, *span),
    )
    gas = transactions = 0
    wei: defaultdict[int, int] = defaultdict(int)
    for chunk in _chunks(rows):
        asked: list[tuple[str, Sequence[JsonValue]]] = [
            ("eth_getTransactionReceipt", ["0x" + tx_hash.hex()]) for tx_hash, _, _ in chunk
        ]
        for (tx_hash, block_hash, timestamp), receipt in zip(chunk, node.batch(asked), strict=True):
            used, paid = _paid(node.name, receipt, tx_hash, block_hash)
            gas += used
            wei[night_of(timestamp)] += paid
        transactions += len(chunk)
        bar.advance(len(chunk))
    return Costs(node.name, transactions, gas, dict(wei))


def _chunks(rows: sqlite3.Cursor) -> Iterator[list[tuple[bytes, bytes, int]]]:
    while chunk := rows.fetchmany(_AT_ONCE):
        yield chunk


def _paid(name: str, receipt: JsonValue, tx_hash: bytes, block_hash: bytes) -> tuple[int, int]:
    """Gas, and wei."""
    if not isinstance(receipt, dict):
        raise NodeInconsistent(f"{name} has no receipt of transaction 0x{tx_hash.hex()}")
    named = data(receipt.get("transactionHash"), "transactionHash", 32)
    if named != tx_hash or data(receipt.get("blockHash"), "blockHash", 32) != block_hash:
        raise NodeInconsistent(f"{name}: the receipt of 0x{tx_hash.hex()} is another's")
    gas = quantity(receipt.get("gasUsed"), "gasUsed")
    paid = gas * quantity(receipt.get("effectiveGasPrice"), "effectiveGasPrice")
    if receipt.get("l1Fee") is not None:
        paid += quantity(receipt["l1Fee"], "l1Fee")
    return gas, paid
