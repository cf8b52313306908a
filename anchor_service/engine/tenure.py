"""Waiting for a sender's lease, and keeping it: who writes for an account, and for how long.

Whether a holder still lives is judged by the steady clock of whoever waits: a lease that has not
moved for three quarters of its time is dead, whatever the wall clocks of the two machines say. What
a clock that jumps can do is to make a holder lose its lease early; no more, since each of its
transactions is fenced.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from typing import TYPE_CHECKING

from anchor_service.store import leases

if TYPE_CHECKING:
    from collections.abc import Callable

    from anchor_service.store.database import Database
    from anchor_service.store.leases import Beat, Lease
    from registry.values import Address, ChainId

_DEAD_SHARE = 0.75
BEAT_SHARE = 0.2
"""A holder's lease moves at least once in this part of its time."""


def owner_name() -> str:
    """This process, or one part of it, for the lease's row."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


class Contender:
    """One that wants a lease and asks again and again, with reads only while another holds it.

    alone: the database's own lock is held, so that another's lease is a dead process's.
    """

    def __init__(
        self,
        database: Database,
        chain: ChainId,
        sender: Address,
        *,
        seconds: int,
        alone: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._chain = chain
        self._sender = sender
        self._seconds = seconds
        self._alone = alone
        self._clock = clock
        self._owner = owner_name()
        self._seen: Beat | None = None
        self._since = clock()

    def try_take(self) -> Lease | None:
        """The lease, if nobody living has it now."""
        with self._database.read() as connection:
            beat = leases.look(connection, self._chain, self._sender)
        now = self._clock()
        if beat != self._seen:
            self._seen, self._since = beat, now
        still = now - self._since >= _DEAD_SHARE * self._seconds
        free = beat is None or still or self._alone or beat.expires <= time.time()
        if not free:
            return None
        with self._database.write() as connection:
            return leases.take_lease(
                connection,
                self._chain,
                self._sender,
                self._owner,
                now=int(time.time()),
                seconds=self._seconds,
                alone=self._alone,
                dead=beat if still else None,
            )
