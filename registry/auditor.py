"""Judges a replayed registry against its storage, and says what an auditor should look at.

Pure, and apart from the verifier: the two share formats and no judgement. The argument is short.
Every operation is folded into its issuer's history, and every registration into a global one; both
lie in storage with their counts. If replaying the logs gives the very slots that storage holds,
then no log was left out, added, changed or moved, for any issuer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from registry import storage
from registry.events import OwnershipTransferred, StatusChange, StatusChanged
from registry.state import history_slot
from registry.storage import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from registry.events import Event
    from registry.evidence import Block, Source
    from registry.state import Issuer, State
    from registry.strict_json import JsonObject
    from registry.values import IssuerId, Slot

MASS_REVOCATION = 100
"""Credentials revoked by one operation: from here on an auditor is told."""


class Weight(StrEnum):
    """BROKEN: logs and storage disagree, so neither can be relied on. NOTE: worth a look."""

    BROKEN = "broken"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """issuer_id None: about the registry as a whole."""

    weight: Weight
    issuer_id: IssuerId | None
    sentence: str

    def to_json(self) -> JsonObject:
        issuer_id = None if self.issuer_id is None else self.issuer_id.to_hex()
        return {"weight": self.weight.value, "issuerId": issuer_id, "sentence": self.sentence}


@dataclass(frozen=True, slots=True)
class IssuerAudit:
    """leaves: of all its batches, random filling included; nothing on the chain tells which."""

    issuer_id: IssuerId
    operations: int
    batches: int
    leaves: int
    suspended: int
    revoked: int
    profile: str

    def to_json(self) -> JsonObject:
        return {
            "issuerId": self.issuer_id.to_hex(),
            "operations": self.operations,
            "batches": self.batches,
            "leaves": self.leaves,
            "suspended": self.suspended,
            "revoked": self.revoked,
            "profile": self.profile,
        }


@dataclass(frozen=True, slots=True)
class Audit:
    """block: the final block as of which logs and storage were compared."""

    block: Block
    source: Source
    registrations: int
    issuers: tuple[IssuerAudit, ...]
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        return not any(finding.weight is Weight.BROKEN for finding in self.findings)


def compared_slots(state: State) -> list[Slot]:
    """The slots to read: one for all registrations, one for each issuer's history."""
    histories = [storage.issuer_slots(issuer_id).history for issuer_id in state.issuers]
    return [storage.REGISTRATIONS_SLOT, *histories]


def audit(
    events: Iterable[Event],
    state: State,
    stored: Mapping[Slot, bytes],
    block: Block,
    source: Source,
) -> Audit:
    """Compare `state`, replayed from `events`, with `stored`, both as of `block`.

    stored: 32 bytes for each of `compared_slots`.
    """
    findings = [*_registrations(state, stored)]
    for issuer_id, issuer in state.issuers.items():
        findings += _history(issuer_id, issuer, stored)
        findings += _standing(issuer_id, issuer)
    findings += _notable(events)
    return Audit(
        block=block,
        source=source,
        registrations=state.registrations,
        issuers=tuple(_summary(issuer_id, issuer) for issuer_id, issuer in state.issuers.items()),
        findings=tuple(findings),
    )


def _registrations(state: State, stored: Mapping[Slot, bytes]) -> Iterator[Finding]:
    found = stored[storage.REGISTRATIONS_SLOT]
    if found != state.registrations_slot():
        count = storage.decode_history(found).count
        yield Finding(
            Weight.BROKEN,
            None,
            f"the logs hold {state.registrations} registrations, storage counts {count}: "
            + _blame(state.registrations, count),
        )


def _history(
    issuer_id: IssuerId, issuer: Issuer, stored: Mapping[Slot, bytes]
) -> Iterator[Finding]:
    found = stored[storage.issuer_slots(issuer_id).history]
    if found != history_slot(issuer):
        count = storage.decode_history(found).count
        yield Finding(
            Weight.BROKEN,
            issuer_id,
            f"the logs hold {issuer.operations} operations, storage counts {count}: "
            + _blame(issuer.operations, count),
        )


def _blame(replayed: int, counted: int) -> str:
    if replayed < counted:
        return "the node leaves logs out; ask another"
    if replayed > counted:
        return "the node adds logs, or serves an older state; ask another"
    return "the node changes logs; ask another"


def _standing(issuer_id: IssuerId, issuer: Issuer) -> Iterator[Finding]:
    def note(sentence: str) -> Finding:
        return Finding(Weight.NOTE, issuer_id, sentence)

    if issuer.distrust_after:
        late = [b for b in issuer.batches.values() if b.anchored_at >= issuer.distrust_after]
        yield note(f"distrusted from {issuer.distrust_after} on (Unix time): {len(late)} batches")
    if issuer.retired:
        yield note("retired: it anchors no more")
    if issuer.paused:
        yield note("paused: it does not anchor now")
    if issuer.epoch:
        yield note(f"its delegates were all ended {issuer.epoch} times")
    whole = sum(batch.revoked for batch in issuer.batches.values())
    if whole:
        yield note(f"{whole} batches revoked as a whole")


def _notable(events: Iterable[Event]) -> Iterator[Finding]:
    for event in events:
        if isinstance(event, OwnershipTransferred):
            yield Finding(
                Weight.NOTE,
                event.issuer_id,
                f"operation {event.operation}: owned by {event.actor} from {event.timestamp} on, "
                f"before by {event.previous_owner}",
            )
        elif isinstance(event, StatusChanged) and event.change is StatusChange.REVOKE:
            count = sum(mask.bit_count() for _, mask in event.lanes)
            if count >= MASS_REVOCATION:
                yield Finding(
                    Weight.NOTE,
                    event.issuer_id,
                    f"operation {event.operation}: {count} credentials revoked at once",
                )


def _summary(issuer_id: IssuerId, issuer: Issuer) -> IssuerAudit:
    batches = issuer.batches.values()
    return IssuerAudit(
        issuer_id=issuer_id,
        operations=issuer.operations,
        batches=len(batches),
        leaves=sum(batch.size for batch in batches),
        suspended=sum(batch.count(Status.SUSPENDED) for batch in batches),
        revoked=sum(batch.count(Status.REVOKED) for batch in batches),
        profile=issuer.profile_uri.decode("utf-8", "backslashreplace"),
    )
