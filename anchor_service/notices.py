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
    from sqlalchemy import Connection

    from registry.strict_json import JsonObject

BATCH_FINAL = "batch.final"
BATCH_BLOCKED = "batch.blocked"
EVENTS = (BATCH_FINAL, BATCH_BLOCKED)
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
        .where(notice.c.batch == batch_id)
        .order_by(notice.c.id.desc())
        .limit(1)
    ).first()
    if event == BATCH_BLOCKED and last is not None and tuple(last) == (event, kind):
        return
    issuer, data = _described(connection, batch_id)
    data |= {"state": state.value, "reason": reason}
    at = stamp(datetime.fromtimestamp(now, UTC))
    body = orjson.dumps({"type": event, "timestamp": at, "data": data})
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
        "chain": f"eip155:{row.chain}",
        "registry": "0x" + bytes(row.registry).hex(),
        "issuerId": "0x" + bytes(row.issuer_id).hex(),
        "root": "0x" + bytes(row.root).hex(),
        "treeSize": row.size,
    }
