"""The application: which operations there are, and what they are given. No logic of its own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import anyio.to_thread
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

import registry
from anchor_service.api import (
    batches_routes,
    changes_routes,
    credentials_routes,
    health_routes,
    issuers_routes,
    logs,
    page_routes,
    proofs_routes,
    state_routes,
    verify_routes,
)
from anchor_service.api.access import key_finder
from anchor_service.api.direct import Direct
from anchor_service.api.edge import RouteRefusal, refuse_parameters
from anchor_service.api.gate import Gate
from anchor_service.api.grouping import Grouped
from anchor_service.api.intake import Taker
from anchor_service.api.limits import Buckets
from anchor_service.api.metrics import Metrics
from anchor_service.api.reading import reader
from anchor_service.api.services import Running
from anchor_service.store import idempotency
from anchor_service.store.tree_parts import Paths
from registry.proofs.bundle import MAX_BUNDLE_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from anchor_service.api.services import Services

ROUTERS = (
    credentials_routes.router,
    proofs_routes.router,
    batches_routes.router,
    changes_routes.router,
    issuers_routes.router,
    verify_routes.router,
    page_routes.router,
    state_routes.router,
    health_routes.router,
)
# A bundle has limits of its own.
LARGER = {"/v1/verify": MAX_BUNDLE_BYTES}
STREAMS = frozenset({"/v1/credentials/bulk"})

# Each holds a database connection; the pool has fifteen: one more for each of the groups' threads
# (intake, keys, reads), and one for webhooks.
_READERS = 8
# Short reads that wait for a disk side by side, and how many of them may wait for one another.
_READ_THREADS = 4
_READ_GROUP = 4
_GROUP = 256
_WAITING = 4096
_TIDY_S = 3600
_SUMMARY = "Anchored microcredentials: take in, anchor, prove, change status, verify."


def create_app(services: Services) -> FastAPI:
    metrics = Metrics(services.collectors)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = _READERS
        running = _start(services, metrics)
        app.state.running = running
        tidying = asyncio.create_task(_tidy(services))
        try:
            yield
        finally:
            tidying.cancel()
            with suppress(asyncio.CancelledError):
                await tidying
            running.intake.close()
            running.reads.close()
            running.keys.close()

    app = FastAPI(
        title="CredAnchor",
        summary=_SUMMARY,
        version=registry.__version__,
        lifespan=lifespan,
        # Handlers answer with bytes: none is said to answer with anything else.
        default_response_class=Response,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        # It would tell paths, and with them ids, to whatever collector the environment names.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    for router in ROUTERS:
        app.include_router(router)
    routes = [route for router in ROUTERS for route in router.routes]
    app.add_exception_handler(HTTPException, RouteRefusal(routes))
    app.add_exception_handler(RequestValidationError, refuse_parameters)
    app.add_middleware(Direct, routes=routes)
    app.add_middleware(
        Gate,
        metrics=metrics,
        max_body=services.settings.max_body,
        larger=LARGER,
        max_seconds=services.settings.max_seconds,
        idle_seconds=services.settings.idle_seconds,
        stream_paths=STREAMS,
    )
    return app


def _start(services: Services, metrics: Metrics) -> Running:
    database = services.database
    grouped = partial(Grouped, waiting=_WAITING)
    intake = grouped("intake", Taker(database, services.clock), most=_GROUP)
    metrics.waiting.set_function(lambda: intake.inside)
    # SQLite's readers wait for nobody: a write-ahead log gives each its own view.
    in_file = database.file is not None
    return Running(
        services=services,
        keys=grouped("api-keys", key_finder(database), most=_GROUP, quick=in_file),
        reads=grouped(
            "reads", reader(database), most=_READ_GROUP, threads=_READ_THREADS, quick=in_file
        ),
        intake=intake,
        key_buckets=Buckets(services.settings.key_rate, services.monotonic),
        address_buckets=Buckets(services.settings.address_rate, services.monotonic),
        paths=Paths(),
        metrics=metrics,
    )


async def _tidy(services: Services) -> None:
    """Forget old answers under Idempotency-Keys, now and then."""

    def forget() -> int:
        with services.database.write() as connection:
            return idempotency.forget(connection, int(services.clock()) - idempotency.KEPT_S)

    while True:
        try:
            await run_in_threadpool(forget)
        except Exception as error:  # noqa: BLE001 - the next hour tries again
            logs.failure("tidying failed", error)
        await asyncio.sleep(_TIDY_S)
