"""What `watch --metrics` shows to Prometheus, on this machine alone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from anchor_service.watch.alerts import AlertKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from anchor_service.watch.looking import Look
    from anchor_service.watch.told_alerts import Standing

PREFIX = "credanchor_watch"


class WatchMetrics:
    """A registry of its own: nothing of the process besides."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._alerts = self._gauge("alerts", "Alerts that stand now, told or not.", "kind")
        self._failing = self._gauge("webhooks_failing", "Webhooks that took no alert just now.")
        self._block = self._gauge("final_block", "The final block of the last look.")
        self._looked = self._gauge("last_look_seconds", "When the last look ended, Unix seconds.")
        self._nights = self._gauge(
            "balance_nights", "Nights that the balance pays for at the fee cap.", "account"
        )
        self._failures = Counter(
            f"{PREFIX}_failures",
            "Looks for which chain or database did not answer.",
            registry=self.registry,
        )
        self.stand([])

    def stand(self, standing: Sequence[Standing]) -> None:
        for kind in AlertKind:
            number = sum(one.alert.kind is kind for one in standing)
            self._alerts.labels(kind.value).set(number)

    def told(self, failing: int) -> None:
        """failing: webhooks that did not take what they were sent."""
        self._failing.set(failing)

    def looked(self, found: Look, now: int) -> None:
        self._block.set(found.block)
        self._looked.set(now)
        self._nights.clear()  # of accounts that pay no more
        for one in found.funds:
            self._nights.labels(one.account.to_hex()).set(one.nights)

    def failed(self) -> None:
        self._failures.inc()

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", text, labels, registry=self.registry)


@contextmanager
def served(metrics: WatchMetrics, port: int) -> Iterator[int]:
    """Answer on 127.0.0.1 while the block lasts; gives the port, a free one for 0."""
    server, thread = start_http_server(port, addr="127.0.0.1", registry=metrics.registry)
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
