"""The service at a glance: what waits, is on its way, is final, is blocked, and what to do.

Read from the database alone, in the caller's transaction; money in wei, times in unix seconds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from anchor_service.engine.forecast import nights_left, typical_night
from anchor_service.engine.spending import paid, spending
from anchor_service.store.account_store import accounts
from anchor_service.store.lifecycle import PENDING_INTENTS, BatchState, ChangeState
from anchor_service.store.schema import batch, credential, intent, status_change
from registry.errors import WorkspaceError
from registry.values import Address, ChainId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from sqlalchemy import Connection

    from registry.formats.strict_json import JsonObject, JsonValue
    from registry.workspaces.workspace import Workspace

# A worker writes every minute; so long without a word means that none runs.
_SILENT_S = 300
# On the way for longer than this is shown as a worry: finality takes a quarter of an hour.
_LONG_S = 3600
_RECENT = 50
_FINISHED = (ChangeState.FINAL, ChangeState.DROPPED)


@dataclass(frozen=True, slots=True)
class Count:
    """oldest: since when the one that has been there longest is."""

    number: int
    oldest: int | None


@dataclass(frozen=True, slots=True)
class BlockedBatch:
    """A person is needed; reason says what to do. retry_at: when it is tried again by itself."""

    batch: int
    reason: str
    since: int
    tries: int
    retry_at: int | None


@dataclass(frozen=True, slots=True)
class IssuerView:
    """One issuer. open: credentials not sealed yet; batches: by state, the open ones left out.

    changes: status changes that are not finished, by state; changes_blocked: why some of them
    can't be sent. seconds_to_final: from seal to FINAL of the last batches, the newest first.
    """

    handle: str
    open: Count
    batches: Mapping[BatchState, Count]
    blocked: tuple[BlockedBatch, ...]
    changes: Mapping[ChangeState, Count]
    changes_blocked: tuple[str, ...]
    seconds_to_final: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account that pays on a chain, as the worker that serves it saw it at `seen`.

    endpoints: objects of name, height and fault. nights: that the balance pays for at the cap;
    None where it is not known. pending: transactions on their way.
    """

    chain: ChainId
    address: Address
    issuers: tuple[str, ...]
    balance: int | None
    endpoints: tuple[JsonObject, ...]
    trouble: str | None
    seen: int | None
    pending: int
    spent_today: int
    committed: int
    spent_30_days: int
    day_cap: int | None
    nights: int | None


@dataclass(frozen=True, slots=True)
class Overview:
    """todo: sentences for a person, the most pressing first; empty while all is well."""

    at: int
    issuers: tuple[IssuerView, ...]
    accounts: tuple[AccountView, ...]
    todo: tuple[str, ...]


def overview(connection: Connection, workspace: Workspace, now: int) -> Overview:
    """Everything, of every issuer of the workspace."""
    issuers = tuple(_issuer(connection, handle) for handle in workspace.handles)
    views = tuple(_account(connection, workspace, row, now) for row in accounts(connection))
    todo = (*_todo_issuers(issuers, now), *_todo_accounts(workspace, issuers, views, now))
    return Overview(now, issuers, views, todo)


def as_json(view: Overview) -> JsonObject:
    """For programs; wei as decimal text."""
    return {
        "at": view.at,
        "issuers": {one.handle: _issuer_json(one) for one in view.issuers},
        "accounts": [_account_json(one) for one in view.accounts],
        "todo": list(view.todo),
    }


def _issuer(connection: Connection, handle: str) -> IssuerView:
    states = connection.execute(
        select(batch.c.state, func.count(), func.min(batch.c.changed))
        .where(batch.c.issuer == handle, batch.c.state != BatchState.OPEN)
        .group_by(batch.c.state)
    )
    waiting = connection.execute(
        select(func.count(), func.min(credential.c.created))
        .join(batch, batch.c.id == credential.c.batch)
        .where(batch.c.issuer == handle, batch.c.state == BatchState.OPEN)
    ).one()
    mine = (credential.c.issuer == handle, status_change.c.state.not_in(_FINISHED))
    wished = connection.execute(
        select(status_change.c.state, func.count(), func.min(status_change.c.created))
        .join(credential, credential.c.id == status_change.c.credential)
        .where(*mine)
        .group_by(status_change.c.state)
    )
    why = connection.scalars(
        select(status_change.c.blocked)
        .join(credential, credential.c.id == status_change.c.credential)
        .where(*mine, status_change.c.blocked.is_not(None))
        .distinct()
    )
    final = connection.execute(
        select(batch.c.changed - batch.c.sealed)
        .where(batch.c.issuer == handle, batch.c.state == BatchState.FINAL)
        .order_by(batch.c.id.desc())
        .limit(_RECENT)
    )
    return IssuerView(
        handle,
        Count(waiting[0], waiting[1]),
        {BatchState(row[0]): Count(row[1], row[2]) for row in states},
        tuple(_blocked(connection, handle)),
        {ChangeState(row[0]): Count(row[1], row[2]) for row in wished},
        tuple(sorted(str(one) for one in why)),
        tuple(row[0] for row in final),
    )


def _blocked(connection: Connection, handle: str) -> list[BlockedBatch]:
    query = (
        select(batch.c.id, batch.c.reason, batch.c.changed, batch.c.tries, batch.c.retry_at)
        .where(batch.c.issuer == handle, batch.c.state == BatchState.BLOCKED)
        .order_by(batch.c.id)
    )
    return [BlockedBatch(*row) for row in connection.execute(query)]


def _account(connection: Connection, workspace: Workspace, row: Any, now: int) -> AccountView:
    chain, address = ChainId(row.chain), Address(row.sender)
    handles = tuple(row.issuers.split())
    today = spending(connection, chain, address, now)
    pending = connection.scalar(
        select(func.count()).where(
            intent.c.chain == row.chain,
            intent.c.sender == row.sender,
            intent.c.state.in_(PENDING_INTENTS),
        )
    )
    terms = _terms(workspace, handles)
    balance = None if row.balance is None else int(row.balance)
    night = typical_night(connection, chain, address, len(handles), now)
    return AccountView(
        chain,
        address,
        handles,
        balance,
        tuple(json.loads(row.endpoints)),
        row.trouble,
        row.seen,
        pending or 0,
        today.spent,
        today.committed,
        paid(connection, chain, address, now - 30 * 86400),
        terms.day_cap,
        None if balance is None else nights_left(balance, night, terms.fee_cap),
    )


@dataclass(frozen=True, slots=True)
class _Terms:
    """The strictest of an account's issuers, as the worker keeps them; in wei."""

    fee_cap: int
    day_cap: int | None
    warn_nights: int


def _terms(workspace: Workspace, handles: Sequence[str]) -> _Terms:
    known = []
    for handle in handles:
        try:
            known.append(workspace.of(handle))
        except WorkspaceError:
            continue  # an issuer that the settings no longer name
    known = known or [workspace]
    caps = [int(one.chain.day_cap_ether * 10**18) for one in known if one.chain.day_cap_ether]
    return _Terms(
        min(int(one.chain.fee_cap_gwei * 10**9) for one in known),
        min(caps, default=None),
        max(one.account.warn_nights for one in known),
    )


def _todo_issuers(issuers: Sequence[IssuerView], now: int) -> list[str]:
    todo = []
    for one in issuers:
        todo += [f"{one.handle}: batch {b.batch} is blocked by {b.reason}" for b in one.blocked]
        todo += [
            f"{one.handle}: status changes are blocked by {why}" for why in one.changes_blocked
        ]
        slow = [
            state
            for state in (BatchState.SEALED, BatchState.SIGNED, BatchState.SUBMITTED)
            if state in one.batches and now - (one.batches[state].oldest or now) > _LONG_S
        ]
        todo += [f"{one.handle}: a batch has been {state} for over an hour" for state in slow]
    return todo


def _todo_accounts(
    workspace: Workspace, issuers: Sequence[IssuerView], views: Sequence[AccountView], now: int
) -> list[str]:
    todo = []
    for one in views:
        if one.trouble:
            todo.append(f"account {one.address}: {one.trouble}")
        warn = _terms(workspace, one.issuers).warn_nights
        if one.nights is not None and one.nights < warn:
            todo.append(
                f"account {one.address} pays for {one.nights} more nights at the fee cap, under "
                f"{warn}; send it funds on {one.chain}"
            )
        faults = [node["fault"] for node in one.endpoints if node.get("fault")]
        todo += [f"a node is not used: {fault}" for fault in faults]
    alive = [one for one in views if now - (one.seen or 0) < _SILENT_S]
    served = {handle for one in alive for handle in one.issuers}
    for view in issuers:
        left = any(state is not BatchState.FINAL for state in view.batches) or view.changes
        if left and view.handle not in served:
            todo.append(
                f"{view.handle}: no worker has been seen for five minutes; start `credanchor "
                "worker`, or run `credanchor anchor`"
            )
    return todo


def _issuer_json(one: IssuerView) -> JsonObject:
    return {
        "open": _count_json(one.open),
        "batches": {state.value: _count_json(held) for state, held in one.batches.items()},
        "blocked": [
            {
                "batch": b.batch,
                "reason": b.reason,
                "since": b.since,
                "tries": b.tries,
                "retryAt": b.retry_at,
            }
            for b in one.blocked
        ],
        "changes": {state.value: _count_json(held) for state, held in one.changes.items()},
        "changesBlocked": list(one.changes_blocked),
        "secondsToFinal": list(one.seconds_to_final),
    }


def _count_json(count: Count) -> JsonValue:
    return {"number": count.number, "oldest": count.oldest}


def _account_json(one: AccountView) -> JsonObject:
    return {
        "chain": str(one.chain),
        "address": one.address.to_hex(),
        "issuers": list(one.issuers),
        "balance": None if one.balance is None else str(one.balance),
        "endpoints": list(one.endpoints),
        "trouble": one.trouble,
        "seen": one.seen,
        "pending": one.pending,
        "spentToday": str(one.spent_today),
        "committed": str(one.committed),
        "spent30Days": str(one.spent_30_days),
        "dayCap": None if one.day_cap is None else str(one.day_cap),
        "nights": one.nights,
    }
