"""The folds, against released vectors (made with eth_abi) and against the interface's own words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from vector_files import load, unhex

from registry.formats.events import Anchored, Event, IssuerRegistered, read_log
from registry.formats.history import (
    ISSUER_TAG,
    HistoryHash,
    fold,
    fold_registration,
    issuer_id_of,
    issuer_start,
    registrations_start,
)
from registry.keccak import keccak256
from registry.values import Address, BatchRoot, ChainId, IssuerId

VECTORS = load("history-v1")
CHAIN = ChainId(VECTORS["chainId"])
REGISTRY = Address.from_hex(VECTORS["registry"])


def event_of(log: dict[str, Any]) -> Event:
    return read_log([unhex(topic) for topic in log["topics"]], unhex(log["data"]))


EVENTS = [event_of(log) for log in VECTORS["logs"]]


def test_every_operation_folds_as_released() -> None:
    starts = VECTORS["starts"]
    now = dict(zip(starts["issuerIds"], starts["histories"], strict=True))
    for event, issuer, expected in zip(
        EVENTS, VECTORS["issuerIds"], VECTORS["histories"], strict=True
    ):
        assert event.issuer_id.to_hex() == issuer
        now[issuer] = fold(HistoryHash.from_hex(now[issuer]), event).to_hex()
        assert now[issuer] == expected, type(event).__name__


def test_registrations_fold_as_released() -> None:
    rows = VECTORS["registrations"]
    history = registrations_start(CHAIN, REGISTRY)
    assert history.to_hex() == rows["start"]
    registrations = [event for event in EVENTS if isinstance(event, IssuerRegistered)]
    for event, expected in zip(registrations, rows["histories"], strict=True):
        history = fold_registration(history, event)
        assert history.to_hex() == expected


@pytest.mark.parametrize("place", [0, 1])
def test_an_issuer_starts_as_released(place: int) -> None:
    starts = VECTORS["starts"]
    issuer = IssuerId.from_hex(starts["issuerIds"][place])
    assert issuer_start(CHAIN, REGISTRY, issuer).to_hex() == starts["histories"][place]


def test_released_histories_are_hashes_of_the_released_preimages() -> None:
    for preimage, history in zip(VECTORS["preimages"], VECTORS["histories"], strict=True):
        assert "0x" + keccak256(unhex(preimage))[:27].hex() == history


def test_a_history_starts_differently_on_each_chain_registry_and_issuer() -> None:
    issuer = EVENTS[0].issuer_id
    starts = {
        issuer_start(CHAIN, REGISTRY, issuer),
        issuer_start(ChainId(1), REGISTRY, issuer),
        issuer_start(CHAIN, Address(bytes(20)), issuer),
        issuer_start(CHAIN, REGISTRY, IssuerId(bytes(32))),
        registrations_start(CHAIN, REGISTRY),
    }
    assert len(starts) == 5


def test_every_field_of_an_event_counts_but_the_issuer_id() -> None:
    history = HistoryHash(bytes(27))
    event = next(event for event in EVENTS if isinstance(event, Anchored))
    bent = [
        replace(event, operation=event.operation + 1),
        replace(event, timestamp=event.timestamp + 1),
        replace(event, actor=Address(bytes(20))),
        replace(event, root=BatchRoot(b"\1" * 32)),
        replace(event, size=event.size + 1),
        replace(event, meta_hash=type(event.meta_hash)(bytes(32))),
    ]
    assert len({fold(history, one) for one in [event, *bent]}) == 7
    # It is in h(0), so that the fold need not carry it again.
    assert fold(history, replace(event, issuer_id=IssuerId(bytes(32)))) == fold(history, event)
    assert fold(HistoryHash(b"\1" * 27), event) != fold(history, event)


def test_the_tag_is_the_hash_of_its_words() -> None:
    assert keccak256(b"credanchor.history.issuer.1") == ISSUER_TAG


def test_issuer_ids_are_those_of_the_vectors() -> None:
    for event in EVENTS:
        if isinstance(event, IssuerRegistered):
            made = issuer_id_of(CHAIN, REGISTRY, event.actor, event.salt)
            assert made == event.issuer_id
