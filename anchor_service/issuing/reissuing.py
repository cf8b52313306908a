"""A mended credential in the place of another: each names the other.

The new document points to the old one by `relatedResource` (Verifiable Credentials Data Model 2.0
§5.3), with the old one's id and the SHA-256 of its canonical form (RFC 8785, without anchor
proofs: the credential digest) as `digestSRI`. The old document can't be changed; that it was
replaced, and by what, is written here, and its revocation says "superseded".

Dates stay: the award and its validity are the same, told rightly.
"""

from __future__ import annotations

import base64
import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from anchor_service.errors import ReissueRefused
from anchor_service.issuing import issuer, roster_values
from anchor_service.issuing.roster_values import CellError
from anchor_service.store import changes, erasure, store
from anchor_service.store.lifecycle import BatchState
from anchor_service.store.reason_codes import ReasonCode
from anchor_service.store.schema import batch, credential, replacement
from registry.formats.events import StatusChange

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Column, ColumnElement, Connection

    from anchor_service.store.store import NewCredential, Stored
    from registry.formats.strict_json import JsonObject, JsonValue
    from registry.values import CredentialDigest

MENDABLE = ("name", "email", "did", "result", "evidence")
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Replacement:
    """revokes: the old one was sealed, and is revoked once the new one is final.

    Else it was taken out of the open batch, and nothing is left of it.
    """

    old: str
    new: str
    revokes: bool


def mend(
    document: JsonObject,
    digest: CredentialDigest,
    mended: Mapping[str, str],
    randomness: Callable[[int], bytes],
) -> JsonObject:
    """The unsigned document that replaces `document`, whose credential digest is given.

    mended: columns of a roster to what is right; empty text takes the value out. Raises
    ReissueRefused where the document has no such place, or the value may not stand there.
    """
    fresh = copy.deepcopy({name: one for name, one in document.items() if name != "proof"})
    subject = fresh.get("credentialSubject")
    if not isinstance(subject, dict):
        raise ReissueRefused("a credential of several subjects, or of none, can't be mended so")
    for column, value in mended.items():
        _check(column, value)
        _PLACES[column](fresh, subject, value, randomness)
    if not any(subject.get(member) for member in ("id", "identifier")):
        raise ReissueRefused("who is it? One of name, email and did is needed")
    old = document.get("id")
    fresh["id"] = f"urn:uuid:{UUID(bytes=randomness(16), version=4)}"
    fresh["relatedResource"] = [
        *_without(fresh.get("relatedResource"), old),
        {
            "id": old if isinstance(old, str) else f"ni:///sha-256;{_base64url(digest)}",
            "digestSRI": f"sha256-{base64.b64encode(digest).decode()}",
            "mediaType": "application/vc",
        },
    ]
    return fresh


def replace(
    connection: Connection,
    issuer: str,
    old: Stored,
    new: NewCredential,
    now: int,
    asked_by: str | None,
) -> Replacement:
    """Put the new credential into the open batch and ask for the old one's revocation, at once.

    `gates` keeps the revocation back until the new one is final. Raises ReissueRefused where the
    old one has a replacement already.
    """
    by = connection.scalar(select(replacement.c.new).where(replacement.c.old == old.row))
    if by is not None:
        raise ReissueRefused(f"{old.name} is replaced already; mend the one that replaces it")
    name = new.credential_id or new.digest.to_hex()
    if _is_open(connection, old):
        erasure.erase(connection, old)
        list(store.add_credentials(connection, issuer, [new], now))
        return Replacement(old.name, name, revokes=False)
    list(store.add_credentials(connection, issuer, [new], now))
    row = store.find(connection, new.digest.to_hex(), issuer).row
    connection.execute(replacement.insert().values(old=old.row, new=row, created=now))
    changes.want(
        connection,
        StatusChange.REVOKE,
        [old.row],
        now,
        urgent=True,
        reason_code=ReasonCode.SUPERSEDED,
        asked_by=asked_by,
    )
    return Replacement(old.name, name, revokes=True)


def neighbours(connection: Connection, row: int) -> tuple[str | None, str | None]:
    """(what this credential replaces, what replaces it), by id, else by digest."""
    return (
        _name(connection, replacement.c.old, replacement.c.new == row),
        _name(connection, replacement.c.new, replacement.c.old == row),
    )


def _name(connection: Connection, end: Column[int], condition: ColumnElement[bool]) -> str | None:
    row = connection.execute(
        select(credential.c.credential_id, credential.c.digest)
        .join(replacement, end == credential.c.id)
        .where(condition)
    ).first()
    if row is None:
        return None
    return row[0] or "0x" + bytes(row[1]).hex()


def _is_open(connection: Connection, old: Stored) -> bool:
    """Not sealed, and its seal not begun."""
    closed = connection.scalar(select(batch.c.closed).where(batch.c.id == old.batch))
    return old.batch_state is BatchState.OPEN and closed is None


def _check(column: str, value: str) -> None:
    if column not in MENDABLE:
        raise ReissueRefused(f"{column}: can't be mended; these can: {', '.join(MENDABLE)}")
    try:
        roster_values.check_text(value)
        if value:
            roster_values.CHECKS[column](value)
    except CellError as wrong:
        raise ReissueRefused(f"{column}: {wrong.reason}") from None


def _set_name(_: JsonObject, subject: JsonObject, value: str, __: object) -> None:
    entry = issuer.identity("name", value)
    _set_identity(subject, "name", entry if value else None)


def _set_email(
    _: JsonObject, subject: JsonObject, value: str, randomness: Callable[[int], bytes]
) -> None:
    entry = issuer.hashed_email(value, randomness(_SALT_BYTES).hex()) if value else None
    _set_identity(subject, "emailAddress", entry)


def _set_did(_: JsonObject, subject: JsonObject, value: str, __: object) -> None:
    subject.pop("id", None)
    if value:
        subject["id"] = value


def _set_result(_: JsonObject, subject: JsonObject, value: str, __: object) -> None:
    results = subject.get("result")
    if not value:
        subject.pop("result", None)
        return
    known = [one for one in results if isinstance(one, dict)] if isinstance(results, list) else []
    if len(known) > 1:
        raise ReissueRefused("result: there are several; none can be told from the others")
    one: JsonObject = dict(known[0]) if known else {"type": ["Result"]}
    one["status" if "status" in one else "value"] = value
    subject["result"] = [one]


def _set_evidence(document: JsonObject, _: JsonObject, value: str, __: object) -> None:
    document.pop("evidence", None)
    if value:
        document["evidence"] = [{"id": value, "type": ["Evidence"]}]


_PLACES: Mapping[str, Callable[..., None]] = {
    "name": _set_name,
    "email": _set_email,
    "did": _set_did,
    "result": _set_result,
    "evidence": _set_evidence,
}


def _set_identity(subject: JsonObject, kind: str, entry: JsonObject | None) -> None:
    held = subject.get("identifier")
    others: list[JsonValue] = [
        one
        for one in (held if isinstance(held, list) else [])
        if not (isinstance(one, dict) and one.get("identityType") == kind)
    ]
    # The name stands first, as in what is issued from a roster.
    if entry is not None:
        others = [entry, *others] if kind == "name" else [*others, entry]
    if others:
        subject["identifier"] = others
    else:
        subject.pop("identifier", None)


def _without(listed: JsonValue, wanted: JsonValue) -> list[JsonValue]:
    """The other related resources: their ids must be unique."""
    held = listed if isinstance(listed, list) else [] if listed is None else [listed]
    return [one for one in held if not (isinstance(one, dict) and one.get("id") == wanted)]


def _base64url(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
