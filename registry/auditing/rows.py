"""Logs to the rows of an auditor's store: read, replayed, and written down as columns. Pure."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, NamedTuple

import orjson

from registry.errors import HistoryBroken, MalformedValue
from registry.formats import events as ev
from registry.formats.log_slices import read_event
from registry.formats.raw_log import BadLog, RawLog
from registry.formats.storage import LANES_PER_WORD
from registry.proofs.replay import apply
from registry.values import FixedBytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from registry.formats.history import HistoryHash
    from registry.formats.state import State
    from registry.values import IssuerId

_EXACT = 2**53
"""Beyond it JSON's readers lose digits: such a number is written as text."""


class Applied(NamedTuple):
    """One log's event.

    history: its issuer's after it; None where it cannot follow, or comes after one that could not.
    fault: why, at the first of those.
    """

    log: RawLog
    event: ev.Event
    history: HistoryHash | None
    fault: str | None


def apply_logs(
    logs: Sequence[RawLog],
    broken: set[IssuerId],
    load: Callable[[Sequence[ev.Event]], State],
) -> tuple[list[Applied], State]:
    """Read and replay logs that follow what is stored. broken: issuers whose history has ended.

    load: gives the state that the events need. An issuer's history ends at its first event that
    cannot follow; the other issuers' go on. Raises BadLog for a log that the contract cannot write.
    """
    events = [_event(log) for log in logs]
    state = load(events)
    ended = set(broken)
    applied: list[Applied] = []
    for log, event in zip(logs, events, strict=True):
        if event.issuer_id in ended:
            applied.append(Applied(log, event, None, None))
            continue
        try:
            apply(state, event, log.data)
        except HistoryBroken as fault:
            ended.add(event.issuer_id)
            applied.append(Applied(log, event, None, fault.reason))
        else:
            history = state.issuers[event.issuer_id].history
            applied.append(Applied(log, event, history, None))
    return applied, state


def _event(log: RawLog) -> ev.Event:
    try:
        return read_event(log)
    except MalformedValue as fault:
        raise BadLog(
            "the node", "impossible", log.block, f"is none that the registry writes ({fault})"
        ) from None


def log_rows(logs: Sequence[RawLog], before: int) -> Iterator[tuple[object, ...]]:
    """before: how many logs are stored already."""
    for number, log in enumerate(logs, before + 1):
        yield number, *log


def operation_rows(applied: Sequence[Applied], before: int) -> Iterator[tuple[object, ...]]:
    for number, (_, event, history, _) in enumerate(applied, before + 1):
        root: bytes | None = getattr(event, "root", None)
        change = leaves = detail = None
        if isinstance(event, ev.Anchored):
            leaves = event.size
        elif isinstance(event, ev.StatusChanged):
            change = event.change.name
            leaves = sum(lanes.mask.bit_count() for lanes in event.lanes)
            detail = f'{{"nonce":"{event.nonce}"}}' if event.nonce else None
        else:
            detail = details(event)
        yield (
            number,
            event.issuer_id,
            event.operation,
            type(event).__name__,
            event.timestamp,
            event.actor,
            root,
            change,
            leaves,
            detail,
            history,
        )


def lane_rows(applied: Sequence[Applied], before: int) -> Iterator[tuple[int, int]]:
    for number, (_, event, history, _) in enumerate(applied, before + 1):
        if history is not None and isinstance(event, ev.StatusChanged):
            for leaf in leaves_of(event):
                yield number, leaf


def leaves_of(event: ev.StatusChanged) -> list[int]:
    """The leaves that a status change names, each once, in order."""
    found: set[int] = set()
    for word, mask in event.lanes:
        left = mask
        while left:
            lowest = left & -left
            found.add(LANES_PER_WORD * word + (lowest.bit_length() - 1) // 2)
            left ^= lowest
    return sorted(found)


def details(event: ev.Event) -> str | None:
    """What an event says beyond issuer, number, time, actor and root, as JSON; None: no more."""
    members = {
        _camel(field.name): _shown(getattr(event, field.name))
        for field in fields(event)[len(fields(ev.Event)) :]
        if field.name != "root"
    }
    return orjson.dumps(members).decode() if members else None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join("URI" if word == "uri" else word.capitalize() for word in rest)


def _shown(value: object) -> object:
    if isinstance(value, FixedBytes):
        return value.to_hex()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, int) and value >= _EXACT:
        return str(value)
    return value
