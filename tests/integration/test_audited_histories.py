"""Audits of random histories of many issuers, against the reference model and each other."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from contract_views import REGISTRY, ROOTS
from contract_walk import CHAIN, NOBODYS, Walk
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import initialize, run_state_machine_as_test
from lying_campaign import walked_chain

from registry.auditing.audit import Audit, AuditRequest
from registry.nodes.log_reader import Pace
from registry.nodes.rpc import Node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bare_chain import BareChain
    from reference_model import Issuer

    from registry.auditing.audit_report import AuditReport

ISSUERS = 12
EVEN = (2**256 - 1) // 3


@pytest.fixture(scope="module")
def chain() -> Iterator[BareChain]:
    with walked_chain(Crowd) as rpc:
        yield rpc


class Crowd(Walk):
    """A dozen issuers from the start, each of which any step may concern."""

    @initialize()
    def begin(self) -> None:
        super().begin()
        for number in range(ISSUERS - len(self.model.issuers)):
            owner, salt = self.accounts[number % 5], bytes([2 + number // 5]) * 32
            self.do("register", owner, salt, bytes(32), b"")
            issuer_id = self.model.issuer_id_of(owner, salt)
            self.do("anchor", owner, issuer_id, ROOTS[1], 130, bytes(32))

    def issuer(self, number: int) -> bytes:
        known = list(self.model.issuers)
        if number == NOBODYS or not known:
            return bytes(32)
        return known[(number + 5 * len(self.logs)) % len(known)]

    def teardown(self) -> None:
        try:
            self.audits()
        finally:
            self.rpc("evm_revert", self.snapshot)

    def audits(self) -> None:
        """At once, and in three parts: the same rows, and what the model says."""
        self.rpc("anvil_mine", hex(3))
        last = int(self.rpc("eth_getBlockByNumber", "finalized", False)["number"], 16)
        with TemporaryDirectory() as folder:
            rows, report = self.audit(Path(folder) / "once.db", None)
            for to in (last // 2, 2 * last // 3, None):
                parts, _ = self.audit(Path(folder) / "parts.db", to)
        assert parts == rows
        assert report.scope.logs == len(self.logs)
        assert report.scope.state.records == report.scope.state.of
        found = {bytes(one.issuer_id): one for one in report.issuers}
        assert set(found) == set(self.model.issuers)
        for issuer_id, issuer in self.model.issuers.items():
            one = found[issuer_id]
            assert (one.operations, bytes(one.owner)) == (issuer.operations, issuer.owner)
            assert one.history == "0x" + issuer.history.hex()
            assert one.leaves == sum(batch.size for batch in issuer.batches.values())
            assert (one.batches, one.suspended, one.revoked) == counted(issuer)

    def audit(self, store: Path, to: int | None) -> tuple[list[tuple[object, ...]], AuditReport]:
        now = int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        request = AuditRequest(
            CHAIN, REGISTRY, store, 1, now, to=to, sample=None, pace=Pace(first_span=5)
        )
        audit = Audit(request, [partial(Node, self.rpc.url)])
        try:
            report = audit.run()
            rows = list(audit.store.rows())
        finally:
            audit.close()
        assert report.holds, [one for one in report.findings if one.severity == "error"]
        return rows, report


def counted(issuer: Issuer) -> tuple[int, int, int]:
    """Batches, and leaves that are suspended and revoked."""
    suspended = revoked = 0
    for batch in issuer.batches.values():
        if batch.revoked:
            revoked += batch.size
            continue
        for word in batch.words.values():
            revoked += (word >> 1 & EVEN).bit_count()
            suspended += (word & EVEN & ~(word >> 1)).bit_count()
    return len(issuer.batches), suspended, revoked


def live(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Crowd,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.usefixtures("chain")
def test_a_crowds_history_is_audited_as_the_model_has_it() -> None:
    live(examples=4, steps=50)


@pytest.mark.long
@pytest.mark.usefixtures("chain")
@pytest.mark.parametrize("_campaign", range(4))
def test_long_histories_of_a_crowd_are_audited_as_the_model_has_them(_campaign: int) -> None:
    live(examples=25, steps=300)
