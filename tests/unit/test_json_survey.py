from __future__ import annotations

import math
import random
import struct
from typing import Any

import orjson
import pytest
import rfc8785

from registry.formats.json_survey import Survey, sorts_alike, survey


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, Survey.PLAIN),
        (2**53 - 1, Survey.PLAIN),
        (1 - 2**53, Survey.PLAIN),
        (2**53, Survey.UNSURE),
        (-(2**53), Survey.UNSURE),
        (7.5, Survey.PLAIN),
        (1.00001e-5, Survey.PLAIN),
        (2.0**52 - 0.5, Survey.PLAIN),
        (1.0, Survey.READABLE),
        (-0.0, Survey.READABLE),
        (math.nextafter(1e-5, 0), Survey.READABLE),
        (2.0**53 - 1, Survey.READABLE),
        (2.0**53, Survey.UNSURE),
        (-1e300, Survey.UNSURE),
        (math.inf, Survey.UNSURE),
        (math.nan, Survey.UNSURE),
        (b"bytes", Survey.UNSURE),
        ((1, 2), Survey.UNSURE),
    ],
)
def test_what_a_number_or_a_stranger_gives_away(number: Any, expected: Survey) -> None:
    assert survey(number) is expected
    assert survey({"a": [number, "x", None, True]}) is expected


def test_the_worst_finding_stands_whatever_follows() -> None:
    assert survey([2**53, 1.0, 7.5, [1.0]]) is Survey.UNSURE
    assert survey([7.5, [1.0], 1]) is Survey.READABLE


def nested(levels: int, inner: Any) -> Any:
    for level in range(levels):
        inner = {"a": inner} if level % 2 else [inner]
    return inner


def test_levels_are_objects_and_arrays() -> None:
    assert survey(nested(64, "x")) is Survey.PLAIN
    assert survey(nested(64, 1.0)) is Survey.READABLE
    assert survey(nested(63, [])) is Survey.PLAIN
    assert survey(nested(65, "x")) is Survey.TOO_DEEP
    assert survey(nested(64, {})) is Survey.TOO_DEEP
    assert survey(nested(100_000, "x")) is Survey.TOO_DEEP


def any_double(dice: random.Random) -> float:
    if dice.random() < 0.5:
        return dice.uniform(-1, 1) * 10.0 ** dice.randint(-8, 18)
    return float(struct.unpack("<d", dice.randbytes(8))[0])


def check_doubles(seed: int, count: int) -> None:
    dice = random.Random(seed)
    for _ in range(count):
        number = any_double(dice)
        if survey(number) is Survey.PLAIN:
            assert orjson.dumps(number) == rfc8785.dumps(number), number


def test_plain_doubles_are_written_alike() -> None:
    check_doubles(seed=754, count=20_000)


@pytest.mark.long
def test_plain_doubles_are_written_alike_over_a_campaign() -> None:
    check_doubles(seed=random.randrange(2**32), count=3_000_000)


@pytest.mark.parametrize(
    ("document", "alike"),
    [
        ({}, True),
        ({"b": 1, "a": 2}, True),
        ({"\ud7ff": 1, "é": 2}, True),
        ({"한": "국", "name": "😀 \uffff"}, True),
        ({"\ue000": 1}, False),
        ({"a": [{"x": {"😀": 1}}]}, False),
    ],
)
def test_keys_from_the_surrogates_up_sort_another_way(document: Any, alike: bool) -> None:
    assert sorts_alike(document, orjson.dumps(document, option=orjson.OPT_SORT_KEYS)) is alike
