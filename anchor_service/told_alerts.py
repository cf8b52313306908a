"""Which alerts were told already: a small file, so that each cause is told once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from anchor_service.files import write_whole
from registry.errors import WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anchor_service.alerts import Alert


class ToldAlerts:
    """A cause that stands no more is forgotten: when it comes back it is told again."""

    def __init__(self, file: Path) -> None:
        """Raises WorkspaceError for a file that holds something else."""
        self._file = file
        self._causes: set[str] = set()
        if file.exists():
            try:
                held = orjson.loads(file.read_bytes())
                self._causes = {str(one) for one in held["told"]}
            except (orjson.JSONDecodeError, KeyError, TypeError):
                raise WorkspaceError(f"{file}: not a list of told alerts; remove it") from None

    def news(self, standing: Sequence[Alert]) -> list[Alert]:
        return [one for one in standing if one.cause not in self._causes]

    def keep(self, standing: Sequence[Alert], untold: Sequence[Alert]) -> None:
        """Remember all that stand, but those that could not be delivered. A crash before: twice."""
        left = {one.cause for one in untold}
        self._causes = {one.cause for one in standing} - left
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._file, orjson.dumps({"told": sorted(self._causes)}).decode() + "\n")
