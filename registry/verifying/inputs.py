"""What `verify` is pointed at: files, folders, patterns, standard input."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

STDIN = Path("-")
_SUFFIXES = (".json", ".jsonld")


def expand(named: Iterable[Path]) -> list[Path]:
    """Every file that is meant, in the order named; those of a folder sorted, and of those in it.

    A pattern that the shell has left alone is one here. What does not exist, and a folder with no
    JSON file in it, stays as it is: opening it will say what is wrong.
    """
    found: dict[Path, None] = {}
    for path in named:
        for one in _of(path):
            found[one] = None
    return list(found)


def _of(path: Path) -> list[Path]:
    if path == STDIN:
        return [path]
    if path.is_dir():
        return _in_folder(path) or [path]
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 - Path.glob takes no absolute pattern
    return [one for match in matches for one in (_of(match) if match.is_dir() else [match])] or [
        path
    ]


def _in_folder(folder: Path) -> list[Path]:
    """JSON files at any depth, hidden ones and those in hidden folders left out."""
    return sorted(
        one
        for one in folder.rglob("*")
        if one.suffix in _SUFFIXES
        and not any(part.startswith(".") for part in one.relative_to(folder).parts)
        and one.is_file()
    )


def why_none(path: Path) -> str | None:
    """Return why `expand` found nothing there: an empty folder, or a pattern that fits nothing."""
    if path.is_dir():
        return f"{path}: no {' or '.join(_SUFFIXES)} file is in this folder"
    if glob.has_magic(str(path)) and not path.exists():
        return f"{path}: no file has such a name"
    return None
