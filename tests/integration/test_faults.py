"""Every write and question fails in every way, and the process is killed between any two.

Of each case the same holds after a restart: each credential is anchored exactly once, its receipt
holds, each status is as it was asked for, and no nonce is lost.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from breaking import Layer, Mode, Plan, described
from campaign import NewDatabase, Stage, postgres_databases, sqlite_databases
from census import Tally
from rpc_proxy import RpcProxy, nth, proxied, strict_pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# One case of so many in `make test`; `make test-long` runs them all.
STRIDE = 19
SAMPLE = 6
_WRITES = {"eth_sendRawTransaction"}


@dataclass
class Campaign:
    """url: of the chain. proxy: before its node, which every case asks through it if `behind`.

    zygote: forks a process for each case that is killed. place: what stands in the table.
    """

    url: str
    proxy: RpcProxy
    new_database: NewDatabase
    zygote: subprocess.Popen[str]
    place: str
    behind: bool
    tally: Tally = field(default_factory=Tally)

    @property
    def node_url(self) -> str:
        return self.proxy.url if self.behind else self.url

    def clean(self) -> Plan:
        """A night without faults, counted."""
        stage, plan = Stage.new(self.url, self.new_database()), Plan()
        stage.run(plan, node_url=self.node_url)
        self.tally.add(f"{self.place}: none", stage.census(faults=0))
        stage.check()
        return plan

    def killed(self, plan: Plan) -> None:
        assert plan.layer is not None
        stage = Stage.new(self.url, self.new_database())
        case = {
            "url": stage.url,
            "node": self.node_url,
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

    def failed(self, plan: Plan) -> None:
        stage = Stage.new(self.url, self.new_database())
        came_through = stage.fails(plan, node_url=self.node_url)
        # An answer to a broadcast that never came is tried again at once, and nobody is told.
        assert came_through or plan.layer is not Layer.COMMIT, described(plan)
        self._again(stage, plan)

    def unanswered(self, number: int, *, done: bool) -> None:
        """The connection to the node breaks off at one call."""
        stage = Stage.new(self.url, self.new_database())
        mode = Mode.DONE_BUT_LOST if done else Mode.NOT_DONE
        self.proxy.rules.insert(0, nth(number, done=done))
        try:
            stage.fails(Plan(), node_url=self.proxy.url)
        finally:
            del self.proxy.rules[0]
        self._again(stage, Plan(Layer.CALL, number, mode))

    def _again(self, stage: Stage, plan: Plan) -> None:
        assert plan.layer is not None
        try:
            try:
                stage.run(node_url=self.node_url)
            finally:
                kind = f"{self.place}: {plan.layer.value}, {plan.mode.value}"
                self.tally.add(kind, stage.census())
            stage.check()
        except BaseException as error:
            error.add_note(f"after {described(plan)}")
            raise


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


@pytest.fixture(scope="module")
def zygote() -> Iterator[subprocess.Popen[str]]:
    with _zygote() as process:
        yield process


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> NewDatabase:
    return sqlite_databases(tmp_path_factory.mktemp("cases"))


@pytest.fixture(scope="module")
def postgresql(postgres: str) -> Iterator[NewDatabase]:
    with postgres_databases(postgres) as new:
        yield new


@pytest.fixture
def campaign(
    url: str,
    sqlite: NewDatabase,
    zygote: subprocess.Popen[str],
    record_property: Callable[[str, object], None],
) -> Iterator[Campaign]:
    with proxied(url) as proxy:
        made = Campaign(url, proxy, sqlite, zygote, "SQLite", behind=False)
        yield made
        record_property(*made.tally.told())


@pytest.fixture
def strict(
    url: str,
    postgresql: NewDatabase,
    zygote: subprocess.Popen[str],
    record_property: Callable[[str, object], None],
) -> Iterator[Campaign]:
    """PostgreSQL, and a node as strict as geth."""
    with proxied(url) as proxy:
        proxy.rules.append(strict_pool())
        made = Campaign(url, proxy, postgresql, zygote, "PostgreSQL, strict node", behind=True)
        yield made
        record_property(*made.tally.told())


def _writes(plan: Plan) -> list[int]:
    """Numbers of the calls that write to the chain."""
    found = [number for number, method in enumerate(plan.asked, 1) if method in _WRITES]
    assert len(found) == 3
    return found


def _commits(campaign: Campaign, numbers: range) -> None:
    for number in numbers:
        for mode in (Mode.NOT_DONE, Mode.DONE_BUT_LOST):
            campaign.failed(Plan(Layer.COMMIT, number, mode))


def _kills(campaign: Campaign, layer: Layer, numbers: range | list[int]) -> None:
    for number in numbers:
        for mode in (Mode.KILL_BEFORE, Mode.KILL_AFTER):
            campaign.killed(Plan(layer, number, mode))


def _calls(campaign: Campaign, numbers: range | list[int]) -> None:
    for number in numbers:
        for done in (False, True):
            campaign.unanswered(number, done=done)
    _kills(campaign, Layer.CALL, numbers)


def _reads(campaign: Campaign, numbers: range) -> None:
    for number in numbers:
        campaign.failed(Plan(Layer.READ, number))


def test_every_commit_fails_done_or_not(campaign: Campaign) -> None:
    _commits(campaign, range(1, campaign.clean().counted[Layer.COMMIT] + 1))


def test_a_process_is_killed_at_every_commit(campaign: Campaign) -> None:
    """Before one and after the next: between them lies all that a kill can find."""
    for number in range(1, campaign.clean().counted[Layer.COMMIT] + 1):
        mode = Mode.KILL_BEFORE if number % 2 else Mode.KILL_AFTER
        campaign.killed(Plan(Layer.COMMIT, number, mode))


@pytest.mark.long
def test_a_process_is_killed_before_and_after_every_commit(campaign: Campaign) -> None:
    _kills(campaign, Layer.COMMIT, range(1, campaign.clean().counted[Layer.COMMIT] + 1))


def test_every_write_to_the_chain_fails_done_or_not_or_kills(campaign: Campaign) -> None:
    _calls(campaign, _writes(campaign.clean()))


def test_questions_fail_or_are_where_a_process_is_killed(campaign: Campaign) -> None:
    counted = campaign.clean().counted
    _calls(campaign, range(1, counted[Layer.CALL] + 1, STRIDE))
    _reads(campaign, range(1, counted[Layer.READ] + 1, STRIDE))


@pytest.mark.long
def test_every_question_fails_or_is_where_a_process_is_killed(campaign: Campaign) -> None:
    counted = campaign.clean().counted
    _calls(campaign, range(1, counted[Layer.CALL] + 1))
    _reads(campaign, range(1, counted[Layer.READ] + 1))


def test_a_sample_of_all_on_postgresql_with_a_strict_node(strict: Campaign) -> None:
    plan = strict.clean()
    commits = range(1, plan.counted[Layer.COMMIT] + 1, SAMPLE)
    _commits(strict, commits)
    _kills(strict, Layer.COMMIT, commits)
    _calls(strict, _writes(plan)[:1])


@pytest.mark.long
def test_all_of_it_on_postgresql_with_a_strict_node(strict: Campaign) -> None:
    counted = strict.clean().counted
    _commits(strict, range(1, counted[Layer.COMMIT] + 1))
    _kills(strict, Layer.COMMIT, range(1, counted[Layer.COMMIT] + 1))
    _calls(strict, range(1, counted[Layer.CALL] + 1))
    _reads(strict, range(1, counted[Layer.READ] + 1))
