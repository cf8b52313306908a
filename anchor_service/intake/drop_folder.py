"""The drop folder: where its files are, which are whole, and where they go.

For the issuer `main` the workspace's own folder holds them, for another `issuers/<handle>`:

    achievements/<achievement>.json        what is awarded, written by the operator
    achievements/<achievement>.map.toml    how its files' columns are called, if not as ours
    inbox/<achievement>/*.csv, *.jsonl     what people drop
    inbox/<achievement>/done/, rejected/   where each file ends

A file is left alone until nothing has written to it for a while, and as long as its name begins
with a dot or ends like an upload's (.part, .tmp, .filepart); renaming it in is the safe way. Links
are never followed.
"""

from __future__ import annotations

import csv
import io
import os
import stat
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from registry.workspaces.issuer_settings import MAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from anchor_service.issuing.roster import RosterFault
    from registry.workspaces.workspace import Workspace

INBOX, ACHIEVEMENTS, DONE, REJECTED = "inbox", "achievements", "done", "rejected"
LINES, ROSTER = ".jsonl", ".csv"
SETTLE_S = 10.0
_UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload", "~")
_PART = 2**20
_SHOWN_DIGITS = 12
# A spreadsheet would run a cell that begins with one of them.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Dropped:
    """One file as it was when it was looked at; digest: SHA-256 of its bytes."""

    path: Path
    achievement: str
    digest: bytes
    state: tuple[int, int, int]

    @property
    def holds_lines(self) -> bool:
        return self.path.suffix.lower() == LINES


def folder_of(workspace: Workspace) -> Path:
    if workspace.handle == MAIN:
        return workspace.folder
    return workspace.folder / "issuers" / workspace.handle


def achievement_file(workspace: Workspace, achievement: str) -> Path:
    return folder_of(workspace) / ACHIEVEMENTS / f"{achievement}.json"


def map_file(workspace: Workspace, achievement: str) -> Path:
    return folder_of(workspace) / ACHIEVEMENTS / f"{achievement}.map.toml"


def files(workspace: Workspace) -> Iterator[tuple[str, Path]]:
    """Yield (achievement, file) of all that lies in the inbox, in the order of their names."""
    inbox = folder_of(workspace) / INBOX
    if not inbox.is_dir():
        return
    for folder in sorted(one for one in inbox.iterdir() if one.is_dir() and not one.is_symlink()):
        for path in sorted(folder.iterdir()):
            name = path.name.lower()
            if path.suffix.lower() not in (LINES, ROSTER) or name.startswith("."):
                continue
            if not name.endswith(_UNFINISHED) and _is_file(path):
                yield folder.name, path


def is_settled(path: Path, now: float, settle_s: float) -> bool:
    """Whether nobody has written to it for so long; a clock that was set back counts as long."""
    return abs(now - path.lstat().st_mtime) >= settle_s


def look(achievement: str, path: Path) -> Dropped:
    """Read the file once for its digest. Raises OSError, also where it is a link."""
    digest = sha256()
    with open_file(path) as stream:
        state = _state(stream.fileno())
        while part := stream.read(_PART):
            digest.update(part)
    return Dropped(path, achievement, digest.digest(), state)


def open_file(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")


def is_unchanged(dropped: Dropped) -> bool:
    """Whether the file is still the one that was looked at."""
    return _is_same(dropped.path, dropped)


def put_away(dropped: Dropped, into: str) -> Path:
    """Move a file to done/ or rejected/; one of the same name and other content stays beside it.

    What somebody has put in its place meanwhile is put back: it has not been read.
    """
    place = _place(dropped, into)
    place.parent.mkdir(exist_ok=True)
    try:
        dropped.path.replace(place)
    except FileNotFoundError:
        # Another process was as far.
        return place
    if not _is_same(place, dropped):
        place.rename(dropped.path)
        return dropped.path
    _sync(place.parent)
    _sync(dropped.path.parent)
    return place


def write_faults(dropped: Dropped, faults: Sequence[RosterFault]) -> Path:
    """Beside where the rejected file goes: line, column, fault and value of each, as CSV."""
    place = _place(dropped, REJECTED)
    target = place.with_name(f"{place.name}.errors.csv")
    target.parent.mkdir(exist_ok=True)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("line", "column", "fault", "value"))
    for one in faults:
        writer.writerow((one.line, _inert(one.column), one.reason, _inert(one.value)))
    fresh = target.with_name(f".{target.name}.new")
    with fresh.open("wb") as stream:
        # With a mark, or spreadsheets take it for another encoding.
        stream.write(text.getvalue().encode("utf-8-sig"))
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(target)
    return target


def forget(workspace: Workspace, digests: Sequence[bytes]) -> list[Path]:
    """Delete files of done/ whose content is one of these; what was deleted."""
    wanted = set(digests)
    inbox = folder_of(workspace) / INBOX
    if not wanted or not inbox.is_dir():
        return []
    found = [
        path
        for path in sorted(inbox.glob(f"*/{DONE}/*"))
        if _is_file(path) and look("", path).digest in wanted
    ]
    for path in found:
        path.unlink()
    return found


def _place(dropped: Dropped, into: str) -> Path:
    plain = dropped.path.parent / into / dropped.path.name
    if not plain.exists() or look("", plain).digest == dropped.digest:
        return plain
    digits = dropped.digest.hex()[:_SHOWN_DIGITS]
    return plain.with_name(f"{plain.stem}.{digits}{plain.suffix}")


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _is_file(path: Path) -> bool:
    """False for links and folders, and for what another process has just moved away."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _is_same(path: Path, dropped: Dropped) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return (found.st_ino, found.st_size, found.st_mtime_ns) == dropped.state


def _state(descriptor: int) -> tuple[int, int, int]:
    found = os.fstat(descriptor)
    return found.st_ino, found.st_size, found.st_mtime_ns


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
