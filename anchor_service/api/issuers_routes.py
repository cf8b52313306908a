"""The issuer that a key is for, as everyone may know it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from anchor_service.api import manual, problems, samples
from anchor_service.api.access import Allowed, Caller
from anchor_service.api.answers import json_answer
from anchor_service.api.errors import NotFound
from anchor_service.api.models import IssuerList, IssuerSeen
from anchor_service.api.running import running_of
from anchor_service.api.services import IssuerFacts
from anchor_service.store.api_keys import Scope
from registry.formats.strict_json import JsonObject

router = APIRouter(tags=["issuers"])

Reader = Annotated[Caller, Depends(Allowed(Scope.CREDENTIALS_READ))]


@router.get(
    "/v1/issuers",
    summary="The issuers that the key is for",
    responses={
        200: manual.told(IssuerList, {"issuers": [samples.ISSUER]}, "A key is for one issuer."),
        **manual.refusals(*manual.WITH_KEY),
    },
)
async def list_issuers(request: Request, caller: Reader) -> Response:
    facts = running_of(request).issuers[caller.issuer]
    return json_answer({"issuers": [_show(facts)]}).response()


@router.get(
    "/v1/issuers/{handle}",
    summary="One issuer",
    responses={
        200: manual.told(IssuerSeen, samples.ISSUER, "Where it anchors, and as whom."),
        **manual.refusals(*manual.WITH_KEY, problems.NOT_FOUND),
    },
)
async def get_issuer(request: Request, caller: Reader, handle: str) -> Response:
    if handle != caller.issuer:
        raise NotFound("issuer")
    return json_answer(_show(running_of(request).issuers[handle])).response()


def _show(facts: IssuerFacts) -> JsonObject:
    return {
        "handle": facts.handle,
        "name": facts.name,
        "did": facts.did,
        "url": facts.url,
        "chain": facts.chain,
        "registry": facts.registry,
        "issuerId": facts.issuer_id,
        "href": f"/v1/issuers/{facts.handle}",
    }
