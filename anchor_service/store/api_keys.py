"""Keys for the HTTP API: shown once, stored as a hash, for one issuer and a closed set of actions.

A key's text is `ca_<id>_<secret>`: the id finds the row, the secret is 256 random bits. Only their
SHA-256 is stored: against that many random bits a slow hash would add nothing. Several keys may
carry one name, so that a new one is in use before the old one ends.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b32encode, urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, or_, select, update

from anchor_service.errors import UnknownKey
from anchor_service.store.prepared import Prepared
from anchor_service.store.schema import api_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

_SECRET_BYTES = 32
_ID_BYTES = 10
_TEXT = re.compile(r"ca_([a-z2-7]{16})_([A-Za-z0-9_-]{43})")
_NOBODY = bytes(32)
_BY_ID = Prepared(select(api_key).where(api_key.c.id == bindparam("wanted")))


class Scope(StrEnum):
    """What a key may be good for. A key without a scope can do nothing."""

    CREDENTIALS_READ = "credentials.read"
    CREDENTIALS_WRITE = "credentials.write"
    BATCHES_SEAL = "batches.seal"
    STATUS_WRITE = "status.write"
    STATE_READ = "state.read"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One stored key. Times are unix seconds; secret_hash never leaves this module's callers."""

    id: str
    name: str
    issuer: str
    scopes: frozenset[Scope]
    secret_hash: bytes = field(repr=False)
    created: int
    expires: int | None
    revoked: int | None

    def is_active(self, now: int) -> bool:
        return self.revoked is None and (self.expires is None or now < self.expires)


@dataclass(frozen=True, slots=True)
class Presented:
    """What a caller sent: the id in clear, the secret as its hash."""

    id: str
    secret_hash: bytes = field(repr=False)


def read_text(text: str) -> Presented | None:
    """None for what has not the form of a key."""
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    secret = urlsafe_b64decode(match[2] + "=")
    return Presented(match[1], hashlib.sha256(secret).digest())


def judge(stored: ApiKey | None, presented: Presented, now: int) -> ApiKey | None:
    """The key, if the secret is its own and it is active. Takes the same time for a wrong id."""
    same = hmac.compare_digest(stored.secret_hash if stored else _NOBODY, presented.secret_hash)
    return stored if stored is not None and same and stored.is_active(now) else None


def create(
    connection: Connection,
    name: str,
    issuer: str,
    scopes: Iterable[Scope],
    now: int,
    expires: int | None = None,
) -> tuple[ApiKey, str]:
    """Store a new key and return it with its text, which nobody can show again."""
    secret = secrets.token_bytes(_SECRET_BYTES)
    key = ApiKey(
        id=b32encode(secrets.token_bytes(_ID_BYTES)).decode().lower(),
        name=name,
        issuer=issuer,
        scopes=frozenset(scopes),
        secret_hash=hashlib.sha256(secret).digest(),
        created=now,
        expires=expires,
        revoked=None,
    )
    connection.execute(
        api_key.insert().values(
            id=key.id,
            name=name,
            issuer=issuer,
            scopes=" ".join(sorted(key.scopes)),
            secret_hash=key.secret_hash,
            created=now,
            expires=expires,
        )
    )
    return key, f"ca_{key.id}_{urlsafe_b64encode(secret).decode().rstrip('=')}"


def find(connection: Connection, ids: Iterable[str]) -> dict[str, ApiKey]:
    """Those that there are. Almost always one is asked for, by many: so one query for each."""
    found = {}
    for one in set(ids):
        for row in _BY_ID.rows(connection, wanted=one):
            found[one] = _to_key(row)
    return found


def listed(connection: Connection) -> list[ApiKey]:
    """Every key that ever was, the oldest first."""
    query = select(api_key).order_by(api_key.c.created, api_key.c.id)
    return [_to_key(row) for row in connection.execute(query)]


def revoke(connection: Connection, named: str, now: int) -> list[str]:
    """End the key with this id, or all keys of this name; returns the ids that were ended.

    Raises UnknownKey where there is none that is not ended already.
    """
    condition = (or_(api_key.c.id == named, api_key.c.name == named), api_key.c.revoked.is_(None))
    ids = list(connection.scalars(select(api_key.c.id).where(*condition)))
    if not ids:
        raise UnknownKey(f"{named}: no such key in force; `credanchor key list` shows them all")
    connection.execute(update(api_key).where(api_key.c.id.in_(ids)).values(revoked=now))
    return ids


def rotate(
    connection: Connection, name: str, now: int, overlap: int, expires: int | None
) -> tuple[ApiKey, str]:
    """Make a new key of this name; those there were end `overlap` seconds from now at the latest.

    Raises UnknownKey where no active key has the name.
    """
    active = [one for one in listed(connection) if one.name == name and one.is_active(now)]
    if not active:
        raise UnknownKey(f"{name}: no active key of this name; `credanchor key create` makes one")
    end = now + overlap
    late = [one.id for one in active if one.expires is None or one.expires > end]
    connection.execute(update(api_key).where(api_key.c.id.in_(late)).values(expires=end))
    newest = active[-1]
    return create(connection, name, newest.issuer, newest.scopes, now, expires)


def _to_key(row: Sequence[Any]) -> ApiKey:
    """row: the table's columns in their order."""
    key_id, name, issuer, scopes, secret_hash, created, expires, revoked = row
    known = _scopes(scopes)
    return ApiKey(key_id, name, issuer, known, bytes(secret_hash), created, expires, revoked)


@cache
def _scopes(names: str) -> frozenset[Scope]:
    """Those that this version knows: a scope of a newer one gives no right here."""
    return frozenset(scope for scope in Scope if scope.value in names.split())
