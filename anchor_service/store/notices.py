"""What webhooks are told, written down in the transaction in which it happens.

So nothing is lost, and nothing is told that was rolled back. What needs a person is told again
each day for as long as it does.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import select

from anchor_service.store.lifecycle import BatchState
from anchor_service.store.schema import batch, credential, notice, status_change
from registry.moments import stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from registry.formats.strict_json import JsonObject
    from registry.values import Address, ChainId

BATCH_FINAL = "batch.final"
BATCH_BLOCKED = "batch.blocked"
BATCH_APPROVAL = "batch.approval"
CHANGES_BLOCKED = "changes.blocked"
CHANGES_APPROVAL = "changes.approval"
BALANCE_LOW = "balance.low"
EVENTS = (
    BATCH_FINAL,
    BATCH_BLOCKED,
    BATCH_APPROVAL,
    CHANGES_BLOCKED,
    CHANGES_APPROVAL,
    BALANCE_LOW,
)
REMIND_S = 86_400


@dataclass(frozen=True, slots=True)
class Need:
    """That a person is needed. batch: where it is one's; kind: needs of another kind are others."""

    issuer: str
    event: str
    batch: int | None = None
    kind: str | None = None


def batch_moved(
    connection: Connection, batch_id: int, state: BatchState, reason: str | None, now: int
) -> None:
    """Write the notice of a batch's new state, where it is one that somebody wants to know."""
    if state not in (BatchState.FINAL, BatchState.BLOCKED):
        return
    issuer, data = _described(connection, batch_id)
    data |= {"state": state.value, "reason": reason}
    if state is BatchState.FINAL:
        _write(connection, Need(issuer, BATCH_FINAL, batch_id), data, now)
    else:
        _remind(connection, Need(issuer, BATCH_BLOCKED, batch_id, _kind(reason)), data, now)


def batch_waits(connection: Connection, batch_id: int, now: int) -> None:
    """An open batch is due and waits for people to approve of it."""
    issuer, data = _described(connection, batch_id)
    data |= {"state": BatchState.OPEN.value, "reason": None}
    _remind(connection, Need(issuer, BATCH_APPROVAL, batch_id), data, now)


def changes_blocked(connection: Connection, changes: Sequence[int], reason: str, now: int) -> None:
    """Status changes of one issuer, by number, can't be sent."""
    issuer = connection.scalars(
        select(credential.c.issuer)
        .join(status_change, status_change.c.credential == credential.c.id)
        .where(status_change.c.id.in_(changes[:1]))
    ).one()
    need = Need(issuer, CHANGES_BLOCKED, kind=_kind(reason))
    _remind(connection, need, {"issuer": issuer, "changes": len(changes), "reason": reason}, now)


def changes_wait(connection: Connection, issuer: str, waiting: int, now: int) -> None:
    """So many of an issuer's revocations wait for people to approve of them."""
    data: JsonObject = {"issuer": issuer, "changes": waiting}
    _remind(connection, Need(issuer, CHANGES_APPROVAL), data, now)


def balance_low(
    connection: Connection, issuer: str, chain: ChainId, account: Address, nights: int, now: int
) -> None:
    """The account that pays for an issuer lasts for only so many nights at the fee cap."""
    data: JsonObject = {
        "issuer": issuer,
        "chain": str(chain),
        "account": account.to_hex(),
        "nights": nights,
    }
    _remind(connection, Need(issuer, BALANCE_LOW), data, now)


def was_told(connection: Connection, need: Need, now: int) -> bool:
    """Whether people have heard of it within a day."""
    query = select(notice.c.id).where(
        notice.c.issuer == need.issuer,
        notice.c.event == need.event,
        notice.c.batch.is_not_distinct_from(need.batch),
        notice.c.reason.is_not_distinct_from(need.kind),
        notice.c.created > now - REMIND_S,
    )
    return connection.scalar(query.limit(1)) is not None


def _kind(reason: str | None) -> str | None:
    """Of `kind: sentence with figures`."""
    return reason.partition(":")[0] if reason else None


def _remind(connection: Connection, need: Need, data: JsonObject, now: int) -> None:
    if not was_told(connection, need, now):
        _write(connection, need, data, now)


def _write(connection: Connection, need: Need, data: JsonObject, now: int) -> None:
    at = stamp(datetime.fromtimestamp(now, UTC))
    connection.execute(
        notice.insert().values(
            name=f"msg_{secrets.token_hex(16)}",
            issuer=need.issuer,
            event=need.event,
            batch=need.batch,
            reason=need.kind,
            body=orjson.dumps({"type": need.event, "timestamp": at, "data": data}),
            created=now,
            spread=False,
        )
    )


def _described(connection: Connection, batch_id: int) -> tuple[str, JsonObject]:
    query = select(
        batch.c.issuer,
        batch.c.chain,
        batch.c.registry,
        batch.c.issuer_id,
        batch.c.root,
        batch.c.size,
    ).where(batch.c.id == batch_id)
    row = connection.execute(query).one()
    return row.issuer, {
        "issuer": row.issuer,
        "batch": batch_id,
        "chain": None if row.chain is None else f"eip155:{row.chain}",
        "registry": _hexed(row.registry),
        "issuerId": _hexed(row.issuer_id),
        "root": _hexed(row.root),
        "treeSize": row.size,
    }


def _hexed(value: bytes | None) -> str | None:
    """None for what an open batch has not yet."""
    return None if value is None else "0x" + bytes(value).hex()
