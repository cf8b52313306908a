"""What to do next with one nonce, and when to try again: pure rules, the clock passed in.

All times are unix seconds, as stored: a clock that jumps makes one step early or late and no more,
and what lies in the future counts as long ago.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from anchor_service.store.broadcasts import Broadcast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anchor_service.store.outbox import Attempt

# A node may know that a nonce is used before it can find the receipt.
NONCE_LOW_PATIENCE = 3
_FIRST_RETRY_S = 15
_LONGEST_RETRY_S = 3600


class Step(Enum):
    """What may be done with a reserved nonce.

    CONCLUDE: one of its transactions is in a block. RELEASE: give it back, nothing is signed.
    SPENT: it went elsewhere. SIGN: the first transaction. CANCEL: sign a transfer of nothing to
    ourselves in its place. SEND: the newest transaction, again if need be. RAISE: sign it anew
    with higher fees, if the cap allows. WAIT: nothing is due.
    """

    CONCLUDE = "conclude"
    RELEASE = "release"
    SPENT = "spent"
    SIGN = "sign"
    CANCEL = "cancel"
    SEND = "send"
    RAISE = "raise"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between sends of the same transaction, and until one is replaced by a dearer."""

    resend: float
    raise_after: float


@dataclass(frozen=True, slots=True)
class Sight:
    """One nonce: its attempts, cheapest first, and what chain and database say of it now.

    mined: one of them is in a canonical block. unwanted: what it was for is done by another
    transaction, or is no longer to be done. nonce_used: the chain's count has passed it.
    nonce_low: how often in a row a node said that the nonce was too low.
    """

    attempts: Sequence[Attempt]
    mined: bool
    unwanted: bool
    nonce_used: bool
    nonce_low: int


def what_next(sight: Sight, pace: Pace, now: int) -> Step:
    """Each Step is safe to take twice: a crash between deciding and doing repeats it."""
    if sight.mined:
        return Step.CONCLUDE
    if not sight.attempts:
        return Step.RELEASE if sight.unwanted else Step.SIGN
    if sight.nonce_low >= NONCE_LOW_PATIENCE or (sight.nonce_used and sight.unwanted):
        return Step.SPENT
    last = sight.attempts[-1]
    if sight.unwanted and not last.cancels:
        return Step.CANCEL
    return _with_last(last, pace, now)


def _with_last(last: Attempt, pace: Pace, now: int) -> Step:
    if last.last_sent is None:
        return Step.SEND
    again = _passed(last.last_sent, now) >= pace.resend
    too_low = again and last.error == Broadcast.FEE_LOW.value
    if too_low or _passed(last.signed, now) >= pace.raise_after:
        return Step.RAISE
    return Step.SEND if again else Step.WAIT


def resend_due(last: Attempt, pace: Pace, now: int) -> bool:
    """Whether an attempt that could not be replaced is sent again as it is."""
    return last.last_sent is None or _passed(last.last_sent, now) >= pace.resend


def retry_after(tries: int) -> int:
    """Seconds until a BLOCKED batch is tried again: 15 s, doubled each time, at most an hour."""
    return int(min(_FIRST_RETRY_S * 2 ** min(tries, 16), _LONGEST_RETRY_S))


def retry_due(retry_at: int | None, now: int) -> bool:
    """A time further off than the longest pause was written by a clock that was wrong."""
    return retry_at is None or not now < retry_at <= now + _LONGEST_RETRY_S


def _passed(then: int, now: int) -> float:
    """Seconds since; a time in the future was written by a clock that was wrong."""
    return now - then if now >= then else float("inf")
