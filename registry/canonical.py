"""PERMANENT. The canonical form: RFC 8785 (JCS). One changed byte orphans what was issued.

The reference is the `rfc8785` package. orjson's sorted dump stands in for it on values that a
walk has shown to come out the same: see `json_survey`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import rfc8785

from registry.errors import MalformedDocument
from registry.exact_json import MAX_DEPTH
from registry.json_survey import Survey, sorts_alike, survey

if TYPE_CHECKING:
    from registry.strict_json import JsonValue


def canonicalize(value: JsonValue) -> bytes:
    """Return the RFC 8785 form of `value`.

    Raises MalformedDocument for what has none (NaN, Infinity, integers beyond ±(2^53-1), lone
    surrogates, anything that is not JSON) and for more than 64 levels, which nobody could read
    back.
    """
    found = survey(value)
    if found is Survey.TOO_DEEP:
        raise MalformedDocument(f"deeper than {MAX_DEPTH} levels")
    try:
        if found is Survey.PLAIN:
            dump = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
            if sorts_alike(value, dump):
                return dump
    except TypeError:
        # A key that is no string, or a lone surrogate: the reference has the words for it.
        pass
    return _reference(value)


def _reference(value: JsonValue) -> bytes:
    try:
        return rfc8785.dumps(value)
    except RecursionError:
        raise MalformedDocument(f"deeper than {MAX_DEPTH} levels") from None
    except ValueError as fault:
        # The package's own errors, and Python's over lone surrogates and endless integers.
        raise MalformedDocument(f"no canonical form: {str(fault)[:100]}") from None
