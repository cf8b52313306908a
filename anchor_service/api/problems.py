"""Errors to problem documents (RFC 9457): the one table where errors become HTTP statuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from anchor_service import errors as service
from anchor_service.api import errors as refused
from anchor_service.api.answers import Answer
from registry import errors as library

if TYPE_CHECKING:
    from registry.formats.strict_json import JsonObject

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:credanchor:problem:"


@dataclass(frozen=True, slots=True)
class Problem:
    """A kind of problem; slug and status never change once released. meaning: for the manual."""

    slug: str
    status: int
    title: str
    meaning: str

    @property
    def type(self) -> str:
        return TYPE_PREFIX + self.slug

    def document(self, detail: str | None = None, members: JsonObject | None = None) -> JsonObject:
        shown: JsonObject = {"type": self.type, "title": self.title, "status": self.status}
        if detail is not None:
            shown["detail"] = detail
        return {**shown, **(members or {})}


MALFORMED_REQUEST = Problem(
    "malformed-request",
    400,
    "The request cannot be read",
    "A body, header or parameter is not of the form that it must have. Mend it and send it anew.",
)
UNAUTHENTICATED = Problem(
    "unauthenticated",
    401,
    "No key that is in force",
    "The key is missing, unknown, expired or revoked; which of them is not told.",
)
FORBIDDEN = Problem(
    "scope-missing", 403, "The key is good for something else", "The key lacks the named scope."
)
NOT_FOUND = Problem(
    "not-found",
    404,
    "There is no such thing",
    "Nothing of this issuer has that name. What other issuers have is never told.",
)
NO_METHOD = Problem(
    "method-not-allowed", 405, "There is no such operation", "`Allow` names those that there are."
)
TOO_SLOW = Problem(
    "too-slow", 408, "The body did not come in time", "Nothing was stored; send it again."
)
WRONG_STATE = Problem(
    "wrong-state",
    409,
    "Not in this state",
    "The request is right in itself, but what it names is not ready for it, or past it.",
)
ERASED = Problem("erased", 410, "It was erased", "Document and salt are gone for good.")
TOO_LARGE = Problem("too-large", 413, "Too many bytes", "The detail says how many are taken.")
WRONG_MEDIA_TYPE = Problem(
    "wrong-media-type", 415, "A content type that is not read here", "The detail names those read."
)
INVALID_REQUEST = Problem(
    "invalid-request",
    422,
    "The request is not what the operation takes",
    "`errors` lists each fault: a JSON pointer or parameter, and what is wrong with it.",
)
REFUSED_CREDENTIAL = Problem(
    "credential-refused",
    422,
    "The credential is not taken",
    "It is no credential, carries an anchor already, or (with strict) does not meet its schema.",
)
KEY_REUSED = Problem(
    "idempotency-key-reused",
    422,
    "The Idempotency-Key belongs to another request",
    "The first request with this key had another method, path, query or body.",
)
TOO_MANY = Problem(
    "too-many-requests", 429, "Over the rate", "`Retry-After` says in how many seconds to go on."
)
INTERNAL = Problem(
    "internal",
    500,
    "A fault of the service",
    "It is logged under the request's id (X-Request-Id). Whether anything was stored is open: "
    "repeat with the same Idempotency-Key.",
)
UNAVAILABLE = Problem(
    "unavailable",
    503,
    "Not now",
    "The database, a chain's node or the signing desk does not answer, or the service is full.",
)

PROBLEMS = (
    MALFORMED_REQUEST,
    UNAUTHENTICATED,
    FORBIDDEN,
    NOT_FOUND,
    NO_METHOD,
    TOO_SLOW,
    WRONG_STATE,
    ERASED,
    TOO_LARGE,
    WRONG_MEDIA_TYPE,
    INVALID_REQUEST,
    REFUSED_CREDENTIAL,
    KEY_REUSED,
    TOO_MANY,
    INTERNAL,
    UNAVAILABLE,
)

_TABLE: tuple[tuple[type[Exception], Problem], ...] = (
    (refused.Unauthenticated, UNAUTHENTICATED),
    (refused.ScopeMissing, FORBIDDEN),
    (refused.NotFound, NOT_FOUND),
    (refused.MalformedRequest, MALFORMED_REQUEST),
    (refused.InvalidRequest, INVALID_REQUEST),
    (refused.WrongState, WRONG_STATE),
    (refused.Erased, ERASED),
    (refused.KeyReused, KEY_REUSED),
    (refused.TooLarge, TOO_LARGE),
    (refused.WrongMediaType, WRONG_MEDIA_TYPE),
    (refused.TooMany, TOO_MANY),
    (refused.TooSlow, TOO_SLOW),
    (refused.Unavailable, UNAVAILABLE),
    (service.UnknownCredential, NOT_FOUND),
    (service.ImportRefused, REFUSED_CREDENTIAL),
    (service.AchievementRefused, INVALID_REQUEST),
    (service.RosterRefused, INVALID_REQUEST),
    (service.StateMoved, WRONG_STATE),
    (service.IssuerKeyError, UNAVAILABLE),
    (service.BundleNotProven, UNAVAILABLE),
    (service.DatabaseError, UNAVAILABLE),
    (service.DamagedStore, INTERNAL),
    (library.MalformedJson, MALFORMED_REQUEST),
    (library.MalformedDocument, INVALID_REQUEST),
    (library.MalformedValue, INVALID_REQUEST),
    (library.ChainError, UNAVAILABLE),
)
"""The first that fits counts; what fits nowhere is INTERNAL."""

# Their text may hold a host, a path or a driver's words: it goes to the log, not to a caller.
_SILENT = frozenset({INTERNAL})
_SHORT = (
    (service.BundleNotProven, "The chain's node gave no proof that holds."),
    (service.DatabaseError, "The database does not answer."),
    (service.IssuerKeyError, "Credentials cannot be signed here."),
    (library.NodeUnreachable, "The chain's node does not answer."),
    (library.ChainError, "The chain's node gave no answer that is of use."),
)


def problem_of(error: Exception) -> Problem:
    return next((problem for kind, problem in _TABLE if isinstance(error, kind)), INTERNAL)


def document_of(error: Exception) -> JsonObject:
    problem = problem_of(error)
    if problem in _SILENT:
        return problem.document()
    short = next((text for kind, text in _SHORT if isinstance(error, kind)), None)
    if short is not None:
        return problem.document(short)
    if isinstance(error, service.AchievementRefused):
        faults = [("/achievement" + place, reason) for place, reason in error.faults]
        return document_of(refused.InvalidRequest(faults))
    if isinstance(error, service.RosterRefused):
        # Without the values: they are personal data.
        faults = [(f"/recipient/{one.column}".rstrip("/"), one.reason) for one in error.faults]
        return document_of(refused.InvalidRequest(faults))
    if isinstance(error, service.ImportRefused):
        return problem.document(error.reason)
    members = error.members if isinstance(error, refused.RequestRefused) else None
    return problem.document(str(error), members)


def answer_of(error: Exception) -> Answer:
    """What the caller is sent. Raises nothing, whatever the error."""
    headers = tuple(error.headers.items()) if isinstance(error, refused.RequestRefused) else ()
    document = document_of(error)
    status = problem_of(error).status
    if status == UNAVAILABLE.status and not headers:
        headers = (("Retry-After", "1"),)
    return Answer(status, orjson.dumps(document), headers, MEDIA_TYPE)
