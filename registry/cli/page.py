"""`credanchor page`: the verifier as one web page, to keep, to hand on, to open from disk."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "page",
        help="write the verifier as one web page that works from disk",
        description="Write the verifier as one HTML file. It judges in the browser, asks nobody "
        "but the nodes that its reader names, and works from disk with no network.",
    )
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help="where to write it")
    parser.add_argument(
        "--policy",
        metavar="FILE",
        type=Path,
        help="whom its readers trust, unless they say",
    )
    parser.add_argument("--json", action="store_true", help="what was written, as JSON")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    import json

    from registry.cli.verifier_page import page_with

    policy = None if args.policy is None else args.policy.read_bytes()
    content = page_with(policy)
    args.out.write_bytes(content)
    if args.json:
        sys.stdout.write(json.dumps({"file": str(args.out), "bytes": len(content)}) + "\n")
    else:
        sys.stdout.write(f"Wrote {args.out}: open it in any browser.\n")
    return 0
