"""An audit as a statement that a machine has signed and another auditor can check again.

The file is a JWS in compact form (RFC 7515) with EdDSA over Ed25519 (RFC 8037); its payload is the
RFC 8785 form of what `statement` gives. Whose the key is, its did:key in `kid` says; whom to
believe is the reader's to know.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from registry.auditing.findings import Matter, Severity
from registry.documents.multikey import (
    PublicKey,
    did_key,
    key_of_verification_method,
    verification_method,
)
from registry.errors import MalformedDocument, MalformedJson, MalformedValue
from registry.formats.canonical import canonicalize
from registry.formats.strict_json import read_object
from registry.values import Address, ChainId, IssuerId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from registry.auditing.audit_report import AuditReport
    from registry.formats.strict_json import JsonObject, JsonValue

TYPE = "CredAnchorAudit"
VERSION = 1
MEDIA_TYPE = "credanchor-audit+jws"
MAX_BYTES = 2**26
"""Of the payload: some 200,000 issuers."""

_OF_THE_CHAIN = frozenset(
    {
        Matter.KEY_CHANGE,
        Matter.DISTRUST,
        Matter.PAUSED,
        Matter.RETIRED,
        Matter.MASS_REVOCATION,
        Matter.ROOT_REUSED,
        Matter.MISSED_NIGHT,
    }
)
"""What any auditor finds on the same chain; the rest depends on nodes, records and files."""
_BREAKS = frozenset(
    {
        Matter.MISSING_LOG,
        Matter.EXTRA_LOG,
        Matter.ALTERED_LOG,
        Matter.REORDERED_LOG,
        Matter.IMPOSSIBLE_LOG,
        Matter.MISPLACED_LOG,
        Matter.STATE_DIFFERS,
    }
)
_COMPARED = (
    "chain",
    "registry",
    "genesis",
    "block",
    "logs",
    "registrations",
    "registrationsHistory",
    "issuers",
    "complete",
)
_MEMBERS = {
    *_COMPARED,
    *("type", "version", "asked", "ground", "compared", "findings", "holds", "report"),
    *("at", "tool"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the audit was asked for, so that the same can be asked again; every_s in seconds."""

    chain: ChainId
    registry: Address
    block: int
    told_from: int
    issuer_id: IssuerId | None
    every_s: int | None


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement whose signature holds. asked: read from it."""

    said: JsonObject
    key: PublicKey
    asked: Asked


@dataclass(frozen=True, slots=True)
class Difference:
    """field: names joined by slashes, such as issuers/0x.../history. None: it is not there."""

    field: str
    signed: JsonValue
    own: JsonValue

    def sentence(self) -> str:
        return f"{self.field}: the statement says {_shown(self.signed)}, here it is " + _shown(
            self.own
        )

    def to_json(self) -> JsonObject:
        return {"field": self.field, "signed": self.signed, "own": self.own}


class SignatureBroken(MalformedDocument):
    """The signature does not fit: the statement, or its key's name, was changed."""


def statement(
    report: AuditReport, issuer_id: IssuerId | None, every_s: int | None, *, at: int, tool: str
) -> JsonObject:
    """What is signed. issuer_id, every_s: as the audit was asked; at: Unix seconds.

    `report` is the SHA-256 of the RFC 8785 form of the report's JSON, so that a report kept beside
    the statement is known for the one that was signed.
    """
    scope, found = report.scope, Counter(one.matter for one in report.findings)
    grave = Counter(one.severity for one in report.findings)
    return {
        "type": TYPE,
        "version": VERSION,
        "chain": str(report.chain),
        "registry": report.registry.to_hex(),
        "genesis": report.genesis.to_hex(),
        "block": {
            "number": report.block.number,
            "hash": report.block.hash.to_hex(),
            "timestamp": report.block.timestamp,
        },
        "ground": report.ground.to_json(),
        "asked": {
            "from": scope.told.first,
            "issuerId": None if issuer_id is None else issuer_id.to_hex(),
            "everyS": every_s,
            "database": scope.database,
            "leafFiles": scope.leaf_files,
        },
        "logs": scope.logs,
        "compared": {
            "histories": scope.histories,
            "stateRecords": scope.state.of,
            "stateCompared": scope.state.records,
            "seed": None if scope.state.seed is None else str(scope.state.seed),
            "blocks": scope.places,
        },
        "registrations": report.registrations,
        "registrationsHistory": report.registrations_history,
        "issuers": {
            one.issuer_id.to_hex(): {
                "operations": one.operations,
                "history": one.history,
                "batches": one.batches,
                "leaves": one.leaves,
                "suspended": one.suspended,
                "revoked": one.revoked,
            }
            for one in report.issuers
        },
        "complete": not any(matter in _BREAKS for matter in found),
        "findings": {
            **{f"{severity.value}s": grave[severity] for severity in Severity},
            "ofTheChain": {one.value: found[one] for one in Matter if one in _OF_THE_CHAIN},
            "others": {
                one.value: found[one] for one in Matter if one not in _OF_THE_CHAIN and found[one]
            },
        },
        "holds": report.holds,
        "report": "0x" + sha256(canonicalize(report.to_json())).hexdigest(),
        "at": at,
        "tool": tool,
    }


def sign(said: JsonObject, key: PublicKey, signer: Callable[[bytes], bytes]) -> str:
    """The compact JWS. signer: bytes to their Ed25519 signature by `key`."""
    header: JsonObject = {"alg": "EdDSA", "kid": verification_method(key), "typ": MEDIA_TYPE}
    signed = f"{_encode(canonicalize(header))}.{_encode(canonicalize(said))}"
    return f"{signed}.{_encode(signer(signed.encode()))}"


def read_signed(text: str) -> Signed:
    """Check the signature and the form. Raises MalformedDocument, SignatureBroken."""
    parts = text.strip().split(".")
    if len(parts) != 3:
        raise MalformedDocument("no compact JWS: three parts with dots between expected")
    try:
        header, payload, signature = map(_decode, parts)
        key = _key(read_object(header))
        Ed25519PublicKey.from_public_bytes(key).verify(signature, f"{parts[0]}.{parts[1]}".encode())
        said = read_object(payload, max_bytes=MAX_BYTES)
    except InvalidSignature:
        raise SignatureBroken("the signature does not fit the statement") from None
    except (MalformedJson, MalformedValue) as fault:
        raise MalformedDocument(f"no signed audit: {fault}") from None
    if canonicalize(said) != payload:
        raise MalformedDocument("the payload is not in its RFC 8785 form")
    if said.get("type") != TYPE or said.get("version") != VERSION:
        raise MalformedDocument(f"not a {TYPE} of version {VERSION}", "/type")
    if odd := sorted(_MEMBERS ^ set(said)):
        raise MalformedDocument("is missing or not known here", f"/{odd[0]}")
    return Signed(said, key, _asked(said))


def differences(signed: JsonObject, own: JsonObject) -> Iterator[Difference]:
    """Every field in which an own audit up to the same block says something else.

    The ground, the time and what was found in nodes, records and files are each auditor's own.
    """
    for name in _COMPARED:
        yield from _unlike(name, signed[name], own[name])
    found, again = signed["findings"], own["findings"]
    chain = found.get("ofTheChain") if isinstance(found, dict) else None
    assert isinstance(again, dict)
    yield from _unlike("findings/ofTheChain", chain, again["ofTheChain"])


def _unlike(field: str, signed: JsonValue, own: JsonValue) -> Iterator[Difference]:
    if isinstance(signed, dict) and isinstance(own, dict):
        for name in sorted({*signed, *own}):
            yield from _unlike(f"{field}/{name}", signed.get(name), own.get(name))
    elif signed != own or isinstance(signed, bool) is not isinstance(own, bool):
        yield Difference(field, signed, own)


def _asked(said: JsonObject) -> Asked:
    asked, block = said["asked"], said["block"]
    if not isinstance(asked, dict) or not isinstance(block, dict):
        raise MalformedDocument("is no object", "/asked")
    issuer, every = asked.get("issuerId"), asked.get("everyS")
    try:
        return Asked(
            chain=ChainId.parse(str(said["chain"])),
            registry=Address.from_hex(str(said["registry"])),
            block=_whole(block.get("number"), "/block/number"),
            told_from=_whole(asked.get("from"), "/asked/from"),
            issuer_id=None if issuer is None else IssuerId.from_hex(str(issuer)),
            every_s=None if every is None else _whole(every, "/asked/everyS"),
        )
    except MalformedValue as fault:
        raise MalformedDocument(str(fault)) from None


def _whole(value: JsonValue, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise MalformedDocument("is no whole number", place)
    return value


def _key(header: JsonObject) -> PublicKey:
    """No other member is allowed: `crit`, `jwk` and the like would mean what is not read here."""
    if set(header) != {"alg", "kid", "typ"}:
        raise MalformedDocument("its header has other members than alg, kid and typ")
    if header["alg"] != "EdDSA" or header["typ"] != MEDIA_TYPE:
        raise MalformedDocument(f"its header does not say EdDSA and {MEDIA_TYPE}")
    key = key_of_verification_method(str(header["kid"]))
    if not isinstance(key, PublicKey):
        raise MalformedDocument(f"{did_key(key)} is no Ed25519 key")
    return key


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    """Base64url without padding, the one text that there is for its bytes (RFC 7515 §2)."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise MalformedDocument("a part is no base64url") from None
    if _encode(raw) != text:
        raise MalformedDocument("a part is not the one base64url text of its bytes")
    return raw


def _shown(value: JsonValue) -> str:
    return "nothing" if value is None else str(value)
