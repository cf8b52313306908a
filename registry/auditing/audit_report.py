"""An audit's result: what was checked, up to which block, on what ground, and what was found.

The JSON form is what programs, the HTML page and the signed statement are made from; its members
are described in docs/auditing.md.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.auditing.findings import Severity, holds
from registry.plurals import count
from registry.report import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry.auditing.chain_findings import Span
    from registry.auditing.findings import Finding
    from registry.auditing.proven_slots import Ground
    from registry.auditing.state_check import Compared
    from registry.formats.strict_json import JsonObject
    from registry.proofs.evidence import Block
    from registry.values import Address, BlockHash, ChainId, IssuerId

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class IssuerAudit:
    """leaves: of all its batches, random filling included; nothing on the chain tells which.

    history: 0x and 27 bytes, the fold of its operations; profile as text, whatever it holds.
    """

    issuer_id: IssuerId
    registration: int
    owner: Address
    operations: int
    history: str
    batches: int
    leaves: int
    suspended: int
    revoked: int
    last_anchored_at: int | None
    profile: str

    def to_json(self) -> JsonObject:
        return {
            "issuerId": self.issuer_id.to_hex(),
            "registration": self.registration,
            "owner": str(self.owner),
            "operations": self.operations,
            "history": self.history,
            "batches": self.batches,
            "leaves": self.leaves,
            "suspended": self.suspended,
            "revoked": self.revoked,
            "lastAnchoredAt": self.last_anchored_at,
            "profile": self.profile,
        }


@dataclass(frozen=True, slots=True)
class Scope:
    """How much was looked at. histories: issuers whose history was compared with storage.

    databases, leaf_files: whether the issuer's records, and published leaves, were compared.
    """

    first_block: int
    told: Span
    logs: int
    histories: int
    state: Compared
    places: int
    database: bool
    leaf_files: bool

    def to_json(self) -> JsonObject:
        return {
            "firstBlock": self.first_block,
            "toldFrom": self.told.first,
            "toldTo": self.told.last,
            "logs": self.logs,
            "histories": self.histories,
            "stateRecords": self.state.of,
            "stateCompared": self.state.records,
            "seed": None if self.state.seed is None else str(self.state.seed),
            "blocksLookedAt": self.places,
            "database": self.database,
            "leafFiles": self.leaf_files,
        }


@dataclass(frozen=True, slots=True)
class AuditReport:
    """block: as of which logs and storage were compared. issuers: those asked for."""

    chain: ChainId
    registry: Address
    genesis: BlockHash
    block: Block
    ground: Ground
    registrations: int
    registrations_history: str
    scope: Scope
    issuers: tuple[IssuerAudit, ...]
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        return holds(list(self.findings))

    def to_json(self) -> JsonObject:
        return {
            "version": FORMAT_VERSION,
            "chain": str(self.chain),
            "registry": self.registry.to_hex(),
            "genesis": self.genesis.to_hex(),
            "block": {
                "number": self.block.number,
                "hash": self.block.hash.to_hex(),
                "timestamp": self.block.timestamp,
            },
            "ground": self.ground.to_json(),
            "holds": self.holds,
            "registrations": self.registrations,
            "registrationsHistory": self.registrations_history,
            "scope": self.scope.to_json(),
            "issuers": [one.to_json() for one in self.issuers],
            "findings": [one.to_json() for one in self.findings],
        }

    def lines(self) -> Iterator[str]:
        """For people, without line ends: the verdict first, then issuers, then findings."""
        verdict = "HOLDS" if self.holds else "BROKEN"
        yield (
            f"{self.registry} on {self.chain} as of block {self.block.number}: {verdict}: "
            + ("logs and storage agree" if self.holds else "see the errors below")
        )
        yield f"  {self.ground.sentence()}"
        state = self.scope.state
        yield (
            f"  {count(self.scope.logs, 'log')} of {count(self.registrations, 'issuer')}; "
            f"{count(self.scope.histories, 'history')} and {state.records:,} of "
            f"{count(state.of, 'record')} compared with storage"
            + ("" if state.seed is None else f" (seed {state.seed})")
        )
        for issuer in self.issuers:
            yield f"{issuer.issuer_id} {printable(issuer.profile)}".rstrip()
            yield (
                f"  {count(issuer.operations, 'operation')}, {count(issuer.batches, 'batch')} of "
                f"{count(issuer.leaves, 'leaf')}, {issuer.suspended:,} suspended, "
                f"{issuer.revoked:,} revoked"
            )
            yield from self._finding_lines(issuer.issuer_id)
        shown = {issuer.issuer_id for issuer in self.issuers}
        for finding in self.findings:
            if finding.issuer_id not in shown:
                whose = "" if finding.issuer_id is None else f" of {finding.issuer_id}"
                yield f"{finding.severity}{whose}: {printable(finding.sentence)}"
        yield self._summary()

    def _finding_lines(self, issuer_id: IssuerId) -> Iterator[str]:
        for finding in self.findings:
            if finding.issuer_id == issuer_id:
                place = "" if finding.operation is None else f" operation {finding.operation}"
                place += "" if finding.block is None else f" in block {finding.block}"
                yield f"  {finding.severity}{place}: {printable(finding.sentence)}"

    def _summary(self) -> str:
        numbers = Counter(finding.severity for finding in self.findings)
        return ", ".join(count(numbers[severity], severity.value) for severity in Severity)
