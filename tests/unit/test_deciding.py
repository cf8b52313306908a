"""What is done next with a nonce: every rule, and that no clock can make it stand still."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor_service.engine.deciding import Pace, Sight, Step, retry_after, retry_due, what_next
from anchor_service.engine.fees import Fees
from anchor_service.store.broadcasts import Broadcast
from anchor_service.store.outbox import Attempt
from registry.values import TxHash

PACE = Pace(resend=15, raise_after=45)
NOW = 1_800_000_000
SENT = Attempt(TxHash(bytes(32)), b"raw", 21000, Fees(10, 1), NOW - 20, NOW - 5)
PENDING = Sight((SENT,), mined=False, unwanted=False, nonce_used=False, nonce_low=0)
DAY = 86400

CASES = {
    "nothing is signed": (replace(PENDING, attempts=()), Step.SIGN),
    "nothing is signed nor wanted": (replace(PENDING, attempts=(), unwanted=True), Step.RELEASE),
    "it is in a block": (replace(PENDING, mined=True, unwanted=True), Step.CONCLUDE),
    "it was just sent": (PENDING, Step.WAIT),
    "it was signed and never sent": (
        replace(PENDING, attempts=(replace(SENT, last_sent=None),)),
        Step.SEND,
    ),
    "it was sent a while ago": (
        replace(PENDING, attempts=(replace(SENT, last_sent=NOW - 15),)),
        Step.SEND,
    ),
    "it has waited long": (
        replace(PENDING, attempts=(replace(SENT, signed=NOW - 45),)),
        Step.RAISE,
    ),
    "its fee is below the base fee": (
        replace(
            PENDING,
            attempts=(replace(SENT, last_sent=NOW - 15, error=Broadcast.FEE_LOW.value),),
        ),
        Step.RAISE,
    ),
    "another has done it": (replace(PENDING, unwanted=True), Step.CANCEL),
    "another has done it, and ours is being cancelled": (
        replace(PENDING, unwanted=True, attempts=(replace(SENT, cancels=True),)),
        Step.WAIT,
    ),
    "another has done it, and the nonce is used": (
        replace(PENDING, unwanted=True, nonce_used=True),
        Step.SPENT,
    ),
    "the nonce was low once": (replace(PENDING, nonce_low=1), Step.WAIT),
    "the nonce was low three times": (replace(PENDING, nonce_low=3), Step.SPENT),
    "a clock was a day ahead when it was sent": (
        replace(PENDING, attempts=(replace(SENT, last_sent=NOW + DAY),)),
        Step.SEND,
    ),
    "a clock was a day ahead when it was signed": (
        replace(PENDING, attempts=(replace(SENT, signed=NOW + DAY),)),
        Step.RAISE,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_next_step(name: str) -> None:
    sight, expected = CASES[name]
    assert what_next(sight, PACE, NOW) is expected


@given(
    st.integers(0, 2**40),
    st.one_of(st.none(), st.integers(0, 2**40)),
    st.integers(0, 2**40),
    st.booleans(),
)
def test_whatever_the_clocks_were_it_is_sent_again_within_the_pace(
    signed: int, sent: int | None, now: int, unwanted: bool
) -> None:
    attempt = replace(SENT, signed=signed, last_sent=sent, cancels=unwanted)
    sight = replace(PENDING, attempts=(attempt,), unwanted=unwanted)
    later = [what_next(sight, PACE, now + second) for second in range(int(PACE.resend) + 1)]
    assert {Step.SEND, Step.RAISE} & set(later)


def test_the_newest_attempt_decides() -> None:
    older = replace(SENT, last_sent=NOW - 100, signed=NOW - 100)
    assert what_next(replace(PENDING, attempts=(older, SENT)), PACE, NOW) is Step.WAIT


def test_a_blocked_batch_is_tried_after_ever_longer_pauses() -> None:
    assert [retry_after(tries) for tries in range(5)] == [15, 30, 60, 120, 240]
    assert retry_after(8) == retry_after(10**6) == 3600


def test_a_pause_ends_and_one_beyond_the_longest_was_never_meant() -> None:
    assert not retry_due(NOW + 10, NOW)
    assert retry_due(NOW, NOW)
    assert retry_due(None, NOW)
    assert retry_due(NOW + DAY, NOW)
