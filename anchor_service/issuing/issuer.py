"""Achievement, roster row and issuer to a signed Open Badges 3.0 credential.

- `validFrom` and `awardedDate` are the row's date; without one `validFrom` is now.
- `validUntil` follows from `validFrom` and the achievement's `validFor`.
- The learner's `id` is the DID, if the roster has one. The name goes in as an identifier in clear.
  The e-mail goes in hashed, so that only who knows the address can match it: `identityHash` is
  `sha256$` and the lower-case hex of SHA-256 over the UTF-8 of the address in lower case followed
  by `salt` (Open Badges 3.0, IdentityHash); the salt is 16 random bytes as hex text.
- A result is linked to the achievement's result description where there is exactly one.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

from anchor_service.issuing.did_documents import method_of
from anchor_service.issuing.roster import Roster, RosterFault
from anchor_service.issuing.roster_values import shorten
from registry.documents.data_integrity import sign
from registry.documents.multikey import did_key
from registry.documents.open_badges import CREDENTIALS_CONTEXT, OPEN_BADGES_CONTEXT
from registry.errors import MalformedValue
from registry.moments import stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from anchor_service.issuing.achievement import Achievement
    from anchor_service.issuing.issuer_key import IssuerKey
    from anchor_service.issuing.roster import RosterRow
    from registry.documents.multikey import PublicKey
    from registry.formats.strict_json import JsonObject, JsonValue

_SALT_BYTES = 16
# The official schema's, for results of the type Status.
_STATUSES = ("Completed", "Enrolled", "Failed", "InProgress", "OnHold", "Provisional", "Withdrew")


def issuer_profile(
    key: PublicKey, name: str, url: str = "", email: str = "", did: str | None = None
) -> JsonObject:
    """The Profile that stands as `issuer` in each credential; its id the DID, else the did:key."""
    profile: JsonObject = {"id": did or did_key(key), "type": ["Profile"], "name": name}
    if url:
        profile["url"] = url
    if email:
        profile["email"] = email
    return profile


def issue(
    achievement: Achievement,
    row: RosterRow,
    issuer: JsonObject,
    randomness: Callable[[int], bytes],
    now: datetime,
) -> JsonObject:
    """Return one unsigned credential, which shares the achievement and the issuer with others.

    issuer: a Profile, as of `issuer_profile`. randomness(n) gives n unpredictable bytes.
    Raises MalformedValue where `validFor` reaches beyond the year 9999.
    """
    start = row.date or now
    credential: JsonObject = {
        "@context": [CREDENTIALS_CONTEXT, OPEN_BADGES_CONTEXT],
        "id": _random_urn(randomness),
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": achievement.body["name"],
        "issuer": issuer,
        "validFrom": stamp(start),
    }
    if achievement.valid_for:
        credential["validUntil"] = stamp(achievement.valid_for.after(start))
    if row.date:
        credential["awardedDate"] = stamp(row.date)
    credential["credentialSubject"] = _subject(achievement, row, randomness)
    if row.evidence:
        credential["evidence"] = [{"id": row.evidence, "type": ["Evidence"]}]
    return credential


def sign_credential(
    credential: JsonObject, key: IssuerKey, randomness: Callable[[int], bytes], now: datetime
) -> JsonObject:
    """Return the credential with the issuer's proof, whose random id anchors can name.

    A did:key's proof names its key by itself, any other DID's by the DID's document.
    """
    issuer = credential["issuer"]
    did = issuer["id"] if isinstance(issuer, dict) else issuer
    by_document = isinstance(did, str) and not did.startswith("did:key:")
    return sign(
        credential,
        key.public,
        key.sign,
        proof_id=_random_urn(randomness),
        created=now,
        method=method_of(str(did), key.public) if by_document else None,
    )


def fit(roster: Roster, achievement: Achievement) -> Roster:
    """Turn the rows that this achievement cannot be issued to into faults, beside those there."""
    rows = []
    faults = list(roster.faults)
    for row in roster.rows:
        found = list(_misfits(achievement, row))
        faults += found
        if not found:
            rows.append(row)
    return Roster(tuple(rows), tuple(sorted(faults)), roster.passed_over)


def _misfits(achievement: Achievement, row: RosterRow) -> Iterator[RosterFault]:
    reason = _result_fault(achievement, row)
    if reason:
        yield RosterFault(row.line, "result", reason, shorten(row.result))
    if row.date and achievement.valid_for:
        try:
            achievement.valid_for.after(row.date)
        except MalformedValue as fault:
            yield RosterFault(row.line, "date", f"the validity from here on {fault.reason}")


def _result_fault(achievement: Achievement, row: RosterRow) -> str | None:
    """Why the row's result is none that the achievement describes; None where it may stand."""
    description = _result_description(achievement)
    if not row.result or description is None:
        return None
    allowed = description.get("allowedValue")
    if description.get("resultType") == "Status":
        allowed = [*_STATUSES]
    if isinstance(allowed, list) and row.result not in allowed:
        return f"not what the achievement allows: {', '.join(map(str, allowed))}"
    return None


def _random_urn(randomness: Callable[[int], bytes]) -> str:
    return f"urn:uuid:{UUID(bytes=randomness(16), version=4)}"


def _subject(
    achievement: Achievement, row: RosterRow, randomness: Callable[[int], bytes]
) -> JsonObject:
    subject: JsonObject = {"type": ["AchievementSubject"]}
    if row.did:
        subject["id"] = row.did
    identifiers: list[JsonValue] = []
    if row.name:
        identifiers.append(identity("name", row.name))
    if row.email:
        identifiers.append(hashed_email(row.email, randomness(_SALT_BYTES).hex()))
    if identifiers:
        subject["identifier"] = identifiers
    subject["achievement"] = achievement.body
    if row.result:
        subject["result"] = [_result(achievement, row.result)]
    return subject


def identity(kind: str, value: str) -> JsonObject:
    """An IdentityObject in clear."""
    return {"type": "IdentityObject", "identityType": kind, "identityHash": value, "hashed": False}


def hashed_email(email: str, salt: str) -> JsonObject:
    """An IdentityObject that only who knows the address can match; salt: hex text."""
    entry = identity("emailAddress", hash_identity(email, salt))
    return {**entry, "hashed": True, "salt": salt}


def hash_identity(email: str, salt: str) -> str:
    """The `identityHash` of an e-mail address, to compare one with a credential's."""
    return "sha256$" + sha256((email.lower() + salt).encode()).hexdigest()


def _result(achievement: Achievement, value: str) -> JsonObject:
    result: JsonObject = {"type": ["Result"]}
    description = _result_description(achievement)
    if description is not None:
        result["resultDescription"] = description["id"]
    is_status = description is not None and description.get("resultType") == "Status"
    result["status" if is_status else "value"] = value
    return result


def _result_description(achievement: Achievement) -> JsonObject | None:
    described = achievement.body.get("resultDescription")
    if isinstance(described, list) and len(described) == 1:
        described = described[0]
    return described if isinstance(described, dict) else None
