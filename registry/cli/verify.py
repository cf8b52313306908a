"""`credanchor verify`: reports for people and for programs."""

from __future__ import annotations

import argparse
import re
import sys
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from registry.cli.verify_outputs import Named
    from registry.judging.policy import TrustPolicy
    from registry.proofs.proven_evidence import TrustedBlock
    from registry.verifying.files import Item
    from registry.verifying.library import Connect, Verifier
    from registry.workspaces.workspace import Workspace

_NO_POLICY = "whom do you trust? Without --policy FILE, or -w a workspace, nothing can be VALID"

_EPILOG = """\
examples:
  credanchor verify --policy trust.toml --rpc https://node.example diploma.json
  credanchor verify --policy trust.toml --rpc URL --rpc URL --rpc URL applications/
  credanchor verify --policy trust.toml --offline --checkpoints blocks.txt *.bundle.json

exit codes: 0 all VALID; 1 one is definitely not; 2 wrong usage, or a file that cannot
be read; 3 one cannot be checked now, or its anchor is not final yet
"""

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "verify",
        help="judge credentials: genuine, anchored, unrevoked, unexpired?",
        description="Judge credentials from their files. One file is reported step by step, "
        "several in a line each.",
        usage="%(prog)s [options] FILE [FILE ...]",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        type=Path,
        help="a credential or bundle (JSON), a folder of such, a pattern, or - for standard input",
    )
    parser.add_argument(
        "--receipt",
        metavar="FILE",
        type=Path,
        help="the credential's receipt (else: inside it, or NAME.receipt.json beside it)",
    )
    parser.add_argument(
        "--policy", metavar="FILE", type=Path, help="whom to trust (else: the workspace's [trust])"
    )
    _add_sources(parser.add_argument_group("how the chain's facts are known"))
    parser.add_argument(
        "--at",
        metavar="TIME",
        type=moment,
        help="judge as of a past time in UTC, such as 2026-05-01T12:00Z or 2026-05-01 (its start)",
    )
    parser.add_argument(
        "--max-age",
        metavar="TIME",
        type=duration_s,
        help="how old the chain's word may be: seconds, or 90m, 12h, 7d (else: as policy says)",
    )
    parser.add_argument(
        "--purpose", metavar="NAME", help="count what policy trusts for this purpose, too"
    )
    parser.add_argument(
        "--did-document",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="an issuer's DID document that you believe (else: fetched from a did:web's own place)",
    )
    parser.add_argument(
        "--status-list",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="an issuer's W3C status list (else: fetched from where the credential says)",
    )
    parser.add_argument(
        "--no-fetch", action="store_true", help="fetch nothing from the web sites of issuers"
    )
    parser.add_argument("--steps", action="store_true", help="every step, for several files too")
    parser.add_argument("--json", action="store_true", help="reports for programs")
    parser.set_defaults(run=_run, usage_error=parser.error)


def _add_sources(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--rpc",
        metavar="URL",
        type=_node_url,
        action="append",
        default=[],
        help="a node to ask (else: the workspace's); of several, --quorum must agree",
    )
    group.add_argument(
        "--quorum",
        metavar="K",
        type=_count,
        help="how many of the nodes must give one hash for the final block (else: more than half)",
    )
    group.add_argument(
        "--own-node",
        metavar="URL",
        type=_node_url,
        help="your own node, whose final block you trust",
    )
    group.add_argument("--offline", action="store_true", help="ask no node: bundles prove it alone")
    group.add_argument(
        "--trusted-block",
        metavar="BLOCK",
        type=_trusted_block,
        action="append",
        default=[],
        help="eip155:N:0xHASH, a block that you trust: a bundle of it is judged by its proofs",
    )
    group.add_argument(
        "--checkpoints", metavar="FILE", type=Path, help="trusted blocks, one a line"
    )
    group.add_argument(
        "--timeout",
        metavar="TIME",
        type=duration_s,
        default=30,
        help="how long to try when nodes are slow or busy (30s)",
    )


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 100")
    return int(text)


def _node_url(text: str) -> str:
    """The same text, which may hold a key and is never shown."""
    from registry.errors import NodeUnreachable
    from registry.nodes.rpc import node_name

    try:
        node_name(text)
    except NodeUnreachable as fault:
        raise argparse.ArgumentTypeError(str(fault)) from None
    return text


def _trusted_block(text: str) -> TrustedBlock:
    from registry.errors import MalformedValue
    from registry.proofs.proven_evidence import TrustedBlock

    try:
        return TrustedBlock.parse(text)
    except MalformedValue as fault:
        raise argparse.ArgumentTypeError(fault.reason) from None


def duration_s(text: str) -> int:
    """Read a number of seconds, or of minutes, hours, days, weeks by its letter."""
    match = re.fullmatch(r"([1-9][0-9]{0,9})([smhdw]?)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 3600, 90m, 12h or 7d")
    return int(match[1]) * _UNITS_S[match[2] or "s"]


def moment(text: str) -> datetime:
    from registry.errors import MalformedValue
    from registry.moments import read_asked_moment

    try:
        return read_asked_moment(text)
    except MalformedValue as fault:
        raise argparse.ArgumentTypeError(fault.reason) from None


def _run(args: argparse.Namespace) -> int:
    # Late: what verifying takes costs a quarter of a second, and `--help` must not pay it.
    from registry.cli.verify_outputs import show, show_json, with_progress
    from registry.moments import stamp
    from registry.report import exit_code
    from registry.verifying.library import credential_files

    paths = credential_files(*args.files)
    if args.receipt and len(paths) > 1:
        args.usage_error("--receipt is for one FILE")
    if args.at is not None and args.at > datetime.now(UTC):
        args.usage_error(f"--at {stamp(args.at)}: what will be then cannot be judged")
    verifier = _verifier(args)
    items = (_item(path, args.receipt) for path in paths)
    with closing(verifier.verify_many(items, at=args.at)) as judged:
        named: Iterable[Named] = zip(paths, judged, strict=True)
        if args.json or not sys.stdout.isatty():  # else the lines themselves show how far it is
            named = with_progress(named, len(paths))
        if args.json:
            verdicts, unopened = show_json(named)
        else:
            verdicts, unopened = show(named, steps=args.steps or len(paths) == 1)
    return exit_code(verdicts, unopened=bool(unopened))


def _item(path: Path, receipt: Path | None) -> Item:
    from registry.proofs.bundle import MAX_BUNDLE_BYTES
    from registry.verifying.inputs import STDIN

    part = path if path != STDIN else sys.stdin.buffer.read(MAX_BUNDLE_BYTES + 1)
    return part if receipt is None else (part, receipt)


def _verifier(args: argparse.Namespace) -> Verifier:
    from registry.verifying.library import Verifier
    from registry.verifying.sources import NobodyToAsk, WorkspaceToAsk, read_policy

    _refuse_contradictions(args)
    asked = bool(args.rpc or args.own_node)
    workspace: Workspace | None = None
    connect: Connect | None = None
    if not (args.policy and (asked or args.offline)):
        workspace = _workspace(args.workspace)
    policy = read_policy(args.policy, workspace)
    if args.policy is None and workspace is None:
        sys.stderr.write(f"credanchor: {_NO_POLICY}\n")
    _say_of_purpose(policy, args.purpose)
    if args.offline:
        connect = partial(NobodyToAsk, "nobody was to be asked (--offline)")
    elif not asked and workspace is not None:
        connect = partial(WorkspaceToAsk, workspace)
    elif not asked:
        connect = partial(NobodyToAsk, "no node was named")
    return Verifier(
        policy,
        rpc=args.rpc,
        quorum=args.quorum,
        own_node=args.own_node,
        connect=connect,
        trusted_blocks=args.trusted_block,
        checkpoints=args.checkpoints,
        did_documents=args.did_document,
        status_lists=args.status_list,
        fetch=not (args.offline or args.no_fetch),
        purpose=args.purpose,
        max_age_s=args.max_age,
        timeout_s=args.timeout,
        clock=lambda: datetime.now(UTC),
    )


def _refuse_contradictions(args: argparse.Namespace) -> None:
    if args.offline and (args.rpc or args.own_node):
        args.usage_error("--offline asks no node: leave out --rpc and --own-node")
    if args.quorum is not None and args.own_node:
        args.usage_error("--quorum is for nodes of others; --own-node alone is believed")
    nodes = len(set(args.rpc))
    if args.quorum is not None and args.quorum > nodes:
        args.usage_error(f"--quorum {args.quorum} of {nodes} nodes: name more with --rpc")


def _say_of_purpose(policy: TrustPolicy, purpose: str | None) -> None:
    if purpose is not None and purpose not in policy.purposes:
        known = ", ".join(sorted(policy.purposes))
        names = f"it names {known}" if known else "it names none"
        sys.stderr.write(f"credanchor: policy has no entry for the purpose {purpose!r}; {names}\n")


def _workspace(named: str | None) -> Workspace | None:
    """Return the workspace; None where none was named and there is none here."""
    from registry.workspaces import workspace

    folder = workspace.find(named)
    if folder == Path() and not (folder / workspace.FILE).exists():
        return None
    return workspace.Workspace.load(folder)
