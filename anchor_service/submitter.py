"""Nonce, sign, store, send, replace, wait: one call at a time for one sender, exactly once.

The order is the safety: ask the contract; bind the nonce and commit; sign, store the raw bytes
and commit; only then send. A crash between any two leaves what the next run needs to go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from anchor_service import inclusions, leases, outbox, subjects
from anchor_service.chain import Broadcast
from anchor_service.errands import GiveUp
from anchor_service.errors import Blocked, StillPending
from anchor_service.fees import GWEI, Fees, first_offer, gas_limit, raised_offer
from anchor_service.inclusions import Inclusion
from anchor_service.lifecycle import IntentState, Moment, Reason
from anchor_service.outbox import Attempt, Intent
from anchor_service.refusals import blocked_by
from registry.errors import NodeRefused, NodeUnreachable

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from anchor_service.chain import Chain, Mined
    from anchor_service.database import Database
    from anchor_service.errands import Errand
    from anchor_service.keys import ChainKey
    from anchor_service.leases import Lease

# A node may know that a nonce is used before it can find the receipt.
_NONCE_LOW_PATIENCE = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """max_fee: cap in wei per gas; times in seconds."""

    max_fee: int
    poll: float = 1.0
    resend: float = 15.0
    raise_after: int = 45
    lease: int = 30
    patience: float = 900.0


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
        key: ChainKey,
        lease: Lease,
        *,
        limits: Limits,
        watch: Watch,
    ) -> None:
        self._database = database
        self._chain = chain
        self._key = key
        self._lease = lease
        self._limits = limits
        self._watch = watch

    def price(self, errand: Errand) -> tuple[int, Fees]:
        """Gas limit and first fees; Blocked where the call would fail or the fees pass the cap."""
        gas = self._gas(errand)
        market = self._chain.market()
        fees = first_offer(market, self._limits.max_fee)
        if fees is None:
            raise Blocked(
                Reason.FEE_CAP,
                f"gas costs {market.base_fee + market.tip} wei now, over the cap of "
                f"{self._limits.max_fee}; wait, or raise [chain] fee_cap_gwei",
            )
        return gas, fees

    def quote(self, errand: Errand) -> tuple[int, Fees]:
        """As `price`; Blocked also where the account could not pay for it."""
        gas, fees = self.price(errand)
        balance = self._chain.balance(self._key.address)
        if balance < gas * fees.max_fee:
            raise Blocked(
                Reason.FUNDS,
                f"account {self._key.address} holds {balance} wei and may need "
                f"{gas * fees.max_fee}; send it funds on {self._chain.id}",
            )
        return gas, fees

    def carry_out(
        self, errand: Errand, batch: int | None = None, changes: Sequence[int] = ()
    ) -> Outcome:
        """Make the call, bound to a batch or to rows of status_change.

        Raises Blocked, StillPending, ChainError, LeaseLost.
        """
        if errand.is_done(self._chain):
            return Outcome.DONE_ALREADY
        self.quote(errand)
        floor = self._chain.nonce(self._key.address)
        with self._database.write() as connection:
            self._fence(connection)
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
        return self.resume(errand, intent)

    def resume(self, errand: Errand, intent: Intent) -> Outcome:
        """Go on with a reserved nonce wherever it stands; as `carry_out`."""
        deadline = time.monotonic() + self._limits.patience
        sent_at = float("-inf")
        nonce_low = 0
        while True:
            attempts = self._attempts(intent)
            mined = self._mined(attempts)
            if mined is not None:
                return self._conclude(errand, intent, mined)
            if errand.is_done(self._chain):
                self._abandon(intent, attempts)
                return Outcome.DONE_ALREADY
            if nonce_low >= _NONCE_LOW_PATIENCE:
                self._move(intent, IntentState.SPENT)
                return Outcome.SPENT
            if not attempts:
                intent, attempts = self._sign(errand, intent)
            if time.monotonic() - sent_at >= self._limits.resend:
                intent, outcome = self._send(intent, attempts[-1])
                nonce_low += outcome is Broadcast.NONCE_LOW
                if outcome is not Broadcast.NONCE_LOW:
                    sent_at = time.monotonic()
                if outcome is Broadcast.TAKEN and self._mined(attempts) is not None:
                    continue
            self._wait(deadline, attempts[-1])
            if self._raise_fees(errand, intent, attempts[-1]):
                sent_at = float("-inf")

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

    def _sign(self, errand: Errand, intent: Intent) -> tuple[Intent, list[Attempt]]:
        try:
            gas, fees = self.quote(errand)
        except Blocked:
            # Nothing is signed: a nonce kept now would hold up every later one.
            self._release(intent)
            raise
        attempt = self._attempt(errand, intent, gas, fees)
        with self._database.write() as connection:
            self._fence(connection)
            outbox.add_attempt(connection, intent.id, attempt)
            intent = subjects.move(connection, intent, IntentState.SIGNED, _now())
        self._watch(Moment.SIGNED)
        return intent, [attempt]

    def _attempt(self, errand: Errand, intent: Intent, gas: int, fees: Fees) -> Attempt:
        raw, tx_hash = self._key.sign(
            intent.chain, intent.nonce, errand.recipient, errand.data, gas, fees
        )
        return Attempt(tx_hash, raw, gas, fees, _now(), None)

    def _send(self, intent: Intent, attempt: Attempt) -> tuple[Intent, Broadcast]:
        """Hand it to the node; an answer that never came counts as refused and is tried again."""
        try:
            outcome = self._chain.broadcast(attempt.raw)
        except NodeUnreachable:
            outcome = Broadcast.OTHER
        taken = outcome is Broadcast.TAKEN
        with self._database.write() as connection:
            self._fence(connection)
            outbox.note_broadcast(
                connection, attempt.hash, _now(), None if taken else outcome.value
            )
            if taken and intent.state is IntentState.SIGNED:
                intent = subjects.move(connection, intent, IntentState.SENT, _now())
        if taken:
            self._watch(Moment.SENT)
        if outcome is Broadcast.FUNDS:
            raise Blocked(
                Reason.FUNDS,
                f"account {self._key.address} can't pay for the transaction; send it funds",
            )
        return intent, outcome

    def _wait(self, deadline: float, last: Attempt) -> None:
        if time.monotonic() > deadline:
            raise StillPending(
                f"transaction {last.hash} is not in a block yet (offered "
                f"{last.fees.max_fee / GWEI:.3f} gwei a gas, cap "
                f"{self._limits.max_fee / GWEI:.3f}); run the command again to go on"
            )
        time.sleep(self._limits.poll)

    def _raise_fees(self, errand: Errand, intent: Intent, last: Attempt) -> bool:
        """Store a replacement once the last offer has waited long enough, if the cap allows it."""
        if _now() - last.signed < self._limits.raise_after:
            return False
        fees = raised_offer(last.fees, self._chain.market(), self._limits.max_fee)
        if fees is None:
            return False
        self._store(intent, self._attempt(errand, intent, last.gas, fees))
        return True

    def _conclude(self, errand: Errand, intent: Intent, mined: Mined) -> Outcome:
        if not mined.succeeded or mined.recipient != intent.recipient:
            # It reverted, or it is the transfer to ourselves that an earlier run gave up with.
            self._move(intent, IntentState.SPENT)
            return Outcome.SPENT
        inclusion = Inclusion(
            mined.tx_hash,
            mined.block_number,
            mined.block_hash,
            mined.block_time,
            errand.log_index(mined),
        )
        with self._database.write() as connection:
            self._fence(connection)
            inclusions.put_inclusion(connection, inclusion, intent.id, intent.batch)
            subjects.move(connection, intent, IntentState.INCLUDED, _now())
        self._watch(Moment.INCLUDED)
        return Outcome.INCLUDED

    def _abandon(self, intent: Intent, attempts: list[Attempt]) -> None:
        """What the nonce was for is done by another transaction: leave no gap behind."""
        if not attempts:
            self._release(intent)
            return
        errand = GiveUp(intent.kind, intent.sender, intent.nonce)
        last = attempts[-1]
        deadline = time.monotonic() + self._limits.patience
        while not errand.is_done(self._chain):
            fees = raised_offer(last.fees, self._chain.market(), self._limits.max_fee)
            if fees is not None and last is attempts[-1]:
                last = self._attempt(errand, intent, self._gas(errand), fees)
                self._store(intent, last)
            intent, _ = self._send(intent, last)
            self._wait(deadline, last)
        self._move(intent, IntentState.SPENT)

    def _move(self, intent: Intent, after: IntentState) -> None:
        with self._database.write() as connection:
            self._fence(connection)
            subjects.move(connection, intent, after, _now())

    def _release(self, intent: Intent) -> None:
        with self._database.write() as connection:
            self._fence(connection)
            subjects.unbind(connection, intent, _now())
            outbox.release(connection, intent)

    def _store(self, intent: Intent, attempt: Attempt) -> None:
        with self._database.write() as connection:
            self._fence(connection)
            outbox.add_attempt(connection, intent.id, attempt)

    def _attempts(self, intent: Intent) -> list[Attempt]:
        with self._database.read() as connection:
            return outbox.attempts(connection, intent.id)

    def _mined(self, attempts: list[Attempt]) -> Mined | None:
        found = (self._chain.mined(attempt.hash) for attempt in reversed(attempts))
        return next((mined for mined in found if mined is not None), None)

    def _fence(self, connection: Connection) -> None:
        leases.hold_lease(connection, self._lease, _now(), self._limits.lease)


def _now() -> int:
    return int(time.time())
