"""What one dropped file says: rows to issue from, ready-made credentials, or all its faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anchor_service.errors import AchievementRefused, ColumnMapRefused, FileLeft
from anchor_service.intake import drop_folder
from anchor_service.intake.intake_lines import Faulty, read_lines
from anchor_service.issuing import issuer
from anchor_service.issuing.achievement import Achievement
from anchor_service.issuing.column_map import ColumnMap
from anchor_service.issuing.ready_made import ReadyMade, lines_of
from anchor_service.issuing.roster import Roster, RosterFault, RosterRow, read_roster
from registry.errors import MalformedJson

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anchor_service.intake.drop_folder import Dropped
    from registry.workspaces.workspace import Workspace

_MOST_FAULTS = 10_000


@dataclass(frozen=True, slots=True)
class Content:
    """rows: those to issue from, with their achievement.

    credentials: rows and ready-made ones; these are read again when they are taken in, since a
    file of them may be larger than memory.
    """

    achievement: Achievement | None
    rows: tuple[RosterRow, ...]
    faults: tuple[RosterFault, ...]
    credentials: int
    passed_over: int = 0

    @property
    def has_ready_made(self) -> bool:
        return self.credentials > len(self.rows)


def read(workspace: Workspace, dropped: Dropped) -> Content:
    """Raises OSError, and FileLeft where achievement or map are missing or faulty."""
    if dropped.holds_lines:
        return _read_lines(workspace, dropped)
    columns = _columns(workspace, dropped.achievement)
    achievement = _achievement(workspace, dropped.achievement)
    with drop_folder.open_file(dropped.path) as stream:
        roster = issuer.fit(read_roster(stream.read(), columns), achievement)
    return Content(achievement, roster.rows, roster.faults, len(roster.rows), roster.passed_over)


def ready_made(dropped: Dropped) -> Iterator[ReadyMade]:
    """The credentials among the file's lines, again."""
    for one in _lines(dropped):
        if isinstance(one, ReadyMade):
            yield one


def _read_lines(workspace: Workspace, dropped: Dropped) -> Content:
    rows: list[RosterRow] = []
    faults: list[RosterFault] = []
    ready = 0
    for one in _lines(dropped):
        if isinstance(one, Faulty):
            faults += one.faults[: max(0, _MOST_FAULTS - len(faults))]
        elif isinstance(one, ReadyMade):
            ready += 1
        else:
            rows.append(one)
    if not rows and not ready and not faults:
        faults.append(RosterFault(1, "", "the file is empty"))
    if not rows:
        return Content(None, (), tuple(faults), ready)
    achievement = _achievement(workspace, dropped.achievement)
    roster = issuer.fit(Roster(tuple(rows), tuple(faults)), achievement)
    return Content(achievement, roster.rows, roster.faults, ready + len(roster.rows))


def _lines(dropped: Dropped) -> Iterator[ReadyMade | RosterRow | Faulty]:
    with drop_folder.open_file(dropped.path) as stream:
        yield from read_lines(lines_of(stream))


def _achievement(workspace: Workspace, name: str) -> Achievement:
    file = drop_folder.achievement_file(workspace, name)
    try:
        return Achievement.parse(file.read_bytes())
    except FileNotFoundError:
        raise FileLeft(f"there is no {file}: write what is awarded there") from None
    except (AchievementRefused, MalformedJson) as error:
        raise FileLeft(f"{file}: {error}") from None


def _columns(workspace: Workspace, name: str) -> ColumnMap | None:
    file = drop_folder.map_file(workspace, name)
    try:
        return ColumnMap.parse(file.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (ColumnMapRefused, UnicodeDecodeError) as error:
        raise FileLeft(f"{file}: {error}") from None
