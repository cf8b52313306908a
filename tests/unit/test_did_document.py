"""DID documents: what is read of them, what is passed over, what is refused and where."""

from __future__ import annotations

import copy
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from registry.documents.did_document import DidDocument, Home
from registry.documents.multikey import P256PublicKey, PublicKey, encode_multibase, encode_multikey
from registry.errors import MalformedDocument, MalformedJson, MalformedValue
from registry.values import Address, ChainId, IssuerId

DID = "did:web:uni.example"
HOME = Home(ChainId(31337), Address(b"\xaa" * 20), IssuerId(b"\x11" * 32))
ED25519 = PublicKey(
    Ed25519PrivateKey.from_private_bytes(b"\x07" * 32).public_key().public_bytes_raw()
)
NUMBERS = ec.derive_private_key(7, ec.SECP256R1()).public_key().public_numbers()
P256 = P256PublicKey(bytes([2 + NUMBERS.y % 2]) + NUMBERS.x.to_bytes(32, "big"))


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def method(name: str = "key-1", **changed: Any) -> dict[str, Any]:
    value = {
        "id": f"{DID}#{name}",
        "type": "Multikey",
        "controller": DID,
        "publicKeyMultibase": encode_multikey(ED25519),
    }
    return {key: one for key, one in {**value, **changed}.items() if one is not None}


def jwk_method(**jwk: Any) -> dict[str, Any]:
    return method(type="JsonWebKey", publicKeyMultibase=None, publicKeyJwk=jwk)


def document(*methods: dict[str, Any], **changed: Any) -> dict[str, Any]:
    listed = methods or (method(),)
    value = {
        "@context": ["https://www.w3.org/ns/did/v1"],
        "id": DID,
        "verificationMethod": [*listed],
        "assertionMethod": [one["id"] for one in listed],
        "service": [{"id": f"{DID}#a", "type": "CredAnchorIssuer", "serviceEndpoint": str(HOME)}],
    }
    return {key: one for key, one in {**value, **changed}.items() if one is not None}


def read(value: Any) -> DidDocument:
    return DidDocument.parse(json.dumps(value).encode())


def test_the_hash_is_that_of_the_canonical_form_whatever_the_white_space() -> None:
    value = document()
    expected = sha256(rfc8785.dumps(value)).digest()
    assert read(value).hash == expected
    assert DidDocument.parse(json.dumps(value, indent=4).encode()).hash == expected


@pytest.mark.parametrize(
    ("written", "key"),
    [
        (method(), ED25519),
        (method(type="Ed25519VerificationKey2020"), ED25519),
        (method(publicKeyMultibase=encode_multikey(P256)), P256),
        (jwk_method(kty="OKP", crv="Ed25519", x=base64url(ED25519)), ED25519),
        (
            jwk_method(
                kty="EC",
                crv="P-256",
                x=base64url(NUMBERS.x.to_bytes(32, "big")),
                y=base64url(NUMBERS.y.to_bytes(32, "big")),
            ),
            P256,
        ),
    ],
)
def test_a_key_is_read_from_each_of_its_forms(written: dict[str, Any], key: bytes) -> None:
    (found,) = read(document(written)).keys
    assert (found.url, found.key, found.retired_at) == (f"{DID}#key-1", key, None)


def test_a_method_may_be_named_relatively_and_held_by_the_relationship_itself() -> None:
    relative = document(method(id="#key-1"), assertionMethod=["#key-1"])
    assert [one.url for one in read(relative).keys] == [f"{DID}#key-1"]
    held = document(verificationMethod=None, assertionMethod=[method("key-2")])
    assert [one.url for one in read(held).keys] == [f"{DID}#key-2"]


@pytest.mark.parametrize(
    "passed_over",
    [
        document(assertionMethod=None),
        document(assertionMethod=[f"{DID}#another", "did:web:other.example#key-1"]),
        document(method(controller="did:web:other.example")),
        document(method(type="EcdsaSecp256k1VerificationKey2019")),
        document(method(publicKeyMultibase=encode_multibase(b"\xe7\x01" + bytes(33)))),
        document(jwk_method(kty="EC", crv="secp256k1", x="AA", y="AA")),
        document(assertionMethod=None, authentication=[f"{DID}#key-1"]),
    ],
)
def test_keys_for_other_uses_of_other_kinds_and_of_others_are_passed_over(
    passed_over: dict[str, Any],
) -> None:
    assert read(passed_over).keys == ()


def test_a_key_is_retired_from_the_earlier_of_its_two_ends() -> None:
    written = method(revoked="2026-03-01T00:00:00Z", expires="2026-02-01T01:00:00+01:00")
    (found,) = read(document(written)).keys
    assert found.retired_at == datetime(2026, 2, 1, tzinfo=UTC)


def test_the_homes_are_those_of_its_own_service_alone() -> None:
    other = Home(ChainId(1), HOME.registry, HOME.issuer_id)
    services = [
        {"id": "#x", "type": "LinkedDomains", "serviceEndpoint": {"origins": ["https://x"]}},
        {"id": "#a", "type": ["Other", "CredAnchorIssuer"], "serviceEndpoint": [str(HOME)]},
        {"id": "#b", "type": "CredAnchorIssuer", "serviceEndpoint": str(other)},
    ]
    assert read(document(service=services)).homes == {HOME, other}
    named = document(service=None, alsoKnownAs=[str(HOME)])
    assert read(named).homes == set()


def test_its_other_names_are_names_of_the_same_subject() -> None:
    found = read(document(alsoKnownAs=["https://uni.example/issuer"]))
    assert found.speaks_for(DID)
    assert found.speaks_for("https://uni.example/issuer")
    assert not found.speaks_for("https://uni.example/")


FAULTS: list[tuple[Any, str]] = [
    ([], "a DID document is a JSON object"),
    (document(id=None), "/id"),
    (document(id="https://uni.example"), "/id"),
    (document(id=f"{DID}#a"), "/id"),
    (document(alsoKnownAs="x"), "/alsoKnownAs"),
    (document(verificationMethod={}), "/verificationMethod"),
    (document(verificationMethod=["x"]), "/verificationMethod/0"),
    (document(method(), method()), "/verificationMethod/1: its id is that of another"),
    (document(assertionMethod=[7]), "/assertionMethod/0"),
    (document(assertionMethod=[method()]), "/assertionMethod/0: its id is that of another"),
    (document(method(publicKeyMultibase=None)), "/verificationMethod/0"),
    (document(method(publicKeyMultibase="z" + "1" * 300)), "/verificationMethod/0"),
    (
        document(method(publicKeyMultibase=encode_multibase(b"\xed\x01" + bytes(31)))),
        "/verificationMethod/0",
    ),
    (document(jwk_method(kty="OKP", crv="Ed25519", x="AA")), "/verificationMethod/0"),
    (document(jwk_method(kty="OKP", crv="Ed25519", x=base64url(ED25519) + "=")), "base64url"),
    (document(jwk_method(kty="OKP", crv="Ed25519", x=base64url(ED25519), d="AA")), "private"),
    (
        document(jwk_method(kty="EC", crv="P-256", x=base64url(bytes(32)), y=base64url(bytes(32)))),
        "not a point",
    ),
    (document(method(revoked="yesterday")), "/verificationMethod/0/revoked"),
    (document(method(expires=1)), "/verificationMethod/0/expires"),
    (document(method(revoked=None) | {"revoked": None}), "/verificationMethod/0/revoked"),
    (document(service={}), "/service"),
    (
        document(service=[{"type": "CredAnchorIssuer", "serviceEndpoint": "did:pkh:x"}]),
        "/service/0/serviceEndpoint",
    ),
    (document(service=[{"type": "CredAnchorIssuer"}]), "/service/0/serviceEndpoint"),
    (document(verificationMethod=[method(str(n)) for n in range(257)]), "over 256"),
]


@pytest.mark.parametrize(("value", "place"), FAULTS)
def test_a_fault_is_refused_with_its_place(value: Any, place: str) -> None:
    with pytest.raises(MalformedDocument) as caught:
        read(copy.deepcopy(value))
    assert place in str(caught.value)


def test_it_is_read_as_strictly_as_a_credential() -> None:
    with pytest.raises(MalformedJson):
        DidDocument.parse(b'{"id":"did:web:a","id":"did:web:b"}')
    with pytest.raises(MalformedJson, match="at most 262,144"):
        DidDocument.parse(b" " * (256 * 1024 + 1))


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        str(HOME).upper(),
        str(HOME).replace("did:pkh:", ""),
        str(HOME) + "#",
        str(HOME).replace("31337", "031337"),
        str(HOME).replace("0x" + "aa" * 20, "0x" + "AA" * 20),
    ],
)
def test_a_home_has_one_text(text: Any) -> None:
    assert Home.parse(str(HOME)) == HOME
    with pytest.raises(MalformedValue):
        Home.parse(text)
