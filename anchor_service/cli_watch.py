"""The arguments of `watch`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_HOUR_S = 3600


def register(commands: Commands, add: Callable[..., argparse.ArgumentParser]) -> None:
    watch = add(
        commands,
        "watch",
        "anchor_service.commands.watch:run",
        "follow the chain for an issuer, and tell of what its database does not know",
        of_issuer=False,
    )
    watch.epilog = (
        "Exit codes: 0 with --once nothing stands, else ended by a signal; 1 with --once an alert "
        "stands; 2 wrong usage; 3 with --once could not look."
    )
    watch.add_argument("--once", action="store_true", help="look once, and leave")
    watch.add_argument(
        "--poll", metavar="SECONDS", type=_number, default=15.0, help="between looks (else 15)"
    )
    _add_place(watch)
    _add_limits(watch)
    _add_telling(watch)


def _add_place(watch: argparse.ArgumentParser) -> None:
    watch.add_argument("--database", metavar="URL", help="the issuer's (else: the workspace's)")
    watch.add_argument(
        "--rpc", metavar="URL", action="append", default=[], help="a node (else: the workspace's)"
    )
    watch.add_argument("--chain", metavar="ID", help="such as eip155:1; goes with --rpc")
    watch.add_argument("--registry", metavar="ADDRESS", help="the contract; goes with --rpc")
    watch.add_argument(
        "--issuer",
        dest="issuers",
        metavar="ID",
        action="append",
        default=[],
        help="an issuer besides those of the database",
    )
    watch.add_argument(
        "--from", dest="told_from", metavar="N", type=_count, default=0, help="tell of later blocks"
    )
    watch.add_argument(
        "--store",
        metavar="FILE",
        type=Path,
        help="keep the chain's logs there, and beside it what was told",
    )


def _add_limits(watch: argparse.ArgumentParser) -> None:
    watch.add_argument(
        "--late",
        metavar="HOURS",
        type=_hours,
        default=6 * _HOUR_S,
        help="a night that is so late was missed (else 6)",
    )
    watch.add_argument(
        "--every", metavar="HOURS", type=_hours, help="tell where nothing is anchored for so long"
    )
    watch.add_argument(
        "--nights",
        metavar="N",
        type=_count,
        help="that the balance must pay for (else: the workspace's warn_nights, or 7)",
    )
    watch.add_argument(
        "--fee-cap",
        metavar="GWEI",
        type=_number,
        help="what gas may cost (else: the workspace's, or twice the present price)",
    )
    watch.add_argument(
        "--patience",
        metavar="SECONDS",
        type=_number,
        default=30.0,
        help="how long to wait for a node that does not answer (else 30)",
    )


def _add_telling(watch: argparse.ArgumentParser) -> None:
    watch.add_argument(
        "--webhook", metavar="URL", help="where alerts go, signed, besides the workspace's"
    )
    watch.add_argument(
        "--webhook-private", action="store_true", help="the webhook may be in a local net"
    )
    watch.add_argument(
        "--metrics", metavar="PORT", type=_port, help="for Prometheus, on this machine alone"
    )
    watch.add_argument(
        "--accept",
        metavar="NAME",
        action="append",
        default=[],
        help="an alert of a past thing that you have looked into: it stands no more",
    )


def _hours(text: str) -> int:
    return round(_number(text) * _HOUR_S)


def _number(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and a million")
    return value


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)
