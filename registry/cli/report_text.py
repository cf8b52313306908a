"""A report for people: the verdict's sentence, and a line for every step.

Each outcome has a mark and a word, so that nothing depends on colour.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.report import UNDECIDED, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from registry.report import Report

_GREEN, _YELLOW, _RED, _PLAIN = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
_MARKS = {Outcome.VALID: "✓", Outcome.INVALID: "✗", Outcome.UNKNOWN: "?", Outcome.SKIPPED: "-"}
_ASCII_MARKS = {
    Outcome.VALID: "+",
    Outcome.INVALID: "x",
    Outcome.UNKNOWN: "?",
    Outcome.SKIPPED: "-",
}


@dataclass(frozen=True, slots=True)
class Look:
    """What a terminal or a file can show."""

    colour: bool
    ascii_only: bool

    @classmethod
    def of(cls, stream: TextIO) -> Look:
        """Colour only on a terminal, and not where NO_COLOR is set (no-color.org)."""
        wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        try:
            "".join([*_MARKS.values(), "→"]).encode(stream.encoding or "ascii")
        except UnicodeEncodeError:
            return cls(stream.isatty() and wanted, ascii_only=True)
        return cls(stream.isatty() and wanted, ascii_only=False)

    def headline(self, report: Report) -> str:
        """Return the one sentence, which begins with the verdict."""
        if not self.colour:
            return report.sentence
        verdict = str(report.verdict)
        return f"{_colour(report.verdict)}{verdict}{_PLAIN}{report.sentence.removeprefix(verdict)}"

    def steps(self, report: Report) -> Iterator[str]:
        """Yield a line for every step, and one more where a person can do something about it."""
        marks = _ASCII_MARKS if self.ascii_only else _MARKS
        for check in report.checks:
            name, word = check.step.name.lower(), check.outcome.lower()
            mark = marks[check.outcome]
            yield f"  {check.step:2d} {name:<10} {mark} {word:<8} {check.sentence}"
            if check.next_step is not None:
                yield f"{'':27}{'->' if self.ascii_only else '→'} {check.next_step}"


def _colour(verdict: Verdict) -> str:
    if verdict is Verdict.VALID:
        return _GREEN
    return _YELLOW if verdict in UNDECIDED else _RED
