"""The issuer's signature: W3C Data Integrity with the cryptosuite `eddsa-jcs-2022`.

Source: Verifiable Credential Data Integrity 1.0 §4, and Data Integrity EdDSA Cryptosuites v1.0
§3.3. Keys are known by did:key alone: nothing is fetched. A proof is judged on the document without
any `proof` member, so a credential verifies alike with and without its anchor proof; what a
signature leaves uncovered (the other proofs) is covered by the credential digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from registry.canonical import canonicalize
from registry.credential import issuer_proofs
from registry.errors import MalformedProof, MalformedValue
from registry.moments import read_moment, stamp
from registry.multikey import (
    decode_multibase,
    did_key,
    encode_multibase,
    key_of_verification_method,
    verification_method,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from registry.multikey import PublicKey
    from registry.strict_json import JsonObject, JsonValue

PROOF_TYPE = "DataIntegrityProof"
CRYPTOSUITE = "eddsa-jcs-2022"
PROOF_PURPOSE = "assertionMethod"
_SIGNATURE_BYTES = 64


class SignatureState(StrEnum):
    """In the order in which the worst or the most telling of several proofs is reported."""

    MALFORMED = "malformed"
    """A proof of our suite that is not what the suite asks for."""
    WRONG = "wrong"
    """The signature does not fit the document: one of the two was changed."""
    VALID = "valid"
    """Signed by the key that `issuer.id` names."""
    STRANGER = "stranger"
    """Truly signed, but `issuer.id` is a did:key and names another key."""
    UNBOUND = "unbound"
    """Truly signed, but `issuer.id` is no did:key: whether the key is the issuer's is not known."""
    KEY_UNKNOWN = "key unknown"
    """The verification method is no did:key, so there is no key to check with."""
    SUITE_UNKNOWN = "suite unknown"
    """No proof of a suite that is known here (a proof chain counts as one)."""
    ABSENT = "absent"


_SEVERITY = {state: rank for rank, state in enumerate(SignatureState)}


@dataclass(frozen=True, slots=True)
class Signature:
    """One judgement; sentence is for people. key: with which it was checked, if with any."""

    state: SignatureState
    sentence: str
    key: PublicKey | None = None


def sign(
    document: JsonObject,
    key: PublicKey,
    signer: Callable[[bytes], bytes],
    *,
    proof_id: str,
    created: datetime,
) -> JsonObject:
    """Return `document` with the issuer's proof as its one `proof` (EdDSA Cryptosuites §3.3.1).

    signer: bytes to the 64 bytes of their Ed25519 signature by `key`. proof_id: a URI; it is
    signed, so that later proofs can name this one. created: with a time zone; kept in seconds.
    Raises MalformedProof for a document that has a proof already.
    """
    if "proof" in document:
        raise MalformedProof("the document is signed already", "/proof")
    options: JsonObject = {
        "id": proof_id,
        "type": PROOF_TYPE,
        "cryptosuite": CRYPTOSUITE,
        "created": stamp(created),
        "verificationMethod": verification_method(key),
        "proofPurpose": PROOF_PURPOSE,
    }
    if "@context" in document:
        options = {"@context": document["@context"], **options}
    signature = signer(hash_data(document, options))
    return {**document, "proof": {**options, "proofValue": encode_multibase(signature)}}


def hash_data(unsecured: JsonObject, proof_options: JsonObject) -> bytes:
    """The 64 bytes that are signed: hash of the proof's configuration, hash of the document.

    unsecured: without `proof`; proof_options: without `proofValue` (EdDSA Cryptosuites §3.3.4).
    """
    configuration = sha256(canonicalize(proof_options)).digest()
    return configuration + sha256(canonicalize(unsecured)).digest()


def check_signature(document: JsonObject) -> Signature:
    """Judge the issuer's signature on a credential, with or without its anchor proof.

    Of several proofs one that is broken tells most, then one by the issuer's own key.
    Raises MalformedDocument where `proof` is neither an object nor an array of objects.
    """
    proofs = issuer_proofs(document)
    if not proofs:
        return Signature(SignatureState.ABSENT, "The issuer has not signed this credential.")
    judged = [check_proof(document, proof) for proof in proofs]
    return min(judged, key=lambda signature: _SEVERITY[signature.state])


def check_proof(document: JsonObject, proof: JsonObject) -> Signature:
    """Judge one proof of a document (EdDSA Cryptosuites §3.3.2); never raises for bad content."""
    suite = proof.get("cryptosuite") if proof.get("type") == PROOF_TYPE else proof.get("type")
    if suite != CRYPTOSUITE:
        return Signature(
            SignatureState.SUITE_UNKNOWN, f"Signed with {_short(suite)}, which is not known here."
        )
    if "previousProof" in proof:
        return Signature(
            SignatureState.SUITE_UNKNOWN, "Signed in a proof chain, which is not read here."
        )
    try:
        signature = _check_options(document, proof)
    except MalformedProof as fault:
        return Signature(SignatureState.MALFORMED, f"The issuer's proof is malformed: {fault}.")
    try:
        key = key_of_verification_method(str(proof["verificationMethod"]))
    except MalformedValue:
        method = _short(proof["verificationMethod"])
        return Signature(
            SignatureState.KEY_UNKNOWN, f"The key {method} is no did:key, so it is not known here."
        )
    if not _is_signed(document, proof, key, signature):
        return Signature(
            SignatureState.WRONG, "The issuer's signature does not fit this document.", key
        )
    return _whose(document, key)


def _check_options(document: JsonObject, proof: JsonObject) -> bytes:
    """The 64 bytes of the signature. Raises MalformedProof naming the member at fault."""
    if proof.get("proofPurpose") != PROOF_PURPOSE:
        raise MalformedProof(f"is not {PROOF_PURPOSE}", "proofPurpose")
    for member in ("created", "expires"):
        if member in proof and not _is_moment(proof[member]):
            raise MalformedProof("is not a date and time with a time zone", member)
    for member in ("verificationMethod", "proofValue"):
        if not isinstance(proof.get(member), str):
            raise MalformedProof("is not text", member)
    if "@context" in proof and not _begins_with(document.get("@context"), proof["@context"]):
        raise MalformedProof("is not how the document's own begins", "@context")
    try:
        signature = decode_multibase(str(proof["proofValue"]))
    except MalformedValue as fault:
        raise MalformedProof(str(fault), "proofValue") from None
    if len(signature) != _SIGNATURE_BYTES:
        raise MalformedProof(f"{len(signature)} bytes where 64 belong", "proofValue")
    return signature


def _is_moment(value: JsonValue) -> bool:
    try:
        return isinstance(value, str) and bool(read_moment(value))
    except MalformedValue:
        return False


def _begins_with(whole: JsonValue, beginning: JsonValue) -> bool:
    values = whole if isinstance(whole, list) else [whole]
    first = beginning if isinstance(beginning, list) else [beginning]
    return values[: len(first)] == first


def _is_signed(document: JsonObject, proof: JsonObject, key: PublicKey, signature: bytes) -> bool:
    unsecured = {name: value for name, value in document.items() if name != "proof"}
    if "@context" in proof:
        # The suite asks for it: contexts added after signing do not break the signature.
        unsecured["@context"] = proof["@context"]
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, hash_data(unsecured, options))
    except InvalidSignature:
        return False
    return True


def _whose(document: JsonObject, key: PublicKey) -> Signature:
    issuer = document.get("issuer")
    issuer_id = issuer.get("id") if isinstance(issuer, dict) else issuer
    if issuer_id == did_key(key):
        return Signature(SignatureState.VALID, "Signed by the issuer's own key.", key)
    if isinstance(issuer_id, str) and issuer_id.startswith("did:key:"):
        return Signature(
            SignatureState.STRANGER, f"Signed by {did_key(key)}, which is not the issuer.", key
        )
    return Signature(
        SignatureState.UNBOUND,
        f"Signed by {did_key(key)}; nothing here shows that it is a key of {_short(issuer_id)}.",
        key,
    )


def _short(value: JsonValue) -> str:
    text = value if isinstance(value, str) else "something that is not text"
    return text if len(text) <= 80 else text[:79] + "…"
