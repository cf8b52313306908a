"""An auditor's store: logs, what they say and what they leave, in one SQLite file.

Logs, the rows that they give and the cursor are written in one transaction, so that a run which is
stopped at any moment goes on to the same rows as one that never was. A store belongs to one
registry on one chain, told by its genesis, and refuses any other.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

from registry.auditing import audit_state
from registry.auditing.audit_state import touched_by
from registry.auditing.rows import STORED_LOG, Derived, StoredLog, derive
from registry.auditing.tables import ALL, STATE, TABLES, VERSION
from registry.errors import StoreError
from registry.formats.history import registrations_start
from registry.values import Address, BlockHash, ChainId, IssuerId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from registry.formats.raw_log import RawLog

_CACHE_KIB = 4_096
_BUSY_S = 30.0
_REBUILT_AT_ONCE = 5_000
_INSERT_OPERATION = "INSERT INTO operation VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class StorePlace(NamedTuple):
    """What a store is of."""

    chain: ChainId
    registry: Address
    genesis: BlockHash


@dataclass(frozen=True, slots=True)
class Cursor:
    """Every log of blocks `first` to `block` is stored. block is first - 1 before any was read."""

    first: int
    block: int
    block_hash: BlockHash | None
    logs: int


class AuditStore:
    """One open store; `db` is for reading by queries. Not for several threads."""

    def __init__(self, db: sqlite3.Connection, place: StorePlace) -> None:
        self.db = db
        self.place = place

    @classmethod
    def open(cls, file: Path, place: StorePlace, first: Callable[[], int]) -> Self:
        """Open, or make, the store of `place`. first: gives the block to begin with, if it is new.

        Raises StoreError where the file is another place's, of another version, or no store.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(file, timeout=_BUSY_S, isolation_level=None)
        try:
            _prepare(db)
            if not db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
                _create(db, place, first())
            _check(db, place, file)
        except sqlite3.DatabaseError as error:
            db.close()
            raise StoreError(f"{file}: no auditor's store ({error}); name another file") from None
        except StoreError:
            db.close()
            raise
        return cls(db, place)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.db.close()

    def cursor(self) -> Cursor:
        first, block, block_hash, logs = self.db.execute(
            "SELECT first, block, block_hash, logs FROM cursor"
        ).fetchone()
        return Cursor(first, block, None if block_hash is None else BlockHash(block_hash), logs)

    def append(
        self, logs: Sequence[RawLog], before: Cursor, block: int, block_hash: BlockHash | None
    ) -> None:
        """Store every log after `before` up to `block`, and move the cursor, or do neither.

        Raises StoreError where another process has moved it meanwhile, and BadLog for a log that
        the registry cannot have written. A crash before the commit leaves all as it was.
        """
        with self._write() as db:
            moved = db.execute(
                "UPDATE cursor SET block = ?, block_hash = ?, logs = logs + ?"
                " WHERE block = ? AND logs = ?",
                (block, block_hash, len(logs), before.block, before.logs),
            )
            if moved.rowcount != 1:
                raise StoreError("another audit is writing to this store; wait for it")
            if logs:
                told = self._replay(logs, before.logs)
                db.executemany("INSERT OR IGNORE INTO block VALUES (?, ?)", told.blocks.items())
                db.executemany(_INSERT_OPERATION, told.operations)
                db.executemany("INSERT INTO lane VALUES (?, ?)", told.lanes)

    def unwind(self, block: int) -> None:
        """Forget every log after `block`, and what they gave."""
        with self._write() as db:
            db.execute("DELETE FROM operation WHERE block > ?", (block,))
            db.execute("DELETE FROM block WHERE number > ?", (block,))
            (logs,) = db.execute("SELECT count(*) FROM operation").fetchone()
            db.execute("DELETE FROM lane WHERE id > ?", (logs,))
            for table in STATE:
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
            db.execute(
                "UPDATE cursor SET block = max(first - 1, min(block, ?)), block_hash = NULL,"
                " logs = ?, registrations = 0, registrations_history = ?, last_timestamp = 0",
                (block, logs, registrations_start(self.place.chain, self.place.registry)),
            )
            last = 0
            while chunk := self._stored_logs(last):
                self._replay(chunk, last)
                last += len(chunk)

    def broken(self) -> dict[IssuerId, tuple[int, int, str]]:
        """Issuer -> log id, operation and reason of its first log that cannot follow."""
        rows = self.db.execute("SELECT issuer, id, operation, reason FROM broken ORDER BY id")
        return {IssuerId(row[0]): (row[1], row[2], row[3]) for row in rows}

    def rows(self) -> Iterator[tuple[object, ...]]:
        """Every row but those of `store`, in a fixed order: to compare two stores."""
        for table in ALL:
            columns = [row[1] for row in self.db.execute(f"PRAGMA table_info({table})")]
            order = ", ".join(columns)
            for row in self.db.execute(f"SELECT * FROM {table} ORDER BY {order}"):  # noqa: S608
                yield (table, *row)

    def _replay(self, logs: Sequence[RawLog], before: int) -> Derived:
        """Let logs follow the stored state, and store what it has become."""
        db, place = self.db, self.place
        state = audit_state.load(db, place.chain, place.registry, touched_by(logs))
        told = derive(logs, before, state, self.broken().keys())
        db.executemany("INSERT INTO broken VALUES (?, ?, ?, ?)", told.broken.values())
        audit_state.save(db, state, told.registrations)
        return told

    def _stored_logs(self, after: int) -> list[RawLog]:
        rows = self.db.execute(
            f"{STORED_LOG} WHERE id > ? ORDER BY id LIMIT ?", (after, _REBUILT_AT_ONCE)
        )
        return [StoredLog._make(row).raw() for row in rows]

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")


def _prepare(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    # A power cut may cost the newest transactions, never a part of one: they are read again.
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")


def _create(db: sqlite3.Connection, place: StorePlace, first: int) -> None:
    db.executescript(f"BEGIN IMMEDIATE; {TABLES}")
    try:
        db.execute(
            "INSERT INTO store VALUES (?, ?, ?, ?)",
            (VERSION, place.chain.number, place.registry, place.genesis),
        )
        start = registrations_start(place.chain, place.registry)
        db.execute(
            "INSERT INTO cursor VALUES (1, ?, ?, NULL, 0, 0, ?, 0)", (first, first - 1, start)
        )
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _check(db: sqlite3.Connection, place: StorePlace, file: Path) -> None:
    version, chain, registry, genesis = db.execute(
        "SELECT version, chain, registry, genesis FROM store"
    ).fetchone()
    if version != VERSION:
        raise StoreError(f"{file}: a store of version {version}, not {VERSION}; name another file")
    if (chain, registry) != (place.chain.number, place.registry):
        raise StoreError(
            f"{file}: the store of registry {Address(registry)} on {ChainId(chain)}, not of "
            f"{place.registry} on {place.chain}; name another file"
        )
    if genesis != place.genesis:
        raise StoreError(
            f"{file}: the store of another chain that calls itself {place.chain} (its genesis is "
            f"{BlockHash(genesis)}); name another file"
        )
