"""What an issuer is woken for: pure rules over what a look at chain and database has brought."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from registry.findings import Matter, Severity
from registry.moments import unix_minute

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from registry.findings import Finding
    from registry.strict_json import JsonObject
    from registry.values import Address, BatchRoot, IssuerId, TxHash

_HOUR_S = 3600
_FOREIGN = (Matter.UNKNOWN_ANCHOR, Matter.UNKNOWN_CHANGE, Matter.UNKNOWN_OPERATION)
_LOST = (Matter.NOT_ANCHORED, Matter.CHANGE_NOT_MADE)


class AlertKind(StrEnum):
    """Part of the JSON form and of the metrics' labels."""

    FOREIGN = "foreign-operation"
    """On the chain in the issuer's name, and not in its database."""
    LOST = "lost-operation"
    """Final by the database, and not on the chain."""
    MISSED = "missed-night"
    SHORT = "short-balance"
    UNSOUND = "unsound-chain"
    """Logs and storage do not agree, or the node is far behind."""


@dataclass(frozen=True, slots=True)
class Alert:
    """cause: the same as long as the alert is of the same thing; what was told is known by it."""

    kind: AlertKind
    cause: str
    sentence: str
    evidence: JsonObject = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What a receiver knows a repeated delivery by."""
        return f"alert_{sha256(self.cause.encode()).hexdigest()[:32]}"

    def to_json(self) -> JsonObject:
        return {
            "kind": self.kind.value,
            "cause": self.cause,
            "sentence": self.sentence,
            "evidence": self.evidence,
        }


class Seen(NamedTuple):
    """An operation on the chain, perhaps not final; root: of its batch, if it has one."""

    issuer_id: IssuerId
    operation: int
    kind: str
    block: int
    actor: Address
    tx_hash: TxHash
    root: BatchRoot | None


class Funds(NamedTuple):
    """balance in wei; night: gas; fee_cap: wei per gas."""

    account: Address
    balance: int
    night: int
    fee_cap: int

    @property
    def nights(self) -> int:
        return self.balance // (self.night * self.fee_cap)


class Unanchored(NamedTuple):
    """A sealed batch that the chain does not hold; sealed: Unix seconds."""

    issuer_id: IssuerId
    root: BatchRoot
    sealed: int


def of_findings(findings: Iterable[Finding], mine: Collection[IssuerId]) -> Iterator[Alert]:
    """What an audit has found wrong with these issuers, or with the chain as the node tells it."""
    for one in findings:
        if one.issuer_id is not None and one.issuer_id not in mine:
            continue
        if one.severity is Severity.NOTE:
            continue
        if one.matter in _FOREIGN:
            yield _found(AlertKind.FOREIGN, one)
        elif one.matter in _LOST:
            yield _found(AlertKind.LOST, one)
        elif one.severity is Severity.ERROR:
            yield _found(AlertKind.UNSOUND, one)


def of_strangers(
    seen: Iterable[Seen], is_ours: Callable[[TxHash], bool], is_sealed: Callable[[BatchRoot], bool]
) -> Iterator[Alert]:
    """Operations that no transaction of the service made.

    An anchor that another account brought to the chain is the issuer's own if its batch is.
    """
    for one in seen:
        if one.kind == "IssuerRegistered" or is_ours(one.tx_hash):
            continue
        if one.kind == "Anchored" and one.root is not None and is_sealed(one.root):
            continue
        evidence: JsonObject = {
            "issuerId": one.issuer_id.to_hex(),
            "block": one.block,
            "operation": one.operation,
            "kind": one.kind,
            "actor": one.actor.to_hex(),
            "transaction": one.tx_hash.to_hex(),
        }
        if one.root is not None:
            evidence["root"] = one.root.to_hex()
        yield Alert(
            AlertKind.FOREIGN,
            _operation_cause(one.issuer_id, one.operation, one.tx_hash.to_hex()),
            f"{one.kind} in the issuer's name, by {one.actor} in block {one.block}, is not in the "
            "database: if nobody of yours sent it, the key is in other hands",
            evidence,
        )


def of_unanchored(batches: Iterable[Unanchored], now: int, late_s: int) -> Iterator[Alert]:
    for one in batches:
        age = now - one.sealed
        if age > late_s:
            yield Alert(
                AlertKind.MISSED,
                f"unanchored:{one.root.to_hex()}",
                f"batch {one.root}, sealed {unix_minute(one.sealed)}, is not on the chain "
                f"{age / _HOUR_S:.1f} hours later",
                {
                    "issuerId": one.issuer_id.to_hex(),
                    "root": one.root.to_hex(),
                    "sealed": one.sealed,
                },
            )


def of_waiting(handle: str, batch: int, oldest: int, now: int) -> Alert:
    """Credentials that the schedule should have sealed, and did not."""
    return Alert(
        AlertKind.MISSED,
        f"waiting:{handle}:{batch}",
        f"{handle}: credentials have waited since {unix_minute(oldest)}, and the night that "
        "should have sealed them has passed",
        {"issuer": handle, "batch": batch, "oldest": oldest, "now": now},
    )


def of_silence(issuer_id: IssuerId, last: int | None, now: int, every_s: int) -> Iterator[Alert]:
    """last: time of the newest anchor; None: there has never been one, which says nothing."""
    if last is not None and now - last > every_s:
        yield Alert(
            AlertKind.MISSED,
            f"silent:{issuer_id.to_hex()}:{last}",
            f"nothing anchored since {unix_minute(last)}, {(now - last) / _HOUR_S:.0f} hours ago",
            {"issuerId": issuer_id.to_hex(), "lastAnchoredAt": last, "everyS": every_s},
        )


def of_funds(funds: Iterable[Funds], nights: int) -> Iterator[Alert]:
    for one in funds:
        if one.nights < nights:
            yield Alert(
                AlertKind.SHORT,
                f"balance:{one.account.to_hex()}",
                f"account {one.account} pays for {one.nights} more nights, under {nights}: send "
                "it funds",
                {
                    "account": one.account.to_hex(),
                    "balance": str(one.balance),
                    "nightGas": one.night,
                    "feeCap": str(one.fee_cap),
                },
            )


def distinct(alerts: Iterable[Alert]) -> list[Alert]:
    """One for each cause, the first."""
    found: dict[str, Alert] = {}
    for one in alerts:
        found.setdefault(one.cause, one)
    return list(found.values())


def _found(kind: AlertKind, one: Finding) -> Alert:
    evidence: JsonObject = {"matter": one.matter.value, "block": one.block, **one.evidence}
    issuer = one.issuer_id
    if issuer is None:
        return Alert(
            kind, f"{one.matter.value}:{one.evidence.get('node', '')}", one.sentence, evidence
        )
    evidence["issuerId"] = issuer.to_hex()
    if one.operation is not None:
        evidence["operation"] = one.operation
        told = str(one.evidence.get("transaction", one.matter.value))
        return Alert(kind, _operation_cause(issuer, one.operation, told), one.sentence, evidence)
    place = ":".join(str(one.evidence.get(name, "")) for name in ("root", "leaf", "change"))
    return Alert(kind, f"{one.matter.value}:{issuer.to_hex()}:{place}", one.sentence, evidence)


def _operation_cause(issuer_id: IssuerId, operation: int, told: str) -> str:
    return f"operation:{issuer_id.to_hex()}:{operation}:{told}"
