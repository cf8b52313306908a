"""Parameters that several operations take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Header, Path, Query

from anchor_service.api.errors import InvalidRequest, MalformedRequest

if TYPE_CHECKING:
    from starlette.requests import Request

# Characters of a credential's name in a path.
MAX_NAME = 2000
CredentialName = Annotated[
    str,
    Path(
        min_length=1,
        max_length=MAX_NAME,
        description="digest (0x...) or the document's own id, if that has no slash",
        examples=["0x9f64a747e1b97f131fabb6b447296c9b6f0201e79fb3c5356e6c77e89b6a806a"],
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=255,
        description="1 to 255 visible ASCII characters; the same key, the same answer",
    ),
]
# Row numbers are 63 bits wide in both databases.
Number = Annotated[int, Query(ge=1, le=2**63 - 1)]
NumberInPath = Annotated[int, Path(ge=1, le=2**63 - 1)]


def refuse_unknown(request: Request) -> None:
    """A misspelt parameter must not pass for one that was not sent. Raises InvalidRequest."""
    if not request.scope["query_string"]:
        return
    known = [one.alias for one in request.scope["route"].dependant.query_params]
    if request.query_params.keys() - set(known):
        names = ", ".join(known) or "none"
        raise InvalidRequest([("query", f"a parameter that is not known here; known: {names}")])


def no_nul(text: str | None) -> str | None:
    """PostgreSQL's text has no place for it. Raises MalformedRequest."""
    if text is not None and "\0" in text:
        raise MalformedRequest("A parameter holds a NUL character.")
    return text
