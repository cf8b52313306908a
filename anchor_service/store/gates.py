"""Where work waits for people: asked just before a batch is sealed and before changes are sent.

Each function works in the caller's transaction and writes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from anchor_service.store import approvals
from anchor_service.store.lifecycle import BatchState, ChangeState
from anchor_service.store.schema import batch, credential, replacement, status_change
from registry.formats.events import StatusChange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from anchor_service.store.changes import Change
    from registry.workspaces.approval_settings import ApprovalSettings


def may_seal(connection: Connection, batch_id: int, policy: ApprovalSettings) -> bool:
    """Whether an open batch has every approval that it needs, just as it is now."""
    if not policy.seal:
        return True
    now_covers = approvals.covers_batch(connection, batch_id)
    people = approvals.approvers_of_batch(connection, batch_id, policy, now_covers)
    return len(people) >= approvals.PEOPLE


def sendable(
    connection: Connection,
    wanted: Sequence[Change],
    issuer: str,
    policy: ApprovalSettings,
    now: int,
) -> list[Change]:
    """The changes that have every approval that they need, in the same order.

    The revocation of a replaced credential waits until its replacement is final, so that the
    learner never holds nothing.
    """
    if not wanted:
        return []
    waiting = {one.id for one in approvals.held_revocations(connection, issuer, policy, now)}
    waiting |= set(_of_unfinished_replacements(connection, issuer))
    return [one for one in wanted if one.id not in waiting]


def _of_unfinished_replacements(connection: Connection, issuer: str) -> list[int]:
    new = credential.alias("new")
    query = (
        select(status_change.c.id)
        .join(replacement, replacement.c.old == status_change.c.credential)
        .join(new, new.c.id == replacement.c.new)
        .join(batch, batch.c.id == new.c.batch)
        .where(
            status_change.c.state == ChangeState.WANTED,
            status_change.c.change == int(StatusChange.REVOKE),
            new.c.issuer == issuer,
            batch.c.state != BatchState.FINAL,
        )
    )
    return list(connection.scalars(query))
