"""Operations that are served past the framework.

FastAPI looks for a request's route among all, and solves its handler's parameters anew: for the
busiest operations that costs more than all that they do. Such an operation is declared like any
other, so that it stands in the OpenAPI document with its parameters and its scope, and is served by
another function, which reads its parameters itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from anchor_service.api.errors import InvalidRequest
from anchor_service.api.parameters import MAX_NAME

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from starlette.routing import BaseRoute

    from anchor_service.api.answers import Answer
    from anchor_service.api.gate import Asgi, Receive, Scope, Send

    Served = Callable[[Request], Awaitable[Answer]]

_SERVED = "served_by"
_BOOL = TypeAdapter(bool)


def served_by(function: Served) -> Callable[[Any], Any]:
    """Mark a declared handler as served by `function`; what it raises is the gate's to answer."""

    def mark(declared: Any) -> Any:
        setattr(declared, _SERVED, function)
        return declared

    return mark


class Direct:
    """Serves what is marked, and hands everything else on. Pure ASGI, inside of the gate."""

    def __init__(self, app: Asgi, *, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._routes: list[tuple[APIRoute, Served]] = [
            (route, served)
            for route in routes
            if isinstance(route, APIRoute) and (served := getattr(route.endpoint, _SERVED, None))
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        served = self._served(scope)
        if served is None:
            await self._app(scope, receive, send)
            return
        answer = await served(Request(scope, receive, send))
        await answer.send(send)

    def _served(self, scope: Scope) -> Served | None:
        """By what; route and parameters are in the scope then, as the framework leaves them."""
        if scope["type"] != "http":
            return None
        for route, served in self._routes:
            found = route.path_regex.match(scope["path"])
            if found and route.methods and scope["method"] in route.methods:
                scope["route"], scope["path_params"] = route, found.groupdict()
                return served
        return None


def read_flag(request: Request, name: str) -> bool:
    """A query parameter as FastAPI reads it, False where it is absent. Raises InvalidRequest."""
    if not request.scope["query_string"]:
        return False
    text = request.query_params.get(name)
    if text is None:
        return False
    try:
        return _BOOL.validate_python(text)
    except ValidationError:
        raise InvalidRequest([(f"query/{name}", "true or false expected")]) from None


def read_name(request: Request) -> str:
    """A credential's name out of the path, as `CredentialName` is. Raises InvalidRequest."""
    name: str = request.path_params["credential"]
    if len(name) > MAX_NAME:
        fault = f"String should have at most {MAX_NAME} characters"
        raise InvalidRequest([("path/credential", fault)])
    return name
