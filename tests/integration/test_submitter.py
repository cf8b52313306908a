"""Exactly one anchor, whatever fails and whenever: on a real chain and a real database."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from databases import new_sqlite
from desks import (
    CHAIN,
    REGISTRY,
    Fault,
    Killed,
    add,
    anchors,
    call_data,
    deployed_chain,
    new_issuer,
    new_key,
    open_line,
    quick,
    run,
    send,
    submit,
)
from eth_account import Account
from rpc_proxy import proxied, strict_pool
from sqlalchemy import select

from anchor_service.engine import anchoring, contract, watching
from anchor_service.engine.chain import Chain
from anchor_service.engine.contract import BatchMasks
from anchor_service.engine.keys import ChainKey
from anchor_service.engine.schedule import ALL
from anchor_service.engine.spending import spending
from anchor_service.errors import Blocked, StillPending
from anchor_service.store import batch_store, changes, inclusions, store
from anchor_service.store.lifecycle import BatchState, ChangeState, Moment, Reason
from anchor_service.store.schema import attempt, intent
from registry.errors import NodeUnreachable
from registry.formats.events import StatusChange
from registry.formats.storage import (
    Status,
    decode_word,
    lane_status,
    masks,
    word_and_lane,
    word_slot,
)
from registry.nodes.rpc import Node
from registry.values import ChainId, MetaHash
from registry.workspaces.devchain import DevChain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from anchor_service.engine.anchoring import Line
    from anchor_service.engine.submitter import Limits
    from anchor_service.store.batch_store import Batch
    from anchor_service.store.broadcasts import Broadcast
    from anchor_service.store.database import Database
    from registry.values import IssuerId


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with deployed_chain(tmp_path_factory.mktemp("chain")) as found:
        yield found


@pytest.fixture
def node(url: str) -> Iterator[Node]:
    with Node(url) as opened:
        yield opened
        opened.call("evm_setAutomine", [True])
        opened.call("anvil_mine", ["0x1"])


@dataclass
class Bench:
    """An issuer of its own with an empty database."""

    node: Node
    database: Database
    key: ChainKey
    issuer_id: IssuerId

    @property
    def chain(self) -> Chain:
        return Chain(self.node, CHAIN)

    def line(
        self,
        *,
        fault: Moment | None = None,
        limits: Limits | None = None,
        chain: Chain | None = None,
    ) -> AbstractContextManager[Line]:
        return open_line(
            self.database,
            chain or self.chain,
            self.key,
            self.issuer_id,
            limits=limits,
            fault=Fault(fault),
        )

    def batches(self) -> list[Batch]:
        with self.database.read() as connection:
            return batch_store.sealed_batches(connection)

    def the_batch(self) -> Batch:
        (batch,) = self.batches()
        return batch

    def intents(self) -> list[tuple[int, str]]:
        with self.database.read() as connection:
            query = select(intent.c.nonce, intent.c.state).order_by(intent.c.id)
            return [(row[0], row[1]) for row in connection.execute(query)]

    def attempts(self) -> list[tuple[int, int]]:
        with self.database.read() as connection:
            query = select(attempt.c.max_fee, attempt.c.tip).order_by(attempt.c.max_fee)
            return [(row[0], row[1]) for row in connection.execute(query)]

    def anchor(self, batch: Batch) -> bytes:
        return contract.anchor(batch.issuer_id, batch.root, batch.size, batch.meta_hash)

    def seal(self) -> Batch:
        with self.line() as line:
            anchoring.seal_open(line)
        return self.the_batch()

    def assert_anchored_once(self) -> None:
        batch = self.the_batch()
        assert batch.state is BatchState.FINAL
        (log,) = anchors(self.node, self.issuer_id)
        assert log.topics[2] == batch.root
        assert contract.size_and_meta_hash(log.data) == (batch.size, batch.meta_hash)
        with self.database.read() as connection:
            found = inclusions.get_inclusion(connection, batch_id=batch.id)
        assert found is not None
        assert (found.tx_hash, found.block_hash) == (log.tx_hash, log.block_hash)


@pytest.fixture
def bench(node: Node, tmp_path: Path) -> Iterator[Bench]:
    database = new_sqlite(tmp_path / "issuer.db")
    key = new_key(node)
    made = Bench(node, database, key, new_issuer(node, key))
    add(database, "one", "two", "three")
    yield made
    database.close()


def test_a_run_without_faults_ends_final(bench: Bench) -> None:
    with bench.line() as line:
        run(line)
        run(line)
    bench.assert_anchored_once()
    assert bench.intents() == [(1, "FINAL")]


@pytest.mark.parametrize("moment", [one for one in Moment if one is not Moment.FINAL])
def test_a_run_killed_after_any_moment_is_finished_by_the_next(
    bench: Bench, url: str, tmp_path: Path, moment: Moment
) -> None:
    account = Account.create()
    bench.key = ChainKey(account, CHAIN)
    bench.node.call("anvil_setBalance", [str(bench.key.address), hex(10**20)])
    bench.issuer_id = new_issuer(bench.node, bench.key)
    killed = subprocess.run(
        [
            sys.executable,
            str(Path(__file__).with_name("killed_run.py")),
            url,
            f"sqlite:///{tmp_path}/issuer.db",
            account.key.hex(),
            bench.issuer_id.to_hex(),
            moment,
        ],
        check=False,
    )
    assert killed.returncode == 9
    with bench.line() as line:
        run(line)
    bench.assert_anchored_once()
    assert bench.intents() == [(1, "FINAL")]


@pytest.mark.parametrize("moment", list(Moment))
def test_a_run_that_dies_by_an_error_is_finished_by_the_next(bench: Bench, moment: Moment) -> None:
    with pytest.raises(Killed), bench.line(fault=moment) as line:
        run(line)
    with bench.line() as line:
        run(line)
    bench.assert_anchored_once()


class Mute(Chain):
    """A node that takes transactions and loses the answer."""

    def broadcast(self, raw: bytes) -> Broadcast:
        super().broadcast(raw)
        raise NodeUnreachable("the connection broke")


def test_a_broadcast_that_failed_but_happened_is_found(bench: Bench) -> None:
    with bench.line(chain=Mute(bench.node, CHAIN)) as line:
        run(line)
    bench.assert_anchored_once()
    assert len(bench.attempts()) == 1


def test_a_transaction_that_waits_is_the_same_one_after_a_restart(bench: Bench) -> None:
    bench.node.call("evm_setAutomine", [False])
    for _ in range(2):
        with pytest.raises(StillPending), bench.line(limits=quick(patience=0.1)) as line:
            submit(line)
    assert bench.the_batch().state is BatchState.SUBMITTED
    bench.node.call("anvil_mine", ["0x1"])
    with bench.line() as line:
        run(line)
    bench.assert_anchored_once()
    assert len(bench.attempts()) == 1


def test_a_transaction_that_the_pool_dropped_is_sent_again(bench: Bench) -> None:
    bench.node.call("evm_setAutomine", [False])
    with pytest.raises(StillPending), bench.line(limits=quick(patience=0.1)) as line:
        submit(line)
    bench.node.call("anvil_dropAllTransactions", [])
    bench.node.call("evm_setAutomine", [True])
    with bench.line() as line:
        run(line)
    bench.assert_anchored_once()
    assert len(bench.attempts()) == 1


def test_a_replacement_keeps_the_nonce_and_raises_both_fees(bench: Bench) -> None:
    bench.node.call("evm_setAutomine", [False])
    limits = quick(patience=0.2, raise_after=0)
    with pytest.raises(StillPending), bench.line(limits=limits) as line:
        submit(line)
    fees = bench.attempts()
    assert len(fees) > 1
    for (cheap, cheap_tip), (dear, dear_tip) in pairwise(fees):
        assert 8 * dear >= 9 * cheap
        assert 8 * dear_tip >= 9 * cheap_tip
    bench.node.call("anvil_mine", ["0x1"])
    with bench.line() as line:
        run(line)
    bench.assert_anchored_once()
    assert bench.intents() == [(1, "FINAL")]


def test_no_replacement_passes_the_cap(bench: Bench) -> None:
    bench.node.call("evm_setAutomine", [False])
    market = bench.chain.market()
    cap = 3 * (market.base_fee + market.tip)
    limits = quick(patience=0.3, raise_after=0, max_fee=cap)
    with pytest.raises(StillPending), bench.line(limits=limits) as line:
        submit(line)
    assert max(fee for fee, _ in bench.attempts()) <= cap


def test_an_anchor_that_another_program_sent_is_adopted(bench: Bench) -> None:
    batch = bench.seal()
    send(bench.node, bench.key, REGISTRY, bench.anchor(batch))
    with bench.line() as line:
        run(line)
    bench.assert_anchored_once()
    assert bench.intents() == []


@pytest.mark.parametrize("killed_again", [False, True])
def test_a_signed_nonce_is_used_up_when_another_account_anchored_first(
    bench: Bench, killed_again: bool
) -> None:
    owner = bench.key
    delegate = new_key(bench.node)
    grant = call_data(
        "setDelegate(bytes32,address,uint8,uint40)", bench.issuer_id, delegate.address, 3, 2**40 - 1
    )
    send(bench.node, owner, REGISTRY, grant)
    bench.key = delegate
    with pytest.raises(Killed), bench.line(fault=Moment.SIGNED) as line:
        run(line)
    send(bench.node, owner, REGISTRY, bench.anchor(bench.the_batch()))
    if killed_again:
        with pytest.raises(Killed), bench.line(fault=Moment.SENT) as line:
            run(line)
    with bench.line() as line:
        run(line)
    bench.assert_anchored_once()
    assert bench.intents() == [(0, "SPENT")]
    assert bench.chain.nonce(delegate.address) == 1


def test_a_reserved_nonce_is_given_back_when_another_account_anchored_first(bench: Bench) -> None:
    with pytest.raises(Killed), bench.line(fault=Moment.RESERVED) as line:
        run(line)
    send(bench.node, bench.key, REGISTRY, bench.anchor(bench.the_batch()))
    with bench.line() as line:
        run(line)
    bench.assert_anchored_once()
    assert bench.intents() == []


def test_a_nonce_that_another_transaction_took_is_not_waited_for(bench: Bench) -> None:
    with pytest.raises(Killed), bench.line(fault=Moment.SIGNED) as line:
        run(line)
    send(bench.node, bench.key, bench.key.address, b"")
    with bench.line() as line:
        run(line)
    bench.assert_anchored_once()
    assert bench.intents() == [(1, "SPENT"), (2, "FINAL")]


@pytest.mark.parametrize(
    "difference", [{"size": 100}, {"meta_hash": MetaHash(bytes(32))}], ids=["size", "metaHash"]
)
def test_the_same_root_with_other_contents_is_a_conflict(
    bench: Bench, difference: dict[str, Any]
) -> None:
    other = replace(bench.seal(), **difference)
    send(bench.node, bench.key, REGISTRY, bench.anchor(other))
    with bench.line() as line:
        anchoring.submit(line)
    blocked = bench.the_batch()
    assert blocked.state is BatchState.BLOCKED
    assert blocked.reason is not None
    assert blocked.reason.startswith(Reason.CONFLICT)


def test_a_paused_issuer_blocks_until_it_is_unpaused(bench: Bench) -> None:
    send(bench.node, bench.key, REGISTRY, call_data("pause(bytes32)", bench.issuer_id))
    with bench.line() as line:
        submit(line)
    assert bench.the_batch().state is BatchState.BLOCKED
    assert "paused" in str(bench.the_batch().reason)
    assert bench.intents() == []
    send(bench.node, bench.key, REGISTRY, call_data("unpause(bytes32)", bench.issuer_id))
    with bench.line() as line:
        run(line)
    bench.assert_anchored_once()
    assert bench.the_batch().reason is None


def test_a_pause_between_signing_and_mining_blocks_with_its_reason(bench: Bench) -> None:
    delegate = new_key(bench.node)
    grant = call_data(
        "setDelegate(bytes32,address,uint8,uint40)", bench.issuer_id, delegate.address, 3, 2**40 - 1
    )
    owner, bench.key = bench.key, delegate
    send(bench.node, owner, REGISTRY, grant)
    with pytest.raises(Killed), bench.line(fault=Moment.SIGNED) as line:
        run(line)
    send(bench.node, owner, REGISTRY, call_data("pause(bytes32)", bench.issuer_id))
    with bench.line() as line:
        anchoring.submit(line)
    assert "paused" in str(bench.the_batch().reason)
    assert bench.intents() == [(0, "SPENT")]
    send(bench.node, owner, REGISTRY, call_data("unpause(bytes32)", bench.issuer_id))
    with bench.line() as line:
        run(line)
    bench.assert_anchored_once()


def test_an_account_without_rights_blocks(bench: Bench) -> None:
    bench.key = new_key(bench.node)
    with bench.line() as line:
        submit(line)
    assert str(bench.the_batch().reason).startswith(Reason.UNAUTHORISED)


def test_an_account_without_funds_blocks_and_says_which(bench: Bench) -> None:
    bench.node.call("anvil_setBalance", [str(bench.key.address), "0x1"])
    with bench.line() as line:
        submit(line)
    reason = str(bench.the_batch().reason)
    assert reason.startswith(Reason.FUNDS)
    assert str(bench.key.address) in reason


def test_a_price_over_the_cap_blocks_before_a_nonce_is_taken(bench: Bench) -> None:
    with bench.line(limits=quick(max_fee=1)) as line:
        submit(line)
    assert str(bench.the_batch().reason).startswith(Reason.FEE_CAP)
    assert bench.intents() == []


def test_another_chain_than_the_settings_name_is_refused(node: Node) -> None:
    other = ChainId(1)
    with pytest.raises(Blocked, match="eip155:31337") as caught:
        Chain(node, other).check()
    assert caught.value.reason is Reason.WRONG_CHAIN


def test_a_block_that_vanishes_takes_the_batch_back_and_it_is_sent_again(bench: Bench) -> None:
    with bench.line() as line:
        submit(line)
    assert bench.the_batch().state is BatchState.INCLUDED
    bench.node.call("anvil_reorg", [1, []])
    with bench.line() as line:
        with pytest.raises(StillPending, match="vanished"):
            watching.settle(line, 5)
        assert bench.the_batch().state is BatchState.SUBMITTED
        run(line)
    bench.assert_anchored_once()
    assert bench.intents() == [(1, "FINAL")]


def test_a_final_block_that_vanishes_is_noticed_within_the_week(bench: Bench) -> None:
    with bench.line() as line:
        run(line)
    assert bench.the_batch().state is BatchState.FINAL
    bench.node.call("anvil_reorg", [5, []])
    with bench.line() as line:
        with pytest.raises(StillPending, match="vanished"):
            watching.settle(line, 5)
        assert bench.the_batch().state is BatchState.SUBMITTED


def test_a_configured_depth_stands_for_the_finalized_tag(bench: Bench) -> None:
    with bench.line() as line:
        submit(line)
        deep = replace(line, desk=replace(line.desk, mine=None), finality_depth=6, poll=0.01)
        bench.node.call("anvil_mine", ["0x5"])
        assert not watching.settle(deep, 0)
        bench.node.call("anvil_mine", ["0x1"])
        assert watching.settle(deep, 0)


def statuses(bench: Bench) -> dict[str, Status]:
    with bench.database.read() as connection:
        rows = list(store.all_stored(connection))
        roots = {one.id: one.root for one in batch_store.sealed_batches(connection)}
    found = {}
    for one in rows:
        assert one.index is not None
        word, lane = word_and_lane(one.index)
        slot = word_slot(bench.issuer_id, roots[one.batch], word)
        (value,) = bench.chain.storage(REGISTRY, [slot])
        found[one.name] = lane_status(decode_word(value), lane)
    return found


def change(bench: Bench, kind: StatusChange, *names: str) -> list[tuple[ChangeState, str]]:
    with bench.database.write() as connection:
        rows = [store.find(connection, name).row for name in names]
        ids = changes.want(connection, kind, rows, 1)
    with bench.line() as line:
        anchoring.submit(line)
        assert watching.settle(line, 5)
    with bench.database.read() as connection:
        found = changes.states_of(connection, ids)
    return [found[one] for one in ids]


def test_changes_of_many_batches_take_one_transaction(bench: Bench) -> None:
    with bench.line() as line:
        run(line)
        add(bench.database, "four", "five")
        run(line)
    before = bench.chain.nonce(bench.key.address)
    done = change(bench, StatusChange.REVOKE, "one", "four")
    assert done == [(ChangeState.FINAL, "")] * 2
    assert bench.chain.nonce(bench.key.address) == before + 1
    assert statuses(bench) == {
        "one": Status.REVOKED,
        "two": Status.ACTIVE,
        "three": Status.ACTIVE,
        "four": Status.REVOKED,
        "five": Status.ACTIVE,
    }


def test_suspended_is_reversible_and_revoked_is_not(bench: Bench) -> None:
    with bench.line() as line:
        run(line)
    change(bench, StatusChange.SUSPEND, "one", "two")
    assert statuses(bench)["one"] is Status.SUSPENDED
    change(bench, StatusChange.REVOKE, "two")
    (one, two) = change(bench, StatusChange.REINSTATE, "one", "two")
    assert one == (ChangeState.FINAL, "")
    assert two == (ChangeState.DROPPED, "revoked already, which is final")
    assert statuses(bench)["one"] is Status.ACTIVE
    assert statuses(bench)["two"] is Status.REVOKED


def test_a_change_that_stands_already_costs_nothing(bench: Bench) -> None:
    with bench.line() as line:
        run(line)
    change(bench, StatusChange.SUSPEND, "one")
    before = bench.chain.nonce(bench.key.address)
    assert change(bench, StatusChange.SUSPEND, "one") == [(ChangeState.FINAL, "")]
    assert bench.chain.nonce(bench.key.address) == before


def test_a_change_that_stood_already_is_final_once_what_followed_it_is(bench: Bench) -> None:
    """The finalized block never shows it: the one after it came before."""
    with bench.line() as line:
        submit(line)
        back = want(bench, StatusChange.REINSTATE, "one")
        anchoring.advance([line], [ALL])
        assert states(bench, back) == [ChangeState.INCLUDED]
        again = want(bench, StatusChange.SUSPEND, "one")
        submit(line)
        assert watching.settle(line, 5)
    assert states(bench, [*back, *again]) == [ChangeState.FINAL] * 2
    assert statuses(bench)["one"] is Status.SUSPENDED


def test_a_change_whose_nonce_is_lost_is_not_made_after_what_followed_it(bench: Bench) -> None:
    """Both vanish, another takes the first one's nonce: the last that was asked for still holds."""
    with bench.line() as line:
        run(line)
        before = bench.chain.head().number
        wanted = want(bench, StatusChange.SUSPEND, "one")
        submit(line)
        wanted += want(bench, StatusChange.REINSTATE, "one")
        submit(line)
        assert states(bench, wanted) == [ChangeState.INCLUDED] * 2
        bench.node.call("anvil_reorg", [bench.chain.head().number - before, []])
        send(bench.node, bench.key, bench.key.address, b"")
        bench.node.call("evm_setAutomine", [False])
        watching.look([line])
        while bench.intents()[1] != (2, "SPENT"):
            anchoring.advance([line], [ALL])
        assert states(bench, wanted) == [ChangeState.DROPPED, ChangeState.SENT]
        bench.node.call("evm_setAutomine", [True])
        bench.node.call("anvil_mine", ["0x1"])
        submit(line)
        assert watching.settle(line, 5)
    assert states(bench, wanted) == [ChangeState.DROPPED, ChangeState.FINAL]
    assert statuses(bench)["one"] is Status.ACTIVE


def test_a_change_that_another_made_and_that_vanished_is_made_by_us(bench: Bench) -> None:
    with bench.line() as line:
        run(line)
        change_past(bench, StatusChange.SUSPEND, "one")
        wanted = want(bench, StatusChange.SUSPEND, "one")
        anchoring.advance([line], [ALL])
        assert states(bench, wanted) == [ChangeState.INCLUDED]
        bench.node.call("anvil_reorg", [1, []])
        watching.look([line])
        assert states(bench, wanted) == [ChangeState.WANTED]
        submit(line)
        assert watching.settle(line, 5)
    assert states(bench, wanted) == [ChangeState.FINAL]
    assert statuses(bench)["one"] is Status.SUSPENDED


def change_past(bench: Bench, kind: StatusChange, name: str) -> None:
    """Another program makes the change."""
    with bench.database.read() as connection:
        found = store.find(connection, name)
    assert found.index is not None
    listed = (BatchMasks(bench.the_batch().root, masks([found.index])),)
    call = contract.change_statuses(bench.issuer_id, kind, listed)
    send(bench.node, bench.key, REGISTRY, call)


def test_a_final_change_that_another_made_and_that_vanishes_is_made_by_us(bench: Bench) -> None:
    with bench.line() as line:
        run(line)
        before = bench.chain.head().number
        change_past(bench, StatusChange.SUSPEND, "one")
        wanted = want(bench, StatusChange.SUSPEND, "one")
        run(line)
        assert states(bench, wanted) == [ChangeState.FINAL]
        bench.node.call("anvil_reorg", [bench.chain.head().number - before, []])
        watching.look([line], all_week=False)
        assert states(bench, wanted) == [ChangeState.FINAL]
        with pytest.raises(StillPending, match="vanished"):
            watching.settle(line, 5)
        assert states(bench, wanted) == [ChangeState.WANTED]
        run(line)
    assert states(bench, wanted) == [ChangeState.FINAL]
    assert statuses(bench)["one"] is Status.SUSPENDED


def test_a_final_change_that_another_made_stands_whatever_block_vanishes_above_it(
    bench: Bench,
) -> None:
    """What another has changed since then, too: nobody asked us to undo that."""
    with bench.line() as line:
        run(line)
        change_past(bench, StatusChange.SUSPEND, "one")
        wanted = want(bench, StatusChange.SUSPEND, "one")
        run(line)
        change_past(bench, StatusChange.REINSTATE, "one")
        bench.node.call("anvil_mine", ["0x1"])
        bench.node.call("anvil_reorg", [1, []])
        assert watching.look([line]) == (False, [])
    assert states(bench, wanted) == [ChangeState.FINAL]
    assert statuses(bench)["one"] is Status.ACTIVE


def test_a_final_change_that_vanishes_is_sent_again(bench: Bench) -> None:
    with bench.line() as line:
        run(line)
        before = bench.chain.head().number
        wanted = want(bench, StatusChange.SUSPEND, "one")
        run(line)
        assert states(bench, wanted) == [ChangeState.FINAL]
        bench.node.call("anvil_reorg", [bench.chain.head().number - before, []])
        watching.look([line])
        assert states(bench, wanted) == [ChangeState.SENT]
        run(line)
    assert states(bench, wanted) == [ChangeState.FINAL]
    assert statuses(bench)["one"] is Status.SUSPENDED


def test_a_change_that_another_made_waits_for_the_configured_depth(bench: Bench) -> None:
    with bench.line() as line:
        run(line)
        change_past(bench, StatusChange.SUSPEND, "one")
        wanted = want(bench, StatusChange.SUSPEND, "one")
        anchoring.advance([line], [ALL])
        deep = replace(line, desk=replace(line.desk, mine=None), finality_depth=6)
        bench.node.call("anvil_mine", ["0x5"])
        assert watching.look([deep]) == (True, [])
        assert states(bench, wanted) == [ChangeState.INCLUDED]
        bench.node.call("anvil_mine", ["0x1"])
        assert watching.look([deep]) == (False, [])
    assert states(bench, wanted) == [ChangeState.FINAL]


@pytest.mark.parametrize("moment", [Moment.RESERVED, Moment.SIGNED, Moment.SENT, Moment.INCLUDED])
def test_a_killed_change_is_finished_by_the_next_run(bench: Bench, moment: Moment) -> None:
    with bench.line() as line:
        run(line)
    before = bench.chain.nonce(bench.key.address)
    with bench.database.write() as connection:
        row = store.find(connection, "one").row
        (wanted,) = changes.want(connection, StatusChange.REVOKE, [row], 1)
    with pytest.raises(Killed), bench.line(fault=moment) as line:
        anchoring.submit(line)
    with bench.line() as line:
        run(line)
    with bench.database.read() as connection:
        assert changes.states_of(connection, [wanted])[wanted][0] is ChangeState.FINAL
    assert bench.chain.nonce(bench.key.address) == before + 1
    assert statuses(bench)["one"] is Status.REVOKED


def want(bench: Bench, kind: StatusChange, *names: str) -> list[int]:
    with bench.database.write() as connection:
        rows = [store.find(connection, name).row for name in names]
        return changes.want(connection, kind, rows, 1)


def states(bench: Bench, ids: list[int]) -> list[ChangeState]:
    with bench.database.read() as connection:
        found = changes.states_of(connection, ids)
    return [found[one][0] for one in ids]


def test_a_reinstatement_on_its_way_is_cancelled_before_its_credential_is_suspended_again(
    bench: Bench,
) -> None:
    """The other credential that it would have reinstated is reinstated all the same."""
    with bench.line() as line:
        run(line)
    change(bench, StatusChange.SUSPEND, "one", "two")
    bench.node.call("evm_setAutomine", [False])
    back = want(bench, StatusChange.REINSTATE, "one", "two")
    with bench.line() as line:
        assert anchoring.advance([line], [ALL])
        assert states(bench, back) == [ChangeState.SENT] * 2
        again = want(bench, StatusChange.SUSPEND, "one")
        assert anchoring.advance([line], [ALL])
        # Nothing else is sent for the credential while its reinstatement may still land.
        assert states(bench, again) == [ChangeState.WANTED]
        bench.node.call("anvil_mine", ["0x1"])
        bench.node.call("evm_setAutomine", [True])
        submit(line)
        assert watching.settle(line, 5)
    assert statuses(bench)["one"] is Status.SUSPENDED
    assert statuses(bench)["two"] is Status.ACTIVE
    assert states(bench, back) == [ChangeState.DROPPED, ChangeState.FINAL]
    assert [state for _, state in bench.intents()] == ["FINAL", "FINAL", "SPENT", "FINAL"]
    assert states(bench, again) == [ChangeState.FINAL]


def test_a_reinstatement_that_lands_all_the_same_is_followed_by_the_suspension(
    bench: Bench,
) -> None:
    with bench.line() as line:
        run(line)
    change(bench, StatusChange.SUSPEND, "one")
    bench.node.call("evm_setAutomine", [False])
    want(bench, StatusChange.REINSTATE, "one")
    with bench.line() as line:
        assert anchoring.advance([line], [ALL])
        bench.node.call("anvil_mine", ["0x1"])
        bench.node.call("evm_setAutomine", [True])
        want(bench, StatusChange.SUSPEND, "one")
        submit(line)
        assert watching.settle(line, 5)
    assert statuses(bench)["one"] is Status.SUSPENDED


def test_a_nonce_that_a_reorganisation_frees_is_filled_with_what_was_stored(bench: Bench) -> None:
    """A transfer to ourselves and the anchor after it vanish together: both are sent again."""
    owner = bench.key
    delegate = new_key(bench.node)
    grant = call_data(
        "setDelegate(bytes32,address,uint8,uint40)", bench.issuer_id, delegate.address, 3, 2**40 - 1
    )
    send(bench.node, owner, REGISTRY, grant)
    bench.key = delegate
    with pytest.raises(Killed), bench.line(fault=Moment.SIGNED) as line:
        run(line)
    send(bench.node, owner, REGISTRY, bench.anchor(bench.the_batch()))
    with bench.line() as line:
        run(line)
    add(bench.database, "four")
    with bench.line() as line:
        submit(line)
        assert bench.chain.nonce(delegate.address) == 2
        depth = bench.chain.head().number - _block_of(bench, 1) + 1
        bench.node.call("anvil_reorg", [depth + _blocks_between(bench), []])
        assert bench.chain.nonce(delegate.address) == 0
        for _ in range(40):
            anchoring.advance([line], [ALL])
            assert line.desk.mine is not None
            line.desk.mine()
            watching.look([line])
    assert bench.chain.nonce(delegate.address) == 2
    assert {one.state for one in bench.batches()} == {BatchState.FINAL}
    assert len(anchors(bench.node, bench.issuer_id)) == 2


def _block_of(bench: Bench, nonce: int) -> int:
    with bench.database.read() as connection:
        query = select(intent.c.id).where(intent.c.nonce == nonce)
        found = inclusions.get_inclusion(connection, intent_id=connection.scalar(query))
    assert found is not None
    return found.block_number


def _blocks_between(bench: Bench) -> int:
    return _block_of(bench, 1) - _block_of(bench, 0)


def test_a_nonce_that_somebody_else_used_and_a_reorganisation_freed_is_filled(
    bench: Bench,
) -> None:
    """The stranger's transaction is gone, and ours at the next nonce must not wait for it."""
    send(bench.node, bench.key, bench.key.address, b"")
    with bench.line() as line:
        submit(line)
        assert bench.intents() == [(2, "INCLUDED")]
        bench.node.call("anvil_reorg", [2, []])
        assert bench.chain.nonce(bench.key.address) == 1
        for _ in range(20):
            watching.look([line])
            anchoring.advance([line], [ALL])
            assert line.desk.mine is not None
            line.desk.mine()
    bench.assert_anchored_once()
    assert sorted(bench.intents()) == [(1, "SPENT"), (2, "FINAL")]


def test_a_days_cap_counts_what_is_spent_and_what_is_on_its_way(bench: Bench) -> None:
    with bench.line() as line:
        run(line)
    with bench.database.read() as connection:
        spent = spending(connection, CHAIN, bench.key.address, int(time.time()))
    assert spent.spent > 0
    assert spent.committed == 0
    add(bench.database, "four")
    with bench.line(limits=quick(day_cap=spent.spent + 1)) as line:
        submit(line)
    reason = str(bench.batches()[-1].reason)
    assert reason.startswith(Reason.FEE_CAP)
    assert "day_cap_ether" in reason
    bench.node.call("evm_setAutomine", [False])
    with pytest.raises(StillPending), bench.line(limits=quick(patience=0.1)) as line:
        submit(line)
    with bench.database.read() as connection:
        now = spending(connection, CHAIN, bench.key.address, int(time.time()))
        tomorrow = spending(connection, CHAIN, bench.key.address, int(time.time()) + 86400)
    gas, (fee, _) = _gas_and_fees(bench)
    assert (now.spent, now.committed) == (spent.spent, gas * fee)
    assert (tomorrow.spent, tomorrow.committed) == (0, gas * fee)
    bench.node.call("anvil_mine", ["0x1"])
    with bench.line() as line:
        run(line)


def _gas_and_fees(bench: Bench) -> tuple[int, tuple[int, int]]:
    with bench.database.read() as connection:
        query = select(attempt.c.gas, attempt.c.max_fee, attempt.c.tip).order_by(attempt.c.signed)
        row = connection.execute(query).all()[-1]
    return row[0], (row[1], row[2])


def test_a_fee_spike_over_the_cap_blocks_and_the_same_is_sent_on_until_it_passes(
    bench: Bench,
) -> None:
    market = bench.chain.market()
    limits = quick(max_fee=3 * (market.base_fee + market.tip), raise_after=0, resend=0.0)
    bench.node.call("evm_setAutomine", [False])
    with bench.line(limits=limits) as line:
        anchoring.seal_open(line)
        anchoring.advance([line], [ALL])
        bench.node.call("anvil_setNextBlockBaseFeePerGas", [hex(50 * limits.max_fee)])
        bench.node.call("anvil_mine", ["0x1"])
        for _ in range(12):
            anchoring.advance([line], [ALL])
        blocked = bench.the_batch()
        assert blocked.state is BatchState.BLOCKED
        assert str(blocked.reason).startswith(Reason.FEE_CAP)
        assert max(fee for fee, _ in bench.attempts()) <= limits.max_fee
        bench.node.call("anvil_setNextBlockBaseFeePerGas", [hex(market.base_fee)])
        bench.node.call("anvil_mine", ["0x1"])
        bench.node.call("evm_setAutomine", [True])
        for _ in range(12):
            anchoring.advance([line], [ALL], patient=False)
            bench.node.call("anvil_mine", ["0x1"])
            watching.look([line])
    bench.assert_anchored_once()
    assert bench.intents() == [(1, "FINAL")]


def test_a_node_as_strict_as_geth_takes_every_replacement(bench: Bench, url: str) -> None:
    bench.node.call("evm_setAutomine", [False])
    with proxied(url) as proxy, Node(proxy.url) as strict:
        proxy.rules.append(strict_pool())
        limits = quick(patience=3.0, raise_after=0, resend=0.0)
        with (
            pytest.raises(StillPending),
            bench.line(limits=limits, chain=Chain(strict, CHAIN)) as line,
        ):
            submit(line)
        with bench.database.read() as connection:
            errors = connection.scalars(select(attempt.c.error)).all()
        assert len(errors) > 2
        assert set(errors) == {None}
        bench.node.call("anvil_mine", ["0x1"])
        with bench.line(chain=Chain(strict, CHAIN)) as line:
            run(line)
    bench.assert_anchored_once()


def test_a_node_that_restarts_in_between_is_gone_on_with(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "chain"
    database = new_sqlite(tmp_path / "issuer.db")
    add(database, "one", "two", "three")
    with deployed_chain(folder) as url, Node(url) as node:
        secret = Account.create()
        key = ChainKey(secret, CHAIN)
        node.call("anvil_setBalance", [str(key.address), hex(10**20)])
        issuer_id = new_issuer(node, key)
        time.sleep(1.5)  # anvil writes its state down once a second
        bench = Bench(node, database, key, issuer_id)
        with pytest.raises(Killed), bench.line(fault=Moment.SENT) as line:
            run(line)
    with DevChain(folder).use() as url, Node(url) as node:
        bench = Bench(node, database, key, issuer_id)
        with bench.line() as line:
            run(line)
        bench.assert_anchored_once()
    database.close()
