"""`watch`: follows the chain for an issuer, and tells of what its own database does not know."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from anchor_service.commands.output import answer, say, warn
from anchor_service.engine.schedule import Schedule
from anchor_service.store.database import Database
from anchor_service.store.schema import HEAD
from anchor_service.watch import alert_webhooks
from anchor_service.watch.looking import Orders, look
from anchor_service.watch.lookout import Files, Lookout
from anchor_service.watch.metrics import WatchMetrics, served
from anchor_service.watch.told_alerts import ToldAlerts, accept
from registry.auditing.audit import AuditRequest
from registry.cli.audit_place import find_place
from registry.errors import WorkspaceError
from registry.nodes.log_reader import Pace
from registry.plurals import count
from registry.values import IssuerId
from registry.workspaces.workspace import Workspace, find

if TYPE_CHECKING:
    import argparse
    from pathlib import Path
    from types import FrameType

    from anchor_service.watch.alert_webhooks import Recipient
    from anchor_service.watch.looking import Look
    from anchor_service.watch.lookout import Round
    from anchor_service.watch.told_alerts import Standing
    from registry.cli.audit_place import Place
    from registry.formats.strict_json import JsonObject

SECRET = "CREDANCHOR_WEBHOOK_SECRET"  # noqa: S105 - the variable's name

_STANDS, _BLIND = 1, 3
_NIGHTS_WITHOUT_SETTINGS = 7


def run(args: argparse.Namespace) -> int:
    """Exit codes: 0 nothing stands, or ended by a signal; 1 an alert stands; 3 could not look."""
    _check_usage(args)
    with ExitStack() as stack:
        workspace = None if args.rpc else Workspace.load(find(args.workspace))
        place = find_place(args, stack)
        store = args.store or place.store.with_name(f"watch-{place.store.name}")
        files = Files.beside(store)
        if args.accept:
            return _accept(args, files)
        url = _database_url(args, workspace)
        database = stack.enter_context(closing(_open(url)))
        recipients = _recipients(args, workspace)
        orders = partial(_orders, args, place, workspace, store, url)

        def look_at(now: int) -> Look:
            return look(orders(now), place.open_nodes, database)

        metrics = WatchMetrics()
        if args.once:
            return _once(args, Lookout(look_at, files, recipients, metrics, time.time))
        if args.metrics is not None:
            stack.enter_context(served(metrics, args.metrics))
        _say_whom(recipients)
        tell = partial(_tell, args)
        return _go_on(args, Lookout(look_at, files, recipients, metrics, time.time, tell))


def _check_usage(args: argparse.Namespace) -> None:
    if args.rpc and not (args.database or args.accept):
        args.usage_error("--rpc goes with --database")
    if args.once and args.metrics is not None:
        args.usage_error("--metrics goes with a watch that goes on")


def _accept(args: argparse.Namespace, files: Files) -> int:
    ToldAlerts.load(files.told).check_acceptable(args.accept)
    accept(files.accepted, args.accept)
    say(args, f"accepted: {count(len(args.accept), 'alert')}, in {files.accepted}")
    answer(args, {"accepted": list(args.accept)})
    return 0


def _database_url(args: argparse.Namespace, workspace: Workspace | None) -> str:
    url: str = args.database or (workspace.database_url if workspace else "")
    return url


def _open(url: str) -> Database:
    """Only to be read: it is never migrated here. Raises WorkspaceError, DatabaseError."""
    database = Database(url)
    if database.file is not None and not database.file.exists():
        raise WorkspaceError(f"{database.file}: no database there")
    with database.read() as connection:
        revision = database.revision(connection)
    if revision != HEAD:
        database.close()
        raise WorkspaceError(
            f"the database's tables are of version {revision}, and {HEAD} is read here: bring the "
            "service and the watch to one version"
        )
    return database


def _orders(
    args: argparse.Namespace,
    place: Place,
    workspace: Workspace | None,
    store: Path,
    url: str,
    now: int,
) -> Orders:
    request = AuditRequest(
        chain=place.chain,
        registry=place.registry,
        store=store,
        seed=0,
        now=now,
        confirmations=place.confirmations,
        told_from=args.told_from,
        sample=0,  # `audit` compares the state; here histories do, which nothing slips past
        every_s=args.every,
        late_s=args.late,
        database=url,
        pace=Pace(patience_s=args.patience),
    )
    issuers = {one: IssuerId.from_hex(one) for one in args.issuers}
    fee_cap = None if args.fee_cap is None else int(args.fee_cap * 10**9)
    if workspace is None:
        nights = _NIGHTS_WITHOUT_SETTINGS if args.nights is None else args.nights
        return Orders(request, issuers, {}, fee_cap, nights)
    here = _of_this_registry(workspace, place)
    issuers |= {one.handle: one.issuer.id for one in here if one.issuer.id is not None}
    return Orders(
        request,
        issuers,
        {one.handle: _by_the_clock(one) for one in here},
        fee_cap or int(min(one.chain.fee_cap_gwei for one in here) * 10**9),
        max(one.account.warn_nights for one in here) if args.nights is None else args.nights,
    )


def _of_this_registry(workspace: Workspace, place: Place) -> list[Workspace]:
    """`main` is always one of them."""
    each = [workspace.of(handle) for handle in workspace.handles]
    where = (place.chain, place.registry)
    return [one for one in each if (one.chain.id, one.chain.registry) == where]


def _by_the_clock(workspace: Workspace) -> Schedule:
    """How many credentials make a batch says nothing of nights."""
    return replace(Schedule.of(workspace.schedule), max_size=None)


def _recipients(args: argparse.Namespace, workspace: Workspace | None) -> list[Recipient]:
    found = [] if workspace is None else alert_webhooks.configured(workspace, os.environ)
    if args.webhook is not None:
        secret = os.environ.get(SECRET, "")
        if not secret:
            raise WorkspaceError(f"--webhook needs a secret to sign with: set {SECRET}")
        private = args.webhook_private
        found.append(alert_webhooks.given(args.webhook, secret, allow_private=private))
    return found


def _once(args: argparse.Namespace, lookout: Lookout) -> int:
    done = lookout.round()
    for fault in done.faults:
        warn(f"credanchor: {fault}")
    for one in done.standing:
        say(args, _line(one))
    if done.look is not None and not done.standing:
        say(args, f"quiet as of block {done.look.block}")
    answer(args, _shown(done))
    if done.look is None:
        return _BLIND
    return _STANDS if done.standing else 0


def _go_on(args: argparse.Namespace, lookout: Lookout) -> int:
    """Until told to stop."""
    stop = Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    while not stop.is_set():
        for fault in lookout.round().faults:
            warn(f"credanchor: {fault}")
        stop.wait(args.poll)
    return 0


def _say_whom(recipients: list[Recipient]) -> None:
    names = ", ".join(one.endpoint.name for one in recipients)
    warn(f"credanchor: watching; alerts go {f'to {names}' if names else 'to no webhook'}")


def _tell(args: argparse.Namespace, one: Standing) -> None:
    say(args, _line(one))
    answer(args, one.to_json())
    sys.stdout.flush()


def _line(one: Standing) -> str:
    return f"ALERT {one.alert.name}: {one.alert.sentence}"


def _shown(done: Round) -> JsonObject:
    look = done.look
    return {
        "block": None if look is None else look.block,
        "alerts": [one.to_json() for one in done.standing],
        "accounts": [
            {
                "address": one.account.to_hex(),
                "balance": str(one.balance),
                "nights": one.nights,
                "feeCap": str(one.fee_cap),
            }
            for one in (() if look is None else look.funds)
        ],
        "faults": list(done.faults),
    }
