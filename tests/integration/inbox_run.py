"""One run of the drop folder that kills itself just after a step, as a power cut would.

Arguments: workspace, step.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from anchor_service.intake import inbox
from anchor_service.intake.inbox import Step
from anchor_service.operating.opening import open_database
from registry.workspaces.workspace import Workspace


def main(folder: str, step: str) -> None:
    def watch(at: Step) -> None:
        if at is Step(step):
            os.kill(os.getpid(), signal.SIGKILL)

    workspace = Workspace.load(Path(folder))
    with open_database(workspace) as database:
        inbox.take(workspace, database, settle_s=0, watch=watch)


if __name__ == "__main__":
    main(*sys.argv[1:])
