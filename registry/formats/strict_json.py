"""PERMANENT. Bytes to JSON values, or a refusal that names the place.

Refused: a byte-order mark, invalid UTF-8, trailing data, duplicate keys (also keys equal after
unescaping), NaN, Infinity and numbers that overflow to it, integers beyond ±(2^53-1), lone
surrogates, more than 64 levels, more bytes than the caller allows. `exact_json` is the rule; the
fast path here answers only where it has shown that the rule would answer the same, and `large_json`
is the same rule, in fewer words, for what is long.
"""

from __future__ import annotations

import orjson

from registry.errors import MalformedJson
from registry.formats.exact_json import (
    MAX_DEPTH,
    MAX_SAFE_INTEGER,
    JsonObject,
    JsonValue,
    read_exactly,
)
from registry.formats.json_survey import Survey, sorts_alike, survey
from registry.formats.large_json import LONG_BYTES, read_long

__all__ = [
    "MAX_CREDENTIAL_BYTES",
    "MAX_DEPTH",
    "MAX_FILE_BYTES",
    "MAX_SAFE_INTEGER",
    "JsonObject",
    "JsonValue",
    "read",
    "read_object",
    "read_with_form",
]

MAX_CREDENTIAL_BYTES = 2**20
"""The canonical form of a credential without its anchor proofs."""
MAX_FILE_BYTES = MAX_CREDENTIAL_BYTES + 64 * 1024
"""A file as it lies on disk: a credential, white space, an anchor proof."""


def read(raw: bytes, *, max_bytes: int = MAX_FILE_BYTES, max_depth: int = MAX_DEPTH) -> JsonValue:
    """Read one JSON value. Raises MalformedJson with its place."""
    return read_with_form(raw, max_bytes=max_bytes, max_depth=max_depth)[0]


def read_object(raw: bytes, *, max_bytes: int = MAX_FILE_BYTES) -> JsonObject:
    """Read one JSON object. Raises MalformedJson, also for any other kind of value."""
    value = read(raw, max_bytes=max_bytes)
    if not isinstance(value, dict):
        raise MalformedJson("not a JSON object", "line 1, column 1")
    return value


def read_with_form(
    raw: bytes, *, max_bytes: int = MAX_FILE_BYTES, max_depth: int = MAX_DEPTH
) -> tuple[JsonValue, bytes | None]:
    """Read one JSON value, and give its RFC 8785 form where reading has come by it for nothing.

    None for the form says nothing of the value: ask `canonical.canonicalize`.
    """
    if len(raw) > max_bytes:
        raise MalformedJson(f"{len(raw):,} bytes, where at most {max_bytes:,} are read")
    fast = _read_fast(raw, max_depth)
    if fast is not None:
        return fast
    return (read_long if len(raw) >= LONG_BYTES else read_exactly)(raw, max_depth), None


def _read_fast(raw: bytes, max_depth: int = MAX_DEPTH) -> tuple[JsonValue, bytes | None] | None:
    """None where the fast parser refuses, or could have read what the exact one would refuse.

    orjson differs from the exact reader in three things: depth and large integers, which
    `survey` sees, and duplicate keys, of which it keeps the last. Those show in the number of
    colons. In JSON a colon stands after each key and inside strings, nowhere else. The value
    written out again has those of every member and string that was kept, so the input has as
    many, and at least one more for each member that was dropped: unless a string of the input
    hides a colon in an escape, which is looked for.
    """
    try:
        value: JsonValue = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    found = survey(value, max_depth)
    if found > Survey.READABLE:
        return None
    dump = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    if _may_escape_colon(raw):
        return None
    if raw.count(b":") != dump.count(b":"):
        if len(raw) < LONG_BYTES:
            return None  # to the reader that says where
        raise MalformedJson("duplicate key")
    alike = found is Survey.PLAIN and sorts_alike(value, dump)
    return value, dump if alike else None


def _may_escape_colon(raw: bytes) -> bool:
    return b"\\" in raw and (b"\\u003a" in raw or b"\\u003A" in raw)
