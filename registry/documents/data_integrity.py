"""The issuer's signature: W3C Data Integrity with `eddsa-jcs-2022`; `ecdsa-jcs-2019` to check.

Source: Verifiable Credential Data Integrity 1.0 §4, Data Integrity EdDSA Cryptosuites v1.0 §3.3,
Data Integrity ECDSA Cryptosuites v1.0 §3.3 (P-256). A did:key says its key itself; any other key
is known only from the issuer's DID document, where one is at hand. A proof is judged on the
document without any `proof` member, so a credential verifies alike with and without its anchor
proof; what a signature leaves uncovered (the other proofs) is covered by the credential digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from registry.documents.multikey import (
    P256PublicKey,
    PublicKey,
    decode_multibase,
    did_key,
    encode_multibase,
    key_of_verification_method,
    verification_method,
)
from registry.errors import MalformedProof, MalformedValue
from registry.formats.canonical import canonicalize
from registry.formats.credential import issuer_proofs
from registry.moments import read_moment, stamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from registry.documents.issuer_keys import IssuerKey, IssuerKeys
    from registry.documents.multikey import AnyPublicKey
    from registry.formats.strict_json import JsonObject, JsonValue

PROOF_TYPE = "DataIntegrityProof"
CRYPTOSUITE = "eddsa-jcs-2022"
"""What is signed with here."""
PROOF_PURPOSE = "assertionMethod"
_SIGNATURE_BYTES = 64
_CONTEXT = "@context"
_KEY_KINDS: dict[str, type[AnyPublicKey]] = {
    CRYPTOSUITE: PublicKey,
    "ecdsa-jcs-2019": P256PublicKey,
}
"""Each suite that is checked, and the one kind of key that it takes."""


class SignatureState(StrEnum):
    """In the order in which the worst or the most telling of several proofs is reported."""

    MALFORMED = "malformed"
    """A proof of our suite that is not what the suite asks for."""
    WRONG = "wrong"
    """The signature does not fit the document: one of the two was changed."""
    VALID = "valid"
    """Signed by a key of the issuer: what its did:key says, or its DID document."""
    RETIRED = "retired"
    """Truly signed, by a key that the issuer had retired before the anchor."""
    UNDATED = "undated"
    """Truly signed, by a retired key, and when the anchor was made is not known."""
    STRANGER = "stranger"
    """Truly signed, by a key that is not among the issuer's."""
    UNBOUND = "unbound"
    """Truly signed, but which keys the issuer has is not known here."""
    KEY_UNKNOWN = "key unknown"
    """Nothing here says what key the verification method is, so there is none to check with."""
    SUITE_UNKNOWN = "suite unknown"
    """No proof of a suite that is known here (a proof chain counts as one)."""
    ABSENT = "absent"


_SEVERITY = {state: rank for rank, state in enumerate(SignatureState)}


@dataclass(frozen=True, slots=True)
class Signature:
    """One judgement; sentence is for people. key: with which it was checked, if with any."""

    state: SignatureState
    sentence: str
    key: AnyPublicKey | None = None


def sign(
    document: JsonObject,
    key: PublicKey,
    signer: Callable[[bytes], bytes],
    *,
    proof_id: str,
    created: datetime,
    method: str | None = None,
) -> JsonObject:
    """Return `document` with the issuer's proof as its one `proof` (EdDSA Cryptosuites §3.3.1).

    signer: bytes to the 64 bytes of their Ed25519 signature by `key`. proof_id: a URI; it is
    signed, so that later proofs can name this one. created: with a time zone; kept in seconds.
    method: the DID URL that names the key, else that of its did:key.
    Raises MalformedProof for a document that has a proof already.
    """
    if "proof" in document:
        raise MalformedProof("the document is signed already", "/proof")
    options: JsonObject = {
        "id": proof_id,
        "type": PROOF_TYPE,
        "cryptosuite": CRYPTOSUITE,
        "created": stamp(created),
        "verificationMethod": method or verification_method(key),
        "proofPurpose": PROOF_PURPOSE,
    }
    if _CONTEXT in document:
        options = {_CONTEXT: document[_CONTEXT], **options}
    signature = signer(hash_data(document, options))
    return {**document, "proof": {**options, "proofValue": encode_multibase(signature)}}


def hash_data(unsecured: JsonObject, proof_options: JsonObject) -> bytes:
    """The 64 bytes that are signed: hash of the proof's configuration, hash of the document.

    unsecured: without `proof`; proof_options: without `proofValue` (EdDSA Cryptosuites §3.3.4).
    """
    configuration = sha256(canonicalize(proof_options)).digest()
    return configuration + sha256(canonicalize(unsecured)).digest()


def check_signature(document: JsonObject, known: IssuerKeys | None = None) -> Signature:
    """Judge the issuer's signature on a credential, with or without its anchor proof.

    known: the issuer's keys, where its DID document is at hand and to be believed. Of several
    proofs one that is broken tells most, then one by the issuer's own key. Raises
    MalformedDocument where `proof` is neither an object nor an array of objects, or has more than
    are read.
    """
    judged = check_proofs(document, known)
    if not judged:
        return Signature(SignatureState.ABSENT, "The issuer has not signed this credential.")
    return min(judged, key=lambda signature: _SEVERITY[signature.state])


def check_proofs(document: JsonObject, known: IssuerKeys | None = None) -> list[Signature]:
    """Judge each proof but the anchor's, in order. Raises as `check_signature` does."""
    secured = _Secured(document)
    return [_check_proof(secured, proof, known) for proof in issuer_proofs(document)]


class _Secured:
    """A document whose proofs are judged: what they have in common is written and hashed once."""

    def __init__(self, document: JsonObject) -> None:
        self.document = document

    @cached_property
    def _around(self) -> tuple[bytes, bytes]:
        """The canonical members before `@context` and after it, without `proof`."""
        members = [(name, value) for name, value in self.document.items() if name != "proof"]
        before = {name: value for name, value in members if name < _CONTEXT}
        after = {name: value for name, value in members if name > _CONTEXT}
        return canonicalize(before)[1:-1], canonicalize(after)[1:-1]

    def hash(self, proof: JsonObject) -> bytes:
        """SHA-256 of what `proof` secures: all but the proofs, in the context it was signed in.

        The suite asks for that: contexts added after signing do not break the signature.
        """
        holder = proof if _CONTEXT in proof else self.document
        context = {name: value for name, value in holder.items() if name == _CONTEXT}
        before, after = self._around
        parts = filter(None, (before, canonicalize(context)[1:-1], after))
        return sha256(b"{" + b",".join(parts) + b"}").digest()


def _check_proof(secured: _Secured, proof: JsonObject, known: IssuerKeys | None) -> Signature:
    """EdDSA Cryptosuites §3.3.2; never raises for bad content."""
    document = secured.document
    suite = proof.get("cryptosuite") if proof.get("type") == PROOF_TYPE else proof.get("type")
    kind = _KEY_KINDS.get(suite) if isinstance(suite, str) else None
    if kind is None:
        return Signature(
            SignatureState.SUITE_UNKNOWN, f"Signed with {_short(suite)}, which is not known here."
        )
    if "previousProof" in proof:
        return Signature(
            SignatureState.SUITE_UNKNOWN, "Signed in a proof chain, which is not read here."
        )
    try:
        signature = _check_options(document, proof)
        key = _find_key(str(proof["verificationMethod"]), known, kind)
    except MalformedProof as fault:
        return Signature(SignatureState.MALFORMED, f"The issuer's proof is malformed: {fault}.")
    if key is None:
        return Signature(SignatureState.KEY_UNKNOWN, _why_unknown(proof, known))
    if not _is_signed(secured, proof, key, signature):
        return Signature(
            SignatureState.WRONG, "The issuer's signature does not fit this document.", key
        )
    return _whose(document, key, known)


def _find_key(
    method: str, known: IssuerKeys | None, kind: type[AnyPublicKey]
) -> AnyPublicKey | None:
    """None where it is not known. Raises MalformedProof for a key of another kind."""
    entry = known.named(method) if known else None
    try:
        key = entry.key if entry else key_of_verification_method(method)
    except MalformedValue:
        return None
    if not isinstance(key, kind):
        raise MalformedProof("is a key of another kind than the suite's", "verificationMethod")
    return key


def _why_unknown(proof: JsonObject, known: IssuerKeys | None) -> str:
    method = _short(proof["verificationMethod"])
    if known is None:
        return f"The key {method} is no did:key, and no DID document here says what it is."
    return f"The key {method} is not among those in the DID document of {_short(known.issuer)}."


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
    if _CONTEXT in proof and not _begins_with(document.get(_CONTEXT), proof[_CONTEXT]):
        raise MalformedProof("is not how the document's own begins", _CONTEXT)
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
    if all(isinstance(value, str) for value in first):
        return values[: len(first)] == first
    # By their form, since Python holds 1, 1.0 and true for the same.
    return canonicalize(list(values[: len(first)])) == canonicalize(list(first))


def _is_signed(secured: _Secured, proof: JsonObject, key: AnyPublicKey, signature: bytes) -> bool:
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    data = sha256(canonicalize(options)).digest() + secured.hash(proof)
    if isinstance(key, P256PublicKey):
        return _is_signed_p256(key, signature, data)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _is_signed_p256(key: P256PublicKey, signature: bytes, data: bytes) -> bool:
    """signature: r and s, 32 bytes each (IEEE P1363). A point off the curve has signed nothing."""
    from cryptography.hazmat.primitives.asymmetric import ec, utils
    from cryptography.hazmat.primitives.hashes import SHA256

    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
        public.verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _whose(document: JsonObject, key: AnyPublicKey, known: IssuerKeys | None) -> Signature:
    issuer = document.get("issuer")
    issuer_id = issuer.get("id") if isinstance(issuer, dict) else issuer
    if known is not None and issuer_id == known.issuer:
        if (entry := known.holding(key)) is not None:
            return _at_the_anchor(entry, known.at)
        if issuer_id != did_key(key):
            reason = f"Signed by {did_key(key)}, no key in the DID document of {_short(issuer_id)}."
            return Signature(SignatureState.STRANGER, reason, key)
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


def _at_the_anchor(entry: IssuerKey, at: int | None) -> Signature:
    """A retired key vouches for what was anchored before, whatever date the proof gives itself."""
    if entry.retired_at is None:
        said = f"Signed by {_short(entry.url)}, a key in the issuer's DID document."
        return Signature(SignatureState.VALID, said, entry.key)
    named, when = _short(entry.url), stamp(entry.retired_at)
    if at is None:
        said = f"Signed by {named}, retired {when}; when it was anchored is not known."
        return Signature(SignatureState.UNDATED, said, entry.key)
    if at >= entry.retired_at.timestamp():
        said = f"Signed by {named}, which the issuer retired {when}, before the anchor."
        return Signature(SignatureState.RETIRED, said, entry.key)
    said = f"Signed by {named}, the issuer's until {when}, and anchored before."
    return Signature(SignatureState.VALID, said, entry.key)


def _short(value: JsonValue) -> str:
    text = value if isinstance(value, str) else "something that is not text"
    return text if len(text) <= 80 else text[:79] + "…"
