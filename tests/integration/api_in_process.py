"""The application on a real server in a thread of the test's process, without a chain."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn
from api_process import CHAIN, ISSUER_ID, PLAIN, REGISTRY
from databases import new_sqlite

from anchor_service.api.app import create_app
from anchor_service.api.limits import Rate
from anchor_service.api.services import IssuerFacts, Services
from anchor_service.api.settings import ApiSettings
from anchor_service.operating.overview import overview

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI
    from sqlalchemy import Connection

    from anchor_service.api.services import Glance
    from anchor_service.operating.overview import Overview
    from anchor_service.store.database import Database
    from registry.workspaces.workspace import Workspace

# For tests of anything else than the limits.
UNLIMITED = ApiSettings(key_rate=Rate(1e6, 1e6), address_rate=Rate(1e6, 1e6))


def facts(handle: str) -> IssuerFacts:
    return IssuerFacts(
        handle, handle.title(), None, None, str(CHAIN), REGISTRY.to_hex(), ISSUER_ID.to_hex()
    )


def glance_of(workspace: Workspace) -> Glance:
    def glance(connection: Connection, now: int) -> Overview:
        return overview(connection, workspace, now)

    return glance


def new_app(database: Database, **options: Any) -> FastAPI:
    given: dict[str, Any] = {
        "database": database,
        "issuers": {one: facts(one) for one in ("main", "law")},
        "clock": time.time,
        "monotonic": time.monotonic,
    }
    return create_app(Services(**(given | options)))


@contextmanager
def open_url(app: FastAPI) -> Iterator[str]:
    """Where the application answers."""
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, server_header=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)


@contextmanager
def open_client(database: Database, **options: Any) -> Iterator[httpx.Client]:
    with (
        open_url(new_app(database, **options)) as url,
        httpx.Client(base_url=url, timeout=30, verify=PLAIN) as client,
    ):
        yield client


@contextmanager
def sqlite(folder: Path) -> Iterator[Database]:
    database = new_sqlite(folder / "api.db")
    yield database
    database.close()
