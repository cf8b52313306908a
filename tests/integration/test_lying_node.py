"""Audits of random histories through a node that lies: each lie is caught and named, and no honest
history is accused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lying_campaign import Lived, Tally, live, lying_node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Recorder = Callable[[str, object], None]


@pytest.fixture(scope="module")
def liar() -> Iterator[None]:
    with lying_node():
        yield


@pytest.mark.usefixtures("liar")
@pytest.mark.parametrize("_campaign", range(3))
def test_every_lie_is_caught_and_no_honest_history_is_accused(
    record_property: Recorder, _campaign: int
) -> None:
    count(record_property, lambda: live(examples=2, steps=25))


@pytest.mark.long
@pytest.mark.usefixtures("liar")
@pytest.mark.parametrize("_campaign", range(10))
def test_every_lie_in_a_long_campaign_is_caught(record_property: Recorder, _campaign: int) -> None:
    count(record_property, lambda: live(examples=30, steps=60))


def count(record_property: Recorder, campaign: Callable[[], Tally]) -> None:
    """Leave the numbers to the summary at the run's end, whether all was well or not."""
    try:
        campaign()
    finally:
        tally = Lived.tally
        for name in ("injected", "caught", "honest", "false_alarms"):
            record_property(f"lies_{name}", getattr(tally, name))
    assert tally.caught == tally.injected
    assert tally.false_alarms == 0
    assert len(tally.kinds) >= 26
