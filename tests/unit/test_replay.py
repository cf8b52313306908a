"""Replay: what the events say, and that nothing can be left out, doubled, moved or made up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from vector_files import load, unhex

from registry.errors import HistoryBroken
from registry.formats import events as ev
from registry.formats import storage
from registry.formats.abi import Lanes
from registry.formats.history import issuer_id_of
from registry.formats.state import NOBODY, Grant, State, history_slot
from registry.formats.storage import Status
from registry.proofs.replay import replay
from registry.values import Address, BatchRoot, ChainId, DidHash, IssuerId, MetaHash

VECTORS = load("history-v1")
CHAIN = ChainId(VECTORS["chainId"])
REGISTRY = Address.from_hex(VECTORS["registry"])
RELEASED = [
    ev.read_log([unhex(topic) for topic in log["topics"]], unhex(log["data"]))
    for log in VECTORS["logs"]
]
ISSUER = RELEASED[0].issuer_id

OWNER, HELPER, STRANGER = (Address(bytes([n]) * 20) for n in (1, 2, 3))
ROOT = BatchRoot(b"\x77" * 32)
SALT = ev.RegistrantSalt(b"\x55" * 32)
MINE = issuer_id_of(CHAIN, REGISTRY, OWNER, SALT)
NOW = 1_900_000_000
FULL = (2**256 - 1) // 3


class History:
    """Writes a legal beginning, then what a test wants to follow."""

    def __init__(self) -> None:
        self.events: list[ev.Event] = [
            ev.IssuerRegistered(MINE, 1, NOW, OWNER, 1, SALT, DidHash(bytes(32)), b"")
        ]

    def grant(self, roles: int, expiry: int = NOW + 100) -> History:
        self.events.append(ev.DelegateSet(*self.next(), HELPER, roles, expiry, 0))
        return self

    def anchor(self, size: int = 200, actor: Address = OWNER) -> History:
        meta_hash = MetaHash(bytes(32))
        self.events.append(ev.Anchored(*self.next(actor), ROOT, size, meta_hash))
        return self

    def status(
        self,
        change: ev.StatusChange,
        *lanes: tuple[int, int],
        nonce: int = 0,
        actor: Address = OWNER,
    ) -> History:
        pairs = tuple(map(Lanes._make, lanes))
        self.events.append(ev.StatusChanged(*self.next(actor), ROOT, change, nonce, pairs))
        return self

    def then(self, event: ev.Event) -> History:
        self.events.append(event)
        return self

    def next(self, actor: Address = OWNER) -> tuple[IssuerId, int, int, Address]:
        return MINE, len(self.events) + 1, NOW + len(self.events), actor

    def replay(self) -> State:
        return replay(self.events, CHAIN, REGISTRY)


SUSPEND, REINSTATE, REVOKE = ev.StatusChange


def test_the_released_history_replays_to_the_released_hashes() -> None:
    state = replay(RELEASED, CHAIN, REGISTRY)
    ours = [place for place, event in enumerate(RELEASED) if event.issuer_id == ISSUER]
    issuer = state.issuers[ISSUER]
    assert issuer.history.to_hex() == VECTORS["histories"][ours[-1]]
    assert state.registrations == 2
    assert state.registrations_history.to_hex() == VECTORS["registrations"]["histories"][-1]
    assert issuer.operations == 17
    assert issuer.retired
    assert not issuer.paused
    assert issuer.epoch == 2
    assert issuer.pending_owner == NOBODY
    assert [batch.count(Status.REVOKED) for batch in issuer.batches.values()] == [5, 129]


@pytest.mark.parametrize(
    "missing",
    # The last of each issuer is left to the comparison with storage: no number is missing then.
    [place for place, event in enumerate(RELEASED[:-1]) if event.issuer_id == ISSUER],
)
def test_leaving_any_event_out_but_the_last_breaks_the_history(missing: int) -> None:
    with pytest.raises(HistoryBroken):
        replay(RELEASED[:missing] + RELEASED[missing + 1 :], CHAIN, REGISTRY)


def test_leaving_out_the_end_shows_in_the_histories_alone() -> None:
    whole = replay(RELEASED, CHAIN, REGISTRY).issuers[ISSUER]
    short = replay(RELEASED[:-1], CHAIN, REGISTRY).issuers[ISSUER]
    assert history_slot(short) != history_slot(whole)


@pytest.mark.parametrize("place", range(len(RELEASED)))
def test_doubling_any_event_breaks_the_history(place: int) -> None:
    with pytest.raises(HistoryBroken):
        replay([*RELEASED[: place + 1], *RELEASED[place:]], CHAIN, REGISTRY)


def test_swapping_neighbours_of_one_issuer_breaks_the_history() -> None:
    for place in range(4, len(RELEASED) - 1):
        swapped = list(RELEASED)
        swapped[place], swapped[place + 1] = swapped[place + 1], swapped[place]
        with pytest.raises(HistoryBroken):
            replay(swapped, CHAIN, REGISTRY)


def test_a_gap_is_named_by_issuer_and_numbers() -> None:
    history = History().grant(3).anchor()
    del history.events[1]
    with pytest.raises(HistoryBroken, match="a gap: 2 did not come before it") as caught:
        history.replay()
    assert (caught.value.issuer, caught.value.operation) == (MINE.to_hex(), 3)


def test_another_chain_breaks_the_first_registration() -> None:
    with pytest.raises(HistoryBroken, match="salt and registrant give"):
        replay(RELEASED, ChainId(1), REGISTRY)


def test_an_altered_field_changes_the_history() -> None:
    first = RELEASED[1]
    assert isinstance(first, ev.DidChanged)
    bent = [RELEASED[0], replace(first, profile_uri=b"x"), *RELEASED[2:]]
    changed = replay(bent, CHAIN, REGISTRY).issuers[ISSUER].history
    assert changed != replay(RELEASED, CHAIN, REGISTRY).issuers[ISSUER].history


def test_nothing_at_all_is_the_empty_registry() -> None:
    state = replay([], CHAIN, REGISTRY)
    assert dict(state.storage()) == {storage.REGISTRATIONS_SLOT: bytes(32)}


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        (History().anchor().anchor(), "anchored twice"),
        (History().anchor(size=0), "empty batch"),
        (History().anchor(actor=HELPER), "had no authority"),
        (History().grant(2).anchor(actor=HELPER), "had no authority"),
        (History().grant(1, NOW + 2).anchor(actor=HELPER), "had no authority"),
        (History().grant(4), "roles that do not exist"),
        (History().grant(1, NOW + 1), "had expired"),
        (History().grant(0, 5), "a grant that ends"),
        (History().status(REVOKE, (0, 1)), "never anchored"),
        (History().anchor().status(REVOKE, (0, 2)), "beyond the batch"),
        (History().anchor().status(REVOKE, (1, 1 << 144)), "beyond the batch"),
        (History().anchor().status(REVOKE, (2, 1)), "beyond the batch"),
        (History().anchor().status(REVOKE, (1 << 25, 0), (0, 1)), "beyond the batch"),
        (History().anchor().status(REVOKE), "changes nothing"),
        (History().anchor().status(REINSTATE, (0, FULL)), "changes nothing"),
        (
            History().anchor().status(REVOKE, (0, 1)).status(REVOKE, (0, 1)),
            "changes nothing",
        ),
        (
            History().anchor().status(REVOKE, (0, 1)).status(REINSTATE, (0, 5)),
            "changes revoked lanes",
        ),
        (
            History().anchor().status(SUSPEND, (0, 1), nonce=9).status(REVOKE, (0, 1), nonce=9),
            "nonces that were used",
        ),
        (History().then(ev.Unpaused(MINE, 2, NOW, OWNER)), "not paused"),
        (History().then(ev.Paused(MINE, 2, NOW, STRANGER)), "was not the owner"),
        (History().then(ev.Paused(MINE, 2, NOW - 1, OWNER)), "older than"),
        (History().then(ev.EpochBumped(MINE, 2, NOW, OWNER, 2)), "the epoch was 0"),
        (History().then(ev.Distrusted(MINE, 2, NOW, OWNER, NOW + 1)), "to come"),
        (History().then(ev.Distrusted(MINE, 2, NOW, OWNER, 0)), "zero or to come"),
        (History().then(ev.OwnershipOffered(MINE, 2, NOW, OWNER, NOBODY)), "changes nothing"),
        (
            History().then(ev.OwnershipTransferred(MINE, 2, NOW, STRANGER, OWNER, 1)),
            "not offered",
        ),
        (
            History().then(ev.NoncesCancelled(MINE, 2, NOW, STRANGER, STRANGER, 0, 1)),
            "had no authority",
        ),
        (
            History().then(ev.NoncesCancelled(MINE, 2, NOW, STRANGER, OWNER, 0, 1)),
            "was not the owner",
        ),
        (
            History().then(ev.Retired(MINE, 2, NOW, OWNER)).anchor(),
            "paused, distrusted or retired",
        ),
        (
            History().anchor().then(ev.BatchRevoked(MINE, 3, NOW + 9, HELPER, ROOT)),
            "was not the owner",
        ),
        (
            History()
            .anchor()
            .then(ev.BatchRevoked(MINE, 3, NOW + 2, OWNER, ROOT))
            .status(SUSPEND, (0, 1)),
            "the batch is revoked",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_contract_would_refuse_breaks_the_history(history: History, reason: str) -> None:
    with pytest.raises(HistoryBroken, match=reason):
        history.replay()


def test_revocation_goes_on_while_paused_distrusted_retired_and_batch_revoked() -> None:
    history = History().anchor()
    for event in (
        ev.Paused(*history.next()),
        ev.Retired(MINE, 4, NOW + 4, OWNER),
        ev.Distrusted(MINE, 5, NOW + 4, OWNER, 1),
        ev.BatchRevoked(MINE, 6, NOW + 5, OWNER, ROOT),
    ):
        history.then(event)
    batch = history.status(REVOKE, (0, 1)).replay().issuers[MINE].batches[ROOT]
    assert batch.words == {0: 2}
    assert batch.count(Status.REVOKED) == 200


def test_a_batch_counts_its_lanes() -> None:
    history = History().anchor().status(SUSPEND, (0, 1 | 4), (1, 16)).status(REVOKE, (0, 4))
    batch = history.replay().issuers[MINE].batches[ROOT]
    counts = [batch.count(status) for status in (Status.ACTIVE, Status.SUSPENDED, Status.REVOKED)]
    assert counts == [197, 2, 1]


def test_slots_read_back_as_the_state_says() -> None:
    state = replay(RELEASED, CHAIN, REGISTRY)
    slots = dict(state.storage())
    issuer = state.issuers[ISSUER]
    where = storage.issuer_slots(ISSUER)
    assert storage.decode_issuer(slots[where.record]) == issuer.record
    history = storage.decode_history(slots[where.history])
    assert (history.count, history.history) == (17, issuer.history)
    for root, batch in issuer.batches.items():
        assert storage.decode_batch(slots[storage.batch_slot(ISSUER, root)]) == batch.record
    grants = [event for event in RELEASED if isinstance(event, ev.DelegateSet)]
    assert issuer.delegates == {grants[0].delegate: Grant(3, 0, 2**40 - 1)}
    packed = slots[storage.delegate_slot(ISSUER, grants[0].delegate)]
    assert int.from_bytes(packed, "big") == 3 | (2**40 - 1) << 40
