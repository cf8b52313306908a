"""A document that a caller sent to what is stored, or why it is not taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anchor_service.api import shapes
from anchor_service.errors import ImportRefused
from anchor_service.issuing import ready_made
from anchor_service.store.store import NewCredential

if TYPE_CHECKING:
    from anchor_service.issuing.ready_made import ReadyMade
    from anchor_service.store.store import Added
    from registry.formats.credential import Credential
    from registry.formats.strict_json import JsonObject

_MAX_FAULTS = 20


def take(raw: bytes, *, strict: bool, line: int | None = None) -> ReadyMade:
    """line: of the body, where each is a document. Raises ImportRefused."""
    taken = ready_made.take("body", line, raw, strict=strict)
    if isinstance(taken, ImportRefused):
        raise taken
    return taken


def take_to_store(raw: bytes, *, strict: bool, line: int | None = None) -> NewCredential:
    """Without a word of what its schema says, unless that decides. Raises ImportRefused."""
    if strict:
        return to_store(take(raw, strict=True, line=line))
    credential = ready_made.take_unjudged("body", line, raw)
    if isinstance(credential, ImportRefused):
        raise credential
    return _to_store(credential, raw)


def to_store(one: ReadyMade, label: str | None = None) -> NewCredential:
    """label: for people; without one the credential's own name."""
    return _to_store(one.credential, one.raw, label)


def _to_store(credential: Credential, raw: bytes, label: str | None = None) -> NewCredential:
    label = label or credential.name
    # PostgreSQL's text has no place for a NUL, and people have no use for it.
    label = label.replace("\0", "") if label else label
    return NewCredential(credential.id, label, credential.digest, raw)


def shown(one: ReadyMade, added: Added) -> JsonObject:
    faults = one.schema_faults
    return {
        "id": added.credential_id,
        "digest": added.digest.to_hex(),
        "present": added.present,
        "schemaFaults": None
        if faults is None
        else [{"pointer": place, "detail": why} for place, why in faults[:_MAX_FAULTS]],
        "href": shapes.href(added.digest),
    }
