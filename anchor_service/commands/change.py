"""`revoke`, `suspend`, `reinstate`: written down first, then brought to the chain."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from anchor_service import changes, store
from anchor_service.commands.anchor import bring, open_line
from anchor_service.commands.output import answer, count, load_workspace, say, warn
from anchor_service.errors import UnknownCredential
from anchor_service.lifecycle import ChangeState
from registry.events import StatusChange

if TYPE_CHECKING:
    import argparse

    from sqlalchemy import Connection

    from anchor_service.anchoring import Line
    from anchor_service.commands.served import Served
    from anchor_service.store import Stored

_PAST = {
    StatusChange.REVOKE: "revoked",
    StatusChange.SUSPEND: "suspended",
    StatusChange.REINSTATE: "reinstated",
}


def revoke(args: argparse.Namespace) -> int:
    return _run(args, StatusChange.REVOKE)


def suspend(args: argparse.Namespace) -> int:
    return _run(args, StatusChange.SUSPEND)


def reinstate(args: argparse.Namespace) -> int:
    return _run(args, StatusChange.REINSTATE)


def _run(args: argparse.Namespace, change: StatusChange) -> int:
    workspace = load_workspace(args)
    with open_line(workspace) as line:
        meant, wanted = _want(args, line, change)
        code = bring(args, line)
        with line.database.read() as connection:
            states = changes.states_of(connection, wanted)
            blocked = changes.blocked_of(connection, wanted)
    listed = list(zip(meant, (states[one] for one in wanted), strict=True))
    for one, (state, reason) in listed:
        if state is ChangeState.DROPPED:
            warn(f"{one.name}: not {_PAST[change]}: {reason}")
            code = 1
    for why in sorted(set(blocked.values())):
        warn(f"blocked by {why}")
        code = 1
    done = sum(state in (ChangeState.INCLUDED, ChangeState.FINAL) for _, (state, _) in listed)
    say(args, f"{count(done, 'credential')} {_PAST[change]}")
    waiting = sum(state in (ChangeState.WANTED, ChangeState.SENT) for _, (state, _) in listed)
    if waiting:
        say(args, f"{count(waiting, 'credential')} waiting; `anchor` goes on with them")
        code = code or 3
    answer(
        args,
        {
            "change": change.name.lower(),
            "credentials": [
                {"id": one.name, "state": state.value, "reason": reason or None}
                for one, (state, reason) in listed
            ],
        },
    )
    return code


def _want(
    args: argparse.Namespace, line: Line | Served, change: StatusChange
) -> tuple[list[Stored], list[int]]:
    """Nothing is written where one of the ids is not known. In the order given, each once."""
    with line.database.write() as connection:
        found = {one.row: one for one in _find_all(connection, line.handle, args.ids)}
        for one in found.values():
            if one.index is None:
                raise UnknownCredential(
                    f"{one.name}: not anchored yet, so there is no status to change; run `anchor`"
                )
        wanted = changes.want(connection, change, list(found), int(time.time()), urgent=True)
    return list(found.values()), wanted


def _find_all(connection: Connection, issuer: str, ids: list[str]) -> list[Stored]:
    return [store.find(connection, text, issuer) for text in ids]
