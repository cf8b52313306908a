"""`credanchor` for chains that have a block every tenth of a second: nothing else is changed.

Takes the words of the command line.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from anchor_service import deciding, opening, posts
from registry import cli

if TYPE_CHECKING:
    from anchor_service.submitter import Limits
    from registry.workspace import Workspace


def main() -> int:
    posts.Tempo.__init__.__defaults__ = (0.05, 0.05, 0.1, 30)  # idle, busy, looks, lease
    patient = opening.limits_of

    def hasty(workspace: Workspace) -> Limits:
        return replace(patient(workspace), resend=0.5, raise_after=1)

    vars(posts)["limits_of"] = hasty
    deciding._FIRST_RETRY_S = 1
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
