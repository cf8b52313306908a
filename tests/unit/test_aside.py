"""Work beside an event loop: answers, faults, turns, and who leaves early."""

from __future__ import annotations

import asyncio
import threading

import pytest

from registry.verifying.aside import Aside


def test_answers_and_faults_arrive_and_the_turn_is_given_back() -> None:
    aside = Aside(1)

    def fail() -> int:
        raise OSError("no")

    async def run() -> int:
        for _ in range(3):
            with pytest.raises(OSError, match="no"):
                await aside.run(fail)
        return await aside.run(lambda: 7)

    assert asyncio.run(run()) == 7


def test_work_is_done_in_a_thread_that_keeps_no_process_alive() -> None:
    thread = asyncio.run(Aside(1).run(threading.current_thread))
    assert thread is not threading.main_thread()
    assert thread.daemon


def test_who_is_cancelled_in_the_queue_takes_no_turn() -> None:
    let_go, aside, done = threading.Event(), Aside(1), []

    async def run() -> None:
        first = asyncio.create_task(aside.run(lambda: let_go.wait(30)))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(aside.run(lambda: done.append(1)))
        await asyncio.sleep(0)
        waiting.cancel()
        let_go.set()
        assert await first
        await aside.run(lambda: done.append(2))

    asyncio.run(run())
    assert done == [2]


def test_an_answer_after_the_loops_end_is_dropped() -> None:
    let_go, ended = threading.Event(), threading.Event()

    def work() -> None:
        let_go.wait(30)
        ended.set()

    async def run() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await Aside(1).run(work)

    asyncio.run(run())
    let_go.set()
    assert ended.wait(30)
    for thread in threading.enumerate():
        if thread.name == "credanchor":
            thread.join(30)  # pytest turns what a thread raises into a failure
