"""How long to wait for nodes, and how often to ask again: retries with back-off in a time limit."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from registry.errors import NodeBusy, NodeTooSlow, NodeUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_T = TypeVar("_T")

_FIRST_WAIT_S = 0.25
_LONGEST_WAIT_S = 8.0
_TRIES_WHERE_NOBODY_ANSWERS = 3
"""A refused or broken connection is asked again at once; a node that is down stays down."""


class Patience:
    """One time limit for any number of questions."""

    def __init__(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds

    @property
    def left(self) -> float:
        return max(self.until - time.monotonic(), 0.0)

    def call(self, ask: Callable[[], _T]) -> _T:
        """Ask until there is an answer: after a longer wait each time, or as the node asks.

        Raises what `ask` raises: at once for what another try would not change, else once the
        next try would be too late.
        """
        wait, tries = _FIRST_WAIT_S, 0
        while True:
            tries += 1
            try:
                return ask()
            except NodeUnreachable as fault:
                patient = isinstance(fault, (NodeBusy, NodeTooSlow))
                asked = fault.retry_after_s if isinstance(fault, NodeBusy) else None
                pause = max(wait, asked or 0.0)
                if pause > self.left or not (patient or tries < _TRIES_WHERE_NOBODY_ANSWERS):
                    raise
            time.sleep(pause)
            wait = min(2 * wait, _LONGEST_WAIT_S)


def at_once(
    tasks: Sequence[Callable[[], _T]], patience: Patience
) -> Iterator[tuple[int, _T | Exception]]:
    """Run all tasks at the same time; yield each one's number and answer, or what it raised.

    Ends with the last answer or with the time; whoever has not answered by then is left behind in
    a thread that keeps no process alive, so its node must not be used again.
    """
    answers: queue.SimpleQueue[tuple[int, _T | Exception]] = queue.SimpleQueue()

    def run(number: int, task: Callable[[], _T]) -> None:
        try:
            answers.put((number, task()))
        except Exception as fault:  # noqa: BLE001 - handed to who asked
            answers.put((number, fault))

    for number, task in enumerate(tasks):
        threading.Thread(target=run, args=(number, task), daemon=True).start()
    for _ in tasks:
        try:
            yield answers.get(timeout=patience.left)
        except queue.Empty:
            return
