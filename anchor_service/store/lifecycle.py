"""States of batches, transactions and status changes, and what may follow what.

batch:   OPEN -> SEALED -> SIGNED -> SUBMITTED -> INCLUDED -> FINAL
         INCLUDED or FINAL -> SUBMITTED when the block has vanished
         BLOCKED with a reason when a person is needed; the next run tries again
intent:  RESERVED -> SIGNED -> SENT -> INCLUDED -> FINAL; SPENT when its nonce went elsewhere
change:  WANTED -> SENT -> INCLUDED -> FINAL; DROPPED when superseded or impossible
         FINAL -> INCLUDED when another made it and the block that showed it has vanished
"""

from __future__ import annotations

from enum import StrEnum


class BatchState(StrEnum):
    OPEN = "OPEN"
    SEALED = "SEALED"
    SIGNED = "SIGNED"
    SUBMITTED = "SUBMITTED"
    INCLUDED = "INCLUDED"
    FINAL = "FINAL"
    BLOCKED = "BLOCKED"


class IntentState(StrEnum):
    """One nonce of one sender, bound to one call."""

    RESERVED = "RESERVED"
    SIGNED = "SIGNED"
    SENT = "SENT"
    INCLUDED = "INCLUDED"
    FINAL = "FINAL"
    SPENT = "SPENT"


class ChangeState(StrEnum):
    WANTED = "WANTED"
    SENT = "SENT"
    INCLUDED = "INCLUDED"
    FINAL = "FINAL"
    DROPPED = "DROPPED"


class Reason(StrEnum):
    """Why a person is needed."""

    FUNDS = "funds"
    FEE_CAP = "fee cap"
    PAUSED = "paused"
    UNAUTHORISED = "unauthorised"
    WRONG_CHAIN = "wrong chain"
    CONFLICT = "conflict"
    REFUSED = "refused"
    SIGNER = "signer"


class Moment(StrEnum):
    """Steps of the line, told to whoever watches just after each has become durable."""

    SEALED = "sealed"
    RESERVED = "reserved"
    SIGNED = "signed"
    SENT = "sent"
    INCLUDED = "included"
    FINAL = "final"


_B, _I, _C = BatchState, IntentState, ChangeState
# Adoption leads to INCLUDED from wherever a sealed batch stands: somebody else may have sent it.
_BATCH_MOVES: dict[BatchState, frozenset[BatchState]] = {
    _B.OPEN: frozenset({_B.SEALED}),
    _B.SEALED: frozenset({_B.SIGNED, _B.INCLUDED, _B.BLOCKED}),
    _B.SIGNED: frozenset({_B.SUBMITTED, _B.INCLUDED, _B.BLOCKED, _B.SEALED}),
    _B.SUBMITTED: frozenset({_B.INCLUDED, _B.BLOCKED, _B.SEALED}),
    _B.INCLUDED: frozenset({_B.FINAL, _B.SUBMITTED}),
    _B.FINAL: frozenset({_B.SUBMITTED}),
    _B.BLOCKED: frozenset({_B.SEALED, _B.SIGNED, _B.SUBMITTED, _B.INCLUDED}),
}
_INTENT_MOVES: dict[IntentState, frozenset[IntentState]] = {
    _I.RESERVED: frozenset({_I.SIGNED}),
    _I.SIGNED: frozenset({_I.SENT, _I.INCLUDED, _I.SPENT}),
    _I.SENT: frozenset({_I.INCLUDED, _I.SPENT}),
    _I.INCLUDED: frozenset({_I.FINAL, _I.SENT}),
    _I.FINAL: frozenset({_I.SENT}),
    _I.SPENT: frozenset(),
}
_CHANGE_MOVES: dict[ChangeState, frozenset[ChangeState]] = {
    _C.WANTED: frozenset({_C.SENT, _C.INCLUDED, _C.DROPPED}),
    _C.SENT: frozenset({_C.INCLUDED, _C.WANTED, _C.DROPPED}),
    _C.INCLUDED: frozenset({_C.FINAL, _C.SENT, _C.WANTED}),
    _C.FINAL: frozenset({_C.SENT, _C.INCLUDED}),
    _C.DROPPED: frozenset(),
}

# A sender's nonces in these states are not settled on the chain: the next one goes after them.
PENDING_INTENTS = (IntentState.RESERVED, IntentState.SIGNED, IntentState.SENT)


def batch_may(before: BatchState, after: BatchState) -> bool:
    return after in _BATCH_MOVES[before]


def intent_may(before: IntentState, after: IntentState) -> bool:
    return after in _INTENT_MOVES[before]


def change_may(before: ChangeState, after: ChangeState) -> bool:
    return after in _CHANGE_MOVES[before]
