"""PERMANENT. Bytes to JSON values, or a refusal that names the place.

Refused: a byte-order mark, invalid UTF-8, trailing data, duplicate keys (also keys equal after
unescaping), NaN, Infinity and numbers that overflow to it, integers beyond ±(2^53-1), lone
surrogates, more than 64 levels, more bytes than the caller allows. `exact_json` is the rule; the
fast path here answers only where it has shown that the rule would answer the same.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import orjson

from registry.errors import MalformedJson
from registry.exact_json import (
    MAX_DEPTH,
    MAX_SAFE_INTEGER,
    JsonObject,
    JsonValue,
    read_exactly,
)

__all__ = [
    "MAX_CREDENTIAL_BYTES",
    "MAX_DEPTH",
    "MAX_FILE_BYTES",
    "MAX_SAFE_INTEGER",
    "JsonObject",
    "JsonValue",
    "Survey",
    "read",
    "read_object",
    "read_with_form",
    "survey",
]

MAX_CREDENTIAL_BYTES = 2**20
"""The canonical form of a credential without its anchor proofs."""
MAX_FILE_BYTES = MAX_CREDENTIAL_BYTES + 64 * 1024
"""A file as it lies on disk: a credential, white space, an anchor proof."""

_SMALLEST_ALIKE = 1e-5  # below, orjson writes an exponent where RFC 8785 writes zeros, until 1e-7


def read(raw: bytes, *, max_bytes: int = MAX_FILE_BYTES) -> JsonValue:
    """Read one JSON value. Raises MalformedJson with its place."""
    return read_with_form(raw, max_bytes=max_bytes)[0]


def read_object(raw: bytes, *, max_bytes: int = MAX_FILE_BYTES) -> JsonObject:
    """Read one JSON object. Raises MalformedJson, also for any other kind of value."""
    value = read(raw, max_bytes=max_bytes)
    if not isinstance(value, dict):
        raise MalformedJson("not a JSON object", "line 1, column 1")
    return value


def read_with_form(
    raw: bytes, *, max_bytes: int = MAX_FILE_BYTES
) -> tuple[JsonValue, bytes | None]:
    """Read one JSON value, and give its RFC 8785 form where reading has come by it for nothing.

    None for the form says nothing of the value: ask `canonical.canonicalize`.
    """
    if len(raw) > max_bytes:
        raise MalformedJson(f"{len(raw):,} bytes, where at most {max_bytes:,} are read")
    return _read_fast(raw) or (read_exactly(raw), None)


def _read_fast(raw: bytes) -> tuple[JsonValue, bytes | None] | None:
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
    found = survey(value)
    if found > Survey.READABLE:
        return None
    form = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    if raw.count(b":") != form.count(b":") or _hides_colon(raw):
        return None
    return value, form if found is Survey.PLAIN else None


def _hides_colon(raw: bytes) -> bool:
    return b"\\u003" in raw and (b"\\u003a" in raw or b"\\u003A" in raw)


class Survey(IntEnum):
    """What one walk over a value has shown; each says less than the one before."""

    PLAIN = 0
    """orjson's sorted dump is the RFC 8785 form."""
    READABLE = 1
    """The exact reader would read this value from the same text; its form needs the reference."""
    UNSURE = 2
    """Something that reading may refuse: only the exact reader and the reference can tell."""
    TOO_DEEP = 3


def survey(value: object) -> Survey:
    """Walk `value` once, level by level, for all that sets orjson apart from RFC 8785.

    Raises TypeError for an object with a key that is no string.
    """
    found = Survey.PLAIN
    level: list[Any] = [[value]]
    for _ in range(MAX_DEPTH + 1):
        deeper: list[Any] = []
        for container in level:
            children = container
            if type(container) is dict:
                children = container.values()
                found = max(found, _survey_keys("".join(container)))
            for child in children:
                kind = type(child)
                if kind is str:
                    continue
                if kind is dict or kind is list:
                    deeper.append(child)
                elif kind is not bool and child is not None:
                    found = max(found, _survey_number(child))
        if not deeper:
            return found
        level = deeper
    return Survey.TOO_DEEP


def _survey_keys(keys: str) -> Survey:
    # Below U+D800 the orders of UTF-8 (orjson) and UTF-16 (RFC 8785 §3.2.3) agree.
    return Survey.PLAIN if keys.isascii() or max(keys) < "\ud800" else Survey.READABLE


def _survey_number(number: object) -> Survey:
    if type(number) is int and -MAX_SAFE_INTEGER <= number <= MAX_SAFE_INTEGER:
        return Survey.PLAIN
    if type(number) is not float or not abs(number) <= MAX_SAFE_INTEGER:
        # Not JSON at all, or NaN, Infinity, or a double that orjson made of a long integer.
        return Survey.UNSURE
    if abs(number) >= _SMALLEST_ALIKE and not number.is_integer():
        return Survey.PLAIN
    return Survey.READABLE
