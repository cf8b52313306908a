"""A block's header as a node tells it, put back into the RLP that its hash is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.errors import MalformedHeader
from registry.keccak import keccak256
from registry.proofs import rlp
from registry.rpc_hex import data, quantity

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry.formats.strict_json import JsonObject, JsonValue
    from registry.proofs.rlp import Item


def _hash(value: JsonValue, name: str) -> bytes:
    return data(value, name, 32)


def _number(value: JsonValue, name: str) -> bytes:
    return rlp.scalar(quantity(value, name))


def _bytes(length: int | None) -> Callable[[JsonValue, str], bytes]:
    return lambda value, name: data(value, name, length)


_MEMBERS: tuple[tuple[str, Callable[[JsonValue, str], bytes]], ...] = (
    ("parentHash", _hash),
    ("sha3Uncles", _hash),
    ("miner", _bytes(20)),
    ("stateRoot", _hash),
    ("transactionsRoot", _hash),
    ("receiptsRoot", _hash),
    ("logsBloom", _bytes(256)),
    ("difficulty", _number),
    ("number", _number),
    ("gasLimit", _number),
    ("gasUsed", _number),
    ("timestamp", _number),
    ("extraData", _bytes(None)),
    ("mixHash", _hash),
    ("nonce", _bytes(8)),
)
"""Of every fork, by their names in `eth_getBlockByNumber`."""

_LATER_MEMBERS: tuple[tuple[str, Callable[[JsonValue, str], bytes]], ...] = (
    ("baseFeePerGas", _number),  # EIP-1559
    ("withdrawalsRoot", _hash),  # EIP-4895
    ("blobGasUsed", _number),  # EIP-4844
    ("excessBlobGas", _number),
    ("parentBeaconBlockRoot", _hash),  # EIP-4788
    ("requestsHash", _hash),  # EIP-7685
    ("blockAccessListHash", _hash),  # EIP-7928
    ("slotNumber", _number),  # EIP-7843
)
"""Appended by forks, in this order; there or not there, and zero is there."""


def header_rlp(answer: JsonObject) -> bytes:
    """Build a header from what `eth_getBlockByNumber` answers, whatever its fork.

    Raises MalformedHeader unless its hash is the block's own `hash`, NodeInconsistent where a
    member has a wrong shape.
    """
    fields: list[Item] = [read(answer.get(name), name) for name, read in _MEMBERS]
    for name, read in _LATER_MEMBERS:
        if (value := answer.get(name)) is not None:
            fields.append(read(value, name))
    raw = rlp.encode(fields)
    if keccak256(raw) != data(answer.get("hash"), "hash", 32):
        raise MalformedHeader(
            "the block's fields do not give its hash: they are false, or of a fork not known here"
        )
    return raw
