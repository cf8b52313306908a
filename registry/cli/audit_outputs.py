"""What `credanchor audit` writes beside its answer: tables, page, signed statement."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from registry.auditing.audit import Audit, AuditRequest
    from registry.auditing.audit_report import AuditReport
    from registry.auditing.statement import Difference, Signed
    from registry.formats.strict_json import JsonObject

_DIFFERS = 1


def add_outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--csv", metavar="DIR", type=Path, help="write the tables there")
    parser.add_argument(
        "--html", metavar="FILE", type=Path, help="write one page with charts, for people"
    )
    parser.add_argument(
        "--cost", action="store_true", help="with --html: ask for receipts, and tell what it cost"
    )
    parser.add_argument(
        "--statement",
        metavar="FILE",
        type=Path,
        help="sign what was found, for other auditors to check again; goes with --key",
    )
    parser.add_argument(
        "--key", metavar="FILE", type=Path, help="the auditor's key (PEM); made where there is none"
    )
    parser.add_argument(
        "--check-statement",
        metavar="FILE",
        type=Path,
        help="check such a statement: its signature, then by an audit of one's own",
    )
    parser.add_argument(
        "--auditor", metavar="DID", help="with --check-statement: who must have signed it"
    )


def check_usage(args: argparse.Namespace) -> None:
    """Refuse options that say nothing without each other."""
    if (args.statement is None) != (args.key is None):
        args.usage_error("--statement goes with --key")
    if args.cost and args.html is None:
        args.usage_error("--cost goes with --html")
    if args.auditor is not None and args.check_statement is None:
        args.usage_error("--auditor goes with --check-statement")
    if args.check_statement is not None and (args.follow or args.statement is not None):
        args.usage_error("--check-statement goes with neither --statement nor --follow")


def write_outputs(args: argparse.Namespace, audit: Audit, report: AuditReport) -> None:
    """All that was asked for. Raises OSError, WorkspaceError."""
    if args.csv is not None:
        from registry.auditing.csv_tables import write_tables

        write_tables(audit.store.db, report, audit.request.issuer_id, args.csv)
    if args.html is not None:
        _write_page(args, audit, report)
    if args.statement is not None:
        _write_statement(args, audit.request, report)


def _write_page(args: argparse.Namespace, audit: Audit, report: AuditReport) -> None:
    from importlib.resources import files

    from registry.auditing.costs import read_costs
    from registry.auditing.page import audit_page
    from registry.auditing.series import read_series
    from registry.progress import Progress

    db, only, told = audit.store.db, audit.request.issuer_id, report.scope.told
    costs = None
    if args.cost:
        with Progress("receipts", None, "transactions", quiet=args.json) as bar:
            costs = read_costs(db, audit.node, only, told, bar)
    style = files("registry").joinpath("data", "audit", "page.css").read_text("utf-8")
    series = read_series(db, only, told)
    page = audit_page(report, series, costs, style, at=audit.request.now, tool=_tool())
    write_whole(args.html, page)


def _write_statement(args: argparse.Namespace, request: AuditRequest, report: AuditReport) -> None:
    from registry.auditing.auditor_key import load_or_create
    from registry.auditing.statement import sign
    from registry.documents.multikey import PublicKey, did_key

    private, made = load_or_create(args.key)
    key = PublicKey(private.public_key().public_bytes_raw())
    if made:
        sys.stderr.write(f"credanchor: a new key for audits in {args.key}: {did_key(key)}\n")
    write_whole(args.statement, sign(_said(request, report), key, private.sign) + "\n")


def read_statement(args: argparse.Namespace) -> Signed | None:
    """The statement to check; what it is of stands in for what was not asked for.

    Raises OSError and MalformedDocument, which names the file.
    """
    from registry.auditing.statement import SignatureBroken, read_signed
    from registry.errors import MalformedDocument

    if args.check_statement is None:
        return None
    try:
        signed = read_signed(args.check_statement.read_bytes().decode("ascii", "replace"))
    except SignatureBroken:
        raise
    except MalformedDocument as fault:
        raise MalformedDocument(f"{args.check_statement}: {fault}") from None
    asked = signed.asked
    if args.rpc:
        args.chain = args.chain or str(asked.chain)
        args.registry = args.registry or str(asked.registry)
    args.to, args.told_from, args.every = asked.block, asked.told_from, asked.every_s
    args.issuer = None if asked.issuer_id is None else str(asked.issuer_id)
    return signed


def tell_broken(args: argparse.Namespace, fault: Exception) -> int:
    return _tell(args, None, [_difference("signature", str(fault), "it does not hold")])


def tell_checked(
    args: argparse.Namespace, signed: Signed, request: AuditRequest, report: AuditReport
) -> int:
    """Say in what the statement and one's own audit differ; the exit code."""
    from registry.auditing.statement import differences
    from registry.documents.multikey import did_key

    found = list(differences(signed.said, _said(request, report)))
    if args.auditor is not None and args.auditor != did_key(signed.key):
        found.insert(0, _difference("auditor", did_key(signed.key), args.auditor))
    return _tell(args, signed, found)


def _tell(args: argparse.Namespace, signed: Signed | None, found: list[Difference]) -> int:
    if args.json:
        sys.stdout.write(json.dumps(_told(signed, found)) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _lines(signed, found))
    return _DIFFERS if found else 0


def _told(signed: Signed | None, found: list[Difference]) -> JsonObject:
    from registry.documents.multikey import did_key

    return {
        "agrees": not found,
        "auditor": None if signed is None else did_key(signed.key),
        "statement": None if signed is None else signed.said,
        "differences": [one.to_json() for one in found],
    }


def _lines(signed: Signed | None, found: list[Difference]) -> Iterator[str]:
    from registry.documents.multikey import did_key

    if signed is None:
        yield "BROKEN: the signature does not fit the statement"
        return
    at = f"as of block {signed.asked.block}, signed by {did_key(signed.key)}"
    yield f"AGREES: an audit of our own {at}" if not found else f"DIFFERS: {at}"
    for one in found:
        yield f"  {one.sentence()}"


def _difference(field: str, signed: str, own: str) -> Difference:
    from registry.auditing.statement import Difference

    return Difference(field, signed, own)


def _said(request: AuditRequest, report: AuditReport) -> JsonObject:
    from registry.auditing.statement import statement

    return statement(report, request.issuer_id, request.every_s, at=request.now, tool=_tool())


def _tool() -> str:
    import registry

    return f"credanchor {registry.__version__}"


def write_whole(path: Path, text: str) -> None:
    """All or nothing."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text, "utf-8")
    fresh.replace(path)
