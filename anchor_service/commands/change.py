"""`revoke`, `suspend`, `reinstate`: written down first, then brought to the chain."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from anchor_service.commands.anchor import bring, open_line
from anchor_service.commands.output import answer, load_workspace, say, warn
from anchor_service.errors import UnknownCredential
from anchor_service.store import approvals, changes, store
from anchor_service.store.lifecycle import ChangeState
from anchor_service.store.reason_codes import ReasonCode
from registry.errors import MalformedValue
from registry.formats.events import StatusChange
from registry.plurals import count

if TYPE_CHECKING:
    import argparse

    from sqlalchemy import Connection

    from anchor_service.commands.served import Served
    from anchor_service.engine.anchoring import Line
    from anchor_service.store.store import Stored
    from registry.workspaces.workspace import Workspace

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
            held = _held(connection, workspace, wanted)
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
    if held:
        say(args, f"{count(held, 'credential')} waiting for two people: `approve list`")
    if waiting > held:
        say(args, f"{count(waiting - held, 'credential')} waiting; `anchor` goes on with them")
    if waiting:
        code = code or 3
    answer(
        args,
        {
            "change": change.name.lower(),
            "waitingForApproval": held,
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
    reason = _reason(args.reason)
    with line.database.write() as connection:
        found = {one.row: one for one in _find_all(connection, line.handle, args.ids)}
        for one in found.values():
            if one.index is None:
                raise UnknownCredential(
                    f"{one.name}: not anchored yet, so there is no status to change; run `anchor`"
                )
        wanted = changes.want(
            connection,
            change,
            list(found),
            int(time.time()),
            urgent=True,
            reason_code=reason,
            note=args.note,
            asked_by=args.name,
        )
    return list(found.values()), wanted


def _find_all(connection: Connection, issuer: str, ids: list[str]) -> list[Stored]:
    return [store.find(connection, text, issuer) for text in ids]


def _held(connection: Connection, workspace: Workspace, wanted: list[int]) -> int:
    """How many of these changes wait for people."""
    waiting = approvals.held_revocations(
        connection, workspace.handle, workspace.approval, int(time.time())
    )
    return len({one.id for one in waiting} & set(wanted))


def _reason(text: str | None) -> ReasonCode | None:
    try:
        return None if text is None else ReasonCode(text)
    except ValueError:
        raise MalformedValue("--reason", f"{text!r} is none of {', '.join(ReasonCode)}") from None
