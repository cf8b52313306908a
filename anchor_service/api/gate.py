"""What every request passes first: an id, a size and a time limit, its log line, its figures.

Pure ASGI. Whatever goes wrong inside becomes a problem document here at the latest, so that no
error's text reaches a caller or the server's own log.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect

from anchor_service.api import logs
from anchor_service.api.errors import TooLarge, TooSlow, Unavailable
from anchor_service.api.problems import INTERNAL, answer_of, problem_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from anchor_service.api.metrics import Metrics

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_UNMATCHED = "(none)"
# A request's id: that of the process, which is random, and a number. Random bytes for each would
# be a system call that hands the interpreter to another thread.
_RUN = secrets.token_hex(8)
_NUMBERS = itertools.count(1)


class Gate:
    """larger: bytes by path, where more are taken than usually.

    stream_paths: operations whose body may be of any length, in the time that it takes.
    """

    def __init__(
        self,
        app: Asgi,
        *,
        metrics: Metrics,
        max_body: int,
        larger: Mapping[str, int],
        max_seconds: float,
        idle_seconds: float,
        stream_paths: frozenset[str],
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._max_body = max_body
        self._larger = larger
        self._max_seconds = max_seconds
        self._idle_seconds = idle_seconds
        self._stream_paths = stream_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        if method == "HEAD":  # all that GET says but the body (RFC 9110 §9.3.2)
            scope = {**scope, "method": "GET"}
        request = _Request(scope, method, receive, send, idle=self._idle_seconds)
        streams = scope["path"] in self._stream_paths
        try:
            if streams:
                await self._app(scope, request.receive, request.send)
            else:
                request.limit = max(self._max_body, self._larger.get(scope["path"], 0))
                request.check_announced_length()
                async with asyncio.timeout(self._max_seconds):
                    await self._app(scope, request.receive, request.send)
        except Exception as error:  # noqa: BLE001 - whatever it is must not get past this line
            await request.fail(error, self._max_seconds)
        finally:
            self._metrics.request(request.route, method, request.status, request.seconds)
            request.log()


class _Request:
    """One request on its way: what was read of it, what was answered."""

    def __init__(
        self, scope: Scope, method: str, receive: Receive, send: Send, *, idle: float
    ) -> None:
        self._scope = scope
        self._method = method
        self._receive = receive
        self._send = send
        self._idle = idle
        self._start = time.perf_counter()
        self._read = 0
        self._whole = False
        self.limit: int | None = None
        self.status = 0
        self.id = f"{_RUN}{next(_NUMBERS):08x}"
        # The same for the same request, wherever it is logged; never what the caller sent.
        scope.setdefault("state", {})["request_id"] = self.id

    @property
    def route(self) -> str:
        return getattr(self._scope.get("route"), "path", _UNMATCHED)

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._start

    def check_announced_length(self) -> None:
        for name, value in self._scope["headers"]:
            if name == b"content-length" and self.limit is not None and int(value) > self.limit:
                raise TooLarge(self.limit)

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout(self._idle):
                message = await self._receive()
        except TimeoutError:
            raise TooSlow(self._idle) from None
        self._read += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self.limit is not None and self._read > self.limit:
            raise TooLarge(self.limit)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), (b"x-request-id", self.id.encode())]
            # What is erased must not live on in a cache.
            if not any(name == b"cache-control" for name, _ in headers):
                headers.append((b"cache-control", b"no-store"))
            message = {**message, "headers": headers}
        elif self._method == "HEAD":
            message = {**message, "body": b""}
        await self._send(message)

    async def fail(self, error: Exception, seconds: float) -> None:
        """Answer with the error's problem, if nothing was answered yet and somebody listens."""
        if isinstance(error, ClientDisconnect):
            return
        if isinstance(error, TimeoutError):
            late = "It took too long; whether anything was stored is open."
            error = Unavailable(late) if self._whole else TooSlow(seconds)
        if problem_of(error) is INTERNAL:
            logs.failure("request failed", error, request=self.id, route=self.route)
        if not self.status:
            await answer_of(error).send(self.send)

    def log(self) -> None:
        state = self._scope["state"]
        logs.event(
            "request",
            request=self.id,
            method=self._method,
            route=self.route,
            status=self.status,
            ms=round(self.seconds * 1000, 1),
            bytes=self._read,
            key=state.get("key_id"),
        )
