"""`credanchor audit`: the registry's whole history, replayed, and closed with a proof."""

from __future__ import annotations

import argparse
import gc
import json
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from registry.cli.audit_outputs import (
    add_outputs,
    check_usage,
    read_statement,
    tell_broken,
    tell_checked,
    write_outputs,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry.auditing.audit import Audit, AuditRequest
    from registry.auditing.audit_report import AuditReport
    from registry.auditing.statement import Signed
    from registry.cli.audit_place import Place
    from registry.progress import Progress

_BROKEN = 1
_HOUR_S = 3600


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "audit",
        help="replay the registry's history and prove that nothing was left out",
        description="Replay every log of a registry up to a final block, compare what they give "
        "with the contract's proven storage, and say what an auditor should look at.",
        usage="%(prog)s [options]",
        epilog="Exit codes: 0 it holds; 1 it does not: a finding is an error; 2 wrong usage; 3 "
        "cannot be checked now.",
    )
    _add_place(parser)
    _add_depth(parser)
    parser.add_argument("--follow", action="store_true", help="go on with new blocks until ended")
    parser.add_argument(
        "--poll", metavar="SECONDS", type=_seconds, default=2.0, help="with --follow (else 2)"
    )
    parser.add_argument("--json", action="store_true", help="the report for programs")
    add_outputs(parser)
    parser.set_defaults(run=_run, usage_error=parser.error)


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rpc",
        metavar="URL",
        action="append",
        default=[],
        help="a node to ask; several must agree on the final block (else: the workspace's)",
    )
    parser.add_argument("--chain", metavar="ID", help="such as eip155:1; goes with --rpc")
    parser.add_argument("--registry", metavar="ADDRESS", help="the contract; goes with --rpc")
    parser.add_argument(
        "--trusted-block", metavar="BLOCK", help="eip155:N:0xHASH: close with this very block"
    )
    parser.add_argument("--issuer", metavar="ID", help="tell of this issuer alone")
    parser.add_argument(
        "--from", dest="told_from", metavar="N", type=_count, default=0, help="tell of later blocks"
    )
    parser.add_argument("--to", metavar="N", type=_count, help="audit as of this older block")
    parser.add_argument("--store", metavar="FILE", type=Path, help="keep logs and tables there")


def _add_depth(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sample",
        metavar="N",
        type=_sample,
        default=5_000,
        help="records and blocks to compare besides histories (else 5000), or `all`",
    )
    parser.add_argument("--seed", metavar="N", type=_count, help="chooses them (else: at random)")
    parser.add_argument(
        "--every", metavar="HOURS", type=_hours, help="warn of longer times between two anchors"
    )
    parser.add_argument(
        "--late",
        metavar="HOURS",
        type=_hours,
        default=6 * _HOUR_S,
        help="with --database: warn of longer times from seal to anchor (else 6)",
    )
    parser.add_argument(
        "--max-age",
        metavar="HOURS",
        type=_hours,
        default=24 * _HOUR_S,
        help="a final block older than this is an error (else 24)",
    )
    parser.add_argument(
        "--patience",
        metavar="SECONDS",
        type=_seconds,
        default=60.0,
        help="how long to wait for a node that does not answer (else 60)",
    )
    parser.add_argument("--database", metavar="URL", help="compare with the issuer's own records")
    parser.add_argument(
        "--leaves", metavar="DIR", type=Path, help="check published leaf files (<root>.leaves)"
    )


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def _hours(text: str) -> int:
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of hours")
    return round(value * _HOUR_S)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def _sample(text: str) -> int | None:
    return None if text == "all" else _count(text)


def _run(args: argparse.Namespace) -> int:
    from registry.auditing.audit import Audit
    from registry.auditing.statement import SignatureBroken
    from registry.cli.audit_place import find_place

    check_usage(args)
    # Millions of small objects, and no cycles among them: to look for some costs a tenth.
    gc.set_threshold(50_000, 20, 100)
    try:
        signed = read_statement(args)
    except SignatureBroken as fault:
        return tell_broken(args, fault)
    with ExitStack() as stack:
        place = find_place(args, stack)
        if signed is not None:
            return _check_again(args, place, signed, stack)
        audit = stack.enter_context(closing(Audit(_request(args, place), place.open_nodes)))
        report = audit.run(_bar(args))
        _show(args, report)
        write_outputs(args, audit, report)
        if _forget_false(audit, report) or not args.follow:
            return 0 if report.holds else _BROKEN
        return _follow(args, audit)


def _check_again(args: argparse.Namespace, place: Place, signed: Signed, stack: ExitStack) -> int:
    """With a store of its own, unless one is named: nothing of an older audit is believed."""
    from tempfile import TemporaryDirectory

    from registry.auditing.audit import Audit

    if args.store is None:
        folder = stack.enter_context(TemporaryDirectory(prefix="credanchor-"))
        args.store = Path(folder) / "store.db"
    audit = stack.enter_context(closing(Audit(_request(args, place), place.open_nodes)))
    report = audit.run(_bar(args))
    _forget_false(audit, report)
    return tell_checked(args, signed, audit.request, report)


def _bar(args: argparse.Namespace) -> Callable[[int], Progress]:
    from registry.progress import Progress

    return lambda blocks: Progress("audit", blocks, "blocks", quiet=args.json)


def _forget_false(audit: Audit, report: AuditReport) -> bool:
    back = audit.forget_false(report)
    if back is None:
        return False
    sys.stderr.write(
        f"credanchor: logs after block {back} were taken out of the store: ask another node\n"
    )
    return True


def _follow(args: argparse.Namespace, audit: Audit) -> int:
    """Until interrupted, or until an error is found among what is final."""
    import time

    from registry.auditing.following import follow

    def wait() -> bool:
        time.sleep(args.poll)
        return True

    for one in follow(audit, wait):
        if one.is_quiet:
            continue
        if args.json:
            sys.stdout.write(json.dumps(one.to_json()) + "\n")
        else:
            sys.stdout.writelines(f"{line}\n" for line in one.lines())
        sys.stdout.flush()
        if one.report is not None and _forget_false(audit, one.report):
            return _BROKEN
    return 0


def _request(args: argparse.Namespace, place: Place) -> AuditRequest:
    import secrets
    import time

    from registry.auditing.audit import AuditRequest
    from registry.auditing.proven_slots import parse_trusted
    from registry.nodes.log_reader import Pace
    from registry.values import IssuerId

    trusted = args.trusted_block and parse_trusted(args.trusted_block, place.chain)
    return AuditRequest(
        chain=place.chain,
        registry=place.registry,
        store=args.store or place.store,
        seed=secrets.randbits(53) if args.seed is None else args.seed,
        now=int(time.time()),
        confirmations=place.confirmations,
        trusted=trusted,
        to=args.to,
        told_from=args.told_from,
        issuer_id=None if args.issuer is None else IssuerId.from_hex(args.issuer),
        sample=args.sample,
        every_s=args.every,
        late_s=args.late,
        max_age_s=args.max_age,
        database=args.database,
        leaves=args.leaves,
        pace=Pace(patience_s=args.patience),
    )


def _show(args: argparse.Namespace, report: AuditReport) -> None:
    if args.json:
        sys.stdout.write(json.dumps(report.to_json()) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in report.lines())
    sys.stdout.flush()
