"""The same work for many askers at once: group commit, group look-up.

Who asks in one turn of the event loop is handed over together, and while one group is at work the
next one gathers; so a database that takes a millisecond to commit answers hundreds of requests in
it, and a request that comes alone waits for nobody.

What takes microseconds is done in the event loop itself: to wake a thread, and to be woken by it,
takes longer, and on a busy machine each of the two waits for its turn. Once it had to wait itself
(for a page from the disk, or for what nobody thought of), a thread does it for a while, and the
loop goes on.
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
    from collections.abc import Callable, Sequence

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
_LONG_S = 0.02
# For so long a thread does what had to wait once.
_APART_S = 1.0

Asked = TypeVar("Asked")
Told = TypeVar("Told")


class Grouped(Generic[Asked, Told]):
    """work: gets a group in the order of arrival, gives one answer or error for each.

    All ask in one event loop. most: askers in one group. waiting: askers in all; more are refused
    at once (Unavailable). quick: the work takes microseconds, and waits for a disk at the most; it
    is done in either thread, or in both at once.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Sequence[Asked]], Sequence[Told | Exception]],
        *,
        most: int,
        waiting: int,
        quick: bool = False,
    ) -> None:
        self._work = work
        self._most = most
        self._waiting = waiting
        self._loop: asyncio.AbstractEventLoop | None = None  # of those who ask
        self._inside = 0
        self._gathered: list[_Ask[Asked, Told]] = []
        # Lists of those who asked in one turn; None at the end.
        self._queue: queue.SimpleQueue[list[_Ask[Asked, Told]] | None] = queue.SimpleQueue()
        # Until then (monotonic) the thread does it.
        self._apart_until = 0.0 if quick else math.inf
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

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
        """Finish what was asked before, then end the thread."""
        self._hand_over()
        self._queue.put(None)
        self._thread.join()

    def _begin(self) -> None:
        start, read = monotonic(), _blocks_read()
        if start < self._apart_until or not 0 < len(self._gathered) <= self._most:
            self._hand_over()
            return
        group, self._gathered = self._gathered, []
        _deliver(group, self._told(group))
        end = monotonic()
        if _blocks_read() > read or end - start > _LONG_S * len(group):
            self._apart_until = end + _APART_S

    def _hand_over(self) -> None:
        self._queue.put(self._gathered)
        self._gathered = []

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
