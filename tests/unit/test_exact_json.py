from __future__ import annotations

import random
from typing import Any

import pytest
import rfc8785
from json_texts import read_by_the_standard_library, same, text_of
from vector_files import load, named, raw_of

from registry.errors import MalformedJson
from registry.formats.exact_json import read_exactly

VECTORS = load("strict_json-v1")


@pytest.mark.parametrize("entry", **named(VECTORS["accepted"]))
def test_it_reads_what_the_vectors_accept(entry: dict[str, Any]) -> None:
    value = read_exactly(raw_of(entry))
    assert rfc8785.dumps(value).decode() == entry["canonical"]


@pytest.mark.parametrize("entry", **named(VECTORS["refused"]))
def test_it_refuses_what_the_vectors_refuse_and_says_where(entry: dict[str, Any]) -> None:
    with pytest.raises(MalformedJson) as refusal:
        read_exactly(raw_of(entry))
    pointer = f" ({entry['pointer']})" if entry["pointer"] else ""
    assert refusal.value.place == f"line {entry['line']}, column {entry['column']}{pointer}"


def test_each_refusal_has_words_of_its_own() -> None:
    reasons = {
        b'{"a":1,"a":2}': 'duplicate key "a"',
        b"[9007199254740992]": "integer beyond ±(2^53-1)",
        b"[1e400]": "number too large for a double",
        b"[NaN]": "NaN and Infinity are not JSON",
        b'["\\ud800"]': "lone surrogate \\ud800 in a string",
        b'["\x01"]': "control character U+0001 in a string: escape it",
        b"[" * 65: "deeper than 64 levels",
        b"{} {}": "more data after the JSON value",
        b'["\xff"]': "byte 0xff is not UTF-8",
        b"\xef\xbb\xbf{}": "byte-order mark: save the file as UTF-8 without it",
    }
    for raw, reason in reasons.items():
        with pytest.raises(MalformedJson) as refusal:
            read_exactly(raw)
        assert refusal.value.reason == reason


def test_a_refusal_is_short_and_cannot_write_to_a_terminal() -> None:
    key = "\u001b[31m\u202e" + "x" * 100_000
    escaped = key.replace("\u001b", "\\u001b")
    with pytest.raises(MalformedJson) as refusal:
        read_exactly(f'{{"{escaped}":{{"{escaped}":1,"{escaped}":2}}}}'.encode())
    text = str(refusal.value)
    assert len(text) < 300
    assert text.isascii()
    assert text.isprintable()


def test_numbers_keep_their_type() -> None:
    value = read_exactly(b"[1,1.0,-0,-0.0,1e2]")
    assert repr(value) == "[1, 1.0, 0, -0.0, 100.0]"


def test_members_keep_their_order() -> None:
    value = read_exactly(b'{"b":1,"a":2,"c":3}')
    assert isinstance(value, dict)
    assert list(value) == ["b", "a", "c"]


def compare_with_the_standard_library(seed: int, cases: int) -> int:
    """Both read the same or both refuse; returns how many were read."""
    dice = random.Random(seed)
    read = 0
    for _ in range(cases):
        raw = text_of(dice, strange=dice.choice([0, 0.05, 0.2, 0.5]))
        try:
            expected = read_by_the_standard_library(raw)
        except ValueError:
            with pytest.raises(MalformedJson):
                read_exactly(raw)
            continue
        assert same(read_exactly(raw), expected), raw
        read += 1
    return read


def test_it_agrees_with_the_standard_library_under_hooks() -> None:
    read = compare_with_the_standard_library(seed=8259, cases=3000)
    assert 1000 < read < 2900


@pytest.mark.long
def test_it_agrees_with_the_standard_library_over_a_campaign() -> None:
    compare_with_the_standard_library(seed=random.randrange(2**32), cases=500_000)
