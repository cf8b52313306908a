"""Official Open Badges 3.0 schemas, chosen by a document's type and context.

The schemas are 1EdTech's own (JSON Schema 2019-09), shipped unmodified in `data/openbadges`. Where
a document is of no kind that they describe, the answer is None: nothing is known, which is neither
valid nor invalid. `format` is an annotation, as the draft has it: whether a date exists is for
those who use it. Messages never repeat a value, since values are personal data.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry.formats.strict_json import JsonObject, JsonValue

CREDENTIALS_CONTEXT = "https://www.w3.org/ns/credentials/v2"
OPEN_BADGES_CONTEXT = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
SCHEMA_NAME = "Open Badges 3.0"

Faults = tuple[tuple[str, str], ...]
"""(JSON pointer, what is wrong there), in the schema's order; empty means valid."""
MAX_FAULTS = 100
"""More of them are not looked for, so that a hostile document costs no more than a broken one."""

MAX_PARTS = 4000
"""Objects, lists and members of a document whose faults are looked for: each part that does not
fit may be told in several ways, and a file made for it would fill the memory with them."""

_CREDENTIAL = "ob_v3p0_achievementcredential_schema.json"
_PROFILE = "ob_v3p0_profile_schema.json"
_TYPES = frozenset({"OpenBadgeCredential", "AchievementCredential"})
# As the schema spells it: 3.0's own context and its patch versions.
_CONTEXT = re.compile(r"https://purl\.imsglobal\.org/spec/ob/v3p0/context(-3\.\d\.\d)*\.json")


def is_known(document: JsonObject) -> bool:
    """Whether an official schema is known for this document's type and context."""
    return not _TYPES.isdisjoint(_texts(document.get("type"))) and any(
        _CONTEXT.fullmatch(text) for text in _texts(document.get("@context"))
    )


def _texts(value: JsonValue) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str)]


def faults(document: JsonObject) -> Faults | None:
    """Judge a credential by its official schema; None where none is known for it."""
    if not is_known(document):
        return None
    return _judge(_credential_schema(), document)


def achievement_faults(achievement: JsonObject) -> Faults:
    """Judge an Achievement object by the part of the credential's schema that describes it."""
    return _judge(_achievement_schema(), achievement)


def profile_faults(profile: JsonObject) -> Faults:
    """Judge an issuer's Profile object."""
    return _judge(_profile_schema(), profile)


@cache
def achievement_members() -> frozenset[str]:
    """Every member that the schema names in an Achievement."""
    return frozenset(_load(_CREDENTIAL)["$defs"]["Achievement"]["properties"])


def _judge(schema: jsonschema_rs.Draft201909Validator, value: JsonObject) -> Faults:
    if schema.is_valid(value):  # many times faster than asking for the faults
        return ()
    if _parts(value) > MAX_PARTS:
        return (("", f"it is not met; of more than {MAX_PARTS} parts, which one is not said"),)
    causes = (cause for error in schema.iter_errors(value) for cause in _causes(error))
    return tuple(
        (_pointer(cause.instance_path), _reason(cause)) for cause in islice(causes, MAX_FAULTS)
    )


def _parts(value: JsonValue) -> int:
    """How many values there are in one another, counted no further than matters."""
    rest, count = [value], 0
    while rest and count <= MAX_PARTS:
        item = rest.pop()
        if isinstance(item, dict):
            rest += item.values()
            count += len(item)
        elif isinstance(item, list):
            rest += item
            count += len(item)
    return count


def _causes(error: jsonschema_rs.ValidationError) -> Iterator[jsonschema_rs.ValidationError]:
    """What is wrong, where the schema only says that none of several forms fits.

    The form that was meant is the one that fits furthest into the value, or at least has its type.
    """
    forms = _forms(error)
    if not forms:
        yield error
        return
    here = error.instance_path
    meant = max(forms, key=lambda form: (_reach(form), not _is_other_type(form, here)))
    if _is_other_type(meant, here):
        yield error
        return
    for inner in meant:
        yield from _causes(inner)


def _reach(form: list[jsonschema_rs.ValidationError]) -> int:
    return max((len(error.instance_path) for error in form), default=0)


def _is_other_type(form: list[jsonschema_rs.ValidationError], here: list[str | int]) -> bool:
    for error in form:
        forms = _forms(error)
        if error.instance_path == here and (
            error.kind.name == "type" or (forms and all(_is_other_type(f, here) for f in forms))
        ):
            return True
    return False


def _forms(error: jsonschema_rs.ValidationError) -> list[list[Any]]:
    """For each of the forms that oneOf or anyOf allows, why it does not fit."""
    forms: list[list[Any]] = getattr(error.kind, "context", None) or []
    return forms


def _reason(error: jsonschema_rs.ValidationError) -> str:
    if _forms(error):
        return "the value is of a type that does not belong here"
    if error.kind.name == "contains":
        return "an entry that has to be there is missing"
    return error.message


def _pointer(path: list[str | int]) -> str:
    """RFC 6901."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _load(name: str) -> dict[str, Any]:
    raw = files("registry").joinpath("data", "openbadges", "schema", name).read_bytes()
    schema: dict[str, Any] = orjson.loads(raw)
    return schema


def _compile(schema: dict[str, Any]) -> jsonschema_rs.Draft201909Validator:
    return jsonschema_rs.Draft201909Validator(schema, mask="the value", offline=True)


@cache
def _credential_schema() -> jsonschema_rs.Draft201909Validator:
    return _compile(_load(_CREDENTIAL))


@cache
def _profile_schema() -> jsonschema_rs.Draft201909Validator:
    return _compile(_load(_PROFILE))


@cache
def _achievement_schema() -> jsonschema_rs.Draft201909Validator:
    whole = _load(_CREDENTIAL)
    return _compile(
        {"$schema": whole["$schema"], "$defs": whole["$defs"], "$ref": "#/$defs/Achievement"}
    )
