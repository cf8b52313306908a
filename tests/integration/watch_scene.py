"""An issuer with its service and a watch over both, under a clock that a test sets."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from contract_views import calldata
from contract_walk import CALLS
from databases import new_sqlite
from desks import CHAIN, REGISTRY, add, new_issuer, new_key, open_line, run, send
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from anchor_service.engine.chain import Chain
from anchor_service.store import changes, store
from anchor_service.watch.looking import Orders, look
from anchor_service.watch.lookout import Files, Lookout
from anchor_service.watch.metrics import WatchMetrics
from registry.auditing.audit import AuditRequest
from registry.nodes.log_reader import Pace
from registry.nodes.rpc import Node
from registry.rpc_hex import quantity
from registry.workspaces.devchain import mine_to_finality

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from anchor_service.engine.anchoring import Line
    from anchor_service.engine.keys import ChainKey
    from anchor_service.store.database import Database
    from anchor_service.watch.alert_webhooks import Recipient
    from anchor_service.watch.looking import Look
    from anchor_service.watch.told_alerts import Standing
    from registry.formats.events import StatusChange
    from registry.values import IssuerId

META = b"\x3e" * 32
HOUR_S = 3600
HOOK = """
[[webhooks]]
name = "pager"
url = "{url}"
events = ["watch.alert"]
secret_env = "PAGER"
allow_private = true
"""


@dataclass
class Scene:
    """later: seconds that the watch's clock is ahead of the chain's."""

    folder: Path
    url: str
    node: Node
    database: Database
    key: ChainKey
    issuer_id: IssuerId
    later: int = 0
    told: list[Standing] = field(default_factory=list)
    metrics: WatchMetrics = field(default_factory=WatchMetrics)

    @property
    def database_url(self) -> str:
        return self.database.engine.url.render_as_string(hide_password=False)

    def now(self) -> int:
        block = self.node.call("eth_getBlockByNumber", ["latest", False])
        assert isinstance(block, dict)
        return quantity(block["timestamp"], "timestamp") + self.later

    def line(self) -> AbstractContextManager[Line]:
        return open_line(self.database, Chain(self.node, CHAIN), self.key, self.issuer_id)

    def add(self, *names: str, created: int | None = None) -> None:
        """Credentials into the open batch, as of now."""
        add(self.database, *names)
        with self.database.write() as connection:
            connection.exec_driver_sql(
                f"UPDATE credential SET created = {created or self.now()} WHERE created = 1"
            )

    def anchor(self) -> None:
        """What the service does with all that is open or wanted."""
        with self.line() as line:
            run(line)

    def change(self, kind: StatusChange, *names: str) -> None:
        self.want(kind, *names)
        self.anchor()

    def want(self, kind: StatusChange, *names: str) -> None:
        with self.database.write() as connection:
            rows = [store.find(connection, name).row for name in names]
            changes.want(connection, kind, rows, 1)

    def by_stranger(self, name: str, *arguments: Any) -> None:
        """By the issuer's own key, past its service."""
        data = calldata(CALLS[name], [bytes(self.issuer_id), *arguments])
        send(self.node, self.key, REGISTRY, data)

    def settle(self) -> None:
        mine_to_finality(self.node)

    def spoil(self, statement: str) -> None:
        with self.database.write() as connection:
            assert connection.exec_driver_sql(statement).rowcount == 1

    def orders(self, now: int, **changed: Any) -> Orders:
        request = AuditRequest(
            chain=CHAIN,
            registry=REGISTRY,
            store=self.folder / "watch.db",
            seed=0,
            now=now,
            sample=0,
            late_s=changed.pop("late_s", 6 * HOUR_S),
            every_s=changed.pop("every_s", None),
            database=self.database_url,
            pace=Pace(patience_s=0.1, wait=lambda _: None),
        )
        values = {"issuers": {"main": self.issuer_id}, "schedules": {}, "fee_cap": 10**9}
        return Orders(request, **{**values, "nights": 7, **changed})

    def lookout(self, *recipients: Recipient, url: str | None = None, **changed: Any) -> Lookout:
        """As a process that has just been started. url: of a node, else the chain itself."""
        opened = [partial(Node, url or self.url)]

        def look_at(now: int) -> Look:
            return look(self.orders(now, **changed), opened, self.database)

        files = Files.beside(self.folder / "watch.db")
        return Lookout(look_at, files, recipients, self.metrics, self.now, self.told.append)

    def kinds_on_chain(self) -> list[str]:
        """Of the issuer's operations, as the watch's store has them."""
        db = sqlite3.connect(self.folder / "watch.db")
        query = "SELECT kind FROM operation WHERE issuer = ? ORDER BY id"
        kinds = [row[0] for row in db.execute(query, (bytes(self.issuer_id),))]
        db.close()
        return kinds

    def gauge(self, name: str, **labels: str) -> float | None:
        """As Prometheus reads it."""
        text = generate_latest(self.metrics.registry).decode()
        for family in text_string_to_metric_families(text):
            for one in family.samples:
                if one.name == f"credanchor_watch_{name}" and one.labels == labels:
                    return float(one.value)
        return None

    def standing(self, kind: str) -> float | None:
        return self.gauge("alerts", kind=kind)

    def news(self) -> list[tuple[str, str]]:
        """Kinds and sentences of what people were told since the last call."""
        fresh = [(one.alert.kind.value, one.alert.sentence) for one in self.told]
        self.told.clear()
        return fresh


@contextmanager
def scene(folder: Path, url: str, database: Database | None = None) -> Iterator[Scene]:
    """An issuer of its own, with an empty database, on a chain that others may share."""
    database = database or new_sqlite(folder / "credanchor.db")
    with Node(url) as node:
        key = new_key(node)
        issuer_id = new_issuer(node, key)
        mine_to_finality(node)
        yield Scene(folder, url, node, database, key, issuer_id)
    database.close()


def new_root() -> bytes:
    return os.urandom(32)
