"""What is sent back, as bytes: made by handlers, kept under an Idempotency-Key, replayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
from starlette.responses import Response

if TYPE_CHECKING:
    from anchor_service.api.gate import Send
    from registry.formats.strict_json import JsonObject

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    media_type: str = JSON

    def response(self) -> Response:
        return Response(self.body, self.status, dict(self.headers), self.media_type)

    async def send(self, send: Send) -> None:
        """Past the framework: what `response` would send, without making it first."""
        headers = [(name.lower().encode(), value.encode()) for name, value in self.headers]
        headers += [
            (b"content-length", str(len(self.body)).encode()),
            (b"content-type", self.media_type.encode()),
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def json_answer(value: JsonObject, status: int = 200, **headers: str) -> Answer:
    named = tuple((name.replace("_", "-"), text) for name, text in headers.items())
    return Answer(status, orjson.dumps(value), named)
