"""The line from open batches to final anchors, and status changes to the chain.

Every function may be killed anywhere and called again: it goes on from what the database and the
contract say.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anchor_service import batch_store, errands, gates, inclusions, outbox, subjects
from anchor_service.errands import Anchor
from anchor_service.errors import Blocked, StillPending
from anchor_service.lifecycle import PENDING_INTENTS, BatchState, IntentState, Moment
from anchor_service.sealing import seal
from anchor_service.status_changes import finish_adopted, send_changes
from anchor_service.submitter import Outcome
from registry.issuer_settings import MAIN

if TYPE_CHECKING:
    from anchor_service.batch_store import Batch
    from anchor_service.chain import Chain
    from anchor_service.database import Database
    from anchor_service.opening import Desk
    from anchor_service.submitter import Submitter, Watch
    from registry.approval_settings import ApprovalSettings
    from registry.values import Address, IssuerId

# Batches to go on with. BLOCKED ones are tried again: the person may have acted.
_UNFINISHED = (BatchState.SEALED, BatchState.SIGNED, BatchState.SUBMITTED, BatchState.BLOCKED)
# A call that keeps reverting though its estimate passes is not tried for ever.
_ROUNDS = 3
_WEEK_S = 7 * 86400


@dataclass(frozen=True, slots=True)
class Line:
    """What one run works with, and for whom.

    approval: what waits for people. handle: the issuer's. finality_depth: blocks on top that count
    as final where the chain's own tag is not believed. poll: seconds between looks for finality.
    """

    desk: Desk
    registry: Address
    issuer_id: IssuerId
    watch: Watch
    approval: ApprovalSettings
    handle: str = MAIN
    finality_depth: int | None = None
    poll: float = 4.0

    @property
    def database(self) -> Database:
        return self.desk.database

    @property
    def chain(self) -> Chain:
        return self.desk.chain

    @property
    def submitter(self) -> Submitter:
        return self.desk.submitter


def seal_open(line: Line) -> list[int]:
    """Seal every open batch that has credentials; the seals are durable on return."""
    with line.database.read() as connection:
        waiting = batch_store.open_batches(connection, line.handle)
    done = []
    for batch_id in waiting:
        with line.database.write() as connection:
            found = batch_store.unsealed(connection, batch_id)
            if found is None or not gates.may_seal(connection, batch_id, line.approval):
                continue
            ids, digests = found
            sealed = seal(line.issuer_id, digests, os.urandom)
            batch_store.store_seal(
                connection, batch_id, ids, sealed, line.chain.id, line.registry, _now()
            )
        done.append(batch_id)
        line.watch(Moment.SEALED)
    return done


def submit(line: Line) -> None:
    """Bring every sealed batch and every wanted status change into a block.

    What is blocked is noted in the database and does not hold up the rest. Raises StillPending.
    """
    resume_pending(line.desk)
    with line.database.read() as connection:
        batches = batch_store.sealed_batches(connection, *_UNFINISHED, issuer=line.handle)
    for batch in batches:
        if (batch.chain, batch.registry) != (line.chain.id, line.registry):
            continue
        try:
            _anchor(line, batch)
        except Blocked as error:
            _block(line.desk, batch, error)
    send_changes(line)


def resume_pending(desk: Desk) -> None:
    """Finish what earlier runs have reserved, signed or sent, lowest nonce first."""
    with desk.database.read() as connection:
        pending = outbox.intents(connection, desk.chain.id, desk.account, *PENDING_INTENTS)
        batches = [
            batch_store.get_batch(connection, one.batch) if one.batch is not None else None
            for one in pending
        ]
    for intent, batch in zip(pending, batches, strict=True):
        try:
            desk.submitter.resume(errands.rebuild(intent, batch), intent)
        except Blocked as error:
            if batch is None:
                raise
            _block(desk, batch, error)


def settle(line: Line, wait_s: float) -> bool:
    """Look until everything included is final; False where `wait_s` was not enough.

    Raises StillPending where a block has vanished: what it held must be sent again.
    """
    deadline = time.monotonic() + wait_s
    while True:
        if _look(line):
            return True
        if line.desk.mine is not None:
            line.desk.mine()
        elif time.monotonic() > deadline:
            return False
        else:
            time.sleep(line.poll)


def _anchor(line: Line, batch: Batch) -> None:
    for _ in range(_ROUNDS):
        with line.database.read() as connection:
            batch = batch_store.get_batch(connection, batch.id)
        if batch.state is BatchState.INCLUDED:
            return
        errand = Anchor(batch)
        outcome = line.submitter.carry_out(errand, batch.id)
        if outcome is Outcome.INCLUDED or (
            outcome is Outcome.DONE_ALREADY and _adopt(line, errand)
        ):
            return
    raise StillPending(f"batch {batch.id}: the anchor was sent and is not there; run it again")


def _adopt(line: Line, errand: Anchor) -> bool:
    """Take the anchor that stands on the chain as ours; False if it is gone again."""
    found = errand.adopt(line.chain)
    if found is None:
        return False
    with line.database.write() as connection:
        inclusions.put_inclusion(connection, found, None, errand.batch.id)
        state = batch_store.get_batch(connection, errand.batch.id).state
        batch_store.move_batch(connection, errand.batch.id, state, BatchState.INCLUDED, _now())
    line.watch(Moment.INCLUDED)
    return True


def _block(desk: Desk, batch: Batch, error: Blocked) -> None:
    with desk.database.write() as connection:
        state = batch_store.get_batch(connection, batch.id).state
        reason = f"{error.reason}: {error}"
        if state is BatchState.BLOCKED:
            batch_store.note_reason(connection, batch.id, reason)
        else:
            batch_store.move_batch(connection, batch.id, state, BatchState.BLOCKED, _now(), reason)


def _look(line: Line) -> bool:
    """Check every recent inclusion once; True when nothing waits for finality."""
    final = _final_number(line)
    waiting = False
    with line.database.read() as connection:
        recent = inclusions.recent_inclusions(connection, line.chain.id, _now() - _WEEK_S)
    for found in recent:
        block = line.chain.block(found.inclusion.block_number)
        if block is None or block.hash != found.inclusion.block_hash:
            _undo(line, found.intent, found.batch)
            raise StillPending(
                f"block {found.inclusion.block_number} has vanished from the chain; "
                "run the command again to send what it held"
            )
        if found.final:
            continue
        if found.inclusion.block_number <= final:
            _finish(line, found.intent, found.batch)
        else:
            waiting = True
    return finish_adopted(line) and not waiting


def _final_number(line: Line) -> int:
    if line.finality_depth is None:
        return line.chain.head("finalized").number
    return line.chain.head().number - line.finality_depth


def _finish(line: Line, intent: int | None, batch: int | None) -> None:
    with line.database.write() as connection:
        if intent is not None:
            subjects.move(
                connection, outbox.get_intent(connection, intent), IntentState.FINAL, _now()
            )
        elif batch is not None:
            batch_store.move_batch(connection, batch, BatchState.INCLUDED, BatchState.FINAL, _now())
    line.watch(Moment.FINAL)


def _undo(line: Line, intent: int | None, batch: int | None) -> None:
    """A reorganised chain: back to sent, with the same nonce and the same attempts."""
    with line.database.write() as connection:
        inclusions.forget_inclusion(connection, intent, batch)
        if intent is not None:
            subjects.move(
                connection, outbox.get_intent(connection, intent), IntentState.SENT, _now()
            )
        elif batch is not None:
            before = batch_store.get_batch(connection, batch).state
            batch_store.move_batch(connection, batch, before, BatchState.SUBMITTED, _now())


def _now() -> int:
    return int(time.time())
