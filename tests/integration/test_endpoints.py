"""Several nodes as one: who is down, behind, elsewhere or lying is named and not believed."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from campaign import fill, settled
from databases import new_sqlite
from desks import CHAIN, FEES, REGISTRY, add, memory_chain, new_issuer, new_key, open_line, quick
from rpc_proxy import RpcProxy, altered, done_but_lost, error, limited, proxied, result

from anchor_service.engine import anchoring, watching
from anchor_service.engine.chain import Chain
from anchor_service.engine.endpoints import Pool
from anchor_service.engine.schedule import ALL
from anchor_service.errors import Blocked
from anchor_service.store import batch_store
from anchor_service.store.broadcasts import Broadcast
from anchor_service.store.lifecycle import BatchState
from registry.errors import NodeRefused, NodeUnreachable
from registry.nodes.rpc import Node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from registry.formats.strict_json import JsonObject

NOWHERE = "http://127.0.0.1:9/secret-key"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with memory_chain() as found, Node(found) as node:
        node.call("anvil_mine", ["0x10"])
        yield found


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Nodes:
    proxies: list[RpcProxy]
    pool: Pool
    clock: Clock

    def faults(self) -> list[str | None]:
        return [one.fault for one in self.pool.health()]

    def asked(self, number: int, method: str) -> int:
        return sum(call["method"] == method for call in self.proxies[number].calls)


@contextmanager
def nodes(url: str, count: int) -> Iterator[Nodes]:
    clock = Clock()
    with ExitStack() as stack:
        proxies = [stack.enter_context(proxied(url)) for _ in range(count)]
        urls = [one.url for one in proxies]
        pool = stack.enter_context(Pool(urls, CHAIN, timeout_s=5, clock=clock))
        yield Nodes(proxies, pool, clock)


def test_reads_stay_with_one_node(url: str) -> None:
    with nodes(url, 3) as several:
        for _ in range(5):
            several.pool.call("eth_gasPrice", [])
        assert [several.asked(n, "eth_gasPrice") for n in range(3)] == [5, 0, 0]
        assert several.faults() == [None] * 3


def test_a_node_that_is_down_is_passed_over_named_and_looked_at_again(url: str) -> None:
    clock = Clock()
    with proxied(url) as proxy, Pool([NOWHERE, proxy.url], CHAIN, timeout_s=5, clock=clock) as pool:
        assert pool.call("eth_chainId", []) == hex(CHAIN.number)
        first, second = pool.health()
        assert "http://127.0.0.1:9" in str(first.fault)
        assert "secret-key" not in repr(pool.health())
        assert second.fault is None


def test_a_node_that_fails_in_between_hands_over(url: str) -> None:
    with nodes(url, 2) as several:
        several.pool.call("eth_gasPrice", [])
        several.proxies[0].rules.append(limited(429, times=2))
        several.pool.call("eth_gasPrice", [])
        assert "HTTP 429" in str(several.faults()[0])
        several.clock.now += 3
        several.pool.call("eth_gasPrice", [])
        # It was asked again, and refused again: the next pause is longer.
        several.clock.now += 3
        several.pool.call("eth_gasPrice", [])
        assert several.faults()[0] is not None
        several.clock.now += 3
        several.pool.call("eth_gasPrice", [])
        assert several.faults() == [None, None]


def test_no_node_at_all_says_so_of_each() -> None:
    with (
        Pool([NOWHERE, "http://127.0.0.1:10"], CHAIN, timeout_s=5) as pool,
        pytest.raises(NodeUnreachable, match=r"127.0.0.1:9.*; .*127.0.0.1:10"),
    ):
        pool.call("eth_chainId", [])


def test_a_node_of_another_chain_is_named_and_gets_nothing(url: str) -> None:
    with nodes(url, 2) as several:
        several.proxies[0].rules.append(altered("eth_chainId", lambda _: "0x1"))
        several.pool.call("eth_gasPrice", [])
        assert "serves eip155:1, the settings name eip155:31337" in str(several.faults()[0])
        with pytest.raises(NodeRefused):
            several.pool.call("eth_sendRawTransaction", ["0x02"])
        assert several.asked(0, "eth_sendRawTransaction") == 0
        assert several.asked(1, "eth_sendRawTransaction") == 1


def test_where_all_are_elsewhere_it_blocks(url: str) -> None:
    with nodes(url, 2) as several:
        for one in several.proxies:
            one.rules.append(altered("eth_chainId", lambda _: "0x1"))
        with pytest.raises(Blocked, match="correct"):
            several.pool.call("eth_gasPrice", [])


def _changed(of: str, member: str, value: str) -> Any:
    """A block with one member changed, where that block is asked for."""

    def rule(call: dict[str, Any], forward: Any) -> dict[str, Any] | None:
        if call["method"] != "eth_getBlockByNumber" or call["params"][0] != of:
            return None
        answer: dict[str, Any] = forward(call)
        return {**answer, "result": {**answer["result"], member: value}}

    return rule


def test_a_chain_that_began_otherwise_is_outvoted(url: str) -> None:
    with nodes(url, 3) as several:
        several.proxies[0].rules.append(_changed("0x0", "hash", "0x" + "11" * 32))
        several.pool.call("eth_gasPrice", [])
        assert "began with another block" in str(several.faults()[0])
        assert several.faults()[1:] == [None, None]


def test_of_two_that_disagree_the_first_named_is_believed(url: str) -> None:
    with nodes(url, 2) as several:
        several.proxies[1].rules.append(_changed("0x0", "hash", "0x" + "11" * 32))
        several.pool.call("eth_gasPrice", [])
        assert several.faults()[0] is None
        assert "began with another block" in str(several.faults()[1])


def test_a_node_that_lags_is_not_read_and_still_sent_to(url: str) -> None:
    with nodes(url, 2) as several:
        several.proxies[0].rules.append(altered("eth_blockNumber", lambda _: "0x2"))
        several.pool.call("eth_gasPrice", [])
        assert "at block 2, the others are at" in str(several.faults()[0])
        assert several.asked(0, "eth_gasPrice") == 0
        with pytest.raises(NodeRefused):
            several.pool.call("eth_sendRawTransaction", ["0x02"])
        assert several.asked(0, "eth_sendRawTransaction") == 1


def test_a_boaster_among_three_makes_nobody_a_laggard(url: str) -> None:
    with nodes(url, 3) as several:
        several.proxies[0].rules.append(altered("eth_blockNumber", lambda _: "0xffffff"))
        several.pool.call("eth_gasPrice", [])
        assert several.faults()[1:] == [None, None]


def test_a_node_on_a_fork_is_named(url: str) -> None:
    with Node(url) as node, nodes(url, 3) as several:
        height = int(str(node.call("eth_blockNumber", [])), 16)
        several.proxies[0].rules.append(_changed(hex(height - 2), "hash", "0x" + "22" * 32))
        several.pool.call("eth_gasPrice", [])
        assert "is not that of the others" in str(several.faults()[0])


def test_a_refusal_is_an_answer_and_a_limit_is_not(url: str) -> None:
    with nodes(url, 2) as several:
        call: JsonObject = {"to": REGISTRY.to_hex(), "data": "0x01020304"}
        with pytest.raises(NodeRefused):
            several.pool.call("eth_estimateGas", [call])
        assert several.asked(1, "eth_estimateGas") == 0

        def busy(call: dict[str, Any], _: Any) -> dict[str, Any] | None:
            return error(call, "limit", -32005) if call["method"] == "eth_gasPrice" else None

        several.proxies[0].rules.append(busy)
        several.pool.call("eth_gasPrice", [])
        assert several.asked(1, "eth_gasPrice") == 1


def test_one_node_that_takes_a_transaction_is_enough(url: str) -> None:
    with Node(url) as node, nodes(url, 3) as several:
        key = new_key(node)
        raw, _ = key.sign(CHAIN, 0, key.address, b"", 21000, FEES)
        several.proxies[0].rules.append(done_but_lost("eth_sendRawTransaction"))

        def used(call: dict[str, Any], _: Any) -> dict[str, Any] | None:
            mine = call["method"] == "eth_sendRawTransaction"
            return error(call, "nonce too low") if mine else None

        several.proxies[1].rules.append(used)
        node.call("evm_setAutomine", [False])
        try:
            # Lost by the first, which had taken it; refused by the second; known to the third.
            assert Chain(several.pool, CHAIN).broadcast(raw) is Broadcast.TAKEN
        finally:
            node.call("evm_setAutomine", [True])
            node.call("anvil_mine", ["0x1"])
        assert [several.asked(n, "eth_sendRawTransaction") for n in range(3)] == [1, 1, 1]


def test_a_night_goes_well_though_one_node_is_down_one_lags_and_one_lies(
    url: str, tmp_path: Path
) -> None:
    database = new_sqlite(tmp_path / "issuer.db")
    fill(database)
    with Node(url) as node, nodes(url, 3) as several:
        liar, laggard, _ = several.proxies
        liar.rules.append(_changed("0x0", "hash", "0x" + "11" * 32))
        liar.rules.append(altered("eth_getTransactionReceipt", lambda _: None))
        laggard.rules.append(altered("eth_blockNumber", lambda _: "0x1"))
        key = new_key(node)
        issuer = new_issuer(node, key)
        with open_line(database, Chain(several.pool, CHAIN), key, issuer) as line:
            for _ in range(20):
                anchoring.advance([line], [ALL])
                node.call("anvil_mine", ["0x4"])
                watching.look([line])
        assert settled(database)
    database.close()


def test_nothing_is_final_while_the_nodes_disagree_on_its_block(url: str, tmp_path: Path) -> None:
    database = new_sqlite(tmp_path / "issuer.db")
    add(database, "one")
    with Node(url) as node, nodes(url, 2) as several:
        key = new_key(node)
        issuer = new_issuer(node, key)
        with open_line(database, Chain(several.pool, CHAIN), key, issuer, limits=quick()) as line:
            anchoring.seal_open(line)
            anchoring.submit(line)
            node.call("anvil_mine", ["0x8"])

            def forked(call: dict[str, Any], forward: Any) -> dict[str, Any] | None:
                if call["method"] != "eth_getBlockByNumber":
                    return None
                answer: dict[str, Any] = forward(call)
                return result(call, {**answer["result"], "hash": "0x" + "33" * 32})

            several.proxies[1].rules.append(forked)
            assert watching.look([line]) == (True, [])
            several.proxies[1].rules.clear()
            assert watching.look([line]) == (False, [])
        with database.read() as connection:
            (batch,) = batch_store.sealed_batches(connection)
        assert batch.state is BatchState.FINAL
    database.close()
