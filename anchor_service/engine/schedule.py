"""When batches are sealed and gathered changes sent: pure rules, the clock passed in.

Times are unix seconds. A night that was missed is caught up once: what has waited since before any
scheduled moment is due.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from registry.errors import WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anchor_service.store.batch_store import Waiting
    from anchor_service.store.changes import Change
    from registry.workspaces.issuer_settings import ScheduleSettings


@dataclass(frozen=True, slots=True)
class Due:
    """What is due now. by: a schedule; None where all is, or, with `sealing` false, all changes."""

    by: Schedule | None = None
    sealing: bool = True

    def but_sealing(self) -> Due:
        """The same, but no batch is sealed."""
        return replace(self, sealing=False)

    @property
    def count_to(self) -> int:
        """How many credentials of a batch need to be counted at most."""
        return 0 if self.by is None else self.by.max_size or 0

    def batch(self, one: Waiting, now: int) -> bool:
        if one.closed is not None:
            return True  # its seal was begun
        return self.sealing and (self.by is None or self.by.seals(one, now))

    def changes(self, wanted: Sequence[Change], now: int) -> list[Change]:
        return list(wanted) if self.by is None else self.by.sends(wanted, now)


ALL = Due()


@dataclass(frozen=True, slots=True)
class Schedule:
    """cron texts have five fields and are read as Debian's cron reads them, in `zone`.

    So a job at a time that the change to summer time leaves out runs right after it, and one at a
    time that comes twice in autumn runs once.
    """

    cron: str | None
    status_cron: str | None
    zone: ZoneInfo
    max_size: int | None
    status_delay_s: int | None

    @classmethod
    def of(cls, settings: ScheduleSettings) -> Schedule:
        """Raises WorkspaceError where a cron text can't be read."""
        for text in (settings.cron, settings.status_cron):
            if text is not None:
                _first(text, datetime.now(UTC))
        return cls(
            settings.cron,
            settings.status_cron or settings.cron,
            ZoneInfo(settings.zone),
            settings.max_size,
            settings.status_delay_s,
        )

    def seals(self, one: Waiting, now: int) -> bool:
        if one.seal_asked is not None:
            return True
        if self.max_size is not None and one.count >= self.max_size:
            return True
        return self._passed(self.cron, one.oldest, now)

    def sends(self, wanted: Sequence[Change], now: int) -> list[Change]:
        """Urgent changes at once; the others together, when the oldest of them is due."""
        gathered = [one.asked for one in wanted if not one.urgent]
        late = self.status_delay_s is not None and any(
            one + self.status_delay_s <= now for one in gathered
        )
        if late or (gathered and self._passed(self.status_cron, min(gathered), now)):
            return list(wanted)
        return [one for one in wanted if one.urgent]

    def next_seal(self, now: int) -> int | None:
        """The next moment of the clock's; None where batches are never sealed by it."""
        return None if self.cron is None else self._after(self.cron, now)

    def _passed(self, cron: str | None, since: int, now: int) -> bool:
        """Whether a scheduled moment lies after `since` and not after `now`."""
        return cron is not None and self._after(cron, since) <= now

    def _after(self, cron: str, then: int) -> int:
        return int(_first(cron, datetime.fromtimestamp(then, self.zone)).timestamp())


def _first(cron: str, after: datetime) -> datetime:
    try:
        return next(CronSim(cron, after))
    except (CronSimError, StopIteration) as error:
        raise WorkspaceError(
            f'[schedule] cron {cron!r}: {error if str(error) else "never comes"}; as in "0 2 * * *"'
        ) from None
