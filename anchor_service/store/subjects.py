"""Keeps what an intent is for (a batch, status changes) in step, in the intent's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anchor_service.store import batch_store, changes, outbox
from anchor_service.store.lifecycle import BatchState, ChangeState, IntentState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from anchor_service.store.outbox import Intent

_BATCH_STATES = {
    IntentState.SIGNED: BatchState.SIGNED,
    IntentState.SENT: BatchState.SUBMITTED,
    IntentState.INCLUDED: BatchState.INCLUDED,
    IntentState.FINAL: BatchState.FINAL,
    IntentState.SPENT: BatchState.SEALED,
}
# Where an intent arrives: the states in which its changes may stand before, and theirs after.
_CHANGE_MOVES = {
    IntentState.SENT: ((ChangeState.INCLUDED, ChangeState.FINAL), ChangeState.SENT),
    IntentState.INCLUDED: ((ChangeState.SENT,), ChangeState.INCLUDED),
    IntentState.FINAL: ((ChangeState.INCLUDED,), ChangeState.FINAL),
}


def bind(connection: Connection, intent: Intent, change_ids: Sequence[int], now: int) -> None:
    """Tie status changes to a nonce just reserved; a batch is tied by the intent itself."""
    changes.move(
        connection, change_ids, ChangeState.WANTED, ChangeState.SENT, now, intent=intent.id
    )
    if intent.batch is not None:
        _move_batch(connection, intent.batch, BatchState.SEALED, now)


def unbind(connection: Connection, intent: Intent, now: int) -> None:
    """Loosen status changes from a nonce that is given back or used up for something else.

    What was asked otherwise of since then, sent or not, is not wanted again.
    """
    late = changes.superseded(connection, intent.id)
    changes.move(connection, late, ChangeState.SENT, ChangeState.DROPPED, now, reason="superseded")
    bound = changes.of_intent(connection, intent.id, ChangeState.SENT)
    changes.move(connection, bound, ChangeState.SENT, ChangeState.WANTED, now)


def move(connection: Connection, intent: Intent, after: IntentState, now: int) -> Intent:
    """Move an intent and its subject together; raises StateMoved."""
    moved = outbox.move_intent(connection, intent, after)
    if intent.batch is not None:
        _move_batch(connection, intent.batch, _BATCH_STATES[after], now)
    if after is IntentState.SPENT:
        unbind(connection, moved, now)
    befores, state = _CHANGE_MOVES.get(after, ((), ChangeState.SENT))
    for before in befores:
        bound = changes.of_intent(connection, intent.id, before)
        changes.move(connection, bound, before, state, now, intent=intent.id)
    return moved


def unwanted(connection: Connection, intent: Intent) -> bool:
    """Whether what the intent would do is no longer to be done.

    That is so of a reinstatement once one of its credentials is to be suspended or revoked: it
    must not come into force after that, and those that are still wanted are sent anew.
    """
    if intent.kind is not outbox.Kind.STATUS:
        return False
    return changes.overtaken(connection, intent.id)


def unblock(connection: Connection, intent: Intent, now: int) -> None:
    """A node has taken the transaction again: nobody needs to act any more."""
    if intent.batch is not None:
        if batch_store.get_batch(connection, intent.batch).state is BatchState.BLOCKED:
            _move_batch(connection, intent.batch, BatchState.SUBMITTED, now)
        return
    changes.note_blocked(connection, changes.of_intent(connection, intent.id, ChangeState.SENT))


def _move_batch(connection: Connection, batch: int, after: BatchState, now: int) -> None:
    before = batch_store.get_batch(connection, batch).state
    if after is BatchState.SEALED and before in (BatchState.INCLUDED, BatchState.FINAL):
        return  # adopted from another's transaction, while ours was being given up
    if before is not after:
        batch_store.move_batch(connection, batch, before, after, now)
