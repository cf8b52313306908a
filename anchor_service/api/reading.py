"""Short reads for many requests, over one connection for all that wait.

For what takes a few look-ups by key, of rows that never change once they are there: each query is
as of its own moment. A thread out of a pool, and a transaction, cost more than such a read does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from anchor_service.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from anchor_service.api.answers import Answer
    from anchor_service.store.database import Database

    Read = Callable[[Connection], Answer]


def reader(database: Database) -> Callable[[Sequence[Read]], Sequence[Answer | Exception]]:
    """Each read gets its answer, or what it raised."""

    def answer(reads: Sequence[Read]) -> Sequence[Answer | Exception]:
        try:
            with database.look() as connection:
                return [_told(read, connection) for read in reads]
        except DatabaseError as error:
            if len(reads) == 1:
                return [error]
            # After one that failed the transaction may be good for nothing: each alone.
            return [told for read in reads for told in answer([read])]

    return answer


def _told(read: Read, connection: Connection) -> Answer | Exception:
    try:
        return read(connection)
    except DBAPIError:
        raise
    except Exception as error:  # noqa: BLE001 - it is this asker's answer, not the group's
        return error
