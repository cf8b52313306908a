"""Credentials: one in, many in, and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from anchor_service.api import manual, problems, queries, samples, shapes
from anchor_service.api.access import Allowed, Caller
from anchor_service.api.answers import Answer, json_answer
from anchor_service.api.body import JSON_TYPES, LINES_TYPES, check_type, read_body, validate
from anchor_service.api.bulk import BulkResponse
from anchor_service.api.direct import read_flag, served_by
from anchor_service.api.errors import Unavailable
from anchor_service.api.intake import Intake
from anchor_service.api.models import (
    CredentialPage,
    CredentialWhole,
    Taken,
    ToIssue,
)
from anchor_service.api.once import ticket_of
from anchor_service.api.paging import MAX_PAGE, USUAL_PAGE, page, read_cursor
from anchor_service.api.parameters import CredentialName, IdempotencyKey, Number, no_nul
from anchor_service.api.running import running_of
from anchor_service.api.services import Running
from anchor_service.api.taking import shown, take, to_store
from anchor_service.issuing.achievement import Achievement
from anchor_service.issuing.ready_made import ReadyMade
from anchor_service.issuing.recipients import read_recipient
from anchor_service.store.api_keys import Scope
from anchor_service.store.lifecycle import BatchState
from anchor_service.store.store import Added
from registry.formats.canonical import canonicalize
from registry.formats.strict_json import MAX_CREDENTIAL_BYTES, read_object

router = APIRouter(tags=["credentials"])
_KIND = "credentials"
# Above, reading takes longer than other requests should wait for the event loop.
_SMALL_BYTES = 16 * 1024
_TO_ISSUE_MEMBERS = frozenset({"achievement", "recipient"})

Reader = Annotated[Caller, Depends(Allowed(Scope.CREDENTIALS_READ))]
_MAY_WRITE = Allowed(Scope.CREDENTIALS_WRITE)
Writer = Annotated[Caller, Depends(_MAY_WRITE)]
_READ = (*manual.WITH_KEY, problems.NOT_FOUND, problems.WRONG_STATE)


async def _post_credential(request: Request) -> Answer:
    caller = await _MAY_WRITE.of(request)
    running = running_of(request)
    strict = read_flag(request, "strict")
    raw = await read_body(request)
    ticket = ticket_of(request, caller, raw)
    one, label = await _taken(running, caller, raw, strict=strict)

    def answer(added: Sequence[Added]) -> Answer:
        (only,) = added
        body = shown(one, only)
        return json_answer(body, 200 if only.present else 201, Location=str(body["href"]))

    told = await running.intake.ask(Intake(caller.issuer, [to_store(one, label)], answer, ticket))
    running.metrics.taken.inc()
    return told


async def _taken(
    running: Running, caller: Caller, raw: bytes, *, strict: bool
) -> tuple[ReadyMade, str | None]:
    """The credential, sent or made here, and what people call it if it was made here."""
    if len(raw) <= _SMALL_BYTES and b'"recipient"' not in raw:
        return take(raw, strict=strict), None
    document = await run_in_threadpool(_to_issue, raw)
    if document is None:
        return await run_in_threadpool(take, raw, strict=strict), None
    wanted = validate(ToIssue, document)
    achievement = Achievement.parse(canonicalize(wanted.achievement))
    row = read_recipient(wanted.recipient.model_dump(exclude_none=True))
    if running.services.signing is None:
        raise Unavailable("This installation signs no credentials.", wait=None)
    made = await running.services.signing.issue(caller.issuer, achievement, row)
    return take(made, strict=strict), row.name or row.email or row.did


def _to_issue(raw: bytes) -> dict[str, Any] | None:
    """The body, if it asks for a credential to be made; a credential has neither member."""
    if b'"recipient"' not in raw:
        return None
    document = read_object(raw, max_bytes=MAX_CREDENTIAL_BYTES)
    return document if document.keys() & _TO_ISSUE_MEMBERS and "type" not in document else None


@router.post(
    "/v1/credentials",
    status_code=201,
    summary="Take in one credential: signed already, or to be issued",
    responses={
        200: manual.told(Taken, {**samples.TAKEN, "present": True}, "It was here already."),
        201: manual.told(Taken, samples.TAKEN, "It is stored; a batch will anchor it."),
        **manual.refusals(
            *manual.WITH_KEY,
            *manual.WITH_BODY,
            problems.REFUSED_CREDENTIAL,
            problems.KEY_REUSED,
        ),
    },
    openapi_extra=manual.body(
        {"anyOf": [{"type": "object"}, manual.inline(ToIssue)]},
        {"signed": samples.CREDENTIAL, "toIssue": samples.TO_ISSUE},
        JSON_TYPES,
    ),
)
@served_by(_post_credential)
async def post_credential(
    request: Request,
    caller: Writer,
    key: IdempotencyKey = None,
    strict: Annotated[
        bool, Query(description="refuse what its official schema does not accept")
    ] = False,
) -> Response:
    """A signed credential is stored byte for byte; its digest, not its id, says what is the same.

    With `{"achievement": ..., "recipient": ...}` it is made and signed here. The answer comes
    when it is durable. Repeat with the same Idempotency-Key for as long as no answer comes.
    """
    raise AssertionError((request, caller, key, strict))


@router.post(
    "/v1/credentials/bulk",
    summary="Take in signed credentials as JSON lines",
    responses={
        200: manual.document_told(
            LINES_TYPES[0],
            {"type": "string"},
            "One line for each line of the body, when it is durable, and a last one with `end`.",
            samples.BULK_ANSWER,
        ),
        **manual.refusals(*manual.WITH_KEY, problems.WRONG_MEDIA_TYPE),
    },
    openapi_extra=manual.body({"type": "string"}, {"lines": "one credential a line"}, LINES_TYPES),
)
async def post_credentials(
    request: Request,
    caller: Writer,
    strict: Annotated[
        bool, Query(description="refuse what its official schema does not accept")
    ] = False,
) -> Response:
    """Send as many as you like: answers stream back while lines stream in.

    What a line's answer says is durable. If the connection breaks, or the last line does not say
    `end`, send the rest again, or all: what is here already is `present` and not stored twice.
    """
    check_type(request, LINES_TYPES)
    token = request.headers["authorization"].partition(" ")[2]
    return BulkResponse(running_of(request), request, caller.issuer, token, strict=strict)


@router.get(
    "/v1/credentials",
    summary="List credentials in order of arrival",
    responses={
        200: manual.told(CredentialPage, {_KIND: [samples.SEEN], "next": None}, "One page."),
        **manual.refusals(*manual.WITH_KEY, problems.MALFORMED_REQUEST),
    },
)
def list_credentials(
    request: Request,
    caller: Reader,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = USUAL_PAGE,
    state: BatchState | None = None,
    batch: Number | None = None,
    id: Annotated[str | None, Query(max_length=2000)] = None,  # noqa: A002 - the parameter's name
) -> Response:
    """`next` is the cursor of the next page; null on the last one."""
    wanted = queries.CredentialFilter(state, batch, no_nul(id))
    after = read_cursor(cursor, _KIND)
    with running_of(request).database.read() as connection:
        rows = queries.credentials(connection, caller.issuer, wanted, after, limit + 1)
    return json_answer(page(_KIND, rows, limit, shapes.credential)).response()


@router.get(
    "/v1/credentials/{credential}",
    summary="What is known of one credential",
    responses={
        200: manual.told(CredentialWhole, samples.WHOLE, "With every status change asked for."),
        **manual.refusals(*_READ),
    },
)
def get_credential(request: Request, caller: Reader, credential: CredentialName) -> Response:
    """By digest (0x...), or by the document's own id where that is unique."""
    with running_of(request).database.read() as connection:
        row = queries.find_credential(connection, caller.issuer, credential)
        wanted = queries.ChangeFilter(credential=row.id)
        asked = queries.changes(connection, caller.issuer, wanted, 0, MAX_PAGE)
    whole = shapes.credential(row) | {"changes": [shapes.change(one) for one in asked]}
    return json_answer(whole).response()


_DOCUMENT = {"type": "object"}
_SEALED = (*_READ, problems.ERASED)


@router.get(
    "/v1/credentials/{credential}/document",
    summary="The document, byte for byte as received or issued",
    responses={
        200: manual.document_told(
            "application/json", _DOCUMENT, "Without an anchor.", samples.CREDENTIAL
        ),
        **manual.refusals(*_SEALED),
    },
)
def get_document(request: Request, caller: Reader, credential: CredentialName) -> Response:
    with running_of(request).database.read() as connection:
        row = queries.find_credential(connection, caller.issuer, credential)
        return Answer(200, queries.document(connection, row.id)).response()
