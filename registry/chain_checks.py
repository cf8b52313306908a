"""Steps 6 to 9 and 11 of the ladder: what the chain's facts and the policy say.

What cannot be taken back on the chain (an anchor, a revocation, distrust) counts however old the
facts are; what can change needs fresh ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from registry.evidence import EMPTY_CODE_HASH, Evidence, NoEvidence, Snapshot, Subject
from registry.moments import unix_stamp
from registry.report import Check, Step, Verdict, printable
from registry.storage import Status, lane_status, word_and_lane

if TYPE_CHECKING:
    from datetime import datetime

    from registry.policy import TrustedIssuer, TrustPolicy
    from registry.receipt import Receipt


@dataclass(frozen=True, slots=True)
class ChainCase:
    """A sealed credential before the chain.

    claimed_issuer: its own `issuer.id`. fault: why the evidence cannot be used, else None.
    facts: the evidence that can be. believed: the facts, where a contract that policy pins wrote
    them; what any other contract stores means nothing.
    """

    receipt: Receipt
    claimed_issuer: str
    policy: TrustPolicy
    fault: str | None
    facts: Evidence | None
    believed: Evidence | None
    stale: bool

    @classmethod
    def open(
        cls,
        receipt: Receipt,
        claimed_issuer: str,
        evidence: Evidence | NoEvidence,
        policy: TrustPolicy,
        now: datetime,
    ) -> ChainCase:
        if isinstance(evidence, NoEvidence):
            fault: str | None = f"The chain was not read: {printable(evidence.reason, 300)}"
            return cls(receipt, claimed_issuer, policy, fault, None, None, stale=False)
        fault = _contradiction(receipt, evidence)
        facts = None if fault else evidence
        pinned = policy.registry_at(receipt.chain, receipt.registry)
        known = facts is not None and pinned is not None and pinned.code_hash == facts.code_hash
        age_s = now.timestamp() - evidence.head.block.timestamp
        return cls(
            receipt,
            claimed_issuer,
            policy,
            fault and f"{fault}, {evidence.source.sentence()}",
            facts,
            facts if known else None,
            stale=age_s > policy.max_age_s,
        )

    @property
    def issuer(self) -> TrustedIssuer | None:
        receipt = self.receipt
        return self.policy.issuer(receipt.chain, receipt.registry, receipt.issuer_id)

    def why_not_believed(self) -> str:
        if self.facts is None:
            return "Step 6 found no facts to judge by."
        return "Only a registry that policy trusts is believed: see step 8."


def _contradiction(receipt: Receipt, evidence: Evidence) -> str | None:
    """Return what is wrong with the evidence itself, or None. None of it is the credential's."""
    head, final = evidence.head, evidence.finalized
    place = (evidence.chain, evidence.registry)
    if place != (receipt.chain, receipt.registry) or evidence.subject != Subject.of(receipt):
        return "The facts at hand are about another anchor"
    if evidence.code_hash == EMPTY_CODE_HASH:
        return f"There is no contract at {receipt.registry} on {receipt.chain}"
    if final.block.number > head.block.number or final.block.timestamp > head.block.timestamp:
        return "The final block comes after the newest one"
    if _lost(final, head):
        return "The newest block lacks a record that the final one has"
    if head.batch is not None and head.batch.anchored_at > head.block.timestamp:
        return "The anchor is dated after the newest block"
    return None


def _lost(final: Snapshot, head: Snapshot) -> bool:
    """Whether what is written once at the final block is missing or different at the newest."""
    if final.issuer is not None and head.issuer is None:
        return True
    if final.batch is None:
        return False
    return head.batch is None or replace(final.batch, revoked=head.batch.revoked) != head.batch


# (6) evidence: are there facts about this anchor, at one with themselves, and fresh?


def check_evidence(case: ChainCase) -> Check:
    facts = case.facts
    if facts is None:
        return Check.unknown(Step.EVIDENCE, f"{case.fault}.")
    read = f"Read from {facts.chain} as of {_head_time(facts)}, {facts.source.sentence()}"
    if case.stale:
        limit = case.policy.max_age_s
        return Check.unknown(Step.EVIDENCE, f"{read}: older than the {limit} s that policy allows.")
    return Check.valid(Step.EVIDENCE, f"{read}.")


# (7) anchor: did the issuer anchor this root, with this size?


def check_anchor(case: ChainCase) -> Check:
    facts = case.believed
    if facts is None:
        return Check.skipped(Step.ANCHOR, case.why_not_believed())
    said = facts.source.sentence()
    batch = facts.head.batch
    if batch is None and case.stale:
        return Check.unknown(Step.ANCHOR, "It was not anchored then, but may be since.")
    if batch is None:
        reason = f"The issuer has anchored no such root on {facts.chain}, {said}."
        return Check.invalid(Step.ANCHOR, Verdict.NOT_ANCHORED, reason)
    if batch.size != case.receipt.tree_size:
        sizes = f"{batch.size} leaves on the chain, {case.receipt.tree_size} in the receipt"
        reason = f"The anchored batch has another size ({sizes}), {said}."
        return Check.invalid(Step.ANCHOR, Verdict.NOT_ANCHORED, reason)
    when = unix_stamp(batch.anchored_at)
    return Check.valid(
        Step.ANCHOR, f"Anchored {when} as the issuer's operation {batch.operation}, {said}."
    )


# (8) standing: does policy trust who anchored it, to speak for whom the credential names?


def check_standing(case: ChainCase) -> Check:
    refusal = _registry_refusal(case) or _issuer_refusal(case)
    if refusal:
        return Check.invalid(Step.STANDING, Verdict.ISSUER_UNTRUSTED, refusal)
    assert case.issuer is not None
    accepted = f"Policy trusts it as {printable(case.issuer.name)}"
    facts = case.believed
    if facts is None:
        return Check.skipped(Step.STANDING, f"{accepted}. {case.why_not_believed()}")
    record = facts.head.issuer
    if record is None and case.stale:
        return Check.unknown(Step.STANDING, f"{accepted}, but it was not registered then.")
    if record is None:
        reason = f"No such issuer is registered on {facts.chain}, {facts.source.sentence()}."
        return Check.invalid(Step.STANDING, Verdict.ISSUER_UNTRUSTED, reason)
    if distrust := _distrust(facts):
        return Check.invalid(Step.STANDING, Verdict.ISSUER_UNTRUSTED, distrust)
    state = "retired" if record.retired else "paused" if record.paused else ""
    note = f" It is {state}, so it anchors nothing new." if state else ""
    return Check.valid(Step.STANDING, f"{accepted}, and it is registered.{note}")


def _registry_refusal(case: ChainCase) -> str | None:
    receipt = case.receipt
    pinned = case.policy.registry_at(receipt.chain, receipt.registry)
    if pinned is None:
        return f"Policy trusts no registry at {receipt.registry} on {receipt.chain}."
    if case.facts is not None and case.facts.code_hash != pinned.code_hash:
        found = f"code hash {case.facts.code_hash}, not {pinned.code_hash}"
        said = case.facts.source.sentence()
        return f"The registry is not the one that policy trusts ({found}), {said}."
    return None


def _issuer_refusal(case: ChainCase) -> str | None:
    if case.issuer is None:
        return f"Policy does not trust who anchored it: issuer {case.receipt.issuer_id}."
    if case.claimed_issuer not in case.issuer.speaks_for:
        claimed, name = printable(case.claimed_issuer), printable(case.issuer.name)
        return f"It names {claimed} as its issuer, for whom {name}, who anchored it, cannot speak."
    return None


def _distrust(facts: Evidence) -> str | None:
    """Return why the issuer's own distrust covers this anchor, or None.

    The date is only ever lowered, so the newest block's covers the most.
    """
    assert facts.head.issuer is not None
    since, batch = facts.head.issuer.distrust_after, facts.head.batch
    if not since or batch is None or batch.anchored_at < since:
        return None
    final = facts.finalized.issuer
    known = "" if final and final.distrust_after == since else ", in a block that is not final yet"
    return (
        f"The issuer has declared its anchors from {unix_stamp(since)} on untrustworthy, and this "
        f"is one of them; known by {_head_time(facts)}{known}, {facts.source.sentence()}."
    )


# (9) status: is it active now? Of the two blocks the worse one counts.


def check_status(case: ChainCase) -> Check:
    facts = case.believed
    if facts is None:
        return Check.skipped(Step.STATUS, case.why_not_believed())
    if facts.head.batch is None:
        return Check.skipped(Step.STATUS, "What is not anchored has no status.")
    head = status_at(case.receipt, facts.head)
    final = status_at(case.receipt, facts.finalized)
    worse = max(head, final)
    told = f"{_finality_note(head, final)}, as of {_head_time(facts)}, {facts.source.sentence()}"
    if worse is Status.REVOKED:
        return Check.invalid(Step.STATUS, Verdict.REVOKED, f"Revoked{told}.")
    if case.stale:
        return Check.unknown(Step.STATUS, f"It was {worse.name.lower()}{told}; that may be past.")
    if worse is Status.SUSPENDED:
        return Check.invalid(Step.STATUS, Verdict.SUSPENDED, f"Suspended{told}.")
    return Check.valid(Step.STATUS, f"Neither revoked nor suspended{told}.")


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
        return " at the final block (a newer one, not final yet, says otherwise)"
    return ""


# (11) finality: can the anchor still vanish?


def check_finality(case: ChainCase) -> Check:
    facts = case.believed
    if facts is None:
        return Check.skipped(Step.FINALITY, case.why_not_believed())
    if facts.head.batch is None:
        return Check.skipped(Step.FINALITY, "What is not anchored cannot become final.")
    if facts.finalized.batch is None:
        reason = "The anchor's block is not final yet; ask again in some minutes."
        return Check.invalid(Step.FINALITY, Verdict.PENDING, reason)
    number = facts.finalized.block.number
    return Check.valid(Step.FINALITY, f"The anchor is final: it stands at final block {number}.")


def _head_time(facts: Evidence) -> str:
    return unix_stamp(facts.head.block.timestamp)
