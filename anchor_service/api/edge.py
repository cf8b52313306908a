"""What the framework itself refuses, as problem documents like everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

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
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.routing import BaseRoute

_KNOWN = {one.status: one for one in (MALFORMED_REQUEST, NOT_FOUND, NO_METHOD)}


class RouteRefusal:
    """No such path or method. routes: all that there are."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._routes = [one for one in routes if isinstance(one, Route)]

    async def __call__(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        problem = _KNOWN.get(error.status_code, INTERNAL)
        detail, headers = None, dict(error.headers or {})
        if problem is NOT_FOUND:
            detail = "No operation has this path; GET /v1/openapi.json has them all."
        elif problem is NO_METHOD:
            # The router names those of one route alone.
            headers["Allow"] = ", ".join(sorted(self._methods(request.url.path)))
        body = orjson.dumps(problem.document(detail))
        return Response(body, problem.status, headers, MEDIA_TYPE)

    def _methods(self, path: str) -> set[str]:
        found = {
            method
            for route in self._routes
            if route.path_regex.match(path)
            for method in route.methods or ()
        }
        return found | {"HEAD"} if "GET" in found else found


async def refuse_parameters(request: Request, error: Exception) -> Response:
    """Parameters of a wrong form; named, never repeated."""
    del request
    assert isinstance(error, RequestValidationError)
    faults = [("/".join(map(str, one["loc"])), str(one["msg"])) for one in error.errors()]
    return answer_of(InvalidRequest(faults)).response()
