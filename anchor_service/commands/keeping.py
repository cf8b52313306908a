"""`backup`, `restore`, `erase`: the database as a whole, and what must leave it."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from anchor_service.commands.output import answer, load_workspace, say, warn
from anchor_service.errors import ErasureRefused
from anchor_service.intake import drop_folder
from anchor_service.operating.opening import open_database
from anchor_service.store import backup as backups
from anchor_service.store import erasure, store
from anchor_service.store.lifecycle import BatchState
from registry.moments import stamp
from registry.plurals import count
from registry.progress import Progress

if TYPE_CHECKING:
    import argparse

    from anchor_service.store.backup import Manifest
    from anchor_service.store.database import Database
    from anchor_service.store.store import Stored
    from registry.formats.strict_json import JsonObject
    from registry.workspaces.workspace import Workspace


def backup(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    with (
        open_database(workspace) as database,
        Progress("backup", backups.row_count(database), "rows", quiet=args.json) as progress,
    ):
        made = backups.back_up(database, args.file, int(time.time()), progress.advance)
    say(args, f"{count(made.rows, 'row')} of {count(len(made.tables), 'table')} in {args.file}")
    say(args, "It holds personal data and no keys: keep both safe, apart from each other.")
    answer(args, _described(str(args.file), made))
    return 0


def restore(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    made = backups.read_manifest(args.file)
    with (
        open_database(workspace) as database,
        Progress("restore", made.rows, "rows", quiet=args.json) as progress,
    ):
        backups.restore(database, args.file, progress.advance)
        notes = erasure.remembered(workspace.folder / erasure.FILE)
        with database.write() as connection:
            erased = erasure.repeat(connection, notes)
        if erased:
            database.scrub(erasure.TABLES)
    when = stamp(datetime.fromtimestamp(made.made, UTC))
    say(args, f"{count(made.rows, 'row')} restored, as of {when}")
    if erased:
        say(args, f"{count(erased, 'credential')} erased since then, erased again")
    say(args, "`anchor` asks the chain what has happened since and goes on from there.")
    answer(args, {**_described(str(args.file), made), "erasedAgain": erased})
    return 0


def erase(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    with open_database(workspace) as database:
        meant = _meant(args, workspace, database)
        if not args.yes:
            _confirm(args, meant)
        files = _erase(workspace, database, meant)
        removed = drop_folder.forget(workspace, files)
        scrubbed = database.scrub(erasure.TABLES)
    say(args, f"{count(len(meant), 'credential')} erased from the database")
    for path in removed:
        say(args, f"removed {path}: the file that it came in with")
    if not scrubbed:
        warn("another process reads the database; run `erase` again for its log to be emptied too")
    say(args, "Backups made before hold it still: let them expire. `restore` erases it again.")
    answer(
        args,
        {
            "erased": [{"id": one.name, "batch": one.batch} for one in meant],
            "removedFiles": [str(path) for path in removed],
            "logEmptied": scrubbed,
        },
    )
    return 0 if scrubbed else 3


def _meant(args: argparse.Namespace, workspace: Workspace, database: Database) -> list[Stored]:
    """In the order given, each once."""
    with database.read() as connection:
        found = (store.find(connection, text, workspace.handle) for text in args.ids)
        return list({one.row: one for one in found}.values())


def _confirm(args: argparse.Namespace, meant: list[Stored]) -> None:
    for one in meant:
        warn(f"{one.name}: {one.label or '(nothing said)'}, {one.batch_state}, batch {one.batch}")
        if one.batch_state is not BatchState.FINAL:
            warn("  not final yet: the learner can't be given it any more")
    if args.json or not sys.stdin.isatty():
        raise ErasureRefused("nothing was erased: this can't be undone; say it with --yes")
    warn("Document, name, place and salt go for good; the learner's own file verifies on.")
    if input("Erase? Type yes: ").strip() != "yes":
        raise ErasureRefused("nothing was erased")


def _erase(workspace: Workspace, database: Database, meant: list[Stored]) -> list[bytes]:
    """Digests of the drop folder's files that they may have come in with."""
    now = int(time.time())
    with database.write() as connection:
        notes = [erasure.note(connection, one.row, now) for one in meant]
        files = {digest for one in meant for digest in erasure.files_of(connection, one)}
        for one in meant:
            erasure.erase(connection, one)
        erasure.forget_empty_files(connection, workspace.handle, sorted(files))
        erasure.remember(workspace.folder / erasure.FILE, notes)
    return sorted(files)


def _described(file: str, made: Manifest) -> JsonObject:
    return {
        "file": file,
        "made": made.made,
        "source": made.source,
        "revision": made.revision,
        "tables": {
            name: {"rows": one.rows, "sha256": one.sha256} for name, one in made.tables.items()
        },
        "keysIncluded": False,
    }
