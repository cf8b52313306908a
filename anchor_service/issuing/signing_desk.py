"""Credentials made and signed in a thread of its own, behind a queue whose answers may be awaited.

The API is given this object and sees `issue` alone: it never imports this module, nor any that
holds a key. The queue is bounded, and what does not fit is refused at once.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import orjson

from anchor_service.api.grouping import Grouped
from anchor_service.errors import IssuerKeyError, KeyUnusable, RosterRefused
from anchor_service.issuing import issuer
from anchor_service.issuing.roster import Roster
from registry.errors import WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from anchor_service.issuing.achievement import Achievement
    from anchor_service.issuing.credential_key import Issuing
    from anchor_service.issuing.roster import RosterRow

_GROUP = 32
_WAITING = 1024


class _Order(NamedTuple):
    issuer: str
    achievement: Achievement
    row: RosterRow


class SigningDesk:
    """open_issuing: by handle, opens an issuer's key; asked once an issuer, when it is needed."""

    def __init__(self, open_issuing: Mapping[str, Callable[[], Issuing]]) -> None:
        self._openers = open_issuing
        self._opened: dict[str, Issuing] = {}
        self._queue: Grouped[_Order, bytes] = Grouped(
            "signing", self._work, most=_GROUP, waiting=_WAITING
        )

    async def issue(self, issuer: str, achievement: Achievement, row: RosterRow) -> bytes:
        """Return the signed credential. Raises RosterRefused, IssuerKeyError, Unavailable."""
        return await self._queue.ask(_Order(issuer, achievement, row))

    def close(self) -> None:
        self._queue.close()

    def _work(self, orders: Sequence[_Order]) -> Sequence[bytes | Exception]:
        return [self._try(order) for order in orders]

    def _try(self, order: _Order) -> bytes | Exception:
        try:
            return self._issue(order)
        except (RosterRefused, IssuerKeyError) as error:
            return error
        except (KeyUnusable, WorkspaceError) as error:
            return IssuerKeyError(str(error))

    def _issue(self, order: _Order) -> bytes:
        fitted = issuer.fit(Roster((order.row,), ()), order.achievement)
        if fitted.faults:
            raise RosterRefused(fitted.faults)
        if order.issuer not in self._opened:
            self._opened[order.issuer] = self._openers[order.issuer]()
        held = self._opened[order.issuer]
        now = datetime.now(UTC)
        unsigned = issuer.issue(order.achievement, order.row, held.profile, os.urandom, now)
        return orjson.dumps(issuer.sign_credential(unsigned, held.key, os.urandom, now))
