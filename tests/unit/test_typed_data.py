"""Signed messages: released vectors, and eth_account as the oracle."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st
from vector_files import load, unhex

from registry.errors import MalformedValue
from registry.formats.abi import Lanes
from registry.formats.events import StatusChange
from registry.formats.typed_data import (
    AnchorMessage,
    Message,
    StatusMessage,
    domain_separator,
    message_hash,
    signing_digest,
    wallet_request,
)
from registry.values import Address, BatchRoot, ChainId, IssuerId, MetaHash

VECTORS = load("typed_data-v1")
CASES: list[dict[str, Any]] = VECTORS["cases"]
UINT256 = st.integers(0, 2**256 - 1)
UINT32 = st.integers(0, 2**32 - 1)
BYTES32 = st.binary(min_size=32, max_size=32)
ADDRESSES = st.binary(min_size=20, max_size=20).map(Address)


def message_of(case: dict[str, Any]) -> Message:
    content = case["message"]
    shared = (
        IssuerId.from_hex(content["issuerId"]),
        Address.from_hex(content["signer"]),
        content["epoch"],
        BatchRoot.from_hex(content["root"]),
    )
    deadline = int(content["deadline"])
    if case["primaryType"] == "Anchor":
        return AnchorMessage(
            *shared, content["size"], MetaHash.from_hex(content["metaHash"]), deadline
        )
    lanes = tuple(Lanes(int(one["word"]), int(one["mask"])) for one in content["lanes"])
    change = StatusChange(content["change"])
    return StatusMessage(*shared, change, lanes, int(content["nonce"]), deadline)


def home(case: dict[str, Any]) -> tuple[ChainId, Address]:
    return ChainId(case["chainId"]), Address.from_hex(case["registry"])


@pytest.mark.parametrize("case", CASES)
def test_a_message_hashes_as_released(case: dict[str, Any]) -> None:
    message = message_of(case)
    assert domain_separator(*home(case)).to_hex() == case["domainSeparator"]
    assert message_hash(message).to_hex() == case["messageHash"]
    assert signing_digest(message, *home(case)).to_hex() == case["digest"]


@pytest.mark.parametrize("case", CASES)
def test_a_wallet_is_asked_as_released(case: dict[str, Any]) -> None:
    assert wallet_request(message_of(case), *home(case)) == case["request"]


@pytest.mark.parametrize("case", CASES)
def test_the_released_signature_is_the_signers_over_our_digest(case: dict[str, Any]) -> None:
    digest = signing_digest(message_of(case), *home(case))
    signature = unhex(case["signature"])
    recovered = Account._recover_hash(bytes(digest), signature=signature)
    assert recovered.lower() == VECTORS["signer"]
    assert Account.unsafe_sign_hash(bytes(digest), VECTORS["key"]).signature == signature


def test_released_digests_differ() -> None:
    assert len({case["digest"] for case in CASES}) == len(CASES)


@given(BYTES32, ADDRESSES, UINT32, BYTES32, UINT32, BYTES32, UINT256, st.integers(1, 2**53 - 1))
def test_anchor_messages_hash_as_eth_account_hashes_them(
    issuer: bytes,
    signer: Address,
    epoch: int,
    root: bytes,
    size: int,
    meta_hash: bytes,
    deadline: int,
    chain: int,
) -> None:
    message = AnchorMessage(
        IssuerId(issuer), signer, epoch, BatchRoot(root), size, MetaHash(meta_hash), deadline
    )
    assert_hashes_alike(message, ChainId(chain), signer)


@given(
    BYTES32,
    ADDRESSES,
    BYTES32,
    st.sampled_from(StatusChange),
    st.lists(st.builds(Lanes, UINT256, UINT256), max_size=4),
    UINT256,
    UINT256,
)
def test_status_messages_hash_as_eth_account_hashes_them(
    issuer: bytes,
    signer: Address,
    root: bytes,
    change: StatusChange,
    lanes: list[Lanes],
    nonce: int,
    deadline: int,
) -> None:
    message = StatusMessage(
        IssuerId(issuer), signer, 1, BatchRoot(root), change, tuple(lanes), nonce, deadline
    )
    assert_hashes_alike(message, ChainId(31337), signer)


def assert_hashes_alike(message: Message, chain: ChainId, registry: Address) -> None:
    signable = encode_typed_data(full_message=wallet_request(message, chain, registry))
    assert signable.body == message_hash(message)
    assert signable.header == domain_separator(chain, registry)


@pytest.mark.parametrize(
    ("field", "value"),
    [("epoch", 2**32), ("size", 2**32), ("deadline", 2**256), ("epoch", -1), ("size", -1)],
)
def test_a_number_that_does_not_fit_is_refused(field: str, value: int) -> None:
    content = {"epoch": 0, "size": 1, "deadline": 0} | {field: value}
    with pytest.raises(MalformedValue, match=field):
        AnchorMessage(
            IssuerId(bytes(32)),
            Address(bytes(20)),
            content["epoch"],
            BatchRoot(bytes(32)),
            content["size"],
            MetaHash(bytes(32)),
            content["deadline"],
        )


@pytest.mark.parametrize("lanes", [Lanes(-1, 1), Lanes(2**256, 1), Lanes(0, 2**256)])
def test_lanes_that_do_not_fit_are_refused(lanes: Lanes) -> None:
    with pytest.raises(MalformedValue):
        StatusMessage(
            IssuerId(bytes(32)),
            Address(bytes(20)),
            0,
            BatchRoot(bytes(32)),
            StatusChange.REVOKE,
            (lanes,),
            1,
            0,
        )
