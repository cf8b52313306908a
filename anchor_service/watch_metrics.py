"""What `watch --metrics` shows to Prometheus, on this machine alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from anchor_service.alerts import AlertKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from anchor_service.looking import Look


class WatchMetrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._standing = Gauge(
            "credanchor_watch_alerts",
            "Alerts that stand now, told or not.",
            ["kind"],
            registry=self.registry,
        )
        self._block = Gauge(
            "credanchor_watch_final_block", "Newest block looked at.", registry=self.registry
        )
        self._looked = Gauge(
            "credanchor_watch_last_look_seconds",
            "When the last look came to its end, Unix seconds.",
            registry=self.registry,
        )
        self._failures = Counter(
            "credanchor_watch_failures",
            "Looks for which the chain could not be asked.",
            registry=self.registry,
        )
        self._nights = Gauge(
            "credanchor_watch_balance_nights",
            "Nights that the account's balance pays for.",
            ["account"],
            registry=self.registry,
        )

    def serve(self, port: int) -> Callable[[], None]:
        """Begin to answer on 127.0.0.1; call what comes back to end. Raises OSError."""
        server, thread = start_http_server(port, addr="127.0.0.1", registry=self.registry)

        def end() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return end

    def looked(self, found: Look, now: int) -> None:
        for kind in AlertKind:
            self._standing.labels(kind.value).set(sum(one.kind is kind for one in found.standing))
        self._block.set(found.block)
        self._looked.set(now)
        for one in found.funds:
            self._nights.labels(one.account.to_hex()).set(one.nights)

    def failed(self) -> None:
        self._failures.inc()
