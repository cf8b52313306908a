"""Headers of many forks: built, hashed and read, and what is none."""

from __future__ import annotations

from typing import Any

import pytest
import rlp as peer

from registry.errors import MalformedHeader, NodeInconsistent
from registry.keccak import keccak256
from registry.nodes.header_fields import header_rlp
from registry.proofs.block_header import Header

FIRST: dict[str, str] = {
    "parentHash": "0x" + "01" * 32,
    "sha3Uncles": "0x" + "02" * 32,
    "miner": "0x" + "03" * 20,
    "stateRoot": "0x" + "04" * 32,
    "transactionsRoot": "0x" + "05" * 32,
    "receiptsRoot": "0x" + "06" * 32,
    "logsBloom": "0x" + "00" * 256,
    "difficulty": "0x0",
    "number": "0x10d4f",
    "gasLimit": "0x1c9c380",
    "gasUsed": "0x0",
    "timestamp": "0x6553f100",
    "extraData": "0x",
    "mixHash": "0x" + "07" * 32,
    "nonce": "0x0000000000000000",
}
LATER: dict[str, str] = {
    "baseFeePerGas": "0x7",
    "withdrawalsRoot": "0x" + "08" * 32,
    "blobGasUsed": "0x0",
    "excessBlobGas": "0x0",
    "parentBeaconBlockRoot": "0x" + "09" * 32,
    "requestsHash": "0x" + "0a" * 32,
    "blockAccessListHash": "0x" + "0b" * 32,
    "slotNumber": "0x0",
}
FORKS = [0, 1, 2, 5, 6, 8]
"""How many later fields: Paris's predecessors, London, Shanghai, Cancun, Prague, Amsterdam."""
NUMBERS = {"difficulty", "number", "gasLimit", "gasUsed", "timestamp"} | {
    "baseFeePerGas",
    "blobGasUsed",
    "excessBlobGas",
    "slotNumber",
}


def peer_rlp(fields: dict[str, str]) -> bytes:
    values = [
        int(text, 16) if name in NUMBERS else bytes.fromhex(text[2:])
        for name, text in fields.items()
    ]
    raw: bytes = peer.encode(values)
    return raw


def block(later: int, **changed: Any) -> dict[str, Any]:
    fields = {**FIRST, **dict(list(LATER.items())[:later])}
    answer: dict[str, Any] = {**fields, "size": "0x1", "transactions": []}
    return {**answer, "hash": "0x" + keccak256(peer_rlp(fields)).hex(), **changed}


@pytest.mark.parametrize("later", FORKS)
def test_headers_of_every_fork_are_built_and_read(later: int) -> None:
    answer = block(later)
    raw = header_rlp(answer)
    header = Header.decode(raw)
    assert header.hash.to_hex() == answer["hash"]
    assert header.parent_hash.to_hex() == FIRST["parentHash"]
    assert header.state_root.to_hex() == FIRST["stateRoot"]
    assert (header.number, header.timestamp) == (0x10D4F, 0x6553F100)
    assert header.block.hash == header.hash


def test_a_field_that_is_zero_is_there_and_one_that_is_null_is_not() -> None:
    assert header_rlp({**block(5), "requestsHash": None}) == header_rlp(block(5))
    with pytest.raises(MalformedHeader, match="do not give its hash"):
        header_rlp({**block(5), "excessBlobGas": None})


@pytest.mark.parametrize("name", [*FIRST, *LATER])
def test_a_block_with_any_other_field_has_another_hash(name: str) -> None:
    value = block(8)[name]
    last = "1" if value == "0x" or value[-1] != "1" else "2"
    changed = "0x01" if value == "0x" else value[:-1] + last
    with pytest.raises(MalformedHeader, match="do not give its hash"):
        header_rlp(block(8, **{name: changed}))


@pytest.mark.parametrize("name", [*FIRST, "hash"])
@pytest.mark.parametrize("value", [None, 7, "0x0g", "", []])
def test_a_field_of_another_shape_names_itself(name: str, value: Any) -> None:
    with pytest.raises(NodeInconsistent, match=name):
        header_rlp(block(8, **{name: value}))


def test_a_fork_yet_to_come_may_append_fields() -> None:
    fields = peer.decode(header_rlp(block(8)))
    raw = peer.encode([*fields, b"\x0c" * 32, b""])
    assert Header.decode(raw).number == 0x10D4F


def fields_with(place: int, value: object) -> bytes:
    fields = list(peer.decode(header_rlp(block(6))))
    fields[place] = value
    raw: bytes = peer.encode(fields)
    return raw


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xc0",
        b"\x80",
        peer.encode([b""] * 15),
        peer.encode([b""] * 65),
        peer.encode(peer.decode(peer_rlp(FIRST))[:14]),
        peer_rlp(FIRST) + b"\0",
        peer_rlp(FIRST)[:-1],
        fields_with(3, b"\x04" * 31),
        fields_with(8, b"\0\1"),
        fields_with(8, b"\1" * 9),
        fields_with(11, b"\1" * 9),
        fields_with(8, (2**53).to_bytes(7)),
        fields_with(11, (2**53).to_bytes(7)),
        fields_with(7, b"\1" * 33),
        fields_with(12, []),
        fields_with(16, [b"\1"]),
        fields_with(12, bytes(70_000)),
    ],
)
def test_what_is_no_header_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedHeader, match="the block header is none"):
        Header.decode(raw)
