"""The registrar's and the operator's commands: arguments only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import argparse

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_IDS_HELP = "the credential's id, the start of its uuid, or its digest (0x...)"


class Add(Protocol):
    """As `anchor_service.cli` adds a command: name, module:function, what it does."""

    def __call__(
        self, commands: Commands, name: str, target: str, text: str, *, of_issuer: bool = True
    ) -> argparse.ArgumentParser: ...


def register(commands: Commands, add: Add) -> None:
    _register_inbox(commands, add)
    _register_keeping(commands, add)


def _register_inbox(commands: Commands, add: Add) -> None:
    inbox = add(
        commands,
        "inbox",
        "anchor_service.commands.inbox:run",
        "take in what lies in the drop folder, each file once",
    )
    inbox.add_argument(
        "--settle",
        metavar="SECONDS",
        type=float,
        default=10.0,
        help="leave files that were written to more lately (else: 10)",
    )
    inbox.add_argument("--dry-run", action="store_true", help="say what would be done")


def _register_keeping(commands: Commands, add: Add) -> None:
    module = "anchor_service.commands.keeping"
    backup = add(
        commands,
        "backup",
        f"{module}:backup",
        "write the whole database to one file, while others use it",
        of_issuer=False,
    )
    backup.add_argument("file", metavar="FILE", type=Path)
    restore = add(
        commands,
        "restore",
        f"{module}:restore",
        "fill an empty database, of whatever kind, from a backup",
        of_issuer=False,
    )
    restore.add_argument("file", metavar="FILE", type=Path)
    erase = add(commands, "erase", f"{module}:erase", "take learners' data out for good")
    erase.add_argument("ids", metavar="ID", nargs="+", help=_IDS_HELP)
    erase.add_argument("--yes", action="store_true", help="do not ask")
