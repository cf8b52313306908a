"""A route that reads its own parameters.

FastAPI solves a handler's parameters anew for each request, which costs more than all that the
busiest operation does besides. Such an operation is declared like any other, so that it stands in
the OpenAPI document with its parameters and its scope, and is served by another function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError

from anchor_service.api.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    Served = Callable[[Request], Awaitable[Response]]

_SERVED = "served_by"
_BOOL = TypeAdapter(bool)


def served_by(function: Served) -> Callable[[Any], Any]:
    """Mark a declared handler as served by `function`; its route must be a DirectRoute."""

    def mark(declared: Any) -> Any:
        setattr(declared, _SERVED, function)
        return declared

    return mark


class DirectRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Any]:
        served: Served | None = getattr(self.endpoint, _SERVED, None)
        return served or super().get_route_handler()


def read_flag(request: Request, name: str) -> bool:
    """A query parameter as FastAPI reads it, False where it is absent. Raises InvalidRequest."""
    text = request.query_params.get(name)
    if text is None:
        return False
    try:
        return _BOOL.validate_python(text)
    except ValidationError:
        raise InvalidRequest([(f"query/{name}", "true or false expected")]) from None
