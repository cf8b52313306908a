from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from json_texts import same, text_of
from vector_files import load, named, raw_of

from registry.errors import MalformedJson
from registry.formats import strict_json
from registry.formats.exact_json import read_exactly
from registry.formats.large_json import read_long
from registry.formats.strict_json import MAX_FILE_BYTES, read, read_object, read_with_form

if TYPE_CHECKING:
    from collections.abc import Callable

VECTORS = load("strict_json-v1")


@pytest.mark.parametrize("entry", **named(VECTORS["accepted"]))
def test_it_reads_what_the_vectors_accept(entry: dict[str, Any]) -> None:
    value, form = read_with_form(raw_of(entry))
    assert same(value, read_exactly(raw_of(entry)))
    assert form is None or form.decode() == entry["canonical"]


@pytest.mark.parametrize("entry", **named(VECTORS["refused"]))
def test_it_refuses_what_the_vectors_refuse_and_says_where(entry: dict[str, Any]) -> None:
    with pytest.raises(MalformedJson) as refusal:
        read(raw_of(entry))
    assert refusal.value.place.startswith(f"line {entry['line']}, column {entry['column']}")


def compare_with_the_exact_reader(raw: bytes) -> bool:
    """Whether the fast path answered; if so, as the exact reader and the reference would."""
    fast = strict_json._read_fast(raw)
    if fast is None:
        return False
    value, form = fast
    assert same(value, read_exactly(raw)), raw
    assert form is None or form == rfc8785.dumps(value), raw
    return True


def test_the_fast_path_answers_only_as_the_exact_reader_would() -> None:
    dice = random.Random(8785)
    texts = (text_of(dice, strange=dice.choice([0, 0.05, 0.2, 0.5])) for _ in range(5000))
    answered = sum(compare_with_the_exact_reader(raw) for raw in texts)
    assert answered > 2500


@pytest.mark.long
def test_the_fast_path_answers_only_as_the_exact_reader_would_over_a_campaign() -> None:
    dice = random.Random(random.randrange(2**32))
    for _ in range(1_000_000):
        compare_with_the_exact_reader(text_of(dice, strange=dice.random() / 2))


KEYS = st.text(st.sampled_from('ab:é\ud7ff\ue000\uffff😀"\\\n\x00\u2028'), max_size=3)
DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(1 - 2**53, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=25,
)


@settings(max_examples=400, deadline=None)
@given(DOCUMENTS, st.sampled_from([None, 0, 1, 2, 4, "\t"]), st.booleans())
def test_any_document_in_any_layout_reads_as_it_was_written(
    document: Any, indent: int | str | None, ascii_only: bool
) -> None:
    raw = json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode()
    assert same(read(raw), document)
    compare_with_the_exact_reader(raw)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_member_written_twice_is_refused_wherever_it_stands(data: st.DataObject) -> None:
    key = json.dumps(data.draw(KEYS), ensure_ascii=data.draw(st.booleans()))
    values = st.sampled_from(["1", '":"', '"\\u003a"', '{"a:":":"}', "[]", '"\\\\u003a"'])
    members = [f"{key}:{data.draw(values)}", f"{key} : {data.draw(values)}"]
    members += [f'"other":{data.draw(values)}'] * data.draw(st.integers(0, 1))
    text = "{" + ",\n".join(data.draw(st.permutations(members))) + "}"
    for _ in range(data.draw(st.integers(0, 3))):
        text = data.draw(st.sampled_from(['{"in":%s}', '[":",%s]', '{"x":[%s,":"]}'])) % text
    with pytest.raises(MalformedJson, match="duplicate key"):
        read(text.encode())


@pytest.mark.parametrize("indent", [None, 0, 1, 2, 4, "\t"])
def test_layout_does_not_cost_the_fast_path(indent: int | str | None) -> None:
    document = {"id": "urn:x", "list": [{"url": "https://a:1/"}, 7.5, "é", "\n"], "n": 1}
    raw = json.dumps(document, indent=indent, ensure_ascii=False).encode()
    assert read_with_form(raw)[1] is not None


@pytest.mark.parametrize("number", ["1e16", "18446744073709551616", "9007199254740992", "1e400"])
def test_numbers_that_one_cannot_tell_from_a_refused_one_are_read_exactly(number: str) -> None:
    assert strict_json._read_fast(f"[{number}]".encode()) is None


@pytest.mark.parametrize("inner", [b"", b"1", b'"x"', b"1e20"])
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_the_64th_level_is_read_and_the_65th_refused(opening: bytes, inner: bytes) -> None:
    closing = b"]" if opening == b"[" else b"}"
    inner = inner or (b"[]" if closing == b"}" else b"")

    def nested(levels: int) -> bytes:
        rest = levels - (inner == b"[]")
        return opening * rest + inner + closing * rest

    assert same(read(nested(64)), read_exactly(nested(64)))
    for levels in (65, 66, 1100, 100_000):
        with pytest.raises(MalformedJson, match="deeper than 64 levels"):
            read(nested(levels))


def test_size_is_judged_before_anything_is_read() -> None:
    assert read(b'"' + b"x" * (MAX_FILE_BYTES - 2) + b'"')
    with pytest.raises(MalformedJson, match="1,114,113 bytes, where at most 1,114,112 are read"):
        read(b"\xff" * (MAX_FILE_BYTES + 1))
    with pytest.raises(MalformedJson, match="3 bytes, where at most 2"):
        read(b"[1]", max_bytes=2)


def test_a_reader_of_objects_refuses_everything_else() -> None:
    assert read_object(b' {"a":1}') == {"a": 1}
    for raw in (b"[]", b"null", b'"x"', b"1"):
        with pytest.raises(MalformedJson, match="not a JSON object"):
            read_object(raw)


def read_or_reason(read: Callable[[bytes, int], object], raw: bytes) -> object:
    try:
        return json.dumps(read(raw, strict_json.MAX_DEPTH))
    except MalformedJson:
        return MalformedJson


@pytest.mark.parametrize("strange", [0.02, 0.3])
def test_long_texts_are_read_by_the_same_rule(strange: float) -> None:
    random_ = random.Random(f"long texts {strange}")
    kinds = Counter[bool]()
    for _ in range(6000):
        raw = text_of(random_, strange=strange)
        told = read_or_reason(read_long, raw)
        assert told == read_or_reason(read_exactly, raw), raw
        kinds[told is MalformedJson] += 1
    assert min(kinds.values()) > 200


@pytest.mark.parametrize("entry", [*VECTORS["accepted"], *VECTORS["refused"]])
def test_long_texts_are_read_as_the_vectors_say(entry: dict[str, Any]) -> None:
    raw = raw_of(entry)
    assert read_or_reason(read_long, raw) == read_or_reason(read_exactly, raw)


def test_a_long_text_is_refused_with_its_place_where_the_parser_knows_it() -> None:
    raw = b"[" + b"1,\n" * 100_000 + b"x]"
    with pytest.raises(MalformedJson, match="line 100001, column 1"):
        strict_json.read(raw)
    with pytest.raises(MalformedJson, match="duplicate key"):
        strict_json.read(b"[" + b"1,\n" * 100_000 + b'{"a":1,"a":2}]')


def test_a_raised_recursion_limit_lets_no_text_end_the_process() -> None:
    program = (
        "import sys; sys.setrecursionlimit(100_000)\n"
        "from registry.errors import MalformedJson\n"
        "from registry.formats.strict_json import read\n"
        "for raw in (b'[' * 1_000_000, b'{\"a\":' * 180_000, b'[\"[[\\\\\",' * 90_000 + b'['):\n"
        "    try: read(raw)\n"
        "    except MalformedJson as fault: print(fault)\n"
        "print(len(read(b'[\"' + b'[' * 200_000 + b'\"]')))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().splitlines() == ["deeper than 64 levels"] * 3 + ["1"]
