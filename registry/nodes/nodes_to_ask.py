"""Several nodes, none of them believed: a final block by their agreement, its facts by proof.

The nodes are asked at the same time for their final block. Where enough of them give one hash for
one block, that hash is trusted, and any node may serve the proofs under it. Who lags, lies, breaks
off or proves what does not hold is named in the answer and makes nothing invalid.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Self

from registry.errors import ChainError, NodeInconsistent, NodeUnreachable, RegistryError
from registry.errors import UnsoundEvidence as Unsound
from registry.nodes.history_reader import HistoryReader
from registry.nodes.patience import Patience, at_once
from registry.nodes.proof_reader import Facts, Tips, read_facts, read_header, read_tips
from registry.nodes.rpc import Node
from registry.proofs.evidence import (
    EMPTY_CODE_HASH,
    Evidence,
    NoEvidence,
    OneNode,
    OwnNode,
    Proven,
    Quorum,
    lacks_records,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

    from registry.proofs.block_header import Header
    from registry.proofs.evidence import Snapshot, Subject, Trust
    from registry.proofs.told_history import IssuerHistory
    from registry.values import Address, ChainId, IssuerId

DEFAULT_TIMEOUT_S = 30.0
_A_REQUEST_S = 20.0
_GROUND_S = 60.0
"""So long one agreement serves all questions of a run; then the nodes are asked afresh."""
_GRACE_S = 1.0
"""So long slower nodes are waited for once enough have agreed."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A block that is trusted. servers: who may prove facts under it, the likeliest first."""

    final: Header
    trust: Trust
    servers: tuple[Node, ...]
    tips: dict[Node, Tips]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Round:
    """Answers so far: each node's tips, and what is to be said of the others."""

    tips: dict[Node, Tips] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def take(self, node: Node, answer: Tips | Exception) -> None:
        if isinstance(answer, Tips):
            self.tips[node] = answer
        elif isinstance(answer, RegistryError):
            self.notes.append(named(node, answer))
        else:
            raise answer


class NodesToAsk:
    """An `Ask` and an `AskHistory` of several nodes. URLs may hold keys and are never shown."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        quorum: int | None = None,
        own: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        """quorum: how many must agree, else more than half. own: a node that is believed.

        Raises NodeUnreachable for what is no URL, ValueError for a quorum that cannot be met.
        """
        distinct = list(dict.fromkeys(urls))
        self._timeout_s = timeout_s
        self._own = None if own is None else self._node(own)
        self._nodes = [self._node(url) for url in distinct]
        self._quorum = len(distinct) // 2 + 1 if quorum is None else quorum
        if own is None and not 1 <= self._quorum <= len(distinct):
            raise ValueError(f"{self._quorum} of {len(distinct)} nodes can never agree")
        self._grounds: dict[ChainId, tuple[float, Ground | ChainError]] = {}
        self._abandoned: set[Node] = set()
        self._histories: dict[Node, HistoryReader] = {}

    def _node(self, url: str) -> Node:
        return Node(url, timeout_s=min(_A_REQUEST_S, self._timeout_s))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for node in (*self._usable(), *([self._own] if self._own else [])):
            node.close()

    def __call__(
        self, chain: ChainId, registry: Address, subjects: Sequence[Subject]
    ) -> Sequence[Evidence | NoEvidence]:
        patience = Patience(self._timeout_s)
        ground = self._ground(chain, patience)
        notes = list(ground.notes)
        for node in ground.servers:
            source = Proven(ground.trust, node.name)
            ask = partial(read_facts, node, ground.final, registry, subjects, source)
            try:
                final = patience.call(ask)
            except (ChainError, Unsound) as fault:
                notes.append(named(node, fault))
                continue
            head = self._head(ground, node, registry, subjects, patience, notes)
            return [_joined(chain, registry, one, final, head, notes) for one in subjects]
        reason = f"no node proves block {ground.final.number}: {'; '.join(notes)}"
        return [NoEvidence(reason)] * len(subjects)

    def history(
        self, chain: ChainId, registry: Address, issuer_id: IssuerId, final: Snapshot
    ) -> IssuerHistory:
        """An `AskHistory` of the first node that has the logs, closed by a proven slot."""
        ground = self._ground(chain, Patience(self._timeout_s))
        faults = []
        for node in ground.servers:
            reader = self._histories.setdefault(node, HistoryReader(node))
            try:
                told = reader.read(chain, registry, issuer_id, final)
            except ChainError as fault:
                faults.append(named(node, fault))
                continue
            if told.fault is None:
                return replace(told, notes=tuple(faults)) if faults else told
            faults.append(f"{node.name}: {told.fault}")
        raise NodeInconsistent("; ".join(faults))

    def _ground(self, chain: ChainId, patience: Patience) -> Ground:
        """Raises NodeUnreachable where the nodes that answer are too few or do not agree."""
        since, ground = self._grounds.get(chain, (0.0, None))
        if ground is None or time.monotonic() - since > _GROUND_S:
            find = self._by_own_node if self._own else self._by_quorum
            try:
                ground = find(chain, patience)
            except ChainError as fault:
                ground = fault
            self._grounds[chain] = time.monotonic(), ground
        if isinstance(ground, ChainError):
            raise ground
        return ground

    def _by_own_node(self, chain: ChainId, patience: Patience) -> Ground:
        assert self._own is not None
        own = self._own
        try:
            tips = patience.call(lambda: read_tips(own, chain))
        except Unsound as fault:
            raise NodeInconsistent(named(own, fault)) from None
        trust = OwnNode(own.name)
        servers = (own, *self._usable())
        return Ground(tips.final, trust, servers, {own: tips}, ())

    def _by_quorum(self, chain: ChainId, patience: Patience) -> Ground:
        nodes, found, agreed = self._usable(), _Round(), None
        tasks = [partial(self._tips, node, chain, patience) for node in nodes]
        waiting = dict(enumerate(nodes))
        for number, answer in at_once(tasks, patience):
            found.take(waiting.pop(number), answer)
            if agreed is None and len(found.tips) >= self._quorum:
                agreed = self._agreement(found, patience)
                if agreed is not None:
                    patience.until = min(patience.until, time.monotonic() + _GRACE_S)
        patience.until = max(patience.until, time.monotonic() + self._timeout_s / 2)
        self._abandoned.update(waiting.values())
        found.notes += [f"{node.name}: no answer in time" for node in waiting.values()]
        agreed = self._agreement(found, patience) or agreed
        if agreed is None:
            asked = f"{self._quorum} of {len(self._nodes)} nodes"
            raise NodeUnreachable(
                f"fewer than {asked} agree on a final block: {'; '.join(found.notes)}"
            )
        final, names, servers, notes = agreed
        trust = Quorum(names, len(self._nodes))
        notes = (*found.notes, *notes)
        return Ground(final, trust, servers, found.tips, notes)

    def _tips(self, node: Node, chain: ChainId, patience: Patience) -> Tips:
        """In a thread of its own; a node that was left behind meanwhile is closed here."""
        try:
            return patience.call(lambda: read_tips(node, chain))
        finally:
            if node in self._abandoned:
                node.close()

    def _agreement(
        self, found: _Round, patience: Patience
    ) -> tuple[Header, tuple[str, ...], tuple[Node, ...], tuple[str, ...]] | None:
        """The newest block that enough nodes call final by one hash: header, who, servers, notes.

        A node whose final block is newer is asked for the older one too.
        """
        answered = [node for node in self._nodes if node in found.tips]  # in the order named
        for number in sorted({tips.final.number for tips in found.tips.values()}, reverse=True):
            able = [node for node in answered if found.tips[node].final.number >= number]
            if len(able) < self._quorum:
                continue
            by_hash: dict[Header, list[Node]] = defaultdict(list)
            notes = []
            for node in able:
                header = found.tips[node].final
                try:
                    if header.number != number:
                        header = patience.call(partial(read_header, node, number))
                    by_hash[header].append(node)
                except (ChainError, Unsound) as fault:
                    notes.append(named(node, fault))
            header, agreeing = max(by_hash.items(), key=lambda item: len(item[1]))
            if len(agreeing) < self._quorum:
                found.notes += [n for n in _disagreement(by_hash) if n not in found.notes]
                continue
            others = [node for node in answered if node not in agreeing]
            notes += _remarks(header, agreeing, found.tips, by_hash)
            names = tuple(node.name for node in agreeing)
            return header, names, (*agreeing, *others), tuple(notes)
        return None

    def _head(
        self,
        ground: Ground,
        node: Node,
        registry: Address,
        subjects: Iterable[Subject],
        patience: Patience,
        notes: list[str],
    ) -> Facts | None:
        """What the serving node says of its newest block; None where it says nothing of use."""
        tips = ground.tips.get(node)
        if tips is None or tips.head.number <= ground.final.number:
            return None
        source: OneNode | Proven = OneNode(node.name, proven=True)
        if isinstance(ground.trust, OwnNode) and node is self._own:
            source = Proven(ground.trust, node.name)
        ask = partial(read_facts, node, tips.head, registry, subjects, source)
        try:
            return patience.call(ask)
        except (ChainError, Unsound) as fault:
            notes.append(f"{named(node, fault)} (of its newest block)")
            return None

    def _usable(self) -> list[Node]:
        return [node for node in self._nodes if node not in self._abandoned]


def named(node: Node, fault: Exception) -> str:
    """What went wrong, with the node's name in front."""
    text = str(fault)
    return text if text.startswith(node.name) else f"{node.name}: {text}"


def _joined(
    chain: ChainId,
    registry: Address,
    subject: Subject,
    final: Facts,
    head: Facts | None,
    notes: Sequence[str],
) -> Evidence:
    """The final facts, and the newest where they can follow: no one's word undoes a proof."""
    proven = final.snapshots[subject]
    evidence = Evidence(
        chain, registry, final.code_hash, subject, proven, proven, notes=tuple(notes)
    )
    if head is None:
        return evidence
    newest, code_hash = head.snapshots[subject], final.code_hash
    if code_hash == EMPTY_CODE_HASH:
        code_hash = head.code_hash
    if (
        head.code_hash != code_hash
        or newest.block.timestamp < proven.block.timestamp
        or lacks_records(proven, newest)
    ):
        said = f"what {newest.source.to_json().get('name')} says of its newest block cannot be"
        return replace(evidence, notes=(*notes, said))
    return replace(evidence, code_hash=code_hash, head=newest)


def _remarks(
    header: Header,
    agreeing: Sequence[Node],
    tips: dict[Node, Tips],
    by_hash: dict[Header, list[Node]],
) -> list[str]:
    remarks = [
        f"{node.name} lags: its newest block is {one.head.number}, and {header.number} is final"
        for node, one in tips.items()
        if one.head.number < header.number
    ]
    for other, nodes in by_hash.items():
        if other != header:
            remarks += [
                f"{node.name} gives another hash for block {header.number}: {other.hash}"
                for node in nodes
                if node not in agreeing
            ]
    return remarks


def _disagreement(by_hash: dict[Header, list[Node]]) -> list[str]:
    return [
        f"{node.name} gives {header.hash} for block {header.number}"
        for header, nodes in by_hash.items()
        for node in nodes
    ]
