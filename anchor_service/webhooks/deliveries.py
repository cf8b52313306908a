"""Webhook deliveries in the database: spread to endpoints once, tried until one takes it.

Each function works in the caller's transaction. Several processes may deliver: who moves a row's
`due` ahead by compare and swap has it, until then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from anchor_service.store.schema import delivery, notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from anchor_service.webhooks.settings import Endpoint

# Seconds after each failed try; about three days in all, then it is given up.
BACK_OFF_S = (5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600, 24 * 3600)
# While somebody tries, nobody else does; a process that dies loses its hold after that.
CLAIM_S = 60
_KEPT_S = 30 * 86400
_MAX_ERROR = 200


@dataclass(frozen=True, slots=True)
class Delivery:
    """name: the notice's, the same at every try. attempts: those made before this one."""

    id: int
    name: str
    endpoint: str
    body: bytes
    attempts: int


def spread(connection: Connection, endpoints: Sequence[Endpoint], now: int) -> int:
    """Give every new notice a delivery for each endpoint that wants it; returns how many."""
    query = (
        select(notice.c.id, notice.c.issuer, notice.c.event)
        .where(notice.c.spread.is_(False))
        .order_by(notice.c.id)
        .with_for_update(skip_locked=True)
    )
    made = 0
    for number, issuer, event in connection.execute(query).all():
        for endpoint in endpoints:
            if endpoint.wants(issuer, event):
                connection.execute(
                    delivery.insert().values(
                        notice=number, endpoint=endpoint.name, attempts=0, due=now
                    )
                )
                made += 1
        connection.execute(update(notice).where(notice.c.id == number).values(spread=True))
    return made


def claim(connection: Connection, endpoints: Sequence[Endpoint], now: int) -> Delivery | None:
    """The longest due delivery to one of the endpoints, held for CLAIM_S; None if nothing is due.

    The try counts before it is made: a process that dies in it has made it.
    """
    names = [one.name for one in endpoints]
    query = (
        select(
            delivery.c.id, notice.c.name, delivery.c.endpoint, notice.c.body, delivery.c.attempts
        )
        .join(notice, notice.c.id == delivery.c.notice)
        .where(delivery.c.due <= now, delivery.c.endpoint.in_(names))
        .order_by(delivery.c.due, delivery.c.id)
        .limit(1)
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    held = connection.execute(
        update(delivery)
        .where(delivery.c.id == row.id, delivery.c.attempts == row.attempts, delivery.c.due <= now)
        .values(attempts=row.attempts + 1, due=now + CLAIM_S)
    )
    if held.rowcount != 1:
        return None
    return Delivery(row.id, row.name, row.endpoint, bytes(row.body), row.attempts)


def mark_delivered(connection: Connection, number: int, now: int) -> None:
    connection.execute(
        update(delivery).where(delivery.c.id == number).values(due=None, delivered=now, error=None)
    )


def mark_failed(connection: Connection, one: Delivery, error: str, now: int) -> int | None:
    """When it is tried next; None where it was given up."""
    waits = BACK_OFF_S[one.attempts : one.attempts + 1]
    due = now + waits[0] if waits else None
    connection.execute(
        update(delivery).where(delivery.c.id == one.id).values(due=due, error=error[:_MAX_ERROR])
    )
    return due


def has_news(connection: Connection) -> bool:
    """Whether a notice waits to be spread."""
    query = select(notice.c.id).where(notice.c.spread.is_(False)).limit(1)
    return connection.scalar(query) is not None


def next_due(connection: Connection) -> int | None:
    query = select(delivery.c.due).where(delivery.c.due.is_not(None)).order_by(delivery.c.due)
    due: int | None = connection.scalar(query.limit(1))
    return due


def forget(connection: Connection, now: int) -> None:
    """Drop notices older than a month, delivered or not."""
    old = select(notice.c.id).where(notice.c.created < now - _KEPT_S, notice.c.spread.is_(True))
    connection.execute(delete(delivery).where(delivery.c.notice.in_(old)))
    connection.execute(delete(notice).where(notice.c.id.in_(old)))
