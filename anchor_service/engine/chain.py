"""What the service asks of a chain: raw JSON-RPC in, typed values out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from anchor_service.engine.endpoints import Pool
from anchor_service.engine.fees import Market
from anchor_service.errors import Blocked
from anchor_service.store.broadcasts import Broadcast, classify
from anchor_service.store.lifecycle import Reason
from registry.errors import NodeInconsistent, NodeRefused
from registry.rpc_hex import data as hex_data
from registry.rpc_hex import quantity
from registry.values import Address, BlockHash, ChainId, Slot, TxHash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.formats.strict_json import JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class Head:
    """timestamp: unix seconds; base_fee: wei per gas."""

    number: int
    hash: BlockHash
    timestamp: int
    base_fee: int


@dataclass(frozen=True, slots=True)
class Log:
    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    index: int
    tx_hash: TxHash
    block_number: int
    block_hash: BlockHash


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction in a block that is on the canonical chain now; gas_price: wei per gas."""

    tx_hash: TxHash
    block_number: int
    block_hash: BlockHash
    block_time: int
    succeeded: bool
    recipient: Address
    logs: tuple[Log, ...]
    gas_used: int
    gas_price: int


# Public nodes refuse longer batches.
_CALLS_A_BATCH = 100
_BLOCK = "eth_getBlockByNumber"


class Speaker(Protocol):
    """A node, or several that answer as one."""

    @property
    def name(self) -> str: ...
    def call(self, method: str, params: Sequence[JsonValue]) -> JsonValue: ...
    def batch(self, calls: Sequence[tuple[str, Sequence[JsonValue]]]) -> list[JsonValue]: ...


class Chain:
    """One chain through one node or a pool; every number is checked to be one."""

    def __init__(self, node: Speaker, chain_id: ChainId) -> None:
        self.node = node
        self.id = chain_id

    def check(self) -> None:
        """Raises Blocked(WRONG_CHAIN) unless the node serves the chain of the settings."""
        served = quantity(self.node.call("eth_chainId", []), "eth_chainId")
        if served != self.id.number:
            raise Blocked(
                Reason.WRONG_CHAIN,
                f"the node serves eip155:{served}, the settings name {self.id}; "
                "correct [chain] rpc or id",
            )

    def head(self, tag: str = "latest") -> Head:
        head = self._block(tag)
        if head is None:
            raise NodeInconsistent(f"the node knows no block {tag!r}")
        return head

    def final(self, depth: int | None) -> Head:
        """The newest block that counts as final: so many below the head, or as the nodes tag it."""
        if depth is None:
            return self.head("finalized")
        return self.head(hex(max(0, self.head().number - depth)))

    def block(self, number: int) -> Head | None:
        """None where the chain is not that long (any more)."""
        return self._block(hex(number))

    def hashes(self, numbers: Sequence[int]) -> dict[int, BlockHash | None]:
        """The canonical block's hash at each height; None above the head.

        Where the nodes of a pool disagree on a block it is left out: nobody knows.
        """
        if isinstance(self.node, Pool):
            said = {number: self.node.every(_BLOCK, [hex(number), False]) for number in numbers}
        else:
            answers = self.node.batch([(_BLOCK, [hex(number), False]) for number in numbers])
            said = {number: [one] for number, one in zip(numbers, answers, strict=True)}
        found: dict[int, BlockHash | None] = {}
        for number, answers in said.items():
            hashes = {None if one is None else _head(one).hash for one in answers}
            if len(hashes) == 1:
                found[number] = hashes.pop()
        return found

    def nonce(self, sender: Address) -> int:
        """Transactions of this sender that are in the chain."""
        return quantity(
            self.node.call("eth_getTransactionCount", [str(sender), "latest"]),
            "eth_getTransactionCount",
        )

    def balance(self, account: Address) -> int:
        """In wei."""
        return quantity(
            self.node.call("eth_getBalance", [str(account), "latest"]), "eth_getBalance"
        )

    def market(self) -> Market:
        base_fee = self.head().base_fee
        return Market(
            base_fee,
            quantity(self.node.call("eth_maxPriorityFeePerGas", []), "eth_maxPriorityFeePerGas"),
        )

    def estimate(self, sender: Address, recipient: Address, data: bytes) -> int:
        """Gas; raises NodeRefused with the revert's bytes in `data` where the call would fail."""
        call: JsonObject = {"from": str(sender), "to": str(recipient), "data": "0x" + data.hex()}
        return quantity(self.node.call("eth_estimateGas", [call]), "eth_estimateGas")

    def code(self, account: Address) -> bytes:
        return hex_data(self.node.call("eth_getCode", [str(account), "latest"]), "eth_getCode")

    def storage(self, contract: Address, slots: Sequence[Slot], tag: str = "latest") -> list[bytes]:
        """32 bytes a slot, in order."""
        values: list[bytes] = []
        for start in range(0, len(slots), _CALLS_A_BATCH):
            part = slots[start : start + _CALLS_A_BATCH]
            answers = self.node.batch(
                [("eth_getStorageAt", [str(contract), slot.to_hex(), tag]) for slot in part]
            )
            values += [hex_data(answer, "eth_getStorageAt").rjust(32, b"\0") for answer in answers]
        return values

    def broadcast(self, raw: bytes) -> Broadcast:
        """Raises NodeUnreachable: it may have arrived all the same."""
        try:
            self.node.call("eth_sendRawTransaction", ["0x" + raw.hex()])
        except NodeRefused as error:
            return classify(str(error))
        return Broadcast.TAKEN

    def mined(self, tx_hash: TxHash) -> Mined | None:
        """None while pending or unknown, or where its block is not canonical."""
        answer = self.node.call("eth_getTransactionReceipt", [str(tx_hash)])
        if answer is None:
            return None
        fields = _object(answer)
        number = quantity(fields.get("blockNumber"), "blockNumber")
        block_hash = BlockHash(hex_data(fields.get("blockHash"), "blockHash"))
        block = self.block(number)
        if block is None or block.hash != block_hash:
            return None
        logs = fields.get("logs")
        return Mined(
            tx_hash,
            number,
            block_hash,
            block.timestamp,
            quantity(fields.get("status"), "status") == 1,
            Address(hex_data(fields.get("to"), "to", Address.LENGTH)),
            tuple(_log(one) for one in (logs if isinstance(logs, list) else [])),
            quantity(fields.get("gasUsed"), "gasUsed"),
            quantity(fields.get("effectiveGasPrice"), "effectiveGasPrice"),
        )

    def logs(self, contract: Address, topics: Sequence[bytes], first: int, last: int) -> list[Log]:
        """Logs in blocks `first` to `last`, both counted."""
        query: JsonObject = {
            "address": str(contract),
            "topics": ["0x" + topic.hex() for topic in topics],
            "fromBlock": hex(first),
            "toBlock": hex(last),
        }
        answer = self.node.call("eth_getLogs", [query])
        if not isinstance(answer, list):
            raise NodeInconsistent("eth_getLogs: the node's answer is no list")
        return [_log(one) for one in answer]

    def blocks_at(self, timestamp: int) -> tuple[int, int] | None:
        """First and last block with exactly this time; None where there is none."""
        top = self.head().number
        first = self._first_from(timestamp, top)
        last = self._first_from(timestamp + 1, top) - 1
        return (first, last) if first <= last else None

    def _first_from(self, timestamp: int, top: int) -> int:
        """The lowest block at or after that time, by bisection: times never fall."""
        low, high = 0, top + 1
        while low < high:
            middle = (low + high) // 2
            if self.head(hex(middle)).timestamp < timestamp:
                low = middle + 1
            else:
                high = middle
        return low

    def _block(self, tag: str) -> Head | None:
        answer = self.node.call(_BLOCK, [tag, False])
        return None if answer is None else _head(answer)


def _head(answer: JsonValue) -> Head:
    fields = _object(answer)
    return Head(
        quantity(fields.get("number"), "number"),
        BlockHash(hex_data(fields.get("hash"), "hash")),
        quantity(fields.get("timestamp"), "timestamp"),
        quantity(fields.get("baseFeePerGas"), "baseFeePerGas"),
    )


def _log(value: JsonValue) -> Log:
    fields = _object(value)
    topics = fields.get("topics")
    return Log(
        Address(hex_data(fields.get("address"), "address")),
        tuple(hex_data(topic, "topic") for topic in (topics if isinstance(topics, list) else [])),
        hex_data(fields.get("data"), "data"),
        quantity(fields.get("logIndex"), "logIndex"),
        TxHash(hex_data(fields.get("transactionHash"), "transactionHash")),
        quantity(fields.get("blockNumber"), "blockNumber"),
        BlockHash(hex_data(fields.get("blockHash"), "blockHash")),
    )


def _object(value: JsonValue) -> JsonObject:
    if not isinstance(value, dict):
        raise NodeInconsistent("the node answered something else than an object")
    return value
