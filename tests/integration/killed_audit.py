"""An audit that kills itself with SIGKILL at its n-th statement to SQLite; 0: never.

Arguments: node URL, store file, n.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from registry.auditing.audit import Audit, AuditRequest
from registry.nodes.log_reader import Pace
from registry.nodes.rpc import Node
from registry.values import ChainId
from registry.workspaces import artifact


def main(url: str, store: str, moment: int) -> None:
    connect = sqlite3.connect

    def traced(*arguments: Any, **more: Any) -> sqlite3.Connection:
        db: sqlite3.Connection = connect(*arguments, **more)
        left = moment

        def count(_statement: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        db.set_trace_callback(count)
        return db

    request = AuditRequest(
        chain=ChainId(ChainId.DEVELOPMENT),
        registry=artifact.load().address,
        store=Path(store),
        seed=1,
        now=0,
        pace=Pace(first_span=3, target_logs=4),
    )
    with mock.patch.object(sqlite3, "connect", traced):
        report = Audit(request, [partial(Node, url)]).run()
    sys.exit(0 if report.holds else 1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
