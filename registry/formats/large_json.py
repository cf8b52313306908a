"""PERMANENT. The exact reader's rule for long texts, on the standard library's parser in C.

`exact_json` says precisely what is wrong and where, at a microsecond or two a character: a file of
megabytes, made for it, would take seconds. For long texts the rule is the same, in a fraction of a
second, and a refusal names line and column only where the parser does. (The fast path's parser
cannot be asked for it: it also refuses sound texts, of many small values, for want of memory.)
"""

from __future__ import annotations

import json
import math
import re
import sys
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NoReturn

from registry.errors import MalformedJson
from registry.formats.exact_json import MAX_SAFE_INTEGER, place_in, read_exactly
from registry.formats.json_survey import Survey, survey

if TYPE_CHECKING:
    from registry.formats.exact_json import JsonObject, JsonValue

_SAFE_RECURSION = 10_000
"""The parser goes as deep as Python's recursion limit lets it. Where a library has raised that
beyond this on being imported (py_ecc does, to 100,000), a deep text would run over the end of the
stack and end the process; so there depth is counted first, which else would be wasted time."""

LONG_BYTES = 128 * 1024
"""From here on; the exact reader takes a third of a second for so many at the very worst."""


def read_long(raw: bytes, max_depth: int) -> JsonValue:
    """Read one JSON value as `read_exactly` would. Raises MalformedJson."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return read_exactly(raw, max_depth)  # which finds the place at once
    if text.startswith("\ufeff"):
        return read_exactly(raw, max_depth)
    if sys.getrecursionlimit() > _SAFE_RECURSION and _depth(raw) > max_depth:
        raise MalformedJson(f"deeper than {max_depth} levels")
    try:
        value: JsonValue = _DECODER.decode(text)
    except json.JSONDecodeError as fault:
        raise MalformedJson(fault.msg.lower(), place_in(text, fault.pos)) from None
    except RecursionError:
        raise MalformedJson(f"deeper than {max_depth} levels") from None
    except ValueError as fault:
        # Of our own below, and Python's own over an integer of thousands of digits.
        reason = str(fault) if isinstance(fault, _Refused) else "integer beyond ±(2^53-1)"
        raise MalformedJson(reason) from None
    found = survey(value, max_depth)
    if found is Survey.TOO_DEEP:
        raise MalformedJson(f"deeper than {max_depth} levels")
    if found is Survey.UNSURE:
        _refuse_numbers(value)
    if "\\u" in text and not _is_unicode(value):
        raise MalformedJson("lone surrogate in a string")
    return value


def _depth(raw: bytes) -> int:
    """How many levels a text has, if it is JSON at all; linear in its length."""
    brackets = _STRING.sub(b"", raw).translate(None, delete=_NO_BRACKETS)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0)


# The closing quote may be missing, so that no quote is ever looked at twice.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in _STEP)


class _Refused(ValueError):
    pass


def _object(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Refused("duplicate key")
    return members


def _constant(_name: str) -> NoReturn:
    raise _Refused("NaN and Infinity are not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def _refuse_numbers(value: Any) -> None:
    """Raise for one that no reader takes for itself; doubles of any size were written as such."""
    largest = MAX_SAFE_INTEGER
    rest: list[Any] = [[value]]
    while rest:
        container = rest.pop()
        for child in container.values() if type(container) is dict else container:
            kind = type(child)
            if kind is dict or kind is list:
                rest.append(child)
            elif kind is int and not -largest <= child <= largest:
                raise MalformedJson("integer beyond ±(2^53-1)")
            elif kind is float and math.isinf(child):
                raise MalformedJson("number too large for a double")


def _is_unicode(value: JsonValue) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
