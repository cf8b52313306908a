"""Why the contract or a node refuses a call, and what a person can do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anchor_service.engine.contract import refusal
from anchor_service.errors import Blocked
from anchor_service.store.lifecycle import Reason

if TYPE_CHECKING:
    from registry.errors import NodeRefused

_REASONS = {
    "IssuerIsPaused": (Reason.PAUSED, "the issuer is paused; unpause it first"),
    "NotAuthorized": (Reason.UNAUTHORISED, "the account is not this issuer's owner or delegate"),
    "NotOwner": (Reason.UNAUTHORISED, "the account is not this issuer's owner"),
    "IssuerNotRegistered": (Reason.UNAUTHORISED, "the issuer is not registered"),
    "IssuerIsRetired": (Reason.UNAUTHORISED, "the issuer is retired for good"),
    "IssuerIsDistrusted": (Reason.UNAUTHORISED, "the issuer's owner has ended it as distrusted"),
    "BatchAlreadyAnchored": (Reason.CONFLICT, "the root is anchored already"),
}


def blocked_by(error: NodeRefused) -> Blocked:
    """A call's refusal, decoded where it is the contract's, as what a person must do."""
    data = error.data
    if isinstance(data, str) and data.startswith("0x"):
        found = refusal(bytes.fromhex(data[2:]))
        if found is not None:
            reason, advice = _REASONS.get(found.name, (Reason.REFUSED, "the registry refuses it"))
            return Blocked(reason, f"{advice}: {found}")
    if "insufficient funds" in error.message.casefold():
        return Blocked(Reason.FUNDS, "the account can't pay for the transaction; send it funds")
    return Blocked(Reason.REFUSED, f"the call would fail: {error.message}")
