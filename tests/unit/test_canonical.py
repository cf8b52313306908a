from __future__ import annotations

import json
import math
import random
import struct
from pathlib import Path
from typing import Any

import orjson
import pytest
import rfc8785
from json_texts import text_of
from vector_files import load, named, raw_of

from registry.errors import MalformedDocument, MalformedJson
from registry.formats.canonical import canonicalize
from registry.formats.exact_json import read_exactly

VECTORS = load("canonical-v1")
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "jcs"
NAMES = ("arrays", "french", "structures", "unicode", "values", "weird")


@pytest.mark.parametrize("entry", **named(VECTORS["pairs"]))
def test_pairs_of_the_vectors(entry: dict[str, Any]) -> None:
    assert canonicalize(read_exactly(raw_of(entry))).decode() == entry["canonical"]


@pytest.mark.parametrize("name", NAMES)
def test_pairs_of_the_rfc_s_author(name: str) -> None:
    if not SHARED.is_dir():
        pytest.skip(f"the published pairs are not at {SHARED}; canonical-v1.json covers them")
    value = read_exactly((SHARED / "input" / f"{name}.json").read_bytes())
    assert canonicalize(value) == (SHARED / "output" / f"{name}.json").read_bytes()


@pytest.mark.parametrize("entry", VECTORS["doubles"], ids=lambda entry: entry["bits"])
def test_doubles_of_appendix_b(entry: dict[str, Any]) -> None:
    number = struct.unpack(">d", bytes.fromhex(entry["bits"]))[0]
    if entry["canonical"] is None:
        with pytest.raises(MalformedDocument):
            canonicalize(number)
    else:
        assert canonicalize(number).decode() == entry["canonical"]
        assert canonicalize({"a": [number]}).decode() == f'{{"a":[{entry["canonical"]}]}}'


@pytest.mark.parametrize(
    "value",
    [
        *(math.nan, math.inf, -math.inf, 2**53, -(2**53), 2**64, 10**5000),
        *("\ud800", {"\udfff": 1}, {"a": ["\udc00\ud800"]}),
        *(b"bytes", {1: 2}, {"a": {None: 1}}, {"a": 1 + 2j}, {"a": {1, 2}}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(MalformedDocument):
        canonicalize(value)
    with pytest.raises(MalformedDocument) as refusal:
        canonicalize({"a": [value]})
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize("odd", [None, 1.0, math.nan, 2**53, (1,)])
def test_more_than_64_levels_are_refused_with_anything_inside(odd: Any) -> None:
    value: Any = "x"
    for _ in range(64):
        value = [value]
    assert canonicalize(value) == b"[" * 64 + b'"x"' + b"]" * 64
    for levels in (1, 200, 100_000):
        deep: Any = [odd]
        for _ in range(64 + levels):
            deep = [deep]
        with pytest.raises(MalformedDocument, match="deeper than 64 levels"):
            canonicalize(deep)


def compare_with_the_reference(dice: random.Random, cases: int) -> int:
    """Returns how many were written by orjson in another way: what the guard is for."""
    differ = 0
    for _ in range(cases):
        try:
            value = read_exactly(text_of(dice, strange=dice.choice([0, 0.1, 0.4])))
        except MalformedJson:
            continue
        expected = rfc8785.dumps(value)
        assert canonicalize(value) == expected, value
        differ += orjson.dumps(value, option=orjson.OPT_SORT_KEYS) != expected
    return differ


def test_the_fast_path_writes_what_the_reference_writes() -> None:
    assert compare_with_the_reference(random.Random(3), 4000) > 100


@pytest.mark.long
def test_the_fast_path_writes_what_the_reference_writes_over_a_campaign() -> None:
    compare_with_the_reference(random.Random(random.randrange(2**32)), 1_000_000)


def test_a_canonical_form_reads_back_to_itself() -> None:
    dice = random.Random(4)
    for _ in range(1000):
        form = canonicalize(read_exactly(text_of(dice, strange=0)))
        assert canonicalize(json.loads(form)) == form
