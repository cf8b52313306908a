"""Requests with an Idempotency-Key: from the header to a ticket, from what is kept to an answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson

from anchor_service.api.answers import Answer
from anchor_service.api.errors import KeyReused, MalformedRequest
from anchor_service.store import idempotency
from anchor_service.store.idempotency import Kept, Ticket

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection
    from starlette.requests import Request

    from anchor_service.api.access import Caller

HEADER = "Idempotency-Key"
# Visible characters: what every client and proxy passes on unchanged.
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def ticket_of(request: Request, caller: Caller, body: bytes) -> Ticket | None:
    """None where the header is absent. Raises MalformedRequest where it can't be a key."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise MalformedRequest(f"{HEADER}: 1 to 255 visible ASCII characters expected.")
    scope = request.scope
    parts = (scope["method"].encode(), scope["raw_path"], scope["query_string"], body)
    return Ticket.of(caller.issuer, caller.name, key, parts)


def to_kept(ticket: Ticket, answer: Answer) -> Kept:
    headers = orjson.dumps(answer.headers).decode()
    return Kept(ticket.fingerprint, answer.status, headers, answer.body)


def replay(kept: Kept, ticket: Ticket) -> Answer:
    """Raises KeyReused where the key came with another request."""
    if kept.fingerprint != ticket.fingerprint:
        raise KeyReused
    headers = tuple((name, text) for name, text in orjson.loads(kept.headers))
    return Answer(kept.status, kept.body, (*headers, ("Idempotent-Replayed", "true")))


def once(
    connection: Connection, ticket: Ticket | None, now: int, action: Callable[[], Answer]
) -> Answer:
    """Do it and keep the answer, in the caller's transaction; or answer what is kept."""
    if ticket is None:
        return action()
    kept = idempotency.find(connection, [ticket]).get(ticket.place)
    if kept is not None:
        return replay(kept, ticket)
    answer = action()
    idempotency.keep(connection, [(ticket, to_kept(ticket, answer))], now)
    return answer
