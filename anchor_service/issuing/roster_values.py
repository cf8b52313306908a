"""What may stand in a roster's cells: each check passes, or raises CellError with the reason."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_CELL = 2000
_SHOWN = 40
_MAX_EMAIL = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
_DATE = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})"
    r"(?:T(?P<time>\d{2}:\d{2}(?::\d{2})?)(?:\.\d{1,9})?(?P<zone>Z|[+-]\d{2}:\d{2})?)?",
    re.ASCII,
)
_EMAIL = re.compile(r"[^\s@<>()\[\],;:\"\\]+@[^\s@<>()\[\],;:\"\\.]+(\.[^\s@<>()\[\],;:\"\\.]+)+")
# W3C DID Core 1.0 §3.1: the DID alone, without path, query or fragment.
_DID = re.compile(
    r"did:[a-z0-9]+(:([A-Za-z0-9._-]|%[0-9A-Fa-f]{2})*)*"
    r":([A-Za-z0-9._-]|%[0-9A-Fa-f]{2})+"
)
# They turn text around, so that it shows as something else than it is (Unicode TR 36 §2.10).
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_DAMAGE = "\ufffd"


class CellError(Exception):
    """Never leaves the roster, which makes a fault of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def shorten(value: str) -> str:
    """`value` on one line, printable, at most 40 characters."""
    shown = value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"
    return "".join(_printable(character) for character in shown)


def _printable(character: str) -> str:
    hidden = unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"}
    return f"\\u{ord(character):04x}" if hidden else character


def check_text(value: str) -> None:
    """Holds for every cell."""
    if len(value) > MAX_CELL:
        raise CellError(f"{len(value):,} characters, of {MAX_CELL:,} at most")
    if value.isascii() and value.isprintable():
        return
    if "\n" in value or "\r" in value:
        raise CellError("a line break inside the value")
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise CellError("a control character inside the value")
    if not _BIDI_CONTROLS.isdisjoint(value):
        raise CellError("a hidden mark that turns the text around")
    if _DAMAGE in value:
        raise CellError("letters were lost in an earlier conversion; save it as CSV UTF-8")


def read_date(value: str) -> datetime:
    """An ISO 8601 date, which is midnight UTC, or a date and time with its zone; to UTC."""
    match = _DATE.fullmatch(value)
    if match is None:
        raise CellError("not an ISO 8601 date; write it like 2026-06-30")
    if match["time"] and not match["zone"]:
        raise CellError("a time without its zone; end it with Z or an offset such as +02:00")
    time = f"T{match['time']}{match['zone']}" if match["time"] else "T00:00Z"
    try:
        return datetime.fromisoformat(match["day"] + time).astimezone(UTC)
    except (ValueError, OverflowError):
        raise CellError("there is no such date or time") from None


def check_email(value: str) -> None:
    if len(value) > _MAX_EMAIL or not _EMAIL.fullmatch(value):
        raise CellError("not an e-mail address such as ana@example.org")


def check_did(value: str) -> None:
    if not _DID.fullmatch(value):
        raise CellError("not a DID such as did:key:z6Mk…")


def check_evidence(value: str) -> None:
    """The address is issued to whoever sees the credential, so it may carry no password."""
    try:
        address = urlsplit(value)
        port_is_sound = address.port != 0
    except ValueError:
        raise CellError("not a web address") from None
    if address.scheme != "https" or not address.hostname or not port_is_sound:
        raise CellError("not an https:// address")
    if any(character.isspace() for character in value):
        raise CellError("a space inside the address; give one address a row")
    if address.username is not None:
        raise CellError("a user name or password inside the address")


def _accept(_value: str) -> None:
    return


CHECKS: Mapping[str, Callable[[str], None]] = {
    "name": _accept,
    "email": check_email,
    "did": check_did,
    "result": _accept,
    "evidence": check_evidence,
}
"""For every column but `date`, which is read by read_date."""
