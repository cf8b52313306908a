"""What may become of batches, nonces and wishes, as the design has it: held against the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from registry.formats.events import StatusChange
from registry.formats.storage import Status

if TYPE_CHECKING:
    from engine_ground import Move

    from registry.values import CredentialDigest

# What DESIGN lets follow what, besides one step on; after a reorganisation a step back.
_ORDER = {
    "batch": ["OPEN", "SEALED", "SIGNED", "SUBMITTED", "INCLUDED", "FINAL"],
    "intent": ["RESERVED", "SIGNED", "SENT", "INCLUDED", "FINAL"],
    "status_change": ["WANTED", "SENT", "INCLUDED", "FINAL"],
}
_BESIDES = {
    # Adopted, in need of a person, and a nonce that was given up.
    "batch": {
        *(("SEALED", "INCLUDED"), ("SIGNED", "INCLUDED"), ("BLOCKED", "INCLUDED")),
        *(("SEALED", "BLOCKED"), ("SIGNED", "BLOCKED"), ("SUBMITTED", "BLOCKED")),
        *(("BLOCKED", "SEALED"), ("BLOCKED", "SIGNED"), ("BLOCKED", "SUBMITTED")),
        *(("SIGNED", "SEALED"), ("SUBMITTED", "SEALED")),
    },
    "intent": {
        *(("SIGNED", "INCLUDED"), ("SIGNED", "SPENT"), ("SENT", "SPENT")),
        ("RESERVED", "gone"),
    },
    "status_change": {
        *(("WANTED", "INCLUDED"), ("WANTED", "DROPPED"), ("SENT", "WANTED"), ("SENT", "DROPPED")),
    },
}
_REORGANISED = {
    "batch": {("INCLUDED", "SUBMITTED"), ("FINAL", "SUBMITTED")},
    "intent": {("INCLUDED", "SENT"), ("FINAL", "SENT")},
    "status_change": {
        *(("INCLUDED", "SENT"), ("FINAL", "SENT"), ("INCLUDED", "WANTED")),
        # Made by another: judged anew.
        ("FINAL", "INCLUDED"),
    },
}
_STATUS = {
    StatusChange.SUSPEND: Status.SUSPENDED,
    StatusChange.REINSTATE: Status.ACTIVE,
    StatusChange.REVOKE: Status.REVOKED,
}


@dataclass
class Model:
    """What was asked for, and what was seen.

    wishes: by credential, each with its row's number. sent: which intent a nonce was sent for.
    revoked_past: credentials that another program has revoked.
    """

    digests: dict[str, CredentialDigest] = field(default_factory=dict)
    wishes: dict[str, list[tuple[StatusChange, int]]] = field(default_factory=dict)
    seals: dict[int, tuple[object, ...]] = field(default_factory=dict)
    placed: dict[CredentialDigest, tuple[int, int]] = field(default_factory=dict)
    seen: list[Move] = field(default_factory=list)
    sent: dict[int, int] = field(default_factory=dict)
    revoked_past: set[str] = field(default_factory=set)
    reorganised: bool = False

    def may(self, move: Move) -> bool:
        order, pair = _ORDER[move.kind], (move.before, move.after)
        on = pair in pairwise(order)
        back = self.reorganised and pair in _REORGANISED[move.kind]
        return on or back or pair in _BESIDES[move.kind]

    def statuses(self, name: str) -> set[Status]:
        """As last asked; or revoked, where that was once on its way and could not be undone."""
        wishes = self.wishes.get(name)
        if not wishes:
            return {Status.ACTIVE}
        moved = {
            one.id
            for one in self.seen
            if one.kind == "status_change" and one.after in ("SENT", "INCLUDED")
        }
        left = name in self.revoked_past or any(
            kind is StatusChange.REVOKE and number in moved for kind, number in wishes
        )
        return {_STATUS[wishes[-1][0]]} | ({Status.REVOKED} if left else set())
