"""The whole database to one file, and back, while others read and write it.

The file is a SQLite database whatever the source is, with the tables of its revision and one more,
`backup_manifest`: when, from what, and for each table its rows and their digest. So a backup of
SQLite restores into PostgreSQL and the other way round, and any tool can look into it. Tables are
copied row by row out of one snapshot; pages are not, so that nothing that was erased comes along.

Keys are never in the database, and so not in a backup.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import func, inspect, select, text

from anchor_service.errors import BackupRefused
from anchor_service.store.database import Database
from anchor_service.store.schema import HEAD, metadata, signer_lease

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Table

FORMAT = "credanchor-backup-1"
_MANIFEST = "backup_manifest"
_CHUNK = 2000
_OWNER_ONLY = 0o600
Step = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class TableDigest:
    """sha256: over the rows in the order of their keys, each one line of JSON, bytes as hex."""

    columns: tuple[str, ...]
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """made: unix seconds; source: the database's kind; revision: of its tables."""

    made: int
    source: str
    revision: str
    tables: Mapping[str, TableDigest]

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.tables.values())

    def serialize(self) -> str:
        return json.dumps(
            {
                "format": FORMAT,
                "made": self.made,
                "source": self.source,
                "revision": self.revision,
                "tables": {
                    name: {"columns": one.columns, "rows": one.rows, "sha256": one.sha256}
                    for name, one in self.tables.items()
                },
            },
            sort_keys=True,
        )

    @classmethod
    def parse(cls, content: str) -> Manifest:
        found: dict[str, Any] = json.loads(content)
        if found["format"] != FORMAT:
            raise BackupRefused(f"a backup of the format {found['format']!r}, not {FORMAT!r}")
        tables = {
            name: TableDigest(tuple(one["columns"]), one["rows"], one["sha256"])
            for name, one in found["tables"].items()
        }
        return cls(found["made"], found["source"], found["revision"], tables)


def row_count(database: Database) -> int:
    """How many rows a backup will copy, about: the end of a progress bar."""
    with database.read() as connection:
        counts = [select(func.count()).select_from(table) for table in metadata.sorted_tables]
        return sum(connection.scalar(one) or 0 for one in counts)


def back_up(database: Database, file: Path, now: int, step: Step) -> Manifest:
    """Write one consistent snapshot to `file`, which appears whole or not at all.

    step(n) is told of n more rows. Raises BackupRefused where `file` exists.
    """
    if file.exists():
        raise BackupRefused(f"{file} exists; a backup is never written over")
    fresh = file.with_name(f".{file.name}.{os.getpid()}.new")
    fresh.touch(_OWNER_ONLY)
    try:
        with _opened(fresh) as target, database.snapshot() as source:
            target.migrate()
            with target.write() as sink:
                digests = _copy(source, sink, step)
                manifest = Manifest(now, source.dialect.name, HEAD, digests)
                sink.execute(text(f"CREATE TABLE {_MANIFEST} (manifest TEXT NOT NULL)"))
                sink.execute(
                    text(f"INSERT INTO {_MANIFEST} VALUES (:manifest)"),  # noqa: S608 - our own name
                    {"manifest": manifest.serialize()},
                )
        _into_one_file(fresh)
        fresh.rename(file)
    finally:
        for left in (fresh, *fresh.parent.glob(f"{fresh.name}-*")):
            left.unlink(missing_ok=True)
    return manifest


def read_manifest(file: Path) -> Manifest:
    """Raises BackupRefused where the file is no backup, FileNotFoundError where there is none."""
    if not file.is_file():
        raise FileNotFoundError(2, "no such file", str(file))
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            (content,) = connection.execute(f"SELECT manifest FROM {_MANIFEST}").fetchone()  # noqa: S608 - our own name
        return Manifest.parse(content)
    except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
        raise BackupRefused(f"{file}: no backup of credanchor, or a damaged one") from error


def restore(database: Database, file: Path, step: Step) -> Manifest:
    """Fill an empty database from a backup, all of it or nothing.

    A backup of older tables is brought to today's in a copy of it. Raises BackupRefused: the
    database holds something, the file is damaged, or a newer version has written it.
    """
    manifest = read_manifest(file)
    with _todays(file, manifest) as backup, backup.snapshot() as source:
        database.migrate()
        with database.write() as sink:
            _refuse_unless_empty(sink)
            digests = _copy(source, sink, step)
            if manifest.revision == HEAD:
                _compare(file, manifest, digests)
            # Leases were the processes' that ran then.
            sink.execute(signer_lease.update().values(expires=0))
            _go_on_counting(sink)
    return manifest


@contextmanager
def _todays(file: Path, manifest: Manifest) -> Iterator[Database]:
    """The backup with today's tables: a copy of it, since a backup is never changed."""
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".restore-") as folder:
        copy = Path(folder) / "backup.db"
        shutil.copyfile(file, copy)
        copy.chmod(_OWNER_ONLY)
        with _opened(copy) as backup:
            if manifest.revision != HEAD:
                # Checked against its manifest as it is, before the migration changes it.
                with backup.snapshot() as source:
                    _compare(file, manifest, _digests_of(source, manifest))
                backup.migrate()
            yield backup


@contextmanager
def _opened(file: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{file.resolve()}")
    try:
        yield database
    finally:
        database.close()


def _copy(source: Connection, sink: Connection, step: Step) -> dict[str, TableDigest]:
    return {
        # SQLAlchemy's names are texts of their own kind, which JSON's writer does not take.
        str(table.name): _copy_table(source, sink, table, step)
        for table in metadata.sorted_tables
    }


def _copy_table(source: Connection, sink: Connection, table: Table, step: Step) -> TableDigest:
    names = tuple(str(column.name) for column in table.columns)
    query = select(table).order_by(*table.primary_key.columns)
    digest, count = sha256(), 0
    result = source.execution_options(yield_per=_CHUNK).execute(query)
    for rows in result.partitions():
        for row in rows:
            digest.update(_line(row))
        sink.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in rows])
        count += len(rows)
        step(len(rows))
    return TableDigest(names, count, digest.hexdigest())


def _digests_of(source: Connection, manifest: Manifest) -> dict[str, TableDigest]:
    """Of a backup whose tables are older than this version's: by what its manifest says of them."""
    tables = {name: promised.columns for name, promised in manifest.tables.items()}
    return {name: _digest(source, name, columns) for name, columns in tables.items()}


def _digest(source: Connection, name: str, columns: Sequence[str]) -> TableDigest:
    keys = inspect(source).get_pk_constraint(name)["constrained_columns"]
    listed = ", ".join(f'"{one}"' for one in columns)
    order = ", ".join(f'"{one}"' for one in keys)
    digest, count = sha256(), 0
    # Names that the file's own manifest and tables give; quoted, since they may be words of SQL.
    query = f'SELECT {listed} FROM "{name}" ORDER BY {order}'  # noqa: S608 - as said
    for row in source.execute(text(query)):
        digest.update(_line(row))
        count += 1
    return TableDigest(tuple(columns), count, digest.hexdigest())


def _line(row: Any) -> bytes:
    return orjson.dumps([_plain(value) for value in row]) + b"\n"


def _plain(value: object) -> object:
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    # SQLite knows no booleans: the same row has the same digest from everywhere.
    return int(value) if isinstance(value, bool) else value


def _compare(file: Path, manifest: Manifest, found: Mapping[str, TableDigest]) -> None:
    for name, promised in manifest.tables.items():
        if found.get(name) != promised:
            raise BackupRefused(
                f"{file}: table {name} is not as its manifest says; the file is damaged"
            )


def _refuse_unless_empty(connection: Connection) -> None:
    for table in metadata.sorted_tables:
        if connection.execute(select(table).limit(1)).first() is not None:
            raise BackupRefused(
                f"the database is not empty ({table.name} has rows); restore into a fresh one"
            )


def _go_on_counting(connection: Connection) -> None:
    """PostgreSQL's sequences know nothing of rows that came with their numbers."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        for key in table.primary_key.columns:
            named = connection.scalar(
                text("SELECT pg_get_serial_sequence(:table, :column)"),
                {"table": table.name, "column": key.name},
            )
            top = connection.scalar(select(func.max(key))) if named else None
            if top is not None:
                connection.execute(text("SELECT setval(:name, :top)"), {"name": named, "top": top})


def _into_one_file(file: Path) -> None:
    """No write-ahead log beside it, and durable."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
