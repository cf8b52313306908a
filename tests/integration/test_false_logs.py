"""Several operations of an issuer in one block: the very one that a node lies about is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from audited_chain import META, Registry, audit_of, registry_chain
from contract_views import REGISTRY
from lies import errors, issuer_of, operation_of, serve
from rpc_proxy import error, proxied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lies import LogJson
    from rpc_proxy import Forward, Message

ROOTS = [bytes([number]) * 32 for number in (1, 2, 3)]
FIRST, LAST = 5, 7
"""The operations of one block."""


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    """Registered, three anchors, three changes in one transaction, one more."""
    with registry_chain() as registry:
        issuer = registry.register(1)
        for root in ROOTS:
            registry.do(1, "anchor", issuer, root, 5, META)
        registry.do(1, "change_statuses", issuer, 0, [(root, [(0, 1)]) for root in ROOTS])
        registry.do(1, "change_status", issuer, ROOTS[0], 0, [(0, 4)])
        registry.settle()
        yield registry


def swapped(logs: list[LogJson], one: int, other: int) -> list[LogJson]:
    """What two operations say, each in the other's place."""
    told = list(logs)
    for here, there in ((one - 1, other - 1), (other - 1, one - 1)):
        told[here] = {**logs[here], **{name: logs[there][name] for name in ("topics", "data")}}
    return told


def altered(logs: list[LogJson], number: int) -> list[LogJson]:
    """Another lane is changed than was."""
    told = {**logs[number - 1], "data": logs[number - 1]["data"][:-1] + "4"}
    return [*logs[: number - 1], told, *logs[number:]]


LIES: dict[str, Callable[[list[LogJson], int], list[LogJson]]] = {
    "missing-log": lambda logs, number: [*logs[: number - 1], *logs[number:]],
    "altered-log": altered,
    "reordered-log": lambda logs, number: swapped(logs, number, LAST + 1),
}


@pytest.mark.parametrize("matter", LIES)
@pytest.mark.parametrize("number", range(FIRST, LAST + 1))
def test_the_false_one_of_a_blocks_operations_is_named(
    registry: Registry, tmp_path: Path, matter: str, number: int
) -> None:
    logs = logs_of(registry)
    (found,) = audited(registry, tmp_path, serve(LIES[matter](logs, number)))
    assert (found.matter, found.operation, found.block) == (matter, number, block_of(logs[4]))
    assert found.issuer_id == issuer_of(logs[number - 1])
    assert found.sentence.startswith("the node ")
    assert f": operation {number} in block" in found.sentence


def test_without_receipts_as_many_are_named_as_it_may_be(
    registry: Registry, tmp_path: Path
) -> None:
    def none(call: Message, _forward: Forward) -> Message | None:
        if call.get("method") == "eth_getTransactionReceipt":
            return error(call, "pruned")
        return None

    logs = logs_of(registry)
    (found,) = audited(registry, tmp_path, serve(altered(logs, 6)), none)
    assert (found.operation, found.block) == (FIRST, block_of(logs[4]))
    assert f": one of operations {FIRST} to {LAST} in block" in found.sentence


def test_receipts_that_tell_the_same_lie_are_not_believed(
    registry: Registry, tmp_path: Path
) -> None:
    logs = logs_of(registry)
    told = altered(logs, 6)

    def same(call: Message, forward: Forward) -> Message | None:
        if call.get("method") != "eth_getTransactionReceipt":
            return None
        answer = forward(call)
        of_it = [one for one in told if one["transactionHash"] == call["params"][0]]
        return {**answer, "result": {**answer["result"], "logs": of_it}}

    (found,) = audited(registry, tmp_path, serve(told), same)
    assert f": one of operations {FIRST} to {LAST} in block" in found.sentence


def logs_of(registry: Registry) -> list[LogJson]:
    query = {"address": str(REGISTRY), "fromBlock": "0x0"}
    logs: list[LogJson] = registry.rpc("eth_getLogs", query)
    assert [operation_of(log) for log in logs] == list(range(1, LAST + 2))
    assert len({log["blockNumber"] for log in logs[FIRST - 1 : LAST]}) == 1
    return logs


def block_of(log: LogJson) -> int:
    return int(log["blockNumber"], 16)


def audited(registry: Registry, folder: Path, *rules: Any) -> list[Any]:
    with proxied(registry.rpc.url) as proxy:
        proxy.rules.extend(rules)
        with audit_of(registry, folder / "store.db", proxy.url) as audit:
            return errors(audit.run())
