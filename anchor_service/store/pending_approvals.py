"""What waits for people, under names that say exactly what an approval would cover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from anchor_service.errors import ApprovalRefused
from anchor_service.store import approvals, batch_store
from anchor_service.store.schema import batch_approval, credential

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from registry.workspaces.approval_settings import ApprovalSettings

BATCH, REVOCATIONS = "batch", "revocations"
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Pending:
    """covers: the digest of the set of credentials; rows: theirs; by: who has approved.

    batch: None for revocations, whose numbers are `changes`.
    """

    kind: str
    batch: int | None
    covers: bytes
    rows: tuple[int, ...]
    by: frozenset[str]
    changes: tuple[int, ...] = ()

    @property
    def id(self) -> str:
        """Another set has another id: nobody approves what they have not seen listed."""
        place = self.kind if self.batch is None else f"{self.kind}-{self.batch}"
        return f"{place}-{self.covers.hex()[:_DIGITS]}"

    @property
    def missing(self) -> int:
        """How many people are still needed."""
        return max(0, approvals.PEOPLE - len(self.by))


def pending(
    connection: Connection, issuer: str, policy: ApprovalSettings, now: int
) -> list[Pending]:
    """What an issuer's batches and revocations wait for; approved open batches are listed too."""
    found = []
    for number in batch_store.open_batches(connection, issuer) if policy.seal else ():
        query = select(credential.c.id, credential.c.digest).where(credential.c.batch == number)
        held = connection.execute(query).all()
        now_covers = approvals.covers(bytes(row[1]) for row in held)
        by = approvals.approvers_of_batch(connection, number, policy, now_covers)
        rows = tuple(int(row[0]) for row in held)
        found.append(Pending(BATCH, number, now_covers, rows, by))
    waiting = approvals.held_revocations(connection, issuer, policy, now)
    if waiting:
        found.append(
            Pending(
                REVOCATIONS,
                None,
                approvals.covers(one.digest for one in waiting),
                tuple(one.credential for one in waiting),
                # Approved by whoever has approved each of them.
                frozenset.intersection(*(one.by for one in waiting)),
                tuple(one.id for one in waiting),
            )
        )
    return found


def give(
    connection: Connection,
    issuer: str,
    policy: ApprovalSettings,
    wanted: str,
    name: str,
    account: str,
    now: int,
) -> Pending:
    """Write one person's approval of what is listed under that id; how it stands then.

    Raises ApprovalRefused: nothing is listed so (any more), the name may not approve, or has.
    """
    if not name.strip() or not approvals.is_allowed(name, policy):
        raise ApprovalRefused(
            f"{name!r} may not approve; [approval] people names {', '.join(policy.people) or '?'}"
        )
    found = {one.id: one for one in pending(connection, issuer, policy, now)}.get(wanted)
    if found is None:
        raise ApprovalRefused(
            f"nothing waits under {wanted}: it is done, or has changed since it was listed; "
            "see `credanchor approve list`"
        )
    if approvals.key_of(name) in found.by:
        raise ApprovalRefused(f"{name} has approved {wanted}; another person must, too")
    if found.batch is not None:
        approvals.approve_batch(connection, found.batch, name, account, found.covers, now)
    else:
        fresh = _not_by(connection, issuer, policy, found.changes, name)
        approvals.approve_changes(connection, fresh, name, account, now)
    after = {one.id: one for one in pending(connection, issuer, policy, now)}.get(wanted)
    by = found.by | {approvals.key_of(name)}
    return after or Pending(found.kind, found.batch, found.covers, found.rows, by, found.changes)


def names_of(connection: Connection, one: Pending) -> list[tuple[str, str, int]]:
    """(name, account, unix seconds) of each approval of a batch as it is now."""
    if one.batch is None:
        return []
    c = batch_approval.c
    query = select(c.name, c.account, c.at).where(c.batch == one.batch, c.covers == one.covers)
    return [(row[0], row[1], row[2]) for row in connection.execute(query.order_by(c.at))]


def _not_by(
    connection: Connection,
    issuer: str,
    policy: ApprovalSettings,
    changes: tuple[int, ...],
    name: str,
) -> list[int]:
    """Those of the changes that this person has neither asked for nor approved."""
    mine = {
        one.id
        for one in approvals.revocations(connection, issuer, policy)
        if approvals.key_of(name) in one.by
    }
    return [one for one in changes if one not in mine]
