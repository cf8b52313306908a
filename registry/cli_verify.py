"""`credanchor verify`: reports for people and for programs."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from registry.issuer_sources import IssuerSources
    from registry.nodes_to_ask import NodesToAsk
    from registry.policy import TrustPolicy
    from registry.proven_evidence import TrustedBlock
    from registry.report import Verdict
    from registry.strict_json import JsonObject
    from registry.verify_sources import NobodyToAsk, NodeToAsk, WorkspaceToAsk
    from registry.verifying import Judged
    from registry.workspace import Workspace

    AnySource = NobodyToAsk | NodeToAsk | NodesToAsk | WorkspaceToAsk

_SOME_FILES = 20
"""From so many files on, a bar or a line now and then says how far it is."""

_NO_POLICY = "whom do you trust? Without --policy FILE, or -w a workspace, nothing can be VALID"

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "verify",
        help="judge credentials: genuine, anchored, unrevoked, unexpired?",
        description="Judge credentials from their files. One file is reported step by step, "
        "several in a line each.",
        epilog="Exit codes: 0 all VALID; 1 one is definitely not; 2 wrong usage, or a file that "
        "cannot be read; 3 one cannot be checked now, or its anchor is not final yet.",
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
        "--own-node", metavar="URL", help="your own node, whose final block you trust"
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


def _trusted_block(text: str) -> TrustedBlock:
    from registry.errors import MalformedValue
    from registry.proven_evidence import TrustedBlock

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
    from registry.inputs import expand
    from registry.moments import stamp
    from registry.report import exit_code
    from registry.verify_sources import read_trusted_blocks
    from registry.verifying import verify_files, without_receipts

    paths = without_receipts(expand(args.files))
    if args.receipt and len(paths) > 1:
        args.usage_error("--receipt is for one FILE")
    now = datetime.now(UTC)
    if args.at is not None and args.at > now:
        args.usage_error(f"--at {stamp(args.at)}: what will be then cannot be judged")
    with ExitStack() as stack:
        policy, ask = _sources(args, stack)
        judged = verify_files(
            paths,
            args.receipt,
            ask,
            policy,
            now,
            at=args.at,
            ask_history=ask.history,
            issuers=_issuers(args),
            trusted=read_trusted_blocks(args.trusted_block, args.checkpoints),
        )
        if args.json or not sys.stdout.isatty():  # else the lines themselves show how far it is
            judged = _with_progress(judged, len(paths))
        if args.json:
            verdicts, unopened = _show_json(judged)
        else:
            verdicts, unopened = _show(judged, steps=args.steps or len(paths) == 1)
    return exit_code(verdicts, unopened=bool(unopened))


def _sources(args: argparse.Namespace, stack: ExitStack) -> tuple[TrustPolicy, AnySource]:
    from registry.verify_sources import NobodyToAsk, WorkspaceToAsk, read_policy

    _refuse_contradictions(args)
    asked = bool(args.rpc or args.own_node)
    workspace = None
    if not (args.policy and (asked or args.offline)):
        workspace = _workspace(args.workspace)
    policy = read_policy(args.policy, workspace)
    if args.policy is None and workspace is None:
        sys.stderr.write(f"credanchor: {_NO_POLICY}\n")
    policy = _for_purpose(policy, args.purpose)
    if args.max_age is not None:
        policy = replace(policy, max_age_s=args.max_age)
    if args.offline:
        return policy, NobodyToAsk("--offline")
    if asked:
        nodes = _nodes(args)
        stack.enter_context(nodes)
        return policy, nodes
    if workspace is not None:
        return policy, stack.enter_context(WorkspaceToAsk(workspace))
    return policy, NobodyToAsk("no node is named; give --rpc URL, or -w a workspace")


def _refuse_contradictions(args: argparse.Namespace) -> None:
    if args.offline and (args.rpc or args.own_node):
        args.usage_error("--offline asks no node: leave out --rpc and --own-node")
    nodes = len(set(args.rpc))
    if args.quorum is not None and (args.own_node or args.quorum > nodes):
        args.usage_error(f"--quorum {args.quorum}: of {nodes} nodes given by --rpc, and no own one")


def _nodes(args: argparse.Namespace) -> NodeToAsk | NodesToAsk:
    """One node alone is believed as far as its word goes; several, and one's own, by proof."""
    if len(set(args.rpc)) == 1 and not args.own_node:
        from registry.verify_sources import NodeToAsk

        return NodeToAsk(args.rpc[0], args.timeout)
    from registry.nodes_to_ask import NodesToAsk

    return NodesToAsk(args.rpc, quorum=args.quorum, own=args.own_node, timeout_s=args.timeout)


def _issuers(args: argparse.Namespace) -> IssuerSources:
    from registry import guarded_https
    from registry.issuer_sources import IssuerSources, read_document, read_list

    documents = [read_document(file) for file in args.did_document]
    lists = [read_list(file) for file in args.status_list]
    if args.offline or args.no_fetch:
        unread = "--offline" if args.offline else "--no-fetch"
        return IssuerSources(documents, None, unread, lists)
    return IssuerSources(documents, guarded_https.Guard(), lists=lists)


def _for_purpose(policy: TrustPolicy, purpose: str | None) -> TrustPolicy:
    if purpose is not None and purpose not in policy.purposes:
        known = ", ".join(sorted(policy.purposes)) or "none"
        sys.stderr.write(
            f"credanchor: the policy has nothing for {purpose!r} alone; it has {known}\n"
        )
    return replace(policy, purpose=purpose)


def _workspace(named: str | None) -> Workspace | None:
    """Return the workspace; None where none was named and there is none here."""
    from registry import workspace

    folder = workspace.find(named)
    if folder == Path() and not (folder / workspace.FILE).exists():
        return None
    return workspace.Workspace.load(folder)


def _with_progress(judged: Iterable[Judged], total: int) -> Iterator[Judged]:
    from registry.progress import Progress

    with Progress("verify", total, "credentials", quiet=total < _SOME_FILES) as progress:
        for entry in judged:
            yield entry
            progress.advance()


def _show_json(judged: Iterable[Judged]) -> tuple[Counter[Verdict], int]:
    """Write {"reports": [...]}, one report a line, each as soon as it is there."""
    verdicts: Counter[Verdict] = Counter()
    unopened = 0
    separator = '{"reports": [\n'
    for entry in judged:
        member: JsonObject = {"file": str(entry.path)}
        if entry.report is None:
            unopened += 1
            member["error"] = {"type": "CannotOpen", "message": entry.failure}
        else:
            verdicts[entry.report.verdict] += 1
            member |= entry.report.to_json()
        sys.stdout.write(separator + json.dumps(member))
        separator = ",\n"
    sys.stdout.write("\n]}\n")
    return verdicts, unopened


def _show(judged: Iterable[Judged], *, steps: bool) -> tuple[Counter[Verdict], int]:
    from registry.report import printable
    from registry.report_text import Look

    look = Look.of(sys.stdout)
    verdicts: Counter[Verdict] = Counter()
    unopened = 0
    for entry in judged:
        if entry.report is None:
            unopened += 1
            sys.stdout.flush()
            sys.stderr.write(f"credanchor: cannot open {entry.failure}\n")
            continue
        verdicts[entry.report.verdict] += 1
        name = printable(str(entry.path))
        sys.stdout.write(f"{name}: {look.headline(entry.report)}\n")
        if steps:
            sys.stdout.writelines(f"{line}\n" for line in look.steps(entry.report))
    if verdicts.total() > 1:
        counts = [f"{count} {verdict}" for verdict, count in sorted(verdicts.items())]
        sys.stdout.write(f"{verdicts.total()} credentials: {', '.join(counts)}\n")
    return verdicts, unopened
