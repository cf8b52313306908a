"""From a trusted block hash to facts: header, state root, the registry's account, its slots.

EIP-1186's proofs, checked here node by node; who served them is no matter. A header carries no
chain id, so a trusted block is always one of a named chain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from registry.documents.did_document import DidDocument
from registry.documents.issuer_word import NO_WORD, IssuerWord, KnownDocument, Origin
from registry.errors import BrokenProof, MalformedDocument, MalformedValue, UnsoundEvidence
from registry.formats.events import read_log
from registry.formats.storage import decode_history, issuer_slots
from registry.proofs.block_header import Header
from registry.proofs.evidence import (
    EMPTY_CODE_HASH,
    Evidence,
    GivenBlock,
    NoEvidence,
    Proven,
    Snapshot,
    Subject,
    Trust,
)
from registry.proofs.state_proof import prove_account, prove_slot
from registry.proofs.told_history import IssuerHistory, NoHistory, Told
from registry.proofs.trie_proof import EMPTY_TRIE, Witness
from registry.reasons import Reason
from registry.values import BlockHash, ChainId, CodeHash, StorageRoot

if TYPE_CHECKING:
    from registry.formats.storage import HistoryRecord
    from registry.proofs.bundle import Bundle
    from registry.proofs.evidence import Source
    from registry.values import Address, IssuerId, Slot

_TRUSTED_BLOCK = re.compile(r"(eip155:[0-9]+):(0x[0-9a-f]{64})")


class TrustedBlock(NamedTuple):
    """A block of one chain, by its hash."""

    chain: ChainId
    hash: BlockHash

    @classmethod
    def parse(cls, text: str) -> TrustedBlock:
        """Read `eip155:N:0xHASH`, hex in any case. Raises MalformedValue."""
        match = _TRUSTED_BLOCK.fullmatch(text.strip().lower())
        if match is None:
            raise MalformedValue("trusted block", f"{text[:90]!r} is not eip155:N:0xHASH")
        return cls(ChainId.parse(match[1]), BlockHash.from_hex(match[2]))

    def __str__(self) -> str:
        return f"{self.chain}:{self.hash}"


TrustedBlocks: TypeAlias = Mapping[TrustedBlock, Trust]
"""Blocks that the verifier believes in, each with why."""

NO_BLOCKS: TrustedBlocks = {}


def read_checkpoints(text: str, file: str) -> dict[TrustedBlock, Trust]:
    """Read a checkpoint file: a trusted block a line, and comments from # to the line's end.

    file: its name, for reports. Raises MalformedDocument with the line at fault.
    """
    found: dict[TrustedBlock, Trust] = {}
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.partition("#")[0].strip()
        if entry:
            try:
                found[TrustedBlock.parse(entry)] = GivenBlock(file)
            except MalformedValue as fault:
                raise MalformedDocument(f"{file}, line {number}: {fault.reason}") from None
    return found


class ProvenAccount:
    """The registry's account as of one block, and the way to its slots."""

    def __init__(self, header: Header, witness: Witness, registry: Address) -> None:
        """Raises UnsoundEvidence where the nodes do not prove the account, or its absence."""
        account = prove_account(witness, header.state_root, registry)
        self._witness = witness
        self._storage_root = StorageRoot(EMPTY_TRIE) if account is None else account.storage_root
        self._block = header.block
        self.code_hash: CodeHash = EMPTY_CODE_HASH if account is None else account.code_hash

    def slot(self, slot: Slot) -> bytes:
        """32 bytes. Raises UnsoundEvidence."""
        return prove_slot(self._witness, self._storage_root, slot)

    def snapshot(self, subject: Subject, source: Source) -> Snapshot:
        """Raises UnsoundEvidence."""
        values = [self.slot(slot) for slot in subject.slots]
        try:
            return Snapshot.decode(self._block, source, values)
        except MalformedValue as fault:
            raise BrokenProof(f"what is proven is no registry's storage: {fault}") from None

    def history(self, issuer_id: IssuerId) -> HistoryRecord:
        """Count and hash of the issuer's operations. Raises UnsoundEvidence."""
        return decode_history(self.slot(issuer_slots(issuer_id).history))


def bundle_evidence(
    bundle: Bundle, trusted: TrustedBlocks, *, with_history: bool = False
) -> Evidence | NoEvidence:
    """The facts that a bundle proves about its receipt's anchor, as of its one block.

    with_history: for a question about the past. A proof that fails says nothing of the credential:
    it is no evidence, with the reason.
    """
    receipt = bundle.receipt
    try:
        header = Header.decode(bundle.header)
        block = TrustedBlock(receipt.chain, header.hash)
        if block not in trusted:
            return NoEvidence(f"{block}, number {header.number}", Reason.BLOCK_NOT_TRUSTED)
        source = Proven(trusted[block])
        witness = Witness(bundle.nodes)
        account = ProvenAccount(header, witness, receipt.registry)
        snapshot = account.snapshot(Subject.of(receipt), source)
        slot = None if bundle.history is None else account.history(receipt.issuer_id)
        witness.require_exactly(bundle.nodes)
    except UnsoundEvidence as fault:
        return NoEvidence(str(fault), Reason.PROOF_FAILED)
    told: IssuerHistory | NoHistory | None = None
    if with_history:
        told = NoHistory("the bundle carries none")
        if slot is not None:
            told = _history(bundle, header, slot, source)
    return Evidence(
        chain=receipt.chain,
        registry=receipt.registry,
        code_hash=account.code_hash,
        subject=Subject.of(receipt),
        head=snapshot,
        finalized=snapshot,
        history=told,
    )


def _history(
    bundle: Bundle, header: Header, slot: HistoryRecord, source: Source
) -> IssuerHistory | NoHistory:
    receipt = bundle.receipt
    try:
        operations = tuple(Told(read_log(log.topics, log.data)) for log in bundle.history or ())
    except MalformedValue as fault:
        return NoHistory(f"the bundle has a log that is none of the registry's ({fault})")
    return IssuerHistory(
        receipt.chain, receipt.registry, receipt.issuer_id, operations, header.block, slot, source
    )


def bundle_word(bundle: Bundle, given: IssuerWord = NO_WORD) -> IssuerWord:
    """What is at hand of the issuer's own: what the verifier gave, and what the bundle carries."""
    if bundle.did_document is None:
        return given
    try:
        document = DidDocument.from_json(bundle.did_document)
    except MalformedDocument:
        return given  # whoever carries a bundle may have written it, so it says nothing
    return replace(given, documents=(*given.documents, KnownDocument(document, Origin.CARRIED)))
