"""An issuer's DID document: its keys for assertions, and the registry issuers that it names.

Source: W3C Decentralized Identifiers 1.0 §5, Controlled Identifiers 1.0 §2. Read strictly where a
verdict rests on it, and only there: verification methods of other kinds, other services and other
members may be anything. What is read:

- `id`: the DID.
- `verificationMethod` with `controller` the DID itself, of type Multikey,
  Ed25519VerificationKey2020 (`publicKeyMultibase`) or JsonWebKey, JsonWebKey2020 (`publicKeyJwk`),
  for Ed25519 or P-256; its `revoked` and `expires`. One counts if `assertionMethod` names it, or
  holds it.
- `service` of type CredAnchorIssuer, whose `serviceEndpoint` is
  `did:pkh:<chain>:<registry>#<issuer id>`, or a list of such: where the DID's controller anchors.
  Accounts rotate, so an issuer is named by its id.

Its hash is SHA-256 of its RFC 8785 form: the `didHash` that the registry keeps for the issuer.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, Self

from registry.documents.issuer_keys import IssuerKey
from registry.documents.multikey import P256PublicKey, PublicKey, decode_any_multikey
from registry.errors import MalformedDocument, MalformedValue
from registry.formats.canonical import canonicalize
from registry.formats.exact_json import pointer
from registry.formats.strict_json import read
from registry.moments import read_moment
from registry.values import Address, ChainId, DidHash, IssuerId

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from registry.documents.multikey import AnyPublicKey
    from registry.formats.receipt import Receipt
    from registry.formats.strict_json import JsonObject, JsonValue

MAX_DID_DOCUMENT_BYTES = 256 * 1024
SERVICE_TYPE = "CredAnchorIssuer"
_MAX_METHODS = 256
"""A key a week for five years; more is no issuer's, and each is looked at for each proof."""
_MULTIBASE_TYPES = ("Multikey", "Ed25519VerificationKey2020")
_JWK_TYPES = ("JsonWebKey", "JsonWebKey2020")
_COORDINATE_BYTES = 32
_OTHER_CURVE = "publicKeyJwk of another curve"
_OTHER_KEYS = (_OTHER_CURVE, "Multikey")
"""Kinds of MalformedValue that mean: well made, perhaps, and of a kind that is not known here."""


class Home(NamedTuple):
    """One issuer in one registry; its text form is that of an anchor's verification method."""

    chain: ChainId
    registry: Address
    issuer_id: IssuerId

    @classmethod
    def of(cls, receipt: Receipt) -> Home:
        return cls(receipt.chain, receipt.registry, receipt.issuer_id)

    @classmethod
    def parse(cls, text: JsonValue) -> Home:
        """Raises MalformedValue for any other text than `str` gives."""
        account, _, issuer_id = (text if isinstance(text, str) else "").partition("#")
        chain, _, registry = account.removeprefix("did:pkh:").rpartition(":")
        home = cls(ChainId.parse(chain), Address.from_hex(registry), IssuerId.from_hex(issuer_id))
        if str(home) != text:
            raise MalformedValue("home", "not did:pkh:<chain>:<registry>#<issuer id>")
        return home

    def __str__(self) -> str:
        return f"did:pkh:{self.chain}:{self.registry}#{self.issuer_id}"


@dataclass(frozen=True, slots=True)
class DidDocument:
    """document: as received. hash: what the registry must hold for it to count.

    also_known_as: other names of the same subject, as the document has them.
    """

    document: JsonObject
    did: str
    hash: DidHash
    keys: tuple[IssuerKey, ...]
    homes: frozenset[Home]
    also_known_as: tuple[str, ...]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a document's file. Raises MalformedJson, MalformedDocument with its place."""
        return cls.from_json(read(raw, max_bytes=MAX_DID_DOCUMENT_BYTES))

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Raises MalformedDocument with the member at fault."""
        if not isinstance(value, dict):
            raise MalformedDocument("a DID document is a JSON object")
        did = value.get("id")
        if not isinstance(did, str) or not did.startswith("did:") or "#" in did:
            raise MalformedDocument("not a DID", "/id")
        also = value.get("alsoKnownAs", [])
        if not isinstance(also, list):
            raise MalformedDocument("not an array", "/alsoKnownAs")
        form = canonicalize(value, MAX_DID_DOCUMENT_BYTES)
        return cls(
            document=value,
            did=did,
            hash=DidHash(sha256(form).digest()),
            keys=_assertion_keys(value, did),
            homes=frozenset(_homes(value)),
            also_known_as=tuple(one for one in also if isinstance(one, str)),
        )

    def speaks_for(self, issuer: str) -> bool:
        """Whether `issuer`, an `issuer.id`, is the document's subject by any of its names."""
        return issuer == self.did or issuer in self.also_known_as


def _assertion_keys(document: JsonObject, did: str) -> tuple[IssuerKey, ...]:
    listed = {url: (method, place) for url, method, place in _methods(document, did)}
    keys: dict[str, IssuerKey] = {}
    for number, entry in enumerate(_array(document, "assertionMethod")):
        if isinstance(entry, str):
            found = listed.get(_absolute(did, entry))
        elif isinstance(entry, dict):
            place = ("assertionMethod", number)
            url = _url(entry, did, place)
            if url in listed:
                raise MalformedDocument("its id is that of another method", pointer(place))
            found = entry, place
        else:
            raise MalformedDocument(
                "neither a DID URL nor a method", pointer(("assertionMethod", number))
            )
        key = None if found is None else _read_key(*found, did)
        if key is not None:
            keys[key.url] = key
    return tuple(keys.values())


def _methods(
    document: JsonObject, did: str
) -> Iterator[tuple[str, JsonObject, tuple[str | int, ...]]]:
    seen = set()
    for number, method in enumerate(_array(document, "verificationMethod")):
        place = ("verificationMethod", number)
        if not isinstance(method, dict):
            raise MalformedDocument("not an object", pointer(place))
        url = _url(method, did, place)
        if url in seen:
            raise MalformedDocument("its id is that of another method", pointer(place))
        seen.add(url)
        yield url, method, place


def _read_key(method: JsonObject, place: tuple[str | int, ...], did: str) -> IssuerKey | None:
    """None for a method of a kind that is not known here, or under another's control."""
    if method.get("controller") != did:
        return None
    key = _public_key(method, place)
    if key is None:
        return None
    ends = [
        moment
        for member in ("revoked", "expires")
        if (moment := _moment(method, member, place)) is not None
    ]
    return IssuerKey(_url(method, did, place), key, min(ends, default=None))


def _public_key(method: JsonObject, place: tuple[str | int, ...]) -> AnyPublicKey | None:
    kind = method.get("type")
    try:
        if kind in _MULTIBASE_TYPES:
            text = method.get("publicKeyMultibase")
            return decode_any_multikey(text if isinstance(text, str) else "")
        if kind in _JWK_TYPES:
            jwk = method.get("publicKeyJwk")
            return _from_jwk(jwk if isinstance(jwk, dict) else {})
    except MalformedValue as fault:
        if fault.kind in _OTHER_KEYS:
            return None
        raise MalformedDocument(str(fault), pointer(place)) from None
    return None


def _from_jwk(jwk: JsonObject) -> AnyPublicKey:
    """RFC 7517; RFC 8037 for Ed25519, RFC 7518 §6.2 for P-256."""
    if "d" in jwk:
        raise MalformedValue("publicKeyJwk", "holds a private key")
    curve = (jwk.get("kty"), jwk.get("crv"))
    if curve == ("OKP", "Ed25519"):
        return PublicKey(_coordinate(jwk, "x"))
    if curve == ("EC", "P-256"):
        return _compressed(_coordinate(jwk, "x"), _coordinate(jwk, "y"))
    raise MalformedValue(_OTHER_CURVE, "not known here")


def _compressed(x: bytes, y: bytes) -> P256PublicKey:
    """Raises MalformedValue for a point that is not on the curve."""
    from cryptography.hazmat.primitives.asymmetric import ec

    point = (int.from_bytes(x, "big"), int.from_bytes(y, "big"))
    try:
        ec.EllipticCurvePublicNumbers(*point, ec.SECP256R1()).public_key()
    except ValueError:
        raise MalformedValue("publicKeyJwk", "not a point of P-256") from None
    return P256PublicKey(bytes([2 + y[-1] % 2]) + x)


def _coordinate(jwk: JsonObject, member: str) -> bytes:
    text = jwk.get(member)
    try:
        value = urlsafe_b64decode(text + "=" if isinstance(text, str) else "")
    except ValueError:
        value = b""
    if len(value) != _COORDINATE_BYTES or urlsafe_b64encode(value).decode().rstrip("=") != text:
        raise MalformedValue("publicKeyJwk", f"{member} is not 32 bytes in base64url")
    return value


def _homes(document: JsonObject) -> Iterator[Home]:
    for number, service in enumerate(_array(document, "service")):
        types = service.get("type") if isinstance(service, dict) else None
        if not isinstance(service, dict) or SERVICE_TYPE not in (
            types if isinstance(types, list) else [types]
        ):
            continue
        endpoint = service.get("serviceEndpoint")
        for text in endpoint if isinstance(endpoint, list) else [endpoint]:
            try:
                yield Home.parse(text)
            except MalformedValue as fault:
                place = ("service", number, "serviceEndpoint")
                raise MalformedDocument(str(fault), pointer(place)) from None


def _array(document: JsonObject, member: str) -> list[JsonValue]:
    values = document.get(member, [])
    if not isinstance(values, list):
        raise MalformedDocument("not an array", f"/{member}")
    if len(values) > _MAX_METHODS:
        raise MalformedDocument(f"over {_MAX_METHODS} entries", f"/{member}")
    return values


def _url(method: JsonObject, did: str, place: tuple[str | int, ...]) -> str:
    url = method.get("id")
    if not isinstance(url, str):
        raise MalformedDocument("not text", pointer((*place, "id")))
    return _absolute(did, url)


def _absolute(did: str, url: str) -> str:
    return did + url if url.startswith("#") else url


def _moment(method: JsonObject, member: str, place: tuple[str | int, ...]) -> datetime | None:
    if member not in method:
        return None
    value = method[member]
    try:
        return read_moment(value if isinstance(value, str) else "")
    except MalformedValue as fault:
        raise MalformedDocument(fault.reason, pointer((*place, member))) from None
