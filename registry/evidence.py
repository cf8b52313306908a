"""Facts read from the chain, each with how it is known.

Evidence is what the verifier judges by; whoever gathers it (`chain_reader`) adds no judgement. A
fact is always as of one block, and two blocks are asked for: the newest (`head`), so that a
revocation counts at once, and the newest that cannot be undone (`finalized`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from registry.storage import word_and_lane
from registry.values import CodeHash

if TYPE_CHECKING:
    from registry.receipt import Receipt
    from registry.storage import BatchRecord, IssuerRecord
    from registry.strict_json import JsonObject
    from registry.told_history import IssuerHistory, NoHistory
    from registry.values import Address, BatchRoot, BlockHash, ChainId, DidHash, IssuerId

EMPTY_CODE_HASH = CodeHash.from_hex(
    "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
)
"""keccak256 of nothing: there is no contract."""


@dataclass(frozen=True, slots=True)
class Block:
    """timestamp: Unix seconds."""

    number: int
    hash: BlockHash
    timestamp: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the registry's storage holds about one issuer and batch as of one block.

    issuer and batch are None where the contract has no such record. word is the value of the one
    status word that was asked for, 128 lanes, so that the node does not learn which.
    """

    block: Block
    issuer: IssuerRecord | None
    did_hash: DidHash
    batch: BatchRecord | None
    word: int


@dataclass(frozen=True, slots=True)
class OneNode:
    """One node said so. `name` is scheme, host and port, never credentials or a path."""

    name: str

    def sentence(self) -> str:
        return f"on the word of one node, {self.name}"

    def to_json(self) -> JsonObject:
        return {"kind": "one node", "name": self.name}


Source = OneNode
"""How facts are known. A union of the ways, once there is more than one."""


class Subject(NamedTuple):
    """What is asked about: one word of one batch of one issuer."""

    issuer_id: IssuerId
    root: BatchRoot
    word: int

    @classmethod
    def of(cls, receipt: Receipt) -> Subject:
        """The whole word that a receipt's index lies in: the node does not learn which lane."""
        word, _ = word_and_lane(receipt.index)
        return cls(receipt.issuer_id, receipt.root, word)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Both snapshots of one subject in one registry.

    code_hash is keccak256 of the code at `registry` as of the head block. history: the issuer's
    operations up to a final block; only a question about the past needs them.
    """

    chain: ChainId
    registry: Address
    code_hash: CodeHash
    subject: Subject
    source: Source
    head: Snapshot
    finalized: Snapshot
    history: IssuerHistory | NoHistory | None = None


@dataclass(frozen=True, slots=True)
class NoEvidence:
    """The chain was not or could not be asked. `reason` completes "the chain was not read: "."""

    reason: str
