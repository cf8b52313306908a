"""Asks a node for the registry's logs, in ranges that fit it, and reads them as events.

Order and place are checked here; whether the events can follow one another is `replay`'s to say,
and whether any was left out shows only against storage: see `auditor`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry import events
from registry.errors import MalformedValue, NodeInconsistent, NodeRefused
from registry.rpc import data, quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from registry.events import Event
    from registry.rpc import Node
    from registry.strict_json import JsonObject, JsonValue
    from registry.values import Address, IssuerId

_FIRST_RANGE = 2_000
_LARGEST_RANGE = 1_000_000
_GROW_BELOW = 2_500
"""Logs in an answer: ranges double while answers stay smaller, towards some 5,000 logs each."""


def read_events(
    node: Node,
    registry: Address,
    first: int,
    last: int,
    advance: Callable[[int], None] = lambda _: None,
) -> Iterator[Event]:
    """Yield the registry's events in blocks `first` to `last`, both counted, in the chain's order.

    A range that the node refuses is halved, down to one block. `advance` is told how many blocks
    each answer covered. Raises ChainError as `rpc` does; NodeInconsistent for logs of another
    contract, outside the range, out of order, or such as the contract cannot have written.
    """
    for _, event in read_placed(node, registry, first, last, advance):
        yield event


def read_placed(
    node: Node,
    registry: Address,
    first: int,
    last: int,
    advance: Callable[[int], None] = lambda _: None,
    *,
    issuer_id: IssuerId | None = None,
) -> Iterator[tuple[int, Event]]:
    """Yield events as `read_events` does, each with its block's number; or one issuer's alone."""
    span = _FIRST_RANGE
    while first <= last:
        until = min(first + span - 1, last)
        try:
            answer = _logs(node, registry, first, until, issuer_id)
        except NodeRefused:
            if span == 1:
                raise
            span = max(span // 4, 1)
            continue
        yield from _in_order(node, registry, answer, first, until)
        advance(until - first + 1)
        first = until + 1
        if len(answer) < _GROW_BELOW:
            span = min(span * 2, _LARGEST_RANGE)


def deployment_block(node: Node, registry: Address, last: int) -> int:
    """The first block whose state has code at `registry`, by bisection.

    0 where the node does not know old states: then all of the chain is searched for logs.
    """
    low, high = 0, last
    try:
        while low < high:
            middle = (low + high) // 2
            answer = node.call("eth_getCode", [registry.to_hex(), hex(middle)])
            low, high = (low, middle) if data(answer, "code") else (middle + 1, high)
    except NodeRefused:
        return 0
    return low


def _logs(
    node: Node, registry: Address, first: int, last: int, issuer_id: IssuerId | None
) -> list[JsonValue]:
    query: JsonObject = {
        "address": registry.to_hex(),
        "fromBlock": hex(first),
        "toBlock": hex(last),
    }
    if issuer_id is not None:
        query["topics"] = [None, issuer_id.to_hex()]  # of every event the first argument
    answer = node.call("eth_getLogs", [query])
    if not isinstance(answer, list):
        raise NodeInconsistent(f"{node.name}: logs that are no list")
    return answer


def _in_order(
    node: Node, registry: Address, answer: list[JsonValue], first: int, last: int
) -> Iterator[tuple[int, Event]]:
    before = (first, -1)
    for log in answer:
        if not isinstance(log, dict) or log.get("removed"):
            raise NodeInconsistent(f"{node.name}: a log that is none, or was removed")
        place = (quantity(log.get("blockNumber"), "block"), quantity(log.get("logIndex"), "log"))
        if not before < place <= (last, 2**64):
            raise NodeInconsistent(f"{node.name}: log {place} out of order, or not asked for")
        if data(log.get("address"), "address") != registry:
            raise NodeInconsistent(f"{node.name}: a log of another contract")
        before = place
        yield place[0], _event(node, log, place)


def _event(node: Node, log: JsonObject, place: tuple[int, int]) -> Event:
    topics = log.get("topics")
    try:
        return events.read_log(
            [data(one, "topic") for one in (topics if isinstance(topics, list) else [])],
            data(log.get("data"), "log data"),
        )
    except MalformedValue as fault:
        raise NodeInconsistent(
            f"{node.name}: log {place} is none that the registry writes: {fault}"
        ) from None
