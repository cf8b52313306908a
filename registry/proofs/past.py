"""One moment of the past, as an issuer's closed history tells it, for one credential.

A moment is a Unix second: what has a time at or before it had happened. Distrust is the exception,
since it reaches back; it is told with the operation that declared it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from registry.formats import events as ev
from registry.formats.storage import LANES_PER_WORD, Status, lane_status
from registry.moments import unix_stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.formats.receipt import Receipt
    from registry.formats.state import Issuer
    from registry.formats.strict_json import JsonObject, JsonValue
    from registry.proofs.evidence import Evidence
    from registry.proofs.told_history import IssuerHistory, Told
    from registry.values import BatchRoot

_EVEN_BITS = (2**256 - 1) // 3
_TOLD_AT_MOST = 6
"""Changes in one sentence: of a credential that was suspended a hundred times, the last ones."""

_LISTED_AT_MOST = 100

_WORDS = {
    ev.StatusChange.SUSPEND: "suspended",
    ev.StatusChange.REINSTATE: "reinstated",
    ev.StatusChange.REVOKE: "revoked",
}


class Change(NamedTuple):
    """From `told` on a credential had `status`. word: what was done to it."""

    status: Status
    word: str
    told: Told

    def sentence(self) -> str:
        return f"{self.word} by {operation(self.told)}"

    def to_json(self) -> JsonObject:
        return {"change": self.word, "status": self.status.name.lower(), **told_json(self.told)}


@dataclass(frozen=True, slots=True)
class Past:
    """moment: Unix seconds. history: closed, without fault."""

    moment: int
    history: IssuerHistory

    @property
    def stamp(self) -> str:
        return unix_stamp(self.moment)

    @property
    def covered(self) -> bool:
        """Whether the history goes as far as the moment: else what follows is not final yet."""
        return self.moment <= self.history.block.timestamp

    @property
    def issuer(self) -> Issuer | None:
        return self.history.at(self.moment)

    def status(self, receipt: Receipt) -> Status:
        """As of the moment, or as of the history's end where that is earlier."""
        issuer = self.issuer
        batch = None if issuer is None else issuer.batches.get(receipt.root)
        if batch is None:
            return Status.UNANCHORED
        if batch.revoked:
            return Status.REVOKED
        word, lane = divmod(receipt.index, LANES_PER_WORD)
        return lane_status(batch.words.get(word, 0), lane)

    def changes(self, receipt: Receipt) -> tuple[list[Change], list[Change]]:
        """What was done to this credential's status up to the moment, and since."""
        both: tuple[list[Change], list[Change]] = ([], [])
        for change in changes(self.history, receipt.root, receipt.index):
            both[change.told.event.timestamp > self.moment].append(change)
        return both

    def anchor(self, root: BatchRoot) -> Told | None:
        """The operation that anchored the batch, at whatever time."""
        return next(iter(self.history.of_batch(root)), None)

    def distrust(self, anchored_at: int) -> Told | None:
        """The first operation by which an anchor of this time is distrusted, whenever it came."""
        for told in self.history.distrusts:
            assert isinstance(told.event, ev.Distrusted)
            if told.event.distrust_after <= anchored_at:
                return told
        return None


def changes(history: IssuerHistory, root: BatchRoot, index: int) -> list[Change]:
    """Every operation that changed the status of one credential, in order."""
    number, lane = divmod(index, LANES_PER_WORD)
    word, before = 0, Status.ACTIVE
    found: list[Change] = []
    for told in history.of_word(root, number):
        event, done = told.event, "revoked with its whole batch"
        if isinstance(event, ev.StatusChanged):
            done = _WORDS[event.change]
            for lanes in event.lanes:
                if lanes.word == number:
                    word = _changed(event.change, word, lanes.mask)
        revoked = before is Status.REVOKED or isinstance(event, ev.BatchRevoked)
        status = Status.REVOKED if revoked else lane_status(word, lane)
        if status is not before:
            found.append(Change(status, done, told))
            before = status
    return found


def _changed(change: ev.StatusChange, word: int, mask: int) -> int:
    if change is ev.StatusChange.REVOKE:
        return word | mask << 1
    return word | mask if change is ev.StatusChange.SUSPEND else word & ~mask


def contradiction(evidence: Evidence, history: IssuerHistory) -> str | None:
    """Return how a history and the storage at hand cannot both be true, or None."""
    final, subject = evidence.finalized, evidence.subject
    if (history.chain, history.registry) != (evidence.chain, evidence.registry):
        return "The history at hand is of another registry"
    if history.issuer_id != subject.issuer_id:
        return "The history at hand is another issuer's"
    if history.block != final.block:
        return "The history at hand ends at another block than the facts"
    issuer = history.final
    batch = None if issuer is None else issuer.batches.get(subject.root)
    same = (
        final.issuer == (None if issuer is None else issuer.record)
        and (issuer is None or final.did_hash == issuer.did_hash)
        and final.batch == (None if batch is None else batch.record)
        and (batch is None or final.word == batch.words.get(subject.word, 0))
    )
    newest = evidence.head.batch
    # Blocks of one second there are, on some chains; of an earlier second, none after the final.
    late = batch is None and newest is not None and newest.anchored_at < final.block.timestamp
    return None if same and not late else "The issuer's history and the contract's storage disagree"


def operation(told: Told) -> str:
    """Name an operation for a person: its number, time, and block where that is known."""
    block = "" if told.block is None else f", in block {told.block}"
    return f"operation {told.event.operation} at {unix_stamp(told.event.timestamp)}{block}"


def told_json(told: Told) -> JsonObject:
    members: JsonObject = {
        "operation": told.event.operation,
        "time": unix_stamp(told.event.timestamp),
    }
    return members if told.block is None else {**members, "block": told.block}


def story(found: Sequence[Change]) -> str:
    """The changes for a person, the last ones where they are many."""
    shown = [change.sentence() for change in found[-_TOLD_AT_MOST:]]
    left_out = len(found) - len(shown)
    return ", ".join([f"{left_out} earlier changes"] * bool(left_out) + shown)


def changes_json(found: Sequence[Change]) -> list[JsonValue]:
    """The changes for programs, the last ones where they are many."""
    return [change.to_json() for change in found[-_LISTED_AT_MOST:]]
