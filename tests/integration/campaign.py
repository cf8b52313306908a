"""Faults put between the engine and its database and chain, by number, and what must hold after.

Each write and each question of a run has a number. A case makes one of them fail, done or not, or
ends the process there; then the run is done again without faults, as after a restart.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from desks import CHAIN, REGISTRY, add, anchors, new_issuer, open_line
from eth_account import Account

from anchor_service import anchoring, batch_store, changes, contract, inclusions, store, watching
from anchor_service.chain import Chain
from anchor_service.database import Database
from anchor_service.errors import DatabaseError, ServiceError
from anchor_service.exporting import receipt_of
from anchor_service.keys import ChainKey
from anchor_service.lifecycle import BatchState, ChangeState, IntentState
from anchor_service.schedule import ALL
from anchor_service.schema import intent, status_change
from registry.devchain import mine_to_finality
from registry.errors import ChainError
from registry.events import StatusChange
from registry.leaf import leaf_hash
from registry.rpc import Node
from registry.storage import Status, decode_word, lane_status, word_and_lane, word_slot
from registry.tree import MerkleTree, root_from_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from registry.strict_json import JsonValue
    from registry.values import IssuerId

NAMES = ("one", "two", "three")
WISHES = {"one": StatusChange.REVOKE, "two": StatusChange.SUSPEND}
EXPECTED = {"one": Status.REVOKED, "two": Status.SUSPENDED, "three": Status.ACTIVE}
_ROUNDS = 200


class Layer(Enum):
    COMMIT = "commit"
    READ = "read of the database"
    CALL = "call to the node"


class Mode(Enum):
    """How something fails. KILL_*: SIGKILL to the process itself, before it or just after it."""

    NOT_DONE = "not done"
    DONE_BUT_LOST = "done but reported failed"
    KILL_BEFORE = "killed before"
    KILL_AFTER = "killed after"


@dataclass
class Plan:
    """The one fault of a run; without a number none, and everything is counted."""

    layer: Layer | None = None
    number: int = 0
    mode: Mode = Mode.NOT_DONE
    counted: dict[Layer, int] = field(default_factory=lambda: dict.fromkeys(Layer, 0))
    asked: list[str] = field(default_factory=list)

    def now(self, layer: Layer, what: str = "") -> Mode | None:
        self.counted[layer] += 1
        if layer is Layer.CALL:
            self.asked.append(what)
        hit = layer is self.layer and self.counted[layer] == self.number
        if hit and self.mode is Mode.KILL_BEFORE:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.mode if hit else None

    @staticmethod
    def after(mode: Mode | None) -> None:
        if mode is Mode.KILL_AFTER:
            os.kill(os.getpid(), signal.SIGKILL)


class FaultyDatabase(Database):
    """A database whose connection breaks at one commit or read."""

    def __init__(self, url: str, plan: Plan) -> None:
        super().__init__(url)
        self._plan = plan

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with super().write() as connection:
            yield connection
            mode = self._plan.now(Layer.COMMIT)
            if mode is Mode.NOT_DONE:
                raise DatabaseError("the connection broke before the commit")
        self._plan.after(mode)
        if mode is Mode.DONE_BUT_LOST:
            raise DatabaseError("the connection broke after the commit")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        if self._plan.now(Layer.READ) is Mode.NOT_DONE:
            raise DatabaseError("the connection broke")
        with super().read() as connection:
            yield connection


class KillingNode(Node):
    """A node whose caller is killed before it asks, or as the answer comes."""

    def __init__(self, url: str, plan: Plan) -> None:
        super().__init__(url)
        self._plan = plan

    def call(self, method: str, params: Sequence[JsonValue]) -> JsonValue:
        mode = self._plan.now(Layer.CALL, method)
        answer = super().call(method, params)
        self._plan.after(mode)
        return answer

    def batch(self, calls: Sequence[tuple[str, Sequence[JsonValue]]]) -> list[JsonValue]:
        modes = [self._plan.now(Layer.CALL, method) for method, _ in calls]
        answers = super().batch(calls)
        for mode in modes:
            self._plan.after(mode)
        return answers


@dataclass
class Stage:
    """One case's issuer, on the shared chain, and its own database."""

    url: str
    secret: bytes
    issuer_id: IssuerId
    database_url: str

    @classmethod
    def new(cls, url: str, database_url: str) -> Stage:
        secret = bytes(Account.create().key)
        with Node(url) as node:
            key = ChainKey(Account.from_key(secret), CHAIN)
            node.call("anvil_setBalance", [str(key.address), hex(10**20)])
            return cls(url, secret, new_issuer(node, key), database_url)

    @property
    def key(self) -> ChainKey:
        return ChainKey(Account.from_key(self.secret), CHAIN)

    def run(self, plan: Plan | None = None, *, node_url: str | None = None) -> None:
        """A whole night, from open batch to final statuses, with the plan's fault in it."""
        plan = plan or Plan()
        database = FaultyDatabase(self.database_url, plan)
        try:
            with Node(self.url) as clean, KillingNode(node_url or self.url, plan) as node:
                self._night(database, Chain(node, CHAIN), clean)
        finally:
            database.close()

    def _night(self, database: Database, chain: Chain, clean: Node) -> None:
        with open_line(database, chain, self.key, self.issuer_id) as line:
            for _ in range(_ROUNDS):
                busy = anchoring.advance([line], [ALL], patient=False)
                mine_to_finality(clean)
                waiting, vanished = watching.look([line])
                if not busy and not waiting and not vanished and settled(database):
                    return
                if busy:
                    time.sleep(0.01)
        raise AssertionError(f"not settled after {_ROUNDS} rounds")

    def fails(self, plan: Plan, *, node_url: str | None = None) -> bool:
        """Run with a fault that an error stands for; whether it came through as one."""
        try:
            self.run(plan, node_url=node_url)
        except (ServiceError, ChainError):
            return True
        return False

    def check(self) -> None:
        """Each credential anchored exactly once, its one receipt holds, each status as asked."""
        database = Database(self.database_url)
        try:
            with Node(self.url) as node, database.read() as connection:
                self._check(node, connection)
        finally:
            database.close()

    def _check(self, node: Node, connection: Connection) -> None:
        (batch,) = batch_store.sealed_batches(connection)
        assert batch.state is BatchState.FINAL
        (log,) = anchors(node, self.issuer_id)
        assert log.topics[2] == batch.root
        assert contract.size_and_meta_hash(log.data) == (batch.size, batch.meta_hash)
        found = inclusions.get_inclusion(connection, batch_id=batch.id)
        assert found is not None
        assert (found.tx_hash, found.block_hash) == (log.tx_hash, log.block_hash)
        tree = MerkleTree(batch_store.leaves_of(connection, batch.id))
        placed = list(store.placed(connection, batch.id))
        assert sorted(one.credential_id or "" for one in placed) == sorted(NAMES)
        statuses = {}
        for one in placed:
            receipt = receipt_of(batch, one, tree)
            leaf = leaf_hash(self.issuer_id, receipt.index, receipt.salt, one.digest)
            root = root_from_path(leaf, receipt.index, receipt.tree_size, receipt.path)
            assert root == batch.root
            word, lane = word_and_lane(receipt.index)
            slot = word_slot(self.issuer_id, batch.root, word)
            (value,) = Chain(node, CHAIN).storage(REGISTRY, [slot])
            statuses[one.credential_id] = lane_status(decode_word(value), lane)
        assert statuses == EXPECTED
        self._check_nonces(node, connection)

    def _check_nonces(self, node: Node, connection: Connection) -> None:
        """No nonce is left unsettled, and none was used for nothing."""
        rows = connection.execute(
            intent.select().order_by(intent.c.nonce)  # of this database's one sender
        ).all()
        assert {row.state for row in rows} == {IntentState.FINAL}
        used = Chain(node, CHAIN).nonce(self.key.address)
        # The first one registered the issuer.
        assert [row.nonce for row in rows] == list(range(1, used))
        assert len(rows) == 1 + len(WISHES)


def settled(database: Database) -> bool:
    with Database.read(database) as connection:
        states = {one.state for one in batch_store.sealed_batches(connection)}
        query = status_change.select().where(
            status_change.c.state.not_in([ChangeState.FINAL, ChangeState.DROPPED])
        )
        left = connection.execute(query).first()
        waiting = batch_store.waiting_batches(connection, "main")
    return states == {BatchState.FINAL} and left is None and not waiting


def template(file: Path) -> None:
    """A database with credentials in the open batch, and wishes that wait for their anchor."""
    database = Database(f"sqlite:///{file}")
    database.migrate()
    fill(database)
    database.close()


def fill(database: Database) -> None:
    add(database, *NAMES)
    with database.write() as connection:
        for name, change in WISHES.items():
            row = store.find(connection, name).row
            changes.want(connection, change, [row], 1, urgent=True)


def copy_of(file: Path, target: Path) -> str:
    shutil.copyfile(file, target)
    return f"sqlite:///{target}"


def described(plan: Plan) -> dict[str, Any]:
    assert plan.layer is not None
    return {"layer": plan.layer.value, "number": plan.number, "mode": plan.mode.value}
