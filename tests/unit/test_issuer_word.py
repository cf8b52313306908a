"""Who may speak for whom: DID documents, policy and the registry's hash, in every combination."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from verifier_cases import (
    ANCHORED_S,
    CHAIN,
    DID,
    ISSUER,
    KEY,
    LANE_BIT,
    NOW,
    POLICY,
    REGISTRY,
    Case,
    case_of,
    good_case,
    unsigned,
)

from registry.documents.data_integrity import hash_data, sign
from registry.documents.did_document import DidDocument
from registry.documents.issuer_word import IssuerWord, KnownDocument, Origin
from registry.documents.multikey import (
    P256PublicKey,
    PublicKey,
    encode_multibase,
    encode_multikey,
    verification_method,
)
from registry.judging.policy import TrustedDid, TrustedIssuer, TrustPolicy
from registry.moments import unix_stamp
from registry.report import Report, Verdict
from registry.values import DidHash, IssuerId

WEB = "did:web:uni.example"
METHOD = f"{WEB}#key-1"
STRANGER = IssuerId(b"\x66" * 32)
PUBLIC = PublicKey(KEY.public_key().public_bytes_raw())
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)
OTHER_PUBLIC = PublicKey(OTHER_KEY.public_key().public_bytes_raw())

BY_DID = replace(POLICY, issuers=(), dids=(TrustedDid(WEB, "University"),))
BY_BOTH = replace(
    POLICY, issuers=(TrustedIssuer(CHAIN, REGISTRY, ISSUER, (WEB,), "University by entry"),)
)
BY_ID = replace(POLICY, issuers=(TrustedIssuer(CHAIN, REGISTRY, ISSUER, (), "University by id"),))


def did_document(*homes: IssuerId, did: str = WEB, **changed: Any) -> dict[str, Any]:
    method = {
        "id": f"{did}#key-1",
        "type": "Multikey",
        "controller": did,
        "publicKeyMultibase": encode_multikey(PUBLIC),
        **changed,
    }
    return {
        "id": did,
        "verificationMethod": [method],
        "assertionMethod": [f"{did}#key-1"],
        "service": [
            {
                "id": f"{did}#anchors",
                "type": "CredAnchorIssuer",
                "serviceEndpoint": [f"did:pkh:{CHAIN}:{REGISTRY}#{home}" for home in homes],
            }
        ],
    }


def credential(issuer: str = WEB, method: str = METHOD) -> dict[str, Any]:
    document = unsigned(issuer={"id": issuer, "type": ["Profile"], "name": "University"})
    return sign(document, PUBLIC, KEY.sign, proof_id="urn:uuid:1", created=NOW, method=method)


def with_word(case: Case, *documents: tuple[Any, Origin], committed: int | None = 0) -> Report:
    """committed: which of the documents the registry has the hash of."""
    read = [KnownDocument(DidDocument.from_json(one), origin) for one, origin in documents]
    did_hash = DidHash(bytes(32)) if committed is None else read[committed].document.hash
    return case.both(did_hash=did_hash).verify_with(IssuerWord(tuple(read)))


def outcomes(report: Report) -> str:
    return "".join(check.outcome[0] for check in report.checks)


# --- both ways


@pytest.mark.parametrize(("policy", "name"), [(BY_DID, "University"), (BY_ID, "University by id")])
@pytest.mark.parametrize("origin", [Origin.FETCHED, Origin.GIVEN])
def test_a_did_and_an_issuer_id_that_name_each_other_are_bound(
    policy: TrustPolicy, name: str, origin: Origin
) -> None:
    case = case_of(credential()).but(policy=policy)
    report = with_word(case, (did_document(ISSUER), origin))
    assert report.verdict is Verdict.VALID
    assert outcomes(report) == "V" * 11
    assert report.sentence.startswith(f"VALID: issued by {name}, ")
    assert "name each other" in report.checks[7].sentence
    assert report.checks[2].sentence == f"Signed by {METHOD}, a key in the issuer's DID document."


@pytest.mark.parametrize("policy", [BY_DID, BY_ID])
def test_a_document_that_came_along_is_not_the_dids_word(policy: TrustPolicy) -> None:
    """Else anyone could register, write a famous DID's document, and commit to its hash."""
    case = case_of(credential()).but(policy=policy)
    report = with_word(case, (did_document(ISSUER), Origin.CARRIED))
    assert report.verdict is Verdict.CANNOT_CHECK
    assert outcomes(report) == "VVUVVVVUVVV"
    assert "was not read" in report.checks[7].sentence


def test_a_strangers_issuer_id_with_a_forged_document_of_a_trusted_did_is_untrusted() -> None:
    """The stranger commits to a document of their own; the DID's own does not name them."""
    forged, true = did_document(STRANGER), did_document(ISSUER)
    case = case_of(credential(), STRANGER).but(policy=BY_DID)
    report = with_word(case, (forged, Origin.CARRIED), (true, Origin.FETCHED))
    assert report.verdict is Verdict.ISSUER_UNTRUSTED
    assert STRANGER.to_hex() in report.sentence
    assert with_word(case, (forged, Origin.CARRIED)).verdict is Verdict.CANNOT_CHECK


def test_a_revoked_credential_anchored_again_by_its_holder_is_untrusted() -> None:
    document, own = credential(), did_document(ISSUER)
    revoked = case_of(document).both(word=0b10 << LANE_BIT)
    again = case_of(document, STRANGER)
    for policy in (BY_DID, BY_BOTH, BY_ID):
        fetched = (own, Origin.FETCHED)
        assert with_word(revoked.but(policy=policy), fetched).verdict is Verdict.REVOKED
        report = with_word(again.but(policy=policy), fetched)
        assert report.verdict is Verdict.ISSUER_UNTRUSTED


def test_a_trusted_issuer_id_that_claims_a_famous_did_is_not_bound_to_it() -> None:
    """A club's issuer id is trusted; its owner commits to a document of the university's DID."""
    club = (TrustedIssuer(CHAIN, REGISTRY, STRANGER, (), "Chess Club"),)
    case = case_of(credential(), STRANGER).but(policy=replace(POLICY, issuers=club))
    claimed, true = did_document(STRANGER), did_document(ISSUER)
    assert with_word(case, (claimed, Origin.CARRIED)).verdict is Verdict.CANNOT_CHECK
    fetched = with_word(case, (claimed, Origin.CARRIED), (true, Origin.FETCHED))
    assert fetched.verdict is Verdict.ISSUER_UNTRUSTED


def test_a_document_that_the_registry_has_not_the_hash_of_binds_nothing() -> None:
    case = case_of(credential()).but(policy=BY_DID)
    report = with_word(case, (did_document(ISSUER), Origin.FETCHED), committed=None)
    assert report.verdict is Verdict.CANNOT_CHECK
    assert "not the one that the registry has the hash of" in report.checks[7].sentence


def test_the_did_must_be_the_credentials_own_issuer() -> None:
    document = did_document(ISSUER) | {"alsoKnownAs": ["did:web:other.example"]}
    case = case_of(credential("did:web:other.example", METHOD)).but(policy=BY_DID)
    report = with_word(case, (document, Origin.FETCHED))
    assert report.verdict is Verdict.ISSUER_UNTRUSTED


def test_an_issuer_that_is_no_did_needs_an_entry_that_names_both() -> None:
    case = case_of(credential("https://uni.example/issuer", METHOD)).but(policy=BY_ID)
    report = with_word(case, (did_document(ISSUER), Origin.FETCHED))
    assert report.verdict is Verdict.ISSUER_UNTRUSTED


def test_without_the_chain_a_did_that_does_not_name_the_issuer_id_is_definite() -> None:
    from registry.proofs.evidence import NoEvidence

    case = case_of(credential(), STRANGER).but(policy=BY_DID, evidence=NoEvidence("offline"))
    word = IssuerWord((KnownDocument(DidDocument.from_json(did_document(ISSUER)), Origin.GIVEN),))
    assert case.verify_with(word).verdict is Verdict.ISSUER_UNTRUSTED
    unread = case.verify_with(IssuerWord())
    assert outcomes(unread) == "VVUVVUSSSVS"


# --- did:key


def self_signed(*homes: IssuerId) -> dict[str, Any]:
    document = did_document(*homes, did=DID)
    document["verificationMethod"][0]["id"] = verification_method(PUBLIC)
    document["assertionMethod"] = [verification_method(PUBLIC)]
    return sign(document, PUBLIC, KEY.sign, proof_id="urn:uuid:2", created=NOW)


def test_a_did_keys_document_is_its_word_if_its_own_key_has_signed_it() -> None:
    policy = replace(POLICY, issuers=(), dids=(TrustedDid(DID, "Academy"),))
    case = good_case().but(policy=policy)
    assert with_word(case, (self_signed(ISSUER), Origin.CARRIED)).verdict is Verdict.VALID
    refused = with_word(case, (self_signed(STRANGER), Origin.CARRIED))
    assert refused.verdict is Verdict.ISSUER_UNTRUSTED
    bare = {key: one for key, one in self_signed(ISSUER).items() if key != "proof"}
    assert with_word(case, (bare, Origin.CARRIED)).verdict is Verdict.CANNOT_CHECK
    changed = self_signed(STRANGER) | {"service": self_signed(ISSUER)["service"]}
    assert with_word(case, (changed, Origin.CARRIED)).verdict is Verdict.CANNOT_CHECK


def test_another_keys_signature_on_a_did_keys_document_says_nothing() -> None:
    unsigned_document = did_document(ISSUER, did=DID)
    document = sign(
        unsigned_document, OTHER_PUBLIC, OTHER_KEY.sign, proof_id="urn:uuid:2", created=NOW
    )
    policy = replace(POLICY, issuers=(), dids=(TrustedDid(DID, "Academy"),))
    report = with_word(good_case().but(policy=policy), (document, Origin.CARRIED))
    assert report.verdict is Verdict.CANNOT_CHECK


# --- step 3 by the document


def test_a_carried_document_gives_the_keys_where_policy_names_both() -> None:
    """The issuer id is trusted for that DID, so the hash under it is the issuer's own."""
    case = case_of(credential()).but(policy=BY_BOTH)
    assert with_word(case, (did_document(ISSUER), Origin.CARRIED)).verdict is Verdict.VALID
    unread = case.verify_with(IssuerWord())
    assert unread.verdict is Verdict.CANNOT_CHECK
    assert outcomes(unread) == "VVUVVVVVVVV"
    uncommitted = with_word(case, (did_document(ISSUER), Origin.CARRIED), committed=None)
    assert outcomes(uncommitted) == "VVUVVVVVVVV"


def test_an_https_issuer_gets_its_keys_from_a_document_that_knows_it_by_that_name() -> None:
    issuer = "https://uni.example/issuer"
    entry = TrustedIssuer(CHAIN, REGISTRY, ISSUER, (issuer,), "University")
    case = case_of(credential(issuer)).but(policy=replace(POLICY, issuers=(entry,)))
    document = did_document(ISSUER) | {"alsoKnownAs": [issuer]}
    assert with_word(case, (document, Origin.CARRIED)).verdict is Verdict.VALID
    assert outcomes(with_word(case, (did_document(ISSUER), Origin.CARRIED)))[2] == "U"


def test_a_signature_that_does_not_fit_is_tampered_once_the_key_is_known() -> None:
    document = credential()
    document["name"] = "Another course"
    case = case_of(document).but(policy=BY_BOTH)
    report = with_word(case, (did_document(ISSUER), Origin.CARRIED))
    assert report.verdict is Verdict.TAMPERED
    assert outcomes(report)[2] == "I"


def test_a_did_keys_name_for_a_key_of_the_document_is_as_good() -> None:
    case = case_of(credential(method=verification_method(PUBLIC))).but(policy=BY_BOTH)
    assert with_word(case, (did_document(ISSUER), Origin.CARRIED)).verdict is Verdict.VALID


@pytest.mark.parametrize("method", [f"{WEB}#key-9", verification_method(OTHER_PUBLIC)])
def test_a_key_that_is_not_in_the_document_is_not_the_issuers(method: str) -> None:
    issuer = {"id": WEB, "type": ["Profile"], "name": "University"}
    document = sign(
        unsigned(issuer=issuer),
        OTHER_PUBLIC,
        OTHER_KEY.sign,
        proof_id="urn:uuid:1",
        created=NOW,
        method=method,
    )
    report = with_word(
        case_of(document).but(policy=BY_BOTH), (did_document(ISSUER), Origin.CARRIED)
    )
    assert report.verdict is Verdict.CANNOT_CHECK
    assert f"DID document of {WEB}" in report.sentence


@pytest.mark.parametrize("end", ["revoked", "expires"])
@pytest.mark.parametrize(
    ("retired_s", "verdict"),
    [(ANCHORED_S + 1, "VALID"), (ANCHORED_S, "TAMPERED"), (ANCHORED_S - 1, "TAMPERED")],
)
def test_a_retired_key_is_judged_at_the_anchor_not_at_what_a_proof_says(
    end: str, retired_s: int, verdict: str
) -> None:
    document = did_document(ISSUER, **{end: unix_stamp(retired_s)})
    backdated = sign(
        unsigned(issuer=WEB, type=["VerifiableCredential"]),
        PUBLIC,
        KEY.sign,
        proof_id="urn:uuid:1",
        created=datetime(2020, 1, 1, tzinfo=UTC),
        method=METHOD,
    )
    report = with_word(case_of(backdated).but(policy=BY_BOTH), (document, Origin.CARRIED))
    assert report.verdict == verdict
    assert ("before the anchor" in report.sentence) is (verdict == "TAMPERED")


def test_a_did_key_that_its_own_document_retires_is_retired() -> None:
    document = did_document(ISSUER, did=DID, revoked=unix_stamp(ANCHORED_S))
    report = with_word(good_case(), (document, Origin.CARRIED))
    assert report.verdict is Verdict.TAMPERED


def test_a_retired_key_whose_anchor_is_not_dated_is_not_known() -> None:
    document = did_document(ISSUER, revoked=unix_stamp(ANCHORED_S + 1))
    case = case_of(credential()).but(policy=BY_BOTH).both(batch=None)
    report = with_word(case, (document, Origin.CARRIED))
    assert outcomes(report)[2] == "U"
    assert "not known" in report.checks[2].sentence


# --- ecdsa-jcs-2019


P256_KEY = ec.derive_private_key(7, ec.SECP256R1())
NUMBERS = P256_KEY.public_key().public_numbers()
P256 = P256PublicKey(bytes([2 + NUMBERS.y % 2]) + NUMBERS.x.to_bytes(32, "big"))


def p256_signed(document: dict[str, Any], method: str) -> dict[str, Any]:
    options = {
        "type": "DataIntegrityProof",
        "cryptosuite": "ecdsa-jcs-2019",
        "created": "2026-06-01T00:00:00Z",
        "verificationMethod": method,
        "proofPurpose": "assertionMethod",
        "@context": document["@context"],
    }
    r, s = utils.decode_dss_signature(
        P256_KEY.sign(hash_data(document, options), ec.ECDSA(SHA256()))
    )
    value = encode_multibase(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return {**document, "proof": {**options, "proofValue": value}}


def test_p256_signatures_are_checked_by_did_key_and_by_document() -> None:
    did = f"did:key:{encode_multikey(P256)}"
    issuer = {"id": did, "type": ["Profile"], "name": "University"}
    entry = TrustedIssuer(CHAIN, REGISTRY, ISSUER, (did,), "University")
    own = p256_signed(unsigned(issuer=issuer), verification_method(P256))
    case = case_of(own).but(policy=replace(POLICY, issuers=(entry,)))
    assert case.verify().verdict is Verdict.VALID
    changed = case_of({**own, "name": "Other"}).but(policy=case.policy)
    assert changed.verify().verdict is Verdict.TAMPERED

    by_web = unsigned(issuer={"id": WEB, "type": ["Profile"], "name": "University"})
    document = did_document(ISSUER, publicKeyMultibase=encode_multikey(P256))
    web = case_of(p256_signed(by_web, METHOD)).but(policy=BY_BOTH)
    assert with_word(web, (document, Origin.CARRIED)).verdict is Verdict.VALID


def test_a_key_of_another_kind_than_the_suites_is_malformed() -> None:
    by_web = unsigned(issuer={"id": WEB, "type": ["Profile"], "name": "University"})
    web = case_of(p256_signed(by_web, METHOD)).but(policy=BY_BOTH)
    report = with_word(web, (did_document(ISSUER), Origin.CARRIED))
    assert report.verdict is Verdict.TAMPERED
    assert "another kind" in report.sentence


def test_a_p256_key_off_the_curve_signs_nothing() -> None:
    off = P256PublicKey(b"\x02" + b"\xff" * 32)
    by_web = unsigned(issuer={"id": WEB, "type": ["Profile"], "name": "University"})
    document = did_document(ISSUER, publicKeyMultibase=encode_multikey(off))
    web = case_of(p256_signed(by_web, METHOD)).but(policy=BY_BOTH)
    assert with_word(web, (document, Origin.CARRIED)).verdict is Verdict.TAMPERED


# --- purposes


@pytest.mark.parametrize(
    ("purposes", "asked", "verdict"),
    [
        ((), None, "VALID"),
        ((), "hiring", "VALID"),
        (("hiring",), "hiring", "VALID"),
        (("admission", "hiring"), "hiring", "VALID"),
        (("hiring",), None, "ISSUER_UNTRUSTED"),
        (("hiring",), "admission", "ISSUER_UNTRUSTED"),
        (("hiring",), "Hiring", "ISSUER_UNTRUSTED"),
    ],
)
def test_an_entry_counts_for_its_purposes_alone(
    purposes: tuple[str, ...], asked: str | None, verdict: str
) -> None:
    registries = tuple(replace(one, purposes=purposes) for one in POLICY.registries)
    issuers = tuple(replace(one, purposes=purposes) for one in POLICY.issuers)
    dids = tuple(replace(one, purposes=purposes) for one in BY_DID.dids)
    for limited, case in (
        (replace(POLICY, registries=registries), good_case()),
        (replace(POLICY, issuers=issuers), good_case()),
        (replace(BY_DID, dids=dids), case_of(credential())),
    ):
        report = with_word(
            case.but(policy=replace(limited, purpose=asked)),
            (did_document(ISSUER), Origin.FETCHED),
        )
        assert report.verdict == verdict
        if verdict != "VALID":
            assert report.sentence.endswith(f"but for {', '.join(purposes)}.")


def test_a_strangers_did_document_reaches_no_sentence_raw() -> None:
    did = "did:web:uni.example\u202e\x1b[2J"
    policy = replace(BY_DID, dids=(TrustedDid(did, "University"),))
    document = json.loads(json.dumps(did_document(STRANGER, did=did)))
    report = with_word(case_of(credential(did)).but(policy=policy), (document, Origin.FETCHED))
    assert report.verdict is Verdict.ISSUER_UNTRUSTED
    assert all(check.sentence.isprintable() for check in report.checks)
