"""One look of `watch`: the chain audited beside the database, nights, and the account's funds."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import select, union

from anchor_service import alerts, batch_store
from anchor_service.alerts import AlertKind, Funds, Seen, Unanchored
from anchor_service.forecast import typical_night
from anchor_service.schedule import Schedule
from anchor_service.schema import account_state, attempt, batch, intent
from registry.auditing import Audit
from registry.errors import MalformedValue
from registry.log_reader import read_ranges
from registry.log_slices import read_event
from registry.rpc import quantity
from registry.values import Address, BatchRoot, IssuerId, TxHash

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection

    from anchor_service.alerts import Alert
    from anchor_service.database import Database
    from registry.auditing import AuditRequest
    from registry.raw_log import RawLog
    from registry.rpc import Node
    from registry.workspace import Workspace

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Orders:
    """What to watch, and from when on it is an alert.

    workspace: whose schedules count; without one what has waited a day is late. issuers: besides
    those of the database. every_s: how often there must be an anchor, None if not at all. fee_cap:
    wei per gas, None for twice what the node asks now. nights: that the balance must pay for.
    """

    request: AuditRequest
    workspace: Workspace | None
    issuers: frozenset[IssuerId]
    fee_cap: int | None
    nights: int


@dataclass(frozen=True, slots=True)
class Look:
    """block: the final one, as of which chain and database were compared."""

    block: int
    standing: tuple[Alert, ...]
    funds: tuple[Funds, ...]


def look(orders: Orders, open_nodes: Sequence[Callable[[], Node]], database: Database) -> Look:
    """Raises ChainError, StoreError, DatabaseError."""
    with closing(Audit(orders.request, open_nodes)) as audit:
        report = audit.run()
        with database.read() as connection:
            held = connection.scalars(select(batch.c.issuer_id).distinct())
            known = {IssuerId(one) for one in held if one is not None}
            mine = known | orders.issuers
            recent = list(_not_final(audit, open_nodes, mine))
            older = _of_issuers(audit.store.db, mine - known, orders.request.told_from)
            found = [
                *alerts.of_findings(report.findings, mine),
                *alerts.of_strangers([*older, *recent], _ours(connection), _sealed(connection)),
                *_nights(orders, audit.store.db, connection, mine),
            ]
            funds = tuple(_funds(orders, audit.node, connection, len(mine)))
        found += alerts.of_funds(funds, orders.nights)
        audit.forget_false(report)
    return Look(report.block.number, tuple(alerts.distinct(found)), funds)


def look_twice(
    orders: Orders, open_nodes: Sequence[Callable[[], Node]], database: Database
) -> Look:
    """As `look`, but what seems lost must be so twice.

    What became final between the chain's answer and the database's would seem lost for a moment.
    """
    first = look(orders, open_nodes, database)
    if all(one.kind is not AlertKind.LOST for one in first.standing):
        return first
    again = look(orders, open_nodes, database)
    causes = {one.cause for one in first.standing}
    standing = tuple(
        one for one in again.standing if one.kind is not AlertKind.LOST or one.cause in causes
    )
    return replace(again, standing=standing)


def _not_final(
    audit: Audit, open_nodes: Sequence[Callable[[], Node]], mine: set[IssuerId]
) -> Iterator[Seen]:
    """A false operation is told of in the block after it, not a quarter of an hour later."""
    first = audit.store.cursor().block + 1
    head = quantity(audit.node.call("eth_blockNumber", []), "eth_blockNumber")
    if head < first:
        return
    for some in read_ranges(open_nodes, audit.request.registry, first, head, audit.request.pace):
        for log in some.logs:
            yield from _seen(log, mine)


def _of_issuers(db: sqlite3.Connection, some: set[IssuerId], first: int) -> Iterator[Seen]:
    """Final operations of issuers of which the database holds no batch, so that none is known."""
    for issuer_id in some:
        rows = db.execute(
            "SELECT operation, kind, block, actor, tx_hash, root FROM operation JOIN log USING (id)"
            " WHERE issuer = ? AND block >= ? ORDER BY id",
            (issuer_id, first),
        )
        for operation, kind, block, actor, tx_hash, root in rows:
            yield Seen(
                issuer_id,
                operation,
                kind,
                block,
                Address(actor),
                TxHash(tx_hash),
                None if root is None else BatchRoot(root),
            )


def _seen(log: RawLog, mine: set[IssuerId]) -> Iterator[Seen]:
    try:
        event = read_event(log)
    except MalformedValue:
        return  # the audit says so once the block is final
    if event.issuer_id in mine:
        yield Seen(
            event.issuer_id,
            event.operation,
            type(event).__name__,
            log.block,
            event.actor,
            TxHash(log.tx_hash),
            getattr(event, "root", None),
        )


def _ours(connection: Connection) -> Callable[[TxHash], bool]:
    return lambda tx_hash: (
        connection.scalar(select(attempt.c.hash).where(attempt.c.hash == bytes(tx_hash)))
        is not None
    )


def _sealed(connection: Connection) -> Callable[[BatchRoot], bool]:
    return lambda root: (
        connection.scalar(select(batch.c.id).where(batch.c.root == bytes(root))) is not None
    )


def _nights(
    orders: Orders, db: sqlite3.Connection, connection: Connection, mine: set[IssuerId]
) -> Iterator[Alert]:
    now, late_s = orders.request.now, orders.request.late_s
    rows = db.execute(
        "SELECT issuer, root, sealed FROM own_batch"
        " WHERE (issuer, root) NOT IN (SELECT issuer, root FROM batch) ORDER BY sealed"
    )
    those = (Unanchored(IssuerId(i), BatchRoot(root), sealed) for i, root, sealed in rows)
    yield from alerts.of_unanchored(those, now, late_s)
    yield from _waiting(orders, connection)
    if orders.request.every_s is not None:
        for issuer_id in sorted(mine):
            (last,) = db.execute(
                "SELECT max(anchored_at) FROM batch WHERE issuer = ?", (issuer_id,)
            ).fetchone()
            yield from alerts.of_silence(issuer_id, last, now, orders.request.every_s)


def _waiting(orders: Orders, connection: Connection) -> Iterator[Alert]:
    before = orders.request.now - orders.request.late_s
    for handle in connection.scalars(select(batch.c.issuer).distinct()).all():
        schedule = _schedule(orders.workspace, handle)
        for one in batch_store.waiting_batches(connection, handle):
            if one.seal_asked is not None and one.seal_asked > before:
                continue
            passed = (
                one.oldest + _DAY_S < before if schedule is None else schedule.seals(one, before)
            )
            if passed:
                yield alerts.of_waiting(handle, one.id, one.oldest, orders.request.now)


def _schedule(workspace: Workspace | None, handle: str) -> Schedule | None:
    """Its cron alone: how many make a batch says nothing of nights."""
    if workspace is None or handle not in workspace.handles:
        return None
    return replace(Schedule.of(workspace.of(handle).schedule), max_size=None)


def _funds(orders: Orders, node: Node, connection: Connection, issuers: int) -> Iterator[Funds]:
    """Of every account that has sent anything for these issuers on this chain."""
    chain, fee_cap = orders.request.chain, orders.fee_cap
    if fee_cap is None:
        fee_cap = 2 * quantity(node.call("eth_gasPrice", []), "eth_gasPrice")
    senders = union(
        select(intent.c.sender).where(intent.c.chain == chain.number),
        select(account_state.c.sender).where(account_state.c.chain == chain.number),
    )
    for sender in connection.scalars(senders).all():
        account = Address(sender)
        asked = node.call("eth_getBalance", [account.to_hex(), "latest"])
        night = typical_night(connection, chain, account, issuers, orders.request.now)
        yield Funds(account, quantity(asked, "eth_getBalance"), night.gas, max(fee_cap, 1))
