"""Slots and records of the contract. Slot literals were computed with @noble/hashes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import MalformedValue
from registry.formats.storage import (
    LANES_PER_WORD,
    REGISTRATIONS_SLOT,
    BatchRecord,
    HistoryRecord,
    IssuerRecord,
    Status,
    batch_slot,
    decode_batch,
    decode_history,
    decode_issuer,
    delegate_slot,
    issuer_slots,
    lane_status,
    masks,
    nonce_slot,
    word_and_lane,
    word_slot,
)
from registry.values import Address, BatchRoot, IssuerId

ISSUER = IssuerId(bytes(range(32)))
ROOT = BatchRoot(b"\xab" * 32)
ACCOUNT = Address(b"\xc1" * 20)
BASE = 0x77355D4A862F94A7E5925B3054D446D88C8A9E46B64E69AA8A47FE70CFFE75B8


def word(*fields: tuple[int, int]) -> bytes:
    """Pack (value, lowest bit) pairs as the compiler does."""
    return sum(value << shift for value, shift in fields).to_bytes(32, "big")


def test_an_issuer_has_four_consecutive_slots() -> None:
    slots = issuer_slots(ISSUER)
    found = [slots.record, slots.history, slots.did_hash, slots.pending_owner]
    assert [int.from_bytes(slot, "big") - BASE for slot in found] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("slot", "expected"),
    [
        (
            delegate_slot(ISSUER, ACCOUNT),
            "ceca873b180aabe79a0107eea823c77de8063c24419c64f3b9fa877daab12ef1",
        ),
        (
            batch_slot(ISSUER, ROOT),
            "38514f75b35f8694188dc498621b7986a46f5532a18b6dd5c7d42a76fdd8b94b",
        ),
        (
            word_slot(ISSUER, ROOT, 0),
            "1583939688dcb9a976eab60866d54b42d6ec410769622cbd723a6a417c982929",
        ),
        (
            word_slot(ISSUER, ROOT, 7),
            "4cea1dee81dc298aabe09695b7d68282a1248755674075a271b132af331cd394",
        ),
        (
            nonce_slot(ISSUER, ACCOUNT, 3),
            "b06d1932e088a7b65aadae0c5d1f6a561749508c3021abe4f9e4c213ecacd614",
        ),
        (REGISTRATIONS_SLOT, "00" * 31 + "01"),
    ],
)
def test_slots_are_where_solidity_puts_them(slot: bytes, expected: str) -> None:
    assert slot.hex() == expected


def test_an_issuer_record_reads_every_field_of_its_word() -> None:
    owner = int.from_bytes(ACCOUNT, "big")
    packed = word((owner, 0), (0b10, 160), (0xA1B2C3D4, 168), (0x1122334455, 200))
    assert decode_issuer(packed) == IssuerRecord(
        owner=ACCOUNT, paused=False, retired=True, epoch=0xA1B2C3D4, distrust_after=0x1122334455
    )
    assert decode_issuer(word((owner, 0), (0b01, 160))) == IssuerRecord(ACCOUNT, True, False, 0, 0)


def test_a_batch_record_reads_every_field_of_its_word() -> None:
    packed = word((0x1122334455, 0), (0xAABBCCDDEE, 40), (0xFFFFFFFF, 80), (1, 112))
    assert decode_batch(packed) == BatchRecord(0x1122334455, 0xAABBCCDDEE, 0xFFFFFFFF, True)
    assert decode_batch(word((7, 0), (1, 40), (128, 80))) == BatchRecord(7, 1, 128, False)


def test_a_history_record_has_the_count_below_the_hash() -> None:
    packed = bytes(range(27)) + (0xAABBCCDDEE).to_bytes(5, "big")
    assert decode_history(packed) == HistoryRecord(0xAABBCCDDEE, bytes(range(27)))


def test_an_empty_word_is_no_record() -> None:
    assert decode_issuer(bytes(32)) is None
    assert decode_batch(bytes(32)) is None
    assert decode_history(bytes(32)) == HistoryRecord(0, bytes(27))


@pytest.mark.parametrize(
    "packed",
    [
        word((1, 160)),  # flags without an owner
        word((1, 0), (0b100, 160)),  # a flag that does not exist
        word((1, 0), (1, 240)),  # bits above the last field
        bytes(31),
    ],
)
def test_a_word_that_is_no_issuer_is_refused(packed: bytes) -> None:
    with pytest.raises(MalformedValue):
        decode_issuer(packed)


@pytest.mark.parametrize(
    "packed",
    [
        word((1, 40), (1, 80)),  # no time
        word((1, 0), (1, 80)),  # no operation number
        word((1, 0), (1, 40)),  # no size
        word((1, 0), (1, 40), (1, 80), (0b10, 112)),  # a flag that does not exist
        word((1, 0), (1, 40), (1, 80), (1, 120)),  # bits above the last field
        bytes(33),
    ],
)
def test_a_word_that_is_no_batch_is_refused(packed: bytes) -> None:
    with pytest.raises(MalformedValue):
        decode_batch(packed)


def test_lanes_read_as_the_format_says() -> None:
    value = 0b11_10_01_00 | 0b10 << 254
    assert [lane_status(value, lane) for lane in (0, 1, 2, 3, 127)] == [
        Status.ACTIVE,
        Status.SUSPENDED,
        Status.REVOKED,
        Status.REVOKED,
        Status.REVOKED,
    ]
    assert lane_status(value, 126) is Status.ACTIVE


@pytest.mark.parametrize("lane", [-1, 128])
def test_a_lane_outside_its_word_is_refused(lane: int) -> None:
    with pytest.raises(MalformedValue):
        lane_status(0, lane)


@pytest.mark.parametrize(
    ("index", "place"),
    [(0, (0, 0)), (127, (0, 127)), (128, (1, 0)), (2**32 - 2, (2**25 - 1, 126))],
)
def test_an_index_has_one_word_and_lane(index: int, place: tuple[int, int]) -> None:
    assert word_and_lane(index) == place


@pytest.mark.parametrize("index", [-1, 2**32 - 1])
def test_an_index_outside_any_batch_is_refused(index: int) -> None:
    with pytest.raises(MalformedValue):
        word_and_lane(index)


def test_masks_use_even_bits_of_the_right_words() -> None:
    assert masks([129, 0, 1, 127, 1]) == {0: 0b101 | 1 << 254, 1: 0b100}
    assert list(masks([300, 5])) == [0, 2]
    assert masks([]) == {}


@given(st.sets(st.integers(0, 2**32 - 2), max_size=50), st.integers(0, 2**32 - 2))
def test_a_mask_shifted_to_the_revoked_bit_revokes_exactly_its_lanes(
    revoked: set[int], other: int
) -> None:
    words = {number: mask << 1 for number, mask in masks(revoked).items()}
    for index in revoked | {other}:
        number, lane = word_and_lane(index)
        expected = Status.REVOKED if index in revoked else Status.ACTIVE
        assert lane_status(words.get(number, 0), lane) is expected


def test_a_word_holds_256_bits_of_lanes() -> None:
    assert max(masks([LANES_PER_WORD - 1]).values()).bit_length() == 255
