"""What `credanchor verify` prints, for people and for programs, each line once it is known."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING

from registry.cli.report_text import Look
from registry.progress import Progress
from registry.report import printable
from registry.verifying.inputs import STDIN, why_none

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from registry.formats.strict_json import JsonObject
    from registry.report import Verdict
    from registry.verifying.files import Judged

    Named = tuple[Path, Judged]

_SOME_FILES = 20
"""From so many files on, a bar or a line now and then says how far it is."""


def with_progress(named: Iterable[Named], total: int) -> Iterator[Named]:
    """The same, and on standard error how far it is, where there are many."""
    with Progress("verify", total, "credentials", quiet=total < _SOME_FILES) as progress:
        for entry in named:
            yield entry
            progress.advance()


def show_json(named: Iterable[Named]) -> tuple[Counter[Verdict], int]:
    """Write {"reports": [...]}, one report a line, each as soon as it is there."""
    verdicts: Counter[Verdict] = Counter()
    unopened = 0
    separator = '{"reports": [\n'
    for path, judged in named:
        member: JsonObject = {"file": str(path)}
        if judged.report is None:
            unopened += 1
            member["error"] = {"type": "CannotOpen", "message": _why(path, judged)}
        else:
            verdicts[judged.report.verdict] += 1
            member |= judged.report.to_json()
        sys.stdout.write(separator + json.dumps(member))
        separator = ",\n"
    sys.stdout.write("\n]}\n")
    return verdicts, unopened


def show(named: Iterable[Named], *, steps: bool) -> tuple[Counter[Verdict], int]:
    """Write a line for each file, and its steps where they are wanted; a sum for several."""
    look = Look.of(sys.stdout)
    verdicts: Counter[Verdict] = Counter()
    unopened = 0
    for path, judged in named:
        if judged.report is None:
            unopened += 1
            sys.stdout.flush()
            sys.stderr.write(f"credanchor: cannot open {_why(path, judged)}\n")
            continue
        verdicts[judged.report.verdict] += 1
        name = "standard input" if path == STDIN else printable(str(path))
        sys.stdout.write(f"{name}: {look.headline(judged.report)}\n")
        if steps:
            sys.stdout.writelines(f"{line}\n" for line in look.steps(judged.report))
    if verdicts.total() > 1:
        counts = [f"{count} {verdict}" for verdict, count in sorted(verdicts.items())]
        sys.stdout.write(f"{verdicts.total()} credentials: {', '.join(counts)}\n")
    return verdicts, unopened


def _why(path: Path, judged: Judged) -> str:
    fault = judged.failure
    assert fault is not None
    return why_none(path) or f"{fault.filename}: {fault.strerror or fault}"
