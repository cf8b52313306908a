"""What installed packages add to this program, read from where installers write it.

`importlib.metadata` says the same, but importing it takes longer than all else that `--help` does:
it brings the standard library's reader of mail. The files are a standard of their own (PyPA, entry
points specification), and short.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUFFIXES = {".dist-info", ".egg-info"}


class EntryPoint(NamedTuple):
    """value: `module:attribute`."""

    name: str
    value: str

    def load(self) -> Any:
        """Raises ImportError, also where the module has no such attribute."""
        module, _, attribute = self.value.partition(":")
        found = import_module(module)
        try:
            return getattr(found, attribute)
        except AttributeError:
            raise ImportError(f"{module} has no {attribute}") from None


def entry_points(group: str) -> list[EntryPoint]:
    """Every entry point of a group; of one package in two places the first on the path counts."""
    found: list[EntryPoint] = []
    seen: set[str] = set()
    for package, file in _files():
        if package not in seen:
            seen.add(package)
            found += _read(file, group)
    return found or _elsewhere(group)


def _files() -> Iterator[tuple[str, Path]]:
    for folder in sys.path:
        try:
            packages = sorted(one for one in Path(folder).iterdir() if one.suffix in _SUFFIXES)
        except OSError:  # an archive, or a folder that is not there
            continue
        for one in packages:
            yield one.name.partition("-")[0].lower(), one / "entry_points.txt"


def _read(file: Path, group: str) -> list[EntryPoint]:
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    found, within = [], False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            within = line == f"[{group}]"
        elif within and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            found.append(EntryPoint(name.strip(), value.partition("[")[0].strip()))
    return found


def _elsewhere(group: str) -> list[EntryPoint]:
    """Where packages lie in archives, or an importer of its own finds them."""
    from importlib import metadata

    return [EntryPoint(one.name, one.value) for one in metadata.entry_points(group=group)]
