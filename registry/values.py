"""The kinds of value that must never be mistaken for one another.

Each kind of 32 bytes is a type of its own, so that the type checker refuses a swap; at run time
they are plain `bytes`, equal and hashable as such. Text forms exist only at the edges (JSON, TOML,
the command line): hex is lower case with 0x, chains are CAIP-2, accounts CAIP-10.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from registry.errors import MalformedValue

_LOWER_HEX = re.compile(r"0x[0-9a-f]*")
_ANY_HEX = re.compile(r"0x[0-9a-fA-F]*")
_CAIP2 = re.compile(r"eip155:(0|[1-9][0-9]{0,31})")


class FixedBytes(bytes):
    """Bytes of one exact length. Subclasses name the kind and set LENGTH."""

    __slots__ = ()
    LENGTH: ClassVar[int]

    def __new__(cls, value: bytes) -> Self:
        """Raises MalformedValue unless `value` has exactly LENGTH bytes."""
        if len(value) != cls.LENGTH:
            raise MalformedValue(cls.__name__, f"{len(value)} bytes where {cls.LENGTH} belong")
        return super().__new__(cls, value)

    @classmethod
    def from_hex(cls, text: object) -> Self:
        """Read the one text form that formats allow: 0x and lower-case hex of exact length."""
        if not isinstance(text, str) or not _LOWER_HEX.fullmatch(text) or len(text) % 2:
            raise MalformedValue(cls.__name__, "not lower-case hex with 0x in front")
        return cls(bytes.fromhex(text[2:]))

    def to_hex(self) -> str:
        return "0x" + self.hex()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.to_hex()})"

    __str__ = to_hex


class Bytes32(FixedBytes):
    __slots__ = ()
    LENGTH = 32


class CredentialDigest(Bytes32):
    """SHA-256 of a credential's canonical form without its anchor proofs."""

    __slots__ = ()


class Salt(Bytes32):
    """Random bytes of one credential; deleting them makes its leaf meaningless."""

    __slots__ = ()


class LeafHash(Bytes32):
    __slots__ = ()


class NodeHash(Bytes32):
    """An inner node or a leaf, as a sibling in an inclusion path."""

    __slots__ = ()


class BatchRoot(Bytes32):
    __slots__ = ()


class MetaHash(Bytes32):
    """SHA-256 of a batch's manifest; carried by the anchor's event, not stored."""

    __slots__ = ()


class DidHash(Bytes32):
    """SHA-256 of the canonical form of an issuer's DID document."""

    __slots__ = ()


class IssuerId(Bytes32):
    """keccak256(abi.encode(chain id, registry, registrant, salt)): exists in one place only."""

    __slots__ = ()


class BlockHash(Bytes32):
    __slots__ = ()


class StateRoot(Bytes32):
    """Root of the trie of all accounts, as a block's header has it."""

    __slots__ = ()


class StorageRoot(Bytes32):
    """Root of the trie of one account's storage."""

    __slots__ = ()


class TxHash(Bytes32):
    __slots__ = ()


class CodeHash(Bytes32):
    """keccak256 of a contract's deployed code."""

    __slots__ = ()


class Slot(Bytes32):
    """A storage slot's key, as eth_getStorageAt and eth_getProof take it."""

    __slots__ = ()


class Address(FixedBytes):
    """An EVM account. Text out is lower case; text in may be in any case (no EIP-55 check)."""

    __slots__ = ()
    LENGTH = 20

    @classmethod
    def from_hex(cls, text: object) -> Self:
        if not isinstance(text, str) or not _ANY_HEX.fullmatch(text) or len(text) % 2:
            raise MalformedValue(cls.__name__, "not hex with 0x in front")
        return cls(bytes.fromhex(text[2:]))


@dataclass(frozen=True, slots=True, order=True)
class ChainId:
    """An EVM chain by number; its text form is CAIP-2's `eip155:<decimal>`."""

    number: int

    DEVELOPMENT: ClassVar[int] = 31337

    @classmethod
    def parse(cls, text: object) -> Self:
        match = _CAIP2.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise MalformedValue("ChainId", "not eip155: and a decimal without leading zeros")
        return cls(int(match[1]))

    @property
    def is_development(self) -> bool:
        return self.number == self.DEVELOPMENT

    def __str__(self) -> str:
        return f"eip155:{self.number}"
