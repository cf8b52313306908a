"""Many rows into PostgreSQL by its COPY, which reads no statement and binds no parameters.

An INSERT of 512 rows has thousands of placeholders: finding them costs the driver as much as
writing the rows does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection, Table


def copy_in(
    connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Within the caller's transaction. Raises DBAPIError as any other statement does."""
    from psycopg import Error

    dialect = connection.dialect
    types = [table.c[name].type.compile(dialect).lower() for name in columns]
    # Names of our own tables and columns.
    statement = f"COPY {table.name} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
    except Error as error:
        # No parameters: they may be personal data.
        raise DBAPIError.instance(statement, None, error, Error, dialect=dialect) from error
