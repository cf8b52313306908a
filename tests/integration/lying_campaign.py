"""Random histories that end in audits through a node that lies: how many lies, how many caught."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar

from bare_chain import BareChain, bare_chain
from contract_views import REGISTRY, hex0x
from contract_walk import CHAIN, YES, YES_CODE, Walk
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import precondition, rule, run_state_machine_as_test
from lies import Lie, LogJson, Outcome, all_lies, holds
from rpc_proxy import RpcProxy, proxied

from registry.auditing.audit import Audit, AuditRequest
from registry.auditing.audit_report import AuditReport
from registry.errors import ChainError
from registry.nodes.log_reader import Pace
from registry.nodes.rpc import Node
from registry.workspaces import artifact

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Tally:
    """What came of the audits so far. false_alarms: honest histories accused, whatever the node's
    hardships; failed: sentences on all that is not as it must be."""

    injected: int = 0
    caught: int = 0
    honest: int = 0
    false_alarms: int = 0
    kinds: set[str] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)

    def honest_audit(self, outcome: Outcome) -> None:
        self.honest += 1
        if not holds(outcome):
            self.false_alarms += 1
            self.failed.append(f"an honest history is accused: {shown(outcome)}")

    def lie_told(self, lie: Lie, outcome: Outcome) -> None:
        self.kinds.add(lie.name)
        if lie.harmless:
            self.honest_audit(outcome)
            return
        self.injected += 1
        if lie.caught(outcome):
            self.caught += 1
        else:
            self.failed.append(f"a node that {lie.name}: {shown(outcome)}")


def shown(outcome: Outcome) -> object:
    return outcome if isinstance(outcome, ChainError) else outcome.findings


class Lived(Walk):
    """A random history that ends in audits, an honest one and one for each lie."""

    proxy: ClassVar[RpcProxy]
    tally: ClassVar[Tally] = Tally()
    logs_before = 0
    """As many logs there were when nothing happened last."""

    @precondition(lambda self: len(self.logs) > self.logs_before)
    @rule()
    def nothing(self) -> None:
        """Blocks without a log, to which a node may move one, a second each."""
        self.rpc("anvil_mine", hex(2), hex(1))
        self.last = int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        self.logs_before = len(self.logs)

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
        outcome = self.audit(now, Lie("none", lambda _call, _forward: None, holds, 0))
        self.tally.honest_audit(outcome)
        if isinstance(outcome, AuditReport):
            assert outcome.scope.logs == len(logs) == len(self.logs)
        for lie in all_lies(logs, self.model, last, Random(len(logs))):
            self.tally.lie_told(lie, self.audit(now, lie))
        assert not self.tally.failed, "\n".join(self.tally.failed)

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


def live(examples: int, steps: int) -> Tally:
    """So many histories. None is made smaller after a failure: each costs thirty audits."""
    Lived.tally = tally = Tally()
    run_state_machine_as_test(
        Lived,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    return tally


@contextmanager
def walked_chain(kind: type[Walk]) -> Iterator[BareChain]:
    """A chain with the registry, for walks of this kind."""
    with bare_chain(CHAIN.number) as rpc:
        people = rpc("eth_accounts")
        deploy = "0x" + (artifact.SALT + artifact.load().creation_code).hex()
        rpc("anvil_mine", "0x2")
        transaction = {"from": people[0], "to": str(artifact.FACTORY), "data": deploy}
        rpc("eth_sendTransactionSync", transaction)
        rpc("anvil_setCode", hex0x(YES), YES_CODE)
        kind.rpc, kind.accounts = rpc, [bytes.fromhex(one[2:]) for one in people[:6]]
        yield rpc


@contextmanager
def lying_node() -> Iterator[None]:
    """A chain, and the node before it that lies to `live`."""
    with walked_chain(Lived) as rpc, proxied(rpc.url) as Lived.proxy:
        yield
