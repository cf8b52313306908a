"""Figures for Prometheus: requests here, and what the collectors add that the app is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.registry import Collector

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30)
# A method is one of these or counted with the others: callers can make up any.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """One app's own registry: several apps in one process don't mix."""

    def __init__(self, collectors: Iterable[Collector] = ()) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "credanchor_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "credanchor_http_request_seconds",
            "From the first byte to the last of the answer.",
            ("method", "route"),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self.taken = Counter(
            "credanchor_credentials_taken",
            "Credentials that were stored and acknowledged by this process.",
            registry=self.registry,
        )
        self.waiting = Gauge(
            "credanchor_intake_waiting",
            "Requests that wait for their commit.",
            registry=self.registry,
        )
        for collector in collectors:
            self.registry.register(collector)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)

    def text(self) -> bytes:
        """The exposition; collectors are asked now, so call it off the event loop."""
        return generate_latest(self.registry)
