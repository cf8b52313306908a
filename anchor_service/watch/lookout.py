"""`watch`, round after round: a look, what stands after it, and who is told of it.

All that lasts between rounds, and between processes, is in the file of told alerts.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from filelock import FileLock, Timeout

from anchor_service.errors import DatabaseError
from anchor_service.watch import alert_webhooks, alerts
from anchor_service.watch.told_alerts import ToldAlerts, read_accepted
from registry.errors import ChainError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from anchor_service.watch.alert_webhooks import Recipient
    from anchor_service.watch.alerts import Alert
    from anchor_service.watch.looking import Look
    from anchor_service.watch.metrics import WatchMetrics
    from anchor_service.watch.told_alerts import Standing

BLIND_S = 900
"""So long chain and database may be silent before that is an alert of its own."""

_LOCK_S = 60
_PEOPLE = ""  # no webhook can have this name


class Files(NamedTuple):
    """told: written at each change; accepted: by `--accept`, and only read here."""

    told: Path
    accepted: Path

    @classmethod
    def beside(cls, store: Path) -> Files:
        return cls(store.with_suffix(".alerts.json"), store.with_suffix(".accepted"))


class Round(NamedTuple):
    """look: None where there was none. fault: why, or which webhooks took nothing."""

    look: Look | None
    standing: tuple[Standing, ...]
    faults: tuple[str, ...]


class Lookout:
    """look: takes Unix seconds. tell: told of each alert once; None if people need not be.

    clock: Unix seconds.
    """

    def __init__(
        self,
        look: Callable[[int], Look],
        files: Files,
        recipients: Sequence[Recipient],
        metrics: WatchMetrics,
        clock: Callable[[], float],
        tell: Callable[[Standing], None] | None = None,
    ) -> None:
        self._look = look
        self._files = files
        self._recipients = recipients
        self._metrics = metrics
        self._clock = clock
        self._tell = tell
        self._stood: tuple[Alert, ...] = ()
        self._looked = int(clock())

    def round(self) -> Round:
        """Look once and tell what is new. Raises StoreError, WorkspaceError.

        A chain or database that does not answer is a fault of the round, and after BLIND_S an
        alert; what stood before is taken to stand still.
        """
        now = int(self._clock())
        with self._alone():
            try:
                found = self._look(now)
            except (ChainError, DatabaseError) as error:
                self._metrics.failed()
                return self._without(str(error), now)
            self._stood, self._looked = found.alerts, now
            self._metrics.looked(found, now)
            return self._told(found, found.alerts, (), now)

    def _without(self, fault: str, now: int) -> Round:
        blind: Iterable[Alert] = ()
        if now - self._looked >= BLIND_S:
            blind = (alerts.of_blindness(self._looked, fault),)
        return self._told(None, (*self._stood, *blind), (f"could not look: {fault}",), now)

    def _told(
        self, found: Look | None, stand: Iterable[Alert], faults: tuple[str, ...], now: int
    ) -> Round:
        told = ToldAlerts.load(self._files.told)
        accepted = read_accepted(self._files.accepted)
        stand = [one for one in stand if one.name not in accepted]
        standing = told.take(stand, now, and_no_other=found is not None)
        told.save()
        self._metrics.stand(standing)
        if self._tell is not None:
            for one in told.untold(_PEOPLE, standing):
                self._tell(one)
                told.mark_told(_PEOPLE, one)
            told.save()
        failing = alert_webhooks.tell(self._recipients, told, standing, now)
        self._metrics.told(len(failing))
        return Round(found, standing, (*faults, *failing))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """A watch that is asked once beside one that runs waits for its turn."""
        self._files.told.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(f"{self._files.told}.lock", timeout=_LOCK_S):
                yield
        except Timeout:
            raise StoreError(f"{self._files.told}: another watch holds it; try again") from None
