"""What `doctor` asks of this machine: keys, database, schedule, folders, settings."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text

from anchor_service.engine.schedule import Schedule
from anchor_service.errors import ServiceError
from anchor_service.intake import drop_folder
from anchor_service.issuing.credential_key import open_issuing
from anchor_service.operating.doctor import (
    Check,
    fine,
    judge_approval,
    judge_disk,
    judge_mode,
    worry,
    wrong,
)
from anchor_service.store.database import Database
from anchor_service.store.lifecycle import BatchState
from anchor_service.store.schema import HEAD, batch, credential
from anchor_service.webhooks.settings import read_endpoints
from registry.errors import WorkspaceError
from registry.plurals import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from registry.workspaces.workspace import Workspace

_LATE_S = 2 * 86400


def look(workspace: Workspace, now: int) -> list[Check]:
    """Everything that needs no chain, for the workspace's issuer."""
    return [
        *_files(workspace),
        _credential_key(workspace),
        *_database(workspace, now),
        judge_approval(workspace.approval),
        *_inbox(workspace),
        _webhooks(workspace),
    ]


def _files(workspace: Workspace) -> list[Check]:
    account = workspace.account
    held = (account.keystore, account.password_file, workspace.issuer.key)
    return [
        judge_mode("key files", path.name, stat.S_IMODE(path.stat().st_mode))
        for path in held
        if path is not None and path.exists()
    ]


def _credential_key(workspace: Workspace) -> Check:
    try:
        held = open_issuing(workspace)
    except (ServiceError, WorkspaceError) as error:
        return wrong("issuer key", str(error), "put the key and its password in place")
    return fine("issuer key", f"opens, {held.key.did}")


def _database(workspace: Workspace, now: int) -> list[Check]:
    try:
        with _opened(workspace) as database:
            if database.file is not None and not database.file.exists():
                return [fine("database", "none yet; the first command makes it")]
        with _opened(workspace) as database, database.read() as connection:
            return [*_tables(connection), *_disk(database), *_schedule(connection, workspace, now)]
    except ServiceError as error:
        return [wrong("database", str(error), "see [database] url; is the server up?")]


@contextmanager
def _opened(workspace: Workspace) -> Iterator[Database]:
    """Not brought up to date: `doctor` changes nothing."""
    database = Database(workspace.database_url)
    try:
        yield database
    finally:
        database.close()


def _tables(connection: Connection) -> list[Check]:
    revision = Database.revision(connection)
    if revision is None:
        return [fine("database", "empty; the first command makes its tables")]
    if revision != HEAD:
        return [
            worry(
                "database",
                f"tables of version {revision}, this program's are {HEAD}",
                "back up; the next command brings them up to date",
            )
        ]
    if connection.dialect.name == "postgresql":
        return [fine("database", f"PostgreSQL answers, tables of version {HEAD}")]
    damage = [row[0] for row in connection.execute(text("PRAGMA quick_check(3)"))]
    if damage != ["ok"]:
        return [wrong("database", f"damaged: {damage[0]}", "restore a backup into a fresh one")]
    return [fine("database", f"sound, tables of version {HEAD}")]


def _disk(database: Database) -> list[Check]:
    file = database.file
    if file is None or not file.exists():
        return []
    used = sum(one.stat().st_size for one in file.parent.glob(f"{file.name}*"))
    return [judge_disk(shutil.disk_usage(file.parent).free, used)]


def _schedule(connection: Connection, workspace: Workspace, now: int) -> list[Check]:
    try:
        schedule = Schedule.of(workspace.schedule)
    except WorkspaceError as error:
        return [wrong("schedule", str(error), "correct [schedule]")]
    zone = workspace.schedule.zone
    upcoming = schedule.next_seal(now)
    said = "never by the clock" if upcoming is None else f"next at {_local(upcoming, zone)}"
    if Database.revision(connection) != HEAD:
        return [fine("schedule", said)]
    last = connection.scalar(
        select(func.max(batch.c.sealed)).where(batch.c.issuer == workspace.handle)
    )
    said += f"; last batch sealed {_local(last, zone)}" if last else "; no batch sealed yet"
    oldest = connection.scalar(
        select(func.min(credential.c.created))
        .join(batch, batch.c.id == credential.c.batch)
        .where(batch.c.issuer == workspace.handle, batch.c.state == BatchState.OPEN)
    )
    if upcoming is not None and oldest is not None and now - oldest > _LATE_S:
        days = (now - oldest) // 86400
        return [
            worry(
                "schedule",
                f"{said}; credentials have waited for {count(days, 'day')}",
                "is a worker running? See `credanchor status` and `credanchor approve list`",
            )
        ]
    return [fine("schedule", said)]


def _inbox(workspace: Workspace) -> list[Check]:
    folder = drop_folder.folder_of(workspace) / drop_folder.INBOX
    if not folder.is_dir():
        return [fine("inbox", "there is none")]
    checks = []
    for one in sorted(path for path in folder.iterdir() if path.is_dir()):
        name = f"inbox/{one.name}"
        if not os.access(one, os.W_OK | os.X_OK):
            checks.append(
                wrong("inbox", f"{name} can't be written: files can't be put away", f"chmod {one}")
            )
        elif one.stat().st_mode & stat.S_IWOTH:
            checks.append(worry("inbox", f"{name} can be written by everybody", f"chmod o-w {one}"))
        elif not drop_folder.achievement_file(workspace, one.name).exists():
            checks.append(
                worry(
                    "inbox",
                    f"{name} has no achievement: rosters in it wait",
                    f"write {drop_folder.achievement_file(workspace, one.name)}",
                )
            )
        else:
            checks.append(fine("inbox", f"{name} is ready"))
    return checks or [fine("inbox", "empty")]


def _webhooks(workspace: Workspace) -> Check:
    try:
        endpoints = read_endpoints(workspace)
    except WorkspaceError as error:
        return wrong("webhooks", str(error), "correct [[webhooks]]")
    if not endpoints:
        return fine("webhooks", "none: nobody is told when a batch needs a person")
    return fine("webhooks", ", ".join(one.name for one in endpoints))


def _local(seconds: int, zone: str) -> str:
    there = datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(zone))
    return there.strftime("%Y-%m-%d %H:%M %Z")
