"""Issuers' histories at random, true, bent and impossible ones, for both to judge."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from bundle_cases import BundleCase, World
from history_cases import BEGIN, DAY, ISSUER, OWNER, POLICY, SALT, SUSPEND, WORD, day, moment
from javascript import base64
from verifier_cases import (
    CHAIN,
    CODE,
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
from web_cases import evidence_json, micros, policy_text

from registry.errors import HistoryBroken
from registry.formats import events as ev
from registry.formats.abi import Lanes
from registry.formats.history import fold, issuer_start
from registry.formats.receipt import embed
from registry.formats.state import batch_value, history_slot, issuer_value
from registry.formats.storage import HistoryRecord, issuer_slots
from registry.proofs.bundle import BundledLog
from registry.proofs.evidence import Block, Evidence, Snapshot, Subject
from registry.proofs.replay import replay_issuer
from registry.proofs.told_history import IssuerHistory, Told
from registry.values import Address, BatchRoot, BlockHash, DidHash, MetaHash

if TYPE_CHECKING:
    import random
    from datetime import datetime

    from registry.formats.receipt import Receipt
    from registry.formats.state import Issuer
    from registry.formats.strict_json import JsonObject

HELPER, STRANGER = Address(b"\x98" * 20), Address(b"\x97" * 20)
END = 100
"""Day of the final block."""


@cache
def document() -> JsonObject:
    dates = {"validFrom": "2026-01-02T00:00:00Z", "validUntil": "2026-04-01T00:00:00Z"}
    return signed(unsigned(**dates))


@cache
def receipt() -> Receipt:
    return seal(document(), ISSUER)


@dataclass(frozen=True)
class PastCase:
    case: Case
    at: datetime

    def request(self) -> dict[str, Any]:
        """What `driver.mjs` judges."""
        evidence = self.case.evidence
        assert isinstance(evidence, Evidence)
        return {
            "ask": "judge",
            "raw": base64(self.case.raw),
            "sidecar": None,
            "evidence": evidence_json(evidence) | {"history": history_json(evidence)},
            "policy": policy_text(self.case.policy),
            "now": micros(self.case.now),
            "at": micros(self.at),
        }


def history_json(evidence: Evidence) -> dict[str, Any] | None:
    told = evidence.history
    if not isinstance(told, IssuerHistory):
        return None
    logs = [
        {"topics": ["0x" + topic.hex() for topic in topics], "data": "0x" + data.hex()}
        for topics, data in told.logs()
    ]
    return {"logs": logs, "slot": hex(told.slot.count | int.from_bytes(told.slot.history) << 40)}


def random_past(dice: random.Random) -> PastCase:
    events = random_events(dice)
    told = _bent(dice, events) if dice.random() < 0.25 else events
    evidence = _evidence(dice, events, told)
    case = Case(dump(embed(document(), receipt())), None, evidence, POLICY, moment(END + 1))
    if dice.random() < 0.1:
        case = case.but(now=moment(END + dice.choice([6.9, 7.1, 300])))
    return PastCase(case, random_moment(dice, events))


def random_moment(dice: random.Random, events: list[ev.Event]) -> datetime:
    """Most often beside an operation, where answers change."""
    if dice.random() < 0.2:
        return moment(dice.choice([-1, 5, 89, 90, 90.5, 99, END, END + 0.5]))
    seconds = dice.choice(events[1:] or events).timestamp + dice.choice([-1, 0, 0, 1])
    return moment((min(seconds, day(END + 1)) - BEGIN) / DAY)


def random_events(dice: random.Random) -> list[ev.Event]:
    """A history that the contract can have, and sometimes one operation more that it cannot."""
    events: list[ev.Event] = []
    start: list[type[ev.Event]] = [ev.IssuerRegistered]
    start += [ev.Anchored] * dice.choice([0, 2, 2, 2])
    for kind in [*start, *dice.choices(_KINDS, _WEIGHTS, k=dice.randrange(12))]:
        event = _random_event(dice, kind, events)
        if _replayed([*events, event]) is not None or dice.random() < 0.02:
            events.append(event)
    return events


_KINDS: list[type[ev.Event]] = list(ev.EVENTS)
_WEIGHTS = [
    {ev.StatusChanged: 20, ev.Anchored: 10, ev.DelegateSet: 4, ev.Distrusted: 2}.get(kind, 1)
    for kind in _KINDS
]
_TIMES = [0, 1, DAY, 5 * DAY, 9 * DAY]


def _random_event(dice: random.Random, kind: type[ev.Event], before: list[ev.Event]) -> ev.Event:
    time = before[-1].timestamp + dice.choice(_TIMES) if before else day(0.5)
    root = receipt().root if dice.random() < 0.9 else BatchRoot(b"\x31" * 32)
    account = dice.choice([OWNER, HELPER, STRANGER])
    actor = OWNER if not before else dice.choice([OWNER, OWNER, OWNER, account])
    epoch = dice.choice([0, 0, 1, 2])
    fields: dict[type[ev.Event], tuple[Any, ...]] = {
        ev.IssuerRegistered: (1, SALT, DidHash(bytes(32)), b"https://example.edu"),
        ev.DidChanged: (DidHash(bytes([dice.randrange(3)]) * 32), b"\xff"),
        ev.OwnershipOffered: (account,),
        ev.OwnershipTransferred: (OWNER, epoch),
        ev.DelegateSet: (account, dice.randrange(5), time + dice.choice([0, 1, 30 * DAY]), epoch),
        ev.EpochBumped: (epoch,),
        ev.Distrusted: (time - dice.choice([0, 1, DAY, 30 * DAY]),),
        ev.NoncesCancelled: (account, dice.randrange(2), dice.choice([0, 1, 3, 2**255])),
        ev.Anchored: (root, dice.choice([SIZE] * 8 + [SIZE - 1, 0]), MetaHash(bytes(32))),
        ev.StatusChanged: (root, dice.choice(list(ev.StatusChange)), *_random_lanes(dice)),
        ev.BatchRevoked: (root,),
    }
    return kind(ISSUER, len(before) + 1, time, actor, *fields.get(kind, ()))


def _random_lanes(dice: random.Random) -> tuple[int, tuple[Lanes, ...]]:
    own, other = 1 << LANE_BIT, 1 << LANE_BIT + 2
    masks = [own, own, own | other, other, 0, 1 << LANE_BIT + 1, 2**254]
    lanes = [
        Lanes(dice.choice([WORD, WORD, WORD, 0, 2, 2**25]), dice.choice(masks))
        for _ in range(dice.choice([1, 1, 1, 2, 0]))
    ]
    return dice.choice([0, 0, 0, 1, 2**256 - 1]), tuple(lanes)


def _replayed(events: list[ev.Event]) -> Issuer | None:
    """None where the contract could not have emitted them."""
    try:
        return replay_issuer(events, CHAIN, REGISTRY, ISSUER)
    except HistoryBroken:
        return None


def _last_sound(events: list[ev.Event]) -> Issuer:
    """What storage may hold: of an impossible history, what it held before."""
    for count in range(len(events), 0, -1):
        if (issuer := _replayed(events[:count])) is not None:
            return issuer
    raise AssertionError("the registration alone is sound")


def _slot(events: list[ev.Event]) -> HistoryRecord:
    """Whatever was told, folded: only the rules then show an impossible operation."""
    history = issuer_start(CHAIN, REGISTRY, ISSUER)
    for event in events:
        history = fold(history, event)
    return HistoryRecord(len(events), bytes(history))


def _bent(dice: random.Random, events: list[ev.Event]) -> list[ev.Event]:
    told, place = list(events), dice.randrange(len(events))
    match dice.randrange(5):
        case 0:
            del told[place]
        case 1:
            told.insert(place, told[place])
        case 2:
            told.append(told.pop(place))
        case 3:
            told[place] = replace(told[place], timestamp=told[place].timestamp + 1)
        case _:
            told[place] = replace(told[place], actor=STRANGER)
    return told


def _evidence(dice: random.Random, events: list[ev.Event], told: list[ev.Event]) -> Evidence:
    """Most often one block; else the newest knows operations that the final one does not."""
    final = END if dice.random() < 0.6 else dice.choice([30, 60])
    done = [event for event in events if event.timestamp <= day(final)]
    known = [event for event in told if event.timestamp <= day(final)]
    source = done if dice.random() < 0.95 else done[:-1]
    history = IssuerHistory(
        *(CHAIN, REGISTRY, ISSUER, tuple(map(Told, known)), _block(final), _slot(source), SOURCE)
    )
    return Evidence(
        chain=CHAIN,
        registry=REGISTRY,
        code_hash=CODE,
        subject=Subject.of(receipt()),
        head=_snapshot(events, END),
        finalized=_snapshot(done, final),
        history=None if dice.random() < 0.03 else history,
    )


def _block(when: float) -> Block:
    return Block(int(when), BlockHash(int(when).to_bytes(32)), day(when))


def _snapshot(events: list[ev.Event], when: float) -> Snapshot:
    issuer = _last_sound(events) if events else None
    batch = None if issuer is None else issuer.batches.get(receipt().root)
    return Snapshot(
        block=_block(when),
        source=SOURCE,
        issuer=None if issuer is None else issuer.record,
        did_hash=DidHash(bytes(32)) if issuer is None else issuer.did_hash,
        batch=None if batch is None else batch.record,
        word=0 if batch is None else batch.words.get(WORD, 0),
    )


# Bundles


@dataclass(frozen=True)
class PastBundle:
    bundle: BundleCase
    at: datetime | None


def past_bundle(events: list[ev.Event], *, told: bool = True) -> BundleCase:
    """A bundle of what became of `events`, proven as of day END; told: with them in it."""
    issuer = _last_sound(events)
    batch = issuer.batches.get(receipt().root)
    record, did_hash, batch_at, word = Subject.of(receipt()).slots
    slots = {
        record: issuer_value(issuer),
        did_hash: bytes(issuer.did_hash),
        issuer_slots(ISSUER).history: history_slot(issuer),
    }
    if batch is not None:
        slots[batch_at] = batch_value(batch)
        slots[word] = batch.words.get(WORD, 0).to_bytes(32, "big")
    world = World(slots, timestamp=day(END))
    logs = tuple(BundledLog(tuple(topics), data) for topics, data in map(ev.write_log, events))
    raw = world.bundle(document(), receipt(), history=logs if told else None).serialize()
    return BundleCase(raw, world.trusted(receipt()), POLICY, moment(END + 1))


def anchored_and_suspended() -> list[ev.Event]:
    """Registered on 1 January 2026, anchored on the 11th, suspended on the 31st."""
    lanes = (Lanes(WORD, 1 << LANE_BIT),)
    root = receipt().root
    return [
        ev.IssuerRegistered(ISSUER, 1, day(0.5), OWNER, 1, SALT, DidHash(bytes(32)), b""),
        ev.Anchored(ISSUER, 2, day(10), OWNER, root, SIZE, MetaHash(bytes(32))),
        ev.StatusChanged(ISSUER, 3, day(30), OWNER, root, SUSPEND, 0, lanes),
    ]


def random_past_bundles(dice: random.Random, amount: int) -> list[PastBundle]:
    """Some worlds, each asked about and spoiled many times: tries take longer than judging."""
    histories = [random_events(dice) for _ in range(20)]
    worlds = [(events, past_bundle(events)) for events in histories]
    return [_random_past_bundle(dice, *dice.choice(worlds)) for _ in range(amount)]


def _random_past_bundle(
    dice: random.Random, events: list[ev.Event], sound: BundleCase
) -> PastBundle:
    at = random_moment(dice, events)
    if dice.random() < 0.3:
        return PastBundle(sound, at)
    value = json.loads(sound.raw)
    _change(dice, value)
    return PastBundle(replace(sound, raw=dump(value)), None if dice.random() < 0.1 else at)


def _change(dice: random.Random, value: dict[str, Any]) -> None:
    """Spoil the history's shape, its logs' bytes, or the proof of its slot."""
    logs = value["history"]
    log = dice.choice(logs)
    digit = dice.randrange(2, len(log["data"]))
    match dice.randrange(9):
        case 0:
            logs.remove(log)
        case 1:
            logs.append(log)
        case 2:
            log["data"] = log["data"][:digit] + dice.choice("01f") + log["data"][digit + 1 :]
        case 3:
            log["data"] = log["data"][: dice.choice([-1, -2, -64])]
        case 4:
            log["topics"] = dice.choice([[], log["topics"][:-1], log["topics"] * 2, ["0x00"]])
        case 5:
            log[dice.choice(["topics", "data", "extra"])] = dice.choice([None, "", "0x", [], {}])
        case 6:
            value["history"] = dice.choice([None, [], {}, "0x", [[]], logs[::-1]])
        case 7:
            del value["history"]
        case _:
            value["evidence"]["nodes"].pop()
