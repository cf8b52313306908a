"""The service at a glance, as far as it concerns the caller's issuer."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from anchor_service.api import manual, samples
from anchor_service.api.access import Allowed, Caller
from anchor_service.api.answers import json_answer
from anchor_service.api.errors import Unavailable
from anchor_service.api.running import running_of
from anchor_service.operating import overview
from anchor_service.store.api_keys import Scope
from registry.formats.strict_json import JsonObject

router = APIRouter(tags=["operations"])

Reader = Annotated[Caller, Depends(Allowed(Scope.STATE_READ))]


@router.get(
    "/v1/state",
    summary="What waits, is on its way, is blocked and why, what it costs",
    responses={
        200: manual.document_told(
            "application/json",
            {"type": "object", "required": ["at", "issuers", "accounts", "todo"]},
            "As `credanchor status --json` has it under `service`; wei as decimal text.",
            samples.STATE,
        ),
        **manual.refusals(*manual.WITH_KEY),
    },
)
def get_state(request: Request, caller: Reader) -> Response:
    """`todo` names what a person must do; where several issuers share a service it is empty."""
    running = running_of(request)
    glance = running.services.glance
    if glance is None:
        raise Unavailable("This installation has no overview.", wait=None)
    with running.database.read() as connection:
        view = overview.as_json(glance(connection, running.now()))
    return json_answer(_own(view, caller.issuer)).response()


def _own(view: JsonObject, issuer: str) -> JsonObject:
    """The same without what concerns others alone, and without their names."""
    issuers, accounts = view["issuers"], view["accounts"]
    assert isinstance(issuers, dict)
    assert isinstance(accounts, list)
    own: JsonObject = {name: one for name, one in issuers.items() if name == issuer}
    paying: list[JsonObject] = [
        {**one, "issuers": [issuer]}
        for one in accounts
        if isinstance(one, dict) and isinstance(one["issuers"], list) and issuer in one["issuers"]
    ]
    todo = view["todo"] if issuers.keys() <= {issuer} else []
    return {"at": view["at"], "issuers": own, "accounts": [*paying], "todo": todo}
