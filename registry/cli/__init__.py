"""The command line's edge: arguments in, exit codes out. Here, and only here, errors become codes.

Commands live in modules of their own, each with `register(commands)`, which adds its parsers; a
parser sets `run`, called with the parsed arguments and returning the exit code. The issuer's
commands come through the entry-point group `credanchor.commands`. What a command works with is
imported when it runs, so that `--help` stays quick.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, NoReturn

from registry import errors
from registry.cli import audit, devchain, page, verify
from registry.cli.installed import entry_points

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ENTRY_POINTS = "credanchor.commands"
INSTALL_SERVICE = "this is an issuer's command and needs: pip install 'credanchor[service]'"

USAGE_CODE = 2
UNDECIDED_CODE = 3
INTERRUPTED_CODE = 128 + 2
BROKEN_PIPE_CODE = 128 + 13

_EXIT_CODES: tuple[tuple[type[Exception], int], ...] = (
    (FileNotFoundError, USAGE_CODE),
    (IsADirectoryError, USAGE_CODE),
    (NotADirectoryError, USAGE_CODE),
    (PermissionError, USAGE_CODE),
    (errors.MalformedValue, USAGE_CODE),
    (errors.MalformedJson, USAGE_CODE),
    (errors.MalformedDocument, USAGE_CODE),
    (errors.SchemaNotMet, USAGE_CODE),
    (errors.WorkspaceError, USAGE_CODE),
    (errors.StoreError, USAGE_CODE),
    (errors.ChainError, UNDECIDED_CODE),
    (errors.RegistryError, 1),
    (OSError, 1),
)
"""The first that fits counts."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Wrong arguments end in SystemExit(2), as argparse has it."""
    _make_output_safe()
    args = build_parser().parse_args(arguments)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write("\ncredanchor: interrupted\n")
        return INTERRUPTED_CODE
    except BrokenPipeError:
        # The reader has gone (`| head`). Python would flush into the pipe again on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE_CODE
    except ModuleNotFoundError:
        if _service_is_whole():
            raise
        return _fail("ServiceNotInstalled", INSTALL_SERVICE, USAGE_CODE, args)
    except (errors.RegistryError, OSError) as error:
        code = next(code for kind, code in _EXIT_CODES if isinstance(error, kind))
        return _fail(type(error).__name__, _message(error), code, args)
    return code


@cache
def build_parser() -> argparse.ArgumentParser:
    """Made once in a process: tests run many commands in one."""
    parser = argparse.ArgumentParser(
        prog="credanchor",
        description="Blockchain-anchored registry of microcredentials.",
        epilog="Exit codes: 0 done, or VALID; 1 failed, or definitely not VALID; 2 wrong usage, or "
        "a file that cannot be read; 3 cannot be checked now.",
    )
    parser.add_argument("--version", action=_Version, help="show the version and leave")
    parser.add_argument(
        "-w",
        "--workspace",
        metavar="DIR",
        help="the workspace's folder (else: $CREDANCHOR_WORKSPACE, else the current one)",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    verify.register(commands)
    audit.register(commands)
    page.register(commands)
    devchain.register(commands)
    for entry_point in entry_points(group=ENTRY_POINTS):
        try:
            register: Callable[[object], None] = entry_point.load()
            register(commands)
        except ImportError as error:
            # Somebody else's broken commands must not keep anyone from verifying.
            sys.stderr.write(f"credanchor: no commands from {entry_point.value}: {error}\n")
    return parser


class _Version(argparse.Action):
    """Asks for the version only when it is asked for: reading package metadata is slow."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:  # noqa: A002 - argparse's own name
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        import registry

        sys.stdout.write(f"credanchor {registry.__version__}\n")
        parser.exit()


def _service_is_whole() -> bool:
    """Whether all of the extra `[service]` is installed: if so, a missing module is our bug."""
    from importlib.metadata import PackageNotFoundError, distribution, requires

    for requirement in requires("credanchor") or []:
        name, _, marker = requirement.partition(";")
        # Those of one platform alone are not asked for on the others.
        if "extra == 'service'" in marker.replace('"', "'") and "sys_platform" not in marker:
            try:
                distribution(_distribution_name(name))
            except PackageNotFoundError:
                return False
    return True


def _distribution_name(requirement: str) -> str:
    """The name that a PEP 508 requirement begins with."""
    end = next((i for i, c in enumerate(requirement) if not (c.isalnum() or c in "-_.")), None)
    return requirement[:end]


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _fail(kind: str, message: str, code: int, args: argparse.Namespace) -> int:
    if getattr(args, "json", False):
        sys.stdout.write(json.dumps({"error": {"type": kind, "message": message}}) + "\n")
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
    sys.stderr.write(f"credanchor: {message}\n")
    return code


def _make_output_safe() -> None:
    """Names may hold any character; a terminal that cannot show one must not end the program."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # not there where a test catches output
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
