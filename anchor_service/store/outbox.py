"""Transactions in the database: intents and their attempts.

An intent binds one nonce to one call for ever; its attempts are the signed transactions that
carry it, each stored before it is sent. Each function works in the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, update

from anchor_service.engine.fees import Fees
from anchor_service.errors import StateMoved
from anchor_service.store.database import insert_one
from anchor_service.store.lifecycle import PENDING_INTENTS, IntentState, intent_may
from anchor_service.store.schema import attempt, intent
from registry.values import Address, ChainId, TxHash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection


class Kind(StrEnum):
    DEPLOY = "deploy"
    REGISTER = "register"
    SET_DID = "set-did"
    ANCHOR = "anchor"
    STATUS = "status"
    FILL = "fill"


@dataclass(frozen=True, slots=True)
class Intent:
    id: int
    kind: Kind
    state: IntentState
    chain: ChainId
    sender: Address
    nonce: int
    recipient: Address
    data: bytes
    batch: int | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """signed, last_sent: unix seconds; raw: the bytes to broadcast.

    error: how the node refused it last, a `Broadcast`'s value. cancels: it gives the nonce up.
    """

    hash: TxHash
    raw: bytes
    gas: int
    fees: Fees
    signed: int
    last_sent: int | None
    error: str | None = None
    cancels: bool = False


def reserve(
    connection: Connection,
    kind: Kind,
    chain: ChainId,
    sender: Address,
    chain_nonce: int,
    recipient: Address,
    data: bytes,
    batch_id: int | None,
    now: int,
) -> Intent:
    """Bind the next nonce to a call. chain_nonce: the sender's count at `latest`, a floor only.

    A nonce that was ever bound stays bound, also where a reorganisation freed it on the chain:
    what is stored for it is sent again.
    """
    highest = connection.scalar(
        select(func.max(intent.c.nonce)).where(
            intent.c.chain == chain.number, intent.c.sender == bytes(sender)
        )
    )
    nonce = chain_nonce if highest is None else max(chain_nonce, highest + 1)
    return bind(connection, kind, chain, sender, nonce, recipient, data, batch_id, now)


def bind(
    connection: Connection,
    kind: Kind,
    chain: ChainId,
    sender: Address,
    nonce: int,
    recipient: Address,
    data: bytes,
    batch_id: int | None,
    now: int,
) -> Intent:
    """Bind a nonce that nothing was ever bound to."""
    made = insert_one(
        connection,
        intent,
        kind=kind,
        state=IntentState.RESERVED,
        chain=chain.number,
        sender=bytes(sender),
        nonce=nonce,
        recipient=bytes(recipient),
        data=data,
        batch=batch_id,
        created=now,
    )
    return get_intent(connection, made)


def release(connection: Connection, reserved: Intent) -> None:
    """Give back a nonce that nothing was ever signed for."""
    gone = connection.execute(
        delete(intent).where(intent.c.id == reserved.id, intent.c.state == IntentState.RESERVED)
    )
    if gone.rowcount != 1:
        raise StateMoved(f"intent {reserved.id} is no longer {IntentState.RESERVED}")


_INTENT_COLUMNS = (
    intent.c.id,
    intent.c.kind,
    intent.c.state,
    intent.c.chain,
    intent.c.sender,
    intent.c.nonce,
    intent.c.recipient,
    intent.c.data,
    intent.c.batch,
)


def get_intent(connection: Connection, intent_id: int) -> Intent:
    return _to_intent(
        connection.execute(select(*_INTENT_COLUMNS).where(intent.c.id == intent_id)).one()
    )


def intents(
    connection: Connection, chain: ChainId, sender: Address, *states: IntentState
) -> list[Intent]:
    """A sender's intents in those states, lowest nonce first."""
    query = (
        select(*_INTENT_COLUMNS)
        .where(
            intent.c.chain == chain.number,
            intent.c.sender == bytes(sender),
            intent.c.state.in_(states),
        )
        .order_by(intent.c.nonce)
    )
    return [_to_intent(row) for row in connection.execute(query)]


def pending_batches(connection: Connection) -> set[int]:
    """Batches that a nonce is bound to which is not settled."""
    query = select(intent.c.batch).where(
        intent.c.state.in_(PENDING_INTENTS), intent.c.batch.is_not(None)
    )
    return set(connection.scalars(query))


def forget_sends(connection: Connection, intent_id: int) -> None:
    """Its block has vanished, and with it what a node's pool knew: send it at once."""
    connection.execute(update(attempt).where(attempt.c.intent == intent_id).values(last_sent=None))


def at_nonce(connection: Connection, chain: ChainId, sender: Address, nonce: int) -> Intent | None:
    """What a nonce was ever bound to."""
    row = connection.execute(
        select(*_INTENT_COLUMNS).where(
            intent.c.chain == chain.number,
            intent.c.sender == bytes(sender),
            intent.c.nonce == nonce,
        )
    ).one_or_none()
    return None if row is None else _to_intent(row)


def move_intent(connection: Connection, moved: Intent, after: IntentState) -> Intent:
    """Compare and swap; raises StateMoved."""
    if not intent_may(moved.state, after):
        raise StateMoved(f"intent {moved.id} can't go from {moved.state} to {after}")
    changed = connection.execute(
        update(intent)
        .where(intent.c.id == moved.id, intent.c.state == moved.state)
        .values(state=after)
    )
    if changed.rowcount != 1:
        raise StateMoved(f"intent {moved.id} is no longer {moved.state}: another process moved it")
    return get_intent(connection, moved.id)


def add_attempt(connection: Connection, intent_id: int, new: Attempt) -> None:
    connection.execute(
        attempt.insert().values(
            hash=bytes(new.hash),
            intent=intent_id,
            raw=new.raw,
            gas=new.gas,
            max_fee=new.fees.max_fee,
            tip=new.fees.tip,
            signed=new.signed,
            cancels=new.cancels,
        )
    )


def attempts(connection: Connection, intent_id: int) -> list[Attempt]:
    """Every attempt, cheapest first: a replacement always offers more."""
    query = select(attempt).where(attempt.c.intent == intent_id).order_by(attempt.c.max_fee)
    return [
        Attempt(
            TxHash(row.hash),
            row.raw,
            row.gas,
            Fees(row.max_fee, row.tip),
            row.signed,
            row.last_sent,
            row.error,
            row.cancels,
        )
        for row in connection.execute(query)
    ]


def note_broadcast(
    connection: Connection, sent: TxHash, now: int | None, error: str | None
) -> None:
    """error: its class, None where the node took the transaction or had it already.

    now: None to have it sent again at once.
    """
    connection.execute(
        update(attempt).where(attempt.c.hash == bytes(sent)).values(last_sent=now, error=error)
    )


def _to_intent(row: Sequence[Any]) -> Intent:
    return Intent(
        row[0],
        Kind(row[1]),
        IntentState(row[2]),
        ChainId(row[3]),
        Address(row[4]),
        row[5],
        Address(row[6]),
        row[7],
        row[8],
    )
