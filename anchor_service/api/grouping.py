"""The same work for many askers at once: group commit, group look-up.

Who asks in one turn of the event loop is handed over together, and while one group is at work the
next one gathers; so a database that takes a millisecond to commit answers hundreds of requests in
it, and a request that comes alone waits for nobody.

What takes microseconds is done in the event loop itself: to wake a thread, and to be woken by it,
takes longer, and on a busy machine each of the two waits for its turn. Once it had to wait itself
(for a page from the disk, or for what nobody thought of), threads do it for a while, and the loop
goes on.
"""

from __future__ import annotations

import asyncio
import math
import queue
import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from anchor_service.api.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

try:
    from resource import RUSAGE_THREAD, getrusage
except ImportError:  # not every system counts it for each thread

    def _blocks_read() -> int:
        return 0
else:

    def _blocks_read() -> int:
        """What this thread has had to wait for a disk to read."""
        return getrusage(RUSAGE_THREAD).ru_inblock


# For each of a group; longer than a busy machine keeps a process from going on.
_LONG_S = 0.1
# For so long a thread does what had to wait once.
_APART_S = 1.0

Asked = TypeVar("Asked")
Told = TypeVar("Told")


class Grouped(Generic[Asked, Told]):
    """work: gets a group in the order of arrival, gives one answer or error for each.

    All ask in one event loop. most: askers in one group. waiting: askers in all; more are refused
    at once (Unavailable). threads: how many groups may wait for a disk at once. quick: the work
    takes microseconds where it need not wait; then it is done in the event loop, too.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Sequence[Asked]], Sequence[Told | Exception]],
        *,
        most: int,
        waiting: int,
        threads: int = 1,
        quick: bool = False,
    ) -> None:
        self._work = work
        self._most = most
        self._waiting = waiting
        self._loop: asyncio.AbstractEventLoop | None = None  # of those who ask
        self._inside = 0
        self._gathered: list[_Ask[Asked, Told]] = []
        # Groups of those who asked in one turn; at the end None, once for each thread.
        self._queue: queue.SimpleQueue[list[_Ask[Asked, Told]] | None] = queue.SimpleQueue()
        # Until then (monotonic) the threads do it.
        self._apart_until = 0.0 if quick else math.inf
        self._threads = [
            threading.Thread(target=self._run, name=name, daemon=True) for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    async def ask(self, asked: Asked) -> Told:
        """What was told, or raises what the work gave; the work began after this was called."""
        if self._inside >= self._waiting:
            raise Unavailable("The service is full; try again.")
        loop = self._loop = asyncio.get_running_loop()
        future: asyncio.Future[Told] = loop.create_future()
        self._inside += 1
        try:
            if not self._gathered:
                loop.call_soon(self._begin)
            self._gathered.append(_Ask(asked, future))
            return await future
        finally:
            self._inside -= 1

    @property
    def inside(self) -> int:
        """Askers that have no answer yet."""
        return self._inside

    def close(self) -> None:
        """Finish what was asked before, then end the threads."""
        self._hand_over()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _begin(self) -> None:
        start, read, asked = monotonic(), _blocks_read(), len(self._gathered)
        if start < self._apart_until:
            self._hand_over()
            return
        for group in self._groups():
            _deliver(group, self._told(group))
        end = monotonic()
        if _blocks_read() > read or end - start > _LONG_S * asked:
            self._apart_until = end + _APART_S

    def _hand_over(self) -> None:
        for group in self._groups():
            self._queue.put(group)

    def _groups(self) -> Iterator[list[_Ask[Asked, Told]]]:
        """Those who asked in this turn."""
        gathered, self._gathered = self._gathered, []
        for first in range(0, len(gathered), self._most):
            yield gathered[first : first + self._most]

    def _run(self) -> None:
        left: deque[_Ask[Asked, Told]] = deque()
        ends = False
        while left or not ends:
            # Waits where there is nothing to do; else takes what has gathered meanwhile.
            while not ends and len(left) < self._most:
                try:
                    more = self._queue.get(block=not left)
                except queue.Empty:
                    break
                if more is None:
                    ends = True
                else:
                    left.extend(more)
            group = [left.popleft() for _ in range(min(len(left), self._most))]
            if group:
                assert self._loop is not None
                self._loop.call_soon_threadsafe(_deliver, group, self._told(group))

    def _told(self, group: Sequence[_Ask[Asked, Told]]) -> Sequence[Told | Exception]:
        try:
            return self._work([one.asked for one in group])
        except Exception as error:  # noqa: BLE001 - each asker gets it; the thread must live on
            return [error] * len(group)


class _Ask(NamedTuple, Generic[Asked, Told]):
    asked: Asked
    future: asyncio.Future[Told]


def _deliver(group: Sequence[_Ask[Asked, Told]], told: Sequence[Told | Exception]) -> None:
    for one, answer in zip(group, told, strict=True):
        if one.future.done():  # the asker has gone
            continue
        if isinstance(answer, Exception):
            one.future.set_exception(answer)
        else:
            one.future.set_result(answer)
