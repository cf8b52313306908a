"""Status changes in the database: what a person asked for, until the chain has it for good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from anchor_service.errors import StateMoved
from anchor_service.store.database import insert_one
from anchor_service.store.lifecycle import ChangeState, change_may
from anchor_service.store.schema import credential, placement, status_change
from registry.formats.events import StatusChange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Column, ColumnElement, Connection, Select
    from sqlalchemy.sql.base import ReadOnlyColumnCollection
    from sqlalchemy.sql.selectable import NamedFromClause

    _Rows = NamedFromClause[ReadOnlyColumnCollection[str, Column[Any]]]

_CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Change:
    """One credential's wanted status, and where it lies on the chain; asked: unix seconds."""

    id: int
    change: StatusChange
    state: ChangeState
    batch: int
    index: int
    urgent: bool
    asked: int


def want(
    connection: Connection,
    change: StatusChange,
    rows: Sequence[int],
    now: int,
    *,
    urgent: bool = False,
    reason_code: str | None = None,
    note: str | None = None,
    asked_by: str | None = None,
) -> list[int]:
    """Ask for a change of credentials (row numbers); earlier wishes not yet sent are dropped.

    urgent: to be sent at once, not gathered. Reason, note and name stay here, off the chain.
    """
    for start in range(0, len(rows), _CHUNK):
        connection.execute(
            update(status_change)
            .where(
                status_change.c.credential.in_(rows[start : start + _CHUNK]),
                status_change.c.state == ChangeState.WANTED,
            )
            .values(state=ChangeState.DROPPED, reason="superseded", changed=now)
        )
    return [
        insert_one(
            connection,
            status_change,
            credential=row,
            change=int(change),
            state=ChangeState.WANTED,
            created=now,
            changed=now,
            urgent=urgent,
            reason_code=reason_code,
            note=note,
            asked_by=asked_by,
        )
        for row in rows
    ]


def in_state(connection: Connection, state: ChangeState, issuer: str) -> list[Change]:
    """An issuer's changes in one state, in the order in which they were asked for."""
    return _select(connection, status_change.c.state == state, credential.c.issuer == issuer)


def adopted(connection: Connection, issuer: str) -> list[Change]:
    """Changes that the chain shows, made by no transaction of ours, and not final yet."""
    return _select(
        connection,
        status_change.c.state == ChangeState.INCLUDED,
        status_change.c.intent.is_(None),
        credential.c.issuer == issuer,
    )


def _select(connection: Connection, *conditions: ColumnElement[bool]) -> list[Change]:
    query = (
        select(
            status_change.c.id,
            status_change.c.change,
            status_change.c.state,
            credential.c.batch,
            placement.c.leaf_index,
            status_change.c.urgent,
            status_change.c.created,
        )
        .join(credential, credential.c.id == status_change.c.credential)
        .join(placement, placement.c.credential == credential.c.id)
        .where(*conditions)
        .order_by(status_change.c.id)
    )
    return [
        Change(row[0], StatusChange(row[1]), ChangeState(row[2]), *row[3:])
        for row in connection.execute(query)
    ]


def of_credential(
    connection: Connection, row: int
) -> list[tuple[StatusChange, ChangeState, str | None]]:
    """Every change asked for of one credential, the oldest first."""
    query = (
        select(status_change.c.change, status_change.c.state, status_change.c.reason)
        .where(status_change.c.credential == row)
        .order_by(status_change.c.id)
    )
    return [
        (StatusChange(one[0]), ChangeState(one[1]), one[2]) for one in connection.execute(query)
    ]


def unfinished(connection: Connection, issuer: str) -> int:
    """How many changes of an issuer wait to be sent, included or final."""
    ended = (ChangeState.FINAL, ChangeState.DROPPED)
    query = (
        select(func.count())
        .select_from(status_change.join(credential))
        .where(status_change.c.state.not_in(ended), credential.c.issuer == issuer)
    )
    return connection.scalar(query) or 0


def states_of(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[ChangeState, str]]:
    """State and reason of changes by number."""
    found: dict[int, tuple[ChangeState, str]] = {}
    for start in range(0, len(ids), _CHUNK):
        query = select(status_change.c.id, status_change.c.state, status_change.c.reason).where(
            status_change.c.id.in_(ids[start : start + _CHUNK])
        )
        for row in connection.execute(query):
            found[row[0]] = (ChangeState(row[1]), row[2] or "")
    return found


def move(
    connection: Connection,
    ids: Sequence[int],
    before: ChangeState,
    after: ChangeState,
    now: int,
    *,
    intent: int | None = None,
    reason: str | None = None,
) -> None:
    """Compare and swap them all; raises StateMoved where one is elsewhere."""
    if not change_may(before, after):
        raise StateMoved(f"a status change can't go from {before} to {after}")
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        changed = connection.execute(
            update(status_change)
            .where(status_change.c.id.in_(chunk), status_change.c.state == before)
            .values(state=after, intent=intent, reason=reason, blocked=None, changed=now)
        )
        if changed.rowcount != len(chunk):
            raise StateMoved(f"a status change is no longer {before}: another process moved it")


def of_intent(connection: Connection, intent: int, state: ChangeState) -> list[int]:
    query = select(status_change.c.id).where(
        status_change.c.intent == intent, status_change.c.state == state
    )
    return list(connection.scalars(query))


def overtaken(connection: Connection, intent: int) -> bool:
    """Whether an intent reinstates a credential that is now to be suspended or revoked."""
    bound, newer = status_change.alias(), status_change.alias()
    query = _newer(bound, newer, intent).where(
        newer.c.state == ChangeState.WANTED,
        bound.c.change == int(StatusChange.REINSTATE),
        newer.c.change != int(StatusChange.REINSTATE),
    )
    return connection.scalar(query.limit(1)) is not None


def superseded(connection: Connection, intent: int) -> list[int]:
    """Changes that an intent carries, of credentials of which something newer was asked for.

    Also where that is on the chain already or on its way: the older must not come after it.
    """
    bound, newer = status_change.alias(), status_change.alias()
    query = _newer(bound, newer, intent).where(newer.c.state != ChangeState.DROPPED)
    return list(connection.scalars(query.distinct()))


def _newer(bound: _Rows, newer: _Rows, intent: int) -> Select[Any]:
    return (
        select(bound.c.id)
        .join(newer, newer.c.credential == bound.c.credential)
        .where(
            bound.c.intent == intent,
            bound.c.state == ChangeState.SENT,
            newer.c.id > bound.c.id,
        )
    )


def in_flight(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Those of the changes whose credential has another one on its way to a block."""
    found: set[int] = set()
    for start in range(0, len(ids), _CHUNK):
        mine, other = status_change.alias(), status_change.alias()
        query = (
            select(mine.c.id)
            .join(other, other.c.credential == mine.c.credential)
            .where(
                mine.c.id.in_(ids[start : start + _CHUNK]),
                other.c.id != mine.c.id,
                other.c.state == ChangeState.SENT,
            )
        )
        found.update(connection.scalars(query))
    return found


def followed(connection: Connection, ids: Sequence[int]) -> dict[int, bool]:
    """Those of the changes after which another was asked for and not dropped.

    True where one such is final.
    """
    found: dict[int, bool] = {}
    for start in range(0, len(ids), _CHUNK):
        mine, newer = status_change.alias(), status_change.alias()
        query = (
            select(mine.c.id, newer.c.state)
            .join(newer, newer.c.credential == mine.c.credential)
            .where(
                mine.c.id.in_(ids[start : start + _CHUNK]),
                newer.c.id > mine.c.id,
                newer.c.state != ChangeState.DROPPED,
            )
        )
        for number, state in connection.execute(query):
            found[number] = found.get(number, False) or state == ChangeState.FINAL
    return found


def blocked_of(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Why changes can't be sent, by number; those that can are left out."""
    found: dict[int, str] = {}
    for start in range(0, len(ids), _CHUNK):
        query = select(status_change.c.id, status_change.c.blocked).where(
            status_change.c.id.in_(ids[start : start + _CHUNK]),
            status_change.c.blocked.is_not(None),
        )
        found.update({row[0]: row[1] for row in connection.execute(query)})
    return found


def note_blocked(connection: Connection, ids: Sequence[int], why: str | None = None) -> None:
    """Say why changes can't be sent now, or, without a reason, that nothing is in their way."""
    for start in range(0, len(ids), _CHUNK):
        connection.execute(
            update(status_change)
            .where(
                status_change.c.id.in_(ids[start : start + _CHUNK]),
                status_change.c.blocked.is_distinct_from(why),
            )
            .values(blocked=why)
        )
