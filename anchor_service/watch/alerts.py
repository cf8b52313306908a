"""What an issuer is woken for: pure rules over what a look at chain and database has brought."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from registry.auditing.findings import Matter, Severity
from registry.moments import unix_minute
from registry.plurals import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from registry.auditing.findings import Finding
    from registry.formats.strict_json import JsonObject
    from registry.values import Address, BatchRoot, IssuerId, TxHash

_HOUR_S = 3600
_FOREIGN = (Matter.UNKNOWN_ANCHOR, Matter.UNKNOWN_CHANGE, Matter.UNKNOWN_OPERATION)
_LOST = (Matter.NOT_ANCHORED, Matter.CHANGE_NOT_MADE)


class AlertKind(StrEnum):
    """Part of the JSON form and of the metrics' labels; docs/watching.md says what to do."""

    FOREIGN = "foreign-operation"
    """On the chain in the issuer's name, and not in its database."""
    LOST = "lost-operation"
    """Final by the database, and not on the chain."""
    MISSED = "missed-night"
    SHORT = "short-balance"
    UNSOUND = "unsound-chain"
    """Logs and storage do not agree, what was final is no more, or all nodes are far behind."""
    BLIND = "cannot-look"
    """Chain or database have not answered for a while: nothing would be seen."""


ACCEPTABLE = (AlertKind.FOREIGN, AlertKind.LOST)
"""Of things past, which a person may have looked into: they stand until they are accepted."""


@dataclass(frozen=True, slots=True)
class Alert:
    """cause: the same as long as the alert is of the same thing; what was told is known by it.

    issuer_id: whose it is; None for an account, a node or the chain. evidence: JSON members.
    """

    kind: AlertKind
    cause: str
    sentence: str
    issuer_id: IssuerId | None = None
    evidence: JsonObject = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The cause in few characters, for a person to name it by."""
        return f"{self.kind.value}-{sha256(self.cause.encode()).hexdigest()[:12]}"


class Seen(NamedTuple):
    """An operation on the chain. root: of its batch, if it has one."""

    issuer_id: IssuerId
    operation: int
    kind: str
    block: int
    actor: Address
    tx_hash: TxHash
    root: BatchRoot | None
    final: bool


class Funds(NamedTuple):
    """balance in wei; nights: that it pays for if every gas costs fee_cap (wei)."""

    account: Address
    balance: int
    nights: int
    fee_cap: int


class Unanchored(NamedTuple):
    """A sealed batch that the chain does not hold; sealed: Unix seconds."""

    issuer_id: IssuerId
    root: BatchRoot
    sealed: int


def of_findings(findings: Iterable[Finding]) -> Iterator[Alert]:
    """What an audit beside the issuers' records has found.

    A node that lies of somebody else's history is not to be believed of ours: that is told of once
    a matter, however many issuers it concerns.
    """
    for one in findings:
        if one.matter in _FOREIGN and one.severity is not Severity.NOTE:
            yield _found(AlertKind.FOREIGN, one)
        elif one.matter in _LOST:
            yield _found(AlertKind.LOST, one)
        elif one.severity is Severity.ERROR or one.matter is Matter.DEEP_REORG:
            yield _unsound(one)


def of_strangers(
    seen: Iterable[Seen],
    is_ours: Callable[[TxHash], bool],
    is_sealed: Callable[[IssuerId, BatchRoot], bool],
) -> Iterator[Alert]:
    """Operations that no transaction of the service made.

    An anchor that another account brought to the chain is the issuer's own if its batch is.
    """
    for one in seen:
        if one.kind == "IssuerRegistered" or is_ours(one.tx_hash):
            continue
        if one.kind == "Anchored" and one.root and is_sealed(one.issuer_id, one.root):
            continue
        evidence: JsonObject = {
            "block": one.block,
            "final": one.final,
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
            one.issuer_id,
            evidence,
        )


def of_unanchored(batches: Iterable[Unanchored], now: int, late_s: int) -> Iterator[Alert]:
    """late_s: from seal to anchor beyond which its night was missed."""
    for one in batches:
        age = now - one.sealed
        if age > late_s:
            yield Alert(
                AlertKind.MISSED,
                f"unanchored:{one.root.to_hex()}",
                f"batch {one.root}, sealed {unix_minute(one.sealed)}, is not on the chain "
                f"{age / _HOUR_S:.1f} hours later",
                one.issuer_id,
                {"root": one.root.to_hex(), "sealed": one.sealed},
            )


def of_waiting(handle: str, issuer_id: IssuerId | None, batch: int, oldest: int) -> Alert:
    """Credentials that the schedule should have sealed, and did not. oldest: Unix seconds."""
    return Alert(
        AlertKind.MISSED,
        f"waiting:{handle}:{batch}",
        f"{handle}: credentials have waited since {unix_minute(oldest)}, and the night that "
        "should have sealed them has passed",
        issuer_id,
        {"issuer": handle, "batch": batch, "oldest": oldest},
    )


def of_silence(issuer_id: IssuerId, last: int | None, now: int, every_s: int) -> Iterator[Alert]:
    """last: time of the newest anchor; None: there has never been one, which says nothing."""
    if last is not None and now - last > every_s:
        yield Alert(
            AlertKind.MISSED,
            f"silent:{issuer_id.to_hex()}:{last}",
            f"nothing anchored since {unix_minute(last)}, "
            f"{count(round((now - last) / _HOUR_S), 'hour')} ago",
            issuer_id,
            {"lastAnchoredAt": last, "everyS": every_s},
        )


def of_funds(funds: Iterable[Funds], nights: int) -> Iterator[Alert]:
    """nights: that each account must pay for at the least."""
    for one in funds:
        if one.nights < nights:
            yield Alert(
                AlertKind.SHORT,
                f"balance:{one.account.to_hex()}",
                f"account {one.account} pays for {count(one.nights, 'more night')}, under "
                f"{nights}: send it funds",
                evidence={
                    "account": one.account.to_hex(),
                    "balance": str(one.balance),
                    "nights": one.nights,
                    "feeCap": str(one.fee_cap),
                },
            )


def of_blindness(since: int, fault: str) -> Alert:
    """since: when chain and database last answered, Unix seconds; fault: why not now."""
    return Alert(
        AlertKind.BLIND,
        "blind",
        f"could not look since {unix_minute(since)}, so that nothing would be seen: {fault}",
        evidence={"since": since, "fault": fault},
    )


def distinct(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """One for each cause, the first."""
    found: dict[str, Alert] = {}
    for one in alerts:
        found.setdefault(one.cause, one)
    return tuple(found.values())


def _found(kind: AlertKind, one: Finding) -> Alert:
    evidence: JsonObject = {"matter": one.matter.value, "block": one.block, **one.evidence}
    issuer = one.issuer_id
    assert issuer is not None, "records are an issuer's"
    if one.operation is None:
        place = ":".join(str(one.evidence.get(name, "")) for name in ("root", "leaf", "change"))
        cause = f"{one.matter.value}:{issuer.to_hex()}:{place}"
    else:
        evidence |= {"operation": one.operation, "final": True}
        told = str(one.evidence.get("transaction", one.matter.value))
        cause = _operation_cause(issuer, one.operation, told)
    return Alert(kind, cause, one.sentence, issuer, evidence)


def _unsound(one: Finding) -> Alert:
    evidence: JsonObject = {"matter": one.matter.value, "block": one.block, **one.evidence}
    if one.issuer_id is not None:
        evidence |= {"issuerId": one.issuer_id.to_hex(), "operation": one.operation}
    sentence = f"{one.matter.value}: {one.sentence}"
    return Alert(AlertKind.UNSOUND, f"unsound:{one.matter.value}", sentence, evidence=evidence)


def _operation_cause(issuer_id: IssuerId, operation: int, told: str) -> str:
    """The same before and after it is final; another if another transaction took its number."""
    return f"operation:{issuer_id.to_hex()}:{operation}:{told}"
