"""One thread that does the same work for many askers at once: group commit, group look-up.

While one group is at work, the next one gathers; so a database that takes a millisecond to commit
answers hundreds of requests in it, and a request that comes alone waits for nobody.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from anchor_service.api.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Asked = TypeVar("Asked")
Told = TypeVar("Told")


class Grouped(Generic[Asked, Told]):
    """work: gets a group in the order of arrival, gives one answer or error for each.

    most: askers in one group. waiting: askers in all; more are refused at once (Unavailable).
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Sequence[Asked]], Sequence[Told | Exception]],
        *,
        most: int,
        waiting: int,
    ) -> None:
        self._work = work
        self._most = most
        self._waiting = waiting
        self._inside = 0  # touched by the event loop alone
        self._queue: queue.SimpleQueue[_Ask[Asked, Told] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def ask(self, asked: Asked) -> Told:
        """What was told, or raises what the work gave; the work began after this was called."""
        if self._inside >= self._waiting:
            raise Unavailable("The service is full; try again.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Told] = loop.create_future()
        self._inside += 1
        try:
            self._queue.put(_Ask(asked, loop, future))
            return await future
        finally:
            self._inside -= 1

    @property
    def inside(self) -> int:
        """Askers that have no answer yet."""
        return self._inside

    def close(self) -> None:
        """Finish what was asked before, then end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group = [first]
            ends = False
            while len(group) < self._most and not ends:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    ends = True
                else:
                    group.append(more)
            self._answer(group)
            if ends:
                return

    def _answer(self, group: list[_Ask[Asked, Told]]) -> None:
        told: Sequence[Told | Exception]
        try:
            told = self._work([one.asked for one in group])
        except Exception as error:  # noqa: BLE001 - each asker gets it; the thread must live on
            told = [error] * len(group)
        loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Told], Told | Exception]]]
        loops = {}
        for one, answer in zip(group, told, strict=True):
            loops.setdefault(one.loop, []).append((one.future, answer))
        for loop, answers in loops.items():
            loop.call_soon_threadsafe(_deliver, answers)


class _Ask(Generic[Asked, Told]):
    __slots__ = ("asked", "future", "loop")

    def __init__(
        self, asked: Asked, loop: asyncio.AbstractEventLoop, future: asyncio.Future[Told]
    ) -> None:
        self.asked = asked
        self.loop = loop
        self.future = future


def _deliver(answers: Sequence[tuple[asyncio.Future[Told], Told | Exception]]) -> None:
    for future, answer in answers:
        if future.done():  # the asker has gone
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
