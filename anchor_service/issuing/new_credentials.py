"""Rows, and mended documents, to signed credentials as the store takes them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import orjson

from anchor_service.issuing import issuer
from anchor_service.store.store import NewCredential
from registry.formats.credential import Credential

if TYPE_CHECKING:
    from datetime import datetime

    from anchor_service.issuing.achievement import Achievement
    from anchor_service.issuing.credential_key import Issuing
    from anchor_service.issuing.roster import RosterRow
    from registry.formats.strict_json import JsonObject


def issue(held: Issuing, achievement: Achievement, row: RosterRow, now: datetime) -> NewCredential:
    unsigned = issuer.issue(achievement, row, held.profile, os.urandom, now)
    return sign(held, unsigned, row.name or row.email or row.did, now)


def sign(held: Issuing, unsigned: JsonObject, label: str | None, now: datetime) -> NewCredential:
    """label: whom it is about, for people."""
    raw = orjson.dumps(issuer.sign_credential(unsigned, held.key, os.urandom, now))
    # Read back as a verifier will: what is stored is what was signed.
    credential = Credential.parse(raw)
    return NewCredential(credential.id, label, credential.digest, raw)
