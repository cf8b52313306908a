"""What a worker saw last of an account and its nodes, in the database for whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from anchor_service.store.schema import account_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from registry.values import Address, ChainId


# A worker speaks every minute.
_SILENT_S = 120


def note_account(
    connection: Connection,
    chain: ChainId,
    sender: Address,
    issuers: Sequence[str],
    *,
    balance: int | None,
    endpoints: str | None,
    trouble: str | None,
    now: int,
) -> None:
    """Balance in wei, endpoints as JSON: None leaves what was seen before."""
    values: dict[str, object] = {
        "issuers": " ".join(issuers),
        "trouble": trouble,
        "seen": now,
    }
    if balance is not None:
        values["balance"] = str(balance)
    if endpoints is not None:
        values["endpoints"] = endpoints
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    key = {"chain": chain.number, "sender": bytes(sender)}
    connection.execute(
        insert(account_state)
        .values(**key, **{"endpoints": "[]", **values})
        .on_conflict_do_update(index_elements=["chain", "sender"], set_=values)
    )


def is_served(connection: Connection, handle: str, now: int) -> bool:
    """Whether a worker has said within two minutes that it has this issuer's account."""
    query = select(account_state.c.issuers).where(account_state.c.seen > now - _SILENT_S)
    return any(handle in text.split() for text in connection.scalars(query))


def leave(connection: Connection, chain: ChainId, sender: Address) -> None:
    """The worker ends: nobody waits for it."""
    connection.execute(
        update(account_state)
        .where(account_state.c.chain == chain.number, account_state.c.sender == bytes(sender))
        .values(seen=0)
    )


def accounts(connection: Connection) -> Sequence[Any]:
    """Every account's row."""
    return connection.execute(select(account_state).order_by(account_state.c.issuers)).all()
