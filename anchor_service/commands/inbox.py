"""`inbox`: what people dropped, taken in once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from anchor_service.commands.output import answer, load_workspace, say, warn
from anchor_service.intake import inbox
from anchor_service.intake.inbox import Outcome, Taken
from anchor_service.operating import preview
from anchor_service.operating.opening import open_database
from registry.plurals import count

if TYPE_CHECKING:
    import argparse

    from registry.formats.strict_json import JsonObject
    from registry.workspaces.workspace import Workspace

# More than these are in the file of faults, for people; programs get them all.
_SHOWN = 20


def run(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    with open_database(workspace) as database:
        taken = inbox.take(workspace, database, settle_s=args.settle, dry_run=args.dry_run)
    for one in taken:
        _tell(args, one)
    would = [one for one in taken if one.outcome is Outcome.WOULD_TAKE]
    samples = [sample for one in would for sample in _samples(workspace, one)]
    cost = preview.anchor_cost(workspace) if would else None
    for sample in samples:
        say(args, f"  {sample}")
    if cost is not None:
        say(args, f"anchoring them costs {cost}")
    if not taken:
        say(args, "nothing in the inbox")
    answer(
        args,
        {
            "files": [_described(one) for one in taken],
            "samples": [*samples],
            "cost": cost.to_json() if cost else None,
        },
    )
    outcomes = {one.outcome for one in taken}
    return 1 if Outcome.REJECTED in outcomes else 3 if Outcome.LEFT in outcomes else 0


def _tell(args: argparse.Namespace, one: Taken) -> None:
    file = f"{one.achievement}/{one.name}"
    passed = f", {count(one.passed_over, 'row')} passed over" if one.passed_over else ""
    said = {
        Outcome.TAKEN: f"{count(one.credentials, 'credential')} taken in{passed}",
        Outcome.WOULD_TAKE: f"{count(one.credentials, 'credential')} would be taken in{passed}",
        Outcome.KNOWN: "taken in before, put away",
        Outcome.REJECTED: f"rejected for {count(len(one.faults), 'fault')}; nothing was taken in",
        Outcome.LEFT: f"left: {one.reason}",
    }
    say(args, f"{file}: {said[one.outcome]}")
    for fault in one.faults[:_SHOWN]:
        warn(f"{file}: {fault}")


def _samples(workspace: Workspace, one: Taken) -> list[str]:
    if one.content is None or one.content.achievement is None:
        return []
    content = one.content
    assert content.achievement is not None
    return preview.of_rows(workspace, content.achievement, content.rows, datetime.now(UTC))


def _described(one: Taken) -> JsonObject:
    return {
        "achievement": one.achievement,
        "file": one.name,
        "outcome": one.outcome.value,
        "place": str(one.place),
        "credentials": one.credentials,
        "passedOver": one.passed_over,
        "reason": one.reason or None,
        "faults": [
            {"line": fault.line, "column": fault.column, "reason": fault.reason}
            for fault in one.faults
        ],
    }
