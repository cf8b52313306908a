"""What two people must approve before it happens: the table [approval]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry.workspaces.settings import Table

_MOST = 2**31


@dataclass(frozen=True, slots=True)
class ApprovalSettings:
    """seal: a batch is sealed only as two people have approved it.

    mass_revocation: so many revocations within a day, or more, wait for two people; None for never.
    people: who may approve, by name; empty for anybody.
    """

    seal: bool = False
    mass_revocation: int | None = None
    people: tuple[str, ...] = ()


def read_approval(table: Table) -> ApprovalSettings:
    """Raises MalformedDocument with table and key."""
    return ApprovalSettings(
        seal=table.flag("seal"),
        mass_revocation=table.number("mass_revocation", _count),
        people=table.texts("people"),
    )


def _count(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= _MOST:
        raise ValueError(f"a whole number from 1 to {_MOST} expected")
    return value
