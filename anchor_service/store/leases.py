"""One writer for a (chain, sender): a lease with a token that only grows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import case, select, update
from sqlalchemy.dialects import postgresql, sqlite

from anchor_service.errors import LeaseLost
from anchor_service.store.schema import signer_lease

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from registry.values import Address, ChainId


@dataclass(frozen=True, slots=True)
class Lease:
    chain: ChainId
    sender: Address
    owner: str
    token: int


@dataclass(frozen=True, slots=True)
class Beat:
    """What a lease's row shows; while its holder lives it does not stay the same for long."""

    token: int
    expires: int


def look(connection: Connection, chain: ChainId, sender: Address) -> Beat | None:
    """The lease as it stands, without a lock; None where nobody has ever had it."""
    row = connection.execute(
        select(signer_lease.c.token, signer_lease.c.expires).where(*_key(chain, sender))
    ).one_or_none()
    return None if row is None else Beat(row[0], row[1])


def take_lease(
    connection: Connection,
    chain: ChainId,
    sender: Address,
    owner: str,
    *,
    now: int,
    seconds: int,
    alone: bool = False,
    dead: Beat | None = None,
) -> Lease | None:
    """The right to write for a sender; None while another owner's lease runs.

    alone: the caller holds the database's own lock, so that another's lease is a dead process's.
    dead: what the caller has seen unchanged for longer than a holder leaves it so, by its own
    steady clock: whatever the clocks of this and the holder's machine say, that one is gone.
    """
    row = connection.execute(
        select(signer_lease.c.owner, signer_lease.c.token, signer_lease.c.expires)
        .where(*_key(chain, sender))
        .with_for_update()
    ).one_or_none()
    if row is None:
        return _first(connection, chain, sender, owner, now + seconds)
    runs = row.owner != owner and row.expires > now
    if runs and not alone and Beat(row.token, row.expires) != dead:
        return None
    changed = connection.execute(
        update(signer_lease)
        .where(*_key(chain, sender), signer_lease.c.token == row.token)
        .values(owner=owner, token=row.token + 1, expires=now + seconds)
    )
    return Lease(chain, sender, owner, row.token + 1) if changed.rowcount == 1 else None


def _first(
    connection: Connection, chain: ChainId, sender: Address, owner: str, expires: int
) -> Lease | None:
    """The sender's first lease ever; None where another process was first in this moment."""
    values = {
        "chain": chain.number,
        "sender": bytes(sender),
        "owner": owner,
        "token": 1,
        "expires": expires,
    }
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    made = connection.scalar(
        insert(signer_lease)
        .values(**values)
        .on_conflict_do_nothing()
        .returning(signer_lease.c.token)
    )
    return None if made is None else Lease(chain, sender, owner, made)


def hold_lease(connection: Connection, lease: Lease, now: int, seconds: int) -> None:
    """Fence the caller's transaction: it commits only while the token is still ours."""
    until = now + seconds
    changed = connection.execute(
        update(signer_lease)
        .where(
            *_key(lease.chain, lease.sender),
            signer_lease.c.token == lease.token,
        )
        # Also after the clock was set back others must see that it moves.
        .values(
            expires=case((signer_lease.c.expires > until, signer_lease.c.expires + 1), else_=until)
        )
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


def _key(chain: ChainId, sender: Address) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (signer_lease.c.chain == chain.number, signer_lease.c.sender == bytes(sender))
