"""Every way in which one sound credential can stop being VALID, and what is said then."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from verifier_cases import (
    ANCHORED_S,
    CHAIN,
    CODE,
    DID,
    INDEX,
    ISSUER,
    LANE_BIT,
    NOW,
    NOW_S,
    POLICY,
    REGISTRY,
    SIZE,
    Case,
    case_of,
    dump,
    evidence_for,
    good_case,
    seal,
    signed,
    unsigned,
)

from registry.documents.multikey import PublicKey, did_key
from registry.formats.receipt import embed
from registry.formats.storage import BatchRecord, IssuerRecord
from registry.judging.policy import TrustedIssuer, TrustPolicy
from registry.judging.verifier import verify
from registry.keccak import keccak256
from registry.proofs.evidence import EMPTY_CODE_HASH, Block, Evidence, NoEvidence
from registry.report import Outcome, Report, Step, Verdict
from registry.values import Address, BlockHash, ChainId, CodeHash, IssuerId

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry.formats.strict_json import JsonObject

STRANGER = IssuerId(b"\x66" * 32)
OWNER = Address(b"\x99" * 20)
SUSPENDED, REVOKED = 0b01 << LANE_BIT, 0b10 << LANE_BIT
OTHER_LANES = (2**256 - 1) ^ (0b11 << LANE_BIT)


def outcomes(report: Report) -> str:
    """One letter a step: V, I, U, S."""
    return "".join(check.outcome[0] for check in report.checks)


def sentence(report: Report, step: Step) -> str:
    return report.checks[step - 1].sentence


def test_a_sound_credential_is_valid_at_every_step() -> None:
    report = good_case().verify()
    assert outcomes(report) == "V" * 11
    assert report.sentence == (
        "VALID: issued by Example University, anchored 2026-06-01T11:00:00Z on eip155:31337, "
        "not revoked as of block 9, 2026-06-01 11:59 UTC, on the word of one node, "
        "http://127.0.0.1:8545."
    )


def test_the_receipt_may_lie_beside_it_or_both_ways_at_once() -> None:
    document = signed(unsigned())
    receipt = seal(document)
    assert case_of(document, sidecar=True).verify().verdict is Verdict.VALID
    both = good_case().but(sidecar=receipt.serialize())
    assert both.verify().verdict is Verdict.VALID


def test_the_same_input_gives_the_same_report() -> None:
    assert good_case().verify() == good_case().verify()


# --- steps 1 to 5: the files


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b'{"a":1,"a":2}', b"\xff", b"{}", b'{"issuer":7}']
)
def test_what_is_no_credential_is_malformed_and_nothing_else_is_judged(raw: bytes) -> None:
    report = good_case().but(raw=raw).verify()
    assert report.verdict is Verdict.MALFORMED
    assert outcomes(report) == "I" + "S" * 10
    assert "credential" not in report.facts


@pytest.mark.parametrize("sidecar", [b"", b"[]", b"{}", b'{"version":2}'])
def test_an_unreadable_receipt_is_malformed(sidecar: bytes) -> None:
    report = case_of(signed(unsigned()), sidecar=True).but(sidecar=sidecar).verify()
    assert report.verdict is Verdict.MALFORMED
    assert outcomes(report) == "IVVVSSSSSVS"
    assert "receipt beside it" in report.sentence


def test_an_open_badge_that_its_schema_refuses_is_malformed() -> None:
    document = signed(unsigned(credentialSubject={"type": ["AchievementSubject"]}))
    report = case_of(document).verify()
    assert report.verdict is Verdict.MALFORMED
    assert outcomes(report) == "VIVVVVVVVVV"
    assert "Open Badges 3.0 refuses it" in report.sentence


def test_without_a_known_schema_the_step_is_skipped_and_the_rest_decides() -> None:
    document = signed(unsigned(type=["VerifiableCredential"]))
    report = case_of(document).verify()
    assert report.verdict is Verdict.VALID
    assert outcomes(report) == "VSVVVVVVVVV"
    assert "No official schema" in sentence(report, Step.SCHEMA)


def test_unsigned_the_anchor_alone_vouches() -> None:
    report = case_of(unsigned()).verify()
    assert report.verdict is Verdict.VALID
    assert outcomes(report) == "VVSVVVVVVVV"
    assert "anchor alone vouches" in sentence(report, Step.SIGNATURE)


def test_a_signature_of_an_unknown_suite_leaves_it_to_the_anchor() -> None:
    proof = {"type": "DataIntegrityProof", "cryptosuite": "bbs-2023", "proofValue": "u"}
    proof |= {"proofPurpose": "assertionMethod", "verificationMethod": "did:web:example.edu#k"}
    report = case_of(unsigned(proof=proof)).verify()
    assert outcomes(report)[2] == "S"
    assert "bbs-2023" in sentence(report, Step.SIGNATURE)


def test_a_key_that_is_not_known_to_be_the_issuers_cannot_be_checked() -> None:
    issuer = {"id": "https://example.edu/issuer", "type": ["Profile"], "name": "Example"}
    document = signed(unsigned(issuer=issuer))
    speaker = replace(POLICY.issuers[0], speaks_for=("https://example.edu/issuer",))
    report = case_of(document).but(policy=replace(POLICY, issuers=(speaker,))).verify()
    assert report.verdict is Verdict.CANNOT_CHECK
    assert outcomes(report) == "VVUVVVVVVVV"


def test_a_strangers_true_signature_says_nothing_for_the_issuer() -> None:
    other = did_key(PublicKey(b"\x42" * 32))
    speaker = replace(POLICY.issuers[0], speaks_for=(other,))
    case = case_of(signed(unsigned(issuer={"id": other, "type": ["Profile"]})))
    report = case.but(policy=replace(POLICY, issuers=(speaker,))).verify()
    assert outcomes(report) == "VVUVVVVVVVV"
    assert DID in sentence(report, Step.SIGNATURE)


def test_a_changed_credential_is_tampered_by_signature_and_by_inclusion() -> None:
    case = good_case()
    report = case.but(raw=case.raw.replace(b"Passed", b"Failed")).verify()
    assert report.verdict is Verdict.TAMPERED
    assert outcomes(report) == "VVIVISSSSVS"


def test_a_changed_unsigned_credential_is_tampered_by_inclusion() -> None:
    case = case_of(unsigned())
    report = case.but(raw=case.raw.replace(b"Passed", b"Failed")).verify()
    assert report.verdict is Verdict.TAMPERED
    assert outcomes(report) == "VVSVISSSSVS"
    assert "does not lead to its batch's root" in report.sentence


def receipt_of(case: Case) -> dict[str, Any]:
    assert case.sidecar is not None
    value: dict[str, Any] = json.loads(case.sidecar)
    return value


def flipped(text: str) -> str:
    return text[:-1] + ("0" if text[-1] != "0" else "1")


def spoil(case: Case, member: str) -> Case:
    value = receipt_of(case)
    if member == "index":
        value["index"] ^= 1
    elif member == "path":
        value["path"][3] = flipped(value["path"][3])
    else:
        value[member] = flipped(value[member])
    return case.but(sidecar=json.dumps(value).encode())


@pytest.mark.parametrize("member", ["issuerId", "index", "salt", "path", "root"])
def test_a_receipt_changed_in_any_bound_member_is_tampered(member: str) -> None:
    report = spoil(case_of(signed(unsigned()), sidecar=True), member).verify()
    assert report.verdict is Verdict.TAMPERED
    assert outcomes(report) == "VVVVISSSSVS"


def test_receipts_that_disagree_are_tampered() -> None:
    document = signed(unsigned())
    case = case_of(document, sidecar=True)
    other = seal(document, STRANGER)
    report = case.but(raw=dump(embed(document, other))).verify()
    assert report.verdict is Verdict.TAMPERED
    assert "differ" in report.sentence


def test_any_change_to_the_anchor_proofs_wrapper_is_tampered() -> None:
    document = json.loads(good_case().raw)
    document["proof"][1]["created"] = "2026-01-01T00:00:00Z"
    report = good_case().but(raw=dump(document)).verify()
    assert report.verdict is Verdict.TAMPERED
    assert outcomes(report) == "VVVVISSSSVS"
    assert "/created" in report.sentence


def test_an_anchor_proof_of_a_later_suite_cannot_be_checked() -> None:
    document = signed(unsigned())
    later: JsonObject = {"type": "DataIntegrityProof", "cryptosuite": "credanchor-verkle-2031"}
    document = {**document, "proof": [document["proof"], later]}
    report = good_case().but(raw=dump(document)).verify()
    assert report.verdict is Verdict.CANNOT_CHECK
    assert outcomes(report) == "VVVVUSSSSVS"
    assert "credanchor-verkle-2031" in report.sentence


def test_without_any_receipt_it_is_not_anchored_whatever_the_chain_says() -> None:
    case = case_of(signed(unsigned()), sidecar=True).but(sidecar=None)
    for evidence in (case.evidence, NoEvidence("asked offline")):
        report = case.but(evidence=evidence).verify()
        assert report.verdict is Verdict.NOT_ANCHORED
        assert outcomes(report) == "VVVVSSISSVS"
        assert "No receipt came with it" in report.sentence


# --- step 6: evidence


def test_a_node_that_is_down_cannot_be_checked() -> None:
    report = good_case().but(evidence=NoEvidence("no answer from http://127.0.0.1:1")).verify()
    assert report.verdict is Verdict.CANNOT_CHECK
    assert outcomes(report) == "VVVVVUSSSVS"
    assert report.sentence == (
        "CANNOT_CHECK: The chain was not read: no answer from http://127.0.0.1:1."
    )


def test_offline_what_is_certain_without_the_chain_is_still_said() -> None:
    offline = good_case().but(evidence=NoEvidence("asked offline"))
    assert offline.but(raw=b"{").verify().verdict is Verdict.MALFORMED
    changed = offline.raw.replace(b"Passed", b"Failed")
    assert offline.but(raw=changed).verify().verdict is Verdict.TAMPERED
    assert offline.but(policy=TrustPolicy()).verify().verdict is Verdict.ISSUER_UNTRUSTED
    early = offline.but(now=datetime(2025, 1, 1, tzinfo=UTC))
    assert early.verify().verdict is Verdict.NOT_YET_VALID


OTHER_HASH = BlockHash(b"\x01" * 32)


@pytest.mark.parametrize(
    ("spoiled", "reason"),
    [
        (lambda c: c.facts(chain=ChainId(1)), "another anchor"),
        (lambda c: c.facts(registry=OWNER), "another anchor"),
        (lambda c: c.facts(subject=c.evidence.subject._replace(word=0)), "another anchor"),
        (lambda c: c.facts(subject=c.evidence.subject._replace(issuer_id=STRANGER)), "another"),
        (lambda c: c.facts(code_hash=EMPTY_CODE_HASH), "no contract"),
        (lambda c: c.final(block=Block(10, OTHER_HASH, NOW_S - 600)), "comes after"),
        (lambda c: c.final(block=Block(8, OTHER_HASH, NOW_S)), "comes after"),
        (lambda c: c.head(batch=None), "lacks a record"),
        (lambda c: c.head(issuer=None), "lacks a record"),
        (lambda c: c.final(batch=BatchRecord(ANCHORED_S - 1, 2, SIZE, False)), "lacks a record"),
        (lambda c: c.both(batch=BatchRecord(NOW_S, 2, SIZE, False)), "dated after"),
    ],
)
def test_facts_that_cannot_be_used_cannot_be_checked_and_name_the_node(
    spoiled: Callable[[Case], Case], reason: str
) -> None:
    report = spoiled(good_case()).verify()
    assert report.verdict is Verdict.CANNOT_CHECK
    assert outcomes(report) == "VVVVVUSSSVS"
    assert reason in report.sentence
    assert "http://127.0.0.1:8545" in report.sentence


def test_the_hash_of_nothing_is_what_keccak_says() -> None:
    assert keccak256(b"") == EMPTY_CODE_HASH


@pytest.mark.parametrize(("age_s", "verdict"), [(600, "VALID"), (601, "CANNOT_CHECK")])
def test_a_status_older_than_policy_allows_cannot_be_checked(age_s: int, verdict: str) -> None:
    case = good_case().but(policy=replace(POLICY, max_age_s=600))
    case = case.head(block=Block(9, OTHER_HASH, NOW_S - age_s))
    case = case.final(block=Block(8, OTHER_HASH, NOW_S - age_s))
    report = case.verify()
    assert report.verdict == verdict
    if verdict == "CANNOT_CHECK":
        assert outcomes(report) == "VVVVVUVVUVV"
        assert "older than the 10 minutes" in report.sentence


def test_in_stale_facts_only_what_is_for_ever_is_definite() -> None:
    stale = good_case().but(now=NOW + timedelta(days=8))
    assert stale.both(word=REVOKED).verify().verdict is Verdict.REVOKED
    assert stale.both(word=SUSPENDED).verify().verdict is Verdict.CANNOT_CHECK
    assert stale.both(batch=None).verify().verdict is Verdict.CANNOT_CHECK
    assert stale.both(batch=None, issuer=None).verify().verdict is Verdict.CANNOT_CHECK
    distrusted = IssuerRecord(OWNER, False, False, 0, ANCHORED_S)
    assert stale.both(issuer=distrusted).verify().verdict is Verdict.ISSUER_UNTRUSTED


# --- step 7: anchor


def test_a_root_that_nobody_anchored_is_not_anchored_on_the_word_of_the_node() -> None:
    report = good_case().both(batch=None).verify()
    assert report.verdict is Verdict.NOT_ANCHORED
    assert outcomes(report) == "VVVVVVIVSVS"
    assert "on the word of one node" in report.sentence


@pytest.mark.parametrize("size", [SIZE - 1, SIZE + 1, 1, 2**32 - 1])
def test_another_size_on_the_chain_is_not_anchored(size: int) -> None:
    report = good_case().both(batch=BatchRecord(ANCHORED_S, 2, size, False)).verify()
    assert report.verdict is Verdict.NOT_ANCHORED
    assert outcomes(report)[6] == "I"
    assert f"{size} leaves on the chain, 256 in the receipt" in report.sentence


# --- step 8: standing


def test_a_famous_name_anchored_by_a_stranger_is_untrusted() -> None:
    """Anyone can register, and write any issuer into a file; here even the key is right."""
    report = case_of(signed(unsigned()), STRANGER).verify()
    assert report.verdict is Verdict.ISSUER_UNTRUSTED
    assert outcomes(report) == "VVVVVVVIVVV"
    assert STRANGER.to_hex() in report.sentence


def test_a_revoked_credential_anchored_again_by_its_holder_is_untrusted() -> None:
    document = signed(unsigned())
    assert case_of(document).both(word=REVOKED).verify().verdict is Verdict.REVOKED
    assert case_of(document, STRANGER).verify().verdict is Verdict.ISSUER_UNTRUSTED


def test_a_trusted_issuer_cannot_speak_for_another() -> None:
    """A policy that trusts the holder's own issuer id, say a club, trusts it for the club alone."""
    club = TrustedIssuer(CHAIN, REGISTRY, STRANGER, ("https://club.example",), "Chess Club")
    policy = replace(POLICY, issuers=(*POLICY.issuers, club))
    report = case_of(signed(unsigned()), STRANGER).but(policy=policy).verify()
    assert report.verdict is Verdict.ISSUER_UNTRUSTED
    assert DID in report.sentence
    assert "Chess Club" in report.sentence


@pytest.mark.parametrize("issuer_id", [DID + "#", DID.upper(), DID + " ", "https://x.example"])
def test_whom_an_issuer_speaks_for_is_compared_exactly(issuer_id: str) -> None:
    report = case_of(unsigned(issuer=issuer_id, type="VerifiableCredential")).verify()
    assert report.verdict is Verdict.ISSUER_UNTRUSTED


def test_a_registry_that_policy_does_not_name_is_untrusted_and_not_believed() -> None:
    report = good_case().but(policy=TrustPolicy()).verify()
    assert report.verdict is Verdict.ISSUER_UNTRUSTED
    assert outcomes(report) == "VVVVVVSISVS"
    assert str(REGISTRY) in report.sentence
    assert "record" not in report.facts


def test_another_code_at_the_trusted_address_is_untrusted_and_not_believed() -> None:
    other = CodeHash(b"\xdd" * 32)
    report = good_case().facts(code_hash=other).both(batch=None, issuer=None).verify()
    assert report.verdict is Verdict.ISSUER_UNTRUSTED
    assert outcomes(report) == "VVVVVVSISVS"
    assert str(other) in report.sentence
    assert str(CODE) in report.sentence


def test_an_issuer_that_is_not_registered_is_untrusted() -> None:
    report = good_case().both(issuer=None).verify()
    assert report.verdict is Verdict.ISSUER_UNTRUSTED
    assert outcomes(report)[7] == "I"


@pytest.mark.parametrize(
    ("since", "verdict"),
    [(0, "VALID"), (ANCHORED_S + 1, "VALID"), (ANCHORED_S, "ISSUER_UNTRUSTED")],
)
def test_anchors_from_the_distrusted_time_on_are_untrusted(since: int, verdict: str) -> None:
    record = IssuerRecord(OWNER, False, False, 0, since)
    assert good_case().both(issuer=record).verify().verdict == verdict


def test_distrust_counts_at_once_and_says_that_it_is_not_final() -> None:
    record = IssuerRecord(OWNER, False, False, 0, ANCHORED_S - 10)
    report = good_case().head(issuer=record).verify()
    assert report.verdict is Verdict.ISSUER_UNTRUSTED
    assert "not final yet" in report.sentence
    assert "2026-06-01T10:59:50Z" in report.sentence


@pytest.mark.parametrize(("paused", "retired", "word"), [(1, 0, "paused"), (0, 1, "retired")])
def test_a_paused_or_retired_issuer_stays_trusted_for_what_it_anchored(
    paused: int, retired: int, word: str
) -> None:
    record = IssuerRecord(OWNER, bool(paused), bool(retired), 3, 0)
    report = good_case().both(issuer=record).verify()
    assert report.verdict is Verdict.VALID
    assert word in sentence(report, Step.STANDING)


# --- step 9: status


WORD_VERDICTS = {0: "VALID", SUSPENDED: "SUSPENDED", REVOKED: "REVOKED"}


@pytest.mark.parametrize(("head", "final"), list(itertools.product(WORD_VERDICTS, repeat=2)))
def test_of_the_newest_and_the_final_block_the_worse_status_wins(head: int, final: int) -> None:
    report = good_case().head(word=head).final(word=final).verify()
    assert report.verdict == WORD_VERDICTS[max(head, final)]
    assert ("not final yet" in sentence(report, Step.STATUS)) is (head != final)


def test_both_bits_are_revoked() -> None:
    assert good_case().both(word=SUSPENDED | REVOKED).verify().verdict is Verdict.REVOKED


def test_the_neighbours_status_is_not_ours() -> None:
    assert good_case().both(word=OTHER_LANES).verify().verdict is Verdict.VALID


@pytest.mark.parametrize("where", ["head", "both"])
def test_a_batch_revoked_as_a_whole_revokes_all_of_it(where: str) -> None:
    batch = BatchRecord(ANCHORED_S, 2, SIZE, revoked=True)
    report = getattr(good_case(), where)(batch=batch).verify()
    assert report.verdict is Verdict.REVOKED
    assert ("not final yet" in report.sentence) is (where == "head")


# --- step 10: validity


@pytest.mark.parametrize(
    ("period", "verdict"),
    [
        ({"validFrom": "2026-06-01T12:00:00Z"}, "VALID"),
        ({"validFrom": "2026-06-01T12:00:01Z"}, "NOT_YET_VALID"),
        ({"validFrom": "2026-06-01T14:00:00+02:00"}, "VALID"),
        ({"validUntil": "2026-06-01T12:00:00Z"}, "VALID"),
        ({"validUntil": "2026-06-01T11:59:59Z"}, "EXPIRED"),
        ({"validUntil": "2026-06-01T13:59:59+02:00"}, "EXPIRED"),
        ({"expirationDate": "2026-06-01T11:59:59Z"}, "EXPIRED"),
        ({"issuanceDate": "2026-06-01T12:00:01Z"}, "NOT_YET_VALID"),
        (
            {"validUntil": "2027-01-01T00:00:00Z", "expirationDate": "2026-01-01T00:00:00Z"},
            "EXPIRED",
        ),
        (
            {"validFrom": "2027-01-01T00:00:00Z", "validUntil": "2026-01-01T00:00:00Z"},
            "EXPIRED",
        ),
        ({"validFrom": None}, "VALID"),
        ({"validUntil": "2026-06-01T12:00:00"}, "CANNOT_CHECK"),
        ({"validUntil": "soon"}, "CANNOT_CHECK"),
        ({"validUntil": "2027-01-01T00:00:00Z", "expirationDate": 7}, "CANNOT_CHECK"),
    ],
)
def test_the_period_is_judged_against_now(period: dict[str, Any], verdict: str) -> None:
    document = unsigned(type=["VerifiableCredential"], **period)
    assert case_of(document).verify().verdict == verdict


def test_now_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        good_case().but(now=datetime(2026, 6, 1)).verify()  # noqa: DTZ001 - the point


# --- step 11: finality


def test_an_anchor_that_is_not_final_is_pending() -> None:
    report = good_case().final(batch=None).verify()
    assert report.verdict is Verdict.PENDING
    assert outcomes(report) == "V" * 10 + "I"


def test_a_new_issuer_whose_registration_is_not_final_is_pending_too() -> None:
    assert good_case().final(batch=None, issuer=None).verify().verdict is Verdict.PENDING


def test_revoked_before_it_is_final_is_revoked() -> None:
    report = good_case().final(batch=None).head(word=REVOKED).verify()
    assert report.verdict is Verdict.REVOKED


# --- all of it together


SPOILERS: list[tuple[int, Callable[[Case], Case], str]] = [
    (7, lambda c: c.both(batch=BatchRecord(ANCHORED_S, 2, 7, False)), "NOT_ANCHORED"),
    (8, lambda c: c.but(policy=replace(c.policy, issuers=())), "ISSUER_UNTRUSTED"),
    (9, lambda c: c.both(word=REVOKED), "REVOKED"),
    (9, lambda c: c.both(word=SUSPENDED), "SUSPENDED"),
    (10, lambda c: c.but(now=NOW + timedelta(days=3000)), "EXPIRED"),
    (11, lambda c: c.final(batch=None), "PENDING"),
]


@pytest.mark.parametrize(
    ("first", "second"), [(a, b) for a, b in itertools.combinations(SPOILERS, 2) if a[0] < b[0]]
)
def test_of_two_faults_at_once_the_earlier_step_decides(
    first: tuple[int, Callable[[Case], Case], str],
    second: tuple[int, Callable[[Case], Case], str],
) -> None:
    document = signed(unsigned(validUntil="2030-01-01T00:00:00Z"))
    case = case_of(document).but(policy=replace(POLICY, max_age_s=10**9))
    for order in (first, second), (second, first):
        spoiled = case
        for _, spoil_it, _ in order:
            spoiled = spoil_it(spoiled)
        assert spoiled.verify().verdict == first[2]


def test_a_hostile_name_reaches_no_sentence_raw() -> None:
    issuer = "https://x.example/\x1b[2J\rVALID: issued by Oxford\u202e"
    report = case_of(unsigned(issuer=issuer, type="VerifiableCredential")).verify()
    assert report.verdict is Verdict.ISSUER_UNTRUSTED
    for check in report.checks:
        assert check.sentence.isprintable()


def test_a_report_never_holds_the_salt() -> None:
    case = case_of(signed(unsigned()), sidecar=True)
    assert receipt_of(case)["salt"][2:] not in json.dumps(case.verify().to_json())


def test_the_facts_of_a_report() -> None:
    facts = good_case().head(word=SUSPENDED).verify().facts
    assert facts["receipt"] == {
        "chain": "eip155:31337",
        "registry": REGISTRY.to_hex(),
        "issuerId": ISSUER.to_hex(),
        "root": seal(signed(unsigned())).root.to_hex(),
        "index": INDEX,
        "treeSize": SIZE,
    }
    assert facts["record"] == {
        "anchoredAt": "2026-06-01T11:00:00Z",
        "operation": 2,
        "size": 256,
        "final": True,
        "status": "suspended",
        "finalStatus": "active",
        "didHash": "0x" + "00" * 32,
    }


ANY_TIME = st.integers(0, 2**64)
ANY_BATCH = st.none() | st.builds(
    BatchRecord, ANY_TIME, st.integers(1, 5), st.sampled_from([SIZE, 1]), st.booleans()
)
ANY_ISSUER = st.none() | st.builds(
    IssuerRecord, st.just(OWNER), st.booleans(), st.booleans(), st.just(0), ANY_TIME
)


@given(
    head=st.tuples(ANY_TIME, ANY_BATCH, ANY_ISSUER, st.integers(0, 2**256 - 1)),
    final=st.tuples(ANY_TIME, ANY_BATCH, ANY_ISSUER, st.integers(0, 2**256 - 1)),
    code=st.sampled_from([CODE, EMPTY_CODE_HASH, CodeHash(bytes(32))]),
)
def test_whatever_a_node_answers_there_is_a_verdict_and_valid_needs_every_fact(
    head: tuple[Any, ...], final: tuple[Any, ...], code: CodeHash
) -> None:
    case = good_case().facts(code_hash=code)
    time, batch, issuer, word = head
    case = case.head(block=Block(9, OTHER_HASH, time), batch=batch, issuer=issuer, word=word)
    time, batch, issuer, word = final
    case = case.final(block=Block(8, OTHER_HASH, time), batch=batch, issuer=issuer, word=word)
    report = case.verify()
    assert isinstance(case.evidence, Evidence)
    if report.verdict is Verdict.VALID:
        assert code == CODE
        for seen in (case.evidence.head, case.evidence.finalized):
            assert seen.batch is not None
            assert seen.batch.size == SIZE
            assert not seen.batch.revoked
            assert not seen.word >> LANE_BIT & 0b11
        assert NOW_S - case.evidence.head.block.timestamp <= POLICY.max_age_s
    assert all(check.outcome is not Outcome.INVALID or check.verdict for check in report.checks)


@given(st.binary(max_size=200), st.none() | st.binary(max_size=200))
def test_any_bytes_have_a_verdict_that_is_not_valid(raw: bytes, sidecar: bytes | None) -> None:
    report = verify(raw, sidecar, evidence_for(seal(unsigned())), POLICY, NOW)
    assert report.verdict is not Verdict.VALID
