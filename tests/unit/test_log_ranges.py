"""Ranges: they grow and shrink with what comes back, and take providers at their word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.nodes.log_ranges import LARGEST_SPAN, RangeControl, hinted_span, is_rate_limit

HINTS = [
    ("Log response size exceeded. this block range should work: [0x10, 0x3e7]", 984),
    ("query returned more than 10000 results. Try with this block range [0x0, 0x63].", 100),
    ("requested too many blocks from 0 to 16777217, maximum is set to 2048", 2048),
    ("eth_getLogs is limited to a 10,000 range", 10_000),
    ("eth_getLogs is limited to 0 - 1000 blocks range", 1000),
    ("exceed maximum block range: 5000", 5000),
    ("block range is too wide, limit is 1k blocks", 1000),
    ("You can make eth_getLogs requests with up to a 500 block range.", 500),
    ("ranges over 10000 blocks are not supported on freetier", 10_000),
    ("Block range limit exceeded. max allowed 3_000", 3000),
    ("query returned more than 10000 results", None),
    ("Log response size exceeded: 150MB limit", None),
    ("execution timeout", None),
    ("missing trie node 0x1234", None),
]


@pytest.mark.parametrize(("message", "span"), HINTS, ids=[message[:40] for message, _ in HINTS])
def test_a_refusal_that_says_what_would_do_is_believed(message: str, span: int | None) -> None:
    assert hinted_span(message, 1_000_000) == span


def test_a_hint_that_does_not_help_is_none() -> None:
    assert hinted_span("exceed maximum block range: 5000", 5000) is None


@pytest.mark.parametrize(
    ("message", "is_rate"),
    [
        ("Too Many Requests", True),
        ("rate limit exceeded", True),
        ("Your app has exceeded its compute units per second capacity", True),
        ("request throttled, try again in 2s", True),
        ("query returned more than 10000 results", False),
        ("limit exceeded, try with this block range [0x0, 0x10], try again later", False),
    ],
)
def test_too_many_requests_is_told_from_too_wide_a_request(message: str, is_rate: bool) -> None:
    assert is_rate_limit(message) is is_rate


def test_a_range_grows_while_answers_are_small_and_is_cut_when_one_is_large() -> None:
    control = RangeControl(first_span=100, target_logs=1000)
    control.answered(100, 0)
    assert control.span == 200
    control.answered(200, 500)
    assert control.span == 225
    control.answered(225, 9000)
    assert control.span == 25
    control.answered(10, 0)
    assert control.span == 25, "a shorter range says little of longer ones"


def test_without_a_hint_a_refusal_halves_and_more_is_tried_in_time() -> None:
    control = RangeControl(first_span=1000, target_logs=10**6)
    control.refused(1000, "no")
    spans = []
    for _ in range(100):
        spans.append(control.span)
        control.answered(control.span, 0)
    assert spans[0] == 500
    assert 900 < spans[-1] < 1200


def test_a_hint_is_never_gone_beyond() -> None:
    control = RangeControl(first_span=4000)
    control.refused(4000, "block range limited to 2048 blocks")
    for _ in range(200):
        control.answered(control.span, 0)
    assert control.span == 2048


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("answered"), st.integers(0, 10**6), st.just("")),
            st.tuples(st.just("refused"), st.just(0), st.sampled_from([m for m, _ in HINTS])),
        ),
        max_size=60,
    ),
    st.integers(0, 10**7),
    st.integers(0, 10**4),
)
def test_pieces_are_exactly_the_range_whatever_came_before(
    story: list[tuple[str, int, str]], first: int, more: int
) -> None:
    control = RangeControl()
    for what, logs, message in story:
        if what == "answered":
            control.answered(control.span, logs)
        elif control.span > 1:
            control.refused(control.span, message)
        assert 1 <= control.span <= LARGEST_SPAN
    pieces = control.pieces(first, first + more)
    assert [block for a, b in pieces for block in range(a, b + 1)] == list(
        range(first, first + more + 1)
    )
