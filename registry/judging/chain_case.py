"""A sealed credential before the chain: which facts about it can be used, and are believed.

Facts that contradict one another, or are about another anchor, are no ground for any judgement:
they say something of who told them, and nothing of the credential.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from registry.documents.did_document import Home
from registry.documents.issuer_word import NO_WORD, IssuerWord
from registry.judging.acceptance import Acceptance, accept, issuer_keys
from registry.moments import stamp
from registry.proofs.evidence import EMPTY_CODE_HASH, Evidence, NoEvidence, Subject, lacks_records
from registry.proofs.past import Past, contradiction
from registry.proofs.told_history import IssuerHistory
from registry.reasons import Reason
from registry.report import printable

if TYPE_CHECKING:
    from datetime import datetime

    from registry.documents.issuer_keys import IssuerKeys
    from registry.formats.receipt import Receipt
    from registry.judging.policy import TrustPolicy
    from registry.proofs.evidence import Snapshot
    from registry.values import DidHash


class Fault(NamedTuple):
    """Why evidence cannot be used; the sentence without its full stop."""

    reason: Reason
    sentence: str

    def said(self, head: Snapshot) -> Fault:
        """With the name of who answers for it, where that is not who told the history."""
        if self.reason is Reason.HISTORY_NOT_CLOSED:
            return self
        return Fault(self.reason, f"{self.sentence}, {head.source.sentence()}")


@dataclass(frozen=True, slots=True)
class ChainCase:
    """A sealed credential before the chain.

    claimed_issuer: its own `issuer.id`. fault: why the evidence cannot be used, else None.
    facts: the evidence that can be. believed: the facts, where a contract that policy pins wrote
    them; what any other contract stores means nothing. past: the moment that was asked about, with
    the issuer's closed history; None for now. word: what is at hand of the issuer's own.
    """

    receipt: Receipt
    claimed_issuer: str
    policy: TrustPolicy
    fault: Fault | None
    facts: Evidence | None
    believed: Evidence | None
    stale: bool
    past: Past | None = None
    word: IssuerWord = NO_WORD

    @classmethod
    def open(
        cls,
        receipt: Receipt,
        claimed_issuer: str,
        evidence: Evidence | NoEvidence,
        policy: TrustPolicy,
        now: datetime,
        at: datetime | None = None,
        word: IssuerWord = NO_WORD,
    ) -> ChainCase:
        if isinstance(evidence, NoEvidence):
            sentence = printable(evidence.sentence(), 340)
            fault: Fault | None = Fault(evidence.cause, sentence)
            return cls(receipt, claimed_issuer, policy, fault, None, None, stale=False, word=word)
        fault = _contradiction(receipt, evidence) or _history_fault(evidence, at)
        facts = None if fault else evidence
        past = None
        if at is not None and facts is not None and isinstance(facts.history, IssuerHistory):
            past = Past(int(at.timestamp()), facts.history)
        pinned = policy.registry_at(receipt.chain, receipt.registry)
        known = facts is not None and pinned is not None and pinned.code_hash == facts.code_hash
        age_s = now.timestamp() - evidence.surest.block.timestamp
        return cls(
            receipt,
            claimed_issuer,
            policy,
            fault and fault.said(evidence.head),
            facts,
            facts if known else None,
            stale=age_s > policy.max_age_s,
            past=past if known else None,
            word=word,
        )

    @property
    def did_hash(self) -> DidHash | None:
        """As the registry holds it now for who anchored this; None where that is not known."""
        return self.believed.head.did_hash if self.believed else None

    @property
    def acceptance(self) -> Acceptance:
        home = Home.of(self.receipt)
        return accept(self.policy, home, self.claimed_issuer, self.word, self.did_hash)

    @property
    def issuer_keys(self) -> IssuerKeys | None:
        """The issuer's keys, where its DID document is at hand and counts."""
        batch = self.believed.head.batch if self.believed else None
        anchored_at = batch.anchored_at if batch else None
        return issuer_keys(
            self.acceptance, self.claimed_issuer, self.word, self.did_hash, anchored_at
        )

    def why_not_believed(self) -> str:
        if self.facts is None:
            return "Step 6 found no facts to judge by."
        return "Only a registry that policy trusts is believed: see step 8."


def _contradiction(receipt: Receipt, evidence: Evidence) -> Fault | None:
    """Return what is wrong with the evidence itself, or None. None of it is the credential's."""
    head, final = evidence.head, evidence.finalized
    place = (evidence.chain, evidence.registry)
    reason = None
    if place != (receipt.chain, receipt.registry) or evidence.subject != Subject.of(receipt):
        reason = "The facts at hand are about another anchor"
    elif evidence.code_hash == EMPTY_CODE_HASH:
        reason = f"There is no contract at {receipt.registry} on {receipt.chain}"
    elif final.block.number > head.block.number or final.block.timestamp > head.block.timestamp:
        reason = "The final block comes after the newest one"
    elif lacks_records(final, head):
        reason = "The newest block lacks a record that the final one has"
    elif head.batch is not None and head.batch.anchored_at > head.block.timestamp:
        reason = "The anchor is dated after the newest block"
    return None if reason is None else Fault(Reason.FACTS_CONTRADICT, reason)


def _history_fault(evidence: Evidence, at: datetime | None) -> Fault | None:
    """Return why the past cannot be told, or None: where it can, and where nobody asked."""
    if at is None:
        return None
    history = evidence.history
    if not isinstance(history, IssuerHistory):
        why = "nobody was asked for it" if history is None else printable(history.reason, 300)
        return Fault(
            Reason.HISTORY_NOT_READ,
            f"The issuer's history was not read, so {stamp(at)} cannot be judged: {why}",
        )
    if history.fault is not None:
        reason = f"a log was left out, added or altered, as told by {history.told_by}"
        return Fault(
            Reason.HISTORY_NOT_CLOSED,
            f"The issuer's history does not close ({history.fault}): {reason}",
        )
    wrong = contradiction(evidence, history)
    return None if wrong is None else Fault(Reason.FACTS_CONTRADICT, wrong)
