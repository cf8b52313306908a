"""Where work waits for people: asked just before a batch is sealed and before changes are sent.

Each function works in the caller's transaction and writes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from anchor_service.changes import Change


def may_seal(connection: Connection, batch: int) -> bool:  # noqa: ARG001 - nobody is asked yet
    """Whether an open batch has every approval that it needs."""
    return True


def sendable(connection: Connection, wanted: Sequence[Change]) -> list[Change]:  # noqa: ARG001
    """The changes that have every approval that they need, in the same order."""
    return list(wanted)
