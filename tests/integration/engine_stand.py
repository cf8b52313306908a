"""Where a random walk stands: one issuer's database, worker and chain, and all that befalls them.

The model knows what was asked for from those who ask; what became of it is seen with eyes of its
own on the database, and on the chain.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from typing import TYPE_CHECKING
from unittest import mock

from breaking import FaultyDatabase, HastyDatabase, Layer, Mode, Plan
from desks import CHAIN, REGISTRY, add, anchors, new_line, quick
from engine_ground import Clock, Ground, WatchedNode
from engine_model import Model

from anchor_service.engine import anchoring, contract, watching
from anchor_service.engine.chain import Chain
from anchor_service.engine.contract import BatchMasks
from anchor_service.engine.fees import GWEI, Fees
from anchor_service.engine.schedule import ALL
from anchor_service.errors import ServiceError, StateMoved
from anchor_service.store import batch_store, changes, store
from registry.errors import ChainError
from registry.formats.events import StatusChange
from registry.formats.storage import masks
from registry.nodes.rpc import Node
from registry.values import Address, CredentialDigest

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from bare_chain import BareChain

    from anchor_service.engine.anchoring import Line
    from anchor_service.store.batch_store import Batch
    from anchor_service.store.lifecycle import Moment

CAP = 1000 * GWEI
NORMAL = GWEI
_LEASE_S = 31


class Killed(BaseException):
    """Ends what runs, as a power cut would."""


class Stand:
    """done: how often each thing was done, summed by whoever passes it in."""

    def __init__(self, ground: Ground, done: Counter[str]) -> None:
        self.ground, self.done = ground, done
        self.restarted = self.bare = False
        self.snapshot = self.rpc("evm_snapshot")
        self.rpc("evm_setAutomine", False)
        self.calm()
        self.base = self.head()
        file = ground.folder / f"walk-{secrets.token_hex(6)}.db"
        shutil.copyfile(ground.folder / "template.db", file)
        self.clock = Clock()
        self._patch = mock.patch("time.time", self.clock)
        self._patch.start()
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

    def leave(self) -> None:
        """The chain as it was at first."""
        self._patch.stop()
        self.node.close()
        self.database.close()
        self.eyes.close()
        if self.restarted or not self.rpc("evm_revert", self.snapshot):
            self.ground.again()
        self.rpc("anvil_dropAllTransactions")

    # What people ask for.

    def add(self, number: int, again: bool) -> None:
        start = max(0, len(self.model.digests) - (1 if again else 0))
        names = [f"c{start + one}" for one in range(number)]
        add(self.eyes, *names)
        for name in names:
            raw = b'{"id":"%s"}' % name.encode()
            self.model.digests[name] = CredentialDigest(hashlib.sha256(raw).digest())

    def wish(self, which: int, kind: StatusChange) -> None:
        name = list(self.model.digests)[which % len(self.model.digests)]
        with self.eyes.write() as connection:
            row = store.find(connection, name).row
            (number,) = changes.want(connection, kind, [row], int(self.clock.now))
        self.model.wishes.setdefault(name, []).append((kind, number))

    # What the worker does.

    def seal(self) -> None:
        self.work("seal", anchoring.seal_open)

    def step(self, seconds: int, patient: bool) -> None:
        self.clock.now += seconds
        due = ALL.but_sealing()
        self.work("step", lambda line: anchoring.advance([line], [due], patient=patient))

    def look(self, all_week: bool) -> None:
        self.work("look", lambda line: watching.look([line], all_week=all_week))

    def round(self, seconds: int, blocks: int) -> None:
        """As a post does it, on a chain that goes on."""

        def act(line: Line) -> None:
            anchoring.advance([line], [ALL], patient=False)
            self.rpc("anvil_mine", hex(blocks))
            watching.look([line])

        self.clock.now += seconds
        self.work("round", act)

    def work(self, name: str, act: Callable[[Line], object]) -> None:
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
        except Killed:
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

    def fail(self, layer: Layer, after: int, mode: Mode) -> None:
        """One write or question of the next few."""
        self.done[f"{layer.value}, {mode.value}"] += 1
        self.plan.layer, self.plan.mode = layer, mode
        self.plan.number = self.plan.counted[layer] + after

    def kill_at(self, moment: Moment) -> None:
        def kill() -> None:
            raise Killed

        self.at = (moment, kill)

    def kill(self) -> None:
        self.line = None

    def take_over_at(self, moment: Moment) -> None:
        """The lease runs out just then: another works, and then the first goes on."""

        def other() -> None:
            self.done["taken over"] += 1
            self.clock.now += _LEASE_S
            first = self.line
            try:
                self.line = self._new_line()
                anchoring.advance([self.line], [ALL.but_sealing()])
            except (ChainError, ServiceError):
                self.line = first

        self.at = (moment, other)

    def mine(self, blocks: int) -> None:
        self.rpc("anvil_mine", hex(blocks))

    def reorganise(self, depth: int) -> None:
        depth = min(depth, self.head() - self.base)
        if depth > 0:
            self.done["reorganised"] += 1
            self.model.reorganised = True
            self.rpc("anvil_reorg", depth, [])
            # Seen of anvil 1.7.1 on a state that it has loaded: accounts are there, code is not.
            self.bare = self.rpc("eth_getCode", str(REGISTRY), "latest") == "0x"
            self.done["left by the node without code"] += self.bare

    def drop(self) -> None:
        self.done["pool dropped"] += 1
        self.rpc("anvil_dropAllTransactions")

    def spike(self, times: int) -> None:
        """Gas dearer, also above what the service may pay."""
        self.done["spike"] += 1
        self.rpc("anvil_setNextBlockBaseFeePerGas", hex(times * NORMAL))
        self.rpc("anvil_mine", "0x1")

    def steal(self) -> None:
        """Another program with the same key uses its next nonce."""
        self.done["nonce stolen"] += 1
        self._send_past(self.ground.key.address, b"", own=True)

    def anchor_past(self, which: int) -> None:
        """The issuer's owner anchors what is sealed."""
        with Node(self.rpc.url) as node:
            there = {log.topics[2] for log in anchors(node, self.ground.issuer_id)}
        batches = [one for one in self.batches() if bytes(one.root) not in there]
        if batches:
            self.done["anchored by another"] += 1
            one = batches[which % len(batches)]
            data = contract.anchor(one.issuer_id, one.root, one.size, one.meta_hash)
            self._send_past(REGISTRY, data, own=False)

    def change_past(self, which: int) -> None:
        """The issuer's owner makes the change that was last asked of a credential."""
        names = list(self.model.wishes)
        if not names:
            return
        name = names[which % len(names)]
        kind, _ = self.model.wishes[name][-1]
        with self.eyes.read() as connection:
            found = store.find(connection, name)
        if found.index is None:
            return
        self.done["changed by another"] += 1
        if kind is StatusChange.REVOKE:
            self.model.revoked_past.add(name)
        (batch,) = [one for one in self.batches() if one.id == found.batch]
        listed = (BatchMasks(batch.root, masks([found.index])),)
        call = contract.change_statuses(batch.issuer_id, kind, listed)
        self._send_past(REGISTRY, call, own=False)

    def run_dry(self) -> None:
        self.done["out of funds"] += 1
        self.fund(0)

    def restart_node(self) -> None:
        self.done["node restarted"] += 1
        self.restarted = True
        self.ground.restart()
        # Of older blocks anvil has kept the accounts, but no code.
        self.base = self.head()

    def calm(self) -> None:
        self.rpc("anvil_setNextBlockBaseFeePerGas", hex(NORMAL))
        self.rpc("anvil_mine", "0x1")

    def fund(self, wei: int = 10**20) -> None:
        self.rpc("anvil_setBalance", str(self.ground.key.address), hex(wei))

    def head(self) -> int:
        return int(str(self.rpc("eth_blockNumber")), 16)

    def _send_past(self, to: Address, data: bytes, *, own: bool) -> None:
        """Mined with the next block, dear enough to push what waits at that nonce aside."""
        key = self.ground.key if own else self.ground.owner
        nonce = int(str(self.rpc("eth_getTransactionCount", str(key.address), "latest")), 16)
        fees = Fees(10 * CAP, 10 * GWEI)
        raw, _ = key.sign(CHAIN, nonce, to, data, 1_000_000, fees)
        if own:
            self.fund(10**21)
        self.rpc("eth_sendRawTransaction", "0x" + raw.hex())
        self.rpc("anvil_mine", "0x1")

    def batches(self) -> list[Batch]:
        with self.eyes.read() as connection:
            return batch_store.sealed_batches(connection)
