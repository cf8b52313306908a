"""What an account has paid, and may yet have to pay, in a day: for the cap and for forecasts.

All in wei. A chain that charges for more than gas (a rollup's data fee) is not counted for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from anchor_service.errors import Blocked
from anchor_service.store.lifecycle import PENDING_INTENTS, Reason
from anchor_service.store.schema import attempt, inclusion, intent

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from registry.values import Address, ChainId

DAY_S = 86400


@dataclass(frozen=True, slots=True)
class Spending:
    """spent: in blocks since midnight UTC. committed: the most that what is signed may cost."""

    spent: int
    committed: int

    @property
    def total(self) -> int:
        return self.spent + self.committed


def day_start(now: int) -> int:
    """Midnight UTC, unix seconds."""
    return now - now % DAY_S


def spending(
    connection: Connection, chain: ChainId, sender: Address, now: int, *, besides: int | None = None
) -> Spending:
    """Today's. besides: an intent to leave out, since what it may cost is being decided."""
    mine = (intent.c.chain == chain.number, intent.c.sender == bytes(sender))
    rows = connection.execute(
        select(intent.c.id, attempt.c.gas, attempt.c.max_fee)
        .join(intent, intent.c.id == attempt.c.intent)
        .where(*mine, intent.c.state.in_(PENDING_INTENTS), intent.c.id != (besides or 0))
    )
    # The dearest attempt of each nonce: at most one of them ever counts.
    dearest: dict[int, int] = {}
    for number, gas, max_fee in rows:
        dearest[number] = max(dearest.get(number, 0), int(gas) * int(max_fee))
    return Spending(paid(connection, chain, sender, day_start(now)), sum(dearest.values()))


def paid(connection: Connection, chain: ChainId, sender: Address, since: int) -> int:
    """In blocks at or after `since` (unix seconds)."""
    rows = connection.execute(
        select(inclusion.c.gas_used, inclusion.c.gas_price)
        .join(intent, intent.c.id == inclusion.c.intent)
        .where(
            intent.c.chain == chain.number,
            intent.c.sender == bytes(sender),
            inclusion.c.block_time >= since,
            inclusion.c.gas_used.is_not(None),
        )
    )
    return sum(int(row[0]) * int(row[1]) for row in rows)


def check_day_cap(today: Spending, more: int, cap: int | None) -> None:
    """Raises Blocked(FEE_CAP) where `more` would pass what may be committed in a day."""
    if cap is not None and today.total + more > cap:
        raise Blocked(
            Reason.FEE_CAP,
            f"today's transactions cost up to {today.total} wei, and this one up to {more}: over "
            f"the day's cap of {cap}; wait for midnight UTC, or raise [chain] day_cap_ether",
        )
