"""Asks a node for one issuer's whole history: its logs, and the slot that closes them.

The node learns which issuer is meant, which its logs tell it anyway, and nothing of a batch or a
credential. Whether the logs are all of them is `told_history`'s to say, by the slot; that is read
as well as the facts beside it are: proven under a trusted block, else on this node's word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.errors import MalformedHeader, NodeInconsistent, UnsoundEvidence
from registry.formats.storage import decode_history, issuer_slots
from registry.nodes.chain_reader import read_slots
from registry.nodes.event_reader import deployment_block, read_placed
from registry.nodes.header_fields import header_rlp
from registry.nodes.proof_reader import trie_nodes
from registry.proofs.block_header import Header
from registry.proofs.evidence import OneNode, Proven
from registry.proofs.proven_evidence import ProvenAccount
from registry.proofs.told_history import IssuerHistory, Told
from registry.proofs.trie_proof import Witness

if TYPE_CHECKING:
    from registry.formats.storage import HistoryRecord
    from registry.nodes.rpc import Node
    from registry.proofs.evidence import Block, Snapshot, Source
    from registry.values import Address, ChainId, IssuerId


class HistoryReader:
    """Reads histories from one node; where the contract's logs begin is looked up once."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._begins: dict[Address, int] = {}

    def read(
        self, chain: ChainId, registry: Address, issuer_id: IssuerId, final: Snapshot
    ) -> IssuerHistory:
        """The issuer's operations up to the block of `final`, with their blocks' numbers.

        The first call for a registry takes some 25 round trips more, by bisection. Raises
        ChainError as `rpc` does; NodeInconsistent where a proof fails, and where the node sends
        more logs than the slot counts: one without end must not fill the memory.
        """
        slot, source = self._slot(registry, issuer_id, final)
        if registry not in self._begins:
            self._begins[registry] = deployment_block(self.node, registry, final.block.number)
        first, last = self._begins[registry], final.block.number
        told: list[Told] = []
        for number, event in read_placed(self.node, registry, first, last, issuer_id=issuer_id):
            if len(told) == slot.count:
                raise NodeInconsistent(
                    f"{self.node.name}: more logs of issuer {issuer_id} than the {slot.count} "
                    "operations that the contract counts"
                )
            told.append(Told(event, number))
        name = self.node.name
        return IssuerHistory(
            chain, registry, issuer_id, tuple(told), final.block, slot, source, name
        )

    def _slot(
        self, registry: Address, issuer_id: IssuerId, final: Snapshot
    ) -> tuple[HistoryRecord, Source]:
        if isinstance(final.source, Proven):
            slot = self._proven_slot(registry, issuer_id, final.block)
            return slot, Proven(final.source.trust, self.node.name)
        where = issuer_slots(issuer_id).history
        values = read_slots(self.node, registry, [where], final.block)
        return decode_history(values[where]), OneNode(self.node.name)

    def _proven_slot(self, registry: Address, issuer_id: IssuerId, block: Block) -> HistoryRecord:
        """By EIP-1186 under `block`, whose hash is trusted already."""
        number = hex(block.number)
        where = issuer_slots(issuer_id).history.to_hex()
        told, proof = self.node.batch(
            [
                ("eth_getBlockByNumber", [number, False]),
                ("eth_getProof", [registry.to_hex(), [where], number]),
            ]
        )
        try:
            header = Header.decode(header_rlp(told if isinstance(told, dict) else {}))
            if header.hash != block.hash:
                raise MalformedHeader(f"block {block.number} is {header.hash}, not {block.hash}")
            witness = Witness(trie_nodes(proof))
            return ProvenAccount(header, witness, registry).history(issuer_id)
        except UnsoundEvidence as fault:
            raise NodeInconsistent(
                f"{self.node.name}: the history's proof fails: {fault}"
            ) from None
