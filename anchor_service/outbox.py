"""Transactions in the database: intents, attempts, inclusions and the lease on a sender.

An intent binds one nonce to one call for ever; its attempts are the signed transactions that
carry it, each stored before it is sent. Each function works in the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, or_, select, update

from anchor_service.database import insert_one
from anchor_service.errors import LeaseLost, StateMoved
from anchor_service.fees import Fees
from anchor_service.lifecycle import PENDING_INTENTS, IntentState, intent_may
from anchor_service.schema import attempt, batch, inclusion, intent, signer_lease
from registry.values import Address, BlockHash, ChainId, TxHash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection


class Kind(StrEnum):
    DEPLOY = "deploy"
    REGISTER = "register"
    ANCHOR = "anchor"
    STATUS = "status"


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
    """signed, last_sent: unix seconds; raw: the bytes to broadcast."""

    hash: TxHash
    raw: bytes
    gas: int
    fees: Fees
    signed: int
    last_sent: int | None


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Where on the chain it happened; log_index is None for a deployment."""

    tx_hash: TxHash
    block_number: int
    block_hash: BlockHash
    block_time: int
    log_index: int | None


@dataclass(frozen=True, slots=True)
class Recent:
    """An inclusion to look at again, of an intent, or of a batch that another sender anchored."""

    inclusion: Inclusion
    intent: int | None
    batch: int | None
    final: bool


@dataclass(frozen=True, slots=True)
class Lease:
    chain: ChainId
    sender: Address
    owner: str
    token: int


def take_lease(
    connection: Connection,
    chain: ChainId,
    sender: Address,
    owner: str,
    *,
    now: int,
    seconds: int,
    alone: bool = False,
) -> Lease | None:
    """The right to write for a sender; None while another owner's lease runs.

    alone: the caller holds the database's own lock, so that another's lease is a dead process's.
    """
    key = (signer_lease.c.chain == chain.number, signer_lease.c.sender == bytes(sender))
    row = connection.execute(
        select(signer_lease.c.owner, signer_lease.c.token, signer_lease.c.expires)
        .where(*key)
        .with_for_update()
    ).one_or_none()
    if row is None:
        connection.execute(
            signer_lease.insert().values(
                chain=chain.number,
                sender=bytes(sender),
                owner=owner,
                token=1,
                expires=now + seconds,
            )
        )
        return Lease(chain, sender, owner, 1)
    if not alone and row.owner != owner and row.expires > now:
        return None
    changed = connection.execute(
        update(signer_lease)
        .where(*key, signer_lease.c.token == row.token)
        .values(owner=owner, token=row.token + 1, expires=now + seconds)
    )
    return Lease(chain, sender, owner, row.token + 1) if changed.rowcount == 1 else None


def hold_lease(connection: Connection, lease: Lease, now: int, seconds: int) -> None:
    """Fence the caller's transaction: it commits only while the token is still ours."""
    changed = connection.execute(
        update(signer_lease)
        .where(
            signer_lease.c.chain == lease.chain.number,
            signer_lease.c.sender == bytes(lease.sender),
            signer_lease.c.token == lease.token,
        )
        .values(expires=now + seconds)
    )
    if changed.rowcount != 1:
        raise LeaseLost("another process has taken over this account; run the command again")


def end_lease(connection: Connection, lease: Lease) -> None:
    """Let the next process start at once. The token stays, so that it only ever grows."""
    connection.execute(
        update(signer_lease)
        .where(
            signer_lease.c.chain == lease.chain.number,
            signer_lease.c.sender == bytes(lease.sender),
            signer_lease.c.token == lease.token,
        )
        .values(expires=0)
    )


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
    """Bind the next nonce to a call. chain_nonce: the sender's count at `latest`, a floor only."""
    highest = connection.scalar(
        select(func.max(intent.c.nonce)).where(
            intent.c.chain == chain.number,
            intent.c.sender == bytes(sender),
            intent.c.state.in_(PENDING_INTENTS),
        )
    )
    nonce = chain_nonce if highest is None else max(chain_nonce, highest + 1)
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
        )
        for row in connection.execute(query)
    ]


def note_broadcast(connection: Connection, sent: TxHash, now: int, error: str | None) -> None:
    """error: its class, None where the node took the transaction or had it already."""
    connection.execute(
        update(attempt).where(attempt.c.hash == bytes(sent)).values(last_sent=now, error=error)
    )


def put_inclusion(
    connection: Connection, found: Inclusion, intent_id: int | None, batch_id: int | None
) -> None:
    forget_inclusion(connection, intent_id, batch_id)
    connection.execute(
        inclusion.insert().values(
            intent=intent_id,
            batch=batch_id,
            tx_hash=bytes(found.tx_hash),
            block_number=found.block_number,
            block_hash=bytes(found.block_hash),
            block_time=found.block_time,
            log_index=found.log_index,
        )
    )


def forget_inclusion(connection: Connection, intent_id: int | None, batch_id: int | None) -> None:
    connection.execute(delete(inclusion).where(or_(*_subject(intent_id, batch_id))))


def get_inclusion(
    connection: Connection, *, intent_id: int | None = None, batch_id: int | None = None
) -> Inclusion | None:
    row = connection.execute(
        select(inclusion).where(or_(*_subject(intent_id, batch_id)))
    ).one_or_none()
    return None if row is None else _to_inclusion(row)


def recent_inclusions(connection: Connection, chain: ChainId, since: int) -> list[Recent]:
    """Inclusions on a chain that are not final, or in a block after `since` (unix seconds)."""
    state = func.coalesce(intent.c.state, batch.c.state)
    query = (
        select(inclusion, state.label("state"))
        .outerjoin(intent, intent.c.id == inclusion.c.intent)
        .outerjoin(batch, batch.c.id == inclusion.c.batch)
        .where(
            func.coalesce(intent.c.chain, batch.c.chain) == chain.number,
            or_(state != IntentState.FINAL, inclusion.c.block_time >= since),
        )
        .order_by(inclusion.c.block_number)
    )
    return [
        Recent(_to_inclusion(row), row.intent, row.batch, row.state == IntentState.FINAL)
        for row in connection.execute(query)
    ]


def _subject(intent_id: int | None, batch_id: int | None) -> list[Any]:
    conditions = []
    if intent_id is not None:
        conditions.append(inclusion.c.intent == intent_id)
    if batch_id is not None:
        conditions.append(inclusion.c.batch == batch_id)
    return conditions


def _to_inclusion(row: Any) -> Inclusion:
    return Inclusion(
        TxHash(row.tx_hash),
        row.block_number,
        BlockHash(row.block_hash),
        row.block_time,
        row.log_index,
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
