"""One look of `watch`: the chain audited beside the database, nights, and the accounts' funds.

A look keeps nothing but the audit's store: what a reorganisation has taken away is simply not seen
by the next one, so that no tail need be unwound. The chain is always asked before the database,
which knows of a transaction before it is sent: what the service does meanwhile is never foreign.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select

from anchor_service.engine.forecast import Night, nights_left, typical_night
from anchor_service.store import account_store, batch_store
from anchor_service.store.lifecycle import BatchState
from anchor_service.store.schema import attempt, batch, intent
from anchor_service.watch import alerts
from anchor_service.watch.alerts import Funds, Seen, Unanchored
from registry.auditing.audit import Audit
from registry.errors import MalformedValue
from registry.formats.log_slices import read_event
from registry.nodes.log_reader import read_ranges
from registry.rpc_hex import quantity
from registry.values import Address, BatchRoot, IssuerId, TxHash

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from anchor_service.engine.schedule import Schedule
    from anchor_service.store.database import Database
    from anchor_service.watch.alerts import Alert
    from registry.auditing.audit import AuditRequest
    from registry.formats.events import Event
    from registry.formats.raw_log import RawLog
    from registry.nodes.rpc import Node

_DAY_S = 86_400
_UNSCHEDULED_S = _DAY_S
"""What waits for longer is late where no schedule is known."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What to watch, and from when on it is an alert.

    issuers: by handle, besides those that the database knows. schedules: by handle, as settings
    have them. fee_cap: wei per gas, None for twice what the node asks now. nights: that a balance
    must pay for.
    """

    request: AuditRequest
    issuers: Mapping[str, IssuerId]
    schedules: Mapping[str, Schedule]
    fee_cap: int | None
    nights: int


@dataclass(frozen=True, slots=True)
class Look:
    """block: the final one, as of which chain and database were compared."""

    block: int
    alerts: tuple[Alert, ...]
    funds: tuple[Funds, ...]


class _Paying(NamedTuple):
    account: Address
    night: Night


def look(orders: Orders, open_nodes: Sequence[Callable[[], Node]], database: Database) -> Look:
    """Raises ChainError, StoreError, DatabaseError."""
    with closing(Audit(orders.request, open_nodes)) as audit:
        report = audit.run()
        recent = list(_not_final(audit, open_nodes))
        with database.read() as connection:
            held = connection.scalars(select(batch.c.issuer_id).where(_here(orders)).distinct())
            known = {IssuerId(one) for one in held}
            mine = known | set(orders.issuers.values())
            strangers = [
                *_of_issuers(audit.store.db, mine - known, orders.request.told_from),
                *(one for one in recent if one.issuer_id in mine),
            ]
            found = [
                *alerts.of_findings(report.findings),
                *alerts.of_strangers(strangers, _ours(connection), _sealed(connection)),
                *_nights(orders, audit.store.db, connection, mine),
            ]
            paying = list(_paying(orders, connection))
        funds = tuple(_funds(orders, audit.node, paying))
        found += alerts.of_funds(funds, orders.nights)
        audit.forget_false(report)
    return Look(report.block.number, alerts.distinct(found), funds)


def _not_final(audit: Audit, open_nodes: Sequence[Callable[[], Node]]) -> Iterator[Seen]:
    """A false operation is told of in the block after it, not a quarter of an hour later."""
    first = audit.store.cursor().block + 1
    head = quantity(audit.node.call("eth_blockNumber", []), "eth_blockNumber")
    if head < first:
        return
    for some in read_ranges(open_nodes, audit.request.registry, first, head, audit.request.pace):
        for log in some.logs:
            try:
                event = read_event(log)
            except MalformedValue:
                continue  # the audit says so once the block is final
            yield _seen(log, event)


def _seen(log: RawLog, event: Event) -> Seen:
    return Seen(
        event.issuer_id,
        event.operation,
        type(event).__name__,
        log.block,
        event.actor,
        TxHash(log.tx_hash),
        getattr(event, "root", None),
        final=False,
    )


def _of_issuers(db: sqlite3.Connection, some: set[IssuerId], first: int) -> Iterator[Seen]:
    """Final operations of issuers of which the database holds no batch, so that none is known."""
    for issuer_id in some:
        rows = db.execute(
            "SELECT operation, kind, block, actor, tx_hash, root FROM operation"
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
                final=True,
            )


def _ours(connection: Connection) -> Callable[[TxHash], bool]:
    return lambda tx_hash: (
        connection.scalar(select(attempt.c.hash).where(attempt.c.hash == bytes(tx_hash)))
        is not None
    )


def _sealed(connection: Connection) -> Callable[[IssuerId, BatchRoot], bool]:
    return lambda issuer_id, root: (
        connection.scalar(
            select(batch.c.id).where(
                batch.c.root == bytes(root), batch.c.issuer_id == bytes(issuer_id)
            )
        )
        is not None
    )


def _nights(
    orders: Orders, db: sqlite3.Connection, connection: Connection, mine: set[IssuerId]
) -> Iterator[Alert]:
    request = orders.request
    yield from alerts.of_unanchored(
        _unanchored(orders, db, connection), request.now, request.late_s
    )
    yield from _waiting(orders, connection)
    if request.every_s is not None:
        for issuer_id in sorted(mine):
            (last,) = db.execute(
                "SELECT max(anchored_at) FROM batch WHERE issuer = ?", (issuer_id,)
            ).fetchone()
            yield from alerts.of_silence(issuer_id, last, request.now, request.every_s)


def _unanchored(
    orders: Orders, db: sqlite3.Connection, connection: Connection
) -> Iterator[Unanchored]:
    """What the database calls final and the chain does not hold is lost, and told of as that."""
    rows = connection.execute(
        select(batch.c.issuer_id, batch.c.root, batch.c.sealed)
        .where(_here(orders), batch.c.state != BatchState.FINAL)
        .order_by(batch.c.id)
    )
    for issuer_id, root, sealed in rows:
        held = db.execute("SELECT 1 FROM batch WHERE issuer = ? AND root = ?", (issuer_id, root))
        if held.fetchone() is None:
            yield Unanchored(IssuerId(issuer_id), BatchRoot(root), sealed)


def _waiting(orders: Orders, connection: Connection) -> Iterator[Alert]:
    before = orders.request.now - orders.request.late_s
    for handle in _handles(orders, connection):
        schedule = orders.schedules.get(handle)
        for one in batch_store.waiting_batches(connection, handle):
            if one.seal_asked is not None:
                passed = one.seal_asked <= before
            elif schedule is None:
                passed = one.oldest + _UNSCHEDULED_S <= before
            else:
                passed = schedule.seals(one, before)
            if passed:
                yield alerts.of_waiting(handle, orders.issuers.get(handle), one.id, one.oldest)


def _here(orders: Orders) -> ColumnElement[bool]:
    """Sealed for this registry; an open batch is nowhere yet."""
    place = orders.request
    return (batch.c.chain == place.chain.number) & (batch.c.registry == bytes(place.registry))


def _handles(orders: Orders, connection: Connection) -> list[str]:
    """Whose credentials go to this registry: by the settings, else by what was sealed last."""
    if orders.schedules:
        return list(orders.schedules)
    found = []
    for handle in connection.scalars(select(batch.c.issuer).distinct()).all():
        last = connection.execute(
            select(batch.c.chain, batch.c.registry)
            .where(batch.c.issuer == handle, batch.c.root.is_not(None))
            .order_by(batch.c.id.desc())
            .limit(1)
        ).first()
        place = orders.request.chain.number, bytes(orders.request.registry)
        if last is None or (last.chain, bytes(last.registry)) == place:
            found.append(handle)
    return found


def _paying(orders: Orders, connection: Connection) -> Iterator[_Paying]:
    """The account that each issuer anchored from last, and those that a worker serves now."""
    chain = orders.request.chain
    handles: dict[Address, set[str]] = {}
    for handle in connection.scalars(select(batch.c.issuer).distinct()).all():
        sender = connection.scalar(
            select(intent.c.sender)
            .join(batch, batch.c.id == intent.c.batch)
            .where(batch.c.issuer == handle, intent.c.chain == chain.number)
            .order_by(intent.c.id.desc())
            .limit(1)
        )
        if sender is not None:
            handles.setdefault(Address(sender), set()).add(handle)
    for row in account_store.accounts(connection):
        if row.chain == chain.number and row.seen:
            handles.setdefault(Address(row.sender), set()).update(row.issuers.split())
    for account, served in handles.items():
        night = typical_night(connection, chain, account, len(served), orders.request.now)
        yield _Paying(account, night)


def _funds(orders: Orders, node: Node, paying: Sequence[_Paying]) -> Iterator[Funds]:
    fee_cap = orders.fee_cap
    if fee_cap is None:
        fee_cap = max(1, 2 * quantity(node.call("eth_gasPrice", []), "eth_gasPrice"))
    for account, night in paying:
        asked = node.call("eth_getBalance", [account.to_hex(), "latest"])
        balance = quantity(asked, "eth_getBalance")
        yield Funds(account, balance, nights_left(balance, night, fee_cap), fee_cap)
