"""Status changes that another made: the final block that showed them, looked at for a week.

Nothing says which transaction made such a change. The block's hash stands for all before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from anchor_service.store.lifecycle import ChangeState
from anchor_service.store.schema import credential, placement, shown_change, status_change
from registry.values import BlockHash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

_CHUNK = 2000


@dataclass(frozen=True, slots=True)
class ShownChange:
    change: int
    batch: int
    block_number: int
    block_hash: BlockHash


def put_shown(
    connection: Connection, ids: Sequence[int], number: int, block: BlockHash, time: int
) -> None:
    """That this block showed the changes; time: its own, unix seconds."""
    if ids:
        connection.execute(
            shown_change.insert(),
            [
                {
                    "change": one,
                    "block_number": number,
                    "block_hash": bytes(block),
                    "block_time": time,
                }
                for one in ids
            ],
        )


def forget_shown(connection: Connection, ids: Sequence[int]) -> None:
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        connection.execute(delete(shown_change).where(shown_change.c.change.in_(chunk)))


def recently_shown(connection: Connection, issuer: str, since: int) -> list[ShownChange]:
    """What blocks after `since` (unix seconds) have shown, by block; not of what was erased."""
    query = (
        select(
            shown_change.c.change,
            credential.c.batch,
            shown_change.c.block_number,
            shown_change.c.block_hash,
        )
        .join(status_change, status_change.c.id == shown_change.c.change)
        .join(credential, credential.c.id == status_change.c.credential)
        .join(placement, placement.c.credential == credential.c.id)
        .where(
            status_change.c.state == ChangeState.FINAL,
            credential.c.issuer == issuer,
            shown_change.c.block_time >= since,
        )
        .order_by(shown_change.c.block_number, shown_change.c.change)
    )
    return [
        ShownChange(row[0], row[1], row[2], BlockHash(row[3])) for row in connection.execute(query)
    ]
