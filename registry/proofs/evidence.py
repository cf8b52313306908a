"""Facts read from the chain, each with how it is known.

Evidence is what the verifier judges by; whoever gathers it (`chain_reader`) adds no judgement. A
fact is always as of one block, and two blocks are asked for: the newest (`head`), so that a
revocation counts at once, and the newest that cannot be undone (`finalized`). The two may be known
in different ways: the final block's facts are proven, say, and the newest are one node's word.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from registry.formats.storage import (
    batch_slot,
    decode_batch,
    decode_issuer,
    decode_word,
    issuer_slots,
    word_and_lane,
    word_slot,
)
from registry.moments import unix_minute
from registry.reasons import Reason
from registry.values import CodeHash, DidHash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.formats.receipt import Receipt
    from registry.formats.storage import BatchRecord, IssuerRecord
    from registry.formats.strict_json import JsonObject
    from registry.proofs.told_history import IssuerHistory, NoHistory
    from registry.values import Address, BatchRoot, BlockHash, ChainId, IssuerId, Slot

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
class OneNode:
    """One node said so. `name` is scheme, host and port, never credentials or a path.

    proven: whether it backed its word by storage proofs under a header of its own, so that at least
    its answers are of one piece.
    """

    name: str
    proven: bool = False

    def sentence(self) -> str:
        return f"on the word of one node, {self.name}"

    def to_json(self) -> JsonObject:
        return {"kind": "one node", "name": self.name, "proven": self.proven}


@dataclass(frozen=True, slots=True)
class GivenBlock:
    """The verifier's user named the block. file: the checkpoint file that it stood in, if any."""

    file: str | None = None

    def phrase(self) -> str:
        return "a block hash that was given" + (f" in {self.file}" if self.file else "")

    def to_json(self) -> JsonObject:
        return {"kind": "checkpoint", "file": self.file} if self.file else {"kind": "given"}


@dataclass(frozen=True, slots=True)
class OwnNode:
    """The verifier's own node calls the block final."""

    name: str

    def phrase(self) -> str:
        return f"the block hash that the verifier's own node gave, {self.name}"

    def to_json(self) -> JsonObject:
        return {"kind": "own node", "name": self.name}


@dataclass(frozen=True, slots=True)
class Quorum:
    """These nodes, of so many that were asked, agree on the final block's hash."""

    names: tuple[str, ...]
    asked: int

    def phrase(self) -> str:
        return f"a block hash that {len(self.names)} of {self.asked} nodes agree on"

    def to_json(self) -> JsonObject:
        return {"kind": "quorum", "names": list(self.names), "asked": self.asked}


Trust = GivenBlock | OwnNode | Quorum
"""Why a block's hash is believed."""


@dataclass(frozen=True, slots=True)
class Proven:
    """Storage proofs under a trusted block hash. served_by: the node they came from; None: a file.

    Who served them is no matter of trust.
    """

    trust: Trust
    served_by: str | None = None

    def sentence(self) -> str:
        return f"by storage proof under {self.trust.phrase()}"

    def to_json(self) -> JsonObject:
        return {
            "kind": "storage proof",
            "trust": self.trust.to_json(),
            "servedBy": self.served_by,
        }


Source = OneNode | Proven
"""How facts are known; a storage proof is stronger than anybody's word."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the registry's storage holds about one issuer and batch as of one block.

    issuer and batch are None where the contract has no such record. word is the value of the one
    status word that was asked for, 128 lanes, so that the node does not learn which.
    """

    block: Block
    source: Source
    issuer: IssuerRecord | None
    did_hash: DidHash
    batch: BatchRecord | None
    word: int

    def standing(self) -> str:
        """As of which block, and how it is known: "as of block 9, …"."""
        time = unix_minute(self.block.timestamp)
        return f"as of block {self.block.number}, {time}, {self.source.sentence()}"

    @classmethod
    def decode(cls, block: Block, source: Source, values: Sequence[bytes]) -> Snapshot:
        """From the 32 bytes of each of `Subject.slots`.

        Raises MalformedValue for what no registry can have written.
        """
        record, did_hash, batch, word = values
        return cls(
            block=block,
            source=source,
            issuer=decode_issuer(record),
            did_hash=DidHash(did_hash),
            batch=decode_batch(batch),
            word=decode_word(word),
        )


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

    @property
    def slots(self) -> tuple[Slot, Slot, Slot, Slot]:
        """Issuer record, DID hash, batch, word: what a verdict rests on, in the order of proofs."""
        issuer = issuer_slots(self.issuer_id)
        return (
            issuer.record,
            issuer.did_hash,
            batch_slot(self.issuer_id, self.root),
            word_slot(self.issuer_id, self.root, self.word),
        )


def lacks_records(final: Snapshot, head: Snapshot) -> bool:
    """Whether what is written once at the final block is missing or different at the newest."""
    if final.issuer is not None and head.issuer is None:
        return True
    if final.batch is None:
        return False
    return head.batch is None or replace(final.batch, revoked=head.batch.revoked) != head.batch


@dataclass(frozen=True, slots=True)
class Evidence:
    """Both snapshots of one subject in one registry; they may be one.

    code_hash is keccak256 of the code at `registry`, as well known as the finalized snapshot where
    the contract stands there, else as the head. history: the issuer's operations up to a final
    block; only a question about the past needs them. notes: what a reader should know of those who
    were asked (who lags, who gave no answer, whose proof failed), each a plain phrase.
    """

    chain: ChainId
    registry: Address
    code_hash: CodeHash
    subject: Subject
    head: Snapshot
    finalized: Snapshot
    history: IssuerHistory | NoHistory | None = None
    notes: tuple[str, ...] = ()

    @property
    def surest(self) -> Snapshot:
        """The newest snapshot that is known as well as any: what a claim of freshness rests on."""
        if isinstance(self.finalized.source, Proven) and isinstance(self.head.source, OneNode):
            return self.finalized
        return self.head

    @property
    def anchor_source(self) -> Source:
        """How the anchor is known: what is written once is as good as at the final block."""
        return (self.head if self.finalized.batch is None else self.finalized).source

    def freshness(self) -> str:
        """As of which blocks, and how both are known: "as of block 9, 2026-11-20 03:00 UTC, …"."""
        if self.surest is self.head:
            return self.head.standing()
        return f"{self.finalized.standing()}, and {self.head.standing()}"


@dataclass(frozen=True, slots=True)
class NoEvidence:
    """There are no facts. `reason` completes the sentence that `cause` begins.

    The chain was not or could not be asked: "The chain was not read: ". Proofs that fail: "The
    proof does not hold: ". A block that nobody vouches for: "Its block is not trusted: ".
    """

    reason: str
    cause: Reason = Reason.CHAIN_NOT_READ

    def sentence(self) -> str:
        """Without its full stop; `reason` is as it came."""
        return f"{_BEGINNINGS[self.cause]}: {self.reason}"


_BEGINNINGS = {
    Reason.CHAIN_NOT_READ: "The chain was not read",
    Reason.REGISTRY_NOT_TRUSTED: "The chain was not read",
    Reason.PROOF_FAILED: "The proof does not hold",
    Reason.BLOCK_NOT_TRUSTED: "Its block is not trusted",
}
