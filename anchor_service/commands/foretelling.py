"""`anchor --dry-run`: what would be sealed and sent, and what it costs. Nothing is signed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import select

from anchor_service.commands.approve import samples_of
from anchor_service.commands.output import answer, say
from anchor_service.operating import preview
from anchor_service.operating.opening import open_database
from anchor_service.store import batch_store, changes, gates
from anchor_service.store.lifecycle import BatchState, ChangeState
from anchor_service.store.schema import credential
from registry.plurals import count

if TYPE_CHECKING:
    import argparse

    from sqlalchemy import Connection

    from registry.formats.strict_json import JsonObject
    from registry.workspaces.workspace import Workspace

_ON_THE_WAY = (BatchState.SEALED, BatchState.SIGNED, BatchState.SUBMITTED, BatchState.BLOCKED)


def run(args: argparse.Namespace, workspace: Workspace) -> int:
    now = int(time.time())
    with open_database(workspace) as database, database.read() as connection:
        numbers = batch_store.open_batches(connection, workspace.handle)
        listed = [_batch(connection, workspace, number) for number in numbers]
        left = batch_store.sealed_batches(connection, *_ON_THE_WAY, issuer=workspace.handle)
        wanted = changes.in_state(connection, ChangeState.WANTED, workspace.handle)
        sendable = gates.sendable(connection, wanted, workspace.handle, workspace.approval, now)
    ready = sum(one["approved"] is True for one in listed)
    anchors = ready + len(left)
    cost = preview.anchor_cost(workspace) if anchors else None
    for one in listed:
        _tell(args, one)
    if left:
        say(args, f"{count(len(left), 'batch')} sealed before would be sent")
    if wanted:
        waiting = len(wanted) - len(sendable)
        held = f", {waiting:,} of them waiting for people or for a replacement" if waiting else ""
        say(args, f"{count(len(wanted), 'status change')} outstanding{held}")
    if cost is not None:
        say(args, f"{count(anchors, 'anchor')}; each costs {cost}")
    if not listed and not left and not wanted:
        say(args, "nothing to anchor: no credential waits")
    answer(
        args,
        {
            "batches": [*listed],
            "sealedBefore": len(left),
            "changes": len(wanted),
            "changesSendable": len(sendable),
            "anchors": anchors,
            "cost": cost.to_json() if cost else None,
        },
    )
    return 0


def _batch(connection: Connection, workspace: Workspace, number: int) -> JsonObject:
    rows = tuple(
        connection.scalars(
            select(credential.c.id).where(credential.c.batch == number).order_by(credential.c.id)
        )
    )
    return {
        "batch": number,
        "credentials": len(rows),
        "approved": gates.may_seal(connection, number, workspace.approval),
        "samples": [*samples_of(connection, rows)],
    }


def _tell(args: argparse.Namespace, one: JsonObject) -> None:
    held = count(int(str(one["credentials"])), "credential")
    state = "would be sealed" if one["approved"] else "waiting for two people: `approve list`"
    say(args, f"batch {one['batch']}: {held}, {state}")
    samples = one["samples"]
    assert isinstance(samples, list)
    for sample in samples:
        say(args, f"  {sample}")
