"""Several nodes that do not say the same of the block that an audit closes with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from audited_chain import META, Registry, audit_of, registry_chain
from rpc_proxy import Forward, Message, error, proxied

from registry.errors import NodeInconsistent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def chains() -> Iterator[tuple[Registry, Registry]]:
    """Two that began alike, and hold different anchors."""
    with registry_chain() as one, registry_chain() as other:
        for number, registry in enumerate((one, other), 1):
            issuer = registry.register(1)
            registry.do(1, "anchor", issuer, bytes([number]) * 32, 5, META)
            registry.settle()
        yield one, other


def test_a_node_on_another_chain_is_outvoted_and_named(
    chains: tuple[Registry, Registry], tmp_path: Path
) -> None:
    one, other = chains
    with proxied(one.rpc.url) as again:
        nodes = other.rpc.url, one.rpc.url, again.url
        with audit_of(one, tmp_path / "store.db", *nodes) as audit:
            report = audit.run()
            batches = audit.store.db.execute("SELECT root FROM batch").fetchall()
    assert report.holds
    assert batches == [(bytes([1]) * 32,)]
    assert report.ground.names == nodes[1:]
    (warning,) = [one for one in report.findings if one.matter == "nodes-disagree"]
    assert warning.evidence["node"] == other.rpc.url
    assert warning.evidence["believed"] == str(report.block.hash)


def test_two_nodes_that_disagree_are_no_ground(
    chains: tuple[Registry, Registry], tmp_path: Path
) -> None:
    one, other = chains
    nodes = one.rpc.url, other.rpc.url
    with (
        audit_of(one, tmp_path / "store.db", *nodes) as audit,
        pytest.raises(NodeInconsistent, match="do not agree on block"),
    ):
        audit.run()


def test_a_node_that_proves_few_slots_at_once_is_asked_for_few(
    chains: tuple[Registry, Registry], tmp_path: Path
) -> None:
    def few(call: Message, _forward: Forward) -> Message | None:
        if call["method"] == "eth_getProof" and len(call["params"][1]) > 1:
            return error(call, "too many keys")
        return None

    with proxied(chains[0].rpc.url) as proxy:
        proxy.rules.append(few)
        with audit_of(chains[0], tmp_path / "store.db", proxy.url) as audit:
            report = audit.run()
        asked = [len(one["params"][1]) for one in proxy.calls if one["method"] == "eth_getProof"]
    assert report.holds
    assert report.ground.proven
    assert report.scope.state.records == report.scope.state.of == 2
    assert max(asked) == 2
