"""A random walk of the engine through everything that happens to it, held against a model.

What the model knows it has from those who ask the service, from its own eyes on the database and
from the chain. A walk ends with a time without faults, in which everything must come to rest.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
import sys
from collections import Counter
from typing import TYPE_CHECKING, ClassVar
from unittest import mock

from breaking import FaultyDatabase, HastyDatabase, Layer, Mode, Plan
from campaign import settled
from census import census
from desks import CHAIN, REGISTRY, add, anchors, new_line, quick
from engine_ground import Clock, Ground, WatchedNode, moves
from engine_model import Model
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import select

from anchor_service import anchoring, batch_store, changes, contract, inclusions, store, watching
from anchor_service.chain import Chain
from anchor_service.errors import LeaseLost, ServiceError, StateMoved
from anchor_service.fees import GWEI, Fees
from anchor_service.lifecycle import BatchState, Moment
from anchor_service.schedule import ALL
from anchor_service.schema import intent
from registry.errors import ChainError
from registry.events import StatusChange
from registry.rpc import Node
from registry.storage import decode_word, lane_status, word_and_lane, word_slot
from registry.values import Address, CredentialDigest

if TYPE_CHECKING:
    from collections.abc import Callable

    from bare_chain import BareChain

    from anchor_service.anchoring import Line
    from anchor_service.batch_store import Batch

CAP = 1000 * GWEI
NORMAL = GWEI
_ROUNDS = 80
_LEASE_S = 31


class _Killed(BaseException):
    """Ends what runs, as a power cut would."""


class Walk(RuleBasedStateMachine):
    """ground: where it walks. done: how often each thing was done; settled: walks that ended."""

    ground: ClassVar[Ground]
    done: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.restarted = False
        self.snapshot = self.rpc("evm_snapshot")
        self.rpc("evm_setAutomine", False)
        self._calm()
        self.base = self._head()
        file = self.ground.folder / f"walk-{secrets.token_hex(6)}.db"
        shutil.copyfile(self.ground.folder / "template.db", file)
        self.clock = Clock()
        self.patch = mock.patch("time.time", self.clock)
        self.patch.start()
        self.plan, self.model = Plan(), Model()
        self.eyes = HastyDatabase(f"sqlite:///{file}")
        self.database = FaultyDatabase(f"sqlite:///{file}", self.plan)
        self.node = WatchedNode(self.rpc.url, self.plan, self.eyes, self.model.sent)
        self.line: Line | None = None
        self.at: tuple[Moment, Callable[[], None]] | None = None
        self.trouble = ""

    @property
    def rpc(self) -> BareChain:
        """Of the node as it runs now."""
        return self.ground.rpc

    # What people ask for.

    @rule(number=st.integers(1, 3), again=st.booleans())
    def add(self, number: int, again: bool) -> None:
        start = max(0, len(self.model.digests) - (1 if again else 0))
        names = [f"c{start + one}" for one in range(number)]
        add(self.eyes, *names)
        for name in names:
            raw = b'{"id":"%s"}' % name.encode()
            self.model.digests[name] = CredentialDigest(hashlib.sha256(raw).digest())

    @precondition(lambda self: self.model.digests)
    @rule(which=st.integers(0, 5), kind=st.sampled_from(StatusChange))
    def wish(self, which: int, kind: StatusChange) -> None:
        name = list(self.model.digests)[which % len(self.model.digests)]
        with self.eyes.write() as connection:
            row = store.find(connection, name).row
            (number,) = changes.want(connection, kind, [row], int(self.clock.now))
        self.model.wishes.setdefault(name, []).append((kind, number))

    # What the worker does.

    @rule()
    def seal(self) -> None:
        self._work("seal", anchoring.seal_open)

    @rule(seconds=st.sampled_from((0, 1, 20, 60)), patient=st.booleans())
    def step(self, seconds: int, patient: bool) -> None:
        self.clock.now += seconds
        due = ALL.but_sealing()
        self._work("step", lambda line: anchoring.advance([line], [due], patient=patient))

    @rule(all_week=st.booleans())
    def look(self, all_week: bool) -> None:
        self._work("look", lambda line: watching.look([line], all_week=all_week))

    def _work(self, name: str, act: Callable[[Line], object]) -> None:
        """As a post does: whatever the trouble, it begins anew."""
        self.done[name] += 1
        before = self.line
        try:
            if self.line is None:
                self.line = self._new_line()
            act(self.line)
        except StateMoved:
            raise
        except (ServiceError, ChainError) as error:
            self.done[type(error).__name__] += 1
            self.trouble = str(error)
            self.line = self.line if self.line is not before else None
        except _Killed:
            self.done["killed"] += 1
            self.line = None

    def _new_line(self) -> Line:
        limits = quick(max_fee=CAP, resend=15.0, raise_after=45)
        return new_line(
            self.database,
            Chain(self.node, CHAIN),
            self.ground.key,
            self.ground.issuer_id,
            limits=limits,
            watch=self._watch,
        )

    def _watch(self, moment: Moment) -> None:
        if self.at is not None and self.at[0] is moment:
            _, act = self.at
            self.at = None
            act()

    # What befalls it.

    @rule(
        layer=st.sampled_from(Layer),
        after=st.integers(1, 6),
        mode=st.sampled_from((Mode.NOT_DONE, Mode.DONE_BUT_LOST)),
    )
    def fail(self, layer: Layer, after: int, mode: Mode) -> None:
        """One write or question of the next few."""
        self.done[f"{layer.value}, {mode.value}"] += 1
        self.plan.layer, self.plan.mode = layer, mode
        self.plan.number = self.plan.counted[layer] + after

    @rule(moment=st.sampled_from(Moment))
    def kill_at(self, moment: Moment) -> None:
        def kill() -> None:
            raise _Killed

        self.at = (moment, kill)

    @rule()
    def kill(self) -> None:
        self.line = None

    @rule(moment=st.sampled_from(Moment))
    def take_over_at(self, moment: Moment) -> None:
        """The lease runs out just then: another works, and then the first goes on."""

        def other() -> None:
            self.done["taken over"] += 1
            self.clock.now += _LEASE_S
            first = self.line
            try:
                self.line = self._new_line()
                anchoring.advance([self.line], [ALL.but_sealing()])
            except (LeaseLost, ChainError, ServiceError):
                self.line = first

        self.at = (moment, other)

    @rule(blocks=st.integers(1, 3))
    def mine(self, blocks: int) -> None:
        self.rpc("anvil_mine", hex(blocks))

    @rule(depth=st.integers(1, 8))
    def reorganise(self, depth: int) -> None:
        depth = min(depth, self._head() - self.base)
        if depth > 0:
            self.done["reorganised"] += 1
            self.model.reorganised = True
            self.rpc("anvil_reorg", depth, [])

    @rule()
    def drop(self) -> None:
        self.done["pool dropped"] += 1
        self.rpc("anvil_dropAllTransactions")

    @rule(times=st.sampled_from((2, 2000)))
    def spike(self, times: int) -> None:
        """Gas dearer, also above what the service may pay."""
        self.done["spike"] += 1
        self.rpc("anvil_setNextBlockBaseFeePerGas", hex(times * NORMAL))
        self.rpc("anvil_mine", "0x1")

    @rule()
    def calm(self) -> None:
        self._calm()

    @rule()
    def steal(self) -> None:
        """Another program with the same key uses its next nonce."""
        self.done["nonce stolen"] += 1
        self._send_past(self.ground.key.address, b"", own=True)

    @precondition(lambda self: self.model.seals)
    @rule(which=st.integers(0, 3))
    def anchor_past(self, which: int) -> None:
        """The issuer's owner anchors what is sealed."""
        with Node(self.rpc.url) as node:
            there = {log.topics[2] for log in anchors(node, self.ground.issuer_id)}
        batches = [one for one in self._batches() if bytes(one.root) not in there]
        if batches:
            self.done["anchored by another"] += 1
            one = batches[which % len(batches)]
            data = contract.anchor(one.issuer_id, one.root, one.size, one.meta_hash)
            self._send_past(REGISTRY, data, own=False)

    @rule(empty=st.booleans())
    def fund(self, empty: bool) -> None:
        self.done["out of funds"] += empty
        self._fund(0 if empty else 10**20)

    @precondition(lambda self: not self.restarted)
    @rule(chance=st.integers(0, 3))
    def restart_node(self, chance: int) -> None:
        if not chance:
            self.done["node restarted"] += 1
            self.restarted = True
            self.ground.restart()
            # Of older blocks anvil has kept the accounts, but no code.
            self.base = self._head()

    def _calm(self) -> None:
        self.rpc("anvil_setNextBlockBaseFeePerGas", hex(NORMAL))
        self.rpc("anvil_mine", "0x1")

    def _fund(self, wei: int) -> None:
        self.rpc("anvil_setBalance", str(self.ground.key.address), hex(wei))

    def _head(self) -> int:
        return int(str(self.rpc("eth_blockNumber")), 16)

    def _send_past(self, to: Address, data: bytes, *, own: bool) -> None:
        """Mined with the next block, dear enough to push what waits at that nonce aside."""
        key = self.ground.key if own else self.ground.owner
        nonce = int(str(self.rpc("eth_getTransactionCount", str(key.address), "latest")), 16)
        fees = Fees(10 * CAP, 10 * GWEI)
        raw, _ = key.sign(CHAIN, nonce, to, data, 1_000_000, fees)
        if own:
            self._fund(10**21)
        self.rpc("eth_sendRawTransaction", "0x" + raw.hex())
        self.rpc("anvil_mine", "0x1")

    # What must hold at each moment.

    @invariant()
    def holds(self) -> None:
        self.moves_as_the_design_has_it()
        self.a_seal_never_changes()
        self.the_chain_holds_what_was_sealed_once()

    def moves_as_the_design_has_it(self) -> None:
        new = moves(self.eyes, len(self.model.seen))
        self.model.seen += new
        for one in new:
            assert self.model.may(one), one

    def a_seal_never_changes(self) -> None:
        for one in self._batches():
            seal = (one.root, one.size, one.meta_hash, one.issuer_id)
            assert self.model.seals.setdefault(one.id, seal) == seal
        with self.eyes.read() as connection:
            for found in store.all_stored(connection):
                if found.index is not None:
                    place = (found.batch, found.index)
                    assert self.model.placed.setdefault(found.digest, place) == place

    def the_chain_holds_what_was_sealed_once(self) -> None:
        with Node(self.rpc.url) as node:
            logs = anchors(node, self.ground.issuer_id)
        times = Counter(log.topics[2] for log in logs)
        roots = {bytes(one.root) for one in self._batches()}
        assert set(times) <= roots, "an anchor that no batch has"
        assert set(times.values()) <= {1}
        with self.eyes.read() as connection:
            numbers = connection.execute(
                select(intent.c.nonce, intent.c.batch).where(intent.c.state == "FINAL")
            ).all()
        assert len({row.nonce for row in numbers}) == len(numbers)
        finals = Counter(row.batch for row in numbers if row.batch is not None)
        assert set(finals.values()) <= {1}, "two transactions of one batch are final"

    def _batches(self) -> list[Batch]:
        with self.eyes.read() as connection:
            return batch_store.sealed_batches(connection)

    # How it ends.

    def teardown(self) -> None:
        failing = sys.exc_info()[0] is not None
        try:
            if not failing:
                self._comes_to_rest()
                self.done["walks"] += 1
        finally:
            self.patch.stop()
            self.node.close()
            self.database.close()
            self.eyes.close()
            if self.restarted or not self.rpc("evm_revert", self.snapshot):
                self.ground.again()
            self.rpc("anvil_dropAllTransactions")

    def _comes_to_rest(self) -> None:
        self.plan.layer = self.at = None
        self._calm()
        self._fund(10**20)
        for _ in range(_ROUNDS):
            self.clock.now += 60
            self._work("round", self._round)
            self.moves_as_the_design_has_it()
            if not self.model.digests or settled(self.eyes):
                break
        else:
            raise AssertionError(f"it does not come to rest: {self.trouble}")
        self._work("look", lambda line: watching.look([line]))
        self.holds()
        self._ends_well()

    def _round(self, line: Line) -> None:
        anchoring.advance([line], [ALL], patient=False)
        self.rpc("anvil_mine", "0x3")
        watching.look([line])

    def _ends_well(self) -> None:
        wanted = self.model.digests
        with Node(self.rpc.url) as node, self.eyes.read() as connection:
            found = census(node, connection, self.ground.issuer_id, list(wanted.values()))
            assert found.clean, found
            rows = connection.execute(intent.select()).all()
            assert {row.state for row in rows} <= {"FINAL", "SPENT"}, rows
            chain = Chain(node, CHAIN)
            for one in batch_store.sealed_batches(connection):
                assert one.state is BatchState.FINAL
                (log,) = [log for log in anchors(node, one.issuer_id) if log.topics[2] == one.root]
                held = inclusions.get_inclusion(connection, batch_id=one.id)
                assert held is not None
                assert (held.tx_hash, held.block_hash) == (log.tx_hash, log.block_hash)
                for placed in store.placed(connection, one.id):
                    word, lane = word_and_lane(placed.index)
                    slot = word_slot(one.issuer_id, one.root, word)
                    (value,) = chain.storage(REGISTRY, [slot])
                    status = lane_status(decode_word(value), lane)
                    name = placed.credential_id or ""
                    assert status in self.model.statuses(name), (name, status, self.model.wishes)
