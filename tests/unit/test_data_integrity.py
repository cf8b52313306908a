"""eddsa-jcs-2022: W3C's vectors where they are at hand, and one of our own that stands alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from registry.documents.data_integrity import (
    SignatureState,
    check_proofs,
    check_signature,
    hash_data,
    sign,
)
from registry.documents.multikey import (
    PublicKey,
    decode_multibase,
    did_key,
    encode_multibase,
    verification_method,
)
from registry.errors import MalformedDocument, MalformedProof
from registry.formats.credential import MAX_ISSUER_PROOFS
from registry.formats.strict_json import read_object

if TYPE_CHECKING:
    from registry.formats.strict_json import JsonValue

VECTORS = Path(__file__).parents[3] / "shared" / "data" / "vc-di-eddsa"
needs_vectors = pytest.mark.skipif(
    not VECTORS.is_dir(),
    reason="W3C's vc-di-eddsa vectors are not beside the repository; our own vector still runs",
)

# RFC 8032 §7.1, test 1
PRIVATE = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)
KEY = PublicKey(PRIVATE.public_key().public_bytes_raw())
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(32))
STRANGERS_KEY = PublicKey(STRANGER.public_key().public_bytes_raw())
CREATED = datetime(2026, 6, 30, 12, tzinfo=UTC)
PROOF_ID = "urn:uuid:11111111-1111-4111-8111-111111111111"
DID = "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw"

CREDENTIAL: dict[str, Any] = {
    "@context": ["https://www.w3.org/ns/credentials/v2", {"@vocab": "https://example.org/#"}],
    "type": ["VerifiableCredential"],
    "issuer": {"name": "Zoë", "id": DID},
    "credentialSubject": {"score": 1.0},
}
# Written out by hand from RFC 8785, so that our canonical form is not its own witness.
CANONICAL_DOCUMENT = (
    '{"@context":["https://www.w3.org/ns/credentials/v2",{"@vocab":"https://example.org/#"}],'
    '"credentialSubject":{"score":1},'
    '"issuer":{"id":"did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw","name":"Zoë"},'
    '"type":["VerifiableCredential"]}'
)
CANONICAL_OPTIONS = (
    '{"@context":["https://www.w3.org/ns/credentials/v2",{"@vocab":"https://example.org/#"}],'
    '"created":"2026-06-30T12:00:00Z","cryptosuite":"eddsa-jcs-2022",'
    '"id":"urn:uuid:11111111-1111-4111-8111-111111111111","proofPurpose":"assertionMethod",'
    '"type":"DataIntegrityProof",'
    '"verificationMethod":"did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw'
    '#z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw"}'
)


def signed(
    document: dict[str, Any] = CREDENTIAL, private: Ed25519PrivateKey = PRIVATE
) -> dict[str, Any]:
    key = PublicKey(private.public_key().public_bytes_raw())
    return sign(document, key, private.sign, proof_id=PROOF_ID, created=CREATED)


def resigned(**changes: Any) -> dict[str, Any]:
    """A credential whose proof has other options, truly signed; None leaves an option out."""
    proof = {**signed()["proof"], **changes}
    proof = {name: value for name, value in proof.items() if value is not None}
    proof.pop("proofValue")
    signature = PRIVATE.sign(hash_data(CREDENTIAL, proof))
    return {**CREDENTIAL, "proof": {**proof, "proofValue": encode_multibase(signature)}}


def anchored(document: dict[str, Any]) -> dict[str, Any]:
    anchor = {"type": "DataIntegrityProof", "cryptosuite": "credanchor-merkle-jcs-2026"}
    return {**document, "proof": [document["proof"], anchor]}


def state(document: dict[str, Any]) -> SignatureState:
    return check_signature(document).state


def test_our_own_vector_is_signed_bit_for_bit() -> None:
    expected = (
        sha256(CANONICAL_OPTIONS.encode()).digest() + sha256(CANONICAL_DOCUMENT.encode()).digest()
    )
    proof = signed()["proof"]
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    assert hash_data(CREDENTIAL, options) == expected
    PRIVATE.public_key().verify(decode_multibase(proof["proofValue"]), expected)
    assert proof["proofValue"] == (
        "ztbyaA2e9ewurus821fCQLU2p9ZLNiGvF66b2bt5tWrhcp6WXfHiNSZubfN13tVDLLzpFPpPQgnSBQ3tsPHVSnjA"
    )


@needs_vectors
def test_w3c_vector_is_signed_bit_for_bit() -> None:
    folder = VECTORS / "eddsa-jcs-2022"
    unsigned = read_object((VECTORS / "unsigned.json").read_bytes())
    options = read_object((folder / "proofConfigJCS.json").read_bytes())
    hashes = hash_data(unsigned, options)
    assert hashes[:32].hex() == (folder / "proofHashJCS.txt").read_text().strip()
    assert hashes[32:].hex() == (folder / "docHashJCS.txt").read_text().strip()
    assert hashes.hex() == (folder / "combinedHashJCS.txt").read_text().strip()
    pair = json.loads((VECTORS / "keyPair.json").read_bytes())
    seed = decode_multibase(pair["privateKeyMultibase"])[2:]
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(hashes)
    assert signature.hex() == (folder / "sigHexJCS.txt").read_text().strip()
    text = (folder / "sigBTC58JCS.txt").read_text().strip()
    assert decode_multibase(text) == signature


@needs_vectors
def test_w3c_vector_verifies_and_its_issuer_is_not_guessed() -> None:
    document = read_object((VECTORS / "eddsa-jcs-2022" / "signedJCS.json").read_bytes())
    found = check_signature(document)
    assert found.state is SignatureState.UNBOUND
    pair = json.loads((VECTORS / "keyPair.json").read_bytes())
    assert found.key is not None
    assert did_key(found.key) == f"did:key:{pair['publicKeyMultibase']}"
    assert state({**document, "name": "Another"}) is SignatureState.WRONG


def test_the_issuers_own_signature_is_valid_embedded_or_bare() -> None:
    document = signed()
    assert state(document) is SignatureState.VALID
    assert state(anchored(document)) is SignatureState.VALID
    assert check_signature(document).key == KEY


def test_an_issuer_given_as_text_is_the_same_issuer() -> None:
    assert state(signed({**CREDENTIAL, "issuer": DID})) is SignatureState.VALID


def test_the_proof_carries_its_own_context_and_its_id() -> None:
    proof = signed()["proof"]
    assert proof["@context"] == CREDENTIAL["@context"]
    assert proof["id"] == PROOF_ID
    assert "@context" not in signed({"issuer": DID})["proof"]


def test_signing_leaves_the_document_as_it_was() -> None:
    before = json.dumps(CREDENTIAL)
    signed()
    assert json.dumps(CREDENTIAL) == before


def test_a_signed_document_is_not_signed_again() -> None:
    with pytest.raises(MalformedProof, match="signed already"):
        signed(signed())


@pytest.mark.parametrize(
    "change",
    [
        {"credentialSubject": {"score": 2}},
        {"type": ["VerifiableCredential", "Other"]},
        {"issuer": {"name": "Zoe", "id": DID}},
        {"extra": None},
    ],
)
def test_a_changed_document_is_wrong(change: dict[str, Any]) -> None:
    assert state({**signed(), **change}) is SignatureState.WRONG


@pytest.mark.parametrize(
    "change",
    [
        {"created": "2026-06-30T12:00:01Z"},
        {"id": "urn:uuid:22222222-2222-4222-8222-222222222222"},
        {"verificationMethod": verification_method(STRANGERS_KEY)},
        {"added": 1},
    ],
)
def test_a_changed_proof_is_wrong(change: dict[str, Any]) -> None:
    document = signed()
    assert state({**document, "proof": {**document["proof"], **change}}) is SignatureState.WRONG


@given(st.integers(0, 63), st.integers(1, 255))
def test_any_changed_byte_of_the_signature_is_wrong(place: int, change: int) -> None:
    document = signed()
    signature = bytearray(decode_multibase(document["proof"]["proofValue"]))
    signature[place] ^= change
    proof = {**document["proof"], "proofValue": encode_multibase(bytes(signature))}
    assert state({**document, "proof": proof}) is SignatureState.WRONG


def test_a_strangers_true_signature_is_a_strangers() -> None:
    assert state(signed(private=STRANGER)) is SignatureState.STRANGER


def test_a_key_that_nothing_ties_to_the_issuer_is_unbound() -> None:
    document = signed({**CREDENTIAL, "issuer": "https://university.example"})
    found = check_signature(document)
    assert found.state is SignatureState.UNBOUND
    assert "https://university.example" in found.sentence


def test_no_proof_and_an_anchor_proof_alone_are_absent() -> None:
    assert state(CREDENTIAL) is SignatureState.ABSENT
    alone = anchored(signed())
    assert state({**alone, "proof": alone["proof"][1:]}) is SignatureState.ABSENT


@pytest.mark.parametrize(
    "change",
    [
        {"cryptosuite": "eddsa-rdfc-2022"},
        {"type": "Ed25519Signature2020"},
        {"type": None},
        {"cryptosuite": ["eddsa-jcs-2022"]},
        {"previousProof": PROOF_ID},
    ],
)
def test_other_suites_and_proof_chains_are_unknown(change: dict[str, Any]) -> None:
    document = signed()
    proof = {**document["proof"], **change}
    assert state({**document, "proof": proof}) is SignatureState.SUITE_UNKNOWN


def test_a_key_by_any_other_name_is_unknown() -> None:
    document = resigned(verificationMethod="https://university.example/keys/1")
    assert state(document) is SignatureState.KEY_UNKNOWN


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"proofPurpose": "authentication"}, "proofPurpose"),
        ({"proofPurpose": None}, "proofPurpose"),
        ({"created": "2026-06-30"}, "created"),
        ({"created": "2026-06-30T12:00:00"}, "created"),
        ({"created": "2026-13-30T12:00:00Z"}, "created"),
        ({"created": "2026-02-30T12:00:00Z"}, "created"),
        ({"created": 1}, "created"),
        ({"expires": "soon"}, "expires"),
        ({"verificationMethod": None}, "verificationMethod"),
        ({"@context": ["https://www.w3.org/ns/credentials/v1"]}, "@context"),
        ({"@context": [*CREDENTIAL["@context"], "https://example.org/more"]}, "@context"),
    ],
)
def test_options_of_a_wrong_shape_are_malformed(change: dict[str, Any], member: str) -> None:
    found = check_signature(resigned(**change))
    assert found.state is SignatureState.MALFORMED
    assert member in found.sentence


@pytest.mark.parametrize("value", [None, 7, "", "zz", "z0", "uAAAA", "z" + "1" * 63, "z" * 5000])
def test_a_value_that_is_no_signature_is_malformed(value: Any) -> None:
    document = signed()
    proof = {**document["proof"], "proofValue": value}
    found = check_signature({**document, "proof": proof})
    assert found.state is SignatureState.MALFORMED
    assert len(found.sentence) < 200


def test_options_that_may_be_there_or_not() -> None:
    assert state(resigned(created=None, id=None)) is SignatureState.VALID
    assert state(resigned(expires="2030-01-01T00:00:00.5+02:00")) is SignatureState.VALID


def test_contexts_added_behind_the_signed_ones_leave_the_signature_true() -> None:
    document = signed()
    more = {**document, "@context": [*document["@context"], "https://example.org/more"]}
    assert state(more) is SignatureState.VALID
    assert state({**document, "@context": more["@context"][1:]}) is SignatureState.MALFORMED


def test_of_several_proofs_the_issuers_counts_unless_one_is_broken() -> None:
    own, strangers = signed(), signed(private=STRANGER)
    foreign = {"type": "DataIntegrityProof", "cryptosuite": "ecdsa-rdfc-2019"}
    broken = {**strangers["proof"], "created": "2020-01-01T00:00:00Z"}
    pair = [foreign, strangers["proof"], own["proof"]]
    assert state({**CREDENTIAL, "proof": pair}) is SignatureState.VALID
    assert state({**CREDENTIAL, "proof": pair[:2]}) is SignatureState.STRANGER
    assert state({**CREDENTIAL, "proof": [*pair, broken]}) is SignatureState.WRONG
    states = [one.state for one in check_proofs({**CREDENTIAL, "proof": [own["proof"], broken]})]
    assert states == [SignatureState.VALID, SignatureState.WRONG]


@pytest.mark.parametrize("added", [{}, {"": 0, "!": 1}, {"A": 1, "é": 2, "😀": 3, "\ue000": 4}])
def test_what_is_signed_is_in_order_whatever_the_members_names(added: dict[str, Any]) -> None:
    document = {**CREDENTIAL, **added}
    options = {**signed()["proof"], "@context": document["@context"][:1]}
    del options["proofValue"]
    unsecured = {**document, "@context": options["@context"]}
    value = encode_multibase(PRIVATE.sign(hash_data(unsecured, options)))
    assert state({**document, "proof": {**options, "proofValue": value}}) is SignatureState.VALID
    del unsecured["@context"], options["@context"]
    value = encode_multibase(PRIVATE.sign(hash_data(unsecured, options)))
    bare = {**unsecured, "proof": {**options, "proofValue": value}}
    assert state(bare) is SignatureState.VALID


@pytest.mark.parametrize("other", [True, 1.5, "1"])
def test_a_context_that_only_python_holds_for_equal_is_another(other: Any) -> None:
    context = [*CREDENTIAL["@context"], {"x": 1}]
    options = {**signed()["proof"], "@context": [*context[:-1], {"x": other}]}
    assert state({**CREDENTIAL, "@context": context, "proof": options}) is SignatureState.MALFORMED


def test_more_proofs_than_are_read_are_refused_and_anchor_proofs_do_not_count() -> None:
    """A broken one among them must not be hidden by their number."""
    anchors = [{"type": "DataIntegrityProof", "cryptosuite": f"credanchor-{n}"} for n in range(3)]
    proofs: list[JsonValue] = [signed()["proof"]] * MAX_ISSUER_PROOFS
    assert state({**CREDENTIAL, "proof": [*proofs, *anchors]}) is SignatureState.VALID
    with pytest.raises(MalformedDocument, match="17 proofs, where at most 16 are read"):
        check_signature({**CREDENTIAL, "proof": [*proofs, signed()["proof"]]})


@pytest.mark.parametrize("proof", ["text", 1, None, [[]], ["text"]])
def test_proofs_that_are_no_objects_are_refused(proof: Any) -> None:
    with pytest.raises(MalformedDocument):
        check_signature({**CREDENTIAL, "proof": proof})
