"""Random JSON texts, valid and not: the ground on which readers are compared."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

NUMBERS = [
    *("0", "-0", "0.0", "-0.0", "1", "-1", "1.0", "0.1e1", "10e-1", "7.5", "-12.25", "1e0", "1E+2"),
    *("1e5", "1e15", "1e16", "1e20", "1e21", "1e22", "1e-4", "1e-5", "0.00001", "9.9e-6"),
    *("1e-6", "1e-7", "0.000001", "5e-324", "1e-400", "2.2250738585072014e-308", "0e999"),
    *("0.0e400", "1.7976931348623157e308", "1e308", "1e309", "1e400", "-1E400", "1E400"),
    *("123456789.125", "333333333.33333329", "9007199254740991", "-9007199254740991"),
    *("9007199254740992", "-9007199254740992", "9007199254740993", "9007199254740991.0"),
    *("9007199254740992.0", "9007199254740993.0", "4503599627370496.5"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775808"),
    *("-9223372036854775809", "18446744073709551615", "18446744073709551616"),
    *("18446744073709551616.0", "99999999999999999999", "01", "-01", "00", "1.", ".5"),
    *("-.5", "+", "+1", "-", "1e", "1e+", "0x10", "1_000", "NaN", "Infinity"),
    *("-Infinity", "nan", "inf"),
    *("1" * 400, "1" * 5000, "0." + "1" * 400, "1" * 400 + ".0", "-" + "9" * 17),
]

STRINGS = [
    *("a", "b", "ab", "id", "type", "proof", ":", "::", "a:b", "https://example.org/a:1", ""),
    *("é", "ß", "€", "李", "\ud7ff", "\ue000", "\ufb33", "\uffff", "😀", "𝄞", "\U0010ffff"),
    *("\u2028", "\x7f", "\u0080", "/", "</script>", "{", "[", ",", "1.0", "u003a"),
]
ESCAPES = [
    *(r"\u003a", r"\u003A", r"\u0061", r"\u0062", r"\u0000", r"\u001f", r"\u2028", r"\u00e9"),
    *(r"\"", r"\\", r"\/", r"\b", r"\f", r"\n", r"\r", r"\t", r"\\u003a", r"\u003c", r"\u003b"),
    *(r"\ud83d\ude00", r"\uD834\uDD1E", r"\ud800", r"\udc00", r"\ude00\ud83d", r"\ud800\ud800"),
    *(r"\ud83d\u0061", r"\ud83d😀", r"\x", r"\u12", r"\u12g4", r"\u 123", "\\", r"\U0061"),
    *("\t", "\x00", "\n", "\x1f"),
]
BAD_BYTES = [
    *(b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xed\xb0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"),
    *(b"\xef\xbb\xbf", b"\x00", b"\x0c", b"\xc2\xa0", b"\xe2\x80\xa8", b"\xf8\x88\x80\x80\x80"),
]


def text_of(random: random.Random, *, strange: float) -> bytes:
    """One JSON text; `strange` (0 to 1) is how often something odd is put into it."""
    parts: list[str] = []
    _value(random, parts, strange, 0)
    text = _space(random, strange) + "".join(parts) + _space(random, strange)
    raw = text.encode("utf-8", "surrogatepass")
    return _mutated(random, raw) if random.random() < strange / 2 else raw


def _value(random: random.Random, parts: list[str], strange: float, depth: int) -> None:
    kind = random.random()
    if depth < 5 and kind < (0.9 if depth == 0 else 0.4):
        if random.random() < 0.7:
            _object(random, parts, strange, depth)
        else:
            _array(random, parts, strange, depth)
    elif kind < 0.7:
        parts.append(_string(random, strange))
    elif kind < 0.8:
        parts.append(random.choice(["true", "false", "null"]))
    elif random.random() < strange:
        parts.append(random.choice(NUMBERS))
    elif random.random() < 0.5:
        parts.append(str(random.randint(-(10**6), 10**6)))
    else:
        parts.append(repr(random.uniform(-1000, 1000)))


def _object(random: random.Random, parts: list[str], strange: float, depth: int) -> None:
    parts.append("{")
    seen: set[str] = set()
    for place in range(random.choice([0, 1, 1, 2, 3, 5])):
        key = _string(random, strange)
        while key in seen and random.random() > strange / 3:
            key = key[:-1] + str(place) + '"'
        seen.add(key)
        comma = "," if len(seen) > 1 or place else ""
        parts += [comma, _space(random, strange), key, _space(random, strange), ":"]
        parts.append(_space(random, strange))
        _value(random, parts, strange, depth + 1)
        parts.append(_space(random, strange))
    parts.append("}")


def _array(random: random.Random, parts: list[str], strange: float, depth: int) -> None:
    parts.append("[")
    for place in range(random.choice([0, 1, 2, 3])):
        parts += ["," if place else "", _space(random, strange)]
        _value(random, parts, strange, depth + 1)
        parts.append(_space(random, strange))
    parts.append("]")


def _string(random: random.Random, strange: float) -> str:
    pieces = [random.choice(STRINGS) for _ in range(random.choice([1, 1, 1, 2, 3]))]
    if random.random() < strange:
        pieces.insert(random.randrange(len(pieces) + 1), random.choice(ESCAPES))
    return '"' + "".join(pieces) + '"'


def _space(random: random.Random, strange: float) -> str:
    if random.random() < 0.7:
        return ""
    if random.random() < strange / 20:
        return random.choice(["\x0b", "\x0c", "\u00a0", "\ufeff", "//", "\u2028"])
    return random.choice([" ", "\n", "\r\n", "\t", "  ", "\n    "])


def _mutated(random: random.Random, raw: bytes) -> bytes:
    place = random.randrange(len(raw) + 1)
    match random.randrange(5):
        case 0:
            return raw[:place] + raw[place + 1 :]
        case 1:
            return raw[:place] + bytes([random.randrange(256)]) + raw[place + 1 :]
        case 2:
            return raw[:place] + random.choice(BAD_BYTES) + raw[place:]
        case 3:
            return raw[:place]
        case _:
            end = min(len(raw), place + random.randrange(1, 12))
            return raw[:end] + raw[place:end] + raw[end:]


def read_by_the_standard_library(raw: bytes) -> Any:
    """The rules once more, by other means: `json` with hooks, then a walk. Raises ValueError."""

    def integer(text: str) -> int:
        if len(text) > 17 or abs(int(text)) > 2**53 - 1:
            raise ValueError("integer")
        return int(text)

    def double(text: str) -> float:
        if math.isinf(value := float(text)):
            raise ValueError("overflow")
        return value

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(members := dict(pairs)) != len(pairs):
            raise ValueError("duplicate")
        return members

    def never(text: str) -> None:
        raise ValueError(text)

    def walk(value: Any, depth: int) -> None:
        if isinstance(value, str):
            value.encode()
        elif isinstance(value, (dict, list)):
            if depth > 64:
                raise ValueError("depth")
            if isinstance(value, dict):
                "".join(value).encode()
                value = value.values()
            for child in value:
                walk(child, depth + 1)

    hooks: Any = {"parse_int": integer, "parse_float": double, "parse_constant": never}
    value = json.loads(raw.decode("utf-8"), object_pairs_hook=unique, **hooks)
    walk(value, 1)
    return value


def same(one: Any, other: Any) -> bool:
    """Equal in value, type and sign of zero, and in the order of members."""
    return repr(one) == repr(other)
