"""How commands answer: lines for people, or one JSON value for programs; never both on stdout."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import orjson

from registry.workspaces.issuer_settings import MAIN
from registry.workspaces.workspace import Workspace, find

if TYPE_CHECKING:
    import argparse

    from registry.formats.strict_json import JsonObject


def load_workspace(args: argparse.Namespace) -> Workspace:
    """The workspace as the issuer sees it that --issuer names."""
    return Workspace.load(find(named(args))).of(getattr(args, "issuer", MAIN))


def named(args: argparse.Namespace) -> str | None:
    """The folder after -w, if one was given; else the environment may name it."""
    return str(args.workspace) if args.workspace else None


def say(args: argparse.Namespace, line: str) -> None:
    """A line for people; with --json nothing."""
    if not args.json:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def answer(args: argparse.Namespace, value: JsonObject) -> None:
    """The answer for programs; without --json nothing."""
    if args.json:
        sys.stdout.write(orjson.dumps(value).decode() + "\n")


def warn(line: str) -> None:
    """For people, beside the answer."""
    sys.stderr.write(line + "\n")
