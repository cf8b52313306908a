"""One issuer's events, or all, over one connection: for who needs them once and keeps nothing.

An audit reads by `log_reader`: several ranges at a time, into a store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.errors import AnswerTooLong, MalformedValue, NodeRefused, NodeTooSlow
from registry.formats.log_slices import read_event
from registry.formats.raw_log import BadLog, logs_query, read_logs
from registry.nodes.log_ranges import RangeControl
from registry.rpc_hex import data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry.formats.events import Event
    from registry.nodes.rpc import Node
    from registry.values import Address, IssuerId


def read_placed(
    node: Node, registry: Address, first: int, last: int, *, issuer_id: IssuerId | None = None
) -> Iterator[tuple[int, Event]]:
    """Yield events of blocks `first` to `last`, both counted, in order, with their blocks' numbers.

    A range that the node refuses is cut smaller, down to one block. Raises ChainError as `rpc`
    does, and BadLog for logs that cannot be.
    """
    control = RangeControl()
    while first <= last:
        until = min(first + control.span - 1, last)
        blocks = until - first + 1
        try:
            answer = node.call("eth_getLogs", [logs_query(registry, first, until, issuer_id)])
        except (NodeRefused, AnswerTooLong, NodeTooSlow) as refusal:
            if blocks == 1:
                raise
            control.refused(blocks, str(refusal))
            continue
        logs = read_logs(node.name, answer, registry, first, until)
        for log in logs:
            try:
                yield log.block, read_event(log)
            except MalformedValue as fault:
                reason = f"is none that the registry writes ({fault})"
                raise BadLog(node.name, "impossible", log.block, reason) from None
        control.answered(blocks, len(logs))
        first = until + 1


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
