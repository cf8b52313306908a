"""Small parts of the API: lines out of pieces, groups, buckets, keys' texts, cursors, problems."""

from __future__ import annotations

import asyncio
import threading
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor_service import errors
from anchor_service.api import errors as refused
from anchor_service.api import grouping
from anchor_service.api.errors import MalformedRequest, TooMany, Unavailable
from anchor_service.api.grouping import Grouped
from anchor_service.api.limits import Buckets, Rate
from anchor_service.api.lines import LineSplitter
from anchor_service.api.paging import read_cursor, write_cursor
from anchor_service.api.problems import PROBLEMS, answer_of, problem_of
from anchor_service.store import api_keys
from anchor_service.store.api_keys import ApiKey, Scope
from registry.errors import ChainError, NodeInconsistent, NodeTooSlow

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 12
_FROM_DISK = 0.001


def split(pieces: Sequence[bytes]) -> list[tuple[int, bytes | None]]:
    splitter = LineSplitter(MOST)
    lines = [line for piece in pieces for line in splitter.feed(piece)]
    return [(line.number, line.raw) for line in [*lines, *splitter.finish()]]


@given(
    st.lists(st.text("ab \r", max_size=MOST + 4)).map(lambda lines: "\n".join(lines).encode()),
    st.lists(st.integers(0, 40)),
)
def test_lines_do_not_depend_on_where_a_body_was_cut(body: bytes, cuts: list[int]) -> None:
    places = sorted({min(cut, len(body)) for cut in cuts} | {0, len(body)})
    pieces = [body[start:end] for start, end in pairwise(places)]
    expected: list[tuple[int, bytes | None]] = []
    for number, line in enumerate(body.split(b"\n"), 1):
        raw = line.removesuffix(b"\r")
        if len(raw) > MOST:
            expected.append((number, None))
        elif raw and not raw.isspace():
            expected.append((number, raw))
    assert split(pieces) == expected


def test_nothing_is_kept_of_a_line_that_is_too_long() -> None:
    splitter = LineSplitter(MOST)
    for _ in range(1000):
        splitter.feed(b"x" * MOST)
    assert sum(map(len, splitter._pieces)) <= MOST + 1
    assert [line.raw for line in splitter.feed(b"\nab\n")] == [None, b"ab"]


def test_a_group_gathers_while_the_one_before_is_at_work() -> None:
    groups: list[list[int]] = []
    first_in, may_go_on = threading.Event(), threading.Event()

    def work(asked: Sequence[int]) -> Sequence[int | Exception]:
        groups.append([*asked])
        first_in.set()
        may_go_on.wait(10)
        return [ValueError("odd") if one % 2 else one * 10 for one in asked]

    async def run() -> list[int | BaseException]:
        grouped = Grouped("test", work, most=3, waiting=5)
        tasks = [asyncio.ensure_future(grouped.ask(0))]
        await asyncio.to_thread(first_in.wait, 10)
        tasks += [asyncio.ensure_future(grouped.ask(one)) for one in range(1, 5)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await grouped.ask(5)
        may_go_on.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        grouped.close()
        return answers

    answers = asyncio.run(run())
    assert groups == [[0], [1, 2, 3], [4]]
    assert [one if isinstance(one, int) else type(one) for one in answers] == [
        0,
        ValueError,
        20,
        ValueError,
        40,
    ]


def test_groups_wait_side_by_side_in_as_many_threads() -> None:
    together = threading.Barrier(2)

    def work(asked: Sequence[int]) -> Sequence[int | Exception]:
        together.wait(10)
        return asked

    async def run() -> list[int]:
        grouped = Grouped("test", work, most=1, waiting=9, threads=2)
        answers = await asyncio.gather(*map(grouped.ask, range(4)))
        grouped.close()
        return answers

    assert asyncio.run(run()) == [0, 1, 2, 3]


def test_work_that_fails_is_told_to_each_and_the_next_group_goes_on() -> None:
    failing = [True]

    def work(asked: Sequence[int]) -> Sequence[int | Exception]:
        if failing.pop() if failing else False:
            raise ZeroDivisionError
        return asked

    async def run() -> None:
        grouped = Grouped("test", work, most=3, waiting=5)
        with pytest.raises(ZeroDivisionError):
            await grouped.ask(1)
        assert await grouped.ask(2) == 2
        grouped.close()

    asyncio.run(run())


def test_who_asks_in_one_turn_is_one_group() -> None:
    groups: list[list[int]] = []

    def work(asked: Sequence[int]) -> Sequence[int | Exception]:
        groups.append([*asked])
        return asked

    async def run(*, quick: bool) -> None:
        grouped = Grouped("test", work, most=3, waiting=9, quick=quick)
        assert await asyncio.gather(*map(grouped.ask, range(3))) == [0, 1, 2]
        assert await asyncio.gather(*map(grouped.ask, range(4))) == [0, 1, 2, 3]
        grouped.close()

    for quick in (False, True):
        groups.clear()
        asyncio.run(run(quick=quick))
        assert groups == [[0, 1, 2], [0, 1, 2], [3]]


def test_quick_work_is_done_by_the_loop_and_apart_for_a_while_once_it_had_to_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, blocks = [100.0], [7]
    monkeypatch.setattr(grouping, "monotonic", lambda: now[0])
    monkeypatch.setattr(grouping, "_blocks_read", lambda: blocks[0])

    def work(asked: Sequence[float]) -> Sequence[str | Exception]:
        now[0] += sum(asked)
        blocks[0] += _FROM_DISK in asked
        return [threading.current_thread().name] * len(asked)

    async def run() -> list[str]:
        grouped = Grouped("apart", work, most=3, waiting=9, quick=True)
        told = [await grouped.ask(seconds) for seconds in (0.0, 0.09, 0.11, 0.0, 0.5, 0.6, 0.0)]
        told += await asyncio.gather(grouped.ask(0.01), grouped.ask(0.18))
        told += await asyncio.gather(grouped.ask(0.01), grouped.ask(0.2))
        told += [await grouped.ask(seconds) for seconds in (1.5, _FROM_DISK, 0.0)]
        grouped.close()
        return told

    loop, apart = [threading.current_thread().name], ["apart"]
    expected = loop * 3 + apart * 3 + loop * 5 + apart + loop + apart
    assert asyncio.run(run()) == expected


def test_a_bucket_fills_again_at_its_rate() -> None:
    now = [0.0]
    buckets = Buckets(Rate(2, 3), lambda: now[0])
    for _ in range(3):
        buckets.take("a")
    with pytest.raises(TooMany) as refusal:
        buckets.take("a")
    assert refusal.value.headers["Retry-After"] == "1"
    buckets.take("b")
    now[0] = 0.5
    buckets.take("a")
    with pytest.raises(TooMany):
        buckets.take("a")
    now[0] = 100
    for _ in range(3):
        buckets.take("a")
    with pytest.raises(TooMany):
        buckets.take("a")


def test_buckets_are_bounded() -> None:
    buckets = Buckets(Rate(1, 1), lambda: 0.0)
    for number in range(70_000):
        buckets.take(str(number))
    assert len(buckets) == 65_536


KEY_ID = "abcdefgh234567zz"


def stored(secret_hash: bytes, *, expires: int | None = None, revoked: int | None = None) -> ApiKey:
    return ApiKey(KEY_ID, "n", "main", frozenset(Scope), secret_hash, 1, expires, revoked)


def test_a_key_is_judged_by_its_secret_and_its_time() -> None:
    presented = api_keys.read_text(f"ca_{KEY_ID}_{'x' * 43}")
    assert presented is not None
    good = presented.secret_hash
    assert api_keys.judge(stored(good), presented, 5) is not None
    assert api_keys.judge(stored(good, expires=6), presented, 5) is not None
    assert api_keys.judge(stored(good, expires=5), presented, 5) is None
    assert api_keys.judge(stored(good, revoked=2), presented, 5) is None
    assert api_keys.judge(stored(bytes(32)), presented, 5) is None
    assert api_keys.judge(None, presented, 5) is None


@pytest.mark.parametrize(
    "text", ["", "ca_", f"ca_{KEY_ID}_short", f"CA_{KEY_ID}_{'x' * 43}", f"ca_{KEY_ID}_{'ü' * 43}"]
)
def test_what_has_not_the_form_of_a_key_is_none(text: str) -> None:
    assert api_keys.read_text(text) is None


def test_no_secret_is_in_a_keys_repr() -> None:
    secret_hash = b"\x5a" * 32
    assert "5a" not in repr(stored(secret_hash))
    assert "ZZ" not in repr(stored(secret_hash))


@given(st.integers(0, 2**63 - 1))
def test_a_cursor_comes_back(number: int) -> None:
    assert read_cursor(write_cursor("batches", number), "batches") == number
    with pytest.raises(MalformedRequest):
        read_cursor(write_cursor("batches", number), "credentials")


@given(st.text(max_size=40))
def test_any_other_cursor_is_refused(text: str) -> None:
    try:
        number = read_cursor(text, "batches")
    except MalformedRequest:
        return
    assert write_cursor("batches", number) == text


def test_every_refusal_has_a_problem_and_none_tells_what_it_must_not() -> None:
    kinds = [
        one
        for one in vars(refused).values()
        if isinstance(one, type) and issubclass(one, refused.RequestRefused)
    ]
    assert len(kinds) > 10
    for kind in kinds:
        if kind is not refused.RequestRefused:
            assert problem_of(kind.__new__(kind)).status < 600
            assert problem_of(kind.__new__(kind)).slug != "internal"
    place = "postgresql://user@db.internal/x"
    told = answer_of(errors.DatabaseError(f"database {place}: cannot connect"))
    assert told.status == 503
    assert b"db.internal" not in told.body
    for failed in (ChainError, NodeTooSlow, NodeInconsistent, errors.BundleNotProven):
        told = answer_of(failed(f"{place}: what the node said"))
        assert (told.status, dict(told.headers)) == (503, {"Retry-After": "1"})
        assert b"detail" in told.body
        assert b"db.internal" not in told.body
    told = answer_of(ValueError("Ada Example <ada@example.org>"))
    assert told.status == 500
    assert b"Ada" not in told.body


def test_problem_types_are_one_each() -> None:
    assert len({one.type for one in PROBLEMS}) == len(PROBLEMS)
