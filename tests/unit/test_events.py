"""Logs as values: the released vectors, eth_abi as the oracle, and what is refused."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st
from vector_files import load, unhex

from registry.errors import MalformedValue
from registry.formats.abi import Lanes
from registry.formats.events import (
    EVENTS,
    DidChanged,
    Event,
    Kind,
    StatusChange,
    StatusChanged,
    read_log,
    signature,
    topic,
    write_log,
)
from registry.values import Address, BatchRoot, DidHash, FixedBytes, IssuerId
from registry.workspaces import artifact

VECTORS = load("events-v1")
ISSUER = IssuerId(bytes(range(32)))
ACTOR = Address(b"\xac" * 20)
NUMBERS = st.integers(0, 2**256 - 1)


def words(entry: dict[str, Any]) -> tuple[list[bytes], bytes]:
    return [unhex(text) for text in entry["topics"]], unhex(entry["data"])


def shown(value: object) -> object:
    """A field as the vectors write it."""
    if isinstance(value, tuple):
        return [{"word": str(one.word), "mask": str(one.mask)} for one in value]
    if isinstance(value, FixedBytes):
        return value.to_hex()
    return value.decode() if isinstance(value, bytes) else f"{value:d}"


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join("URI" if word == "uri" else word.capitalize() for word in rest)


@pytest.mark.parametrize(
    "entry",
    VECTORS["logs"],
    ids=[f"{place} {entry['event']}" for place, entry in enumerate(VECTORS["logs"])],
)
def test_a_log_reads_as_its_vector_says_and_writes_back(entry: dict[str, Any]) -> None:
    topics, data = words(entry)
    event = read_log(topics, data)
    assert type(event).__name__ == entry["event"]
    found = {camel(field.name): shown(getattr(event, field.name)) for field in fields(event)}
    assert found == entry["fields"]
    assert write_log(event) == (topics, data)


@pytest.mark.parametrize(
    "entry", VECTORS["refused"], ids=[entry["reason"] for entry in VECTORS["refused"]]
)
def test_a_log_that_the_contract_cannot_write_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(MalformedValue):
        read_log(*words(entry))


def test_every_event_of_the_shipped_contract_is_known_by_its_types() -> None:
    listed = {
        entry["name"]: f"{entry['name']}({','.join(map(type_of, entry['inputs']))})"
        for entry in artifact.load().abi
        if entry["type"] == "event" and entry["name"] != "EIP712DomainChanged"
    }
    assert {kind.__name__: signature(kind) for kind in EVENTS} == listed


def test_every_event_has_the_fields_of_the_shipped_contract_in_order() -> None:
    listed = {entry["name"]: entry["inputs"] for entry in artifact.load().abi}
    for kind in EVENTS:
        inputs = listed[kind.__name__]
        topics = [one["name"] for one in inputs if one["indexed"]]
        data = [one["name"] for one in inputs if not one["indexed"]]
        # root, where there is one, stands before the other fields that only some events have
        expected = [topics[0], *data[:3], *topics[1:], *data[3:]]
        assert [camel(field.name) for field in fields(kind)] == expected


def test_kinds_are_numbered_as_the_events_are_listed() -> None:
    assert [kind.KIND for kind in EVENTS] == list(Kind) == list(range(1, 15))


def type_of(member: dict[str, Any]) -> str:
    text: str = member["type"]
    if text.startswith("tuple"):
        return f"({','.join(map(type_of, member['components']))}){text.removeprefix('tuple')}"
    return text


def test_a_profile_address_that_is_no_text_still_reads() -> None:
    """Anyone can register; nobody may make the whole registry unreadable by it."""
    event = DidChanged(ISSUER, 2, 1_900_000_000, ACTOR, DidHash(bytes(32)), b"\xff\xfe\x00")
    assert read_log(*write_log(event)) == event


@given(
    st.lists(st.tuples(NUMBERS, NUMBERS), max_size=9),
    NUMBERS,
    st.sampled_from(StatusChange),
    st.integers(0, 2**40 - 1),
)
def test_lanes_are_written_as_eth_abi_writes_them(
    lanes: list[tuple[int, int]], nonce: int, change: StatusChange, number: int
) -> None:
    event = StatusChanged(
        ISSUER,
        number,
        5,
        ACTOR,
        BatchRoot(bytes(32)),
        change,
        nonce,
        tuple(map(Lanes._make, lanes)),
    )
    types = ["uint40", "uint40", "address", "uint8", "uint256", "(uint256,uint256)[]"]
    expected = encode(types, [number, 5, ACTOR, int(change), nonce, lanes])
    topics, data = write_log(event)
    assert data == expected
    assert read_log(topics, data) == event


@given(st.binary(max_size=100))
def test_texts_are_written_as_eth_abi_writes_bytes(profile: bytes) -> None:
    event = DidChanged(ISSUER, 2, 5, ACTOR, DidHash(b"\xdd" * 32), profile)
    expected = encode(
        ["uint40", "uint40", "address", "bytes32", "bytes"], [2, 5, ACTOR, b"\xdd" * 32, profile]
    )
    topics, data = write_log(event)
    assert data == expected
    assert read_log(topics, data) == event


LOGS = [words(entry) for entry in VECTORS["logs"]]


@given(st.data())
def test_whatever_is_read_writes_back_to_the_same_bytes(draw: st.DataObject) -> None:
    """So no two logs read as one event: a bent byte is refused or shows."""
    topics, data = draw.draw(st.sampled_from(LOGS))
    bent = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 3))):
        bent[draw.draw(st.integers(0, len(bent) - 1))] = draw.draw(st.integers(0, 255))
    cut = bytes(bent[: draw.draw(st.sampled_from([len(bent), len(bent) - 32, len(bent) - 1]))])
    try:
        event: Event = read_log(topics, cut)
    except MalformedValue:
        return
    assert write_log(event) == (topics, cut)


def test_topics_of_events_differ() -> None:
    assert len({topic(kind) for kind in EVENTS}) == len(EVENTS)
