"""PERMANENT. A credential as received, and its digest, which leaves out the anchor proofs alone.

An anchor proof is a member of the top-level `proof` whose `type` is the string
`DataIntegrityProof` and whose `cryptosuite` is a string that begins with `credanchor-`, whatever
its version. Any other shape (a list of types, no suite) is not one: it stays and is covered.
Nested credentials stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from registry.errors import MalformedDocument
from registry.formats.canonical import canonicalize
from registry.formats.json_survey import Survey, survey
from registry.formats.strict_json import (
    MAX_CREDENTIAL_BYTES,
    MAX_DEPTH,
    JsonObject,
    JsonValue,
    read_with_form,
)
from registry.values import CredentialDigest

CREDANCHOR_SUITE_PREFIX = "credanchor-"
MAX_ISSUER_PROOFS = 16
"""Each that is checked costs hashing the whole document, and a file could hold thousands."""


def proofs_of(document: JsonObject) -> list[JsonObject]:
    """Return the members of the top-level `proof`, in order.

    Raises MalformedDocument unless `proof` is absent, an object or an array of objects.
    """
    if "proof" not in document:
        return []
    proof = document["proof"]
    if isinstance(proof, dict):
        return [proof]
    if not isinstance(proof, list):
        raise MalformedDocument("neither an object nor an array of objects", "/proof")
    proofs: list[JsonObject] = []
    for place, member in enumerate(proof):
        if not isinstance(member, dict):
            raise MalformedDocument("a proof that is not an object", f"/proof/{place}")
        proofs.append(member)
    return proofs


def is_anchor_proof(proof: JsonObject) -> bool:
    suite = proof.get("cryptosuite")
    return (
        proof.get("type") == "DataIntegrityProof"
        and isinstance(suite, str)
        and suite.startswith(CREDANCHOR_SUITE_PREFIX)
    )


def anchor_proofs(document: JsonObject) -> list[JsonObject]:
    """Return the proofs that the digest sets aside, of known and unknown suites, in order."""
    return [proof for proof in proofs_of(document) if is_anchor_proof(proof)]


def issuer_proofs(document: JsonObject) -> list[JsonObject]:
    """Return all other proofs, in order. Raises MalformedDocument for more than 16 of them."""
    proofs = [proof for proof in proofs_of(document) if not is_anchor_proof(proof)]
    if len(proofs) > MAX_ISSUER_PROOFS:
        reason = f"{len(proofs)} proofs, where at most {MAX_ISSUER_PROOFS} are read"
        raise MalformedDocument(reason, "/proof")
    return proofs


def with_proofs(document: JsonObject, proofs: list[JsonObject]) -> JsonObject:
    """Write `proofs` the one way there is: absent if none, bare if one, an array if more.

    Returns a new top-level object that shares its members with `document`.
    """
    rest: JsonObject = {key: value for key, value in document.items() if key != "proof"}
    if len(proofs) == 1:
        rest["proof"] = proofs[0]
    elif proofs:
        rest["proof"] = list[JsonValue](proofs)
    return rest


def without_anchor_proofs(document: JsonObject) -> JsonObject:
    """Return what the digest covers, as a new top-level object; `document` stays as it is."""
    return with_proofs(document, issuer_proofs(document))


def credential_digest(document: JsonObject) -> CredentialDigest:
    """SHA-256 of the RFC 8785 form of `document` without its anchor proofs.

    Raises MalformedDocument where `proof` has a wrong shape or too many members, and where no
    canonical form exists.
    """
    return CredentialDigest(sha256(canonicalize(without_anchor_proofs(document))).digest())


@dataclass(frozen=True, slots=True)
class Credential:
    """A document exactly as received, its anchor proofs included, and its digest."""

    document: JsonObject
    digest: CredentialDigest

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read one credential, at most MAX_FILE_BYTES long.

        Raises MalformedJson; MalformedDocument where a member that this class answers for has a
        wrong shape, or where more than MAX_CREDENTIAL_BYTES are left in canonical form without
        the anchor proofs. (Measured there, white space and embedding change nothing.)
        """
        document, form = read_with_form(raw)
        if not isinstance(document, dict):
            raise MalformedDocument("a credential is a JSON object")
        if form is None or isinstance(document.get("proof"), list) or anchor_proofs(document):
            # What the digest covers is, or may be, written in another way than the document.
            form = canonicalize(without_anchor_proofs(document), MAX_CREDENTIAL_BYTES)
        return cls._checked(document, form)

    @classmethod
    def of(cls, document: JsonObject) -> Self:
        """Take a document that was read as part of a larger one, under the limits of `parse`.

        Raises MalformedDocument, also where it is deeper than a file of its own may be.
        """
        # All else is looked at again where it is written.
        if anchor_proofs(document) and survey(document) is Survey.TOO_DEEP:
            raise MalformedDocument(f"deeper than {MAX_DEPTH} levels")
        form = canonicalize(without_anchor_proofs(document), MAX_CREDENTIAL_BYTES)
        return cls._checked(document, form)

    @classmethod
    def _checked(cls, document: JsonObject, form: bytes) -> Self:
        if len(form) > MAX_CREDENTIAL_BYTES:
            raise MalformedDocument(f"more than {MAX_CREDENTIAL_BYTES:,} bytes in canonical form")
        credential = cls(document, CredentialDigest(sha256(form).digest()))
        credential.check()
        return credential

    def check(self) -> None:
        """Raises MalformedDocument where a property below would."""
        _ = (self.id, self.issuer_id, self.valid_from, self.valid_until)

    @property
    def id(self) -> str | None:
        return _text(self.document, "id")

    @property
    def issuer_id(self) -> str:
        """The issuer's URL or DID: `issuer` itself, or its `id`."""
        if "issuer" not in self.document:
            raise MalformedDocument("missing, and a credential names its issuer", "/issuer")
        issuer = self.document["issuer"]
        if isinstance(issuer, dict):
            issuer = issuer.get("id")
        if not isinstance(issuer, str):
            raise MalformedDocument("neither a string nor an object with a string `id`", "/issuer")
        return issuer

    @property
    def valid_from(self) -> str | None:
        """As written: `validFrom`, or `issuanceDate` of data model 1.1."""
        return _text(self.document, "validFrom", "issuanceDate")

    @property
    def valid_until(self) -> str | None:
        """As written: `validUntil`, or `expirationDate` of data model 1.1."""
        return _text(self.document, "validUntil", "expirationDate")

    @property
    def types(self) -> tuple[str, ...]:
        """Members of `type` that are strings, in order."""
        types = self.document.get("type")
        members = types if isinstance(types, list) else [types]
        return tuple(member for member in members if isinstance(member, str))

    @property
    def name(self) -> str | None:
        """What to call it: its own `name`, else that of its achievement."""
        subject = self.document.get("credentialSubject")
        achievement = subject.get("achievement") if isinstance(subject, dict) else None
        for holder in (self.document, achievement):
            name = holder.get("name") if isinstance(holder, dict) else None
            if isinstance(name, str):
                return name
        return None


def _text(document: JsonObject, *keys: str) -> str | None:
    """Return the first of `keys` that is there; a date that is no string must not look absent."""
    for key in keys:
        if key in document:
            value = document[key]
            if not isinstance(value, str):
                raise MalformedDocument("not a string", f"/{key}")
            return value
    return None
