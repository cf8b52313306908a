"""How many blocks to ask a node for at once: few enough for it, many enough to get on.

Pure bookkeeping for `log_reader`. What a node bears is counted in logs as much as in blocks, so a
range grows by a part while answers are small and is cut in proportion when one is large; a refusal
halves it, unless the node's words say what it would take.
"""

from __future__ import annotations

import re

TARGET_LOGS = 1_000
"""Logs in one answer, some MB of JSON: less than providers refuse, worth a round trip, and ten
times as much while it is read."""

FIRST_SPAN = 16
"""A few doublings make it what a quiet chain bears; full blocks would fill the memory at once."""

LARGEST_SPAN = 1_000_000
_CALM = 16
"""Answers at a limit that only a refusal told of, after which a little more is tried."""

_SUGGESTED = re.compile(r"\[\s*(0x[0-9a-f]{1,16})\s*,\s*(0x[0-9a-f]{1,16})\s*\]", re.IGNORECASE)
_LIMIT = re.compile(
    r"(?:max(?:imum)?|limit(?:ed)?|up to|over|exceed\w*|within|at most|more than|allowed)"
    r"[^0-9\[]{0,48}?(?:0\s*-\s*)?(\d{1,3}(?:[,_]\d{3})+|\d{1,9})\s*(k\b)?",
    re.IGNORECASE,
)
_OF_BLOCKS = re.compile(r"block|range", re.IGNORECASE)
_OF_RESULTS = re.compile(
    r"\s*(?:results?|logs?|events?|records?|entries|bytes|[mk]i?b\b)", re.IGNORECASE
)
_RATE = re.compile(
    r"rate.?limit|too many requests|requests? (?:per|rate|limit)|throttl|per second"
    r"|try again (?:later|in)|capacity exceeded|credits",
    re.IGNORECASE,
)


class RangeControl:
    """span: the blocks to ask for next, from 1 up."""

    def __init__(self, first_span: int = FIRST_SPAN, target_logs: int = TARGET_LOGS) -> None:
        self.span = first_span
        self._target = target_logs
        self._ceiling = LARGEST_SPAN
        self._pinned = False
        self._calm = 0

    def answered(self, blocks: int, logs: int) -> None:
        """Note an answer to `blocks` blocks that held `logs` logs."""
        if 2 * logs > 3 * self._target:
            self.span = min(self.span, max(1, blocks * self._target // logs))
        elif blocks >= self.span:  # the last range is shorter, and says little of longer ones
            self._probe()
            more = self.span if 4 * logs < self._target else max(1, self.span // 8)
            self.span = min(self.span + more, self._ceiling)

    def refused(self, blocks: int, message: str) -> None:
        """Note that `blocks` blocks were too many; `message` may say how many are not."""
        hint = hinted_span(message, blocks)
        self._pinned = hint is not None
        self._calm = 0
        self._ceiling = min(self._ceiling, hint or max(1, blocks // 2))
        self.span = min(self.span, self._ceiling)

    def pieces(self, first: int, last: int) -> list[tuple[int, int]]:
        """Blocks `first` to `last`, both counted, in ranges of the present span."""
        return [
            (start, min(start + self.span - 1, last)) for start in range(first, last + 1, self.span)
        ]

    def _probe(self) -> None:
        if self.span < self._ceiling or self._pinned:
            return
        self._calm += 1
        if self._calm >= _CALM:
            self._calm = 0
            self._ceiling = min(self._ceiling + max(1, self._ceiling // 8), LARGEST_SPAN)


def hinted_span(message: str, asked: int) -> int | None:
    """The blocks that a refusal of `asked` blocks says would do; None where it does not say.

    Providers put it in words: a range in brackets to try instead, or the most that they take.
    """
    suggested = _SUGGESTED.search(message)
    if suggested:
        span = int(suggested[2], 16) - int(suggested[1], 16) + 1
        return span if 1 <= span < asked else None
    if not _OF_BLOCKS.search(message):
        return None
    spans = [
        int(re.sub(r"[,_]", "", found[1])) * (1000 if found[2] else 1)
        for found in _LIMIT.finditer(message)
        if not _OF_RESULTS.match(message, found.end())
    ]
    fitting = [span for span in spans if 1 <= span < asked]
    return max(fitting) if fitting else None


def is_rate_limit(message: str) -> bool:
    """Whether a refusal is of so many requests, not of this one."""
    return bool(_RATE.search(message)) and not _SUGGESTED.search(message)
