"""Judges a credential: pure, so that the same bytes, facts, policy and time give one answer.

    report = verify(raw, receipt, evidence, policy, now, at=None)

The ladder's steps 1 to 5 are in `examination`, 6 to 9 and 11 in `chain_checks`, 10 is here. Every
step that can be judged is judged, whatever became of the others. A step whose ground is gone is
SKIPPED and says so; one that matters and cannot be known is UNKNOWN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.documents.issuer_word import NO_WORD
from registry.errors import MalformedValue
from registry.judging.chain_case import ChainCase
from registry.judging.chain_checks import (
    check_anchor,
    check_evidence,
    check_finality,
    check_standing,
    check_status,
    evidence_json,
    status_at,
)
from registry.judging.examination import Examination, examine, examine_bundle, signature_step
from registry.judging.past_checks import history_facts, later_revocation
from registry.judging.status_checks import with_status_lists
from registry.moments import read_moment, stamp, unix_stamp
from registry.proofs.evidence import NoEvidence
from registry.proofs.proven_evidence import bundle_evidence, bundle_word
from registry.reasons import Reason
from registry.report import (
    Check,
    Outcome,
    Report,
    Step,
    Verdict,
    deciding_check,
    printable,
    verdict_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from registry.documents.issuer_word import IssuerWord
    from registry.formats.strict_json import JsonObject
    from registry.judging.policy import TrustPolicy
    from registry.proofs.evidence import Evidence
    from registry.proofs.proven_evidence import TrustedBlocks

_STARTS = ("validFrom", "issuanceDate")
_ENDS = ("validUntil", "expirationDate")
"""Members that bound validity: of the W3C data model 2.0 (§4.9) and of 1.1 (§4.6, §4.8)."""


def verify(
    raw: bytes,
    receipt: bytes | None,
    evidence: Evidence | NoEvidence,
    policy: TrustPolicy,
    now: datetime,
    at: datetime | None = None,
    word: IssuerWord = NO_WORD,
) -> Report:
    """Judge one credential, as of now or of a past moment.

    raw: its file's bytes, with or without an embedded receipt. receipt: bytes of the file beside
    it, if there is one. evidence: facts about the receipt's subject, or why there are none. at:
    the moment to judge as of, for which the evidence needs the issuer's history. Both moments have
    a time zone and `at` is not after `now`, else ValueError. word: what is at hand of the issuer's
    own, such as its DID document. Bad input raises nothing: it is a verdict.
    """
    return judge(examine(raw, receipt), evidence, policy, now, at, word)


def verify_bundle(
    raw: bytes,
    trusted: TrustedBlocks,
    policy: TrustPolicy,
    now: datetime,
    at: datetime | None = None,
    word: IssuerWord = NO_WORD,
) -> Report:
    """Judge one credential by the proofs in its bundle: `verify` with no network.

    trusted: blocks whose hashes the caller believes, and why. The bundle's DID document and history
    count where it has them.
    """
    examination, bundle = examine_bundle(raw)
    if bundle is None or examination.sealed is None:
        unread = NoEvidence("there is no anchor to ask about")
        return judge(examination, unread, policy, now, at, word)
    evidence = bundle_evidence(bundle, trusted, with_history=at is not None)
    return judge(examination, evidence, policy, now, at, bundle_word(bundle, word))


def judge(
    examination: Examination,
    evidence: Evidence | NoEvidence,
    policy: TrustPolicy,
    now: datetime,
    at: datetime | None = None,
    word: IssuerWord = NO_WORD,
) -> Report:
    """Complete an examination: `verify` for those who gather evidence in between."""
    if now.tzinfo is None or (at is not None and at.tzinfo is None):
        raise ValueError("a moment has no time zone")
    if at is not None and at > now:
        raise ValueError("what will be at a time to come cannot be judged")
    case = _open_case(examination, evidence, policy, now, at, word)
    checks = (
        *_file_checks(examination, case),
        *_chain_checks(examination, case, now),
        _check_validity(examination, at or now),
        check_finality(case) if case else _without_receipt(Step.FINALITY),
    )
    verdict = verdict_of(checks)
    decided = deciding_check(checks)
    past = at is not None and (decided is None or decided.step >= Step.EVIDENCE)
    when = f" as of {stamp(at)}" if at is not None and past else ""
    sentence = f"{verdict}{when}: {_reason(case, decided)}"
    asked = None if at is None else stamp(at)
    return Report(verdict, sentence, stamp(now), checks, _facts(examination, case), asked)


def _open_case(
    examination: Examination,
    evidence: Evidence | NoEvidence,
    policy: TrustPolicy,
    now: datetime,
    at: datetime | None,
    word: IssuerWord,
) -> ChainCase | None:
    if examination.sealed is None or examination.credential is None:
        return None
    claimed_issuer = examination.credential.issuer_id
    return ChainCase.open(examination.sealed, claimed_issuer, evidence, policy, now, at, word)


def _file_checks(examination: Examination, case: ChainCase | None) -> tuple[Check, ...]:
    """Steps 1 to 5; the signature once more where the issuer's DID document says more of it."""
    checks = examination.checks
    keys = case.issuer_keys if case is not None else None
    if keys is None or examination.credential is None:
        return checks
    settled = checks[2].outcome is Outcome.VALID and not any(one.retired_at for one in keys.keys)
    if settled or checks[2].outcome in (Outcome.INVALID, Outcome.SKIPPED):
        return checks
    return (*checks[:2], signature_step(examination.credential, keys), *checks[3:])


def _chain_checks(
    examination: Examination, case: ChainCase | None, now: datetime
) -> tuple[Check, ...]:
    if case is not None and examination.credential is not None:
        document = examination.credential.document
        status = with_status_lists(check_status(case), document, case, now)
        return check_evidence(case), check_anchor(case), check_standing(case), status
    anchor = _without_receipt(Step.ANCHOR)
    if examination.credential is not None and not examination.has_receipt:
        reason = "No receipt came with it, inside or beside it, so nothing shows an anchor."
        anchor = Check.invalid(Step.ANCHOR, Verdict.NOT_ANCHORED, reason, Reason.NO_RECEIPT)
    evidence, standing, status = map(_without_receipt, (Step.EVIDENCE, Step.STANDING, Step.STATUS))
    return evidence, anchor, standing, status


def _without_receipt(step: Step) -> Check:
    reason = "There is no receipt that holds, so no anchor to judge."
    return Check.skipped(step, reason, Reason.NOTHING_TO_JUDGE)


# (10) validity: is the moment within the period that the credential gives itself?


def _check_validity(examination: Examination, now: datetime) -> Check:
    if examination.credential is None:
        reason = "There is no credential to judge."
        return Check.skipped(Step.VALIDITY, reason, Reason.NOTHING_TO_JUDGE)
    document = examination.credential.document
    try:
        starts, ends = _moments(document, _STARTS), _moments(document, _ENDS)
    except MalformedValue as fault:
        reason = f"Its period cannot be read: {fault}."
        return Check.unknown(Step.VALIDITY, reason, Reason.PERIOD_UNREADABLE)
    known: JsonObject = {
        **({"from": stamp(max(starts))} if starts else {}),
        **({"until": stamp(min(ends))} if ends else {}),
    }
    if ends and now > min(ends):
        reason = f"It expired {stamp(min(ends))}."
        return Check.invalid(Step.VALIDITY, Verdict.EXPIRED, reason, Reason.EXPIRED, **known)
    if starts and now < max(starts):
        reason = f"It is not valid before {stamp(max(starts))}."
        return Check.invalid(
            Step.VALIDITY, Verdict.NOT_YET_VALID, reason, Reason.NOT_YET_VALID, **known
        )
    since = f" since {stamp(max(starts))}" if starts else ""
    until = f"until {stamp(min(ends))}" if ends else "with no end"
    return Check.valid(Step.VALIDITY, f"Valid{since}, {until}.", Reason.IN_ITS_PERIOD, **known)


def _moments(document: JsonObject, members: Sequence[str]) -> list[datetime]:
    found = []
    for member in members:
        if member in document:
            value = document[member]
            try:
                found.append(read_moment(value if isinstance(value, str) else ""))
            except MalformedValue as fault:
                raise MalformedValue(member, fault.reason) from None
    return found


def _reason(case: ChainCase | None, decided: Check | None) -> str:
    """One line for people: what the verdict rests on."""
    if decided is not None:
        return decided.sentence
    # Nothing stands against it, so every one of these is known.
    assert case is not None
    assert case.believed is not None
    assert case.believed.head.batch is not None
    when = unix_stamp(case.believed.head.batch.anchored_at)
    known = f" {case.believed.freshness()}"
    if case.past is not None:
        source = case.believed.surest.source.sentence()
        known = f" then{later_revocation(case.past, case.receipt)}, {source}"
    return (
        f"issued by {printable(case.acceptance.name)}, anchored {when} on {case.receipt.chain}, "
        f"not revoked{known}."
    )


def _facts(examination: Examination, case: ChainCase | None) -> JsonObject:
    """What the judgement rests on. No salt: a report may be published, a receipt need not be."""
    facts: JsonObject = {}
    if (credential := examination.credential) is not None:
        facts["credential"] = {
            "id": credential.id,
            "name": credential.name,
            "issuer": credential.issuer_id,
            "digest": credential.digest.to_hex(),
        }
    if (receipt := examination.receipt) is not None:
        facts["receipt"] = {
            "chain": str(receipt.chain),
            "registry": receipt.registry.to_hex(),
            "issuerId": receipt.issuer_id.to_hex(),
            "root": receipt.root.to_hex(),
            "index": receipt.index,
            "treeSize": receipt.tree_size,
        }
    if case is not None and case.believed is not None:
        facts |= _chain_facts(case, case.believed)
    return facts


def _chain_facts(case: ChainCase, known: Evidence) -> JsonObject:
    facts: JsonObject = {"evidence": evidence_json(known)}
    if case.past is not None:
        facts["history"] = history_facts(case.past)
    batch = known.head.batch
    if batch is not None:
        facts["record"] = {
            "anchoredAt": unix_stamp(batch.anchored_at),
            "operation": batch.operation,
            "size": batch.size,
            "final": known.finalized.batch is not None,
            "status": status_at(case.receipt, known.head).name.lower(),
            "finalStatus": status_at(case.receipt, known.finalized).name.lower(),
            "didHash": known.head.did_hash.to_hex(),
        }
    return facts
