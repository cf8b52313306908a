"""The fast path of replaying logs: never another answer than the rule's, and no other state."""

from __future__ import annotations

from copy import deepcopy
from random import Random
from typing import Any

import pytest

from registry.errors import HistoryBroken, MalformedValue
from registry.formats import events as ev
from registry.formats.abi import Lanes
from registry.formats.history import issuer_id_of
from registry.formats.log_slices import read_event
from registry.formats.raw_log import RawLog
from registry.formats.state import State
from registry.proofs.replay import apply
from registry.proofs.replay_slices import follow
from registry.values import Address, BatchRoot, ChainId, DidHash, MetaHash

CHAIN, REGISTRY = ChainId(1), Address(b"\xaa" * 20)
OWNER, ANCHORER, STRANGER = (Address(bytes([n]) * 20) for n in (1, 2, 3))
SALT = ev.RegistrantSalt(b"\x55" * 32)
MINE = issuer_id_of(CHAIN, REGISTRY, OWNER, SALT)
ROOTS = [BatchRoot(bytes([n]) * 32) for n in (0, 7, 8, 9)]
META = MetaHash(b"\x66" * 32)
NOW = 1_900_000_000
EVEN = (2**256 - 1) // 3
ALWAYS = ev.ROLE_ANCHOR | ev.ROLE_STATUS

MASKS = [1, 4, 5, 16, 1 << 8, 1 << 254, EVEN, 0, 2, 2**256 - 1]
WORDS = [0, 0, 0, 1, 1, 2, 2**25, 2**255]


def next_event(chance: Random, state: State) -> ev.Event:
    """One that may well follow, or nearly."""
    some = chance.choice
    now = state.last_timestamp
    head: tuple[Any, Any, Any, Any] = (
        MINE,
        state.issuers[MINE].operations + 1 + some([0] * 40 + [-1, 1]),
        now + some([0] * 12 + [5, 5, -1]),
        some([OWNER, OWNER, OWNER, ANCHORER, ANCHORER, STRANGER]),
    )
    root = some([*ROOTS[1:], ROOTS[1], ROOTS[1], *ROOTS])
    kind = some([*[ev.StatusChanged] * 24, *[ev.Anchored] * 6, *ev.EVENTS])
    if kind is ev.Anchored:
        return ev.Anchored(*head, root, some([0, 1, 130, 256, 300, 2**32 - 1]), META)
    if kind is ev.BatchRevoked:
        return ev.BatchRevoked(*head, root)
    if kind is ev.DelegateSet:
        roles = some(range(4))
        return ev.DelegateSet(*head, ANCHORER, roles, now + 9 if roles else 0, 0)
    if kind is ev.EpochBumped:
        return ev.EpochBumped(*head, 1)
    if kind in (ev.Paused, ev.Unpaused, ev.Retired):
        return kind(*head)
    lanes = tuple(Lanes(some(WORDS), some(MASKS)) for _ in range(some([1, 1, 2, 3])))
    return ev.StatusChanged(*head, root, some(list(ev.StatusChange)), some([0] * 8 + [9]), lanes)


def log_of(event: ev.Event) -> RawLog:
    topics, data = ev.write_log(event)
    return RawLog(7, bytes(32), 0, bytes(32), b"".join(topics), data)


def begun() -> State:
    state = State.empty(CHAIN, REGISTRY)
    apply(state, ev.IssuerRegistered(MINE, 1, NOW, OWNER, 1, SALT, DidHash(bytes(32)), b""))
    apply(state, ev.DelegateSet(MINE, 2, NOW, OWNER, ANCHORER, ALWAYS, NOW + 40, 0))
    apply(state, ev.Anchored(MINE, 3, NOW, OWNER, ROOTS[1], 300, META))
    apply(state, ev.Anchored(MINE, 4, NOW, OWNER, ROOTS[2], 130, META))
    return state


def by_rule(state: State, log: RawLog) -> str | None:
    """What is the matter, if anything is."""
    try:
        apply(state, read_event(log), log.data)
    except HistoryBroken as fault:
        return fault.reason
    except MalformedValue as fault:
        return str(fault)
    return None


def check_next(state: State, log: RawLog) -> None:
    """state: becomes what the rule makes of it, unless the log cannot follow."""
    before, expected = deepcopy(state), deepcopy(state)
    fault = by_rule(expected, log)
    followed = follow(state, state.issuers[MINE], log.topics, log.data)
    if followed is None:
        assert state == before
        if fault is None:
            by_rule(state, log)
        return
    assert fault is None
    assert state == expected
    event = read_event(log)
    assert isinstance(event, ev.Anchored | ev.StatusChanged)
    size = expected.issuers[MINE].batches[event.root].size
    said: list[object] = [event.operation, event.timestamp, event.actor, event.root, size]
    if isinstance(event, ev.StatusChanged):
        said += [event.change, [number for pair in event.lanes for number in pair]]
    else:
        said += [None, None]
    assert list(followed) == said


def bent(chance: Random, log: RawLog) -> RawLog:
    data = bytearray(log.data)
    if not chance.randrange(12):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    cut = chance.choice([0] * 30 + [1, 32])
    topics = log.topics[: chance.choice([96] * 30 + [64])]
    return log._replace(data=bytes(data[: len(data) - cut]), topics=topics)


def walk(seed: int) -> None:
    chance, state = Random(seed), begun()
    for _ in range(30):
        check_next(state, bent(chance, log_of(next_event(chance, state))))


def test_any_log_follows_as_by_the_rule() -> None:
    for seed in range(200):
        walk(seed)


@pytest.mark.long
def test_any_of_very_many_logs_follows_as_by_the_rule() -> None:
    for seed in range(1_000, 100_000):
        walk(seed)


def test_the_two_commonest_logs_take_the_fast_path() -> None:
    state = begun()
    issuer = state.issuers[MINE]
    suspended, revoked = (Lanes(0, 5), Lanes(2, 1)), (Lanes(0, 4),)
    mine: list[ev.Event] = [
        ev.Anchored(MINE, 5, NOW, ANCHORER, ROOTS[3], 300, META),
        ev.StatusChanged(MINE, 6, NOW, OWNER, ROOTS[3], ev.StatusChange.SUSPEND, 0, suspended),
        ev.StatusChanged(MINE, 7, NOW, OWNER, ROOTS[3], ev.StatusChange.REVOKE, 0, revoked),
    ]
    for event in mine:
        log = log_of(event)
        assert follow(state, issuer, log.topics, log.data) is not None
    assert issuer.batches[ROOTS[3]].words == {0: 13, 2: 1}
