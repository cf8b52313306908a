"""Status changes that others made, or that stood before: to finality, and a week beyond."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from anchor_service.engine.errands import holds
from anchor_service.engine.status_changes import read_statuses
from anchor_service.store import batch_store, changes
from anchor_service.store.lifecycle import ChangeState
from anchor_service.store.shown_changes import forget_shown, put_shown, recently_shown

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from anchor_service.engine.anchoring import Line
    from anchor_service.store.batch_store import Batch
    from anchor_service.store.changes import Change


def take_back(line: Line, since: int) -> tuple[bool, list[int]]:
    """What is final, but in a block that has vanished, is judged anew by `finish_adopted`.

    since: unix seconds, of the blocks that are looked at. Whether the nodes disagree on one, and
    the vanished ones. Raises ChainError, LeaseLost.
    """
    with line.database.read() as connection:
        batches = _at_home(connection, line)
        shown = recently_shown(connection, line.handle, since)
    shown = [one for one in shown if one.batch in batches]
    if not shown:
        return False, []
    hashes = line.chain.hashes(sorted({one.block_number for one in shown}))
    gone = [
        one
        for one in shown
        if one.block_number in hashes and hashes[one.block_number] != one.block_hash
    ]
    ids = [one.change for one in gone]
    if ids:
        with line.database.write() as connection:
            line.submitter.fence(connection)
            forget_shown(connection, ids)
            _move(connection, ids, ChangeState.FINAL, ChangeState.INCLUDED)
    disagreed = any(one.block_number not in hashes for one in shown)
    return disagreed, [one.block_number for one in gone]


def finish_adopted(line: Line) -> bool:
    """Final once the final block shows them, or once what was asked for after them is final.

    What has vanished from the chain again, and is still the last that was asked for, is wanted
    again. False while one still waits. Raises ChainError, LeaseLost.
    """
    with line.database.read() as connection:
        batches = _at_home(connection, line)
        adopted = [one for one in changes.adopted(connection, line.handle) if one.batch in batches]
        followed = changes.followed(connection, [one.id for one in adopted])
    if not adopted:
        return True
    block = line.chain.final(line.finality_depth)
    statuses = read_statuses(line, adopted, batches, hex(block.number))
    shown = [one.id for one in adopted if holds(one.change, statuses[one.id])]
    unseen = [one for one in adopted if not holds(one.change, statuses[one.id])]
    past = [one.id for one in unseen if followed.get(one.id, False)]
    left = [one for one in unseen if not followed.get(one.id, False)]
    gone = _gone_again(line, [one for one in left if one.id not in followed], batches)
    if shown or past or gone:
        with line.database.write() as connection:
            line.submitter.fence(connection)
            _move(connection, shown + past, ChangeState.INCLUDED, ChangeState.FINAL)
            put_shown(connection, shown, block.number, block.hash, block.timestamp)
            _move(connection, gone, ChangeState.INCLUDED, ChangeState.WANTED)
    return not left


def _at_home(connection: Connection, line: Line) -> dict[int, Batch]:
    """Sealed batches by number; what is at home elsewhere is looked after from there."""
    return {
        batch.id: batch
        for batch in batch_store.sealed_batches(connection, issuer=line.handle)
        if (batch.chain, batch.registry) == (line.chain.id, line.registry)
    }


def _gone_again(line: Line, last: list[Change], batches: dict[int, Batch]) -> list[int]:
    """Those that a vanished block has undone: nobody sends them again but we."""
    if not last:
        return []
    statuses = read_statuses(line, last, batches)
    return [one.id for one in last if not holds(one.change, statuses[one.id])]


def _move(connection: Connection, ids: list[int], before: ChangeState, after: ChangeState) -> None:
    changes.move(connection, ids, before, after, int(time.time()))
