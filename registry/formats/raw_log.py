"""A log as a node gives it, in the order and form that it must have, and no more yet.

Place and form are checked here; what the log says is read by `log_slices`, and whether it can
follow those before it is `replay`'s to say.
"""

from __future__ import annotations

from binascii import a2b_hex
from typing import TYPE_CHECKING, NamedTuple

from registry.errors import NodeInconsistent
from registry.rpc_hex import quantity

if TYPE_CHECKING:
    from registry.formats.strict_json import JsonObject, JsonValue
    from registry.values import Address, IssuerId

HASH_BYTES = 32
_HASH_TEXT = 2 + 2 * HASH_BYTES
_SMALL = {hex(number): number for number in range(1024)}
"""Most indices of logs: to look one up is quicker than to read it."""


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
    text: JsonValue = ""  # of the block's number, and of its hash: many logs of one block are read
    hash_text: JsonValue = ""  # with one conversion
    for log in answer:
        if not isinstance(log, dict):
            raise BadLog(node, "malformed", None, "is no object")
        told, number = log.get("blockNumber"), block
        if told != text:
            text, number = told, quantity(told, f"{node}: a log's block")
        place = _index(log.get("logIndex"), node)
        if number == block and place <= index:
            kind = "duplicated" if place == index else "reordered"
            raise BadLog(node, kind, number, f"comes {_SAYING[kind]} (log {place})")
        if number < block or not first <= number <= last:
            kind = "reordered" if first <= number <= last else "foreign"
            raise BadLog(node, kind, number, _SAYING[kind])
        if log.get("address") != address and str(log.get("address")).lower() != address:
            raise BadLog(node, "foreign", number, "is another contract's")
        if log.get("removed"):
            raise BadLog(node, "removed", number, "was taken back by a reorganisation")
        told = log.get("blockHash")
        if told != hash_text:
            here = hex_bytes(told, node, number)
            if number == block and here != block_hash:
                reason = "has another block hash than its neighbour"
                raise BadLog(node, "inconsistent", number, reason)
            hash_text, block_hash = told, here
        block, index = number, place
        found.append(_raw_log(log, node, block, block_hash, index))
    return found


def _index(value: JsonValue, node: str) -> int:
    small = _SMALL.get(value) if isinstance(value, str) else None
    return quantity(value, f"{node}: a log's index") if small is None else small


_SAYING = {
    "duplicated": "twice",
    "reordered": "out of order",
    "foreign": "was not asked for",
}


def _raw_log(
    log: dict[str, JsonValue], node: str, block: int, block_hash: bytes, log_index: int
) -> RawLog:
    return RawLog(
        block,
        block_hash,
        log_index,
        hex_bytes(log.get("transactionHash"), node, block),
        _topics(log.get("topics"), node, block),
        hex_bytes(log.get("data"), node, block, None),
    )


def _topics(topics: JsonValue, node: str, block: int) -> bytes:
    if not isinstance(topics, list) or not 1 <= len(topics) <= 4:
        raise BadLog(node, "malformed", block, "has no topics, or more than four")
    digits = []
    for topic in topics:
        if not isinstance(topic, str) or len(topic) != _HASH_TEXT or topic[:2] != "0x":
            raise _no_hex(node, block)
        digits.append(topic[2:])
    try:
        return a2b_hex("".join(digits))
    except ValueError:
        raise _no_hex(node, block) from None


def hex_bytes(value: JsonValue, node: str, block: int, length: int | None = HASH_BYTES) -> bytes:
    """JSON-RPC data, as `rpc.data` reads it, in a third of the time. Raises BadLog."""
    if isinstance(value, str) and value[:2] == "0x":
        try:
            read = a2b_hex(value[2:])
        except ValueError:
            raise _no_hex(node, block) from None
        if length is None or len(read) == length:
            return read
    raise _no_hex(node, block)


def _no_hex(node: str, block: int) -> BadLog:
    return BadLog(node, "malformed", block, "has a member that is not the hex it must be")
