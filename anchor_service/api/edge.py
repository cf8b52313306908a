"""What the framework itself refuses, as problem documents like everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from anchor_service.api.errors import InvalidRequest
from anchor_service.api.problems import (
    INTERNAL,
    MALFORMED_REQUEST,
    MEDIA_TYPE,
    NO_METHOD,
    NOT_FOUND,
    answer_of,
)

if TYPE_CHECKING:
    from starlette.requests import Request

_KNOWN = {one.status: one for one in (MALFORMED_REQUEST, NOT_FOUND, NO_METHOD)}


async def refuse_route(request: Request, error: Exception) -> Response:
    """No such path or method."""
    del request
    assert isinstance(error, HTTPException)
    problem = _KNOWN.get(error.status_code, INTERNAL)
    body = orjson.dumps(problem.document())
    return Response(body, problem.status, dict(error.headers or {}), MEDIA_TYPE)


async def refuse_parameters(request: Request, error: Exception) -> Response:
    """Parameters of a wrong form; named, never repeated."""
    del request
    assert isinstance(error, RequestValidationError)
    faults = [("/".join(map(str, one["loc"])), str(one["msg"])) for one in error.errors()]
    return answer_of(InvalidRequest(faults)).response()
