"""Writes into `credanchor.toml` what commands find out, and leaves people's comments alone."""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from collections.abc import MutableMapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import tomlkit
from tomlkit.exceptions import ParseError
from tomlkit.items import AoT

from registry.errors import WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def set_values(file: Path, values: Mapping[tuple[str, str], str]) -> None:
    """Set texts by (table, key), the table dotted where it lies in others. The rest stays.

    A key that stands there commented out (`# registry = "0x…"`) is set in that very line. Raises
    WorkspaceError where the file is not TOML, or not as a workspace has it.
    """
    text = _read(file)
    for (table, key), value in values.items():
        document = _parse(file, _uncommented(text, table, key))
        _table(file, document, table)[key] = value
        text = document.as_string()
    _replace(file, text)


def put_trusted(file: Path, kind: str, entry: Mapping[str, Any], *, same: tuple[str, ...]) -> None:
    """Put an entry into [[trust.<kind>]], in the place of the one that agrees with it in `same`.

    Raises WorkspaceError as `set_values` does.
    """
    document = _parse(file, _read(file))
    trust = _table(file, document, "trust")
    if kind not in trust:
        trust[kind] = tomlkit.aot()
    entries = trust[kind]
    if not isinstance(entries, AoT):
        raise WorkspaceError(f"{file}: write each entry of [trust] {kind} as [[trust.{kind}]]")
    for old in entries:
        if all(old.get(key) == entry[key] for key in same):
            for key in [key for key in old if key not in entry]:
                del old[key]
            old.update(entry)
            break
    else:
        fresh = tomlkit.table()
        fresh.update(entry)
        fresh.trivia.indent = "\n"
        entries.append(fresh)
    _replace(file, document.as_string())


def _uncommented(text: str, table: str, key: str) -> str:
    """The same text, a commented-out `key` of the table made a setting; what follows it stays."""
    header = re.search(rf"^\[{re.escape(table)}\].*\n", text, re.MULTILINE)
    if header is None:
        return text
    body = re.split(r"^\[", text[header.end() :], maxsplit=1, flags=re.MULTILINE)[0]
    setting = re.sub(
        rf"^#[ \t]*{re.escape(key)}[ \t]*=[^#\r\n]*(?P<comment>#.*)?",
        lambda found: f'{key} = ""' + (f"  {found['comment']}" if found["comment"] else ""),
        body,
        count=1,
        flags=re.MULTILINE,
    )
    changed = text[: header.end()] + setting + text[header.end() + len(body) :]
    return changed if _adds_only(changed, text, table, key) else text


def _adds_only(changed: str, text: str, table: str, key: str) -> bool:
    """Whether the change added an empty `key`: not if it is set already, or was inside a string."""
    try:
        before, after = tomllib.loads(text), tomllib.loads(changed)
    except tomllib.TOMLDecodeError:
        return False
    expected = deepcopy(before)
    inner = expected
    for part in table.split("."):
        inner = inner[part]
    inner[key] = ""
    return after == expected != before


def _table(file: Path, document: tomlkit.TOMLDocument, name: str) -> MutableMapping[str, Any]:
    """The table itself, also where it is written inline or in several places."""
    table: MutableMapping[str, Any] = document
    parts = name.split(".")
    for number, part in enumerate(parts):
        if part not in table:
            table[part] = tomlkit.table(is_super_table=number < len(parts) - 1)
        table = table[part]
        if not isinstance(table, MutableMapping):
            raise WorkspaceError(f"{file}: {name}: not a table")
    return table


def _parse(file: Path, text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except ParseError as error:
        raise WorkspaceError(f"{file}: {error}") from None


def _read(file: Path) -> str:
    with file.open(encoding="utf-8", newline="") as stream:
        return stream.read()


def _replace(file: Path, text: str) -> None:
    """All or nothing: a crash leaves the old file or the new one."""
    target = file.resolve()  # behind a link, the file that it names
    fresh = target.with_name(target.name + ".new")
    with fresh.open("w", encoding="utf-8", newline="") as out:
        # Before there is anything to read: RPC URLs hold keys, and the owner may have hidden them.
        shutil.copymode(target, fresh)
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(target)
