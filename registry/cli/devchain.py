"""`credanchor devchain`: the workspace's own chain, in the foreground."""

from __future__ import annotations

import json
import signal
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import argparse

    from registry.workspaces.devchain import DevChain

_LOOK_EVERY_S = 2.0


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "devchain",
        help="run the workspace's development chain until interrupted",
        description="Run the workspace's own development chain in the foreground, until Ctrl-C. "
        "Its state stays in the workspace; its keys are published, so it holds nothing of worth.",
    )
    parser.add_argument("--json", action="store_true", help="where it is, as one line of JSON")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from registry.errors import WorkspaceError
    from registry.workspaces.devchain import DevChain
    from registry.workspaces.workspace import Workspace, find

    workspace = Workspace.load(find(args.workspace))
    if not workspace.chain.embedded:
        raise WorkspaceError(f"{workspace.file}: this workspace has no embedded chain to run")
    chain = DevChain(workspace.folder)
    asked_to_end = _heed_signals()
    joined = chain.running() is not None
    try:
        with chain.use() as url:
            _announce(args, chain, str(workspace.chain.id), url, joined)
            while chain.running() == url and not asked_to_end.wait(_LOOK_EVERY_S):
                pass
    except KeyboardInterrupt:
        asked_to_end.set()
    if asked_to_end.is_set():
        _say(args, "The chain goes on: it is in use." if chain.running() else "Stopped, and saved.")
        return 0
    sys.stderr.write(
        f"credanchor: the chain ended, and not by this command; its log is {chain.log_file}\n"
    )
    return 1


def _heed_signals() -> threading.Event:
    """Told to end, or its terminal closed, it leaves the state saved and no process behind.

    Returns what is set once it was told: where an object is just being finalised, Python drops the
    exception that a handler raises.
    """
    asked = threading.Event()

    def end(_number: int, _frame: object) -> NoReturn:
        asked.set()
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Else nohup, for one, has its reason.
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, end)
    return asked


def _announce(
    args: argparse.Namespace, chain: DevChain, chain_id: str, url: str, joined: bool
) -> None:
    if args.json:
        where = {"chain": chain_id, "url": url, "folder": str(chain.folder), "joined": joined}
        sys.stdout.write(json.dumps(where) + "\n")
        sys.stdout.flush()
        return
    _say(args, f"{chain_id} at {url}" + (", which was running already" if joined else ""))
    _say(args, f"State and log in {chain.folder}, kept from run to run.")
    _say(args, "Ctrl-C ends it." if not joined else "Ctrl-C ends this command, and it if unused.")


def _say(args: argparse.Namespace, line: str) -> None:
    if not args.json:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
