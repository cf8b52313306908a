"""A post: one account on one chain, and the issuers that a worker serves with it.

A post has a thread of its own, so that a chain that does not answer holds up nobody else's issuers.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from anchor_service.engine import anchoring, watching
from anchor_service.engine.anchoring import Line
from anchor_service.engine.endpoints import Pool
from anchor_service.engine.forecast import nights_left, typical_night
from anchor_service.engine.schedule import Due, Schedule
from anchor_service.engine.submitter import Submitter
from anchor_service.engine.tenure import BEAT_SHARE, Contender
from anchor_service.errors import Blocked, LeaseLost, ServiceError
from anchor_service.operating.opening import (
    Desk,
    fund,
    issuer_of,
    limits_of,
    miner,
    open_chain,
    registry_of,
)
from anchor_service.store import account_store, leases, notices
from registry.errors import ChainError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import Event

    from sqlalchemy import Connection

    from anchor_service.engine.chain import Chain
    from anchor_service.engine.keys import Signer
    from anchor_service.engine.submitter import Watch
    from anchor_service.store.database import Database
    from anchor_service.store.leases import Lease
    from registry.workspaces.workspace import Workspace

_WEEK_EVERY_S = 60.0
_ACCOUNT_EVERY_S = 60.0
_TROUBLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Tempo:
    """Seconds: between rounds with nothing on its way, between looks for finality, of a lease.

    busy: between rounds with something on its way, where that is not as the chain's kind has it.
    """

    idle: float = 1.0
    busy: float | None = None
    looks: float = 4.0
    lease: int = 30


@dataclass(frozen=True, slots=True)
class Tools:
    """What a post works with. told: event names and numbers for the log; watch: for tests."""

    database: Database
    alone: bool
    stop: Event
    tempo: Tempo
    watch: Watch
    told: Callable[..., None]


class Post:
    """workspaces: as each of its issuers sees it, all with one chain and one account."""

    def __init__(self, workspaces: Sequence[Workspace], key: Signer, tools: Tools) -> None:
        self._workspaces = workspaces
        self._key = key
        self._tools = tools
        self._first = workspaces[0]
        # The strictest limits of its issuers, since one balance pays for all.
        those = [limits_of(one) for one in workspaces]
        caps = [one.day_cap for one in those if one.day_cap is not None]
        self._limits = replace(
            those[0],
            max_fee=min(one.max_fee for one in those),
            day_cap=min(caps, default=None),
            lease=tools.tempo.lease,
            poll=tools.tempo.busy or those[0].poll,
        )
        self._lease: Lease | None = None
        self._round_begun = time.monotonic()

    def run(self) -> None:
        """Until `stop`: wait for the lease, work while it is ours, begin anew after any trouble."""
        tools = self._tools
        while not tools.stop.is_set():
            try:
                with open_chain(self._first) as chain:
                    self._serve(chain, once=False)
            except LeaseLost:
                tools.told("lease_lost", account=str(self._key.address))
            except (ChainError, ServiceError) as error:
                self._trouble(error)
                tools.stop.wait(_TROUBLE_S)

    def once(self) -> bool:
        """All that is due now, as far as it goes without waiting for finality.

        False where another worker has the account. Raises ChainError, ServiceError.
        """
        with open_chain(self._first) as chain:
            return self._serve(chain, once=True)

    def beat(self) -> None:
        """Keep the lease while the thread does something; called by another thread."""
        lease = self._lease
        stuck = time.monotonic() - self._round_begun > 4 * self._tools.tempo.lease
        if lease is None or stuck:
            return
        with self._tools.database.write() as connection:
            leases.hold_lease(connection, lease, int(time.time()), self._tools.tempo.lease)

    def _serve(self, chain: Chain, *, once: bool) -> bool:
        tools = self._tools
        contender = Contender(
            tools.database,
            chain.id,
            self._key.address,
            seconds=tools.tempo.lease,
            alone=tools.alone,
        )
        while (lease := contender.try_take()) is None:
            if once or tools.stop.wait(min(tools.tempo.idle, BEAT_SHARE * tools.tempo.lease)):
                return False
        tools.told("lease_taken", account=str(self._key.address), token=lease.token)
        self._lease = lease
        with ExitStack() as stack:
            stack.callback(self._leave, lease)
            submitter = Submitter(
                tools.database, chain, self._key, lease, limits=self._limits, watch=tools.watch
            )
            mine = miner(self._first, chain)
            desk = Desk(tools.database, chain, self._key.address, submitter, mine)
            fund(self._first, chain, self._key.address)
            if once:
                self._until_quiet(desk)
            else:
                self._rounds(desk)
        return True

    def _rounds(self, desk: Desk) -> None:
        tools = self._tools
        lines, dues = self._lines(desk), self._dues()
        week = account = look = float("-inf")
        while not tools.stop.is_set():
            self._round_begun = now = time.monotonic()
            if now - account >= _ACCOUNT_EVERY_S:
                self._note_account(desk)
                account = now
            busy = anchoring.advance(lines, dues)
            waiting = False
            if busy or now - look >= tools.tempo.looks or desk.mine is not None:
                all_week = now - week >= _WEEK_EVERY_S
                waiting, vanished = watching.look(lines, all_week=all_week)
                if vanished:
                    tools.told("blocks_vanished", blocks=vanished)
                week, look = (now if all_week else week), now
            if desk.mine is not None and (busy or waiting):
                desk.mine()
            tools.stop.wait(self._limits.poll if busy or waiting else tools.tempo.idle)

    def _until_quiet(self, desk: Desk) -> None:
        lines, dues = self._lines(desk), self._dues()
        deadline = time.monotonic() + self._limits.patience
        while anchoring.advance(lines, dues) and time.monotonic() < deadline:
            self._round_begun = time.monotonic()
            if self._tools.stop.wait(self._limits.poll):
                return
        if desk.mine is not None:
            desk.mine()
        watching.look(lines)
        self._note_account(desk)

    def _lines(self, desk: Desk) -> list[Line]:
        return [
            Line(
                desk,
                registry_of(one),
                issuer_of(one),
                self._tools.watch,
                one.approval,
                one.handle,
                finality_depth=one.chain.confirmations,
            )
            for one in self._workspaces
        ]

    def _dues(self) -> list[Due]:
        return [Due(Schedule.of(one.schedule)) for one in self._workspaces]

    def _leave(self, lease: Lease) -> None:
        """Let the next one start at once; after a crash it waits for the lease to run out."""
        self._lease = None
        with self._tools.database.write() as connection:
            leases.end_lease(connection, lease)
            account_store.leave(connection, lease.chain, lease.sender)

    def _note_account(self, desk: Desk) -> None:
        node = desk.chain.node
        health = node.health() if isinstance(node, Pool) else []
        balance = desk.chain.balance(desk.account)
        self._note(balance, json.dumps([one.as_json() for one in health]), None)

    def _trouble(self, error: ChainError | ServiceError) -> None:
        """The kind of trouble to the log, its sentence to the database, for `status`."""
        self._tools.told("trouble", kind=type(error).__name__, account=str(self._key.address))
        text = f"{error.reason}: {error}" if isinstance(error, Blocked) else str(error)
        try:
            self._note(None, None, text)
        except ServiceError:
            return  # the database is what is in trouble

    def _note(self, balance: int | None, endpoints: str | None, trouble: str | None) -> None:
        now = int(time.time())
        with self._tools.database.write() as connection:
            account_store.note_account(
                connection,
                self._first.chain.id,
                self._key.address,
                [one.handle for one in self._workspaces],
                balance=balance,
                endpoints=endpoints,
                trouble=trouble,
                now=now,
            )
            if balance is not None:
                self._tell_if_low(connection, balance, now)

    def _tell_if_low(self, connection: Connection, balance: int, now: int) -> None:
        chain, account = self._first.chain.id, self._key.address
        night = typical_night(connection, chain, account, len(self._workspaces), now)
        nights = nights_left(balance, night, self._limits.max_fee)
        if nights < max(one.account.warn_nights for one in self._workspaces):
            for one in self._workspaces:
                notices.balance_low(connection, one.handle, chain, account, nights, now)
