"""The registrar's and the operator's commands: arguments only."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_IDS_HELP = "the credential's id, the start of its uuid, or its digest (0x...)"


class Add(Protocol):
    """As `anchor_service.cli` adds a command: name, module:function, what it does."""

    def __call__(
        self, commands: Commands, name: str, target: str, text: str, *, of_issuer: bool = True
    ) -> argparse.ArgumentParser: ...


def register(commands: Commands, add: Add) -> None:
    _register_inbox(commands, add)
    _register_approve(commands, add)
    _register_reissue(commands, add)
    _register_keeping(commands, add)
    add(
        commands,
        "doctor",
        "anchor_service.commands.doctor:run",
        "check keys, chain, contract, balance, schedule, database and clock",
    )


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


def _register_approve(commands: Commands, add: Add) -> None:
    module = "anchor_service.commands.approve"
    approve = commands.add_parser("approve", help="what waits for two people")
    actions = approve.add_subparsers(title="actions", metavar="ACTION", required=True)
    add(actions, "list", f"{module}:list_", "what waits, what it covers, and who has approved it")
    give = add(actions, "give", f"{module}:give", "approve exactly what is listed")
    give.add_argument("id", metavar="ID", help="as `approve list` shows it")
    give.add_argument("--as", dest="name", metavar="NAME", required=True, help="who you are")


def _register_reissue(commands: Commands, add: Add) -> None:
    reissue = add(
        commands,
        "reissue",
        "anchor_service.commands.reissue:run",
        "issue a mended credential in the place of another, which is revoked",
    )
    reissue.add_argument("id", metavar="ID", help=_IDS_HELP)
    reissue.add_argument(
        "--set",
        metavar="COLUMN=VALUE",
        action="append",
        required=True,
        type=_mended,
        help="what is right: name, email, did, result or evidence; no value takes it out",
    )
    reissue.add_argument("--as", dest="name", metavar="NAME", help="who asks for it")
    reissue.add_argument("--dry-run", action="store_true", help="show both, and do nothing")


def _mended(text: str) -> tuple[str, str]:
    column, separator, value = text.partition("=")
    if not separator or not column.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form name=Ana Sousa")
    return column.strip(), value.strip()


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
