"""When it is time: by the clock of a place, at a size, on demand, and once for nights missed."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from anchor_service.engine.schedule import ALL, Due, Schedule
from anchor_service.store.batch_store import Waiting
from anchor_service.store.changes import Change
from anchor_service.store.lifecycle import ChangeState
from registry.errors import WorkspaceError
from registry.formats.events import StatusChange
from registry.workspaces.issuer_settings import ScheduleSettings

VIENNA = ZoneInfo("Europe/Vienna")


def at(text: str, zone: ZoneInfo = VIENNA) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


def settings(**changed: object) -> ScheduleSettings:
    values: dict[str, object] = {
        "cron": "0 2 * * *",
        "zone": "Europe/Vienna",
        "max_size": None,
        "status_cron": None,
        "status_delay_s": None,
    }
    return ScheduleSettings(**{**values, **changed})  # type: ignore[arg-type]


def waiting(since: int, **changed: int | None) -> Waiting:
    values: dict[str, int | None] = {"count": 1, "seal_asked": None, "closed": None}
    values |= changed
    return Waiting(1, since, values["count"] or 0, values["seal_asked"], values["closed"])


def wish(asked: int, *, urgent: bool = False) -> Change:
    return Change(asked, StatusChange.REVOKE, ChangeState.WANTED, 1, 0, urgent, asked)


def test_a_batch_is_sealed_at_two_in_the_night_of_its_place() -> None:
    schedule = Schedule.of(settings())
    batch = waiting(at("2026-07-01T18:00"))
    assert not schedule.seals(batch, at("2026-07-02T01:59:59"))
    assert schedule.seals(batch, at("2026-07-02T02:00"))
    # Two in Vienna is midnight in the world, in summer.
    assert schedule.seals(batch, int(datetime(2026, 7, 2, tzinfo=UTC).timestamp()))


def test_what_comes_after_two_waits_for_the_next_night() -> None:
    schedule = Schedule.of(settings())
    batch = waiting(at("2026-07-02T02:00:01"))
    assert not schedule.seals(batch, at("2026-07-02T23:00"))
    assert schedule.seals(batch, at("2026-07-03T02:00"))


def test_nights_that_were_missed_make_one_batch_due_once() -> None:
    schedule = Schedule.of(settings())
    now = at("2026-07-09T11:00")
    assert schedule.seals(waiting(at("2026-07-01T18:00")), now)
    assert not schedule.seals(waiting(now), now + 1)


def test_the_hour_that_summer_time_leaves_out_is_made_up_for_at_once() -> None:
    """On 2026-03-29 it is never half past two in Vienna: 01:59 is followed by 03:00."""
    schedule = Schedule.of(settings(cron="30 2 * * *"))
    batch = waiting(at("2026-03-28T18:00"))
    assert not schedule.seals(batch, at("2026-03-29T01:59:59"))
    assert schedule.seals(batch, at("2026-03-29T03:00"))


def test_the_hour_that_comes_twice_in_autumn_seals_once() -> None:
    """On 2026-10-25 it is half past two in Vienna twice, an hour apart."""
    schedule = Schedule.of(settings(cron="30 2 * * *"))
    first = int(datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp())
    assert schedule.seals(waiting(at("2026-10-24T18:00")), first)
    assert not schedule.seals(waiting(first + 60), first + 3600)
    assert schedule.seals(waiting(first + 60), at("2026-10-26T02:30"))


def test_a_size_seals_at_once() -> None:
    schedule = Schedule.of(settings(max_size=3))
    now = at("2026-07-01T18:00")
    assert not schedule.seals(waiting(now, count=2), now)
    assert schedule.seals(waiting(now, count=3), now)
    assert Due(schedule).count_to == 3


def test_a_person_seals_at_once() -> None:
    schedule = Schedule.of(settings(cron=None))
    assert not schedule.seals(waiting(0), at("2036-01-01T00:00"))
    assert schedule.seals(waiting(0, seal_asked=5), 5)


def test_a_seal_that_was_begun_is_finished_whatever_is_due() -> None:
    assert ALL.but_sealing().batch(waiting(0, closed=5), 5)
    assert not ALL.but_sealing().batch(waiting(0), 5)
    assert ALL.batch(waiting(0), 5)


def test_changes_are_gathered_for_the_night_and_urgent_ones_are_not() -> None:
    schedule = Schedule.of(settings())
    evening, night = at("2026-07-01T18:00"), at("2026-07-02T02:00")
    gathered, urgent = wish(evening), wish(evening + 1, urgent=True)
    assert schedule.sends([gathered, urgent], evening + 2) == [urgent]
    late = wish(night - 1)
    assert schedule.sends([gathered, late], night - 1) == []
    assert schedule.sends([gathered, late], night) == [gathered, late]


def test_changes_have_hours_of_their_own_and_a_longest_wait() -> None:
    evening = at("2026-07-01T18:10")
    hourly = Schedule.of(settings(status_cron="0 * * * *"))
    assert hourly.sends([wish(evening)], at("2026-07-01T18:59")) == []
    assert hourly.sends([wish(evening)], at("2026-07-01T19:00")) == [wish(evening)]
    patient = Schedule.of(settings(cron=None, status_delay_s=600))
    assert patient.sends([wish(evening)], evening + 599) == []
    assert patient.sends([wish(evening), wish(evening + 599)], evening + 600) == [
        wish(evening),
        wish(evening + 599),
    ]


def test_a_clock_set_back_waits_and_one_set_ahead_is_early() -> None:
    schedule = Schedule.of(settings())
    batch = waiting(at("2026-07-01T18:00"))
    assert not schedule.seals(batch, at("2025-07-01T18:00"))
    assert schedule.seals(batch, at("2027-07-01T18:00"))


@pytest.mark.parametrize("cron", ["61 2 * * *", "0 2 31 2 *", "a b c d e"])
def test_a_schedule_that_can_never_be_is_refused(cron: str) -> None:
    with pytest.raises(WorkspaceError, match="cron"):
        Schedule.of(settings(cron=cron))


def test_the_next_seal_is_known() -> None:
    schedule = Schedule.of(settings())
    assert schedule.next_seal(at("2026-07-01T18:00")) == at("2026-07-02T02:00")
    assert Schedule.of(settings(cron=None)).next_seal(0) is None
