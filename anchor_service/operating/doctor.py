"""What `doctor` finds: one check a line, how bad it is, and what to do. Judging is pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from registry.plurals import count

if TYPE_CHECKING:
    from registry.formats.storage import IssuerRecord
    from registry.formats.strict_json import JsonObject
    from registry.values import Address
    from registry.workspaces.approval_settings import ApprovalSettings

ANCHOR, STATUS = 1, 2
"""Roles of a delegate, as the contract has them."""

_GIB = 2**30
_SOON_S = 30 * 86400
_AHEAD_S = 30
_OLD_S = 900


class Level(StrEnum):
    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Check:
    """todo: what a person does about it; empty where nothing is to be done."""

    name: str
    level: Level
    said: str
    todo: str = ""

    def to_json(self) -> JsonObject:
        return {
            "name": self.name,
            "level": self.level.value,
            "said": self.said,
            "todo": self.todo or None,
        }


def fine(name: str, said: str) -> Check:
    return Check(name, Level.OK, said)


def worry(name: str, said: str, todo: str) -> Check:
    return Check(name, Level.WARN, said, todo)


def wrong(name: str, said: str, todo: str) -> Check:
    return Check(name, Level.FAIL, said, todo)


@dataclass(frozen=True, slots=True)
class Grant:
    """A delegate's slot. expiry: unix seconds; 0 for never."""

    roles: int
    epoch: int
    expiry: int

    @classmethod
    def of(cls, slot: bytes) -> Grant:
        word = int.from_bytes(slot)
        return cls(word & 0xFF, word >> 8 & 0xFFFF_FFFF, word >> 40 & 0xFF_FFFF_FFFF)


def judge_authority(
    record: IssuerRecord | None, account: Address, grant: Grant, now: int
) -> list[Check]:
    """Whether the issuer may anchor, and the account for it."""
    name = "authority"
    if record is None:
        return [wrong(name, "the issuer is not registered", "run `credanchor issuer register`")]
    checks = []
    if record.retired:
        checks.append(wrong("issuer", "retired: it can't anchor any more", "register anew"))
    elif record.distrust_after:
        checks.append(wrong("issuer", "distrusted: it can't anchor any more", "register anew"))
    elif record.paused:
        checks.append(wrong("issuer", "paused: it can't anchor", "have the owner unpause it"))
    else:
        checks.append(fine("issuer", f"registered, owned by {record.owner}"))
    if record.owner == account:
        return [*checks, fine(name, "the account is the issuer's owner")]
    return [*checks, _judge_grant(name, record, grant, now)]


def _judge_grant(name: str, record: IssuerRecord, grant: Grant, now: int) -> Check:
    todo = "have the owner grant the account ANCHOR and STATUS (setDelegate)"
    if grant.roles == 0:
        return wrong(name, "the account is neither owner nor delegate", todo)
    if grant.epoch != record.epoch:
        return wrong(name, "the account's grant is of an earlier epoch and has ended", todo)
    if grant.expiry and grant.expiry <= now:
        return wrong(name, "the account's grant has expired", todo)
    held = [word for role, word in ((ANCHOR, "ANCHOR"), (STATUS, "STATUS")) if grant.roles & role]
    if len(held) < 2:
        return wrong(name, f"the account may {held[0] if held else 'nothing'} only", todo)
    if grant.expiry and grant.expiry - now < _SOON_S:
        days = (grant.expiry - now) // 86400
        return worry(name, f"a delegate for {count(days, 'more day')}", todo)
    return fine(name, "a delegate for ANCHOR and STATUS")


def judge_balance(account: Address, nights: int, warn_nights: int, said: str) -> Check:
    """nights: that the balance pays for at the fee cap; said: the balance in words."""
    todo = f"send funds to {account}"
    if nights == 0:
        return wrong("balance", f"{said} pays for no night at the fee cap", todo)
    if nights < warn_nights:
        return worry("balance", f"{said}, {count(nights, 'night')} at the fee cap", todo)
    return fine("balance", f"{said}, {count(nights, 'night')} at the fee cap")


def judge_clock(now: int, block: int) -> Check:
    """This machine's clock beside the newest block's time: no time server is asked."""
    behind = block - now
    if behind > _AHEAD_S:
        return wrong(
            "clock",
            f"the newest block is {behind} s in this clock's future",
            "set the clock (timedatectl set-ntp true)",
        )
    if -behind > _OLD_S:
        return worry(
            "clock",
            f"the newest block is {-behind:,} s old",
            "either the clock is fast or the node stands still: see the endpoints",
        )
    return fine("clock", f"{-behind:+d} s beside the newest block")


def judge_disk(free: int, used: int) -> Check:
    """Bytes free where the database lies, and bytes that it has; a vacuum needs as many again."""
    said = f"{free / _GIB:.1f} GiB free, {used / _GIB:.2f} GiB of database"
    if free < max(_GIB // 4, used):
        return wrong("disk", said, "make room: a backup and an erasure each need a copy's space")
    if free < max(_GIB, 3 * used):
        return worry("disk", said, "make room before the database has grown")
    return fine("disk", said)


def judge_approval(policy: ApprovalSettings) -> Check:
    names = {" ".join(one.split()).casefold() for one in policy.people}
    if not policy.seal and policy.mass_revocation is None:
        return fine("approval", "nothing waits for two people")
    if len(names) == 1:
        return wrong("approval", "one person alone is named", "name two or more: [approval] people")
    if not names:
        return worry("approval", "anybody may approve", "name those who may: [approval] people")
    return fine("approval", f"{len(names)} people may approve")


def judge_mode(name: str, path: str, mode: int) -> Check:
    """mode: of a secret's file."""
    if mode & 0o077:
        return wrong(name, f"{path} can be read by others ({mode:o})", f"chmod 600 {path}")
    return fine(name, f"{path} is its owner's alone")
