"""Steps 6 to 9 and 11 of the ladder: what the chain's facts and the policy say.

What cannot be taken back on the chain (an anchor, a revocation, distrust) counts however old the
facts are; what can change needs fresh ones. What a past moment makes different is in `past_checks`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.formats.storage import Status, lane_status, word_and_lane
from registry.judging import past_checks
from registry.judging.acceptance import only_for
from registry.moments import duration, unix_stamp
from registry.reasons import Reason
from registry.report import Check, Outcome, Step, Verdict, printable

if TYPE_CHECKING:
    from registry.formats.receipt import Receipt
    from registry.formats.strict_json import JsonObject
    from registry.judging.acceptance import Acceptance
    from registry.judging.chain_case import ChainCase
    from registry.proofs.evidence import Evidence, Snapshot


# (6) evidence: are there facts about this anchor, at one with themselves, and fresh?


def check_evidence(case: ChainCase) -> Check:
    facts = case.facts
    if facts is None:
        assert case.fault is not None
        return Check.unknown(Step.EVIDENCE, f"{case.fault.sentence}.", case.fault.reason)
    read = f"Read from {facts.chain} {facts.freshness()}"
    known = evidence_json(facts)
    if case.past is not None:
        read += f"; {past_checks.history_sentence(case.past)}"
        known["history"] = past_checks.history_facts(case.past)
    notes = "".join(f" {printable(note, 300)}." for note in facts.notes)
    if case.stale:
        limit = case.policy.max_age_s
        reason = f"{read}. That is older than the {duration(limit)} that policy allows.{notes}"
        if case.past is not None:
            reason += " Distrust that was declared since would count."
        return Check.unknown(Step.EVIDENCE, reason, Reason.TOO_OLD, maxAge=limit, **known)
    return Check.valid(Step.EVIDENCE, f"{read}.{notes}", Reason.CHAIN_READ, **known)


# (7) anchor: did the issuer anchor this root, with this size?


def check_anchor(case: ChainCase) -> Check:
    facts = case.believed
    if facts is None:
        return _not_believed(case, Step.ANCHOR)
    if case.past is not None:
        check = past_checks.check_anchor(case.past, case.receipt, facts)
        if check is not None:
            return check
    said = facts.anchor_source.sentence()
    batch = facts.head.batch
    if batch is None and case.stale and not _is_settled(case):
        reason = "It was not anchored then, but may be since."
        return Check.unknown(Step.ANCHOR, reason, Reason.MAY_BE_ANCHORED_SINCE)
    if batch is None:
        reason = f"The issuer has anchored no such root on {facts.chain} {facts.freshness()}."
        return Check.invalid(Step.ANCHOR, Verdict.NOT_ANCHORED, reason, Reason.NO_SUCH_ANCHOR)
    known: JsonObject = {
        "anchoredAt": unix_stamp(batch.anchored_at),
        "operation": batch.operation,
        "size": batch.size,
    }
    if batch.size != case.receipt.tree_size:
        sizes = f"{batch.size} leaves on the chain, {case.receipt.tree_size} in the receipt"
        reason = f"The anchored batch has another size ({sizes}), {said}."
        return Check.invalid(Step.ANCHOR, Verdict.NOT_ANCHORED, reason, Reason.OTHER_SIZE, **known)
    when = unix_stamp(batch.anchored_at)
    sentence = f"Anchored {when} as the issuer's operation {batch.operation}, {said}."
    return Check.valid(Step.ANCHOR, sentence, Reason.ANCHORED, **known)


# (8) standing: does policy trust who anchored it, to speak for whom the credential names?


def check_standing(case: ChainCase) -> Check:
    accepted = case.acceptance
    refusal = _registry_refusal(case)
    if refusal is None and accepted.outcome is Outcome.INVALID:
        refusal = accepted.reason, accepted.sentence
    if refusal is not None:
        reason, sentence = refusal
        return Check.invalid(Step.STANDING, Verdict.ISSUER_UNTRUSTED, sentence, reason)
    if case.believed is None:
        sentence = f"{accepted.sentence} {case.why_not_believed()}"
        return Check.skipped(Step.STANDING, sentence, Reason.NOT_BELIEVED)
    return _check_record(case, case.believed, accepted)


def _check_record(case: ChainCase, facts: Evidence, accepted: Acceptance) -> Check:
    """What the registry itself says of an issuer that policy does not refuse."""
    record = facts.head.issuer
    if record is None and case.stale and not _is_settled(case):
        sentence = f"{accepted.sentence} It was not registered then."
        return Check.unknown(Step.STANDING, sentence, Reason.MAY_BE_REGISTERED_SINCE)
    if record is None:
        sentence = f"No such issuer is registered on {facts.chain} {facts.freshness()}."
        return Check.invalid(
            Step.STANDING, Verdict.ISSUER_UNTRUSTED, sentence, Reason.NOT_REGISTERED
        )
    if (distrust := _distrust(case, facts)) is not None:
        return distrust
    if accepted.outcome is Outcome.UNKNOWN:
        return Check.unknown(Step.STANDING, accepted.sentence, accepted.reason)
    state = "retired" if record.retired else "paused" if record.paused else ""
    note = f" It is {state}, so it anchors nothing new." if state else ""
    if case.past is not None:
        note = past_checks.standing_note(case.past)
    sentence = f"{accepted.sentence} It is registered.{note}"
    return Check.valid(Step.STANDING, sentence, accepted.reason, name=accepted.name)


def _registry_refusal(case: ChainCase) -> tuple[Reason, str] | None:
    receipt = case.receipt
    pinned = case.policy.registry_at(receipt.chain, receipt.registry)
    if pinned is None:
        listed = case.policy.listed_registry(receipt.chain, receipt.registry)
        end = only_for(listed.purposes if listed else ())
        sentence = f"Policy trusts no registry at {receipt.registry} on {receipt.chain}{end}"
        return Reason.REGISTRY_NOT_TRUSTED, sentence
    if case.facts is not None and case.facts.code_hash != pinned.code_hash:
        found = f"code hash {case.facts.code_hash}, not {pinned.code_hash}"
        said = case.facts.surest.source.sentence()
        sentence = f"The registry is not the one that policy trusts ({found}), {said}."
        return Reason.REGISTRY_IS_ANOTHER, sentence
    return None


def _distrust(case: ChainCase, facts: Evidence) -> Check | None:
    """Return how the issuer's own distrust covers this anchor, as of any moment; or None.

    The date is only ever lowered, so the newest block's covers the most.
    """
    assert facts.head.issuer is not None
    since, batch = facts.head.issuer.distrust_after, facts.head.batch
    if not since or batch is None or batch.anchored_at < since:
        return None
    final = facts.finalized.issuer
    is_final = final is not None and final.distrust_after == since
    snapshot = facts.finalized if is_final else facts.head
    open_end = "" if is_final else ", in a block not final yet"
    known = f"known {snapshot.standing()}{open_end}"
    more: JsonObject = {"distrustAfter": unix_stamp(since)}
    if case.past is not None and (told := past_checks.distrust(case.past, batch.anchored_at)):
        declared, facts_of_it = told
        known = f"{declared}, {snapshot.source.sentence()}"
        more |= facts_of_it
    sentence = (
        f"The issuer has declared its anchors from {unix_stamp(since)} on untrustworthy, and this "
        f"is one of them; {known}."
    )
    return Check.invalid(
        Step.STANDING, Verdict.ISSUER_UNTRUSTED, sentence, Reason.DISTRUSTED, **more
    )


# (9) status: is it active now? Of the two blocks the worse one counts.


def check_status(case: ChainCase) -> Check:
    facts = case.believed
    if facts is None:
        return _not_believed(case, Step.STATUS)
    if facts.head.batch is None:
        reason = "What is not anchored has no status."
        return Check.skipped(Step.STATUS, reason, Reason.NOTHING_TO_JUDGE)
    if case.past is not None:
        return past_checks.check_status(case.past, case.receipt, facts)
    return _check_status_now(case, facts)


def _check_status_now(case: ChainCase, facts: Evidence) -> Check:
    head = status_at(case.receipt, facts.head)
    final = status_at(case.receipt, facts.finalized)
    worse = max(head, final)
    standing = _status_standing(facts, head, final)
    note = _finality_note(head, final)
    told = f"{note}, known {standing}"
    known: JsonObject = {"status": head.name.lower(), "finalStatus": final.name.lower()}
    if worse is Status.REVOKED:
        return Check.invalid(
            Step.STATUS,
            Verdict.REVOKED,
            f"The issuer has revoked it{told}.",
            Reason.REVOKED,
            **known,
        )
    if case.stale:
        sentence = f"It was {worse.name.lower()}{note} {standing}; that may be past."
        return Check.unknown(Step.STATUS, sentence, Reason.STATUS_MAY_BE_PAST, **known)
    if worse is Status.SUSPENDED:
        return Check.invalid(
            Step.STATUS,
            Verdict.SUSPENDED,
            f"The issuer has suspended it{told}.",
            Reason.SUSPENDED,
            **known,
        )
    return Check.valid(
        Step.STATUS, f"Neither revoked nor suspended {standing}.", Reason.ACTIVE, **known
    )


def _status_standing(facts: Evidence, head: Status, final: Status) -> str:
    """As of which block the worse status holds: the surer one of the two, where both say so."""
    if head == final:
        return facts.freshness() if head is Status.ACTIVE else facts.surest.standing()
    return (facts.head if head > final else facts.finalized).standing()


def status_at(receipt: Receipt, snapshot: Snapshot) -> Status:
    if snapshot.batch is None:
        return Status.UNANCHORED
    if snapshot.batch.revoked:
        return Status.REVOKED
    _, lane = word_and_lane(receipt.index)
    return lane_status(snapshot.word, lane)


def _finality_note(head: Status, final: Status) -> str:
    if head > final and head is not Status.ACTIVE:
        return " in a block that is not final yet"
    if head < final:
        return " (a newer block, not final yet, says otherwise)"
    return ""


# (11) finality: can the anchor still vanish?


def check_finality(case: ChainCase) -> Check:
    facts = case.believed
    if facts is None:
        return _not_believed(case, Step.FINALITY)
    if facts.head.batch is None:
        reason = "What is not anchored cannot become final."
        return Check.skipped(Step.FINALITY, reason, Reason.NOTHING_TO_JUDGE)
    number = facts.finalized.block.number
    if facts.finalized.batch is None:
        reason = "The anchor's block is not final yet; ask again in some minutes."
        return Check.invalid(
            Step.FINALITY, Verdict.PENDING, reason, Reason.NOT_FINAL, finalBlock=number
        )
    reason = f"The anchor is final: it stands at final block {number}."
    return Check.valid(Step.FINALITY, reason, Reason.FINAL, finalBlock=number)


def evidence_json(facts: Evidence) -> JsonObject:
    """How the facts are known, and as of which blocks; source: the surest of the two."""
    return {
        "source": facts.surest.source.to_json(),
        "head": _snapshot_json(facts.head),
        "finalized": _snapshot_json(facts.finalized),
        "notes": list(facts.notes),
    }


def _snapshot_json(snapshot: Snapshot) -> JsonObject:
    block = snapshot.block
    return {
        "number": block.number,
        "hash": block.hash.to_hex(),
        "time": unix_stamp(block.timestamp),
        "source": snapshot.source.to_json(),
    }


def _not_believed(case: ChainCase, step: Step) -> Check:
    return Check.skipped(step, case.why_not_believed(), Reason.NOT_BELIEVED)


def _is_settled(case: ChainCase) -> bool:
    """Whether old facts say all there is to know: of a moment that had passed before them."""
    return case.past is not None and case.past.covered
