"""One database: SQLite in a file by default, PostgreSQL by URL; transactions and migrations.

A transaction is durable when `write()` returns: SQLite commits with synchronous=FULL.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from anchor_service.errors import DatabaseError
from anchor_service.store.copying import copy_in
from anchor_service.store.schema import HEAD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import URL, Connection, Engine, Table

# Several rows of compressed documents share a page; 4 KB pages would waste a part of each.
_PAGE_BYTES = 16384
_CACHE_KIB = 65536
_BUSY_MS = 60_000
_LOCK_S = 30
# At most 32,766 parameters in SQLite and 65,535 in PostgreSQL, of nine columns at most.
_ROWS_A_STATEMENT = (512, 64, 8, 1)
# From so many on, PostgreSQL is faster with COPY.
_ROWS_TO_COPY = 32
# Any number that no other program takes in this database.
_MIGRATION_LOCK = 0x43724163


class Database:
    """Opens lazily; `url` as SQLAlchemy takes it (sqlite:///..., postgresql://...)."""

    def __init__(self, url: str) -> None:
        try:
            self._url: URL = make_url(url)
            self.engine: Engine = create_engine(self._url)
        except (ArgumentError, NoSuchModuleError) as error:
            raise DatabaseError(
                "[database] url: not a database URL; use sqlite:///FILE or postgresql://..."
            ) from error
        if self._url.get_backend_name() == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view; writes nothing."""
        with self._connection() as connection, connection.begin() as transaction:
            yield connection
            transaction.rollback()

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """For prepared queries, each as of its own moment: a third of what `read` takes."""
        with self._connection() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """As `read`, for as long as it takes, all of it as of one moment."""
        with self._connection() as connection:
            if self._url.get_backend_name() == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin() as transaction:
                yield connection
                transaction.rollback()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """All or nothing; on SQLite the only writer from the start, so that it can't deadlock."""
        with self._connection() as connection:
            connection.execution_options(credanchor_write=True)
            with connection.begin():
                yield connection

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Hold the lock of the one process that writes to a chain; False where there is none.

        SQLite lies on one machine, where a lock file ends with its process. PostgreSQL may be
        shared by many machines: there the lease alone decides, and runs out by time.
        """
        file = self._url.database
        if self._url.get_backend_name() != "sqlite" or not file:
            yield False
            return
        from filelock import FileLock, Timeout

        try:
            with FileLock(f"{file}.writer.lock", timeout=_LOCK_S):
                yield True
        except Timeout as error:
            raise DatabaseError(
                f"database {file}: another command is writing to the chain; try again after it"
            ) from error

    def migrate(self) -> None:
        """Bring the tables to HEAD; refuses a database that a newer version has written."""
        with self.read() as connection:
            if _revision(connection) == HEAD:
                return
        with self._rebuilding() as connection:
            if _revision(connection) == HEAD:
                return
            self._alembic(connection, "upgrade", HEAD)

    def downgrade(self, revision: str) -> None:
        """Take the tables back to an older revision ("0001"; "base" for none at all).

        Raises DatabaseError where the older tables can't hold what is there.
        """
        with self._rebuilding() as connection:
            self._alembic(connection, "downgrade", revision)

    def _alembic(self, connection: Connection, direction: str, revision: str) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", "anchor_service:migrations")
        config.attributes["connection"] = connection
        try:
            getattr(command, direction)(config, revision)
        except CommandError as error:
            said = (
                "the database was written by a newer version of credanchor; update it first"
                if direction == "upgrade"
                else f"the database stays as it is: {error}"
            )
            raise DatabaseError(said) from error

    @contextmanager
    def _rebuilding(self) -> Iterator[Connection]:
        """A write in which SQLite may rebuild a table that others refer to."""
        with self._connection() as connection:
            connection.execution_options(credanchor_write=True, credanchor_rebuild=True)
            try:
                with connection.begin():
                    if connection.dialect.name == "postgresql":
                        # Several processes may start on one database at the same moment.
                        lock = f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"
                        connection.exec_driver_sql(lock)
                    yield connection
                    if connection.dialect.name == "sqlite":
                        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                        if broken is not None:
                            raise DatabaseError(f"a migration broke a reference: {tuple(broken)}")
            finally:
                # This connection serves others next, who are held to references again.
                if connection.dialect.name == "sqlite":
                    driver: Any = connection.connection.driver_connection
                    driver.execute("PRAGMA foreign_keys = ON").close()

    def scrub(self, tables: Sequence[Table]) -> bool:
        """Rewrite tables, so that no deleted byte is left in their files; SQLite knows only all.

        False where somebody kept SQLite's log from being emptied: the next call, or the last
        process to close the database, does it. PostgreSQL's own log and its archives keep what
        they have until they are recycled.
        """
        if self._url.get_backend_name() == "sqlite":
            raw = self.engine.raw_connection()
            try:
                assert raw.driver_connection is not None
                raw.driver_connection.execute("VACUUM")
                (busy, *_) = raw.driver_connection.execute(
                    "PRAGMA wal_checkpoint(TRUNCATE)"
                ).fetchone()
            finally:
                raw.close()
            return not busy
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in tables:
                connection.exec_driver_sql(f'VACUUM (FULL, ANALYZE) "{table.name}"')
            # The planner's samples of columns that are searched. Who does not own the database is
            # only warned: there autovacuum makes use of the place in its own time.
            connection.exec_driver_sql("VACUUM FULL pg_statistic")
        return True

    @property
    def file(self) -> Path | None:
        """SQLite's file; None for PostgreSQL."""
        name = self._url.database
        return Path(name) if self._url.get_backend_name() == "sqlite" and name else None

    @staticmethod
    def revision(connection: Connection) -> str | None:
        """Of the tables; None where there are none yet."""
        return _revision(connection)

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with self.engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            place = self._url.render_as_string(hide_password=True)
            raise DatabaseError(f"database {place}: {_first_line(error)}") from error


def bulk_insert(
    connection: Connection, table: Table, columns: Sequence[str], rows: list[tuple[Any, ...]]
) -> None:
    """Insert through the driver, many rows a statement: several times as fast as Core with dicts.

    A driver's executemany hands the interpreter to another thread at each row, and waits to have it
    back. The statements are of few lengths, so that they stay prepared.
    """
    if connection.dialect.name == "postgresql" and len(rows) >= _ROWS_TO_COPY:
        copy_in(connection, table, columns, rows)
        return
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    row_marks = f"({', '.join([mark] * len(columns))})"
    start = 0
    while left := len(rows) - start:
        number = next(size for size in _ROWS_A_STATEMENT if size <= left)
        values = tuple(value for row in rows[start : start + number] for value in row)
        # Names of our own tables and columns; every value is a parameter.
        insert = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES "  # noqa: S608 - as said
        connection.exec_driver_sql(insert + ", ".join([row_marks] * number), values)
        start += number


def insert_one(connection: Connection, table: Table, **values: object) -> int:
    """Insert one row and return its number."""
    key = connection.execute(table.insert().values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _prepare_sqlite(dbapi_connection: Any, _record: object) -> None:
    # The driver opens no transactions of its own accord: `_begin_sqlite` says which kind.
    dbapi_connection.isolation_level = None
    for pragma in (
        f"page_size = {_PAGE_BYTES}",
        "journal_mode = WAL",
        "synchronous = FULL",
        # What is deleted is overwritten: an erased document is gone from the page it lay in.
        "secure_delete = ON",
        f"busy_timeout = {_BUSY_MS}",
        f"cache_size = -{_CACHE_KIB}",
        "foreign_keys = ON",
    ):
        dbapi_connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("credanchor_write", False):
        # It touches no file yet, so it can't fail; past SQLAlchemy it takes a twentieth of it.
        driver: Any = connection.connection.driver_connection
        driver.execute("BEGIN").close()
        return
    if options.get("credanchor_rebuild", False):
        # It counts outside of transactions only; `_rebuilding` takes it back.
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return str(revision) if revision is not None else None


def _first_line(error: DBAPIError) -> str:
    """The driver's message without the statement's parameters: they may be personal data."""
    lines = str(error.orig).strip().splitlines()
    return lines[0] if lines else type(error.orig).__name__
