"""A night of many clients and random faults: nothing is lost, nothing doubled, all is proven."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
from census import Tally
from databases import new_postgres
from desks import memory_chain
from soak import Outcome, soak

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def url() -> Iterator[str]:
    with memory_chain() as found:
        yield found


def judge(outcome: Outcome, record_property: Callable[[str, object], None]) -> None:
    tally = Tally()
    tally.add("soak", outcome.census)
    record_property(*tally.told())
    record_property("told", str(outcome))
    assert outcome.census.clean, outcome
    assert outcome.wrong == 0, outcome


def test_hundreds_of_credentials_while_everything_fails(
    url: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    seed = secrets.randbelow(10**6)
    outcome = soak(
        tmp_path / "w", url, f"sqlite:///{tmp_path}/i.db", seed=seed, credentials=400, least=2
    )
    judge(outcome, record_property)


@pytest.mark.long
def test_thousands_of_credentials_while_everything_fails(
    url: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    seed = secrets.randbelow(10**6)
    outcome = soak(
        tmp_path / "w", url, f"sqlite:///{tmp_path}/i.db", seed=seed, credentials=6000, least=15
    )
    judge(outcome, record_property)


@pytest.mark.long
def test_thousands_of_credentials_by_two_services_on_postgresql(
    url: str, postgres: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    seed = secrets.randbelow(10**6)
    with new_postgres(postgres) as database:
        outcome = soak(
            tmp_path / "w", url, database, seed=seed, credentials=6000, services=2, least=15
        )
    judge(outcome, record_property)
