"""`approve list` and `approve give`: what waits for two people."""

from __future__ import annotations

import getpass
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from anchor_service.commands.output import answer, load_workspace, say
from anchor_service.operating import preview
from anchor_service.operating.opening import open_database
from anchor_service.store import pending_approvals, store
from anchor_service.store.pending_approvals import BATCH, Pending
from registry.formats.strict_json import read_object
from registry.moments import stamp
from registry.plurals import count

if TYPE_CHECKING:
    import argparse

    from sqlalchemy import Connection

    from registry.formats.strict_json import JsonObject
    from registry.workspaces.workspace import Workspace


def list_(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    with open_database(workspace) as database, database.read() as connection:
        listed = _pending(connection, workspace)
        described = [_described(connection, one) for one in listed]
    for one in described:
        _tell(args, one)
    if not listed:
        say(args, "nothing waits for approval")
    answer(args, {"pending": [*described]})
    return 0


def give(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    with open_database(workspace) as database, database.write() as connection:
        after = pending_approvals.give(
            connection,
            workspace.handle,
            workspace.approval,
            args.id,
            args.name,
            _account(),
            int(time.time()),
        )
    if after.missing:
        say(args, f"{args.id}: approved by {args.name}; another person must, too")
    else:
        said = "sealed" if after.kind == BATCH else "sent"
        say(args, f"{args.id}: approved by two people; it is {said} with the next `anchor`")
    answer(args, {"id": after.id, "covers": "0x" + after.covers.hex(), "missing": after.missing})
    return 0


def _pending(connection: Connection, workspace: Workspace) -> list[Pending]:
    now = int(time.time())
    return pending_approvals.pending(connection, workspace.handle, workspace.approval, now)


def _described(connection: Connection, one: Pending) -> JsonObject:
    return {
        "id": one.id,
        "kind": one.kind,
        "batch": one.batch,
        "credentials": len(one.rows),
        "covers": "0x" + one.covers.hex(),
        "approvedBy": [*sorted(one.by)],
        "approvals": [
            {"name": name, "account": account, "at": stamp(datetime.fromtimestamp(at, UTC))}
            for name, account, at in pending_approvals.names_of(connection, one)
        ],
        "missing": one.missing,
        "samples": [*samples_of(connection, one.rows)],
    }


def samples_of(connection: Connection, rows: tuple[int, ...]) -> list[str]:
    """Some of these credentials in plain words."""
    shown = []
    for place in preview.pick(len(rows)):
        document = store.document_of(connection, rows[place])
        if document is not None:
            shown.append(preview.in_words(read_object(document)))
    return shown


def _tell(args: argparse.Namespace, one: JsonObject) -> None:
    held = count(int(str(one["credentials"])), "credential")
    what = "to be sealed" if one["kind"] == BATCH else "to be revoked"
    say(args, f"{one['id']}: {held} {what}")
    say(args, f"  covers {one['covers']}")
    names = one["approvedBy"]
    assert isinstance(names, list)
    by = ", ".join(map(str, names)) or "nobody yet"
    say(args, f"  approved by {by}; {one['missing']} more to come")
    samples = one["samples"]
    assert isinstance(samples, list)
    for sample in samples:
        say(args, f"  {sample}")


def _account() -> str:
    """The operating system's account, as a second mark of who it was."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
