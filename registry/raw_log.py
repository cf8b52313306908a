"""A log as a node gives it, in the order and form that it must have, and no more yet.

Place and form are checked here; what the log says is read by `log_slices`, and whether it can
follow those before it is `replay`'s to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from registry.errors import NodeInconsistent
from registry.rpc import quantity

if TYPE_CHECKING:
    from registry.strict_json import JsonObject, JsonValue
    from registry.values import Address, IssuerId

HASH_BYTES = 32


class RawLog(NamedTuple):
    """block, log_index: where on the chain; topics: one to four times 32 bytes."""

    block: int
    block_hash: bytes
    log_index: int
    tx_hash: bytes
    topics: bytes
    data: bytes

    def split_topics(self) -> list[bytes]:
        return [self.topics[at : at + HASH_BYTES] for at in range(0, len(self.topics), HASH_BYTES)]


class BadLog(NodeInconsistent):
    """A log that no node can have read from its chain. kind: in one word, what is the matter."""

    def __init__(self, node: str, kind: str, block: int | None, reason: str) -> None:
        place = "" if block is None else f" in block {block}"
        super().__init__(f"{node}: a log{place} {reason}; ask another node")
        self.kind = kind
        self.block = block


def logs_query(
    registry: Address, first: int, last: int, issuer_id: IssuerId | None = None
) -> JsonObject:
    """What eth_getLogs is asked for, blocks `first` to `last`, both counted."""
    query: JsonObject = {
        "address": registry.to_hex(),
        "fromBlock": hex(first),
        "toBlock": hex(last),
    }
    if issuer_id is not None:
        query["topics"] = [None, issuer_id.to_hex()]  # of every event the first argument
    return query


def read_logs(
    node: str, answer: JsonValue, registry: Address, first: int, last: int
) -> list[RawLog]:
    """The logs of an answer to eth_getLogs for blocks `first` to `last`, both counted.

    Raises BadLog for one outside that range, of another contract, doubled, out of order, taken
    back, or of a block that has two hashes in the same answer.
    """
    if not isinstance(answer, list):
        raise NodeInconsistent(f"{node}: eth_getLogs: no list of logs")
    address = registry.to_hex()
    found: list[RawLog] = []
    block, index, block_hash = first - 1, -1, b""
    text = ""  # of the block's number: many logs of one block are read with one conversion
    for log in answer:
        if not isinstance(log, dict):
            raise BadLog(node, "malformed", None, "is no object")
        if log.get("blockNumber") != text:
            text = str(log.get("blockNumber"))
            number = quantity(log.get("blockNumber"), f"{node}: a log's block")
        else:
            number = block
        place = quantity(log.get("logIndex"), f"{node}: a log's index")
        if number == block and place <= index:
            kind = "duplicated" if place == index else "reordered"
            raise BadLog(node, kind, number, f"comes {_SAYING[kind]} (log {place})")
        if number < block or not first <= number <= last:
            kind = "reordered" if first <= number <= last else "foreign"
            raise BadLog(node, kind, number, _SAYING[kind])
        if str(log.get("address")).lower() != address:
            raise BadLog(node, "foreign", number, "is another contract's")
        if log.get("removed"):
            raise BadLog(node, "removed", number, "was taken back by a reorganisation")
        here = hex_bytes(log.get("blockHash"), node, number)
        if number == block and here != block_hash:
            raise BadLog(node, "inconsistent", number, "has another block hash than its neighbour")
        block, index, block_hash = number, place, here
        found.append(_raw_log(log, node, block, block_hash, index))
    return found


_SAYING = {
    "duplicated": "twice",
    "reordered": "out of order",
    "foreign": "was not asked for",
}


def _raw_log(
    log: dict[str, JsonValue], node: str, block: int, block_hash: bytes, log_index: int
) -> RawLog:
    topics = log.get("topics")
    if not isinstance(topics, list) or not 1 <= len(topics) <= 4:
        raise BadLog(node, "malformed", block, "has no topics, or more than four")
    return RawLog(
        block,
        block_hash,
        log_index,
        hex_bytes(log.get("transactionHash"), node, block),
        b"".join([hex_bytes(topic, node, block) for topic in topics]),
        hex_bytes(log.get("data"), node, block, None),
    )


def hex_bytes(value: JsonValue, node: str, block: int, length: int | None = HASH_BYTES) -> bytes:
    """JSON-RPC data, as `rpc.data` reads it, in a third of the time. Raises BadLog."""
    if isinstance(value, str) and value[:2] == "0x":
        try:
            read = bytes.fromhex(value[2:])
        except ValueError:
            read = b""
        # fromhex passes over white space, which is no hex.
        if 2 * len(read) == len(value) - 2 and length in (None, len(read)):
            return read
    raise BadLog(node, "malformed", block, "has a member that is not the hex it must be")
