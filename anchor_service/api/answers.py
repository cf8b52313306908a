"""What is sent back, as bytes: made by handlers, kept under an Idempotency-Key, replayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
from starlette.responses import Response

if TYPE_CHECKING:
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


def json_answer(value: JsonObject, status: int = 200, **headers: str) -> Answer:
    named = tuple((name.replace("_", "-"), text) for name, text in headers.items())
    return Answer(status, orjson.dumps(value), named)
