"""Judges a replayed history against the registry's storage: `judge_issuer(case) -> Finding | None`.

Pure, and apart from the verifier: the two share formats and no judgement. The argument is short.
Every operation is folded into its issuer's history, and every registration into a global one; both
lie in storage with their counts. If replaying the logs gives the very slots that storage holds,
then no log was left out, added, changed or moved, for any issuer. Where it does not, the first bad
operation follows from where on the chain the two begin to differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.auditing.findings import Finding, Matter, Severity
from registry.plurals import count

if TYPE_CHECKING:
    from registry.formats.storage import HistoryRecord
    from registry.formats.strict_json import JsonObject
    from registry.values import IssuerId


@dataclass(frozen=True, slots=True)
class Break:
    """The first log of an issuer that cannot follow those before it, as replay met it."""

    block: int
    operation: int
    reason: str


@dataclass(frozen=True, slots=True)
class Parting:
    """The first block as of which storage and replay differ: what each held there.

    stored_before: the count in storage one block earlier, where both still agreed. first: the first
    of the block's operations that is not told as it was written, where receipts prove it.
    """

    block: int
    stored_before: int
    stored: HistoryRecord
    replayed: HistoryRecord
    first: int | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where the logs have the operation in question; after_break: behind the log of `Break`."""

    block: int
    after_break: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One issuer's history by its logs and by storage, both as of the audit's block.

    broken None: every log could follow. parting None: the node has no old states, or both agree at
    every block. seen None: no log has the number that `first_bad` gives.
    """

    issuer_id: IssuerId
    replayed: HistoryRecord
    stored: HistoryRecord
    broken: Break | None = None
    parting: Parting | None = None
    seen: Sighting | None = None


def judge_issuer(case: Case) -> Finding | None:
    """What is wrong with one issuer's logs; None where they give what storage holds."""
    if case.replayed == case.stored and case.broken is None:
        return None
    operation, matter, block = first_bad(case), _matter(case), _block(case)
    sentence = f"{_SENTENCES[matter]}: {_place(case, operation, matter, block)}"
    if case.broken is not None:
        number, where = case.broken.operation, case.broken.block
        sentence += f" (operation {number} in block {where}: {case.broken.reason})"
    evidence: JsonObject = {
        "replayedOperations": case.replayed.count,
        "replayedHistory": "0x" + case.replayed.history.hex(),
        "storedOperations": case.stored.count,
        "storedHistory": "0x" + case.stored.history.hex(),
        "rule": None if case.broken is None else case.broken.reason,
        "foundBy": _found_by(case),
    }
    return Finding(matter, Severity.ERROR, sentence, case.issuer_id, block, operation, evidence)


def judge_registrations(
    replayed: HistoryRecord, stored: HistoryRecord, block: int | None
) -> Finding | None:
    """What is wrong with the list of issuers. block: the first as of which the counts differ."""
    if replayed == stored:
        return None
    matter, number = Matter.ALTERED_LOG, None
    if replayed.count != stored.count:
        matter = Matter.MISSING_LOG if replayed.count < stored.count else Matter.EXTRA_LOG
        number = min(replayed.count, stored.count) + 1
    sentence = (
        f"{_SENTENCES[matter]}: the logs hold {count(replayed.count, 'registration')}, storage "
        f"counts {stored.count}"
    )
    if block is not None:
        sentence += f"; they part in block {block}"
    evidence: JsonObject = {
        "registration": number,
        "replayedRegistrations": replayed.count,
        "storedRegistrations": stored.count,
        "replayedHistory": "0x" + replayed.history.hex(),
        "storedHistory": "0x" + stored.history.hex(),
    }
    return Finding(matter, Severity.ERROR, sentence, None, block, None, evidence)


def first_bad(case: Case) -> int | None:
    """The number of the first operation that is missing, added, altered or moved, if it follows."""
    broken, parting = case.broken, case.parting
    if _storage_went_on(case) and broken is not None:
        return broken.operation
    if parting is not None and parting.first is not None:
        return parting.first
    if parting is not None:
        return min(parting.stored_before, parting.stored.count, parting.replayed.count) + 1
    if broken is not None:
        return min(case.replayed.count + 1, broken.operation)
    if case.replayed.count != case.stored.count:
        return min(case.replayed.count, case.stored.count) + 1
    return None


def _storage_went_on(case: Case) -> bool:
    """As if the log that could not follow were not there: then that log is the false one."""
    if case.broken is None:
        return False
    if case.parting is None:
        return case.replayed == case.stored or case.broken.operation <= case.replayed.count
    return case.parting.block > case.broken.block


def _matter(case: Case) -> Matter:
    if _storage_went_on(case):
        return Matter.EXTRA_LOG
    there, held = case.replayed.count, case.stored.count
    if case.parting is not None:
        there, held = case.parting.replayed.count, case.parting.stored.count
    elif case.broken is not None:
        next_one = case.broken.operation == there + 1
        return Matter.IMPOSSIBLE_LOG if next_one else _absent(case)
    if there >= held:
        return Matter.EXTRA_LOG if there > held else Matter.ALTERED_LOG
    return _absent(case)


def _absent(case: Case) -> Matter:
    """What became of an operation that storage has and replay has not, or not there."""
    if case.seen is None:
        return Matter.MISSING_LOG
    elsewhere = case.parting is not None and case.seen.block != case.parting.block
    return Matter.REORDERED_LOG if case.seen.after_break or elsewhere else Matter.ALTERED_LOG


def _block(case: Case) -> int | None:
    if case.broken is not None and (case.parting is None or _storage_went_on(case)):
        return case.broken.block
    return None if case.parting is None else case.parting.block


def _found_by(case: Case) -> str:
    if case.parting is not None:
        return "bisecting over old states"
    return "the proven history" if case.broken is None else "the rules of the contract"


_SENTENCES = {
    Matter.MISSING_LOG: "the node leaves logs out",
    Matter.EXTRA_LOG: "the node adds logs",
    Matter.ALTERED_LOG: "the node alters logs",
    Matter.REORDERED_LOG: "the node moves logs",
    Matter.IMPOSSIBLE_LOG: "the node gives a log that the contract cannot have written",
}
_WHAT = {
    Matter.MISSING_LOG: "is missing",
    Matter.EXTRA_LOG: "is not on the chain",
    Matter.ALTERED_LOG: "is not what was written",
    Matter.REORDERED_LOG: "does not stand where it was written",
    Matter.IMPOSSIBLE_LOG: "cannot follow those before it",
}


def _place(case: Case, operation: int | None, matter: Matter, block: int | None) -> str:
    if operation is None:
        return (
            f"one of operations 1 to {case.stored.count} is not what storage has folded; a node "
            "with old states would show which"
        )
    if matter is Matter.MISSING_LOG and block is None and case.stored.count > operation:
        return f"operations {operation} to {case.stored.count} are missing"
    where = "" if block is None else f" in block {block}"
    parting = None if _storage_went_on(case) else case.parting
    if parting is not None and parting.first is None and parting.stored.count > operation:
        return f"one of operations {operation} to {parting.stored.count}{where} {_WHAT[matter]}"
    return f"operation {operation}{where} {_WHAT[matter]}"
