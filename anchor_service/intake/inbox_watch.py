"""The drop folders of every issuer, looked into for as long as a worker runs."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from anchor_service.errors import ServiceError
from anchor_service.intake import inbox
from registry.errors import WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anchor_service.store.database import Database
    from registry.workspaces.workspace import Workspace

EVERY_S = 15.0
_LOGGER = logging.getLogger("credanchor")


@contextmanager
def taking_in(workspace: Workspace, database: Database, every_s: float = EVERY_S) -> Iterator[None]:
    """Take in what is dropped, in a thread, while the block lasts."""
    ended = threading.Event()
    thread = threading.Thread(target=_run, args=(workspace, database, ended, every_s), name="inbox")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _run(workspace: Workspace, database: Database, ended: threading.Event, every_s: float) -> None:
    told: dict[str, object] = {}
    while not ended.is_set():
        for handle in workspace.handles:
            said = _take(workspace.of(handle), database)
            # What lies there unchanged is told of once, not four times a minute.
            if said and told.get(handle) != said:
                _LOGGER.info("inbox", extra={"fields": {"issuer": handle, **said}})
            told[handle] = said
        ended.wait(every_s)


def _take(workspace: Workspace, database: Database) -> dict[str, object]:
    """Counts by outcome, for the log: no file's name, which may be a person's."""
    try:
        taken = inbox.take(workspace, database)
    except (ServiceError, WorkspaceError, OSError) as error:
        # A key that does not open, a database that is away: the next look tries again.
        return {"trouble": type(error).__name__}
    return dict(Counter(one.outcome.value for one in taken))
