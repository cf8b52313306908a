"""Final credentials to bundles: each with the proof of its anchor and status under one final block.

One block serves a whole export, and one eth_getProof call all credentials of a batch. Nothing is
handed out that the verifier's own code has not proven first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from anchor_service.errors import BundleNotProven, DamagedStore
from registry.documents.did_document import DidDocument
from registry.errors import UnsoundEvidence
from registry.formats.credential import credential_digest
from registry.formats.events import write_log
from registry.formats.storage import LANES_PER_WORD, issuer_slots
from registry.formats.strict_json import read_object
from registry.nodes.chain_reader import ask_blocks
from registry.nodes.header_fields import header_rlp
from registry.nodes.history_reader import HistoryReader
from registry.nodes.proof_reader import read_witness
from registry.proofs.block_header import Header
from registry.proofs.bundle import Bundle, BundledLog
from registry.proofs.evidence import Evidence, GivenBlock, OneNode, Proven, Snapshot, Subject
from registry.proofs.proven_evidence import ProvenAccount, TrustedBlock, bundle_evidence
from registry.proofs.trie_proof import Witness

if TYPE_CHECKING:
    from collections.abc import Iterable

    from anchor_service.store.store import Placed
    from registry.formats.receipt import Receipt
    from registry.formats.strict_json import JsonObject
    from registry.nodes.rpc import Node
    from registry.values import Address, BatchRoot, ChainId, IssuerId, Slot


@dataclass(slots=True)
class BatchProof:
    """What one node proves of one batch as of one block, word by word."""

    node: Node
    chain: ChainId
    registry: Address
    issuer_id: IssuerId
    root: BatchRoot
    header: bytes
    pool: list[bytes]
    history: tuple[BundledLog, ...] | None
    did_document: JsonObject | None
    _nodes: dict[int, tuple[bytes, ...]] = field(default_factory=dict)

    def bundle(self, one: Placed, receipt: Receipt) -> Bundle:
        """One credential's bundle, as the verifier has proven it.

        Raises BundleNotProven where the proof does not hold, DamagedStore where the stored document
        is not the one that was sealed.
        """
        document = read_object(one.document)
        if credential_digest(document) != one.digest:
            raise DamagedStore(
                f"credential {one.digest}: its document is damaged; restore a backup"
            )
        word = receipt.index // LANES_PER_WORD
        if word not in self._nodes:
            self._nodes[word] = self._prove(word)
        bundle = Bundle(
            document, receipt, self.header, self._nodes[word], self.did_document, self.history
        )
        block = TrustedBlock(self.chain, Header.decode(self.header).hash)
        facts = bundle_evidence(bundle, {block: GivenBlock()})
        if not isinstance(facts, Evidence):
            raise BundleNotProven(f"{self.node.name}: {facts.sentence()}")
        if facts.head.batch is None or facts.head.batch.size != receipt.tree_size:
            number = facts.head.block.number
            raise BundleNotProven(
                f"{self.node.name}: final block {number} does not hold batch {self.root} yet"
            )
        return bundle

    def _prove(self, word: int) -> tuple[bytes, ...]:
        """The trie nodes for one status word, each once, in order of first use."""
        witness = Witness(self.pool)
        account = ProvenAccount(Header.decode(self.header), witness, self.registry)
        account.snapshot(Subject(self.issuer_id, self.root, word), OneNode(self.node.name))
        if self.history is not None:
            account.history(self.issuer_id)
        return tuple(witness.used)


@dataclass(frozen=True, slots=True)
class Bundler:
    """One node and one final block, for any number of batches."""

    node: Node
    chain: ChainId
    header: bytes

    @classmethod
    def open(cls, node: Node, chain: ChainId, confirmations: int | None = None) -> Self:
        """Raises ChainError as `rpc` does, MalformedHeader where the block contradicts itself."""
        _, final = ask_blocks(node, chain, confirmations)
        return cls(node, chain, header_rlp(final))

    @property
    def block(self) -> TrustedBlock:
        return TrustedBlock(self.chain, Header.decode(self.header).hash)

    def batch(
        self,
        registry: Address,
        issuer_id: IssuerId,
        root: BatchRoot,
        words: Iterable[int],
        *,
        did_document: JsonObject | None = None,
        with_history: bool = False,
    ) -> BatchProof:
        """Ask for the proof of these status words of a batch; one call for every 512 slots.

        did_document: carried where the registry's hash is its. with_history: the issuer's logs too,
        for questions about the past. Raises ChainError as `rpc` does; BundleNotProven.
        """
        header = Header.decode(self.header)
        subjects = [Subject(issuer_id, root, word) for word in sorted(set(words))]
        slots: dict[Slot, None] = dict.fromkeys(slot for one in subjects for slot in one.slots)
        slots[issuer_slots(issuer_id).history] = None
        try:
            witness = read_witness(self.node, registry, list(slots), header.number)
            account = ProvenAccount(header, witness, registry)
            source = Proven(GivenBlock(), self.node.name)
            found = [account.snapshot(one, source) for one in subjects]
            account.history(issuer_id)
        except UnsoundEvidence as fault:
            raise BundleNotProven(f"{self.node.name}: {fault}; ask another node") from None
        logs = self._history(registry, issuer_id, found[0]) if with_history and found else None
        return BatchProof(
            self.node,
            self.chain,
            registry,
            issuer_id,
            root,
            self.header,
            witness.used,
            logs,
            _committed(did_document, found),
        )

    def _history(
        self, registry: Address, issuer_id: IssuerId, final: Snapshot
    ) -> tuple[BundledLog, ...]:
        told = HistoryReader(self.node).read(self.chain, registry, issuer_id, final)
        if told.fault is not None:
            raise BundleNotProven(f"{self.node.name}: the issuer's history: {told.fault}")
        logs = (write_log(one.event) for one in told.operations)
        return tuple(BundledLog(tuple(topics), data) for topics, data in logs)


def _committed(document: JsonObject | None, found: Iterable[Snapshot]) -> JsonObject | None:
    """The document if it is the one whose hash the registry holds: any other would say nothing."""
    if document is None:
        return None
    told = DidDocument.from_json(document).hash
    return document if any(one.did_hash == told for one in found) else None
