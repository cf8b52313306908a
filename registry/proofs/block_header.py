"""A block's header: hashed from its RLP, and read by position.

Source: Ethereum Yellow Paper §4.4.3 and the EIPs that append fields. The first fifteen fields are
those of every fork; what later forks append is covered by the hash and read by nobody here, so a
header of a fork yet to come is accepted. A header names no chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from registry.errors import MalformedHeader, MalformedRlp
from registry.formats.exact_json import MAX_SAFE_INTEGER
from registry.keccak import keccak256
from registry.proofs import rlp
from registry.proofs.evidence import Block
from registry.values import BlockHash, StateRoot

if TYPE_CHECKING:
    from registry.proofs.rlp import Item

MAX_HEADER_BYTES = 64 * 1024
"""Some chains keep validators' signatures in extraData: kilobytes, never more than this."""
_MAX_FIELDS = 64
_NUMBER_BYTES = 8

_FIXED = {0: 32, 1: 32, 2: 20, 3: 32, 4: 32, 5: 32, 6: 256, 13: 32, 14: 8}
"""Lengths by position: parent, ommers, beneficiary, state root, transactions, receipts, bloom, mix
hash, nonce."""
_PARENT, _STATE_ROOT, _NUMBER, _TIMESTAMP = 0, 3, 8, 11
_SCALARS = (7, 8, 9, 10, 11)
"""difficulty, number, gasLimit, gasUsed, timestamp."""
_FIRST_FIELDS = 15


@dataclass(frozen=True, slots=True)
class Header:
    """timestamp: Unix seconds."""

    hash: BlockHash
    parent_hash: BlockHash
    state_root: StateRoot
    number: int
    timestamp: int

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """Read a header's RLP. Raises MalformedHeader."""
        try:
            fields = rlp.decode_list(raw, max_bytes=MAX_HEADER_BYTES, max_depth=1)
            return cls._from(raw, fields)
        except MalformedRlp as fault:
            raise MalformedHeader(f"the block header is none: {fault}") from None

    @classmethod
    def _from(cls, raw: bytes, fields: list[Item]) -> Self:
        if not _FIRST_FIELDS <= len(fields) <= _MAX_FIELDS:
            raise MalformedRlp(f"{len(fields)} fields")
        texts = [field for field in fields if isinstance(field, bytes)]
        if len(texts) != len(fields):
            raise MalformedRlp("a field that is a list")
        for place, length in _FIXED.items():
            if len(texts[place]) != length:
                raise MalformedRlp(f"field {place} has {len(texts[place])} bytes, not {length}")
        for place in _SCALARS:
            rlp.integer(texts[place])
        return cls(
            hash=BlockHash(keccak256(raw)),
            parent_hash=BlockHash(texts[_PARENT]),
            state_root=StateRoot(texts[_STATE_ROOT]),
            number=_whole(texts[_NUMBER]),
            timestamp=_whole(texts[_TIMESTAMP]),
        )

    @property
    def block(self) -> Block:
        return Block(self.number, self.hash, self.timestamp)


def _whole(field: bytes) -> int:
    """No block that anyone will see has a number or a time that JSON's readers cannot take."""
    number = rlp.integer(field, max_bytes=_NUMBER_BYTES)
    if number > MAX_SAFE_INTEGER:
        raise MalformedRlp("a number or a time beyond 2^53-1")
    return number
