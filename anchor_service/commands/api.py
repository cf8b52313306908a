"""`api`: the HTTP API as a process of its own, as many as wanted on one PostgreSQL."""

from __future__ import annotations

import gc
import signal
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from anchor_service.api import logs
from anchor_service.api.app import create_app
from anchor_service.api.gauges import ServiceGauges
from anchor_service.api.judging import WorkspaceJudge
from anchor_service.api.services import IssuerFacts, Services
from anchor_service.api.settings import ApiSettings
from anchor_service.commands.output import load_workspace
from anchor_service.issuing.credential_key import open_issuing
from anchor_service.issuing.signing_desk import SigningDesk
from anchor_service.operating.bundle_desk import BundleDesk
from anchor_service.operating.opening import open_database
from anchor_service.operating.overview import overview
from anchor_service.webhooks.posting import deliverer_of, delivering

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from types import FrameType

    import uvicorn
    from fastapi import FastAPI
    from sqlalchemy import Connection

    from anchor_service.operating.overview import Overview
    from anchor_service.store.database import Database
    from registry.workspaces.workspace import Workspace

_COLLECT_AFTER = 50_000
# Requests under way when the process is told to end get so long to finish.
_GRACE_S = 20


def run(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    logs.set_up()
    with ExitStack() as stack:
        database = stack.enter_context(open_database(workspace))
        app = stack.enter_context(open_app(workspace, database))
        stack.enter_context(delivering(deliverer_of(workspace, database)))
        set_up_process()
        server(app, settings_of(workspace, args)).run()
    return 0


def set_up_process() -> None:
    """Once all is loaded, before the first request.

    What was loaded stays: the collector need not walk it again and again. Documents are large
    trees without cycles, and die by count; so it looks less often, too. And the signals that end
    the server must not end the process before it has put everything away: uvicorn raises them
    again when it is done.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _let_pass)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)


def _let_pass(_signal: int, _frame: FrameType | None) -> None:
    return


def settings_of(workspace: Workspace, args: argparse.Namespace) -> ApiSettings:
    from dataclasses import replace

    settings = ApiSettings.of(workspace)
    return replace(settings, host=args.host or settings.host, port=args.port or settings.port)


@contextmanager
def open_app(workspace: Workspace, database: Database) -> Iterator[FastAPI]:
    """The application on a workspace, with the desks that it asks; closed in the end."""
    desk = SigningDesk({one: partial(open_issuing, workspace.of(one)) for one in workspace.handles})
    judge = WorkspaceJudge(workspace, time.time)
    glance = partial(_glance, workspace)
    services = Services(
        database=database,
        issuers={one: _facts(workspace.of(one)) for one in workspace.handles},
        clock=time.time,
        monotonic=time.monotonic,
        signing=desk,
        judge=judge,
        prove=BundleDesk(workspace),
        glance=glance,
        collectors=(ServiceGauges(database, glance, time.time),),
        settings=ApiSettings.of(workspace),
    )
    try:
        yield create_app(services)
    finally:
        desk.close()
        judge.close()


def server(app: FastAPI, settings: ApiSettings) -> uvicorn.Server:
    import uvicorn

    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    return uvicorn.Server(config)


def _glance(workspace: Workspace, connection: Connection, now: int) -> Overview:
    return overview(connection, workspace, now)


def _facts(workspace: Workspace) -> IssuerFacts:
    chain, issuer = workspace.chain, workspace.issuer
    return IssuerFacts(
        handle=workspace.handle,
        name=issuer.name,
        did=issuer.did,
        url=issuer.url,
        chain=str(chain.id),
        registry=chain.registry.to_hex() if chain.registry else None,
        issuer_id=issuer.id.to_hex() if issuer.id else None,
    )
