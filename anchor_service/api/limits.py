"""Token buckets: how fast one key, or one address without a key, may ask.

They are counted in this process: n processes let n times as much through.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anchor_service.api.errors import TooMany

if TYPE_CHECKING:
    from collections.abc import Callable

# Of a bucket that is not used it is only known that it is full: the longest unused may go.
_MOST_BUCKETS = 65_536


@dataclass(frozen=True, slots=True)
class Rate:
    """per_second: requests in the long run; burst: at once, after a rest."""

    per_second: float
    burst: float


class Buckets:
    """One bucket a name. clock: seconds, monotonic. Used by the event loop alone."""

    def __init__(self, rate: Rate, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, cost: float = 1.0) -> None:
        """Raises TooMany with the time until `cost` is there; then nothing is taken."""
        level = self._level(name)
        if level < cost:
            raise TooMany((cost - level) / self._rate.per_second)
        self._set(name, level - cost)

    def is_empty(self, name: str) -> bool:
        return self._level(name) < 1

    def __len__(self) -> int:
        return len(self._levels)

    def _level(self, name: str) -> float:
        level, seen = self._levels.get(name, (self._rate.burst, self._clock()))
        return min(self._rate.burst, level + (self._clock() - seen) * self._rate.per_second)

    def _set(self, name: str, level: float) -> None:
        self._levels[name] = level, self._clock()
        self._levels.move_to_end(name)
        if len(self._levels) > _MOST_BUCKETS:
            self._levels.popitem(last=False)
