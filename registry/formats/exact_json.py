"""PERMANENT. The exact JSON reader: slow, one rule a line, and every refusal names its place.

`strict_json` answers from a fast parser where that is provably the same, and asks this one
otherwise. What a credential means rests on what is accepted here: widening it would let two
programs read two things from one file.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Never, TypeAlias

from registry.errors import MalformedJson

if TYPE_CHECKING:
    from collections.abc import Sequence

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]

MAX_DEPTH = 64
"""Objects and arrays within one another; the top level is 1, scalars add none."""
MAX_SAFE_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader takes for itself (I-JSON, RFC 7493 §2.2)."""

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_RUN = re.compile(r'[^"\\\x00-\x1f]*')
_HEX = re.compile(r"[0-9a-fA-F]{4}")
_LITERALS: dict[str, bool | None] = {"null": None, "true": True, "false": False}
_ESCAPES = {
    '"': '"',
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
}


def read_exactly(raw: bytes, max_depth: int = MAX_DEPTH) -> JsonValue:
    """Read one JSON value (RFC 8259, I-JSON's limits) from UTF-8 bytes of any size.

    Raises MalformedJson; its place is `line L, column C`, then the JSON pointer of the value.
    """
    if raw.startswith(b"\xef\xbb\xbf"):
        raise MalformedJson("byte-order mark: save the file as UTF-8 without it", place_in("", 0))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        before = raw[: fault.start].decode("utf-8")
        reason = f"byte 0x{raw[fault.start]:02x} is not UTF-8"
        raise MalformedJson(reason, place_in(before, len(before))) from None
    return _Reader(text, max_depth).document()


def place_in(text: str, position: int, path: Sequence[str | int] = ()) -> str:
    """Say where `position` is: line and column from 1, in characters; then the JSON pointer."""
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return f"line {line}, column {column}" + (f" ({pointer(path)})" if path else "")


def pointer(path: Sequence[str | int]) -> str:
    """Return the JSON pointer (RFC 6901) of `path`, safe to print: escaped, long keys cut."""
    return "".join(
        "/" + _printable(str(token).replace("~", "~0").replace("/", "~1")) for token in path
    )


def _printable(text: str, limit: int = 60) -> str:
    """Keep what a hostile file says from writing to a terminal or filling a log."""
    cut = text if len(text) <= limit else text[:limit] + "..."
    return json.dumps(cut)[1:-1]


class _Reader:
    """Recursive descent over `text`; each method takes a position and returns the next one."""

    __slots__ = ("max_depth", "path", "text")

    def __init__(self, text: str, max_depth: int) -> None:
        self.text = text
        self.max_depth = max_depth
        self.path: list[str | int] = []

    def fail(self, reason: str, position: int) -> Never:
        raise MalformedJson(reason, place_in(self.text, position, self.path))

    def skip(self, position: int) -> int:
        match = _SPACE.match(self.text, position)
        return match.end() if match else position

    def document(self) -> JsonValue:
        start = self.skip(0)
        if start == len(self.text):
            self.fail("no JSON value", start)
        value, end = self.value(start, 1)
        end = self.skip(end)
        if end != len(self.text):
            self.fail("more data after the JSON value", end)
        return value

    def value(self, position: int, depth: int) -> tuple[JsonValue, int]:
        first = self.text[position : position + 1]
        if first == '"':
            return self.string(position)
        if first in ("{", "["):
            if depth > self.max_depth:
                self.fail(f"deeper than {self.max_depth} levels", position)
            read = self.object if first == "{" else self.array
            return read(position, depth)
        for literal, meaning in _LITERALS.items():
            if self.text.startswith(literal, position):
                return meaning, position + len(literal)
        return self.number(position)

    def object(self, position: int, depth: int) -> tuple[JsonObject, int]:
        members: JsonObject = {}
        position = self.skip(position + 1)
        if self.text.startswith("}", position):
            return members, position + 1
        while True:
            if not self.text.startswith('"', position):
                self.fail("a key in double quotes belongs here", position)
            key, after = self.string(position)
            if key in members:
                self.fail(f'duplicate key "{_printable(key)}"', position)
            position = self.skip(after)
            if not self.text.startswith(":", position):
                self.fail("a colon belongs here", position)
            self.path.append(key)
            members[key], position = self.value(self.skip(position + 1), depth + 1)
            self.path.pop()
            position = self.skip(position)
            if self.text.startswith("}", position):
                return members, position + 1
            if not self.text.startswith(",", position):
                self.fail("a comma or } belongs here", position)
            position = self.skip(position + 1)

    def array(self, position: int, depth: int) -> tuple[list[JsonValue], int]:
        items: list[JsonValue] = []
        position = self.skip(position + 1)
        if self.text.startswith("]", position):
            return items, position + 1
        while True:
            self.path.append(len(items))
            item, position = self.value(position, depth + 1)
            self.path.pop()
            items.append(item)
            position = self.skip(position)
            if self.text.startswith("]", position):
                return items, position + 1
            if not self.text.startswith(",", position):
                self.fail("a comma or ] belongs here", position)
            position = self.skip(position + 1)

    def number(self, position: int) -> tuple[int | float, int]:
        match = _NUMBER.match(self.text, position)
        if match is None:
            if self.text.startswith(("NaN", "Infinity", "-Infinity"), position):
                self.fail("NaN and Infinity are not JSON", position)
            self.fail("a JSON value belongs here", position)
        whole, fraction, exponent = match.groups()
        if self.text[match.end() : match.end() + 1].isdigit():
            self.fail("a number must not begin with 0", position)
        if fraction is None and exponent is None:
            # By length first: Python refuses to convert thousands of digits, and so do we.
            if len(whole) > len(str(-MAX_SAFE_INTEGER)) or abs(int(whole)) > MAX_SAFE_INTEGER:
                self.fail("integer beyond ±(2^53-1)", position)
            return int(whole), match.end()
        value = float(match[0])
        if math.isinf(value):
            self.fail("number too large for a double", position)
        return value, match.end()

    def string(self, position: int) -> tuple[str, int]:
        """`position` is that of the opening quote."""
        start = position
        parts: list[str] = []
        position += 1
        while True:
            run = _RUN.match(self.text, position)
            assert run is not None  # it matches nothing, too
            parts.append(run[0])
            position = run.end()
            stop = self.text[position : position + 1]
            if stop == '"':
                return "".join(parts), position + 1
            if stop == "":
                self.fail("the string that begins here does not end", start)
            if stop != "\\":
                self.fail(f"control character U+{ord(stop):04X} in a string: escape it", position)
            part, position = self.escape(position)
            parts.append(part)

    def escape(self, position: int) -> tuple[str, int]:
        """`position` is that of the backslash."""
        letter = self.text[position + 1 : position + 2]
        if letter in _ESCAPES:
            return _ESCAPES[letter], position + 2
        if letter != "u":
            self.fail("unknown escape in a string", position)
        unit = self.code_unit(position)
        if not 0xD800 <= unit <= 0xDFFF:
            return chr(unit), position + 6
        low = 0  # what belongs after a high surrogate only
        if unit <= 0xDBFF and self.text.startswith("\\u", position + 6):
            low = self.code_unit(position + 6)
        if not 0xDC00 <= low <= 0xDFFF:
            self.fail(f"lone surrogate \\u{unit:04x} in a string", position)
        return chr(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)), position + 12

    def code_unit(self, position: int) -> int:
        match = _HEX.match(self.text, position + 2)
        if match is None:
            self.fail("four hex digits belong after \\u", position)
        return int(match[0], 16)
