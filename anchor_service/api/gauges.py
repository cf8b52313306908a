"""Gauges of the whole service for Prometheus, read from the database when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from anchor_service.api import logs
from anchor_service.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prometheus_client import Metric

    from anchor_service.api.services import Glance
    from anchor_service.operating.overview import AccountView, IssuerView
    from anchor_service.store.database import Database

_WEI_A_GWEI = 10**9


class ServiceGauges(Collector):
    """clock: unix seconds. Without an answer of the database there is only that it is down."""

    def __init__(self, database: Database, glance: Glance, clock: Callable[[], float]) -> None:
        self._database = database
        self._glance = glance
        self._clock = clock

    def describe(self) -> list[Metric]:
        """None in advance, so that registering asks no database."""
        return []

    def collect(self) -> Iterator[Metric]:
        now = int(self._clock())
        try:
            with self._database.read() as connection:
                view = self._glance(connection, now)
        except DatabaseError as error:
            logs.failure("no figures", error)
            yield _gauge("database_up", "Whether the database answers.", [((), 0)])
            return
        yield _gauge("database_up", "Whether the database answers.", [((), 1)])
        yield _gauge("todo", "Things that a person must do.", [((), len(view.todo))])
        yield from _of_issuers(view.issuers, now)
        yield from _of_accounts(view.accounts, now)


def _of_issuers(issuers: tuple[IssuerView, ...], now: int) -> Iterator[Metric]:
    yield _gauge(
        "credentials_open",
        "Credentials that wait for their seal.",
        [((one.handle,), one.open.number) for one in issuers],
        "issuer",
    )
    held = [(one.handle, state, count) for one in issuers for state, count in one.batches.items()]
    yield _gauge(
        "batches",
        "Batches.",
        [((who, state), n.number) for who, state, n in held],
        "issuer",
        "state",
    )
    yield _gauge(
        "batch_age_seconds",
        "How long the one that has been in its state longest has been there.",
        [((who, state), now - n.oldest) for who, state, n in held if n.oldest is not None],
        "issuer",
        "state",
    )
    yield _gauge(
        "status_changes",
        "Status changes that are not finished.",
        [
            ((one.handle, state), count.number)
            for one in issuers
            for state, count in one.changes.items()
        ],
        "issuer",
        "state",
    )
    yield _gauge(
        "seconds_to_final",
        "From seal to FINAL of the last batch that got there.",
        [((one.handle,), one.seconds_to_final[0]) for one in issuers if one.seconds_to_final],
        "issuer",
    )


def _of_accounts(accounts: tuple[AccountView, ...], now: int) -> Iterator[Metric]:
    def account(one: AccountView) -> tuple[str, str]:
        return str(one.chain), one.address.to_hex()

    def each(name: str, text: str, values: list[tuple[AccountView, float | None]]) -> Metric:
        known = [(account(one), value) for one, value in values if value is not None]
        return _gauge(name, text, known, "chain", "account")

    yield each(
        "balance_gwei",
        "What the account held when the worker looked.",
        [(one, None if one.balance is None else one.balance / _WEI_A_GWEI) for one in accounts],
    )
    spent = [(one, one.spent_today / _WEI_A_GWEI) for one in accounts]
    yield each("spent_today_gwei", "Fees paid since midnight UTC.", [*spent])
    month = [(one, one.spent_30_days / _WEI_A_GWEI) for one in accounts]
    yield each("spent_30_days_gwei", "Fees paid in 30 days.", [*month])
    yield each(
        "nights_left", "Nights that it pays for at the cap.", [(o, o.nights) for o in accounts]
    )
    yield each("transactions_pending", "On their way.", [(one, one.pending) for one in accounts])
    yield each(
        "worker_seen_seconds",
        "Since the worker last wrote of this account.",
        [(one, None if one.seen is None else now - one.seen) for one in accounts],
    )
    yield _gauge(
        "rpc_up",
        "Whether a node answers as it should.",
        [
            ((str(one.chain), str(node["name"])), 0 if node.get("fault") else 1)
            for one in accounts
            for node in one.endpoints
        ],
        "chain",
        "node",
    )


def _gauge(
    name: str, text: str, values: Sequence[tuple[tuple[str, ...], float]], *labels: str
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"credanchor_{name}", text, labels=labels)
    for names, value in values:
        family.add_metric(names, value)
    return family
