"""The line from open batches to blocks, and status changes to the chain, step by step.

Every function may be killed anywhere and called again: it goes on from what the database and the
contract say. None waits for the chain but `submit`, for commands.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anchor_service.engine import errands
from anchor_service.engine.deciding import retry_after, retry_due
from anchor_service.engine.errands import Anchor
from anchor_service.engine.schedule import ALL, Due
from anchor_service.engine.status_changes import note_blocked, send_changes
from anchor_service.engine.submitter import Outcome
from anchor_service.errors import Blocked, StillPending
from anchor_service.store import batch_store, gates, inclusions, notices, outbox
from anchor_service.store.lifecycle import PENDING_INTENTS, BatchState, Moment
from anchor_service.store.sealing import seal
from registry.workspaces.issuer_settings import MAIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from anchor_service.engine.chain import Chain
    from anchor_service.engine.submitter import Submitter, Watch
    from anchor_service.operating.opening import Desk
    from anchor_service.store.batch_store import Batch, Waiting
    from anchor_service.store.database import Database
    from anchor_service.store.outbox import Intent
    from registry.values import Address, IssuerId
    from registry.workspaces.approval_settings import ApprovalSettings

_GAPS_A_ROUND = 16
# Batches to go on with. BLOCKED ones are tried again: the person may have acted.
_UNFINISHED = (BatchState.SEALED, BatchState.SIGNED, BatchState.SUBMITTED, BatchState.BLOCKED)


class _Waits(Exception):
    """People have not approved yet."""


@dataclass(frozen=True, slots=True)
class Line:
    """One issuer at the desk of its account.

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


def seal_open(line: Line, due: Due = ALL) -> list[int]:
    """Seal the open batches that are due, if every approval is there; durable on return."""
    with line.database.read() as connection:
        waiting = batch_store.waiting_batches(connection, line.handle, due.count_to)
    now = _now()
    done = []
    for one in waiting:
        if due.batch(one, now) and _close(line, one):
            _seal(line, one.id)
            done.append(one.id)
            line.watch(Moment.SEALED)
    return done


def _close(line: Line, one: Waiting) -> bool:
    """Let the batch take no more credentials, if what is in it then is approved."""
    if one.closed is not None:
        return True
    try:
        with line.database.write() as connection:
            line.submitter.fence(connection)
            batch_store.close(connection, one.id, _now())
            _ask_approval(connection, line, one.id)
    except _Waits:
        _tell_that_it_waits(line, one.id)
        return False
    return True


def _tell_that_it_waits(line: Line, batch_id: int) -> None:
    need = notices.Need(line.handle, notices.BATCH_APPROVAL, batch_id)
    with line.database.read() as connection:
        if notices.was_told(connection, need, _now()):
            return
    with line.database.write() as connection:
        line.submitter.fence(connection)
        notices.batch_waits(connection, batch_id, _now())


def _ask_approval(connection: Connection, line: Line, batch_id: int) -> None:
    """Out of the caller's transaction where people have not approved: the batch stays open."""
    if not gates.may_seal(connection, batch_id, line.approval):
        raise _Waits


def _seal(line: Line, batch_id: int) -> None:
    # The tree is made outside of any transaction: nobody who adds credentials waits for it.
    with line.database.read() as connection:
        ids, digests = batch_store.unsealed(connection, batch_id)
    sealed = seal(line.issuer_id, digests, os.urandom)
    with line.database.write() as connection:
        line.submitter.fence(connection)
        batch_store.store_seal(
            connection, batch_id, ids, sealed, line.chain.id, line.registry, _now()
        )


def step_pending(desk: Desk) -> bool:
    """Take each of the sender's nonces a step on, the lowest first; True if a round is due again.

    What needs a person is noted where it belongs. Raises ChainError, LeaseLost.
    """
    with desk.database.read() as connection:
        pending = outbox.intents(connection, desk.chain.id, desk.account, *PENDING_INTENTS)
        batches = [
            batch_store.get_batch(connection, one.batch) if one.batch is not None else None
            for one in pending
        ]
    left = False
    for intent, batch in zip(pending, batches, strict=True):
        try:
            _, outcome = desk.submitter.step(errands.rebuild(intent, batch), intent)
            left = left or outcome is not Outcome.INCLUDED
        except Blocked as error:
            left = True
            _note(desk, intent, error)
    if pending:
        _fill_gaps(desk, pending[0].nonce)
    return left


def start_batches(line: Line, *, patient: bool = True) -> bool:
    """Send the issuer's sealed batches that have no nonce yet; True if a round is due again.

    patient: those that are BLOCKED wait until they are due. Raises ChainError, LeaseLost.
    """
    now = _now()
    with line.database.read() as connection:
        batches = batch_store.sealed_batches(connection, *_UNFINISHED, issuer=line.handle)
        taken = outbox.pending_batches(connection)
    started = False
    for batch in batches:
        home = (batch.chain, batch.registry) == (line.chain.id, line.registry)
        waits = patient and batch.state is BatchState.BLOCKED and not retry_due(batch.retry_at, now)
        if batch.id in taken or not home or waits:
            continue
        try:
            started = _start(line, batch) or started
        except Blocked as error:
            _block(line.desk, batch.id, error)
    return started


def advance(lines: Sequence[Line], dues: Sequence[Due], *, patient: bool = True) -> bool:
    """One round for the issuers of one desk: seal, send, go on; True if a round is due again.

    dues: what is due of each. Raises ChainError, LeaseLost.
    """
    again = step_pending(lines[0].desk)
    begun = False
    for line, due in zip(lines, dues, strict=True):
        seal_open(line, due)
        begun = start_batches(line, patient=patient) or begun
        begun = send_changes(line, due) or begun
    if begun:
        step_pending(lines[0].desk)
    return begun or again


def submit(line: Line) -> None:
    """Bring every sealed batch and every wanted status change into a block, and wait for it.

    What is blocked is noted in the database and does not hold up the rest. Raises StillPending.
    """
    deadline = time.monotonic() + line.submitter.limits.patience
    first = True
    while advance([line], [ALL.but_sealing()], patient=not first):
        first = False
        if time.monotonic() > deadline:
            raise StillPending(_whats_pending(line.desk))
        time.sleep(line.submitter.limits.poll)


def resume_pending(desk: Desk) -> None:
    """Finish what earlier runs have reserved, signed or sent. Raises StillPending."""
    deadline = time.monotonic() + desk.submitter.limits.patience
    while step_pending(desk):
        if time.monotonic() > deadline:
            raise StillPending(_whats_pending(desk))
        time.sleep(desk.submitter.limits.poll)


def _start(line: Line, batch: Batch) -> bool:
    errand = Anchor(batch)
    intent = line.submitter.start(errand, batch.id)
    if intent is None:
        return not _adopt(line, errand)
    line.submitter.step(errand, intent)
    return True


def _adopt(line: Line, errand: Anchor) -> bool:
    """Take the anchor that stands on the chain as ours; False if it is gone again."""
    found = errand.adopt(line.chain)
    if found is None:
        return False
    with line.database.write() as connection:
        line.submitter.fence(connection)
        inclusions.put_inclusion(connection, found, None, errand.batch.id)
        state = batch_store.get_batch(connection, errand.batch.id).state
        batch_store.move_batch(connection, errand.batch.id, state, BatchState.INCLUDED, _now())
    line.watch(Moment.INCLUDED)
    return True


def _fill_gaps(desk: Desk, lowest: int) -> None:
    """Below the lowest pending nonce a reorganisation may have freed one: nothing would go on.

    What was stored for it is sent again; where there is nothing, a transfer to ourselves is.
    """
    free = desk.chain.nonce(desk.account)
    for nonce in range(free, min(lowest, free + _GAPS_A_ROUND)):
        with desk.database.read() as connection:
            found = outbox.at_nonce(connection, desk.chain.id, desk.account, nonce)
        try:
            if found is None:
                desk.submitter.fill(nonce)
            else:
                desk.submitter.rebroadcast(found)
        except Blocked:
            return  # said where the next batch is tried


def _note(desk: Desk, intent: Intent, error: Blocked) -> None:
    if intent.batch is not None:
        _block(desk, intent.batch, error)
    else:
        note_blocked(desk, intent, error)


def _block(desk: Desk, batch_id: int, error: Blocked) -> None:
    with desk.database.write() as connection:
        desk.submitter.fence(connection)
        batch = batch_store.get_batch(connection, batch_id)
        if batch.state in (BatchState.INCLUDED, BatchState.FINAL):
            return  # adopted; only what is left of our own nonce is in need
        reason = f"{error.reason}: {error}"
        batch_store.block(connection, batch, reason, retry_after(batch.tries), _now())


def _whats_pending(desk: Desk) -> str:
    with desk.database.read() as connection:
        pending = outbox.intents(connection, desk.chain.id, desk.account, *PENDING_INTENTS)
    if not pending:
        return "what was sent is not there; run the command again"
    return desk.submitter.waiting_for(pending[0])


def _now() -> int:
    return int(time.time())
