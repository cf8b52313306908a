"""Who may speak for whom: DID documents, signatures by the keys in them, and what follows.

Keys and signatures are made with `cryptography`, base 58 is written out here, and every verdict was
worked out by hand.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from vector_cases.oracles import Json, canonical, filler, hex0x

CHAIN = "eip155:31337"
REGISTRY = hex0x(filler("registry of identity")[:20])
UNIVERSITY, STRANGER = hex0x(filler("university")), hex0x(filler("stranger"))
WEB = "did:web:uni.example"
SITE = "https://uni.example/issuer"
ANCHORED = "2026-06-01T00:00:00Z"

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ED25519 = Ed25519PrivateKey.from_private_bytes(filler("university's key"))
_OTHER = Ed25519PrivateKey.from_private_bytes(filler("another key"))
_P256 = ec.derive_private_key(int.from_bytes(filler("P-256 key"), "big"), ec.SECP256R1())


def identity() -> Json:
    documents = _documents()
    return {
        "documents": [_document_entry(name, value) for name, value in documents.items()],
        "refusedDocuments": _refused(),
        "cases": _cases(documents),
    }


def _multibase(data: bytes) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _ALPHABET[digit] + text
    return "z" + "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def _point(key: ec.EllipticCurvePrivateKey) -> tuple[bytes, bytes]:
    numbers = key.public_key().public_numbers()
    return numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")


def _public(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    if isinstance(key, Ed25519PrivateKey):
        return key.public_key().public_bytes_raw()
    x, y = _point(key)
    return bytes([2 + y[-1] % 2]) + x


def _multikey(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> str:
    prefix = b"\xed\x01" if isinstance(key, Ed25519PrivateKey) else b"\x80\x24"
    return _multibase(prefix + _public(key))


KEY_DID = f"did:key:{_multikey(_ED25519)}"
KEY_METHOD = f"{KEY_DID}#{_multikey(_ED25519)}"
OTHER_METHOD = f"did:key:{_multikey(_OTHER)}#{_multikey(_OTHER)}"


def _signed(
    document: Json,
    method: str,
    key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey = _ED25519,
    created: str = "2026-05-01T00:00:00Z",
) -> Json:
    suite = "eddsa-jcs-2022" if isinstance(key, Ed25519PrivateKey) else "ecdsa-jcs-2019"
    options = {
        "type": "DataIntegrityProof",
        "cryptosuite": suite,
        "created": created,
        "verificationMethod": method,
        "proofPurpose": "assertionMethod",
    }
    if "@context" in document:
        options["@context"] = document["@context"]
    data = sha256(canonical(options)).digest() + sha256(canonical(document)).digest()
    if isinstance(key, Ed25519PrivateKey):
        signature = key.sign(data)
    else:
        pair = key.sign(data, ec.ECDSA(SHA256(), deterministic_signing=True))
        r, s = utils.decode_dss_signature(pair)
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return {**document, "proof": {**options, "proofValue": _multibase(signature)}}


def _method(did: str, name: str, **changed: Any) -> Json:
    value = {
        "id": f"{did}#{name}",
        "type": "Multikey",
        "controller": did,
        "publicKeyMultibase": _multikey(_ED25519),
        **changed,
    }
    return {key: one for key, one in value.items() if one is not None}


def _home(issuer_id: str) -> str:
    return f"did:pkh:{CHAIN}:{REGISTRY}#{issuer_id}"


def _did_document(home: str, *methods: Json, did: str = WEB, **changed: Any) -> Json:
    listed = methods or (_method(did, "key-1"),)
    return {
        "@context": ["https://www.w3.org/ns/did/v1"],
        "id": did,
        "verificationMethod": [*listed],
        "assertionMethod": [one["id"] for one in listed],
        "service": [
            {"id": f"{did}#anchors", "type": "CredAnchorIssuer", "serviceEndpoint": _home(home)}
        ],
        **changed,
    }


def _documents() -> dict[str, Json]:
    retired = {"revoked": "2026-06-01T00:00:00Z"}
    own_key = _method(KEY_DID, _multikey(_ED25519))
    x, y = (urlsafe_b64encode(part).decode().rstrip("=") for part in _point(_P256))
    jwk = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    p256 = _method(WEB, "key-1", type="JsonWebKey", publicKeyMultibase=None, publicKeyJwk=jwk)
    unsigned = _did_document(UNIVERSITY, own_key, did=KEY_DID)
    return {
        "university": _did_document(UNIVERSITY),
        "university, relative ids": _did_document(
            UNIVERSITY, {**_method(WEB, "key-1"), "id": "#key-1"}
        ),
        "university, known by its site": _did_document(UNIVERSITY, alsoKnownAs=[SITE]),
        "university, key retired at the anchor": _did_document(
            UNIVERSITY, _method(WEB, "key-1", **retired)
        ),
        "university, key retired a second after the anchor": _did_document(
            UNIVERSITY, _method(WEB, "key-1", expires="2026-06-01T01:00:01+01:00")
        ),
        "university, P-256": _did_document(UNIVERSITY, p256),
        "university, keys of others and for other uses": _did_document(
            UNIVERSITY,
            _method(WEB, "key-1", controller="did:web:other.example"),
            _method(WEB, "key-2", type="EcdsaSecp256k1VerificationKey2019"),
            authentication=[f"{WEB}#key-1"],
        ),
        "a stranger's forgery": _did_document(STRANGER),
        "did:key, signed by itself": _signed(unsigned, KEY_METHOD),
        "did:key, unsigned": unsigned,
        "did:key, signed by another": _signed(unsigned, OTHER_METHOD, _OTHER),
    }


_KEYS: dict[str, list[tuple[str, str, Any, str | None]]] = {
    "university, key retired at the anchor": [
        (f"{WEB}#key-1", "Ed25519", _ED25519, "2026-06-01T00:00:00Z")
    ],
    "university, key retired a second after the anchor": [
        (f"{WEB}#key-1", "Ed25519", _ED25519, "2026-06-01T00:00:01Z")
    ],
    "university, P-256": [(f"{WEB}#key-1", "P-256", _P256, None)],
    "university, keys of others and for other uses": [],
    "did:key, signed by itself": [(KEY_METHOD, "Ed25519", _ED25519, None)],
    "did:key, unsigned": [(KEY_METHOD, "Ed25519", _ED25519, None)],
    "did:key, signed by another": [(KEY_METHOD, "Ed25519", _ED25519, None)],
}


def _document_entry(name: str, value: Json) -> Json:
    keys = _KEYS.get(name, [(f"{WEB}#key-1", "Ed25519", _ED25519, None)])
    home = STRANGER if "forgery" in name else UNIVERSITY
    return {
        "name": name,
        "document": value,
        "hash": _hash(value),
        "did": value["id"],
        "keys": [
            {"url": url, "kind": kind, "publicKey": hex0x(_public(key)), "retiredAt": end}
            for url, kind, key, end in keys
        ],
        "homes": [{"chain": CHAIN, "registry": REGISTRY, "issuerId": home}],
    }


def _hash(value: Json) -> str:
    return hex0x(sha256(canonical(value)).digest())


def _refused() -> list[Json]:
    private = {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43, "d": "A" * 43}
    jwk = _method(WEB, "key-1", type="JsonWebKey", publicKeyMultibase=None, publicKeyJwk=private)
    service = {"id": "#a", "type": "CredAnchorIssuer", "serviceEndpoint": "did:pkh:eip155:1:0x"}
    listed: list[tuple[str, Json, str]] = [
        ("no DID", {**_did_document(UNIVERSITY), "id": "https://uni.example"}, "/id"),
        (
            "two methods of one id",
            _did_document(UNIVERSITY, _method(WEB, "k"), _method(WEB, "k")),
            "/verificationMethod/1",
        ),
        ("a private key", _did_document(UNIVERSITY, jwk), "/verificationMethod/0"),
        (
            "a key of a wrong length",
            _did_document(
                UNIVERSITY,
                _method(WEB, "key-1", publicKeyMultibase=_multibase(b"\xed\x01" + bytes(31))),
            ),
            "/verificationMethod/0",
        ),
        (
            "a time without its zone",
            _did_document(UNIVERSITY, _method(WEB, "key-1", revoked="2026-06-01T00:00:00")),
            "/verificationMethod/0/revoked",
        ),
        (
            "a service that names no issuer",
            _did_document(UNIVERSITY, service=[service]),
            "/service/0/serviceEndpoint",
        ),
        (
            "no array of methods",
            _did_document(UNIVERSITY, verificationMethod={}),
            "/verificationMethod",
        ),
    ]
    return [
        {"name": name, "text": json.dumps(value), "pointer": pointer}
        for name, value, pointer in listed
    ]


def _credential(issuer: str = WEB) -> Json:
    return {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": "urn:example:identity",
        "type": ["VerifiableCredential"],
        "issuer": issuer,
        "credentialSubject": {"id": "did:example:learner"},
    }


BY_DID: Json = {"dids": [{"did": WEB, "name": "University"}]}
BY_KEY_DID: Json = {"dids": [{"did": KEY_DID, "name": "University"}]}
BY_ID: Json = {"issuers": [{"issuerId": UNIVERSITY, "speaksFor": [], "name": "University"}]}
BY_STRANGERS_ID: Json = {"issuers": [{"issuerId": STRANGER, "speaksFor": [], "name": "Club"}]}
BY_BOTH: Json = {"issuers": [{"issuerId": UNIVERSITY, "speaksFor": [WEB], "name": "University"}]}
BY_SITE: Json = {"issuers": [{"issuerId": UNIVERSITY, "speaksFor": [SITE], "name": "University"}]}
NOBODY: Json = {}

TRUSTED = ["VALID", "trusted"]
SIGNED = ["VALID", "signature-valid"]
UNKNOWN_KEY = ["UNKNOWN", "key-unknown"]


def _cases(documents: dict[str, Json]) -> list[Json]:
    signed = _signed(_credential(), f"{WEB}#key-1")
    by_key = _signed(_credential(KEY_DID), KEY_METHOD)
    by_site = _signed(_credential(SITE), f"{WEB}#key-1")
    backdated = _signed(_credential(), f"{WEB}#key-1", created="2020-01-01T00:00:00Z")

    def case(
        name: str,
        policy: Json,
        told: list[tuple[str, str]],
        standing: list[str],
        signature: list[str],
        *,
        credential: Json = signed,
        home: str = UNIVERSITY,
        committed: str | None = None,
        anchored: str | None = ANCHORED,
    ) -> Json:
        """committed: the document whose hash the registry holds; "" for none of them."""
        chosen = told[0][0] if committed is None and told else committed
        known = _hash(documents[chosen]) if chosen else hex0x(bytes(32))
        return {
            "name": name,
            "credential": credential,
            "home": {"chain": CHAIN, "registry": REGISTRY, "issuerId": home},
            "didHash": known,
            "anchoredAt": anchored,
            "policy": {"issuers": [], "dids": [], **policy},
            "documents": [{"name": one, "origin": origin} for one, origin in told],
            "standing": {"outcome": standing[0], "reason": standing[1]},
            "signature": {"outcome": signature[0], "reason": signature[1]},
        }

    own, forged = "university", "a stranger's forgery"
    key, bare = "did:key, signed by itself", "did:key, unsigned"
    unread, another = ["UNKNOWN", "did-not-read"], ["INVALID", "did-names-another"]
    at_anchor = "university, key retired at the anchor"
    after = "university, key retired a second after the anchor"
    changed = {**signed, "id": "urn:example:changed"}
    p256 = _signed(_credential(), f"{WEB}#key-1", _P256)
    strangers = _signed(_credential(), OTHER_METHOD, _OTHER)
    return [
        case("both ways, fetched", BY_DID, [(own, "fetched")], TRUSTED, SIGNED),
        case("both ways, given", BY_DID, [(own, "given")], TRUSTED, SIGNED),
        case("both ways, by issuer id", BY_ID, [(own, "fetched")], TRUSTED, SIGNED),
        case(
            "a document that came along is not the DID's word",
            BY_DID,
            [(own, "carried")],
            unread,
            UNKNOWN_KEY,
        ),
        case("no document", BY_DID, [], unread, UNKNOWN_KEY),
        case(
            "a stranger's anchor and forged document",
            BY_DID,
            [(forged, "carried")],
            unread,
            UNKNOWN_KEY,
            home=STRANGER,
        ),
        case(
            "a stranger's anchor, against the DID's own document",
            BY_DID,
            [(forged, "carried"), (own, "fetched")],
            another,
            UNKNOWN_KEY,
            home=STRANGER,
        ),
        case(
            "a trusted issuer id that claims another's DID",
            BY_STRANGERS_ID,
            [(forged, "carried")],
            unread,
            UNKNOWN_KEY,
            home=STRANGER,
        ),
        case(
            "the registry holds another hash",
            BY_DID,
            [(own, "fetched")],
            ["UNKNOWN", "did-not-committed"],
            UNKNOWN_KEY,
            committed=forged,
        ),
        case(
            "nobody is trusted",
            NOBODY,
            [(own, "fetched")],
            ["INVALID", "issuer-not-trusted"],
            UNKNOWN_KEY,
        ),
        case(
            "an entry for another issuer.id",
            BY_SITE,
            [(own, "fetched")],
            ["INVALID", "may-not-speak"],
            UNKNOWN_KEY,
        ),
        case("an entry that names both, no document", BY_BOTH, [], TRUSTED, UNKNOWN_KEY),
        case("an entry that names both", BY_BOTH, [(own, "carried")], TRUSTED, SIGNED),
        case(
            "an entry that names both, another hash",
            BY_BOTH,
            [(own, "carried")],
            TRUSTED,
            UNKNOWN_KEY,
            committed="",
        ),
        case(
            "relative ids",
            BY_BOTH,
            [("university, relative ids", "carried")],
            TRUSTED,
            SIGNED,
        ),
        case(
            "a site that the document knows as its own",
            BY_SITE,
            [("university, known by its site", "carried")],
            TRUSTED,
            SIGNED,
            credential=by_site,
        ),
        case(
            "a site that the document does not know",
            BY_SITE,
            [(own, "carried")],
            TRUSTED,
            UNKNOWN_KEY,
            credential=by_site,
        ),
        case(
            "changed after signing",
            BY_BOTH,
            [(own, "carried")],
            TRUSTED,
            ["INVALID", "signature-wrong"],
            credential=changed,
        ),
        case(
            "signed by a key that is not in the document",
            BY_BOTH,
            [(own, "carried")],
            TRUSTED,
            ["UNKNOWN", "signer-is-another"],
            credential=strangers,
        ),
        case(
            "a key of another's control",
            BY_BOTH,
            [("university, keys of others and for other uses", "carried")],
            TRUSTED,
            UNKNOWN_KEY,
        ),
        case(
            "retired at the anchor, whatever the proof says",
            BY_BOTH,
            [(at_anchor, "carried")],
            TRUSTED,
            ["INVALID", "signer-retired"],
            credential=backdated,
        ),
        case(
            "retired after the anchor",
            BY_BOTH,
            [(after, "carried")],
            TRUSTED,
            SIGNED,
            credential=backdated,
        ),
        case(
            "retired, and the anchor's time is not known",
            BY_BOTH,
            [(after, "carried")],
            TRUSTED,
            ["UNKNOWN", "signer-may-be-retired"],
            anchored=None,
        ),
        case(
            "P-256",
            BY_BOTH,
            [("university, P-256", "carried")],
            TRUSTED,
            SIGNED,
            credential=p256,
        ),
        case(
            "a P-256 signature under an Ed25519 key's name",
            BY_BOTH,
            [(own, "carried")],
            TRUSTED,
            ["INVALID", "signature-malformed"],
            credential=p256,
        ),
        case(
            "did:key, its document signed by itself",
            BY_KEY_DID,
            [(key, "carried")],
            TRUSTED,
            SIGNED,
            credential=by_key,
        ),
        case(
            "did:key, its document unsigned",
            BY_KEY_DID,
            [(bare, "carried")],
            unread,
            SIGNED,
            credential=by_key,
        ),
        case(
            "did:key, its document signed by another",
            BY_KEY_DID,
            [("did:key, signed by another", "carried")],
            unread,
            SIGNED,
            credential=by_key,
        ),
    ]
