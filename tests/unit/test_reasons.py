"""Every reason that a step can give is reached, and says what to do exactly where one can act."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import history_cases as past
import pytest
from test_issuer_word import BY_DID, credential, did_document, with_word
from test_status_list import credential as listed_credential
from test_status_list import entry, judged
from verifier_cases import (
    ANCHORED_S,
    ISSUER,
    KEY,
    LANE_BIT,
    NOW,
    POLICY,
    SIZE,
    Case,
    case_of,
    dump,
    good_case,
    seal,
    signed,
    unsigned,
)

from registry.documents.data_integrity import sign
from registry.documents.issuer_word import Origin
from registry.documents.multikey import PublicKey, did_key
from registry.formats.storage import BatchRecord, IssuerRecord
from registry.judging.policy import TrustPolicy
from registry.moments import unix_stamp
from registry.proofs.evidence import Evidence, NoEvidence
from registry.proofs.told_history import NoHistory
from registry.reasons import NEXT_STEPS, Reason
from registry.report import Outcome, Report, Step, Verdict
from registry.values import Address, CodeHash, IssuerId

if TYPE_CHECKING:
    from collections.abc import Callable

STRANGER = IssuerId(b"\x66" * 32)
OWNER = Address(b"\x99" * 20)
DOCS = Path(__file__).resolve().parents[2] / "docs" / "verdicts.md"


def changed_wrapper() -> Report:
    document = json.loads(good_case().raw)
    document["proof"][1]["created"] = "2026-01-01T00:00:00Z"
    return good_case().but(raw=dump(document)).verify()


def bent_signature() -> Report:
    document = unsigned()
    bent = {**signed(document), "name": "Sand Science"}
    return case_of(bent).verify()


def malformed_signature() -> Report:
    document = signed(unsigned())
    proof = document["proof"]
    assert isinstance(proof, dict)
    return case_of({**document, "proof": {**proof, "proofValue": "z1"}}).verify()


def other_suite(cryptosuite: str, **members: Any) -> dict[str, Any]:
    proof = {"type": "DataIntegrityProof", "cryptosuite": cryptosuite, **members}
    return {**proof, "proofPurpose": "assertionMethod"}


def later_anchor() -> Report:
    document = signed(unsigned())
    return (
        good_case()
        .but(
            raw=dump(
                {**document, "proof": [document["proof"], other_suite("credanchor-next-2031")]}
            )
        )
        .verify()
    )


def someone_elses_key() -> Report:
    other = did_key(PublicKey(b"\x42" * 32))
    speaker = replace(POLICY.issuers[0], speaks_for=(other,))
    case = case_of(signed(unsigned(issuer={"id": other, "type": ["Profile"]})))
    return case.but(policy=replace(POLICY, issuers=(speaker,))).verify()


def unbound_key() -> Report:
    issuer = {"id": "https://example.edu/issuer", "type": ["Profile"], "name": "Example"}
    return case_of(signed(unsigned(issuer=issuer))).verify()


def unknown_key() -> Report:
    public = PublicKey(KEY.public_key().public_bytes_raw())
    options: dict[str, Any] = {"proof_id": "urn:uuid:1", "created": NOW}
    document = sign(
        unsigned(issuer={"id": "did:web:uni.example", "type": ["Profile"]}),
        public,
        KEY.sign,
        method="did:web:uni.example#key-1",
        **options,
    )
    return case_of(document).verify()


def retired_key(when: int, *, anchored: bool = True) -> Report:
    case = case_of(credential()).but(policy=BY_DID)
    document = did_document(ISSUER, revoked=unix_stamp(when))
    case = case if anchored else case.both(batch=None)
    return with_word(case, (document, Origin.FETCHED))


def did(*documents: tuple[Any, Origin], committed: int | None = 0) -> Report:
    case = case_of(credential()).but(policy=BY_DID)
    return with_word(case, *documents, committed=committed)


def no_evidence(cause: Reason) -> Report:
    return good_case().but(evidence=NoEvidence("of a bundle", cause)).verify()


def stale(case: Case) -> Case:
    return case.but(now=NOW + timedelta(days=8))


def lived() -> past.Ledger:
    return past.ledger().anchor(10).status(30, past.SUSPEND)


def open_history() -> Report:
    case = past.case(lived())
    assert isinstance(case.evidence, Evidence)
    history = past.with_history(case, operations=lived().told(20))
    return history.verify(past.moment(50))


def good() -> Report:
    return good_case().verify()


def period(**members: Any) -> Report:
    return case_of(unsigned(type=["VerifiableCredential"], **members)).verify()


CASES: dict[Reason, Callable[[], Report]] = {
    Reason.PARSED: good,
    Reason.NOT_A_CREDENTIAL: lambda: good_case().but(raw=b"{").verify(),
    Reason.RECEIPT_UNREADABLE: lambda: good_case().but(sidecar=b"{}").verify(),
    Reason.SCHEMA_MET: good,
    Reason.SCHEMA_UNKNOWN: lambda: case_of(unsigned(type=["VerifiableCredential"])).verify(),
    Reason.SCHEMA_REFUSES: lambda: case_of(unsigned(credentialSubject={})).verify(),
    Reason.SIGNATURE_VALID: good,
    Reason.SIGNATURE_MALFORMED: malformed_signature,
    Reason.SIGNATURE_WRONG: bent_signature,
    Reason.SIGNER_IS_ANOTHER: someone_elses_key,
    Reason.SIGNER_NOT_BOUND: unbound_key,
    Reason.SIGNER_RETIRED: lambda: retired_key(ANCHORED_S - 1),
    Reason.SIGNER_MAY_BE_RETIRED: lambda: retired_key(ANCHORED_S - 1, anchored=False),
    Reason.KEY_UNKNOWN: unknown_key,
    Reason.SUITE_UNKNOWN: lambda: case_of(
        unsigned(proof=other_suite("bbs-2023", verificationMethod="did:web:a.example#k"))
    ).verify(),
    Reason.UNSIGNED: lambda: case_of(unsigned()).verify(),
    Reason.DIGEST: good,
    Reason.INCLUDED: good,
    Reason.NOT_INCLUDED: lambda: (
        good_case().but(raw=good_case().raw.replace(b"Passed", b"Failed")).verify()
    ),
    Reason.RECEIPT_CHANGED: changed_wrapper,
    Reason.RECEIPTS_DIFFER: lambda: (
        good_case().but(sidecar=seal(signed(unsigned()), STRANGER).serialize()).verify()
    ),
    Reason.RECEIPT_OF_LATER_SUITE: later_anchor,
    Reason.CHAIN_READ: good,
    Reason.CHAIN_NOT_READ: lambda: good_case().but(evidence=NoEvidence("offline")).verify(),
    Reason.PROOF_FAILED: lambda: no_evidence(Reason.PROOF_FAILED),
    Reason.BLOCK_NOT_TRUSTED: lambda: no_evidence(Reason.BLOCK_NOT_TRUSTED),
    Reason.FACTS_CONTRADICT: lambda: good_case().head(batch=None).verify(),
    Reason.TOO_OLD: lambda: stale(good_case()).verify(),
    Reason.HISTORY_NOT_READ: lambda: (
        past.case(lived()).facts(history=NoHistory("pruned")).verify(past.moment(50))
    ),
    Reason.HISTORY_NOT_CLOSED: open_history,
    Reason.ANCHORED: good,
    Reason.NO_RECEIPT: lambda: case_of(unsigned(), sidecar=True).but(sidecar=None).verify(),
    Reason.NO_SUCH_ANCHOR: lambda: good_case().both(batch=None).verify(),
    Reason.OTHER_SIZE: lambda: (
        good_case().both(batch=BatchRecord(ANCHORED_S, 2, SIZE + 1, False)).verify()
    ),
    Reason.NOT_YET_ANCHORED: lambda: past.case(lived()).verify(past.moment(9)),
    Reason.MAY_BE_ANCHORED_SINCE: lambda: stale(good_case().both(batch=None)).verify(),
    Reason.TRUSTED: good,
    Reason.REGISTRY_NOT_TRUSTED: lambda: good_case().but(policy=TrustPolicy()).verify(),
    Reason.REGISTRY_IS_ANOTHER: lambda: (
        good_case().facts(code_hash=CodeHash(b"\xdd" * 32)).verify()
    ),
    Reason.ISSUER_NOT_TRUSTED: lambda: case_of(signed(unsigned()), STRANGER).verify(),
    Reason.MAY_NOT_SPEAK: lambda: case_of(unsigned(issuer="https://oxford.example")).verify(),
    Reason.DID_NOT_READ: lambda: did(committed=None),
    Reason.DID_NOT_COMMITTED: lambda: did((did_document(ISSUER), Origin.FETCHED), committed=None),
    Reason.DID_NAMES_ANOTHER: lambda: did((did_document(STRANGER), Origin.FETCHED)),
    Reason.NOT_REGISTERED: lambda: good_case().both(issuer=None).verify(),
    Reason.MAY_BE_REGISTERED_SINCE: lambda: stale(good_case().both(issuer=None)).verify(),
    Reason.DISTRUSTED: lambda: (
        good_case().both(issuer=IssuerRecord(OWNER, False, False, 0, ANCHORED_S)).verify()
    ),
    Reason.ACTIVE: good,
    Reason.SUSPENDED: lambda: good_case().both(word=0b01 << LANE_BIT).verify(),
    Reason.REVOKED: lambda: good_case().both(word=0b10 << LANE_BIT).verify(),
    Reason.STATUS_MAY_BE_PAST: lambda: stale(good_case()).verify(),
    Reason.STATUS_NOT_FINAL_THEN: lambda: past.case(
        past.ledger().anchor(10), final=98, head=100
    ).verify(past.moment(99)),
    Reason.STATUS_LIST_NOT_READ: lambda: judged(listed_credential(entry()), "HTTP status 500"),
    Reason.IN_ITS_PERIOD: good,
    Reason.EXPIRED: lambda: period(validUntil="2026-05-01T00:00:00Z"),
    Reason.NOT_YET_VALID: lambda: period(validFrom="2026-07-01T00:00:00Z"),
    Reason.PERIOD_UNREADABLE: lambda: period(validUntil="soon"),
    Reason.FINAL: good,
    Reason.NOT_FINAL: lambda: good_case().final(batch=None).verify(),
    Reason.NOTHING_TO_JUDGE: lambda: good_case().but(raw=b"{").verify(),
    Reason.NOT_BELIEVED: lambda: good_case().but(policy=TrustPolicy()).verify(),
}


def test_every_reason_has_a_case() -> None:
    assert set(CASES) == set(Reason)


@pytest.mark.parametrize("reason", list(Reason))
def test_a_reason_is_reached_and_what_to_do_is_said_where_something_is_wrong(
    reason: Reason,
) -> None:
    report = CASES[reason]()
    assert reason in {check.reason for check in report.checks}
    for check in report.checks:
        assert check.reason is not None
        wrong = check.outcome in {Outcome.INVALID, Outcome.UNKNOWN}
        assert (check.next_step is not None) is wrong
        assert ("nextStep" in check.to_json()) is wrong
    assert (report.next_step is not None) is (report.verdict is not Verdict.VALID)
    json.dumps(report.to_json())


def test_every_step_that_was_judged_says_on_what_it_rests() -> None:
    bare = {Step.PARSE, Step.SIGNATURE}  # the file itself
    for check in good().checks:
        assert check.facts or check.step in bare


def test_what_to_do_is_whole_sentences_in_ascii() -> None:
    for text in NEXT_STEPS.values():
        assert text.isascii()
        assert text.endswith(".")
        assert text[0].isupper()


def table() -> str:
    """The reasons for people: where they stand, and what to do."""
    rows = ["| step | reason | outcome | what to do |", "|---|---|---|---|"]
    for reason in Reason:
        check = next(one for one in CASES[reason]().checks if one.reason is reason)
        anywhere = reason in {Reason.NOTHING_TO_JUDGE, Reason.NOT_BELIEVED}
        step = "any" if anywhere else f"{int(check.step)} {check.step.name.lower()}"
        outcome = check.verdict or check.outcome.lower()
        rows.append(f"| {step} | `{reason}` | {outcome} | {check.next_step or ''} |")
    return "\n".join(rows) + "\n"


def test_the_documentation_lists_every_reason() -> None:
    """With CREDANCHOR_WRITE_DOCS=1 in the environment the table is written anew instead."""
    text = DOCS.read_text(encoding="utf-8")
    before, mark, _ = text.partition("<!-- reasons -->\n")
    assert mark
    if os.environ.get("CREDANCHOR_WRITE_DOCS"):
        DOCS.write_text(f"{before}{mark}\n{table()}", encoding="utf-8")
        return
    assert text == f"{before}{mark}\n{table()}", "write it anew with CREDANCHOR_WRITE_DOCS=1"


def test_every_reason_stands_at_one_step_with_one_outcome() -> None:
    """Programs may branch on the reason alone; two are of no step of their own."""
    anywhere = {Reason.NOTHING_TO_JUDGE, Reason.NOT_BELIEVED}
    seen: dict[Reason, set[tuple[Step, Outcome]]] = {}
    for make in CASES.values():
        for check in make().checks:
            assert check.reason is not None
            seen.setdefault(check.reason, set()).add((check.step, check.outcome))
    for reason, found in seen.items():
        assert len(found) == 1 or reason in anywhere, (reason, found)
