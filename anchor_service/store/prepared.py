"""Queries that are asked many times a second: made with SQLAlchemy, run by the driver itself.

SQLAlchemy takes 60 to 200 µs of a core for a query that SQLite answers in 5 to 30. So it makes the
text, once for each dialect, and has no part in the rows. Whoever asks must be content with what the
driver gives: numbers, text, bytes and None.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection, Dialect, Select


class Prepared:
    """query: with a `bindparam` for each value; `limit` and constants are taken as they are."""

    def __init__(self, query: Select[Any]) -> None:
        self._query = query
        self._made: dict[str, tuple[str, dict[str, Any]]] = {}

    def rows(self, connection: Connection, **values: Any) -> list[tuple[Any, ...]]:
        """In the connection's transaction. Raises DBAPIError as any other query does."""
        dialect = connection.dialect
        text, constants = self._made.get(dialect.name) or self._make(dialect)
        driver: Any = connection.connection.driver_connection
        try:
            found: list[tuple[Any, ...]] = driver.execute(text, constants | values).fetchall()
        except dialect.loaded_dbapi.Error:
            # Asked again by SQLAlchemy, the fault comes again, and SQLAlchemy knows its errors:
            # which of them means that the pool's other connections are dead, too.
            return [tuple(row) for row in connection.exec_driver_sql(text, constants | values)]
        return found

    def _make(self, dialect: Dialect) -> tuple[str, dict[str, Any]]:
        # Both drivers take values by name; SQLAlchemy would give SQLite's by number.
        kind: Any = type(dialect)
        style = "named" if dialect.name == "sqlite" else dialect.paramstyle
        compiled = self._query.compile(dialect=kind(paramstyle=style))
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        made = self._made[dialect.name] = str(compiled), constants
        return made
