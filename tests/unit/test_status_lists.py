"""Status words of a batch as the bits of a W3C status list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor_service.issuing.status_lists import bitstring
from registry.documents.status_list import MIN_BITS
from registry.formats.storage import Status, lane_status

SIZE = 300


@given(st.lists(st.integers(0, 2**256 - 1), min_size=3, max_size=3), st.sampled_from([1, 7, SIZE]))
def test_each_leaf_has_its_bit_from_the_left_and_nothing_else(words: list[int], size: int) -> None:
    for purpose, wanted in (("revocation", Status.REVOKED), ("suspension", Status.SUSPENDED)):
        bits = bitstring(words, size, purpose, all_revoked=False)
        text = "".join(f"{byte:08b}" for byte in bits)
        assert len(text) == MIN_BITS
        expected = [lane_status(words[n // 128], n % 128) is wanted for n in range(size)]
        assert [one == "1" for one in text[:size]] == expected
        assert "1" not in text[size:]


@pytest.mark.parametrize(("purpose", "marked"), [("revocation", SIZE), ("suspension", 0)])
def test_a_batch_revoked_as_a_whole_is_revoked_and_no_longer_suspended(
    purpose: str, marked: int
) -> None:
    bits = bitstring([2**256 // 3] * 3, SIZE, purpose, all_revoked=True)
    assert sum(byte.bit_count() for byte in bits) == marked


def test_a_larger_batch_has_a_longer_list() -> None:
    size = MIN_BITS + 1
    assert len(bitstring([0] * 1025, size, "revocation", all_revoked=False)) == MIN_BITS // 8 + 1
