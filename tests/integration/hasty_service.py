"""`credanchor` in a hurry, for chains with a block every tenth of a second; many, warm, by forks.

A line of JSON in: words of the command line, what the environment has more, a file for the log. A
line out: the number of the process that now runs it. Everything is imported once.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from anchor_service.engine import deciding, posts
from anchor_service.operating import opening
from registry import cli

if TYPE_CHECKING:
    from anchor_service.engine.submitter import Limits
    from registry.workspaces.workspace import Workspace

_WARM = ("anchor_service.commands.serve", "anchor_service.commands.worker", "uvicorn.loops.auto")


def hurry() -> None:
    """Nothing else is changed than how often it looks, sends again and raises its fees."""
    posts.Tempo.__init__.__defaults__ = (0.2, 0.05, 0.1, 30)  # idle, busy, looks, lease
    patient = opening.limits_of

    def hasty(workspace: Workspace) -> Limits:
        return replace(patient(workspace), resend=0.5, raise_after=1)

    vars(posts)["limits_of"] = hasty
    deciding._FIRST_RETRY_S = 1


def main() -> None:
    hurry()
    for name in _WARM:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them by name
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(order)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


def _become(order: dict[str, Any]) -> None:
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.environ.update(order["environment"])
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(number, target)
        code = cli.main(order["words"])
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
