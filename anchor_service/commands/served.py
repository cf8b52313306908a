"""Where a worker runs, commands write down what is wanted, and watch it being done."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anchor_service.commands.output import say, warn
from anchor_service.store import account_store, batch_store, changes, gates
from anchor_service.store.lifecycle import BatchState, ChangeState
from registry.progress import Progress

if TYPE_CHECKING:
    import argparse

    from sqlalchemy import Connection

    from anchor_service.store.database import Database
    from registry.workspaces.workspace import Workspace

_PENDING_CODE = 3
_POLL_S = 0.5
_ON_THE_WAY = (BatchState.SEALED, BatchState.SIGNED, BatchState.SUBMITTED, BatchState.INCLUDED)


@dataclass(frozen=True, slots=True)
class Served:
    """An issuer whose account a running worker has."""

    database: Database
    workspace: Workspace

    @property
    def handle(self) -> str:
        return self.workspace.handle


def is_served(database: Database, handle: str) -> bool:
    with database.read() as connection:
        return account_store.is_served(connection, handle, int(time.time()))


def ask_seal(served: Served) -> None:
    """Have what is open sealed now."""
    with served.database.write() as connection:
        batch_store.ask_seal(connection, served.handle, int(time.time()))


def watch(args: argparse.Namespace, served: Served, wait_s: float) -> int:
    """Until the worker has brought all of it to finality; the exit code so far."""
    say(args, "a running worker goes on with it")
    if args.no_wait:
        return 0
    deadline = time.monotonic() + wait_s
    with Progress("waiting until it is final", None, "looks", quiet=args.json) as progress:
        while True:
            with served.database.read() as connection:
                left = _is_left(connection, served)
            if not left:
                return 0
            if time.monotonic() > deadline:
                return _PENDING_CODE
            if not is_served(served.database, served.handle):
                warn("credanchor: the worker has ended; run the command again to go on")
                return _PENDING_CODE
            progress.advance()
            time.sleep(_POLL_S)


def _is_left(connection: Connection, served: Served) -> bool:
    handle, approval = served.handle, served.workspace.approval
    if batch_store.sealed_batches(connection, *_ON_THE_WAY, issuer=handle):
        return True
    if any(
        one.closed is not None
        or (one.seal_asked is not None and gates.may_seal(connection, one.id, approval))
        for one in batch_store.waiting_batches(connection, handle)
    ):
        return True
    if any(
        changes.in_state(connection, state, handle)
        for state in (ChangeState.SENT, ChangeState.INCLUDED)
    ):
        return True
    wanted = changes.in_state(connection, ChangeState.WANTED, handle)
    sendable = gates.sendable(connection, wanted, handle, approval, int(time.time()))
    blocked = changes.blocked_of(connection, [one.id for one in sendable])
    return any(one.urgent and one.id not in blocked for one in sendable)
