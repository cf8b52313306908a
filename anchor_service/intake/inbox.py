"""Takes the drop folder's files in, each of them once, whole or not at all.

A file is known by the digest of its bytes, written in the transaction of its credentials: killed
at any point, the next run either finds nothing of it in the database and takes it in, or finds it
known and only moves it away. A file with faults is rejected whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from anchor_service.errors import DatabaseError, FileLeft
from anchor_service.intake import drop_folder, inbox_content
from anchor_service.issuing import new_credentials
from anchor_service.issuing.credential_key import Issuing, open_issuing
from anchor_service.store import store
from anchor_service.store.database import insert_one
from anchor_service.store.schema import inbox_file
from anchor_service.store.store import NewCredential

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from anchor_service.intake.drop_folder import Dropped
    from anchor_service.intake.inbox_content import Content
    from anchor_service.issuing.roster import RosterFault
    from anchor_service.store.database import Database
    from registry.workspaces.workspace import Workspace


class Outcome(StrEnum):
    TAKEN = "taken"
    KNOWN = "known"
    REJECTED = "rejected"
    LEFT = "left"
    WOULD_TAKE = "would take"


class Step(StrEnum):
    """Told to whoever watches, just after each."""

    READ = "read"
    ADDED = "added"
    COMMITTED = "committed"
    FAULTS_WRITTEN = "faults written"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one file. place: where it is now; reason: why it was left.

    credentials: how many came in, or would; content: of a file that would be taken in.
    """

    achievement: str
    name: str
    outcome: Outcome
    place: Path
    credentials: int = 0
    passed_over: int = 0
    faults: tuple[RosterFault, ...] = ()
    reason: str = ""
    content: Content | None = field(default=None, repr=False)


Watch = Callable[[Step], None]


def unwatched(_: Step) -> None:
    pass


def take(
    workspace: Workspace,
    database: Database,
    *,
    settle_s: float = drop_folder.SETTLE_S,
    dry_run: bool = False,
    watch: Watch = unwatched,
) -> list[Taken]:
    """Take in all that lies in the inbox of the workspace's issuer, file by file.

    dry_run: read and judge, and neither write nor move. Raises DatabaseError, IssuerKeyError; what
    is the matter with one file or one achievement holds up no other.
    """
    intake = _Intake(workspace, database, dry_run, watch)
    return [
        intake.take(achievement, path, settle_s)
        for achievement, path in drop_folder.files(workspace)
    ]


@dataclass(slots=True)
class _Intake:
    workspace: Workspace
    database: Database
    dry_run: bool
    watch: Watch
    held: Issuing | None = None

    def take(self, achievement: str, path: Path, settle_s: float) -> Taken:
        left = partial(Taken, achievement, path.name, Outcome.LEFT, path)
        try:
            if not drop_folder.is_settled(path, time.time(), settle_s):
                return left(reason="somebody may still be writing it; the next run takes it")
            return self._take(drop_folder.look(achievement, path))
        except FileNotFoundError:
            return left(reason="gone before it was read")
        except OSError as error:
            return left(reason=f"cannot be read or moved: {error.strerror}")
        except FileLeft as error:
            return left(reason=str(error))

    def _take(self, dropped: Dropped) -> Taken:
        if self._is_known(dropped):
            return self._end(dropped, Outcome.KNOWN)
        content = inbox_content.read(self.workspace, dropped)
        self.watch(Step.READ)
        if content.faults:
            return self._reject(dropped, content)
        if self.dry_run:
            return Taken(
                dropped.achievement,
                dropped.path.name,
                Outcome.WOULD_TAKE,
                dropped.path,
                content.credentials,
                content.passed_over,
                content=content,
            )
        try:
            added = self._add(dropped, content)
        except DatabaseError as error:
            if not isinstance(error.__cause__, IntegrityError):
                raise
            # Another process took the same content in between.
            return self._end(dropped, Outcome.KNOWN)
        self.watch(Step.COMMITTED)
        return self._end(dropped, Outcome.TAKEN, added, content.passed_over)

    def _is_known(self, dropped: Dropped) -> bool:
        query = select(inbox_file.c.id).where(
            inbox_file.c.issuer == self.workspace.handle,
            inbox_file.c.achievement == dropped.achievement,
            inbox_file.c.digest == dropped.digest,
        )
        with self.database.read() as connection:
            return connection.scalar(query) is not None

    def _add(self, dropped: Dropped, content: Content) -> int:
        """Credentials and the file's record in one transaction; how many are new."""
        now = datetime.now(UTC)
        seconds = int(now.timestamp())
        if content.rows and self.held is None:
            self.held = open_issuing(self.workspace)
        with self.database.write() as connection:
            # First, so that a second process waits for us and then finds it known.
            insert_one(
                connection,
                inbox_file,
                issuer=self.workspace.handle,
                achievement=dropped.achievement,
                digest=dropped.digest,
                taken=seconds,
                credentials=content.credentials,
            )
            added = self._add_credentials(connection, dropped, content, now)
            self.watch(Step.ADDED)
            if not drop_folder.is_unchanged(dropped):
                raise FileLeft("it changed while it was read; the next run takes it")
        return added

    def _add_credentials(
        self, connection: Connection, dropped: Dropped, content: Content, now: datetime
    ) -> int:
        new = _all(self.held, dropped, content, now)
        done = store.add_credentials(connection, self.workspace.handle, new, int(now.timestamp()))
        return sum(not one.present for one in done)

    def _reject(self, dropped: Dropped, content: Content) -> Taken:
        place = dropped.path
        if not self.dry_run:
            drop_folder.write_faults(dropped, content.faults)
            self.watch(Step.FAULTS_WRITTEN)
            place = drop_folder.put_away(dropped, drop_folder.REJECTED)
            self.watch(Step.MOVED)
        return Taken(
            dropped.achievement,
            dropped.path.name,
            Outcome.REJECTED,
            place,
            faults=content.faults,
            passed_over=content.passed_over,
        )

    def _end(
        self, dropped: Dropped, outcome: Outcome, credentials: int = 0, passed_over: int = 0
    ) -> Taken:
        place = dropped.path
        if not self.dry_run:
            place = drop_folder.put_away(dropped, drop_folder.DONE)
            self.watch(Step.MOVED)
        return Taken(
            dropped.achievement, dropped.path.name, outcome, place, credentials, passed_over
        )


def _all(
    held: Issuing | None, dropped: Dropped, content: Content, now: datetime
) -> Iterator[NewCredential]:
    """What is issued from the rows, then what is ready-made."""
    for row in content.rows:
        assert held is not None
        assert content.achievement is not None
        yield new_credentials.issue(held, content.achievement, row, now)
    for one in inbox_content.ready_made(dropped) if content.has_ready_made else ():
        credential = one.credential
        yield NewCredential(credential.id, credential.name, credential.digest, one.raw)
