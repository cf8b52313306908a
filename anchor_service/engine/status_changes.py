"""Wanted status changes to as few transactions as the gas limit allows."""

from __future__ import annotations

import time
from itertools import groupby
from typing import TYPE_CHECKING

from anchor_service.engine.contract import BatchMasks
from anchor_service.engine.errands import ChangeStatuses, holds
from anchor_service.errors import Blocked
from anchor_service.store import approvals, batch_store, changes, gates, notices
from anchor_service.store.lifecycle import ChangeState
from registry.formats.storage import (
    Status,
    batch_slot,
    decode_batch,
    decode_word,
    lane_status,
    masks,
    word_and_lane,
    word_slot,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anchor_service.engine.anchoring import Line
    from anchor_service.engine.schedule import Due
    from anchor_service.operating.opening import Desk
    from anchor_service.store.batch_store import Batch
    from anchor_service.store.changes import Change
    from anchor_service.store.outbox import Intent
    from registry.formats.events import StatusChange

# A first write of a word costs up to 35,000 gas with its batch's log, calldata and fold; a call
# must stay under 16.7 million.
_WORDS_A_CALL = 300


def send_changes(line: Line, due: Due) -> bool:
    """Send the wanted changes that are due; drop those that the chain can't make any more.

    Changes of a batch that is not anchored yet stay wanted, as do those of a credential with
    another change on its way: only what has landed or can't land any more is followed by the next.
    True where another round is due. Raises ChainError, LeaseLost.
    """
    now = int(time.time())
    with line.database.read() as connection:
        asked = changes.in_state(connection, ChangeState.WANTED, line.handle)
        free = gates.sendable(connection, asked, line.handle, line.approval, now)
    if len(free) < len(asked):
        _tell_what_waits(line, now)
    wanted = due.changes(free, now)
    if not wanted:
        return False
    with line.database.read() as connection:
        busy = changes.in_flight(connection, [one.id for one in wanted])
        batches = {
            batch.id: batch
            for batch in batch_store.sealed_batches(connection, issuer=line.handle)
            if batch.issuer_id == line.issuer_id and batch.registry == line.registry
        }
    placed = [one for one in wanted if one.batch in batches and one.id not in busy]
    left = _without_settled(line, placed, batches) if placed else []
    sent = False
    # Runs of one kind keep the order in which a person asked.
    for kind, run in groupby(left, key=lambda one: one.change):
        for part in _parts(list(run)):
            ids = [one.id for one in part]
            try:
                _send(line, _errand(line, kind, part, batches), ids)
            except Blocked as error:
                _note(line.desk, ids, error)
                return sent
            sent = True
    return sent


def _tell_what_waits(line: Line, now: int) -> None:
    with line.database.read() as connection:
        held = approvals.held_revocations(connection, line.handle, line.approval, now)
        need = notices.Need(line.handle, notices.CHANGES_APPROVAL)
        if not held or notices.was_told(connection, need, now):
            return
    with line.database.write() as connection:
        line.submitter.fence(connection)
        notices.changes_wait(connection, line.handle, len(held), now)


def note_blocked(desk: Desk, intent: Intent, error: Blocked) -> None:
    """Say at the changes that an intent carries what is in their way."""
    with desk.database.read() as connection:
        ids = changes.of_intent(connection, intent.id, ChangeState.SENT)
    _note(desk, ids, error)


def _note(desk: Desk, ids: list[int], error: Blocked) -> None:
    with desk.database.write() as connection:
        desk.submitter.fence(connection)
        reason = f"{error.reason}: {error}"
        changes.note_blocked(connection, ids, reason)
        if ids:
            notices.changes_blocked(connection, ids, reason, int(time.time()))


def _send(line: Line, errand: ChangeStatuses, ids: list[int]) -> None:
    intent = line.submitter.start(errand, None, ids)
    # None: done by another in this moment; the next round adopts it.
    if intent is not None:
        line.submitter.step(errand, intent)


def _without_settled(line: Line, wanted: list[Change], batches: dict[int, Batch]) -> list[Change]:
    """Ask the chain: what is so already is included, what became impossible is dropped."""
    statuses = read_statuses(line, wanted, batches)
    left = []
    already, revoked = [], []
    for one in wanted:
        status = statuses[one.id]
        if status is Status.UNANCHORED:
            continue
        if holds(one.change, status):
            already.append(one.id)
        elif status is Status.REVOKED:
            revoked.append(one.id)
        else:
            left.append(one)
    now = int(time.time())
    if not already and not revoked:
        return left
    with line.database.write() as connection:
        line.submitter.fence(connection)
        changes.move(connection, already, ChangeState.WANTED, ChangeState.INCLUDED, now)
        changes.move(
            connection,
            revoked,
            ChangeState.WANTED,
            ChangeState.DROPPED,
            now,
            reason="revoked already, which is final",
        )
    return left


def read_statuses(
    line: Line, asked: list[Change], batches: dict[int, Batch], tag: str = "latest"
) -> dict[int, Status]:
    """Status by the change's number, whole words at a time."""
    numbers = sorted({one.batch for one in asked})
    places = sorted({(one.batch, word_and_lane(one.index)[0]) for one in asked})
    slots = [batch_slot(batches[number].issuer_id, batches[number].root) for number in numbers]
    slots += [
        word_slot(batches[number].issuer_id, batches[number].root, word) for number, word in places
    ]
    values = line.chain.storage(line.registry, slots, tag)
    records = dict(zip(numbers, map(decode_batch, values), strict=False))
    words = dict(zip(places, map(decode_word, values[len(numbers) :]), strict=True))
    found = {}
    for one in asked:
        record = records[one.batch]
        word, lane = word_and_lane(one.index)
        if record is None:
            found[one.id] = Status.UNANCHORED
        elif record.revoked:
            found[one.id] = Status.REVOKED
        else:
            found[one.id] = lane_status(words[one.batch, word], lane)
    return found


def _parts(run: list[Change]) -> Iterator[list[Change]]:
    """Cut a run into calls of at most _WORDS_A_CALL words, each word whole in one call."""
    ordered = sorted(run, key=lambda one: (one.batch, one.index))
    part: list[Change] = []
    seen: set[tuple[int, int]] = set()
    for one in ordered:
        place = one.batch, word_and_lane(one.index)[0]
        if place not in seen and len(seen) == _WORDS_A_CALL:
            yield part
            part, seen = [], set()
        seen.add(place)
        part.append(one)
    if part:
        yield part


def _errand(
    line: Line, kind: StatusChange, part: list[Change], batches: dict[int, Batch]
) -> ChangeStatuses:
    grouped: dict[int, list[int]] = {}
    for one in part:
        grouped.setdefault(one.batch, []).append(one.index)
    listed = tuple(
        BatchMasks(batches[number].root, masks(indexes)) for number, indexes in grouped.items()
    )
    return ChangeStatuses(line.registry, line.issuer_id, kind, listed)
