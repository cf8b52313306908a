"""Which process a pid names: pids are reused, and a name kept in a file may outlive its owner."""

from __future__ import annotations

import subprocess
from pathlib import Path

_PROC = Path("/proc/self/stat")


def identity(pid: int) -> str | None:
    """Name the living process `pid` so that no other ever has the name; None if there is none.

    An ended process that nobody has waited for yet does not count as living.
    """
    state, started = _from_proc(pid) if _PROC.exists() else _from_ps(pid)
    return None if state in ("", "Z", "X") else f"{pid}@{started}"


def lives(name: str) -> bool:
    """Whether the process that `identity` gave this name to is still there."""
    pid = name.partition("@")[0]
    return pid.isdecimal() and identity(int(pid)) == name


def _from_proc(pid: int) -> tuple[str, str]:
    """State, and start time in clock ticks since boot: fields 3 and 22 of proc(5)'s stat."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace")
    except OSError:
        return "", ""
    # Field 2 is the program's name in brackets, which may itself hold blanks and brackets.
    fields = text[text.rindex(")") + 1 :].split()
    return fields[0], fields[19]


def _from_ps(pid: int) -> tuple[str, str]:
    """The same from POSIX's ps, for systems without /proc."""
    shown = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    state, _, started = shown.stdout.strip().partition(" ")
    return state[:1], "-".join(started.split())
