"""What webhooks are told, written down in the transaction in which it happens.

So nothing is lost, and nothing is told that was rolled back.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import select

from anchor_service.lifecycle import BatchState
from anchor_service.schema import batch, notice
from registry.moments import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from registry.strict_json import JsonObject

BATCH_FINAL = "batch.final"
BATCH_BLOCKED = "batch.blocked"
BATCH_APPROVAL = "batch.approval"
EVENTS = (BATCH_FINAL, BATCH_BLOCKED, BATCH_APPROVAL)
# A batch that goes on waiting for people is told of again after so long.
REMIND_S = 86_400
_EVENT_OF = {BatchState.FINAL: BATCH_FINAL, BatchState.BLOCKED: BATCH_BLOCKED}


def batch_moved(
    connection: Connection, batch_id: int, state: BatchState, reason: str | None, now: int
) -> None:
    """Write the notice of a batch's new state, where it is one that somebody wants to know.

    A batch that is tried again and BLOCKED for the same kind of reason is told of once.
    """
    event = _EVENT_OF.get(state)
    if event is None:
        return
    kind = reason.partition(":")[0] if reason else None
    last = connection.execute(
        select(notice.c.event, notice.c.reason)
        .where(notice.c.batch == batch_id, notice.c.event != BATCH_APPROVAL)
        .order_by(notice.c.id.desc())
        .limit(1)
    ).first()
    if event == BATCH_BLOCKED and last is not None and tuple(last) == (event, kind):
        return
    _write(connection, event, batch_id, {"state": state.value, "reason": reason}, kind, now)


def was_told_to_wait(connection: Connection, batch_id: int, now: int) -> bool:
    """Whether people have heard, not long ago, that a batch waits for their approval."""
    query = select(notice.c.id).where(
        notice.c.batch == batch_id,
        notice.c.event == BATCH_APPROVAL,
        notice.c.created > now - REMIND_S,
    )
    return connection.scalar(query.limit(1)) is not None


def batch_waits(connection: Connection, batch_id: int, now: int) -> None:
    """Write, once a day, that an open batch is due and waits for people to approve of it."""
    if not was_told_to_wait(connection, batch_id, now):
        state = {"state": BatchState.OPEN.value, "reason": "approval"}
        _write(connection, BATCH_APPROVAL, batch_id, state, "approval", now)


def _write(
    connection: Connection,
    event: str,
    batch_id: int,
    state: Mapping[str, str | None],
    kind: str | None,
    now: int,
) -> None:
    issuer, data = _described(connection, batch_id)
    at = stamp(datetime.fromtimestamp(now, UTC))
    body = orjson.dumps({"type": event, "timestamp": at, "data": {**data, **state}})
    connection.execute(
        notice.insert().values(
            name=f"msg_{secrets.token_hex(16)}",
            issuer=issuer,
            event=event,
            batch=batch_id,
            reason=kind,
            body=body,
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
