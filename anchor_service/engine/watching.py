"""From a block to finality, and a week beyond: an inclusion holds only while its block does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from anchor_service.engine.adopted_changes import finish_adopted, take_back
from anchor_service.errors import StillPending
from anchor_service.store import batch_store, inclusions, outbox, subjects
from anchor_service.store.lifecycle import BatchState, IntentState, Moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anchor_service.engine.anchoring import Line
    from anchor_service.store.inclusions import Recent

_WEEK_S = 7 * 86400


def look(lines: Sequence[Line], *, all_week: bool = True) -> tuple[bool, list[int]]:
    """Check the inclusions of one desk's issuers once.

    Whether something waits for finality, and the blocks that have vanished: what they held is on
    its way again. all_week: also what is final already. Raises ChainError, LeaseLost.
    """
    first = lines[0]
    now = int(time.time())
    with first.database.read() as connection:
        recent = inclusions.recent_inclusions(
            connection,
            first.chain.id,
            now - _WEEK_S,
            sender=first.desk.account,
            issuers=[line.handle for line in lines],
        )
    those = [one for one in recent if all_week or not one.final]
    waiting, vanished = _judge(first, those)
    for line in lines:
        if all_week:
            unclear, gone = take_back(line, now - _WEEK_S)
            waiting, vanished = waiting or unclear, vanished + gone
        waiting = not finish_adopted(line) or waiting
    return waiting, vanished


def settle(line: Line, wait_s: float) -> bool:
    """Look until everything included is final; False where `wait_s` was not enough.

    Raises StillPending where a block has vanished: what it held must be sent again.
    """
    deadline = time.monotonic() + wait_s
    while True:
        waiting, vanished = look([line])
        if vanished:
            raise StillPending(
                f"block {vanished[0]} has vanished from the chain; "
                "run the command again to send what it held"
            )
        if not waiting:
            return True
        if line.desk.mine is not None:
            line.desk.mine()
        elif time.monotonic() > deadline:
            return False
        else:
            time.sleep(line.poll)


def _judge(line: Line, those: Sequence[Recent]) -> tuple[bool, list[int]]:
    if not those:
        return False, []
    # The final number first: a block that is final stands below it in what is read after.
    final = line.chain.final(line.finality_depth).number
    hashes = line.chain.hashes(sorted({one.inclusion.block_number for one in those}))
    waiting, vanished = False, []
    for one in those:
        number = one.inclusion.block_number
        if number not in hashes:  # the nodes disagree
            waiting = True
        elif hashes[number] != one.inclusion.block_hash:
            _undo(line, one)
            vanished.append(number)
        elif not one.final and number <= final:
            _finish(line, one)
        else:
            waiting = waiting or not one.final
    return waiting, vanished


def _finish(line: Line, found: Recent) -> None:
    now = int(time.time())
    with line.database.write() as connection:
        line.submitter.fence(connection)
        if found.intent is not None:
            intent = outbox.get_intent(connection, found.intent)
            subjects.move(connection, intent, IntentState.FINAL, now)
        elif found.batch is not None:
            batch_store.move_batch(
                connection, found.batch, BatchState.INCLUDED, BatchState.FINAL, now
            )
    line.watch(Moment.FINAL)


def _undo(line: Line, found: Recent) -> None:
    """A reorganised chain: back to sent, with the same nonce and the same attempts."""
    now = int(time.time())
    with line.database.write() as connection:
        line.submitter.fence(connection)
        inclusions.forget_inclusion(connection, found.intent, found.batch)
        if found.intent is not None:
            intent = outbox.get_intent(connection, found.intent)
            outbox.forget_sends(connection, found.intent)
            subjects.move(connection, intent, IntentState.SENT, now)
        elif found.batch is not None:
            before = batch_store.get_batch(connection, found.batch).state
            batch_store.move_batch(connection, found.batch, before, BatchState.SUBMITTED, now)
