"""Verification for everyone: no key is needed, and nothing is stored."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from anchor_service.api import manual, samples
from anchor_service.api.access import address_of
from anchor_service.api.answers import json_answer
from anchor_service.api.body import JSON_TYPES, read_body
from anchor_service.api.errors import Unavailable
from anchor_service.api.parameters import no_nul, refuse_unknown
from anchor_service.api.running import running_of
from anchor_service.api.services import Question

router = APIRouter(tags=["verification"])

_REPORT = {
    "type": "object",
    "required": ["version", "verdict", "sentence", "checkedAt", "checks"],
    "properties": {
        "version": {"type": "integer"},
        "verdict": {"type": "string"},
        "sentence": {"type": "string"},
        "checkedAt": {"type": "string"},
        "checks": {"type": "array", "items": {"type": "object"}},
    },
}
_EXAMPLE = {
    "version": 1,
    "verdict": "NOT_ANCHORED",
    "sentence": "NOT_ANCHORED: it has no receipt.",
    "checkedAt": samples.TIME,
    "checks": [],
}


@router.post(
    "/v1/verify",
    summary="Judge a credential",
    responses={
        200: manual.document_told("application/json", _REPORT, "The report.", _EXAMPLE),
        **manual.refusals(*manual.WITH_BODY),
    },
    openapi_extra=manual.body(
        {"type": "object"},
        {
            "credential": samples.CREDENTIAL,
            "withReceipt": {"credential": samples.CREDENTIAL, "receipt": samples.RECEIPT},
        },
        JSON_TYPES,
    ),
)
async def verify(
    request: Request,
    at: Annotated[
        str | None, Query(max_length=64, description="judge as of this moment (RFC 3339)")
    ] = None,
    purpose: Annotated[
        str | None, Query(max_length=64, description="what its status is asked for")
    ] = None,
    trusted: Annotated[
        list[str] | None, Query(max_length=16, description="blocks trusted: eip155:N:0xHASH")
    ] = None,
) -> Response:
    """The body is a credential, `{"credential": ..., "receipt": ...}`, or a bundle.

    Trust is this installation's own policy. Whatever the verdict, the status is 200: a credential
    that is not valid is an answer. It is also what a malformed one gets: MALFORMED.
    """
    running = running_of(request)
    running.address_buckets.take(address_of(request))
    refuse_unknown(request)
    raw = await read_body(request)
    judge = running.services.judge
    if judge is None:
        raise Unavailable("This installation verifies nothing.", wait=None)
    question = Question(no_nul(at), no_nul(purpose), tuple(trusted or ()))
    report = await run_in_threadpool(judge, raw, question)
    return json_answer(report).response()
