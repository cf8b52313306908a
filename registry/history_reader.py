"""Asks a node for one issuer's whole history: its logs, and the slot that closes them.

The node learns which issuer is meant, which its logs tell it anyway, and nothing of a batch or a
credential. Whether the logs are all of them is `told_history`'s to say, by the slot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.chain_reader import read_slots
from registry.errors import NodeInconsistent
from registry.event_reader import deployment_block, read_placed
from registry.evidence import OneNode
from registry.storage import decode_history, issuer_slots
from registry.told_history import IssuerHistory, Told

if TYPE_CHECKING:
    from registry.evidence import Block
    from registry.rpc import Node
    from registry.values import Address, ChainId, IssuerId


class HistoryReader:
    """Reads histories from one node; where the contract's logs begin is looked up once."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._begins: dict[Address, int] = {}

    def read(
        self, chain: ChainId, registry: Address, issuer_id: IssuerId, block: Block
    ) -> IssuerHistory:
        """The issuer's operations up to `block`, with their blocks' numbers.

        The first call for a registry takes some 25 round trips more, by bisection. Raises
        ChainError as `rpc` does; NodeInconsistent where the node sends more logs than its own slot
        counts, which keeps a node that sends them without end from filling the memory.
        """
        where = issuer_slots(issuer_id).history
        slot = decode_history(read_slots(self.node, registry, [where], block)[where])
        if registry not in self._begins:
            self._begins[registry] = deployment_block(self.node, registry, block.number)
        first = self._begins[registry]
        told: list[Told] = []
        for number, event in read_placed(
            self.node, registry, first, block.number, issuer_id=issuer_id
        ):
            if len(told) == slot.count:
                raise NodeInconsistent(
                    f"{self.node.name}: more logs of issuer {issuer_id} than the {slot.count} "
                    "operations that its own storage counts"
                )
            told.append(Told(event, number))
        source = OneNode(self.node.name)
        return IssuerHistory(chain, registry, issuer_id, tuple(told), block, slot, source)
