"""Reads many slots: some are asked for and checked while others are on their way."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from registry.values import Slot

    ReadSlots = Callable[[Sequence[Slot]], dict[Slot, bytes]]
    """32 bytes for each slot as of the audit's block, however they are known; from any thread."""

_T = TypeVar("_T")

_AT_ONCE = 1_000
"""Slots in one request."""
_IN_FLIGHT = 2


def read_ahead(
    read: ReadSlots, wanted: Iterator[tuple[Slot, _T]]
) -> Iterator[list[tuple[bytes, _T]]]:
    """Give what each slot holds with what it is wanted for, in order, some at once.

    Raises what `read` raises.
    """
    line: deque[tuple[list[tuple[Slot, _T]], Future[dict[Slot, bytes]]]] = deque()
    with ThreadPoolExecutor(_IN_FLIGHT, thread_name_prefix="slots") as threads:
        try:
            while True:
                some = list(islice(wanted, _AT_ONCE))
                if some:
                    line.append((some, threads.submit(read, [slot for slot, _ in some])))
                if not line:
                    return
                if not some or len(line) > _IN_FLIGHT:
                    some, values = line.popleft()
                    held = values.result()
                    yield [(held[slot], one) for slot, one in some]
        finally:
            threads.shutdown(wait=True, cancel_futures=True)
