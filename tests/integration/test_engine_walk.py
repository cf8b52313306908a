"""The engine in random walks through all that befalls it, against a model, on a real chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from engine_ground import ground
from engine_walk import Walk
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", autouse=True)
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with ground(tmp_path_factory.mktemp("ground")) as found:
        Walk.ground = found
        yield


def walk(examples: int, steps: int) -> None:
    before = walked()
    run_state_machine_as_test(
        Walk,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert walked() - before >= examples
    assert Walk.done["walks"] >= examples // 2


def walked() -> int:
    return Walk.done["walks"] + Walk.done["left by the node without code"]


def test_engine_and_model_agree_on_random_walks() -> None:
    walk(examples=10, steps=40)


@pytest.mark.long
def test_engine_and_model_agree_on_long_random_walks() -> None:
    walk(examples=400, steps=80)
