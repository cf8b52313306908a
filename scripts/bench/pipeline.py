"""100,000 ready-made credentials from JSON lines on disk to one final anchor.

    python scripts/bench/pipeline.py [--json] [--count N]

The commands run as a user runs them, each a process of its own, on SQLite and the embedded chain:
`import` reads strictly, checks the schema and stores; `anchor` seals, sends one transaction and
waits until it is final. Their time counts from start to exit. A bare write and sync of the same
bytes in the same run says what the disk gives.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from formats import Figure, show
from sample import credential

from registry.workspaces.devchain import DevChain

COUNT = 100_000
PER_SECOND = 10_000
PEAK_MB = 600
BYTES_EACH = 1_500
SAMPLED_RECEIPTS = 20


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--json", action="store_true", help="for programs")
    options.add_argument("--count", type=int, default=COUNT)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="credanchor-bench-") as folder:
        figures = measure(Path(folder), chosen.count)
    if chosen.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
    else:
        show(figures)
    return 0 if all(figure.met is not False for figure in figures) else 1


def measure(folder: Path, count: int) -> list[Figure]:
    lines = folder / "credentials.jsonl"
    total = write_lines(lines, count)
    workspace = folder / "workspace"
    credanchor(workspace, "init", workspace)
    with DevChain(workspace).use():
        credanchor(workspace, "deploy")
        credanchor(workspace, "issuer", "register")
        importing = credanchor(workspace, "import", "--json", lines)
        anchoring = credanchor(workspace, "anchor", "--json")
        receipts = sampled_receipts(workspace, lines, folder / "out")
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    stored = sum(file.stat().st_size for file in workspace.glob("credanchor.db*"))
    seconds = importing + anchoring
    rate = count / seconds
    disk = bare_write(folder / "bare", lines)
    return [
        Figure(
            f"{count:,} credentials, lines to anchor",
            f"{rate:,.0f}/s: import {importing:.1f} s, anchor {anchoring:.1f} s",
            f"at least {PER_SECOND:,}/s",
            rate >= PER_SECOND,
        ),
        Figure(
            "  beside a bare write and sync", f"{seconds / disk:.0f} times {disk:.2f} s", "", None
        ),
        Figure(
            "  peak memory of a command",
            f"{peak_mb:,.0f} MB",
            f"under {PEAK_MB} MB",
            peak_mb < PEAK_MB,
        ),
        Figure(
            "  on disk, each",
            f"{stored / count:,.0f} B, of {total / count:,.0f} B received",
            f"under {BYTES_EACH:,} B",
            stored / count < BYTES_EACH,
        ),
        Figure(
            f"  {SAMPLED_RECEIPTS} receipts, taken at random, exported",
            f"{receipts:.2f} s",
            "",
            None,
        ),
    ]


def write_lines(file: Path, count: int) -> int:
    with file.open("wb") as out:
        return sum(
            out.write(json.dumps(credential(number), separators=(",", ":")).encode() + b"\n")
            for number in range(count)
        )


def sampled_receipts(workspace: Path, lines: Path, out: Path) -> float:
    """Seconds to export credentials picked by id from anywhere in the batch."""
    with lines.open("rb") as file:
        ids = [json.loads(line)["id"] for line in file]
    chosen = random.Random(1).sample(ids, SAMPLED_RECEIPTS)
    seconds = credanchor(workspace, "export", *chosen, "--sidecar", "--out", out)
    found = len(list(out.glob("*.receipt.json")))
    if found != SAMPLED_RECEIPTS:
        sys.exit(f"{found} receipts, where {SAMPLED_RECEIPTS} were asked for")
    return seconds


def credanchor(workspace: Path, *arguments: object) -> float:
    """Seconds from start to exit."""
    words = ["credanchor", "-w", str(workspace), *map(str, arguments)]
    start = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def bare_write(file: Path, source: Path) -> float:
    raw = source.read_bytes()
    start = time.perf_counter()
    with file.open("wb") as out:
        out.write(raw)
        out.flush()
        os.fsync(out.fileno())
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
