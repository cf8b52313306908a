"""Writes into `credanchor.toml` what commands find out, and leaves people's comments alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import tomlkit
from tomlkit.items import AoT, Table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def set_values(file: Path, values: Mapping[tuple[str, str], str]) -> None:
    """Set texts by (table, key). Comments, order and other values stay."""
    document = tomlkit.parse(file.read_text("utf-8"))
    for (table, key), value in values.items():
        _table(document, table)[key] = value
    _replace(file, document.as_string())


def put_trusted(file: Path, kind: str, entry: Mapping[str, Any], *, same: tuple[str, ...]) -> None:
    """Put an entry into [[trust.<kind>]], in the place of the one that agrees with it in `same`."""
    document = tomlkit.parse(file.read_text("utf-8"))
    trust = _table(document, "trust")
    entries = trust.get(kind)
    if entries is None:
        entries = tomlkit.aot()
        trust[kind] = entries
    if not isinstance(entries, AoT):
        raise TypeError(f"[trust] {kind} is no array of tables")  # refused when it was loaded
    fresh = tomlkit.table()
    fresh.update(entry)
    for number, old in enumerate(entries):
        if all(old.get(key) == entry[key] for key in same):
            entries[number] = fresh
            break
    else:
        entries.append(fresh)
    _replace(file, document.as_string())


def _table(document: tomlkit.TOMLDocument, name: str) -> Table:
    table = document.get(name)
    if not isinstance(table, Table):
        table = tomlkit.table()
        document[name] = table
    return table


def _replace(file: Path, text: str) -> None:
    """All or nothing: a crash leaves the old file or the new one."""
    fresh = file.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
