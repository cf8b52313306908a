"""One audit from end to end: logs into the store, the store against storage, then what was found.

The shell around `auditor`: it asks nodes, reads and writes the store, and puts the report together.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from registry.auditing.audit_report import AuditReport, Scope
from registry.auditing.audit_store import AuditStore, StorePlace
from registry.auditing.chain_findings import Span, chain_findings
from registry.auditing.completeness import check_histories
from registry.auditing.findings import Finding, Matter, Severity
from registry.auditing.issuer_records import open_records
from registry.auditing.leaf_files import leaf_findings
from registry.auditing.log_places import place_findings
from registry.auditing.node_findings import node_findings, unproven
from registry.auditing.proven_slots import (
    Believed,
    agreed_block,
    check_code,
    genesis_of,
    read_header,
    storage_of,
    trusted_block,
)
from registry.auditing.records_findings import records_findings
from registry.auditing.state_check import check_state
from registry.auditing.summary import issuer_audits, registrations_history
from registry.errors import NodeInconsistent, StoreError
from registry.nodes.connections import Connections
from registry.nodes.event_reader import deployment_block
from registry.nodes.log_reader import Pace, read_ranges
from registry.nodes.reading_apart import can_read_apart, read_ranges_apart
from registry.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from registry.nodes.rpc import Node
    from registry.values import Address, BlockHash, ChainId, IssuerId

SAMPLE = 5_000
"""Records of the state, and blocks, that are compared unless more or all are asked for."""
MAX_AGE_S = 86_400
LATE_S = 6 * 3_600

_FALSE = (
    Matter.MISSING_LOG,
    Matter.EXTRA_LOG,
    Matter.ALTERED_LOG,
    Matter.REORDERED_LOG,
    Matter.IMPOSSIBLE_LOG,
    Matter.MISPLACED_LOG,
)
"""After these the stored logs are not to be kept."""


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """What to audit, and how closely.

    trusted: hash of the block to close with; None: what the nodes call final. to: an
    older block instead. told_from: operations before it are replayed and not told of. sample:
    records and blocks compared at most; None: all. seed: which. every_s: how often an issuer should
    anchor. late_s: from seal to anchor. now, max_age_s: a final block older than that is no news.
    """

    chain: ChainId
    registry: Address
    store: Path
    seed: int
    now: int
    confirmations: int | None = None
    trusted: BlockHash | None = None
    to: int | None = None
    told_from: int = 0
    issuer_id: IssuerId | None = None
    sample: int | None = SAMPLE
    every_s: int | None = None
    late_s: int = LATE_S
    max_age_s: int = MAX_AGE_S
    database: str | None = field(default=None, repr=False)
    leaves: Path | None = None
    pace: Pace = field(default_factory=Pace)


@dataclass(slots=True)
class _Ears:
    """The nodes to ask. open_nodes: for more connections, one a thread."""

    open_nodes: list[Callable[[], Node]]
    nodes: list[Node]

    @property
    def first(self) -> Node:
        return self.nodes[0]


def _silent(blocks: int) -> Progress:
    return Progress("audit", blocks, "blocks", quiet=True)


class Audit:
    """An audit that stands open: its store can be asked, and read on, until it is closed."""

    def __init__(self, request: AuditRequest, open_nodes: Sequence[Callable[[], Node]]) -> None:
        """open_nodes: makes a connection to each node that may be asked, the best first."""
        self.request = request
        self._stack = ExitStack()
        nodes = [self._stack.enter_context(opened()) for opened in open_nodes]
        self._ears = _Ears(list(open_nodes), nodes)
        self._findings: list[Finding] = []
        self._store: AuditStore | None = None
        self._genesis: BlockHash | None = None

    def close(self) -> None:
        self._stack.close()

    @property
    def store(self) -> AuditStore:
        assert self._store is not None, "run() opens it"
        return self._store

    @property
    def node(self) -> Node:
        return self._ears.first

    def run(self, progress: Callable[[int], Progress] = _silent) -> AuditReport:
        """Read on to the block that closes the audit, and judge all there is up to it.

        progress: makes the bar for so many blocks. Raises ChainError where the chain cannot
        be asked now, StoreError.
        """
        believed = self._believed()
        self._open_store(believed)
        chosen = self.request.trusted is not None or self.request.to is not None
        max_age_s = None if chosen else self.request.max_age_s
        told = node_findings(believed, self.request.now, max_age_s)
        self._findings = [*self._return_from_reorg(), *told]
        self._read_to(believed, progress)
        return self._judge(believed)

    def judge_again(self) -> AuditReport:
        """Judge what is stored, as of the block that it goes up to: nothing more is read."""
        request, cursor = self.request, self.store.cursor()
        believed = agreed_block(
            self._ears.nodes, request.chain, request.confirmations, cursor.block
        )
        if believed.block.hash != cursor.block_hash:
            raise NodeInconsistent(
                f"{believed.ground.names[0]}: block {cursor.block} is {believed.block.hash}, where "
                f"{cursor.block_hash} is stored; ask again"
            )
        self._findings = []
        return self._judge(believed)

    def forget_false(self, report: AuditReport) -> int | None:
        """Take logs that were found false, and all after them, out of the store again.

        So that the next run asks for them anew. Gives the block that the store went back to.
        """
        false = [one for one in report.findings if one.matter in _FALSE]
        if not false:
            return None
        first = self.store.cursor().first
        block = min(first if one.block is None else one.block for one in false) - 1
        self.store.unwind(block)
        return block

    def _believed(self) -> Believed:
        request = self.request
        if request.trusted is not None:
            return trusted_block(self._ears.nodes, request.chain, request.trusted)
        return agreed_block(self._ears.nodes, request.chain, request.confirmations, request.to)

    def _open_store(self, believed: Believed) -> None:
        request, number = self.request, believed.block.number
        self._use_nodes(believed)
        check_code(self.node, request.registry, number)
        self._genesis = genesis_of(self.node, request.chain)
        if self._store is None:
            place = StorePlace(request.chain, request.registry, self._genesis)
            begin = partial(deployment_block, self.node, request.registry, number)
            self._store = self._stack.enter_context(AuditStore.open(request.store, place, begin))
        if self._store.cursor().block > number:
            raise StoreError(
                f"{request.store}: it goes up to block {self._store.cursor().block} already; name "
                f"another --store for an audit as of block {number}"
            )

    def _use_nodes(self, believed: Believed) -> None:
        """Ask those that the ground rests on first, and not those that are behind."""
        behind = {name for name, _ in believed.behind}
        both = list(zip(self._ears.open_nodes, self._ears.nodes, strict=True))
        both = [one for one in both if one[1].name not in behind]
        both.sort(key=lambda one: one[1].name not in believed.ground.names)
        self._ears = _Ears([one[0] for one in both], [one[1] for one in both])

    def _return_from_reorg(self) -> Iterator[Finding]:
        """Go back to the newest stored block that the chain still has."""
        cursor = self.store.cursor()
        if self._still_there(cursor.block, cursor.block_hash):
            return
        back = cursor.first - 1
        for block, block_hash in self.store.db.execute(
            "SELECT number, hash FROM block ORDER BY number DESC"
        ):
            if self._still_there(block, block_hash):
                back = block
                break
        self.store.unwind(back)
        yield Finding(
            Matter.DEEP_REORG,
            Severity.WARNING,
            f"blocks after {back} that were final are no more: the chain was reorganised beyond "
            "its final block, or two nodes follow different chains",
            block=back,
            evidence={"cursor": cursor.block, "backTo": back},
        )

    def _still_there(self, block: int, block_hash: bytes | None) -> bool:
        if block_hash is None:
            newest = self.store.db.execute(
                "SELECT number, hash FROM block ORDER BY number DESC LIMIT 1"
            ).fetchone()
            if newest is None:
                return True
            block, block_hash = newest
        try:
            header = read_header(self.node, "eth_getBlockByNumber", hex(block))
        except NodeInconsistent:
            return False
        return header.hash == block_hash

    def _read_to(self, believed: Believed, progress: Callable[[int], Progress]) -> None:
        store, last = self.store, believed.block.number
        cursor = store.cursor()
        pace, opened = self.request.pace, self._ears.open_nodes
        read = read_ranges_apart if can_read_apart() else read_ranges
        ranges = read(opened, self.request.registry, cursor.block + 1, last, pace)
        with closing(ranges), progress(last - cursor.block) as bar:
            for one in ranges:
                block_hash = believed.block.hash if one.last == last else None
                store.append(one.logs, cursor, one.last, block_hash)
                cursor = store.cursor()
                bar.advance(one.last - one.first + 1)
        if cursor.block_hash != believed.block.hash:
            store.append([], cursor, last, believed.block.hash)

    def _judge(self, believed: Believed) -> AuditReport:
        request, store, last = self.request, self.store, believed.block.number
        findings = self._findings
        with closing(Connections()) as connections:
            mine = partial(connections.mine, self._ears.open_nodes[0])
            ground, read = storage_of(mine, request.registry, believed)
            histories, compared = check_histories(store, self.node, read, last)
            sample = 0 if histories else request.sample
            state, records = check_state(store, read, sample, request.seed)
        findings += histories
        findings += state
        placed, blocks = place_findings(store.db, self.node, sample, request.seed)
        findings += placed
        if not ground.proven:
            findings.append(unproven(ground))
        span = Span(request.told_from, last)
        findings += chain_findings(store.db, span, request.every_s)
        findings += self._beside(span)
        cursor, only = store.cursor(), request.issuer_id
        assert self._genesis is not None
        return AuditReport(
            chain=request.chain,
            registry=request.registry,
            genesis=self._genesis,
            block=believed.block,
            ground=ground,
            registrations=registrations_history(store.db)[0],
            registrations_history=registrations_history(store.db)[1],
            scope=Scope(
                first_block=cursor.first,
                told=span,
                logs=cursor.logs,
                histories=compared,
                state=records,
                places=blocks,
                database=request.database is not None,
                leaf_files=request.leaves is not None,
            ),
            issuers=tuple(issuer_audits(store.db, only)),
            findings=tuple(_concerning(findings, only)),
        )

    def _beside(self, span: Span) -> Iterator[Finding]:
        """What the issuer's own records and files say."""
        if self.request.database is not None:
            place = self.request.chain, self.request.registry
            with open_records(self.request.database, *place) as records:
                yield from records_findings(self.store.db, records, span, self.request.late_s)
        if self.request.leaves is not None:
            yield from leaf_findings(self.store.db, self.request.leaves)


def _concerning(findings: Iterable[Finding], only: IssuerId | None) -> Iterator[Finding]:
    for finding in findings:
        if only is None or finding.issuer_id in (None, only):
            yield finding
