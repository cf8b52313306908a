"""Blocking work beside an event loop: each piece in a thread, and who waits for it may leave."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class Aside:
    """Runs so many pieces of work at once for an event loop; others wait for their turn.

    A thread cannot be stopped. Where the waiting task is cancelled it goes on until its own time
    limit, keeps its turn until then, and its answer is dropped; it keeps no process alive.
    """

    def __init__(self, at_once: int) -> None:
        """Raises ValueError for a number below 1."""
        if at_once < 1:
            raise ValueError(f"{at_once} at once is none at all")
        self._at_once = at_once
        # A semaphore belongs to the loop in which it was first waited for.
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            WeakKeyDictionary()
        )

    async def run(self, work: Callable[[], _T]) -> _T:
        """Return what the work returns, or raise what it raises."""
        loop = asyncio.get_running_loop()
        turns = self._turns.setdefault(loop, asyncio.Semaphore(self._at_once))
        await turns.acquire()
        answer: asyncio.Future[_T] = loop.create_future()
        task = partial(_work, work, loop, partial(_settle, turns, answer))
        try:
            threading.Thread(target=task, name="credanchor", daemon=True).start()
        except RuntimeError:  # the system has no thread left
            turns.release()
            raise
        return await answer


def _work(
    work: Callable[[], _T],
    loop: asyncio.AbstractEventLoop,
    settle: Callable[[_T | None, BaseException | None], None],
) -> None:
    try:
        done = partial(settle, work(), None)
    except BaseException as fault:  # noqa: BLE001 - handed to who waits
        done = partial(settle, None, fault)
    with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
        loop.call_soon_threadsafe(done)


def _settle(
    turns: asyncio.Semaphore,
    answer: asyncio.Future[_T],
    result: _T,
    fault: BaseException | None,
) -> None:
    """In the loop's own thread."""
    turns.release()
    if answer.cancelled():
        return
    if fault is None:
        answer.set_result(result)
    else:
        answer.set_exception(fault)
