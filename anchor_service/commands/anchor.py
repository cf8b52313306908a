"""`anchor`: everything outstanding to the chain; and what came of it, for other commands too."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from anchor_service.commands import served
from anchor_service.commands.output import answer, load_workspace, say, warn
from anchor_service.commands.served import Served
from anchor_service.engine import anchoring, watching
from anchor_service.engine.anchoring import Line
from anchor_service.errors import StillPending
from anchor_service.operating.opening import issuer_of, open_database, open_desk, registry_of
from anchor_service.store import batch_store, inclusions
from anchor_service.store.lifecycle import BatchState
from registry.plurals import count
from registry.progress import Progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from anchor_service.store.database import Database
    from anchor_service.store.lifecycle import Moment
    from registry.formats.strict_json import JsonObject
    from registry.workspaces.workspace import Workspace

# A public chain takes up to a quarter of an hour; twice that is a sign of trouble.
_FINALITY_WAIT_S = 1800.0
_PENDING_CODE = 3


@contextmanager
def open_line(workspace: Workspace) -> Iterator[Line | Served]:
    """The line of the workspace's issuer; or that a running worker has it."""
    registry, issuer_id = registry_of(workspace), issuer_of(workspace)
    with open_database(workspace) as database:
        if served.is_served(database, workspace.handle):
            yield Served(database, workspace)
            return
    with open_desk(workspace, _unwatched) as desk:
        yield Line(
            desk,
            registry,
            issuer_id,
            _unwatched,
            workspace.approval,
            workspace.handle,
            finality_depth=workspace.chain.confirmations,
        )


def run(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    if args.dry_run:
        from anchor_service.commands import foretelling

        return foretelling.run(args, workspace)
    with open_line(workspace) as line:
        with line.database.read() as connection:
            sealed = batch_store.sealed_batches(connection, issuer=line.handle)
        before = {one.id: one.state for one in sealed}
        if isinstance(line, Served):
            served.ask_seal(line)
        else:
            anchoring.seal_open(line)
        code = bring(args, line)
        touched = {number for number, state in before.items() if state is not BatchState.FINAL}
        listed = batches(line.database, line.handle, skip=set(before) - touched)
    if not listed:
        say(args, "nothing to anchor: no credential waits")
    for one in listed:
        say(args, _sentence(one))
        if one["state"] == BatchState.BLOCKED:
            code = 1
    answer(args, {"batches": [*listed]})
    return code


def bring(args: argparse.Namespace, line: Line | Served) -> int:
    """Submit and wait for finality; the exit code so far."""
    if isinstance(line, Served):
        return served.watch(args, line, _FINALITY_WAIT_S)
    try:
        anchoring.submit(line)
        if args.no_wait:
            watching.settle(line, 0)
            return 0
        with Progress("waiting until it is final", None, "looks", quiet=args.json):
            final = watching.settle(line, _FINALITY_WAIT_S)
    except StillPending as error:
        warn(f"credanchor: {error}")
        return _PENDING_CODE
    return 0 if final else _PENDING_CODE


def batches(database: Database, issuer: str, skip: set[int]) -> list[JsonObject]:
    """Sealed batches as programs get them."""
    with database.read() as connection:
        numbers = batch_store.counts(connection, issuer)
        return [
            {
                "batch": one.id,
                "state": one.state.value,
                "reason": one.reason,
                "credentials": numbers.get(one.id, 0),
                "size": one.size,
                "root": one.root.to_hex(),
                **_place(inclusions.get_inclusion(connection, batch_id=one.id)),
            }
            for one in batch_store.sealed_batches(connection, issuer=issuer)
            if one.id not in skip
        ]


def _place(found: inclusions.Inclusion | None) -> JsonObject:
    if found is None:
        return {"transaction": None, "block": None, "anchoredAt": None}
    return {
        "transaction": found.tx_hash.to_hex(),
        "block": found.block_number,
        "anchoredAt": found.block_time,
    }


def _sentence(one: JsonObject) -> str:
    held = count(int(str(one["credentials"])), "credential")
    leaves = count(int(str(one["size"])), "leaf")
    head = f"batch {one['batch']}: {held} among {leaves}, root {one['root']}"
    if one["state"] == BatchState.BLOCKED:
        return f"{head}\n  BLOCKED: {one['reason']}"
    if one["block"] is None:
        return f"{head}\n  {one['state']}"
    return f"{head}\n  {one['state']} in block {one['block']}, transaction {one['transaction']}"


def _unwatched(_: Moment) -> None:
    pass
