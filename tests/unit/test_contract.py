"""Calldata, topics and refusals against the shipped ABI and the reference codec."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import decode, encode

from anchor_service.engine import contract
from anchor_service.engine.contract import BatchMasks
from registry.formats.events import StatusChange
from registry.keccak import keccak256
from registry.values import BatchRoot, DidHash, IssuerId, MetaHash
from registry.workspaces import artifact

ISSUER = IssuerId(b"\1" * 32)
ROOT = BatchRoot(b"\2" * 32)


def type_text(member: dict[str, Any]) -> str:
    if not member["type"].startswith("tuple"):
        return str(member["type"])
    inner = ",".join(type_text(one) for one in member["components"])
    return f"({inner}){member['type'].removeprefix('tuple')}"


def signatures(kind: str) -> dict[str, str]:
    return {
        one["name"]: f"{one['name']}({','.join(type_text(each) for each in one['inputs'])})"
        for one in artifact.load().abi
        if one["type"] == kind
    }


def test_every_call_is_one_of_the_contracts() -> None:
    assert set(contract.SIGNATURES) <= set(signatures("function").values())


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("IssuerRegistered", contract.ISSUER_REGISTERED),
        ("Anchored", contract.ANCHORED),
        ("StatusChanged", contract.STATUS_CHANGED),
    ],
)
def test_every_topic_is_that_of_the_contracts_event(name: str, topic: bytes) -> None:
    assert keccak256(signatures("event")[name].encode()) == topic


def test_an_anchor_call_carries_the_seal() -> None:
    data = contract.anchor(ISSUER, ROOT, 128, MetaHash(b"\3" * 32))
    assert data[:4] == keccak256(b"anchor(bytes32,bytes32,uint32,bytes32)")[:4]
    expected = (bytes(ISSUER), bytes(ROOT), 128, b"\3" * 32)
    assert decode(["bytes32", "bytes32", "uint32", "bytes32"], data[4:]) == expected


def test_calls_are_read_back_as_they_were_made() -> None:
    batches = (BatchMasks(ROOT, {0: 5, 7: 1 << 254}), BatchMasks(BatchRoot(b"\4" * 32), {1: 1}))
    data = contract.change_statuses(ISSUER, StatusChange.REVOKE, batches)
    assert contract.read_change_statuses(data) == (ISSUER, StatusChange.REVOKE, batches)
    did_hash = DidHash(b"\5" * 32)
    data = contract.register(b"\6" * 32, did_hash, "https://example.org/é")
    assert contract.read_register(data) == (b"\6" * 32, did_hash, "https://example.org/é")


def test_refusals_are_decoded_with_their_values() -> None:
    selector = keccak256(signatures("error")["IssuerIsPaused"].encode())[:4]
    found = contract.refusal(selector + ISSUER)
    assert found is not None
    assert str(found) == f"IssuerIsPaused({ISSUER})"
    assert contract.refusal(b"\xde\xad\xbe\xef") is None
    assert contract.refusal(b"") is None
    text = keccak256(b"Error(string)")[:4] + encode(["string"], ["no"])
    assert str(contract.refusal(text)) == "Error(no)"


def test_a_refusal_cut_short_still_has_its_name() -> None:
    selector = keccak256(signatures("error")["IssuerIsPaused"].encode())[:4]
    assert str(contract.refusal(selector + b"\1")) == "IssuerIsPaused()"


@pytest.mark.parametrize("length", [0, 159, 161])
def test_event_data_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="160"):
        contract.size_and_meta_hash(bytes(length))
