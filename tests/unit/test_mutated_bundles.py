"""Whatever is changed in a bundle, what is accepted is what was accepted before."""

from __future__ import annotations

import random

import pytest
from bundle_town import town
from mutants import Campaign, campaign

from registry.report import Verdict

KINDS = {
    *("byte changed", "byte dropped", "byte added", "cut short", "member dropped"),
    *("member of another kind", "member twice", "member added", "members swapped"),
    *("replayed: another leaf, revoked", "replayed: another batch", "replayed: another issuer"),
    *("replayed: another registry", "replayed: another place"),
}
NOTHING_RESTS_ON = {"layout alone", "/history"}
"""Whose change was accepted: a history is read where somebody asks about the past."""


def check(done: Campaign) -> None:
    assert done.lies == []
    assert done.counts.keys() == KINDS
    assert all(counts["tried"] for counts in done.counts.values())
    assert {one.rpartition(": ")[2] for one in done.harmless} <= NOTHING_RESTS_ON
    totals = done.totals
    outcomes = sum(count for name, count in totals.items() if name != "tried")
    assert outcomes == totals["tried"]
    assert totals["accepted"] == done.harmless.total()


def test_the_bundles_that_are_changed_are_true_ones() -> None:
    verdicts = {name: one.answer(one.case.raw).verdict for name, one in town().items()}
    assert verdicts == {
        "ours": Verdict.VALID,
        "another batch": Verdict.VALID,
        "another leaf, revoked": Verdict.REVOKED,
        "another issuer": Verdict.ISSUER_UNTRUSTED,
        "another registry": Verdict.ISSUER_UNTRUSTED,
    }


def test_no_change_is_accepted_with_other_facts() -> None:
    check(campaign(0.01, seed=4))


@pytest.mark.long
def test_no_change_of_any_byte_is_accepted_with_other_facts() -> None:
    check(campaign(8, seed=random.randrange(2**32)))
