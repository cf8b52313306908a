"""A credential whose issuer has a true history, and evidence that closes it, for tests to spoil."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from verifier_cases import (
    CHAIN,
    CODE,
    DID,
    INDEX,
    LANE_BIT,
    REGISTRY,
    SIZE,
    SOURCE,
    Case,
    dump,
    seal,
    signed,
    unsigned,
)

from registry.formats import events as ev
from registry.formats.abi import Lanes
from registry.formats.history import issuer_id_of
from registry.formats.receipt import embed
from registry.formats.storage import HistoryRecord
from registry.judging.policy import TrustedIssuer, TrustedRegistry, TrustPolicy
from registry.proofs.evidence import Block, Evidence, Snapshot, Subject
from registry.proofs.replay import replay_issuer
from registry.proofs.told_history import IssuerHistory, Told
from registry.values import Address, BatchRoot, BlockHash, DidHash, MetaHash

OWNER = Address(b"\x99" * 20)
SALT = ev.RegistrantSalt(b"\x44" * 32)
ISSUER = issuer_id_of(CHAIN, REGISTRY, OWNER, SALT)
DAY = 86400
BEGIN = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
"""Registered at its noon; day n of the history is so many days later."""
SUSPEND, REINSTATE, REVOKE = ev.StatusChange
WORD, MASK = INDEX // 128, 1 << LANE_BIT
POLICY = TrustPolicy(
    (TrustedRegistry(CHAIN, REGISTRY, CODE),),
    (TrustedIssuer(CHAIN, REGISTRY, ISSUER, (DID,), "Example University"),),
)


def day(number: float) -> int:
    return BEGIN + int(number * DAY)


def moment(number: float) -> datetime:
    return datetime.fromtimestamp(day(number), UTC)


@dataclass
class Ledger:
    """What an issuer did. Blocks are numbered by the day: block 10 * day."""

    root: BatchRoot
    events: list[ev.Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.add(ev.IssuerRegistered, 0.5, 1, SALT, DidHash(bytes(32)), b"")

    def add(self, kind: type[ev.Event], when: float, *fields: Any) -> Ledger:
        self.events.append(kind(ISSUER, len(self.events) + 1, day(when), OWNER, *fields))
        return self

    def anchor(self, when: float, size: int = SIZE) -> Ledger:
        return self.add(ev.Anchored, when, self.root, size, MetaHash(bytes(32)))

    def status(self, when: float, change: ev.StatusChange, mask: int = MASK) -> Ledger:
        lanes = (Lanes(WORD, mask),)
        return self.add(ev.StatusChanged, when, self.root, change, 0, lanes)

    def revoke_batch(self, when: float) -> Ledger:
        return self.add(ev.BatchRevoked, when, self.root)

    def distrust(self, when: float, since: float) -> Ledger:
        return self.add(ev.Distrusted, when, day(since))

    def told(self, until: float) -> tuple[Told, ...]:
        return tuple(
            Told(event, (event.timestamp - BEGIN) * 10 // DAY)
            for event in self.events
            if event.timestamp <= day(until)
        )

    def block(self, when: float) -> Block:
        number = int(when * 10)
        return Block(number, BlockHash(number.to_bytes(32, "big")), day(when))

    def snapshot(self, when: float, root: BatchRoot | None = None) -> Snapshot:
        """What storage holds after that day, replayed from what was done by then."""
        events = [told.event for told in self.told(when)]
        issuer = replay_issuer(events, CHAIN, REGISTRY, ISSUER)
        batch = None if issuer is None else issuer.batches.get(root or self.root)
        return Snapshot(
            block=self.block(when),
            source=SOURCE,
            issuer=None if issuer is None else issuer.record,
            did_hash=DidHash(bytes(32)) if issuer is None else issuer.did_hash,
            batch=None if batch is None else batch.record,
            word=0 if batch is None else batch.words.get(WORD, 0),
        )

    def history(self, until: float) -> IssuerHistory:
        told = self.told(until)
        issuer = replay_issuer([one.event for one in told], CHAIN, REGISTRY, ISSUER)
        slot = HistoryRecord(0, bytes(27))
        if issuer is not None:
            slot = HistoryRecord(issuer.operations, bytes(issuer.history))
        place = (CHAIN, REGISTRY, ISSUER)
        return IssuerHistory(*place, told, self.block(until), slot, SOURCE, SOURCE.name)

    def evidence(self, final: float, head: float | None = None) -> Evidence:
        head = final if head is None else head
        return Evidence(
            chain=CHAIN,
            registry=REGISTRY,
            code_hash=CODE,
            subject=Subject(ISSUER, self.root, WORD),
            head=self.snapshot(head),
            finalized=self.snapshot(final),
            history=self.history(final),
        )


def credential(**changed: Any) -> tuple[bytes, BatchRoot]:
    document = signed(unsigned(**{"validFrom": "2026-01-05T00:00:00Z", **changed}))
    receipt = seal(document, ISSUER)
    return dump(embed(document, receipt)), receipt.root


def ledger(**changed: Any) -> Ledger:
    return Ledger(credential(**changed)[1])


def case(
    told: Ledger, final: float = 100, head: float | None = None, now: float = 101, **changed: Any
) -> Case:
    evidence = told.evidence(final, head)
    return Case(credential(**changed)[0], None, evidence, POLICY, moment(now))


def with_history(one: Case, **changed: Any) -> Case:
    """The same case with a history that was told otherwise, its slot left as it was."""
    assert isinstance(one.evidence, Evidence)
    assert isinstance(one.evidence.history, IssuerHistory)
    return one.facts(history=replace(one.evidence.history, **changed))
