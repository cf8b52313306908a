"""How long a balance lasts: what a night has cost in gas of late, at the most it may cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from anchor_service.store.outbox import Kind
from anchor_service.store.schema import inclusion, intent

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from registry.values import Address, ChainId

# Until there is anything to go by: an issuer's anchor and a few changes of status.
_ANCHOR_GAS = 120_000
_DAYS = 30
_DAY_S = 86400


@dataclass(frozen=True, slots=True)
class Night:
    """Gas: of the dearest anchor, for each issuer, and of a day's share of everything else."""

    anchors: int
    others: int

    @property
    def gas(self) -> int:
        return self.anchors + self.others


def typical_night(
    connection: Connection, chain: ChainId, sender: Address, issuers: int, now: int
) -> Night:
    """From what the last thirty days have used; the deployment and registrations left out."""
    rows = connection.execute(
        select(intent.c.kind, func.max(inclusion.c.gas_used), func.sum(inclusion.c.gas_used))
        .join(intent, intent.c.id == inclusion.c.intent)
        .where(
            intent.c.chain == chain.number,
            intent.c.sender == bytes(sender),
            inclusion.c.block_time >= now - _DAYS * _DAY_S,
            inclusion.c.gas_used.is_not(None),
        )
        .group_by(intent.c.kind)
    )
    used = {Kind(row[0]): (int(row[1]), int(row[2])) for row in rows}
    dearest = used.get(Kind.ANCHOR, (_ANCHOR_GAS, 0))[0]
    changes = used.get(Kind.STATUS, (0, 0))[1]
    return Night(dearest * max(issuers, 1), -(-changes // _DAYS))


def nights_left(balance: int, night: Night, fee_cap: int) -> int:
    """Whole nights that a balance (wei) pays for if every gas costs the cap (wei per gas)."""
    return balance // (night.gas * fee_cap)
