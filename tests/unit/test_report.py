"""Verdict, precedence and exit code, each against a table written out by hand."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.report import (
    VERDICTS_WHEN_INVALID,
    Check,
    Outcome,
    Report,
    Step,
    Verdict,
    exit_code,
    printable,
    verdict_of,
)

# The verdict table, written again by hand from the design: (step number, verdict).
INVALID_STEPS = [
    (1, "MALFORMED"),
    (2, "MALFORMED"),
    (3, "TAMPERED"),
    (4, "TAMPERED"),
    (5, "TAMPERED"),
    (7, "NOT_ANCHORED"),
    (8, "ISSUER_UNTRUSTED"),
    (9, "REVOKED"),
    (9, "SUSPENDED"),
    (10, "EXPIRED"),
    (10, "NOT_YET_VALID"),
    (11, "PENDING"),
]


def ladder(**changed: Check) -> list[Check]:
    return [changed.get(step.name, Check.valid(step, "fine")) for step in Step]


def invalid(step: int, verdict: str) -> Check:
    return Check.invalid(Step(step), Verdict(verdict), "wrong")


def with_checks(*checks: Check) -> list[Check]:
    return ladder(**{check.step.name: check for check in checks})


def test_the_ladder_has_eleven_numbered_steps() -> None:
    assert [(step.value, step.name.lower()) for step in Step] == [
        (1, "parse"),
        (2, "schema"),
        (3, "signature"),
        (4, "digest"),
        (5, "inclusion"),
        (6, "evidence"),
        (7, "anchor"),
        (8, "standing"),
        (9, "status"),
        (10, "validity"),
        (11, "finality"),
    ]


def test_the_verdict_table_is_the_designs() -> None:
    table = {(s.value, v.value) for s, verdicts in VERDICTS_WHEN_INVALID.items() for v in verdicts}
    assert table == set(INVALID_STEPS)
    assert set(VERDICTS_WHEN_INVALID) == set(Step)


def test_all_valid_is_valid() -> None:
    assert verdict_of(ladder()) is Verdict.VALID


@pytest.mark.parametrize(("step", "verdict"), INVALID_STEPS)
def test_one_invalid_step_decides(step: int, verdict: str) -> None:
    assert verdict_of(with_checks(invalid(step, verdict))) == verdict


@pytest.mark.parametrize(
    ("first", "second"),
    [(a, b) for a, b in itertools.combinations(INVALID_STEPS, 2) if a[0] != b[0]],
)
def test_of_two_invalid_steps_the_first_decides(
    first: tuple[int, str], second: tuple[int, str]
) -> None:
    assert verdict_of(with_checks(invalid(*second), invalid(*first))) == first[1]


@pytest.mark.parametrize("unknown", list(Step))
@pytest.mark.parametrize(("step", "verdict"), INVALID_STEPS)
def test_an_invalid_step_outweighs_an_unknown_one_wherever_it_stands(
    unknown: Step, step: int, verdict: str
) -> None:
    if unknown != step:
        checks = with_checks(Check.unknown(unknown, "?"), invalid(step, verdict))
        assert verdict_of(checks) == verdict


@pytest.mark.parametrize("step", list(Step))
def test_one_unknown_step_cannot_be_checked(step: Step) -> None:
    assert verdict_of(with_checks(Check.unknown(step, "?"))) is Verdict.CANNOT_CHECK


@pytest.mark.parametrize("step", list(Step))
def test_only_schema_and_signature_may_be_skipped_on_the_way_to_valid(step: Step) -> None:
    verdict = verdict_of(with_checks(Check.skipped(step, "-")))
    assert verdict is (Verdict.VALID if step in {2, 3} else Verdict.CANNOT_CHECK)


def any_check(step: Step) -> st.SearchStrategy[Check]:
    others = [Check(step, o, "s") for o in Outcome if o is not Outcome.INVALID]
    wrong = [Check.invalid(step, v, "s") for v in sorted(VERDICTS_WHEN_INVALID[step])]
    return st.sampled_from(others + wrong)


@given(st.tuples(*(any_check(step) for step in Step)))
def test_every_ladder_has_the_verdict_that_the_rule_gives(checks: tuple[Check, ...]) -> None:
    verdict = verdict_of(checks)
    outcomes = [check.outcome.value for check in checks]
    if "INVALID" in outcomes:
        assert verdict is checks[outcomes.index("INVALID")].verdict
    elif "UNKNOWN" in outcomes:
        assert verdict is Verdict.CANNOT_CHECK
    else:
        whole = outcomes[0] == "VALID" and set(outcomes[3:]) == {"VALID"}
        assert (verdict is Verdict.VALID) is whole
        assert whole or verdict is Verdict.CANNOT_CHECK


@pytest.mark.parametrize(
    "checks", [[], ladder()[:-1], ladder()[::-1], [*ladder()[:-1], ladder()[0]]]
)
def test_a_ladder_with_a_gap_has_no_verdict(checks: list[Check]) -> None:
    with pytest.raises(ValueError, match="one check for every step"):
        verdict_of(checks)


@pytest.mark.parametrize(
    ("step", "outcome", "verdict"),
    [
        (Step.EVIDENCE, Outcome.INVALID, Verdict.CANNOT_CHECK),
        (Step.EVIDENCE, Outcome.INVALID, None),
        (Step.STATUS, Outcome.INVALID, Verdict.TAMPERED),
        (Step.STATUS, Outcome.INVALID, None),
        (Step.STATUS, Outcome.UNKNOWN, Verdict.REVOKED),
        (Step.STATUS, Outcome.VALID, Verdict.VALID),
    ],
)
def test_a_check_cannot_make_a_verdict_that_is_not_its_own(
    step: Step, outcome: Outcome, verdict: Verdict | None
) -> None:
    with pytest.raises(ValueError, match="cannot make"):
        Check(step, outcome, "s", verdict)


CODE_OF = {
    "VALID": 0,
    "MALFORMED": 2,
    "TAMPERED": 1,
    "NOT_ANCHORED": 1,
    "ISSUER_UNTRUSTED": 1,
    "REVOKED": 1,
    "SUSPENDED": 1,
    "EXPIRED": 1,
    "NOT_YET_VALID": 1,
    "PENDING": 3,
    "CANNOT_CHECK": 3,
}


def test_every_verdict_alone_has_its_exit_code() -> None:
    assert {verdict.value: exit_code([verdict]) for verdict in Verdict} == CODE_OF


@given(st.lists(st.sampled_from(Verdict)), st.booleans())
def test_the_exit_code_of_many_is_the_gravest(verdicts: list[Verdict], unopened: bool) -> None:
    gravity = [0, 3, 1, 2]  # from harmless to grave
    codes = [CODE_OF[verdict] for verdict in verdicts] + [2] * unopened
    assert exit_code(verdicts, unopened=unopened) == max([0, *codes], key=gravity.index)


def test_a_report_in_json_is_stable() -> None:
    checks = tuple(with_checks(invalid(9, "REVOKED")))
    report = Report(
        Verdict.REVOKED, "REVOKED: wrong", "2026-01-02T03:04:05Z", checks, {"receipt": {"index": 1}}
    )
    text = json.dumps(report.to_json())
    assert text.startswith(
        '{"version": 1, "verdict": "REVOKED", "sentence": "REVOKED: wrong", '
        '"checkedAt": "2026-01-02T03:04:05Z", "receipt": {"index": 1}, "checks": [{"step": 1, '
        '"name": "parse", "outcome": "VALID", "sentence": "fine"}, '
    )
    assert '{"step": 9, "name": "status", "outcome": "INVALID", "sentence": "wrong"}' in text


def test_a_strangers_text_cannot_write_to_the_terminal() -> None:
    assert printable("a\x1b[2K\rVALID\n\u202egnp") == "a\\x1b[2K\\rVALID\\n\\u202egnp"
    assert printable("Universität Zürich 東京") == "Universität Zürich 東京"
    assert printable("x" * 500) == "x" * 119 + "…"
