"""How far long work has come: a bar on a terminal, plain lines in a pipe, nothing if asked."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Self, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from tqdm import tqdm

_LINE_EVERY_S, _STILL_EVERY_S = 5.0, 60.0
"""In a pipe: often enough to see that it moves, seldom enough for a log."""


class Progress:
    """A bar with rate and time left, to stderr: stdout is for answers.

    In a pipe at most one line in five seconds, of a tenth more or a minute later, and a closing
    line where anything was done. total None: the amount is not known beforehand.
    """

    def __init__(
        self,
        label: str,
        total: int | None,
        unit: str,
        *,
        quiet: bool = False,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label = label
        self._total = total
        self._unit = unit
        self._quiet = quiet
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._done = self._told = 0
        self._bar: tqdm[Any] | None = None
        self._start = self._last_line = clock()

    def __enter__(self) -> Self:
        if not self._quiet and self._stream.isatty():
            from tqdm import tqdm

            tqdm.monitor_interval = 0  # its thread would stand in the way of a fork
            self._bar = tqdm(
                total=self._total,
                desc=self._label,
                unit=f" {self._unit}",
                file=self._stream,
                leave=False,
                dynamic_ncols=True,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self._done and not self._quiet:
            self._line("done" if kind is None else "when it stopped")

    def advance(self, count: int = 1) -> None:
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
        elif not self._quiet and self._is_due(self._clock() - self._last_line):
            self._line("so far")
            self._last_line, self._told = self._clock(), self._done

    def _is_due(self, waited_s: float) -> bool:
        if waited_s < _LINE_EVERY_S:
            return False
        is_tenth = self._total is None or (self._done - self._told) * 10 >= self._total
        return is_tenth or waited_s >= _STILL_EVERY_S

    def _line(self, state: str) -> None:
        elapsed = max(self._clock() - self._start, 1e-9)
        rate = self._done / elapsed
        amount = f"{self._done:,}" + (f" of {self._total:,}" if self._total is not None else "")
        parts = [f"{self._label}: {amount} {self._unit} {state}", f"{rate:,.0f}/s"]
        if state != "so far":
            parts.append(f"{elapsed:.1f} s")
        elif self._total is not None and rate > 0:
            parts.append(f"{max(self._total - self._done, 0) / rate:,.0f} s left")
        print(", ".join(parts), file=self._stream, flush=True)
