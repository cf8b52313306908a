"""Fees: the first offer, replacements that a strict node takes, and the cap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor_service.engine.fees import (
    GWEI,
    MAX_GAS,
    Fees,
    Market,
    first_offer,
    gas_limit,
    raised_offer,
)

CAP = 100 * GWEI
wei = st.integers(min_value=0, max_value=10**13)


def test_the_first_offer_leaves_room_for_the_base_fee_to_double() -> None:
    assert first_offer(Market(10 * GWEI, GWEI), CAP) == Fees(21 * GWEI, GWEI)


def test_the_first_offer_stops_at_the_cap() -> None:
    assert first_offer(Market(80 * GWEI, GWEI), CAP) == Fees(CAP, GWEI)


def test_no_offer_where_the_price_is_over_the_cap() -> None:
    assert first_offer(Market(100 * GWEI, 1), CAP) is None
    assert first_offer(Market(100 * GWEI, 0), CAP) == Fees(CAP, 0)


def test_a_replacement_raises_both_fees_by_an_eighth() -> None:
    assert raised_offer(Fees(80, 8), Market(0, 0), CAP) == Fees(90, 9)
    assert raised_offer(Fees(81, 9), Market(0, 0), CAP) == Fees(92, 11)


def test_a_replacement_follows_the_market_up() -> None:
    market = Market(30 * GWEI, 2 * GWEI)
    assert raised_offer(Fees(21 * GWEI, GWEI), market, CAP) == Fees(62 * GWEI, 2 * GWEI)


def test_a_replacement_that_would_pass_the_cap_is_not_made() -> None:
    assert raised_offer(Fees(CAP, GWEI), Market(0, 0), CAP) is None
    assert raised_offer(Fees(CAP * 8 // 9 + 1, GWEI), Market(0, 0), CAP) is None


@given(wei, wei, wei, wei, wei)
def test_every_replacement_satisfies_a_strict_node(
    max_fee: int, tip: int, base: int, market_tip: int, cap: int
) -> None:
    previous = Fees(max(max_fee, tip), tip)
    offer = raised_offer(previous, Market(base, market_tip), cap)
    if offer is not None:
        assert 8 * offer.max_fee >= 9 * previous.max_fee
        assert 8 * offer.tip >= 9 * previous.tip
        assert offer.max_fee > previous.max_fee
        assert offer.tip > previous.tip
        assert offer.tip <= offer.max_fee <= cap


@given(wei, wei, wei)
def test_no_first_offer_is_over_the_cap(base: int, tip: int, cap: int) -> None:
    offer = first_offer(Market(base, tip), cap)
    if offer is not None:
        assert base + tip <= offer.max_fee <= cap


@pytest.mark.parametrize(
    ("estimate", "limit"), [(100_000, 120_000), (100_001, 120_002), (MAX_GAS, None)]
)
def test_the_gas_limit_is_a_fifth_above_the_estimate(estimate: int, limit: int | None) -> None:
    assert gas_limit(estimate) == limit


def test_the_largest_gas_limit_stays_under_what_nodes_take() -> None:
    largest = MAX_GAS * 5 // 6
    assert gas_limit(largest) is not None
    assert MAX_GAS < 16_777_216
