"""PERMANENT. The canonical form: RFC 8785 (JCS). One changed byte orphans what was issued.

The reference is the `rfc8785` package. orjson's sorted dump stands in for it on values that a
walk has shown to come out the same (see `json_survey`); on others, its dump of a copy whose keys
are in order and whose doubles are respelled: the package takes a second for a file of numbers that
was made for it. What has no canonical form is left to the package to refuse.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import orjson
import rfc8785

from registry.errors import MalformedDocument
from registry.formats.exact_json import MAX_DEPTH, MAX_SAFE_INTEGER
from registry.formats.json_survey import SMALLEST_ALIKE, Survey, sorts_alike, survey

if TYPE_CHECKING:
    from registry.formats.strict_json import JsonValue

_MOST_SHORTENED = 2.5
"""orjson's dump is at most so many times as long: `-0.0,` is written as `0,`."""


def canonicalize(value: JsonValue, max_bytes: int | None = None) -> bytes:
    """Return the RFC 8785 form of `value`.

    Raises MalformedDocument for what has none (NaN, Infinity, integers beyond ±(2^53-1), lone
    surrogates, anything that is not JSON), for more than 64 levels, which nobody could read back,
    and for a form of more than `max_bytes`.
    """
    dump = _dump(value)
    if dump and max_bytes is not None and len(dump) > _MOST_SHORTENED * max_bytes:
        raise _too_long(max_bytes)  # before the work on every number
    found = survey(value)
    if found is Survey.TOO_DEEP:
        raise MalformedDocument(f"deeper than {MAX_DEPTH} levels")
    if not dump:
        return _reference(value)
    form = dump if found is Survey.PLAIN and sorts_alike(value, dump) else _respelled(value)
    if max_bytes is not None and len(form) > max_bytes:
        raise _too_long(max_bytes)
    return form


def _dump(value: JsonValue) -> bytes | None:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # A key that is no string, or a lone surrogate: the reference has the words for it.
        return None


def _respelled(value: JsonValue) -> bytes:
    try:
        return orjson.dumps(_copy(value))
    except (TypeError, ValueError):
        return _reference(value)


def _too_long(max_bytes: int) -> MalformedDocument:
    return MalformedDocument(f"more than {max_bytes:,} bytes in canonical form")


def _copy(value: Any) -> Any:
    """A copy that orjson writes as RFC 8785 asks. TypeError or ValueError: there is none."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is list:
        largest = MAX_SAFE_INTEGER
        return [
            _copy(item)
            if type(item) is not float
            else int(item)  # as _double has it; a hostile list is made of such
            if item.is_integer() and -largest <= item <= largest
            else _double(item)
            for item in value
        ]
    if kind is dict:
        return {key: _copy(value[key]) for key in sorted(value, key=_utf16)}
    if kind is float:
        return _double(value)
    if kind is int and -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        return value
    raise TypeError(kind)


def _utf16(key: str) -> bytes:
    """RFC 8785 §3.2.3 sorts keys by their UTF-16 code units."""
    if type(key) is not str:
        raise TypeError
    return key.encode("utf-16-be")


def _double(number: float) -> Any:
    """As ECMAScript's Number::toString, with the digits of Python's, which are the same."""
    if -MAX_SAFE_INTEGER <= number <= MAX_SAFE_INTEGER:
        if number.is_integer():
            return int(number)
        if not -SMALLEST_ALIKE < number < SMALLEST_ALIKE:
            return number
    size, text = abs(number), repr(number)
    if not size < math.inf:
        raise ValueError(text)
    if size >= 1e21:
        return orjson.Fragment(text)
    if size < 1e-6:
        return orjson.Fragment(text.replace("e-0", "e-"))
    digits, _, power = text.removesuffix(".0").partition("e")
    sign, digits = "-" * (number < 0), digits.lstrip("-").replace(".", "")
    if size < 1:
        return orjson.Fragment(f"{sign}0.00000{digits}")
    return orjson.Fragment(sign + digits.ljust(int(power or 0) + 1, "0"))


def _reference(value: JsonValue) -> bytes:
    try:
        return rfc8785.dumps(value)
    except RecursionError:
        raise MalformedDocument(f"deeper than {MAX_DEPTH} levels") from None
    except ValueError as fault:
        # The package's own errors, and Python's over lone surrogates and endless integers.
        raise MalformedDocument(f"no canonical form: {str(fault)[:100]}") from None
