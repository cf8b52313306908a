"""States: what may follow what, and that nothing leads out of an end."""

from __future__ import annotations

import pytest

from anchor_service.store.lifecycle import (
    BatchState,
    ChangeState,
    IntentState,
    batch_may,
    change_may,
    intent_may,
)

B, I, C = BatchState, IntentState, ChangeState  # noqa: E741 - short for tables


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (B.OPEN, B.SEALED),
        (B.SEALED, B.SIGNED),
        (B.SIGNED, B.SUBMITTED),
        (B.SUBMITTED, B.INCLUDED),
        (B.INCLUDED, B.FINAL),
        (B.INCLUDED, B.SUBMITTED),
        (B.FINAL, B.SUBMITTED),
        (B.SEALED, B.INCLUDED),
        (B.SUBMITTED, B.BLOCKED),
        (B.BLOCKED, B.SUBMITTED),
    ],
)
def test_a_batch_may(before: BatchState, after: BatchState) -> None:
    assert batch_may(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (B.OPEN, B.SIGNED),
        (B.SEALED, B.OPEN),
        (B.SEALED, B.FINAL),
        (B.SUBMITTED, B.FINAL),
        (B.FINAL, B.SEALED),
        (B.FINAL, B.BLOCKED),
        (B.BLOCKED, B.FINAL),
    ],
)
def test_a_batch_may_not(before: BatchState, after: BatchState) -> None:
    assert not batch_may(before, after)


def test_nothing_leads_back_to_open() -> None:
    assert not any(batch_may(before, B.OPEN) for before in B)


def test_a_signed_nonce_is_never_free_again() -> None:
    assert not any(intent_may(before, I.RESERVED) for before in I)
    assert not any(intent_may(I.SPENT, after) for after in I)


def test_a_dropped_change_stays_dropped() -> None:
    assert not any(change_may(C.DROPPED, after) for after in C)
    assert not change_may(C.FINAL, C.DROPPED)


def test_a_vanished_block_takes_everything_back_to_sent() -> None:
    assert batch_may(B.FINAL, B.SUBMITTED)
    assert intent_may(I.FINAL, I.SENT)
    assert change_may(C.FINAL, C.SENT)
