"""Auditor: whatever the logs leave out, add, change or move is named, and by its number."""

from __future__ import annotations

import json

import pytest

from registry.auditing.auditor import (
    Break,
    Case,
    Parting,
    Sighting,
    judge_issuer,
    judge_registrations,
)
from registry.auditing.findings import Matter, Severity, holds
from registry.formats.storage import HistoryRecord
from registry.values import IssuerId

ISSUER = IssuerId(bytes(range(32)))


def record(count: int, mark: int = 0) -> HistoryRecord:
    """A history of so many operations; another mark is another hash."""
    return HistoryRecord(count, bytes([count, mark]) + bytes(25))


NOTHING = record(0)


def test_equal_histories_are_in_order() -> None:
    assert judge_issuer(Case(ISSUER, record(5), record(5))) is None
    assert judge_registrations(record(3), record(3), None) is None


@pytest.mark.parametrize(
    ("case", "matter", "operation", "block"),
    [
        # Without old states: what counts and rules alone tell.
        (Case(ISSUER, record(3), record(5)), Matter.MISSING_LOG, 4, None),
        (Case(ISSUER, record(5), record(3)), Matter.EXTRA_LOG, 4, None),
        (Case(ISSUER, record(5), record(5, 1)), Matter.ALTERED_LOG, None, None),
        (
            Case(ISSUER, record(3), record(9), Break(70, 5, "a gap: 4 did not come before it")),
            Matter.MISSING_LOG,
            4,
            70,
        ),
        (
            Case(ISSUER, record(3), record(9), Break(70, 3, "doubled")),
            Matter.EXTRA_LOG,
            3,
            70,
        ),
        (
            Case(ISSUER, record(3), record(9), Break(70, 4, "no authority")),
            Matter.IMPOSSIBLE_LOG,
            4,
            70,
        ),
        (
            Case(ISSUER, record(3), record(9), Break(70, 5, "a gap"), None, Sighting(71, True)),
            Matter.REORDERED_LOG,
            4,
            70,
        ),
        # With them: where the two part.
        (
            Case(ISSUER, record(3), record(5), None, Parting(50, 3, record(4), record(3))),
            Matter.MISSING_LOG,
            4,
            50,
        ),
        (
            Case(ISSUER, record(5), record(4), None, Parting(50, 3, record(3), record(4))),
            Matter.EXTRA_LOG,
            4,
            50,
        ),
        (
            Case(ISSUER, record(5), record(5, 1), None, Parting(50, 2, record(3, 1), record(3))),
            Matter.ALTERED_LOG,
            3,
            50,
        ),
        (
            Case(
                ISSUER,
                record(3),
                record(9),
                Break(70, 5, "a gap"),
                Parting(60, 3, record(4), record(3)),
            ),
            Matter.MISSING_LOG,
            4,
            60,
        ),
        (
            Case(
                ISSUER,
                record(3),
                record(9),
                Break(60, 4, "no authority"),
                Parting(60, 3, record(4), record(3)),
                Sighting(60, False),
            ),
            Matter.ALTERED_LOG,
            4,
            60,
        ),
        (
            Case(
                ISSUER,
                record(3),
                record(9),
                Break(60, 5, "a gap"),
                Parting(60, 3, record(4), record(3)),
                Sighting(61, True),
            ),
            Matter.REORDERED_LOG,
            4,
            60,
        ),
        (
            Case(
                ISSUER,
                record(3),
                record(9),
                Break(60, 2, "doubled"),
                Parting(75, 3, record(4), record(3)),
            ),
            Matter.EXTRA_LOG,
            2,
            60,
        ),
        (Case(ISSUER, record(3), record(3), Break(60, 4, "any")), Matter.EXTRA_LOG, 4, 60),
        (
            Case(
                ISSUER,
                NOTHING,
                record(2),
                Break(60, 2, "the issuer was never registered"),
                Parting(40, 0, record(1), NOTHING),
            ),
            Matter.MISSING_LOG,
            1,
            40,
        ),
    ],
)
def test_the_first_bad_operation_is_named(
    case: Case, matter: Matter, operation: int | None, block: int | None
) -> None:
    finding = judge_issuer(case)
    assert finding is not None
    assert (finding.matter, finding.operation, finding.block) == (matter, operation, block)
    assert finding.severity is Severity.ERROR
    assert finding.issuer_id == ISSUER
    if operation is not None:
        assert f"{operation}" in finding.sentence
    shown = json.loads(json.dumps(finding.to_json()))
    assert shown["evidence"]["storedOperations"] == case.stored.count
    assert not holds([finding])


@pytest.mark.parametrize(
    ("replayed", "stored", "matter", "number"),
    [
        (record(2), record(4), Matter.MISSING_LOG, 3),
        (record(4), record(2), Matter.EXTRA_LOG, 3),
        (record(4), record(4, 1), Matter.ALTERED_LOG, None),
    ],
)
def test_registrations_are_judged_by_themselves(
    replayed: HistoryRecord, stored: HistoryRecord, matter: Matter, number: int | None
) -> None:
    finding = judge_registrations(replayed, stored, 17)
    assert finding is not None
    assert finding.matter is matter
    assert finding.issuer_id is None
    assert finding.block == 17
    assert finding.evidence["registration"] == number
