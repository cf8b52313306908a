"""The issuer's commands: arguments only. What a command needs is imported when it runs."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from anchor_service import cli_api, cli_registrar, cli_watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from anchor_service.issuing.durations import Duration

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_IDS_HELP = "the credential's id, the start of its uuid, or its digest (0x...)"


def register(commands: Commands) -> None:
    """Add the issuer's commands to the console script's (entry point `credanchor.commands`)."""
    _register_setup(commands)
    _register_did(commands)
    _register_intake(commands)
    _register_chain(commands)
    _register_reading(commands)
    _register_service(commands)
    cli_api.register(commands, _add)
    cli_registrar.register(commands, _add)
    cli_watch.register(commands, _add)
    demo = _add(
        commands,
        "demo",
        "anchor_service.demo:run",
        "the whole line, narrated",
        of_issuer=False,
    )
    demo.add_argument("--keep", metavar="DIR", type=Path, help="keep the demo's workspace there")


def _register_setup(commands: Commands) -> None:
    init = _add(
        commands,
        "init",
        "anchor_service.commands.setting_up:init",
        "make a workspace",
        of_issuer=False,
    )
    init.add_argument(
        "folder", metavar="DIR", type=Path, nargs="?", help="where (else: -w, or here)"
    )
    init.add_argument("--name", default="My organisation", help="the issuer's name in credentials")
    init.add_argument("--url", help="the issuer's web site")
    init.add_argument(
        "--did", help="the issuer's did:web, whose document you will publish (else: a did:key)"
    )
    init.add_argument(
        "--chain", default="eip155:31337", help="the chain to anchor on (else: eip155:31337)"
    )
    init.add_argument(
        "--rpc",
        metavar="URL",
        action="append",
        default=[],
        help="a node of that chain (else: the workspace runs its own development chain)",
    )
    _add(
        commands,
        "deploy",
        "anchor_service.commands.setting_up:deploy",
        "put the registry contract on the chain, unless it is there",
    )
    issuer = commands.add_parser("issuer", help="the issuer's record in the registry")
    actions = issuer.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add(
        actions,
        "register",
        "anchor_service.commands.setting_up:register",
        "register the workspace's issuer, unless it is",
    )


def _register_did(commands: Commands) -> None:
    did = commands.add_parser("did", help="the issuer's DID document")
    actions = did.add_subparsers(title="actions", metavar="ACTION", required=True)
    written = _add(
        actions,
        "write",
        "anchor_service.commands.did:write",
        "write the document to publish: the issuer's keys, and where it anchors",
    )
    written.add_argument(
        "--out", metavar="FILE", type=Path, help="a copy (else: in the workspace alone)"
    )
    published = _add(
        actions,
        "publish",
        "anchor_service.commands.did:publish",
        "record the document's hash in the registry, once it is at its place",
    )
    published.add_argument(
        "--unchecked", action="store_true", help="without looking whether it is at its place"
    )
    rotated = _add(
        actions,
        "rotate",
        "anchor_service.commands.did:rotate",
        "retire the present key and sign with a new one",
    )
    rotated.add_argument(
        "--leaked",
        action="store_true",
        help="at once: what the old key has signed and is not anchored yet is lost",
    )


def _register_intake(commands: Commands) -> None:
    issue = _add(
        commands,
        "issue",
        "anchor_service.commands.intake:issue",
        "turn a roster into signed Open Badges",
    )
    issue.add_argument("--achievement", metavar="FILE", type=Path, required=True)
    issue.add_argument("--roster", metavar="FILE", type=Path, required=True, help="CSV")
    issue.add_argument(
        "--map",
        metavar="OURS=THEIRS",
        action="append",
        default=[],
        type=_mapping,
        help='a column of ours by another name, as email="E-mail"',
    )
    issue.add_argument(
        "--map-file", metavar="FILE", type=Path, help="a column map, as in the drop folder (TOML)"
    )
    issue.add_argument(
        "--skip-bad-rows", action="store_true", help="issue to the others (else: to nobody)"
    )
    issue.add_argument(
        "--dry-run", action="store_true", help="show count, cost and samples; sign nothing"
    )
    taken = _add(
        commands,
        "import",
        "anchor_service.commands.intake:import_",
        "take in ready-made credentials: JSON, or JSON lines",
    )
    taken.add_argument("files", metavar="FILE", type=Path, nargs="+")
    taken.add_argument(
        "--strict", action="store_true", help="refuse what its official schema does not accept"
    )


def _register_chain(commands: Commands) -> None:
    anchor = _add(
        commands,
        "anchor",
        "anchor_service.commands.anchor:run",
        "seal what is open and bring all that is outstanding to the chain",
    )
    anchor.add_argument(
        "--dry-run", action="store_true", help="show count, cost and samples; sign nothing"
    )
    anchor.add_argument(
        "--no-wait", action="store_true", help="leave once it is in a block; run again for finality"
    )
    for name, text in (
        ("revoke", "end credentials for good"),
        ("suspend", "take credentials out of force until they are reinstated"),
        ("reinstate", "put suspended credentials back in force"),
    ):
        change = _add(commands, name, f"anchor_service.commands.change:{name}", text)
        change.add_argument("ids", metavar="ID", nargs="+", help=_IDS_HELP)
        change.add_argument("--no-wait", action="store_true", help="leave once it is in a block")
        change.add_argument("--as", dest="name", metavar="NAME", help="who asks for it")
        change.add_argument("--reason", metavar="CODE", help="why, as issued-in-error; kept here")
        change.add_argument("--note", metavar="TEXT", help="more of why; kept here")


def _register_service(commands: Commands) -> None:
    worker = _add(
        commands,
        "worker",
        "anchor_service.commands.worker:run",
        "seal on schedule and bring every issuer's work to its chain, until stopped",
        of_issuer=False,
    )
    worker.add_argument("--once", action="store_true", help="do what is due now, and leave")
    worker.add_argument(
        "--lease",
        metavar="S",
        type=_lease,
        default=30,
        help="seconds after which another worker takes over from a dead one (else: 30)",
    )


def _register_reading(commands: Commands) -> None:
    export = _add(
        commands,
        "export",
        "anchor_service.commands.export:run",
        "write final credentials with their anchors to files",
    )
    export.add_argument("ids", metavar="ID", nargs="*", help=_IDS_HELP)
    export.add_argument("--all", action="store_true", help="every final credential")
    export.add_argument("--out", metavar="DIR", type=Path, help="where credentials go")
    export.add_argument(
        "--leaves", metavar="DIR", type=Path, help="instead: every batch's leaf file, for auditors"
    )
    form = export.add_mutually_exclusive_group()
    form.add_argument(
        "--sidecar", action="store_true", help="leave the file as received, the receipt beside it"
    )
    form.add_argument(
        "--bundle",
        action="store_true",
        help="one file with the chain's proof in it, to be verified with no network",
    )
    export.add_argument(
        "--history",
        action="store_true",
        help="with --bundle: the issuer's logs too, for questions about the past",
    )
    _add(
        commands,
        "status",
        "anchor_service.commands.show:status",
        "what is in the workspace, and how far it has come",
    )
    show = _add(commands, "show", "anchor_service.commands.show:show", "one credential")
    show.add_argument("id", metavar="ID", help=_IDS_HELP)
    listed = _add(
        commands,
        "status-list",
        "anchor_service.commands.status_list:run",
        "write a batch's status on the chain as a signed W3C status list",
    )
    listed.add_argument("--batch", metavar="N", type=int, required=True)
    listed.add_argument("--purpose", choices=("revocation", "suspension"), default="revocation")
    listed.add_argument("--url", required=True, help="where it will be published")
    listed.add_argument(
        "--valid",
        metavar="TIME",
        type=_duration,
        default="P1D",
        help="for how long from now on, such as PT6H or P7D (else: P1D)",
    )
    listed.add_argument("--out", metavar="FILE", type=Path, required=True)


def _add(
    commands: Commands, name: str, target: str, text: str, *, of_issuer: bool = True
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.add_argument("--json", action="store_true", help="the answer for programs")
    if of_issuer:
        parser.add_argument(
            "--issuer", metavar="HANDLE", default="main", help="which of the workspace's issuers"
        )
    parser.set_defaults(run=_late(target), usage_error=parser.error)
    return parser


def _late(target: str) -> Callable[[argparse.Namespace], int]:
    module, _, function = target.partition(":")

    def run(args: argparse.Namespace) -> int:
        code: int = getattr(import_module(module), function)(args)
        return code

    return run


def _lease(text: str) -> int:
    if not text.isdecimal() or not 3 <= int(text) <= 3600:
        raise argparse.ArgumentTypeError("whole seconds from 3 to 3600")
    return int(text)


def _duration(text: str) -> Duration:
    from anchor_service.issuing.durations import Duration
    from registry.errors import MalformedValue

    try:
        return Duration.parse(text)
    except MalformedValue as fault:
        raise argparse.ArgumentTypeError(f"{text!r}: {fault.reason}") from None


def _mapping(text: str) -> tuple[str, str]:
    ours, separator, theirs = text.partition("=")
    if not separator or not ours or not theirs:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form email=E-mail")
    return ours.strip(), theirs.strip()
