"""`issue` and `import`: what goes into the open batch. All of it or nothing."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from anchor_service.commands.output import answer, load_workspace, say, warn
from anchor_service.errors import ImportRefused, RosterRefused
from anchor_service.issuing import issuer, new_credentials
from anchor_service.issuing.achievement import Achievement
from anchor_service.issuing.column_map import ColumnMap
from anchor_service.issuing.credential_key import open_issuing
from anchor_service.issuing.ready_made import ReadyMade, estimate, read_files
from anchor_service.issuing.roster import read_roster
from anchor_service.operating import preview
from anchor_service.operating.opening import open_database
from anchor_service.store import store
from anchor_service.store.store import NewCredential
from registry.plurals import count
from registry.progress import Progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from anchor_service.issuing.roster import Roster
    from anchor_service.operating.preview import Cost
    from registry.formats.strict_json import JsonObject
    from registry.workspaces.workspace import Workspace

# More than these are counted, not listed, for people; programs get them all.
_SHOWN = 20


def issue(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    achievement = Achievement.parse(args.achievement.read_bytes())
    roster = issuer.fit(read_roster(args.roster.read_bytes(), _columns(args)), achievement)
    for fault in roster.faults:
        warn(f"{args.roster}: {fault}")
    if roster.faults and not (args.skip_bad_rows and roster.rows):
        raise RosterRefused(roster.faults)
    issued: list[store.Added] = []
    if not args.dry_run:
        issued = _issue(workspace, achievement, roster, quiet=args.json)
    cost, samples = _foretell(workspace, achievement, roster) if args.dry_run else (None, [])
    done = "would be issued" if args.dry_run else "issued and signed; `anchor` is next"
    say(args, f"{count(len(roster.rows), 'credential')} {done}")
    if roster.faults:
        say(args, f"{count(len({one.line for one in roster.faults}), 'row')} left out")
    if roster.passed_over:
        say(args, f"{count(roster.passed_over, 'row')} passed over, as the map says")
    for sample in samples:
        say(args, f"  {sample}")
    if cost is not None:
        say(args, f"anchoring them costs {cost}")
    answer(
        args,
        {
            "credentials": [
                {"id": one.credential_id, "line": row.line, "state": "OPEN"}
                for one, row in zip(issued, roster.rows, strict=False)
            ],
            "rows": len(roster.rows),
            "passedOver": roster.passed_over,
            "samples": [*samples],
            "cost": cost.to_json() if cost else None,
            "faults": [
                {"line": one.line, "column": one.column, "reason": one.reason}
                for one in roster.faults
            ],
        },
    )
    return 0


def _foretell(
    workspace: Workspace, achievement: Achievement, roster: Roster
) -> tuple[Cost, list[str]]:
    """What anchoring a batch costs now, and some of the credentials in plain words."""
    samples = preview.of_rows(workspace, achievement, roster.rows, datetime.now(UTC))
    return preview.anchor_cost(workspace), samples


def _columns(args: argparse.Namespace) -> ColumnMap:
    if args.map_file is None:
        return ColumnMap.of(dict(args.map))
    if args.map:
        args.usage_error("either --map or --map-file")
    return ColumnMap.parse(args.map_file.read_text("utf-8"))


def import_(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    refused: list[ImportRefused] = []
    listed: list[JsonObject] = []

    def sound(progress: Progress) -> Iterator[NewCredential]:
        for one in read_files(args.files, strict=args.strict):
            progress.advance()
            if isinstance(one, ImportRefused):
                refused.append(one)
                if len(refused) <= _SHOWN:
                    warn(str(one))
            else:
                listed.append(_described(one))
                if not refused:
                    yield _new(one)

    total = None if args.json else estimate(args.files)
    with (
        open_database(workspace) as database,
        Progress("import", total, "credentials", quiet=args.json) as progress,
        database.write() as connection,
    ):
        taken = store.add_credentials(
            connection, workspace.handle, sound(progress), int(time.time())
        )
        for number, added in enumerate(taken):
            listed[number]["present"] = added.present
        if refused:
            # Out of the transaction by an error: nothing of it stays.
            raise _all_refused(refused)
    _report_import(args, listed)
    return 0


def _issue(
    workspace: Workspace, achievement: Achievement, roster: Roster, *, quiet: bool
) -> list[store.Added]:
    held = open_issuing(workspace)
    now = datetime.now(UTC)
    signed = (new_credentials.issue(held, achievement, row, now) for row in roster.rows)
    with (
        open_database(workspace) as database,
        Progress("issue", len(roster.rows), "credentials", quiet=quiet) as progress,
        database.write() as connection,
    ):
        added = []
        for one in store.add_credentials(connection, workspace.handle, signed, int(time.time())):
            added.append(one)
            progress.advance()
        return added


def _all_refused(refused: list[ImportRefused]) -> ImportRefused:
    first = refused[0]
    more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
    return ImportRefused(first.file, first.line, f"{first.reason}{more}; nothing was imported")


def _new(one: ReadyMade) -> NewCredential:
    credential = one.credential
    return NewCredential(credential.id, credential.name, credential.digest, one.raw)


def _described(one: ReadyMade) -> JsonObject:
    faults = one.schema_faults
    return {
        "id": one.credential.id,
        "digest": one.credential.digest.to_hex(),
        "file": one.file,
        "line": one.line,
        "schemaFaults": None
        if faults is None
        else [{"place": place, "reason": reason} for place, reason in faults],
    }


def _report_import(args: argparse.Namespace, listed: list[JsonObject]) -> None:
    faulty = [one for one in listed if one["schemaFaults"]]
    unknown = sum(one["schemaFaults"] is None for one in listed)
    present = sum(one["present"] is True for one in listed)
    for one in faulty[:_SHOWN] if not args.json else ():
        assert isinstance(one["schemaFaults"], list)
        line = f":{one['line']}" if one["line"] else ""
        fault = one["schemaFaults"][0]
        assert isinstance(fault, dict)
        warn(f"{one['file']}{line}: schema: {fault['place'] or '/'}: {fault['reason']}")
    if faulty:
        say(args, f"{count(len(faulty), 'credential')} with schema faults, taken all the same")
    if unknown:
        say(args, f"{count(unknown, 'credential')} of a type whose official schema is not known")
    if present:
        say(args, f"{count(present, 'credential')} here already, not taken again")
    say(args, f"{count(len(listed) - present, 'credential')} imported; `anchor` is next")
    answer(args, {"credentials": [*listed], "imported": len(listed) - present, "present": present})
