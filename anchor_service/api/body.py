"""A request's body: its type, its bytes, and for small requests its checked form."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from anchor_service.api.errors import InvalidRequest, WrongMediaType
from registry.formats.exact_json import pointer
from registry.formats.strict_json import read_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

JSON_TYPES = ("application/json", "application/vc", "application/vc+json", "application/ld+json")
LINES_TYPES = ("application/x-ndjson", "application/jsonl", "application/json-lines")

_Model = TypeVar("_Model", bound=BaseModel)


def check_type(request: Request, taken: Sequence[str]) -> None:
    """Raises WrongMediaType; a charset other than UTF-8 is one, too."""
    name, *parameters = request.headers.get("content-type", "").lower().split(";")
    charsets = [one.strip() for one in parameters if one.strip().startswith("charset=")]
    if name.strip() not in taken or any(
        one.removeprefix("charset=").strip('"') not in ("utf-8", "utf8") for one in charsets
    ):
        raise WrongMediaType(taken)


async def read_body(request: Request, taken: Sequence[str] = JSON_TYPES) -> bytes:
    """Raises WrongMediaType; the gate limits size and time."""
    check_type(request, taken)
    return await request.body()


def parse(model: type[_Model], raw: bytes, max_bytes: int) -> _Model:
    """Read strict JSON into `model`. Raises MalformedJson, InvalidRequest without any value."""
    return validate(model, read_object(raw, max_bytes=max_bytes))


def validate(model: type[_Model], value: object) -> _Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = [
            (pointer([*map(str, one["loc"])]), one["msg"])
            for one in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise InvalidRequest(faults) from None
