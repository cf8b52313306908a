"""`worker`: every issuer's nightly work, until it is told to stop."""

from __future__ import annotations

import signal
from threading import Event
from typing import TYPE_CHECKING

from anchor_service.api import logs
from anchor_service.commands.output import answer, load_workspace, say
from anchor_service.engine import worker
from anchor_service.engine.posts import Tempo
from anchor_service.intake.inbox_watch import taking_in
from anchor_service.operating.opening import open_database
from anchor_service.webhooks.posting import deliverer_of, delivering

if TYPE_CHECKING:
    import argparse
    from types import FrameType

_BUSY_CODE = 3


def run(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    tempo = Tempo(lease=args.lease)
    if args.once:
        served = worker.once(workspace, tempo=tempo)
        said = "done" if served else "another worker has the account; it does what is due"
        say(args, said)
        answer(args, {"served": served})
        return 0 if served else _BUSY_CODE
    logs.set_up()
    stop = Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    with (
        open_database(workspace) as database,
        delivering(deliverer_of(workspace, database)),
        taking_in(workspace, database),
    ):
        worker.run(workspace, stop, tempo=tempo)
    return 0
