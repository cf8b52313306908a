"""`credanchor devchain`: the workspace's own chain, in the foreground."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

_LOOK_EVERY_S = 2.0


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "devchain",
        help="run the workspace's development chain until interrupted",
        description="Run the workspace's own development chain in the foreground, until Ctrl-C. "
        "Its state stays in the workspace; its keys are published, so it holds nothing of worth.",
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from registry.devchain import DevChain
    from registry.errors import WorkspaceError
    from registry.workspace import Workspace, find

    workspace = Workspace.load(find(args.workspace))
    if not workspace.chain.embedded:
        raise WorkspaceError(f"{workspace.file}: this workspace has no embedded chain to run")
    chain = DevChain(workspace.folder)
    # Told to end in either way, it leaves the chain's state saved and no process behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with chain.use() as url, contextlib.suppress(KeyboardInterrupt):
        sys.stdout.write(f"{workspace.chain.id} at {url} until Ctrl-C\n")
        sys.stdout.flush()
        while chain.running() == url:
            time.sleep(_LOOK_EVERY_S)
        sys.stderr.write("credanchor: the chain has stopped\n")
        return 1
    return 0
