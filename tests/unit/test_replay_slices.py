"""The fast path of replaying logs: never another answer than the rule's, and no other state."""

from __future__ import annotations

from copy import deepcopy
from itertools import starmap
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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

often = st.sampled_from
masks = often([1, 4, 5, 16, 1 << 8, 1 << 254, EVEN, 0, 2, 2**256 - 1])
lanes = st.lists(
    st.tuples(often([0, 0, 0, 1, 1, 2, 2**25, 2**255]), masks), min_size=1, max_size=3
).map(lambda pairs: tuple(starmap(Lanes, pairs)))


@st.composite
def events(draw: st.DrawFn, operation: int, timestamp: int) -> ev.Event:
    """One that may well follow, or nearly."""
    head: tuple[Any, Any, Any, Any] = (
        MINE,
        operation + draw(often([0] * 40 + [-1, 1])),
        timestamp + draw(often([0, 0, 0, 5, 0, 0, 0, -1])),
        draw(often([OWNER, OWNER, OWNER, ANCHORER, ANCHORER, STRANGER])),
    )
    root = draw(often([*ROOTS[1:], ROOTS[1], ROOTS[1], *ROOTS]))
    kind = draw(often([*[ev.StatusChanged] * 12, *[ev.Anchored] * 3, *ev.EVENTS]))
    if kind is ev.Anchored:
        return ev.Anchored(*head, root, draw(often([0, 1, 130, 256, 300, 2**32 - 1])), META)
    if kind is ev.BatchRevoked:
        return ev.BatchRevoked(*head, root)
    if kind is ev.DelegateSet:
        roles = draw(st.integers(0, ALWAYS))
        expiry = timestamp + draw(st.integers(1, 9))
        return ev.DelegateSet(*head, ANCHORER, roles, expiry if roles else 0, 0)
    if kind is ev.EpochBumped:
        return ev.EpochBumped(*head, 1)
    if kind in (ev.Paused, ev.Unpaused, ev.Retired):
        return kind(*head)
    change = draw(often(list(ev.StatusChange)))
    return ev.StatusChanged(*head, root, change, draw(often([0] * 8 + [9])), draw(lanes))


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


@st.composite
def bent(draw: st.DrawFn, log: RawLog) -> RawLog:
    data = bytearray(log.data)
    if data and draw(often([False] * 11 + [True])):
        data[draw(st.integers(0, len(data) - 1))] ^= 1 << draw(st.integers(0, 7))
    cut = draw(often([0] * 30 + [1, 32]))
    topics = log.topics[: draw(often([96] * 30 + [64]))]
    return log._replace(data=bytes(data[: len(data) - cut]), topics=topics)


def walk(data: st.DataObject, steps: int) -> None:
    state = begun()
    for _ in range(steps):
        issuer = state.issuers[MINE]
        event = data.draw(events(issuer.operations + 1, state.last_timestamp))
        check_next(state, data.draw(bent(log_of(event))))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_log_follows_as_by_the_rule(data: st.DataObject) -> None:
    walk(data, 12)


@pytest.mark.long
@settings(max_examples=20_000, deadline=None)
@given(st.data())
def test_any_of_very_many_logs_follows_as_by_the_rule(data: st.DataObject) -> None:
    walk(data, 20)


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
