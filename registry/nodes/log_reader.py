"""Asks nodes for the registry's logs: ranges that fit them, several in flight, given in order.

A refused range is cut smaller, a busy node is given the rest it asks for, and one that does not
answer is asked again until its patience's end; then the next node is asked. What was given was
answered whole: whoever stores a range with its end can go on from there after any stop.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from registry.errors import AnswerTooLong, NodeBusy, NodeRefused, NodeTooSlow, NodeUnreachable
from registry.formats.raw_log import BadLog, RawLog, logs_query, read_logs
from registry.nodes.connections import Connections
from registry.nodes.log_ranges import FIRST_SPAN, TARGET_LOGS, RangeControl, is_rate_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from registry.formats.strict_json import JsonObject
    from registry.nodes.rpc import Node
    from registry.values import Address, BlockHash

PATIENCE_S = 60.0
IN_FLIGHT = 4
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.25, 10.0
_GOOD_ANSWERS = 8
"""In a row, before one request more is put in flight again."""


class Range(NamedTuple):
    """Every log of blocks `first` to `last`, both counted, as one node has them."""

    first: int
    last: int
    logs: list[RawLog]


@dataclass(frozen=True, slots=True)
class Pace:
    """patience_s: how long to go without any answer; wait: sleeps that many seconds.

    first_span, target_logs: blocks to begin with, and logs to aim at in one answer.
    """

    patience_s: float = PATIENCE_S
    in_flight: int = IN_FLIGHT
    first_span: int = FIRST_SPAN
    target_logs: int = TARGET_LOGS
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def read_ranges(
    open_nodes: Sequence[Callable[[], Node]],
    registry: Address,
    first: int,
    last: int,
    pace: Pace | None = None,
) -> Generator[Range, None, None]:
    """Give all logs of blocks `first` to `last`, both counted, range after range, none left out.

    open_nodes: makes a connection to each node that may be asked, the first one first. Raises
    ChainError as `rpc` does once the last node's patience is at its end, NodeRefused where a node
    does not take a single block, and BadLog for logs that cannot be.
    """
    pace = pace or Pace()
    with closing(Connections()) as connections, _threads(pace.in_flight) as threads:
        reading = _Reading(threads, connections, list(open_nodes), registry, pace)
        yield from reading.ranges(first, last)


@contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    threads = ThreadPoolExecutor(count, thread_name_prefix="logs")
    try:
        yield threads
    finally:
        threads.shutdown(wait=True, cancel_futures=True)


@dataclass(slots=True)
class _Piece:
    """answer: None until it is asked for."""

    first: int
    last: int
    answer: Future[list[RawLog]] | None = None


class _Reading:
    """One run of `read_ranges`. All decisions are the caller's thread's; threads only ask."""

    def __init__(
        self,
        threads: ThreadPoolExecutor,
        connections: Connections,
        open_nodes: list[Callable[[], Node]],
        registry: Address,
        pace: Pace,
    ) -> None:
        self._threads = threads
        self._connections = connections
        self._open_nodes = open_nodes
        self._registry = registry
        self._pace = pace
        self._control = RangeControl(pace.first_span, pace.target_logs)
        self._in_flight = 1  # until one answer has told how full the blocks are
        self._begun = False
        self._good = 0
        self._wait_s = _FIRST_WAIT_S
        self._heard = pace.clock()
        self._line: deque[_Piece] = deque()

    def ranges(self, first: int, last: int) -> Iterator[Range]:
        while self._line or first <= last:
            while first <= last and len(self._line) < self._in_flight:
                until = min(first + self._control.span - 1, last)
                self._line.append(_Piece(first, until))
                first = until + 1
            for piece in islice(self._line, self._in_flight):
                if piece.answer is None:
                    piece.answer = self._threads.submit(self._fetch, piece.first, piece.last)
            piece = self._line.popleft()
            logs = self._answer(piece)
            if logs is not None:
                yield Range(piece.first, piece.last, logs)

    def _answer(self, piece: _Piece) -> list[RawLog] | None:
        """The logs; None where the range was put back, whole or in pieces, to be asked anew."""
        blocks = piece.last - piece.first + 1
        assert piece.answer is not None
        try:
            logs = piece.answer.result()
        except (NodeRefused, AnswerTooLong, NodeTooSlow) as refusal:
            if isinstance(refusal, NodeRefused) and is_rate_limit(refusal.message):
                self._rest(refusal, None)
            elif blocks > 1:
                self._control.refused(blocks, str(refusal))
            elif isinstance(refusal, NodeTooSlow):
                self._rest(refusal, None)
            else:
                raise
            self._put_back(piece)
            return None
        except NodeUnreachable as silence:
            self._rest(silence, silence.retry_after_s if isinstance(silence, NodeBusy) else None)
            self._put_back(piece)
            return None
        self._heard_from(blocks, len(logs))
        return logs

    def _heard_from(self, blocks: int, logs: int) -> None:
        self._control.answered(blocks, logs)
        self._heard, self._wait_s = self._pace.clock(), _FIRST_WAIT_S
        if not self._begun:
            self._begun, self._in_flight = True, self._pace.in_flight
        self._good += 1
        if self._good >= _GOOD_ANSWERS:
            self._good, self._in_flight = 0, min(self._in_flight + 1, self._pace.in_flight)

    def _put_back(self, piece: _Piece) -> None:
        pieces = [_Piece(*one) for one in self._control.pieces(piece.first, piece.last)]
        self._line.extendleft(reversed(pieces))

    def _rest(self, silence: NodeUnreachable | NodeRefused, asks_for_s: float | None) -> None:
        """Wait before the next question; raises `silence` where the time for that is over."""
        self._good, self._in_flight = 0, max(1, self._in_flight // 2)
        wait_s = self._wait_s if asks_for_s is None else asks_for_s
        if self._pace.clock() + wait_s - self._heard > self._pace.patience_s:
            if len(self._open_nodes) == 1:
                raise silence
            del self._open_nodes[0]
            self._heard, wait_s = self._pace.clock(), 0.0
        self._wait_s = min(2 * self._wait_s, _LONGEST_WAIT_S)
        self._pace.wait(wait_s)

    def _fetch(self, first: int, last: int) -> list[RawLog]:
        node = self._connections.mine(self._open_nodes[0])
        answer = node.call("eth_getLogs", [logs_query(self._registry, first, last)])
        return read_logs(node.name, answer, self._registry, first, last)


def logs_of_block(
    node: Node, registry: Address, number: int, block_hash: BlockHash
) -> list[RawLog]:
    """The registry's logs of that very block, whatever the chain is by now (EIP-234)."""
    query: JsonObject = {"address": registry.to_hex(), "blockHash": block_hash.to_hex()}
    logs = read_logs(node.name, node.call("eth_getLogs", [query]), registry, number, number)
    if any(log.block_hash != block_hash for log in logs):
        raise BadLog(node.name, "foreign", number, "is of another block of that number")
    return logs
