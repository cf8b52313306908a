"""At a past moment: what was true then, told by operation, and only from a history that closes."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from history_cases import (
    ISSUER,
    MASK,
    OWNER,
    REINSTATE,
    REVOKE,
    SUSPEND,
    Ledger,
    case,
    day,
    ledger,
    moment,
    with_history,
)
from hypothesis import given
from hypothesis import strategies as st
from verifier_cases import CHAIN, INDEX, REGISTRY, SIZE

from registry.formats import events as ev
from registry.formats.storage import HistoryRecord, Status, lane_status
from registry.proofs.evidence import Evidence, NoEvidence
from registry.proofs.past import changes
from registry.proofs.replay import replay_issuer
from registry.proofs.told_history import IssuerHistory, NoHistory, Told
from registry.reasons import Reason
from registry.report import Report, Step, Verdict
from registry.values import Address, ChainId, IssuerId

if TYPE_CHECKING:
    from collections.abc import Callable


def reason(report: Report, step: Step) -> str | None:
    return report.checks[step - 1].reason


def sentence(report: Report, step: Step) -> str:
    return report.checks[step - 1].sentence


def busy() -> Ledger:
    """Anchored on day 10; suspended on 30, reinstated on 40, revoked on 60."""
    return ledger().anchor(10).status(30, SUSPEND).status(40, REINSTATE).status(60, REVOKE)


@pytest.mark.parametrize(
    ("when", "verdict"),
    [
        (0.2, "NOT_ANCHORED"),
        (9.99, "NOT_ANCHORED"),
        (10, "VALID"),
        (29.99, "VALID"),
        (30, "SUSPENDED"),
        (39.99, "SUSPENDED"),
        (40, "VALID"),
        (59.99, "VALID"),
        (60, "REVOKED"),
        (100, "REVOKED"),
    ],
)
def test_each_moment_has_the_status_of_then(when: float, verdict: str) -> None:
    report = case(busy()).verify(moment(when))
    assert report.verdict == verdict
    assert report.to_json()["at"] == report.at


def test_what_happened_is_told_by_operation_time_and_block() -> None:
    report = case(busy()).verify(moment(50))
    assert report.verdict is Verdict.VALID
    assert report.sentence == (
        "VALID as of 2026-02-20T00:00:00Z: issued by Example University, anchored "
        "2026-01-11T00:00:00Z on eip155:31337, not revoked then (but revoked by operation 5 at "
        "2026-03-02T00:00:00Z, in block 600), on the word of one node, http://127.0.0.1:8545."
    )
    assert sentence(report, Step.STATUS) == (
        "It was neither revoked nor suspended then: suspended by operation 3 at "
        "2026-01-31T00:00:00Z, in block 300, reinstated by operation 4 at 2026-02-10T00:00:00Z, "
        "in block 400, on the word of one node, http://127.0.0.1:8545. Since then: revoked by "
        "operation 5 at 2026-03-02T00:00:00Z, in block 600."
    )
    assert sentence(report, Step.EVIDENCE).endswith(
        "; the issuer's 5 operations up to final block 1000 are complete by its history hash, "
        "on the word of one node, http://127.0.0.1:8545."
    )
    revoked = case(busy()).verify(moment(70))
    assert sentence(revoked, Step.STATUS).startswith(
        "It was revoked by operation 5 at 2026-03-02T00:00:00Z, in block 600 (before that: "
        "suspended by operation 3 at"
    )
    facts = report.checks[Step.STATUS - 1].facts
    assert facts["status"] == "active"
    assert facts["changes"] == [
        {
            "change": "suspended",
            "status": "suspended",
            "operation": 3,
            "time": "2026-01-31T00:00:00Z",
            "block": 300,
        },
        {
            "change": "reinstated",
            "status": "active",
            "operation": 4,
            "time": "2026-02-10T00:00:00Z",
            "block": 400,
        },
    ]


def test_without_a_moment_now_is_judged_and_nothing_is_said_of_one() -> None:
    report = case(busy()).verify()
    assert report.verdict is Verdict.REVOKED
    assert "at" not in report.to_json()
    assert "history" not in report.to_json()


def test_a_whole_batch_revoked_later_was_not_revoked_before() -> None:
    told = ledger().anchor(10).revoke_batch(20)
    assert case(told).verify(moment(19)).verdict is Verdict.VALID
    report = case(told).verify(moment(20))
    assert report.verdict is Verdict.REVOKED
    assert "revoked with its whole batch by operation 3" in report.sentence


def test_the_neighbours_changes_are_not_ours() -> None:
    told = ledger().anchor(10).status(20, REVOKE, MASK << 2)
    report = case(told).verify(moment(30))
    assert report.verdict is Verdict.VALID
    assert report.checks[Step.STATUS - 1].facts["changes"] == []


def test_two_operations_of_one_second_both_count() -> None:
    told = ledger().anchor(10).status(20, SUSPEND).status(20, REINSTATE)
    assert case(told).verify(moment(20)).verdict is Verdict.VALID


@pytest.mark.parametrize("when", [10, 15, 20, 50, 99])
def test_distrust_reaches_back_to_every_moment_and_says_when_it_became_known(when: float) -> None:
    told = ledger().anchor(10).distrust(20, since=12).distrust(50, since=5)
    report = case(told).verify(moment(when))
    assert report.verdict is Verdict.ISSUER_UNTRUSTED
    assert "declared by operation 4 at 2026-02-20T00:00:00Z, in block 500" in report.sentence
    assert ("distrust reaches back" in report.sentence) is (when < 50)


def test_before_the_anchor_distrust_does_not_matter() -> None:
    told = ledger().anchor(10).distrust(20, since=5)
    assert case(told).verify(moment(9)).verdict is Verdict.NOT_ANCHORED


def test_distrust_after_the_anchor_does_not_cover_it() -> None:
    told = ledger().anchor(10).distrust(20, since=10.5)
    assert case(told).verify(moment(30)).verdict is Verdict.VALID


def test_distrust_that_is_not_final_yet_reaches_back_too() -> None:
    told = ledger().anchor(10).distrust(99, since=5)
    report = case(told, final=98, head=100).verify(moment(30))
    assert report.verdict is Verdict.ISSUER_UNTRUSTED
    assert "in a block not final yet" in report.sentence


@pytest.mark.parametrize(("kind", "word"), [(ev.Paused, "paused"), (ev.Retired, "retired")])
def test_the_issuers_state_of_then_is_told(kind: type[ev.Event], word: str) -> None:
    told = ledger().anchor(10).add(kind, 20)
    assert word not in sentence(case(told).verify(moment(19)), Step.STANDING)
    report = case(told).verify(moment(21))
    assert report.verdict is Verdict.VALID
    assert f"It was {word} then" in sentence(report, Step.STANDING)


@pytest.mark.parametrize(
    ("when", "verdict"), [(3, "NOT_YET_VALID"), (4, "VALID"), (45, "VALID"), (46, "EXPIRED")]
)
def test_the_period_is_judged_as_of_then(when: float, verdict: str) -> None:
    told = ledger(validUntil="2026-02-15T12:00:00Z").anchor(2)
    report = case(told, validUntil="2026-02-15T12:00:00Z").verify(moment(when))
    assert report.verdict == verdict
    assert case(told, validUntil="2026-02-15T12:00:00Z").verify().verdict is Verdict.EXPIRED


def test_an_anchor_that_is_not_final_is_pending_at_its_own_time_too() -> None:
    told = ledger().anchor(99)
    report = case(told, final=98, head=100).verify(moment(99.5))
    assert report.verdict is Verdict.PENDING
    assert case(told, final=98, head=100).verify(moment(98)).verdict is Verdict.NOT_ANCHORED


def test_after_the_last_final_block_only_what_is_for_ever_is_known() -> None:
    told = ledger().anchor(10)
    report = case(told, final=98, head=100).verify(moment(99))
    assert report.verdict is Verdict.CANNOT_CHECK
    assert reason(report, Step.STATUS) == Reason.STATUS_NOT_FINAL_THEN
    revoked = ledger().anchor(10).status(50, REVOKE)
    assert case(revoked, final=98, head=100).verify(moment(99)).verdict is Verdict.REVOKED
    fresh = ledger().anchor(10).status(98.5, REVOKE)
    assert case(fresh, final=98, head=99).verify(moment(99)).verdict is Verdict.REVOKED
    # Seen at the head of day 100 alone, it may have come after day 99.
    unsure = case(fresh, final=98, head=100).verify(moment(99))
    assert unsure.verdict is Verdict.CANNOT_CHECK
    assert case(fresh, final=98, head=100).verify(moment(98)).verdict is Verdict.VALID


def test_never_anchored_is_not_anchored_then_however_old_the_facts() -> None:
    told = ledger()
    assert case(told).verify(moment(50)).verdict is Verdict.NOT_ANCHORED
    assert case(told, now=300).verify(moment(50)).verdict is Verdict.NOT_ANCHORED
    assert case(told, now=300).verify().verdict is Verdict.CANNOT_CHECK


def test_old_facts_cannot_tell_of_distrust_declared_since() -> None:
    report = case(busy(), now=300).verify(moment(50))
    assert report.verdict is Verdict.CANNOT_CHECK
    assert "Distrust that was declared since would count" in report.sentence


def test_another_size_is_not_anchored_at_any_time() -> None:
    told = ledger().anchor(10, size=SIZE - 1)
    report = case(told).verify(moment(50))
    assert reason(report, Step.ANCHOR) == Reason.OTHER_SIZE


@pytest.mark.parametrize("at", [moment(102), moment(101.001)])
def test_a_moment_to_come_is_refused(at: datetime) -> None:
    with pytest.raises(ValueError, match="to come"):
        case(busy()).verify(at)


def test_a_moment_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        case(busy()).verify(datetime(2026, 2, 1))  # noqa: DTZ001 - the point


# --- histories that are not the issuer's


def doubled(told: tuple[Told, ...]) -> tuple[Told, ...]:
    return (*told, told[-1])


def changed(told: tuple[Told, ...], place: int, **members: Any) -> tuple[Told, ...]:
    event = replace(told[place].event, **members)
    return (*told[:place], Told(event, told[place].block), *told[place + 1 :])


LIES: dict[str, Callable[[tuple[Told, ...]], tuple[Told, ...]]] = {
    "all left out": lambda told: (),
    "first left out": lambda told: told[1:],
    "middle left out": lambda told: told[:2] + told[3:],
    "revocation left out": lambda told: told[:-1],
    "suspension and its end left out, numbers closed up": lambda told: changed(
        told[:2] + told[4:], 2, operation=3
    ),
    "doubled": doubled,
    "swapped": lambda told: (*told[:2], told[3], told[2], *told[4:]),
    "another time": lambda told: changed(told, 4, timestamp=day(70)),
    "another actor": lambda told: changed(told, 4, actor=Address(b"\x98" * 20)),
    "another change": lambda told: changed(told, 4, change=ev.StatusChange.SUSPEND),
    "another's": lambda told: changed(told, 4, issuer_id=IssuerId(b"\x01" * 32)),
    "one added": lambda told: (
        *told,
        Told(ev.Paused(ISSUER, len(told) + 1, day(70), OWNER)),
    ),
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("when", [5, 20, 35, 50, 70])
def test_a_history_that_does_not_close_cannot_be_checked_and_names_the_node(
    lie: str, when: float
) -> None:
    honest = case(busy())
    assert isinstance(honest.evidence, Evidence)
    assert isinstance(honest.evidence.history, IssuerHistory)
    told = LIES[lie](honest.evidence.history.operations)
    report = with_history(honest, operations=told).verify(moment(when))
    assert report.verdict is Verdict.CANNOT_CHECK
    assert reason(report, Step.EVIDENCE) == Reason.HISTORY_NOT_CLOSED
    assert "http://127.0.0.1:8545" in report.sentence


@pytest.mark.parametrize(
    "member",
    [
        {"slot": HistoryRecord(5, bytes(27))},
        {"slot": HistoryRecord(4, bytes(27))},
        {"chain": ChainId(1)},
        {"registry": Address(b"\xab" * 20)},
        {"issuer_id": IssuerId(b"\x01" * 32)},
    ],
)
def test_a_slot_or_place_that_is_not_the_historys_cannot_be_checked(
    member: dict[str, Any],
) -> None:
    report = with_history(case(busy()), **member).verify(moment(50))
    assert report.verdict is Verdict.CANNOT_CHECK
    assert "http://127.0.0.1:8545" in report.sentence


def test_a_closed_history_that_storage_contradicts_cannot_be_checked() -> None:
    """A node that shortens logs and history slot alike, and forgets the other slots."""
    for kept in (0.1, 1, 35, 50):
        short = replace(busy().history(kept), block=busy().block(100))
        assert short.fault is None
        report = case(busy()).facts(history=short).verify(moment(55))
        assert report.verdict is Verdict.CANNOT_CHECK
        assert reason(report, Step.EVIDENCE) == Reason.FACTS_CONTRADICT


def test_a_history_of_another_block_is_not_mixed_with_the_facts() -> None:
    for when in (50, 99.9):
        report = case(busy()).facts(history=busy().history(when)).verify(moment(45))
        assert report.verdict is Verdict.CANNOT_CHECK
        assert reason(report, Step.EVIDENCE) == Reason.FACTS_CONTRADICT


def test_a_final_block_without_an_older_anchor_cannot_be() -> None:
    late = case(ledger().anchor(50), final=98, head=100)
    forgot = late.final(batch=None, issuer=ledger().snapshot(98).issuer)
    forgot = forgot.facts(history=ledger().history(98))
    assert forgot.verify(moment(60)).verdict is Verdict.CANNOT_CHECK
    # In the very second of the final block, it may have come in a block after it.
    same = case(ledger().anchor(98), final=98, head=100)
    same = same.final(batch=None).facts(history=ledger().history(98))
    assert same.verify(moment(98)).verdict is Verdict.PENDING


@pytest.mark.parametrize("history", [None, NoHistory("the node serves no old logs")])
def test_without_a_history_the_past_cannot_be_checked(history: NoHistory | None) -> None:
    report = case(busy()).facts(history=history).verify(moment(50))
    assert report.verdict is Verdict.CANNOT_CHECK
    assert reason(report, Step.EVIDENCE) == Reason.HISTORY_NOT_READ
    assert report.next_step is not None
    assert case(busy()).facts(history=history).verify().verdict is Verdict.REVOKED


def test_without_any_evidence_the_past_cannot_be_checked() -> None:
    report = case(busy()).but(evidence=NoEvidence("asked offline")).verify(moment(50))
    assert report.verdict is Verdict.CANNOT_CHECK


def test_files_are_judged_as_ever() -> None:
    one = case(busy())
    changed = one.but(raw=one.raw.replace(b"Passed", b"Failed")).verify(moment(50))
    assert changed.sentence.startswith("TAMPERED: ")
    assert one.but(raw=b"{").verify(moment(50)).sentence.startswith("MALFORMED: ")


def test_an_issuer_that_policy_does_not_trust_is_untrusted_then_too() -> None:
    one = case(busy())
    report = one.but(policy=replace(one.policy, issuers=())).verify(moment(50))
    assert report.verdict is Verdict.ISSUER_UNTRUSTED


# --- what is told, and what replay says


@given(
    st.lists(
        st.tuples(st.sampled_from(ev.StatusChange), st.sampled_from([MASK, MASK << 2, 5 << 10])),
        max_size=12,
    ),
    st.integers(0, 30),
)
def test_the_told_changes_end_in_the_status_that_replay_gives(
    wanted: list[tuple[ev.StatusChange, int]], when: int
) -> None:
    told = ledger().anchor(10)
    word = 0
    for number, (change, mask) in enumerate(wanted):
        if change is not REVOKE and word & mask << 1:
            continue
        after = {SUSPEND: word | mask, REINSTATE: word & ~mask, REVOKE: word | mask << 1}[change]
        if after != word:
            word = after
            told.status(11 + number, change, mask)
    history = told.history(100)
    assert history.fault is None
    issuer = history.at(day(when))
    batch = None if issuer is None else issuer.batches.get(told.root)
    found = [
        one for one in changes(history, told.root, INDEX) if one.told.event.timestamp <= day(when)
    ]
    if batch is None:
        assert found == []
    else:
        last = found[-1].status if found else Status.ACTIVE
        assert last is lane_status(batch.words.get(1, 0), INDEX % 128)
    assert all(a.status is not b.status for a, b in itertools.pairwise(found))


# --- as a bundle has it


def test_the_logs_of_a_history_read_back_as_its_operations() -> None:
    told = busy().history(100)
    assert [ev.read_log(topics, data) for topics, data in told.logs()] == [
        one.event for one in told.operations
    ]


def test_a_history_is_replayed_once_for_all_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    honest = replay_issuer

    def counted(*arguments: Any) -> Any:
        calls.append(arguments)
        return honest(*arguments)

    monkeypatch.setattr("registry.proofs.told_history.replay_issuer", counted)
    one = case(busy())
    for _ in range(20):
        one.verify(moment(50))
    assert len(calls) == 2  # the whole, to close it, and what was done by then
    assert calls[0][1:3] == (CHAIN, REGISTRY)
