"""One issuer's operations as a node or a bundle tells them, and whether they are all of them.

The contract folds every operation of an issuer into one hash, kept with their count in one slot.
Logs that fold to the very slot are complete, in order and unaltered, whoever told them: so the
slot alone needs trust, and can be proven. Logs that do not are good for nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from registry.errors import HistoryBroken
from registry.formats import events as ev
from registry.proofs.replay import replay_issuer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from registry.formats.events import Event
    from registry.formats.state import Issuer
    from registry.formats.storage import HistoryRecord
    from registry.proofs.evidence import Block, Source
    from registry.values import Address, BatchRoot, ChainId, IssuerId


class Told(NamedTuple):
    """One operation. block: its block's number, where a node served it; a bundle has none."""

    event: Event
    block: int | None = None


@dataclass(frozen=True, slots=True)
class NoHistory:
    """It was not or could not be read. `reason` completes "the history was not read: "."""

    reason: str


# No slots: cached_property keeps what it found in the instance's own dictionary.
@dataclass(frozen=True, eq=False)
class IssuerHistory:
    """All operations of `issuer_id` up to `block`, as told; `slot` is the contract's own word.

    source: how the slot is known. told_by: who gave the logs, a node's name or "the bundle". notes:
    what a reader should know of those who were asked before.
    """

    chain: ChainId
    registry: Address
    issuer_id: IssuerId
    operations: tuple[Told, ...]
    block: Block
    slot: HistoryRecord
    source: Source
    told_by: str = "the bundle"
    notes: tuple[str, ...] = ()
    _states: dict[int, Issuer | None] = field(default_factory=dict, init=False, repr=False)
    """Number of operations -> the issuer after them: what was worked out, one a moment asked."""
    _by_word: dict[tuple[BatchRoot, int], list[Told]] = field(
        default_factory=dict, init=False, repr=False
    )

    @cached_property
    def fault(self) -> str | None:
        """Why the operations are not the issuer's whole history, or None. Worked out once."""
        return self._closing if isinstance(self._closing, str) else None

    @property
    def final(self) -> Issuer | None:
        """The issuer as of `block`; None where it was not registered. Only without `fault`."""
        assert not isinstance(self._closing, str)
        return self._closing

    @cached_property
    def _closing(self) -> Issuer | str | None:
        try:
            issuer = self._replay(self.operations)
        except HistoryBroken as broken:
            return f"operation {broken.operation} cannot be: {broken.reason}"
        count, history = (0, bytes(27)) if issuer is None else (issuer.operations, issuer.history)
        if count != self.slot.count:
            return f"{count} operations were told, and the contract counts {self.slot.count}"
        if history != self.slot.history:
            return "its operations do not fold to the contract's history hash"
        if self.operations and self.operations[-1].event.timestamp > self.block.timestamp:
            return "its last operation is dated after the block"
        return issuer

    def at(self, moment: int) -> Issuer | None:
        """The issuer after its operations up to Unix second `moment`; None: not registered then.

        Not to be changed by the caller. Only without `fault`.
        """
        count = bisect_right(self._times, moment)
        if count not in self._states:
            self._states[count] = self._replay(self.operations[:count])
        return self._states[count]

    def logs(self) -> list[tuple[list[bytes], bytes]]:
        """Topics and data of every operation's log, as the chain has them."""
        return [ev.write_log(told.event) for told in self.operations]

    def of_batch(self, root: BatchRoot) -> Sequence[Told]:
        """The operations that name this batch: its anchor, then what changed its status."""
        return self._by_root.get(root, ())

    def of_word(self, root: BatchRoot, word: int) -> Sequence[Told]:
        """Those of a batch's operations that touch one of its status words. Found once a word."""
        if (root, word) not in self._by_word:
            self._by_word[root, word] = [
                told
                for told in self.of_batch(root)
                if not isinstance(told.event, ev.StatusChanged)
                or any(lanes.word == word for lanes in told.event.lanes)
            ]
        return self._by_word[root, word]

    @cached_property
    def distrusts(self) -> tuple[Told, ...]:
        return tuple(told for told in self.operations if isinstance(told.event, ev.Distrusted))

    @cached_property
    def _times(self) -> list[int]:
        return [told.event.timestamp for told in self.operations]

    @cached_property
    def _by_root(self) -> dict[BatchRoot, list[Told]]:
        found: dict[BatchRoot, list[Told]] = {}
        for told in self.operations:
            if isinstance(told.event, ev.Anchored | ev.StatusChanged | ev.BatchRevoked):
                found.setdefault(told.event.root, []).append(told)
        return found

    def _replay(self, operations: Iterable[Told]) -> Issuer | None:
        events = (told.event for told in operations)
        return replay_issuer(events, self.chain, self.registry, self.issuer_id)
