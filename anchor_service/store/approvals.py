"""Two people's approval in the database: who, when, and exactly what it covers.

A batch's approval covers the set of its credentials by one digest: a credential that is added, or
taken out, afterwards needs new approvals. A revocation's is its own. The person who asked for a
revocation is the first of its two. Each function works in the caller's transaction.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import select

from anchor_service.store.lifecycle import ChangeState
from anchor_service.store.schema import (
    batch_approval,
    change_approval,
    credential,
    status_change,
)
from registry.formats.events import StatusChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection

    from registry.workspaces.approval_settings import ApprovalSettings

PEOPLE = 2
_DAY_S = 86400


@dataclass(frozen=True, slots=True)
class Revocation:
    """A revocation that is wanted; digest: of its credential; by: who approves of it."""

    id: int
    credential: int
    digest: bytes
    by: frozenset[str]


def key_of(name: str) -> str:
    """Names that differ in case or spaces alone are one person's."""
    return " ".join(name.split()).casefold()


def covers(digests: Iterable[bytes]) -> bytes:
    """The digest of a set of credential digests."""
    return sha256(b"".join(sorted(digests))).digest()


def covers_batch(connection: Connection, batch: int) -> bytes:
    """What an approval of this open batch covers now."""
    return covers(
        connection.scalars(select(credential.c.digest).where(credential.c.batch == batch))
    )


def approvers_of_batch(
    connection: Connection, batch: int, policy: ApprovalSettings, now_covers: bytes
) -> frozenset[str]:
    """Who has approved the batch as it is now."""
    names = connection.scalars(
        select(batch_approval.c.name).where(
            batch_approval.c.batch == batch, batch_approval.c.covers == now_covers
        )
    )
    return _people(names, policy)


def approve_batch(
    connection: Connection, batch: int, name: str, account: str, now_covers: bytes, now: int
) -> None:
    connection.execute(
        batch_approval.insert().values(
            batch=batch, name=name, account=account, at=now, covers=now_covers
        )
    )


def approve_changes(
    connection: Connection, changes: Sequence[int], name: str, account: str, now: int
) -> None:
    rows = [{"change": one, "name": name, "account": account, "at": now} for one in changes]
    if rows:
        connection.execute(change_approval.insert(), rows)


def revocations(connection: Connection, issuer: str, policy: ApprovalSettings) -> list[Revocation]:
    """Every revocation of an issuer that waits to be sent, oldest first."""
    return _revocations(connection, issuer, policy, status_change.c.state == ChangeState.WANTED)


def held_revocations(
    connection: Connection, issuer: str, policy: ApprovalSettings, now: int
) -> list[Revocation]:
    """Those that wait for people.

    Where the revocations of a day that two people have not approved reach the policy's number,
    sent ones counted, each further one waits: many small requests are as one large one.
    """
    if policy.mass_revocation is None:
        return []
    waiting = [one for one in revocations(connection, issuer, policy) if len(one.by) < PEOPLE]
    if not waiting:
        return []
    sent = _revocations(
        connection,
        issuer,
        policy,
        status_change.c.state.not_in((ChangeState.WANTED, ChangeState.DROPPED)),
        status_change.c.changed > now - _DAY_S,
    )
    volume = len(waiting) + sum(len(one.by) < PEOPLE for one in sent)
    return waiting if volume >= policy.mass_revocation else []


def is_allowed(name: str, policy: ApprovalSettings) -> bool:
    return not policy.people or key_of(name) in {key_of(one) for one in policy.people}


def _people(names: Iterable[str | None], policy: ApprovalSettings) -> frozenset[str]:
    return frozenset(key_of(one) for one in names if one and is_allowed(one, policy))


def _revocations(
    connection: Connection, issuer: str, policy: ApprovalSettings, *conditions: ColumnElement[bool]
) -> list[Revocation]:
    query = (
        select(
            status_change.c.id,
            status_change.c.credential,
            credential.c.digest,
            status_change.c.asked_by,
            change_approval.c.name,
        )
        .join(credential, credential.c.id == status_change.c.credential)
        .outerjoin(change_approval, change_approval.c.change == status_change.c.id)
        .where(
            credential.c.issuer == issuer,
            status_change.c.change == int(StatusChange.REVOKE),
            *conditions,
        )
        .order_by(status_change.c.id)
    )
    names: defaultdict[int, set[str | None]] = defaultdict(set)
    found: dict[int, tuple[int, bytes]] = {}
    for change, row, digest, asked_by, name in connection.execute(query):
        found[change] = (row, bytes(digest))
        names[change] |= {asked_by, name}
    return [
        Revocation(change, row, digest, _people(names[change], policy))
        for change, (row, digest) in found.items()
    ]
