"""`watch`: follows the chain for an issuer, and tells of what its own database does not know."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

import orjson

from anchor_service import webhook_sender
from anchor_service.alerts import AlertKind
from anchor_service.commands.output import answer, say, warn
from anchor_service.database import Database
from anchor_service.looking import Look, Orders, look_twice
from anchor_service.told_alerts import ToldAlerts
from anchor_service.watch_metrics import WatchMetrics
from anchor_service.webhook_sender import NotDelivered
from anchor_service.webhook_settings import given_endpoint
from registry.audit_place import find_place
from registry.auditing import AuditRequest
from registry.errors import ChainError, WorkspaceError
from registry.moments import unix_stamp
from registry.values import IssuerId
from registry.workspace import Workspace, find

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from types import FrameType

    from anchor_service.alerts import Alert
    from anchor_service.webhook_settings import Endpoint
    from registry.audit_place import Place
    from registry.strict_json import JsonObject

SECRET = "CREDANCHOR_WEBHOOK_SECRET"  # noqa: S105 - the variable's name
_ALERT = 1
_WITHOUT_WORKSPACE_NIGHTS = 7


@dataclass(slots=True)
class _Watch:
    args: argparse.Namespace
    place: Place
    workspace: Workspace | None
    url: str
    database: Database
    told: ToldAlerts
    endpoint: Endpoint | None
    metrics: WatchMetrics

    def look(self) -> int:
        """Look once, and tell what is new; how many that were. Raises ChainError, StoreError."""
        now = int(time.time())
        found = look_twice(self._orders(now), self.place.open_nodes, self.database)
        news = self.told.news(found.standing)
        untold = self._deliver(news, now)
        self.told.keep(found.standing, untold)
        self.metrics.looked(found, now)
        self._say(found, news)
        return len(news)

    def _orders(self, now: int) -> Orders:
        args, place = self.args, self.place
        request = AuditRequest(
            chain=place.chain,
            registry=place.registry,
            store=args.store or place.store.with_name(f"watch-{place.store.name}"),
            seed=0,
            now=now,
            confirmations=place.confirmations,
            told_from=args.told_from,
            sample=0,  # `audit` compares the state; here histories do, which nothing slips past
            every_s=args.every,
            late_s=args.late,
            database=self.url,
        )
        return _orders(args, request, self.workspace)

    def _deliver(self, news: Sequence[Alert], now: int) -> list[Alert]:
        """Those that were not taken: they are told again at the next look, under the same id."""
        if self.endpoint is None:
            return []
        left = []
        with webhook_sender.new_client() as client:
            for one in news:
                body = {"type": "watch.alert", "timestamp": unix_stamp(now), "data": one.to_json()}
                try:
                    webhook_sender.send(client, self.endpoint, one.name, orjson.dumps(body), now)
                except NotDelivered as error:
                    warn(f"credanchor: the webhook did not take an alert: {error}")
                    left.append(one)
        return left

    def _say(self, found: Look, news: Sequence[Alert]) -> None:
        for one in news:
            say(self.args, f"ALERT {one.kind.value}: {one.sentence}")
        if not news and self.args.once:
            standing = f"; {len(found.standing)} told before" if found.standing else ""
            say(self.args, f"quiet as of block {found.block}{standing}")
        if news or self.args.once:
            answer(self.args, _shown(found, news))
            sys.stdout.flush()


def run(args: argparse.Namespace) -> int:
    with ExitStack() as stack:
        workspace = None if args.rpc else Workspace.load(find(args.workspace))
        url: str = args.database or (workspace.database_url if workspace else "")
        if not url:
            args.usage_error("--rpc goes with --database")
        place = find_place(args, stack)
        metrics = WatchMetrics()
        if args.metrics is not None:
            stack.callback(metrics.serve(args.metrics))
        watch = _Watch(
            args,
            place,
            workspace,
            url,
            stack.enter_context(closing(Database(url))),
            ToldAlerts(args.told or place.store.with_suffix(".alerts.json")),
            _endpoint(args),
            metrics,
        )
        if args.once:
            return _ALERT if watch.look() else 0
        return _go_on(watch)


def _go_on(watch: _Watch) -> int:
    """Until told to stop. A chain that cannot be asked is asked again."""
    stop = Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    while not stop.is_set():
        try:
            watch.look()
        except ChainError as error:
            watch.metrics.failed()
            warn(f"credanchor: could not look: {error}")
        stop.wait(watch.args.poll)
    return 0


def _orders(args: argparse.Namespace, request: AuditRequest, workspace: Workspace | None) -> Orders:
    issuers = {IssuerId.from_hex(one) for one in args.issuers}
    fee_cap = None if args.fee_cap is None else int(args.fee_cap * 10**9)
    nights = args.nights
    if workspace is not None:
        of_each = [workspace.of(handle) for handle in workspace.handles]
        here = [one for one in of_each if one.chain.registry == request.registry]
        issuers |= {one.issuer.id for one in here if one.issuer.id is not None}
        fee_cap = fee_cap or int(min(one.chain.fee_cap_gwei for one in of_each) * 10**9)
        nights = nights or max(one.account.warn_nights for one in of_each)
    return Orders(
        request, workspace, frozenset(issuers), fee_cap, nights or _WITHOUT_WORKSPACE_NIGHTS
    )


def _endpoint(args: argparse.Namespace) -> Endpoint | None:
    if args.webhook is None:
        return None
    secret = os.environ.get(SECRET, "")
    if not secret:
        raise WorkspaceError(f"--webhook needs a secret to sign with: set {SECRET}")
    return given_endpoint(args.webhook, secret, allow_private=args.webhook_private)


def _shown(found: Look, news: Sequence[Alert]) -> JsonObject:
    return {
        "block": found.block,
        "alerts": [one.to_json() for one in news],
        "standing": {
            kind.value: sum(one.kind is kind for one in found.standing) for kind in AlertKind
        },
        "accounts": [
            {"address": one.account.to_hex(), "balance": str(one.balance), "nights": one.nights}
            for one in found.funds
        ],
    }
