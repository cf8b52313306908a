"""The verifier's answer: one verdict, and one check for each step of the ladder.

The numbers of `Step` are the ladder's in code, in reports and in the documentation. A verdict
follows from the checks by `verdict_of` alone; exit codes follow from verdicts by `exit_code` alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

from registry.reasons import NEXT_STEPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from registry.formats.strict_json import JsonObject, JsonValue
    from registry.reasons import Reason

REPORT_VERSION = 1


class Step(IntEnum):
    PARSE = 1
    SCHEMA = 2
    SIGNATURE = 3
    DIGEST = 4
    INCLUSION = 5
    EVIDENCE = 6
    ANCHOR = 7
    STANDING = 8
    STATUS = 9
    VALIDITY = 10
    FINALITY = 11


class Outcome(StrEnum):
    VALID = "VALID"
    INVALID = "INVALID"
    UNKNOWN = "UNKNOWN"
    """It could not be judged, and it matters."""
    SKIPPED = "SKIPPED"
    """Nothing to judge here, or an earlier step took its ground away."""


class Verdict(StrEnum):
    VALID = "VALID"
    MALFORMED = "MALFORMED"
    TAMPERED = "TAMPERED"
    NOT_ANCHORED = "NOT_ANCHORED"
    ISSUER_UNTRUSTED = "ISSUER_UNTRUSTED"
    REVOKED = "REVOKED"
    SUSPENDED = "SUSPENDED"
    EXPIRED = "EXPIRED"
    NOT_YET_VALID = "NOT_YET_VALID"
    PENDING = "PENDING"
    CANNOT_CHECK = "CANNOT_CHECK"


VERDICTS_WHEN_INVALID: dict[Step, frozenset[Verdict]] = {
    Step.PARSE: frozenset({Verdict.MALFORMED}),
    Step.SCHEMA: frozenset({Verdict.MALFORMED}),
    Step.SIGNATURE: frozenset({Verdict.TAMPERED}),
    Step.DIGEST: frozenset({Verdict.TAMPERED}),
    Step.INCLUSION: frozenset({Verdict.TAMPERED}),
    Step.EVIDENCE: frozenset(),  # evidence that fails says nothing of the credential: UNKNOWN
    Step.ANCHOR: frozenset({Verdict.NOT_ANCHORED}),
    Step.STANDING: frozenset({Verdict.ISSUER_UNTRUSTED}),
    Step.STATUS: frozenset({Verdict.REVOKED, Verdict.SUSPENDED}),
    Step.VALIDITY: frozenset({Verdict.EXPIRED, Verdict.NOT_YET_VALID}),
    Step.FINALITY: frozenset({Verdict.PENDING}),
}

MAY_BE_SKIPPED = frozenset({Step.SCHEMA, Step.SIGNATURE})
"""Steps that the anchor vouches for without; any other must be VALID for the verdict VALID."""

UNDECIDED = frozenset({Verdict.CANNOT_CHECK, Verdict.PENDING})
"""Verdicts that another try may change: neither valid nor definitely not."""


@dataclass(frozen=True, slots=True)
class Check:
    """One step's outcome. verdict is what it makes of the credential, set only when INVALID.

    sentence is for a person: plain, whole, and without markup or control characters. reason names
    the same for programs. facts: the few values that this step rests on, as JSON.
    """

    step: Step
    outcome: Outcome
    sentence: str
    verdict: Verdict | None = None
    reason: Reason | None = None
    facts: JsonObject = field(default_factory=dict)

    def __post_init__(self) -> None:
        allowed = VERDICTS_WHEN_INVALID[self.step] if self.outcome is Outcome.INVALID else {None}
        if self.verdict not in allowed:
            raise ValueError(f"{self.step.name} {self.outcome} cannot make {self.verdict}")

    @property
    def next_step(self) -> str | None:
        """What a person can do now; None where nothing is wrong, or another step is to blame."""
        return None if self.reason is None else NEXT_STEPS.get(self.reason)

    @classmethod
    def valid(
        cls, step: Step, sentence: str, reason: Reason | None = None, **facts: JsonValue
    ) -> Check:
        return cls(step, Outcome.VALID, sentence, None, reason, facts)

    @classmethod
    def invalid(
        cls,
        step: Step,
        verdict: Verdict,
        sentence: str,
        reason: Reason | None = None,
        **facts: JsonValue,
    ) -> Check:
        return cls(step, Outcome.INVALID, sentence, verdict, reason, facts)

    @classmethod
    def unknown(
        cls, step: Step, sentence: str, reason: Reason | None = None, **facts: JsonValue
    ) -> Check:
        return cls(step, Outcome.UNKNOWN, sentence, None, reason, facts)

    @classmethod
    def skipped(
        cls, step: Step, sentence: str, reason: Reason | None = None, **facts: JsonValue
    ) -> Check:
        return cls(step, Outcome.SKIPPED, sentence, None, reason, facts)

    def to_json(self) -> JsonObject:
        """`reason`, `nextStep` and `facts` are absent where there are none."""
        members: JsonObject = {
            "step": int(self.step),
            "name": self.step.name.lower(),
            "outcome": str(self.outcome),
            "sentence": self.sentence,
        }
        if self.reason is not None:
            members["reason"] = str(self.reason)
        if self.next_step is not None:
            members["nextStep"] = self.next_step
        if self.facts:
            members["facts"] = self.facts
        return members


def deciding_check(checks: Sequence[Check]) -> Check | None:
    """Return the check that settles the verdict: None when nothing stands against VALID.

    The first INVALID step of the ladder; with none, the first UNKNOWN. A step that was skipped
    without leave counts as UNKNOWN, so that a gap in the ladder can never look like valid.
    """
    for check in checks:
        if check.outcome is Outcome.INVALID:
            return check
    for check in checks:
        skipped = check.outcome is Outcome.SKIPPED and check.step not in MAY_BE_SKIPPED
        if check.outcome is Outcome.UNKNOWN or skipped:
            return check
    return None


def verdict_of(checks: Sequence[Check]) -> Verdict:
    """Return the verdict that follows from one check for every step, in the ladder's order."""
    if [check.step for check in checks] != list(Step):
        raise ValueError("a report has one check for every step, in the ladder's order")
    check = deciding_check(checks)
    if check is None:
        return Verdict.VALID
    return check.verdict or Verdict.CANNOT_CHECK


def exit_code(verdicts: Iterable[Verdict], *, unopened: bool = False) -> int:
    """Return the process's exit code for all verdicts of one run.

    2 if any file is MALFORMED or (unopened) could not be opened; else 1 if any is definitely not
    VALID; else 3 if any is CANNOT_CHECK or PENDING; else 0.
    """
    found = set(verdicts)
    if unopened or Verdict.MALFORMED in found:
        return 2
    if found - UNDECIDED - {Verdict.VALID}:
        return 1
    return 3 if found & UNDECIDED else 0


@dataclass(frozen=True, slots=True)
class Report:
    """What the verifier answers about one credential at one moment.

    sentence: one plain line for a person. facts: what the judgement rests on, as JSON; its
    members are `credential`, `receipt`, `record` and `evidence`, each absent where unknown.
    checked_at: RFC 3339, UTC. at: the past moment that was asked about, likewise; None for now.
    """

    verdict: Verdict
    sentence: str
    checked_at: str
    checks: tuple[Check, ...]
    facts: JsonObject = field(default_factory=dict)
    at: str | None = None

    @property
    def next_step(self) -> str | None:
        """What a person can do about the step that decided; None for VALID."""
        decided = deciding_check(self.checks)
        return None if decided is None else decided.next_step

    def to_json(self) -> JsonObject:
        """Return the report for programs. Members are only ever added within a version."""
        return {
            "version": REPORT_VERSION,
            "verdict": str(self.verdict),
            "sentence": self.sentence,
            "checkedAt": self.checked_at,
            **({} if self.at is None else {"at": self.at}),
            **({} if self.next_step is None else {"nextStep": self.next_step}),
            **self.facts,
            "checks": [check.to_json() for check in self.checks],
        }


def printable(text: str, limit: int = 120) -> str:
    """Return text from a stranger's file, made safe for a terminal and a report's one line.

    Control, direction and other invisible characters are spelled out, so that a file cannot
    rewrite the verdict that is printed about it; long text is cut.
    """
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
