"""`serve`: the HTTP API and the worker in one process, which ends as one."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Event, Thread
from typing import TYPE_CHECKING

from anchor_service.api import logs
from anchor_service.commands.api import open_app, server, set_up_process, settings_of
from anchor_service.commands.output import load_workspace
from anchor_service.engine import worker
from anchor_service.intake.inbox_watch import taking_in
from anchor_service.operating.opening import open_database
from anchor_service.webhooks.posting import deliverer_of, delivering

if TYPE_CHECKING:
    import argparse

    import uvicorn

    from registry.workspaces.workspace import Workspace


def run(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    logs.set_up()
    with ExitStack() as stack:
        database = stack.enter_context(open_database(workspace))
        app = stack.enter_context(open_app(workspace, database))
        stack.enter_context(delivering(deliverer_of(workspace, database)))
        stack.enter_context(taking_in(workspace, database))
        set_up_process()
        api = server(app, settings_of(workspace, args))
        work = _Work(workspace, api)
        work.start()
        try:
            # Until a signal, or until the worker has ended: whoever supervises starts it anew.
            api.run()
        finally:
            work.end()
    if work.failure is not None:
        raise work.failure
    return 0


class _Work(Thread):
    """The worker beside the API. failure: what ended it, if it was not told to end."""

    def __init__(self, workspace: Workspace, api: uvicorn.Server) -> None:
        super().__init__(name="worker")
        self._workspace = workspace
        self._api = api
        self._stop_event = Event()
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            worker.run(self._workspace, self._stop_event)
        except Exception as error:  # noqa: BLE001 - the main thread raises it
            self.failure = error
            logs.failure("worker ended", error)
        finally:
            self._api.should_exit = True

    def end(self) -> None:
        """Tell it to leave everything as the next worker wants it, and wait until it has."""
        self._stop_event.set()
        self.join()
