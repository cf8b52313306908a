"""One writer for a (chain, sender): a lease with a token that only grows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from anchor_service.errors import LeaseLost
from anchor_service.schema import signer_lease

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from registry.values import Address, ChainId


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
