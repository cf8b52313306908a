"""Logs are read by a process apart, so that they are read and replayed at once, on two cores.

The process is a fork: it has the nodes, and asks them over connections of its own. Whatever becomes
of the one that replays, the other ends with it: its next answer finds the pipe closed.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from multiprocessing import Pipe, get_context
from typing import TYPE_CHECKING, TypeAlias

from registry.errors import NodeUnreachable, RegistryError
from registry.formats.raw_log import RawLog
from registry.nodes.log_reader import Range, read_ranges

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from multiprocessing.connection import Connection

    from registry.nodes.log_reader import Pace
    from registry.nodes.rpc import Node
    from registry.values import Address

    _Plain: TypeAlias = tuple[int, int, list[tuple[int, bytes, int, bytes, bytes, bytes]]]

_PICKLE = 5


def can_read_apart() -> bool:
    """Where a fork is safe and of use: on Linux, without threads, with a second core."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1
    return cores > 1 and threading.active_count() == 1


def read_ranges_apart(
    open_nodes: Sequence[Callable[[], Node]],
    registry: Address,
    first: int,
    last: int,
    pace: Pace,
) -> Generator[Range, None, None]:
    """What `log_reader.read_ranges` gives, or raises; NodeUnreachable if the process is killed."""
    return apart(lambda: read_ranges(open_nodes, registry, first, last, pace))


def apart(ranges: Callable[[], Iterator[Range]]) -> Generator[Range, None, None]:
    """What `ranges` gives, or raises, in a fork; NodeUnreachable if that is killed."""
    with _process(ranges) as pipe:
        while True:
            try:
                told = pickle.loads(pipe.recv_bytes())  # noqa: S301 - our own fork's
            except (EOFError, OSError):  # between two ranges, or within one
                raise NodeUnreachable(
                    "the process that reads logs was killed; begin again, what was stored is kept"
                ) from None
            if told is None:
                return
            if isinstance(told, _Raised):
                raise told.error()
            yield Range(told[0], told[1], list(map(RawLog._make, told[2])))


@contextmanager
def _process(ranges: Callable[[], Iterator[Range]]) -> Iterator[Connection]:
    """A fork that sends `ranges`; it is ended when it is left."""
    mine, its = Pipe(duplex=False)
    process = get_context("fork").Process(target=_send, args=(mine, its, ranges), daemon=True)
    process.start()
    its.close()
    try:
        yield mine
    finally:
        mine.close()
        process.terminate()
        process.join()


def _send(other: Connection, pipe: Connection, ranges: Callable[[], Iterator[Range]]) -> None:
    other.close()  # or the pipe would stay open without its reader
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's is meant for the one that began
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(BrokenPipeError):  # nobody reads any more
        try:
            for one in ranges():
                told: _Plain = (one.first, one.last, [log[:] for log in one.logs])
                pipe.send_bytes(pickle.dumps(told, _PICKLE))
            pipe.send_bytes(pickle.dumps(None))
        except RegistryError as error:
            pipe.send_bytes(pickle.dumps(_Raised(error)))


class _Raised:
    """An error as it was raised, whatever its class takes to be made."""

    def __init__(self, error: RegistryError) -> None:
        self._kind = type(error)
        self._arguments = error.args
        self._members = error.__dict__

    def error(self) -> RegistryError:
        made = self._kind.__new__(self._kind, *self._arguments)
        made.args = self._arguments
        made.__dict__.update(self._members)
        return made
