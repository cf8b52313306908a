"""Steps 7, 8, 9 and 11 of the ladder as of a past moment.

What the issuer's closed history says of then is certain, for it is final. What came since does not
count, with one exception: distrust reaches back, and the report says when it became known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.formats.storage import Status, lane_status, word_and_lane
from registry.moments import unix_stamp
from registry.proofs.past import changes_json, operation, story, told_json
from registry.reasons import Reason
from registry.report import Check, Step, Verdict

if TYPE_CHECKING:
    from registry.formats.receipt import Receipt
    from registry.formats.strict_json import JsonObject
    from registry.proofs.evidence import Evidence
    from registry.proofs.past import Past


def history_sentence(past: Past) -> str:
    """How the past is known; it follows a semicolon."""
    history = past.history
    return (
        f"the issuer's {history.slot.count} operations up to final block {history.block.number} "
        f"are complete by its history hash, {history.source.sentence()}"
    )


def history_facts(past: Past) -> JsonObject:
    issuer = past.issuer
    return {
        "block": past.history.block.number,
        "operations": past.history.slot.count,
        "operationsThen": 0 if issuer is None else issuer.operations,
        "hash": "0x" + past.history.slot.history.hex(),
        "source": past.history.source.to_json(),
    }


def check_anchor(past: Past, receipt: Receipt, facts: Evidence) -> Check | None:
    """Step 7 where the moment makes a difference; None where storage's answer of now is it."""
    batch, said = facts.head.batch, facts.anchor_source.sentence()
    if batch is None or batch.size != receipt.tree_size:
        return None
    told = past.anchor(receipt.root)
    when = f"{unix_stamp(batch.anchored_at)} as the issuer's operation {batch.operation}"
    where = "" if told is None or told.block is None else f", in block {told.block}"
    known: JsonObject = {
        "anchoredAt": unix_stamp(batch.anchored_at),
        "operation": batch.operation,
        **({} if told is None or told.block is None else {"block": told.block}),
    }
    if batch.anchored_at > past.moment:
        reason = f"It was not anchored yet: it was anchored {when}{where}, {said}."
        return Check.invalid(
            Step.ANCHOR, Verdict.NOT_ANCHORED, reason, Reason.NOT_YET_ANCHORED, **known
        )
    return Check.valid(Step.ANCHOR, f"Anchored {when}{where}, {said}.", Reason.ANCHORED, **known)


def distrust(past: Past, anchored_at: int) -> tuple[str, JsonObject] | None:
    """Why the issuer's own distrust covers an anchor of this time, as of any moment; or None."""
    told = past.distrust(anchored_at)
    if told is None:
        return None
    later = ""
    if told.event.timestamp > past.moment:
        later = f" (after {past.stamp}: distrust reaches back)"
    return f"declared by {operation(told)}{later}", {"declaredBy": told_json(told)}


def standing_note(past: Past) -> str:
    issuer = past.issuer
    if issuer is None:
        return ""
    state = "retired" if issuer.retired else "paused" if issuer.paused else ""
    return f" It was {state} then, so it anchored nothing new." if state else ""


def check_status(past: Past, receipt: Receipt, facts: Evidence) -> Check:
    status = past.status(receipt)
    if facts.head.batch is None or facts.head.batch.anchored_at > past.moment:
        reason = "What was not anchored had no status."
        return Check.skipped(Step.STATUS, reason, Reason.NOTHING_TO_JUDGE)
    if not past.covered or status is Status.UNANCHORED:
        return _not_final_then(past, receipt, facts, status)
    before, since = past.changes(receipt)
    known: JsonObject = {
        "status": status.name.lower(),
        "at": past.stamp,
        "changes": changes_json(before),
        "since": changes_json(since),
    }
    said = past.history.source.sentence()
    later = f" Since then: {story(since)}." if since else ""
    if status is Status.ACTIVE:
        told = f": {story(before)}" if before else ", nor ever before"
        sentence = f"It was neither revoked nor suspended then{told}, {said}.{later}"
        return Check.valid(Step.STATUS, sentence, Reason.ACTIVE, **known)
    *earlier, last = before
    ago = f" (before that: {story(earlier)})" if earlier else ""
    sentence = f"It was {last.sentence()}{ago}, {said}.{later}"
    if status is Status.REVOKED:
        return Check.invalid(Step.STATUS, Verdict.REVOKED, sentence, Reason.REVOKED, **known)
    return Check.invalid(Step.STATUS, Verdict.SUSPENDED, sentence, Reason.SUSPENDED, **known)


def _not_final_then(past: Past, receipt: Receipt, facts: Evidence, final: Status) -> Check:
    """The moment is later than the history's end: only what is for ever can be said."""
    _, lane = word_and_lane(receipt.index)
    head, batch = facts.head, facts.head.batch
    seen = head.block.timestamp <= past.moment
    whole = batch is not None and batch.revoked
    revoked = whole or lane_status(head.word, lane) is Status.REVOKED
    known: JsonObject = {"at": past.stamp, "finalBlock": past.history.block.number}
    if final is Status.REVOKED or (seen and revoked):
        told = past.changes(receipt)[0] if final is Status.REVOKED else []
        how = told[-1].sentence() if told else "revoked in a block that is not final yet"
        reason = f"It was {how}, {facts.head.source.sentence()}."
        return Check.invalid(Step.STATUS, Verdict.REVOKED, reason, Reason.REVOKED, **known)
    end = unix_stamp(past.history.block.timestamp)
    reason = f"What is final ends at {end}, before {past.stamp}: its status then may still change."
    return Check.unknown(Step.STATUS, reason, Reason.STATUS_NOT_FINAL_THEN, **known)


def later_revocation(past: Past, receipt: Receipt) -> str:
    """What a reader of a good verdict about the past must not miss; empty where nothing came."""
    for change in past.changes(receipt)[1]:
        if change.status is Status.REVOKED:
            return f" (but {change.sentence()})"
    return ""
