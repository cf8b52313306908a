"""Delivers what webhooks are told, in a thread of the process that has it: worker, API or both."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from anchor_service.api import logs
from anchor_service.webhooks import deliveries, sender
from anchor_service.webhooks.sender import NotDelivered
from anchor_service.webhooks.settings import read_endpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import httpx

    from anchor_service.store.database import Database
    from anchor_service.webhooks.settings import Endpoint
    from registry.workspaces.workspace import Workspace

# Other processes write notices: so often one looks for them.
_LOOK_S = 2.0


class Deliverer:
    """clock: unix seconds."""

    def __init__(
        self, database: Database, endpoints: Sequence[Endpoint], clock: Callable[[], float]
    ) -> None:
        self._database = database
        self._endpoints = {one.name: one for one in endpoints}
        self._clock = clock

    def deliver_due(self, client: httpx.Client) -> int:
        """Try everything that is due once; returns how many were delivered."""
        endpoints = list(self._endpoints.values())
        with self._database.write() as connection:
            deliveries.spread(connection, endpoints, self._now())
            deliveries.forget(connection, self._now())
        delivered = 0
        while (one := self._claim(endpoints)) is not None:
            try:
                sender.send(client, self._endpoints[one.endpoint], one.name, one.body, self._now())
            except NotDelivered as error:
                self._fail(one, str(error))
                continue
            # A crash here means that it is delivered again, under the same id.
            with self._database.write() as connection:
                deliveries.mark_delivered(connection, one.id, self._now())
            delivered += 1
            logs.event("webhook delivered", endpoint=one.endpoint, message=one.name)
        return delivered

    def run(self, ended: threading.Event) -> None:
        """Until `ended` is set."""
        with sender.new_client() as client:
            while not ended.wait(_LOOK_S):
                try:
                    if self._anything():
                        self.deliver_due(client)
                except Exception as error:  # noqa: BLE001 - the thread must live on
                    logs.failure("webhooks failed", error)

    def _anything(self) -> bool:
        """Without a lock: most of the time there is nothing."""
        with self._database.read() as connection:
            due = deliveries.next_due(connection)
            return deliveries.has_news(connection) or (due is not None and due <= self._now())

    def _claim(self, endpoints: Sequence[Endpoint]) -> deliveries.Delivery | None:
        with self._database.write() as connection:
            return deliveries.claim(connection, endpoints, self._now())

    def _fail(self, one: deliveries.Delivery, reason: str) -> None:
        with self._database.write() as connection:
            due = deliveries.mark_failed(connection, one, reason, self._now())
        event = "webhook given up" if due is None else "webhook failed"
        logs.event(
            event,
            endpoint=one.endpoint,
            message=one.name,
            attempt=one.attempts + 1,
            reason=reason,
        )

    def _now(self) -> int:
        return int(self._clock())


def deliverer_of(workspace: Workspace, database: Database) -> Deliverer:
    """Raises WorkspaceError where the settings of an endpoint do not hold."""
    return Deliverer(database, read_endpoints(workspace), time.time)


@contextmanager
def delivering(deliverer: Deliverer) -> Iterator[None]:
    """Deliver in a thread for as long as the block lasts."""
    ended = threading.Event()
    thread = threading.Thread(target=deliverer.run, args=(ended,), name="webhooks")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
