"""Pages of a list: an opaque cursor says where the last one ended, whatever was added since."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING

from anchor_service.api.errors import MalformedRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from registry.formats.strict_json import JsonObject

MAX_PAGE = 500
USUAL_PAGE = 100
_MAX_NUMBER = 2**63 - 1
_TEXT = re.compile(r"[A-Za-z0-9_-]{1,64}")


def read_cursor(text: str | None, kind: str) -> int:
    """The row number after which the page begins. Raises MalformedRequest."""
    if text is None:
        return 0
    found = _decode(text)
    if found is None or found[0] != kind:
        raise MalformedRequest("cursor: take it from `next` of the page before.")
    return found[1]


def write_cursor(kind: str, number: int) -> str:
    return urlsafe_b64encode(f"{kind}:{number}".encode()).decode().rstrip("=")


def _decode(text: str) -> tuple[str, int] | None:
    if not _TEXT.fullmatch(text):
        return None
    try:
        kind, _, digits = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(":")
    except ValueError:
        return None
    if not digits.isascii() or not digits.isdecimal() or int(digits) > _MAX_NUMBER:
        return None
    return kind, int(digits)


def page(
    kind: str, rows: Sequence[Any], limit: int, show: Callable[[Any], JsonObject]
) -> JsonObject:
    """rows: one more than `limit` where there are more; each row's first column is its number."""
    shown = rows[:limit]
    more = len(rows) > limit
    return {
        kind: [show(row) for row in shown],
        "next": write_cursor(kind, shown[-1][0]) if more else None,
    }
