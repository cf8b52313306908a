"""The chain's newest blocks, not final yet: followed one by one, unwound where it reorganises.

From the store's cursor, which is final, to the head every block is kept with its hash, its parent
and its logs, and logs are asked for by block hash: so no log of one fork is taken for another's,
and the seam between what was read by range and what is read by hash is one block and its child.
What has become final is stored; what a reorganisation took away is told of and forgotten.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.auditing.proven_slots import read_header
from registry.errors import NodeInconsistent, NodeRefused
from registry.nodes.chain_reader import read_blocks
from registry.nodes.log_reader import logs_of_block

if TYPE_CHECKING:
    from registry.auditing.audit_store import AuditStore
    from registry.formats.raw_log import RawLog
    from registry.nodes.rpc import Node
    from registry.proofs.block_header import Header
    from registry.proofs.evidence import Block
    from registry.values import BlockHash, ChainId

LONGEST = 512
"""Blocks from the cursor to the head that are followed one by one; more are read by range first."""

_READS = 5
"""How often to begin anew where the head moves while it is read."""


@dataclass(frozen=True, slots=True)
class TailBlock:
    header: Header
    logs: tuple[RawLog, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What has changed since the step before, in this order.

    undone: blocks that are no more, newest first. seen: new ones, oldest first. final: those that
    were stored for good.
    """

    undone: tuple[TailBlock, ...]
    seen: tuple[TailBlock, ...]
    final: tuple[TailBlock, ...]


class CursorUndone(NodeInconsistent):
    """The chain was reorganised below what was final: the store itself must go back."""


class TooFarBehind(NodeInconsistent):
    """More blocks than are followed one by one: read by range first."""


class LiveTail:
    """Follows one node from the cursor of a store, whose hash must be known."""

    def __init__(
        self, store: AuditStore, node: Node, chain: ChainId, confirmations: int | None
    ) -> None:
        self._store = store
        self._node = node
        self._chain = chain
        self._confirmations = confirmations
        self._blocks: deque[TailBlock] = deque()

    @property
    def blocks(self) -> tuple[TailBlock, ...]:
        """Those that are not final yet, oldest first."""
        return tuple(self._blocks)

    def step(self) -> Step:
        """Take in what the node has by now, and store what has become final.

        Raises CursorUndone, TooFarBehind, and ChainError as `rpc` does; the tail is then as good as
        before, and the next step goes on from there.
        """
        for _ in range(_READS):
            try:
                return self._step()
            except _MovedOn:
                continue
        raise NodeInconsistent(f"{self._node.name}: its newest blocks change faster than is read")

    def _step(self) -> Step:
        head, finalized = read_blocks(self._node, self._chain, self._confirmations)
        cursor = self._store.cursor()
        if head.number - cursor.block > LONGEST:
            raise TooFarBehind(f"{head.number - cursor.block} blocks to read")
        if head.number < cursor.block:  # it lags behind what it, or another, has shown before
            return Step((), (), ())
        fresh, trunk = self._branch(head.number)
        undone = []
        while self._blocks and self._blocks[-1].header.hash != trunk:
            undone.append(self._blocks.pop())
        self._blocks.extend(fresh)
        return Step(tuple(undone), tuple(fresh), tuple(self._store_final(finalized)))

    def _branch(self, number: int) -> tuple[list[TailBlock], BlockHash]:
        """The blocks up to `number` that are not in the tail, oldest first, and what they stand on.

        Walked by parents from the newest, down to a block of the tail or to the cursor's.
        """
        known = {one.header.hash for one in self._blocks}
        cursor = self._store.cursor()
        found: deque[TailBlock] = deque()
        header = self._header(number)
        while header.number > cursor.block and header.hash not in known:
            found.appendleft(TailBlock(header, self._logs(header)))
            parent = self._header(header.number - 1)
            if parent.hash != header.parent_hash:
                raise _MovedOn
            header = parent
        if header.number == cursor.block and header.hash != cursor.block_hash:
            raise CursorUndone(
                f"{self._node.name}: block {cursor.block} {cursor.block_hash} was final and is no "
                "more"
            )
        return list(found), header.hash

    def _header(self, number: int) -> Header:
        return read_header(self._node, "eth_getBlockByNumber", hex(number))

    def _logs(self, header: Header) -> tuple[RawLog, ...]:
        try:
            logs = logs_of_block(self._node, self._store.place.registry, header.number, header.hash)
        except NodeRefused as refusal:  # "unknown block": it was reorganised away meanwhile
            raise _MovedOn from refusal
        return tuple(logs)

    def _store_final(self, finalized: Block) -> list[TailBlock]:
        final: list[TailBlock] = []
        while self._blocks and self._blocks[0].header.number <= finalized.number:
            final.append(self._blocks.popleft())
        if not final:
            return []
        newest = final[-1].header
        if newest.number == finalized.number and newest.hash != finalized.hash:
            self._blocks.extendleft(reversed(final))
            raise _MovedOn
        logs = [log for block in final for log in block.logs]
        # A crash before this commit loses the tail alone: it is read anew from the cursor.
        self._store.append(logs, self._store.cursor(), newest.number, newest.hash)
        return final


class _MovedOn(Exception):
    pass
