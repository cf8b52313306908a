"""Audits of random histories through a node that lies: each lie is caught and named, and no honest
history is accused."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar

import pytest
from bare_chain import BareChain, bare_chain
from contract_views import REGISTRY, hex0x
from contract_walk import CHAIN, YES, YES_CODE, Walk
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from lies import Lie, LogJson, Outcome, all_lies, errors
from rpc_proxy import RpcProxy, proxied

from registry import artifact
from registry.auditing import Audit, AuditRequest
from registry.errors import ChainError
from registry.log_reader import Pace
from registry.rpc import Node

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def chain() -> Iterator[BareChain]:
    shipped = artifact.load()
    with bare_chain(CHAIN.number) as rpc:
        people = rpc("eth_accounts")
        deploy = "0x" + (artifact.SALT + shipped.creation_code).hex()
        rpc("anvil_mine", "0x2")
        transaction = {"from": people[0], "to": str(artifact.FACTORY), "data": deploy}
        rpc("eth_sendTransactionSync", transaction)
        rpc("anvil_setCode", hex0x(YES), YES_CODE)
        with proxied(rpc.url) as proxy:
            Lived.rpc, Lived.accounts = rpc, [bytes.fromhex(one[2:]) for one in people[:6]]
            Lived.proxy = proxy
            yield rpc


class Lived(Walk):
    """A random history that ends in audits, an honest one and one for each lie."""

    proxy: ClassVar[RpcProxy]
    tried: ClassVar[Counter[str]] = Counter()
    honest: ClassVar[int] = 0

    def teardown(self) -> None:
        try:
            self.audits()
        finally:
            self.proxy.rules.clear()
            self.rpc("evm_revert", self.snapshot)

    def audits(self) -> None:
        self.rpc("anvil_mine", hex(3))
        block = self.rpc("eth_getBlockByNumber", "finalized", False)
        last, now = int(block["number"], 16), int(block["timestamp"], 16)
        query = {"address": str(REGISTRY), "fromBlock": "0x0", "toBlock": hex(last)}
        logs: list[LogJson] = self.rpc("eth_getLogs", query)
        outcome = self.audit(now, Lie("none", lambda _call, _forward: None, lambda _: True, 0))
        assert not isinstance(outcome, ChainError), outcome
        assert not errors(outcome), f"an honest history is accused: {errors(outcome)}"
        assert outcome.scope.logs == len(logs) == len(self.logs)
        type(self).honest += 1
        for lie in all_lies(logs, self.model, last, Random(len(logs))):
            outcome = self.audit(now, lie)
            shown = outcome if isinstance(outcome, ChainError) else outcome.findings
            assert lie.caught(outcome), f"a node that {lie.name}: {shown}"
            self.tried[lie.name] += 1

    def audit(self, now: int, lie: Lie) -> Outcome:
        self.proxy.rules[:] = [lie.rule]
        with TemporaryDirectory() as folder:
            request = AuditRequest(
                chain=CHAIN,
                registry=REGISTRY,
                store=Path(folder) / "store.db",
                seed=1,
                now=now,
                max_age_s=lie.max_age_s,
                pace=Pace(wait=lambda _: None, first_span=8),
            )
            audit = Audit(request, [partial(Node, self.proxy.url)])
            try:
                return audit.run()
            except ChainError as error:
                return error
            finally:
                audit.close()


def live(examples: int, steps: int) -> None:
    Lived.tried.clear()
    Lived.honest = 0
    run_state_machine_as_test(
        Lived,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(
        f"\n{Lived.honest} honest histories, 0 accused; {sum(Lived.tried.values())} lies and "
        f"hardships of {len(Lived.tried)} kinds, all caught or borne"
    )


@pytest.mark.usefixtures("chain")
def test_every_lie_is_caught_and_no_honest_history_is_accused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with capsys.disabled():
        live(examples=6, steps=25)
    assert len(Lived.tried) >= 25
    assert Lived.honest >= 6


@pytest.mark.long
@pytest.mark.usefixtures("chain")
def test_every_lie_in_a_long_campaign_is_caught(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        live(examples=300, steps=60)
