"""Helpers for the OpenAPI document: bodies that handlers read themselves, problems, examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anchor_service.api import problems
from anchor_service.api.body import JSON_TYPES
from anchor_service.api.models import ProblemSeen
from anchor_service.api.problems import MEDIA_TYPE, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel

# Whatever is asked may end so.
ALWAYS = (problems.TOO_MANY, problems.INTERNAL, problems.UNAVAILABLE)
WITH_KEY = (problems.UNAUTHENTICATED, problems.FORBIDDEN, problems.INVALID_REQUEST)
WITH_BODY = (
    problems.MALFORMED_REQUEST,
    problems.TOO_SLOW,
    problems.TOO_LARGE,
    problems.WRONG_MEDIA_TYPE,
    problems.INVALID_REQUEST,
)
REQUEST_ID = {"X-Request-Id": {"schema": {"type": "string"}, "description": "as in the log"}}


def told(model: type[BaseModel], example: Any, description: str) -> dict[str, Any]:
    """One success response."""
    return {
        "model": model,
        "description": description,
        "headers": REQUEST_ID,
        "content": {"application/json": {"example": example}},
    }


def document_told(media_type: str, schema: Mapping[str, Any], text: str, example: Any) -> Any:
    """A success response that is no model of ours."""
    return {
        "description": text,
        "headers": REQUEST_ID,
        "content": {media_type: {"schema": dict(schema), "example": example}},
    }


def refusals(*some: Problem) -> dict[int | str, Any]:
    """Responses for problems, several of one status as examples of it."""
    found: dict[int | str, Any] = {}
    for problem in (*some, *ALWAYS):
        response = found.setdefault(
            problem.status,
            {
                "description": problem.title,
                "headers": REQUEST_ID,
                "content": {
                    MEDIA_TYPE: {
                        "schema": inline(ProblemSeen),
                        "examples": {},
                    }
                },
            },
        )
        examples = response["content"][MEDIA_TYPE]["examples"]
        examples[problem.slug] = {
            "summary": problem.title,
            "description": problem.meaning,
            "value": problem.document(),
        }
    return found


def body(
    schema: Mapping[str, Any],
    examples: Mapping[str, Any],
    types: Sequence[str] = JSON_TYPES[:1],
) -> dict[str, Any]:
    """openapi_extra of an operation that reads its body itself."""
    media = {
        "schema": dict(schema),
        "examples": {name: {"value": value} for name, value in examples.items()},
    }
    return {"requestBody": {"required": True, "content": dict.fromkeys(types, media)}}


def model_body(model: type[BaseModel], examples: Mapping[str, Any]) -> dict[str, Any]:
    """The same for one of our own models; its schema is written in place, without references."""
    return body(inline(model), examples)


def inline(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a model with its definitions put where they are named."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def resolve(value: Any) -> Any:
        if isinstance(value, dict):
            name = value.get("$ref")
            if isinstance(name, str):
                return resolve(definitions[name.rpartition("/")[2]])
            return {key: resolve(one) for key, one in value.items()}
        return [resolve(one) for one in value] if isinstance(value, list) else value

    resolved: dict[str, Any] = resolve(schema)
    return resolved
