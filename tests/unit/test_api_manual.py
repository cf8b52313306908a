"""docs/api.md says what the API has: every problem, scope, reason, setting and event."""

from __future__ import annotations

from pathlib import Path

import pytest

from anchor_service.api.problems import PROBLEMS, Problem
from anchor_service.store.api_keys import Scope
from anchor_service.store.notices import EVENTS
from anchor_service.store.reason_codes import ReasonCode

MANUAL = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.slug)
def test_every_problem_is_described_as_the_code_has_it(problem: Problem) -> None:
    row = f"| `{problem.slug}` | {problem.status} | {problem.title}. {problem.meaning} |"
    assert row in MANUAL


@pytest.mark.parametrize(
    "name",
    [
        *Scope,
        *ReasonCode,
        *EVENTS,
        "key_per_second",
        "key_burst",
        "address_per_second",
        "address_burst",
        "max_body",
        "max_seconds",
        "idle_seconds",
    ],
)
def test_every_name_is_there(name: str) -> None:
    assert f"`{name}`" in MANUAL or f'"{name}"' in MANUAL
