"""Every write and question fails in every way, and the process is killed between any two.

Of each case the same holds after a restart: each credential is anchored exactly once, its receipt
holds, each status is as it was asked for, and no nonce is lost.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from campaign import Layer, Mode, Plan, Stage, copy_of, described, template
from desks import memory_chain
from rpc_proxy import nth, proxied

if TYPE_CHECKING:
    from collections.abc import Iterator

# One case of so many in `make test`; `make test-long` runs them all.
STRIDE = 19
_WRITES = {"eth_sendRawTransaction"}


@dataclass
class Campaign:
    """zygote: forks a process for each case that is killed."""

    url: str
    folder: Path
    file: Path
    zygote: subprocess.Popen[str]
    cases: Counter[str]

    def stage(self) -> Stage:
        number = sum(self.cases.values())
        return Stage.new(self.url, copy_of(self.file, self.folder / f"case{number}.db"))

    def killed(self, plan: Plan) -> None:
        assert plan.layer is not None
        stage = self.stage()
        case = {
            "url": stage.url,
            "key": stage.secret.hex(),
            "issuer": stage.issuer_id.to_hex(),
            "database": stage.database_url,
            **described(plan),
        }
        assert self.zygote.stdin is not None
        assert self.zygote.stdout is not None
        self.zygote.stdin.write(json.dumps(case) + "\n")
        self.zygote.stdin.flush()
        status = int(self.zygote.stdout.readline())
        assert status == signal.SIGKILL, described(plan)
        self._again(stage, plan)

    def failed(self, plan: Plan, *, node_url: str | None = None) -> None:
        stage = self.stage()
        came_through = stage.fails(plan, node_url=node_url)
        # An answer to a broadcast that never came is tried again at once, and nobody is told.
        assert came_through or plan.layer is not Layer.COMMIT, described(plan)
        self._again(stage, plan)

    def _again(self, stage: Stage, plan: Plan) -> None:
        try:
            stage.run()
            stage.check()
        except BaseException as error:
            error.add_note(f"after {described(plan)}")
            raise
        assert plan.layer is not None
        self.cases[f"{plan.layer.value}, {plan.mode.value}"] += 1


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with memory_chain() as found:
        yield found


@contextmanager
def _zygote() -> Iterator[subprocess.Popen[str]]:
    script = Path(__file__).with_name("fault_zygote.py")
    process = subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


@pytest.fixture
def campaign(url: str, tmp_path: Path) -> Iterator[Campaign]:
    file = tmp_path / "template.db"
    template(file)
    with _zygote() as zygote:
        made = Campaign(url, tmp_path, file, zygote, Counter())
        yield made
    total = sum(made.cases.values())
    sys.stdout.write(f"\n{total} faults injected, 0 credentials lost, 0 anchored twice\n")
    for name, number in sorted(made.cases.items()):
        sys.stdout.write(f"  {number:>5}  {name}\n")


def _clean(campaign: Campaign) -> Plan:
    """A night without faults, counted."""
    stage, plan = campaign.stage(), Plan()
    stage.run(plan)
    stage.check()
    campaign.cases["none"] += 1
    return plan


def _commits(campaign: Campaign, counted: int) -> None:
    for number in range(1, counted + 1):
        for mode in (Mode.NOT_DONE, Mode.DONE_BUT_LOST):
            campaign.failed(Plan(Layer.COMMIT, number, mode))


def test_every_commit_fails_done_or_not(campaign: Campaign) -> None:
    _commits(campaign, _clean(campaign).counted[Layer.COMMIT])


def test_a_process_is_killed_at_every_commit(campaign: Campaign) -> None:
    """Before one and after the next: between them lies all that a kill can find."""
    for number in range(1, _clean(campaign).counted[Layer.COMMIT] + 1):
        mode = Mode.KILL_BEFORE if number % 2 else Mode.KILL_AFTER
        campaign.killed(Plan(Layer.COMMIT, number, mode))


@pytest.mark.long
def test_a_process_is_killed_before_and_after_every_commit(campaign: Campaign) -> None:
    for number in range(1, _clean(campaign).counted[Layer.COMMIT] + 1):
        for mode in (Mode.KILL_BEFORE, Mode.KILL_AFTER):
            campaign.killed(Plan(Layer.COMMIT, number, mode))


def test_every_write_to_the_chain_fails_done_or_not_or_kills(campaign: Campaign) -> None:
    asked = _clean(campaign).asked
    writes = [number for number, method in enumerate(asked, 1) if method in _WRITES]
    assert len(writes) == 3
    for number in writes:
        _calls(campaign, number)


def test_questions_fail_or_are_where_a_process_is_killed(campaign: Campaign) -> None:
    plan = _clean(campaign)
    for number in range(1, plan.counted[Layer.CALL] + 1, STRIDE):
        _calls(campaign, number)
    for number in range(1, plan.counted[Layer.READ] + 1, STRIDE):
        campaign.failed(Plan(Layer.READ, number))


@pytest.mark.long
def test_every_question_fails_or_is_where_a_process_is_killed(campaign: Campaign) -> None:
    plan = _clean(campaign)
    for number in range(1, plan.counted[Layer.CALL] + 1):
        _calls(campaign, number)
    for number in range(1, plan.counted[Layer.READ] + 1):
        campaign.failed(Plan(Layer.READ, number))


def _calls(campaign: Campaign, number: int) -> None:
    for done in (False, True):
        with proxied(campaign.url) as proxy:
            proxy.rules.append(nth(number, done=done))
            mode = Mode.DONE_BUT_LOST if done else Mode.NOT_DONE
            campaign.failed(Plan(Layer.CALL, 0, mode), node_url=proxy.url)
    for mode in (Mode.KILL_BEFORE, Mode.KILL_AFTER):
        campaign.killed(Plan(Layer.CALL, number, mode))
