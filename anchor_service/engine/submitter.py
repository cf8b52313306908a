"""Nonce, sign, store, send, replace: one step at a time for one sender, exactly once.

The order is the safety: ask the contract; bind the nonce and commit; sign, store the raw bytes
and commit; only then send. A crash between any two leaves what the next step needs to go on.
`deciding` says which step is next; here it is done. No step waits for the chain.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from anchor_service.engine.deciding import Pace, Sight, Step, resend_due, what_next
from anchor_service.engine.errands import GiveUp
from anchor_service.engine.fees import GWEI, Fees, first_offer, gas_limit, raised_offer
from anchor_service.engine.refusals import blocked_by
from anchor_service.engine.spending import check_day_cap, spending
from anchor_service.errors import Blocked, StillPending
from anchor_service.store import inclusions, leases, outbox, subjects
from anchor_service.store.broadcasts import Broadcast
from anchor_service.store.inclusions import Inclusion
from anchor_service.store.lifecycle import IntentState, Moment, Reason
from anchor_service.store.outbox import Attempt, Intent, Kind
from registry.errors import NodeRefused, NodeUnreachable

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from anchor_service.engine.chain import Chain, Mined
    from anchor_service.engine.errands import Errand
    from anchor_service.engine.keys import Signer
    from anchor_service.store.database import Database
    from anchor_service.store.leases import Lease


@dataclass(frozen=True, slots=True)
class Limits:
    """max_fee: cap in wei per gas; day_cap: in wei a day (UTC); times in seconds."""

    max_fee: int
    day_cap: int | None = None
    poll: float = 1.0
    resend: float = 15.0
    raise_after: int = 45
    lease: int = 30
    patience: float = 900.0

    @property
    def pace(self) -> Pace:
        return Pace(self.resend, self.raise_after)


class Outcome(Enum):
    """How a call ended.

    INCLUDED: by our transaction. DONE_ALREADY: by another. SPENT: the nonce went elsewhere or the
    call reverted, so that the contract must be asked anew.
    """

    INCLUDED = "included"
    DONE_ALREADY = "done already"
    SPENT = "spent"


Watch = Callable[[Moment], None]


class Submitter:
    """Writes for one (chain, sender) while it holds the lease."""

    def __init__(
        self,
        database: Database,
        chain: Chain,
        key: Signer,
        lease: Lease,
        *,
        limits: Limits,
        watch: Watch,
    ) -> None:
        self._database = database
        self._chain = chain
        self._key = key
        self._lease = lease
        self.limits = limits
        self._watch = watch
        # How often in a row a node called an intent's nonce too low; forgotten by a restart.
        self._nonce_low: dict[int, int] = {}

    def fence(self, connection: Connection) -> None:
        """Let the caller's transaction commit only while the lease is ours; raises LeaseLost."""
        leases.hold_lease(connection, self._lease, _now(), self.limits.lease)

    def price(self, errand: Errand) -> tuple[int, Fees]:
        """Gas limit and first fees; Blocked where the call would fail or the fees pass the cap."""
        gas = self._gas(errand)
        market = self._chain.market()
        fees = first_offer(market, self.limits.max_fee)
        if fees is None:
            raise Blocked(Reason.FEE_CAP, self._over_cap(market.base_fee + market.tip))
        return gas, fees

    def quote(self, errand: Errand, intent: int | None = None) -> tuple[int, Fees]:
        """As `price`; Blocked also where account or day's cap could not pay for it."""
        gas, fees = self.price(errand)
        self._check_day(gas * fees.max_fee, intent)
        balance = self._chain.balance(self._key.address)
        if balance < gas * fees.max_fee:
            raise Blocked(
                Reason.FUNDS,
                f"account {self._key.address} holds {balance} wei and may need "
                f"{gas * fees.max_fee}; send it funds on {self._chain.id}",
            )
        return gas, fees

    def start(
        self, errand: Errand, batch: int | None = None, changes: Sequence[int] = ()
    ) -> Intent | None:
        """Bind a nonce to a call, sign it and send it; None where the contract says it is done.

        Bound to a batch or to rows of status_change. Raises Blocked, ChainError, LeaseLost.
        """
        if errand.is_done(self._chain):
            return None
        self.quote(errand)
        floor = self._chain.nonce(self._key.address)
        with self._database.write() as connection:
            self.fence(connection)
            intent = outbox.reserve(
                connection,
                errand.kind,
                self._chain.id,
                self._key.address,
                floor,
                errand.recipient,
                errand.data,
                batch,
                _now(),
            )
            subjects.bind(connection, intent, changes, _now())
        self._watch(Moment.RESERVED)
        return intent

    def carry_out(
        self, errand: Errand, batch: int | None = None, changes: Sequence[int] = ()
    ) -> Outcome:
        """Make the call and wait for its block; raises as `start`, and StillPending."""
        intent = self.start(errand, batch, changes)
        return Outcome.DONE_ALREADY if intent is None else self.resume(errand, intent)

    def resume(self, errand: Errand, intent: Intent) -> Outcome:
        """Go on with a reserved nonce until it is settled; as `carry_out`."""
        deadline = time.monotonic() + self.limits.patience
        while True:
            intent, outcome = self.step(errand, intent)
            if outcome is not None:
                return outcome
            if time.monotonic() > deadline:
                raise StillPending(self.waiting_for(intent))
            time.sleep(self.limits.poll)

    def step(self, errand: Errand, intent: Intent) -> tuple[Intent, Outcome | None]:
        """Do all that can be done now for a reserved nonce; None while it is pending.

        Raises Blocked, ChainError, LeaseLost; what was reached before is kept.
        """
        while True:
            sight, mined = self._look(errand, intent)
            step = what_next(sight, self.limits.pace, _now())
            if mined is not None:
                return intent, self._conclude(errand, intent, mined, unwanted=sight.unwanted)
            if step in (Step.RELEASE, Step.SPENT):
                return intent, self._let_go(intent, step, unwanted=sight.unwanted)
            if step is Step.WAIT:
                return intent, None
            if step is Step.SIGN:
                intent = self._sign(errand, intent)
                continue
            last = sight.attempts[-1]
            if step is Step.SEND:
                return self._send(intent, last), None
            if not self._replace(errand, intent, last, cancel=step is Step.CANCEL):
                return self._send_again(intent, last), None

    def rebroadcast(self, intent: Intent) -> None:
        """Send what is stored for a nonce that a reorganisation has freed again."""
        attempts = self._attempts(intent)
        if attempts and resend_due(attempts[-1], self.limits.pace, _now()):
            self._send(intent, attempts[-1])

    def fill(self, nonce: int) -> None:
        """Bind a transfer of nothing to ourselves to a nonce that holds up every later one."""
        errand = GiveUp(Kind.FILL, self._key.address, nonce)
        self.quote(errand)
        with self._database.write() as connection:
            self.fence(connection)
            outbox.bind(
                connection,
                errand.kind,
                self._chain.id,
                self._key.address,
                nonce,
                errand.recipient,
                errand.data,
                None,
                _now(),
            )

    def waiting_for(self, intent: Intent) -> str:
        attempts = self._attempts(intent)
        if not attempts:
            return f"nonce {intent.nonce} is reserved, nothing is sent yet; run the command again"
        last = attempts[-1]
        return (
            f"transaction {last.hash} is not in a block yet (offered "
            f"{last.fees.max_fee / GWEI:.3f} gwei a gas, cap "
            f"{self.limits.max_fee / GWEI:.3f}); run the command again to go on"
        )

    def _look(self, errand: Errand, intent: Intent) -> tuple[Sight, Mined | None]:
        with self._database.read() as connection:
            attempts = outbox.attempts(connection, intent.id)
            unwanted = subjects.unwanted(connection, intent)
        # Receipts last: what our own transaction has just done must not look like another's.
        unwanted = unwanted or errand.is_done(self._chain)
        used = unwanted and self._chain.nonce(intent.sender) > intent.nonce
        mined = self._mined(attempts)
        low = self._nonce_low.get(intent.id, 0)
        return Sight(attempts, mined is not None, unwanted, used, low), mined

    def _gas(self, errand: Errand) -> int:
        try:
            estimate = self._chain.estimate(self._key.address, errand.recipient, errand.data)
        except NodeRefused as error:
            raise blocked_by(error) from error
        limit = gas_limit(estimate)
        if limit is None:
            raise Blocked(
                Reason.REFUSED, f"the call needs {estimate} gas, more than a transaction may have"
            )
        return limit

    def _check_day(self, more: int, intent: int | None) -> None:
        if self.limits.day_cap is None:
            return
        with self._database.read() as connection:
            today = spending(connection, self._chain.id, self._key.address, _now(), besides=intent)
        check_day_cap(today, more, self.limits.day_cap)

    def _sign(self, errand: Errand, intent: Intent) -> Intent:
        try:
            gas, fees = self.quote(errand, intent.id)
            attempt = self._attempt(errand, intent, gas, fees)
        except Blocked:
            # Nothing is signed: a nonce kept now would hold up every later one.
            self._let_go(intent, Step.RELEASE, unwanted=False)
            raise
        with self._database.write() as connection:
            self.fence(connection)
            outbox.add_attempt(connection, intent.id, attempt)
            intent = subjects.move(connection, intent, IntentState.SIGNED, _now())
        self._watch(Moment.SIGNED)
        return intent

    def _attempt(
        self, errand: Errand, intent: Intent, gas: int, fees: Fees, *, cancels: bool = False
    ) -> Attempt:
        raw, tx_hash = self._key.sign(
            intent.chain, intent.nonce, errand.recipient, errand.data, gas, fees
        )
        return Attempt(tx_hash, raw, gas, fees, _now(), None, cancels=cancels)

    def _send_again(self, intent: Intent, last: Attempt) -> Intent:
        """The cap leaves no room for more: the same again when due, and a person is told."""
        if resend_due(last, self.limits.pace, _now()):
            intent = self._send(intent, last)
        market = self._chain.market()
        if market.base_fee + market.tip > last.fees.max_fee:
            raise Blocked(Reason.FEE_CAP, self._over_cap(market.base_fee + market.tip))
        return intent

    def _over_cap(self, price: int) -> str:
        return (
            f"gas costs {price} wei now, over the cap of {self.limits.max_fee}; wait, or raise "
            "[chain] fee_cap_gwei"
        )

    def _send(self, intent: Intent, attempt: Attempt) -> Intent:
        """Hand it to the node; an answer that never came counts as refused and is tried again."""
        try:
            outcome = self._chain.broadcast(attempt.raw)
        except NodeUnreachable:
            outcome = Broadcast.OTHER
        taken = outcome is Broadcast.TAKEN
        low = self._nonce_low.pop(intent.id, 0)
        if outcome is Broadcast.NONCE_LOW:
            self._nonce_low[intent.id] = low + 1
        with self._database.write() as connection:
            self.fence(connection)
            # A nonce that is said to be used is asked about again at once, not when a send is due.
            sent = None if outcome is Broadcast.NONCE_LOW else _now()
            outbox.note_broadcast(connection, attempt.hash, sent, None if taken else outcome.value)
            if taken and intent.state is IntentState.SIGNED:
                intent = subjects.move(connection, intent, IntentState.SENT, _now())
            elif taken:
                subjects.unblock(connection, intent, _now())
        if taken:
            self._watch(Moment.SENT)
        if outcome is Broadcast.FUNDS:
            raise Blocked(
                Reason.FUNDS,
                f"account {self._key.address} can't pay for the transaction; send it funds",
            )
        return intent

    def _replace(self, errand: Errand, intent: Intent, last: Attempt, *, cancel: bool) -> bool:
        """Store a dearer transaction for the same nonce, if the caps allow it.

        cancel: a transfer of nothing to ourselves. The one before stays good either way.
        """
        fees = raised_offer(last.fees, self._chain.market(), self.limits.max_fee)
        if fees is None:
            return False
        gas = last.gas
        if cancel or last.cancels:
            errand = GiveUp(intent.kind, intent.sender, intent.nonce)
            gas = self._gas(errand)
        try:
            self._check_day(gas * fees.max_fee, intent.id)
        except Blocked:
            return False
        attempt = self._attempt(errand, intent, gas, fees, cancels=cancel or last.cancels)
        with self._database.write() as connection:
            self.fence(connection)
            outbox.add_attempt(connection, intent.id, attempt)
        return True

    def _let_go(self, intent: Intent, step: Step, *, unwanted: bool) -> Outcome:
        """Give a nonce back that nothing is signed for, or note that it went elsewhere."""
        self._nonce_low.pop(intent.id, None)
        with self._database.write() as connection:
            self.fence(connection)
            if step is Step.RELEASE:
                subjects.unbind(connection, intent, _now())
                outbox.release(connection, intent)
            else:
                subjects.move(connection, intent, IntentState.SPENT, _now())
        return Outcome.DONE_ALREADY if unwanted else Outcome.SPENT

    def _conclude(self, errand: Errand, intent: Intent, mined: Mined, *, unwanted: bool) -> Outcome:
        self._nonce_low.pop(intent.id, None)
        done = mined.succeeded and mined.recipient == intent.recipient and intent.data != b""
        inclusion = Inclusion(
            mined.tx_hash,
            mined.block_number,
            mined.block_hash,
            mined.block_time,
            errand.log_index(mined) if done else None,
            mined.gas_used,
            mined.gas_price,
        )
        with self._database.write() as connection:
            self.fence(connection)
            inclusions.put_inclusion(
                connection, inclusion, intent.id, intent.batch if done else None
            )
            # Else it reverted, or it is the transfer to ourselves that an earlier run gave up with.
            after = IntentState.INCLUDED if done else IntentState.SPENT
            subjects.move(connection, intent, after, _now())
        if not mined.succeeded and not unwanted:
            self._gas(errand)  # says why, if the call fails as the chain is now
            raise Blocked(
                Reason.REFUSED,
                f"transaction {mined.tx_hash} failed, though the call passes now; look at it",
            )
        if not done:
            return Outcome.DONE_ALREADY if unwanted else Outcome.SPENT
        self._watch(Moment.INCLUDED)
        return Outcome.INCLUDED

    def _attempts(self, intent: Intent) -> list[Attempt]:
        with self._database.read() as connection:
            return outbox.attempts(connection, intent.id)

    def _mined(self, attempts: Sequence[Attempt]) -> Mined | None:
        found = (self._chain.mined(attempt.hash) for attempt in reversed(attempts))
        return next((mined for mined in found if mined is not None), None)


def _now() -> int:
    return int(time.time())
