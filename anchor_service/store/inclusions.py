"""Where the chain holds what an intent or a batch asked for, until its block vanishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, or_, select

from anchor_service.store.lifecycle import IntentState
from anchor_service.store.schema import batch, inclusion, intent
from registry.values import BlockHash, TxHash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from registry.values import Address, ChainId


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Where on the chain it happened; log_index is None for a deployment.

    gas_used, gas_price (wei per gas): None where another account paid.
    """

    tx_hash: TxHash
    block_number: int
    block_hash: BlockHash
    block_time: int
    log_index: int | None
    gas_used: int | None = None
    gas_price: int | None = None


@dataclass(frozen=True, slots=True)
class Recent:
    """An inclusion to look at again, of an intent, or of a batch that another sender anchored."""

    inclusion: Inclusion
    intent: int | None
    batch: int | None
    final: bool


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
            gas_used=found.gas_used,
            gas_price=found.gas_price,
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


def recent_inclusions(
    connection: Connection,
    chain: ChainId,
    since: int,
    *,
    sender: Address,
    issuers: Sequence[str],
) -> list[Recent]:
    """Inclusions that are not final, or in a block after `since` (unix seconds), by block.

    Those of the sender's transactions, and of what others have anchored for those issuers.
    """
    state = func.coalesce(intent.c.state, batch.c.state)
    query = (
        select(inclusion, state.label("state"))
        .outerjoin(intent, intent.c.id == inclusion.c.intent)
        .outerjoin(batch, batch.c.id == inclusion.c.batch)
        .where(
            func.coalesce(intent.c.chain, batch.c.chain) == chain.number,
            or_(
                intent.c.sender == bytes(sender),
                and_(inclusion.c.intent.is_(None), batch.c.issuer.in_(issuers)),
            ),
            # What a nonce was spent on is kept for its cost alone.
            state != IntentState.SPENT,
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
        row.gas_used,
        row.gas_price,
    )
