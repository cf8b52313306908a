"""One night of one issuer with one fault in it, again without, and what must hold after.

A case makes one write or question of the night fail, done or not, or ends the process there; then
the night is done again, as after a restart.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from breaking import FaultyDatabase, FaultyNode, HastyDatabase, Plan
from census import Census, census
from databases import new_postgres
from desks import CHAIN, REGISTRY, add, anchors, new_issuer, open_line
from eth_account import Account
from sqlalchemy import make_url

from anchor_service.engine import anchoring, contract, watching
from anchor_service.engine.chain import Chain
from anchor_service.engine.keys import ChainKey
from anchor_service.engine.schedule import ALL
from anchor_service.errors import ServiceError
from anchor_service.store import batch_store, changes, inclusions, store
from anchor_service.store.database import Database
from anchor_service.store.lifecycle import BatchState, ChangeState, IntentState
from anchor_service.store.schema import intent, status_change
from registry.errors import ChainError
from registry.formats.events import StatusChange
from registry.formats.storage import Status, decode_word, lane_status, word_and_lane, word_slot
from registry.nodes.rpc import Node
from registry.values import CredentialDigest, IssuerId
from registry.workspaces.devchain import mine_to_finality

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

NAMES = ("one", "two", "three")
DIGESTS = [
    CredentialDigest(hashlib.sha256(b'{"id":"%s"}' % name.encode()).digest()) for name in NAMES
]
WISHES = {"one": StatusChange.REVOKE, "two": StatusChange.SUSPEND}
EXPECTED = {"one": Status.REVOKED, "two": Status.SUSPENDED, "three": Status.ACTIVE}
_ROUNDS = 200


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
            with Node(self.url) as clean, FaultyNode(node_url or self.url, plan) as node:
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

    def census(self, *, faults: int = 1) -> Census:
        """What became of the credentials, whatever the engine says."""
        with self._reading() as (node, connection):
            return census(node, connection, self.issuer_id, DIGESTS, faults=faults)

    def check(self) -> None:
        """Each status as asked, and the database as the chain: one anchor, no nonce lost."""
        with self._reading() as (node, connection):
            self._check_anchor(node, connection)
            self._check_statuses(node, connection)
            self._check_nonces(node, connection)

    @contextmanager
    def _reading(self) -> Iterator[tuple[Node, Connection]]:
        database = HastyDatabase(self.database_url)
        try:
            with Node(self.url) as node, database.read() as connection:
                yield node, connection
        finally:
            database.close()

    def _check_anchor(self, node: Node, connection: Connection) -> None:
        (batch,) = batch_store.sealed_batches(connection)
        assert batch.state is BatchState.FINAL
        (log,) = anchors(node, self.issuer_id)
        assert log.topics[2] == batch.root
        assert contract.size_and_meta_hash(log.data) == (batch.size, batch.meta_hash)
        found = inclusions.get_inclusion(connection, batch_id=batch.id)
        assert found is not None
        assert (found.tx_hash, found.block_hash) == (log.tx_hash, log.block_hash)

    def _check_statuses(self, node: Node, connection: Connection) -> None:
        (batch,) = batch_store.sealed_batches(connection)
        statuses = {}
        for one in store.placed(connection, batch.id):
            word, lane = word_and_lane(one.index)
            slot = word_slot(self.issuer_id, batch.root, word)
            (value,) = Chain(node, CHAIN).storage(REGISTRY, [slot])
            statuses[one.credential_id] = lane_status(decode_word(value), lane)
        assert statuses == EXPECTED

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


NewDatabase = Callable[[], str]
"""The URL of a database with credentials in the open batch, and wishes that wait for an anchor."""


def sqlite_databases(folder: Path) -> NewDatabase:
    file = folder / "template.db"
    _filled(f"sqlite:///{file}")

    def new() -> str:
        target = folder / f"case-{secrets.token_hex(6)}.db"
        shutil.copyfile(file, target)
        return f"sqlite:///{target}"

    return new


@contextmanager
def postgres_databases(server_url: str) -> Iterator[NewDatabase]:
    """Made of a template; a database is gone once the next is asked for."""
    with new_postgres(server_url) as original, ExitStack() as last:
        _filled(original)
        template = make_url(original).database or ""

        def new() -> str:
            last.close()
            found = last.enter_context(new_postgres(server_url, template))
            url = make_url(found).update_query_dict({"options": "-c synchronous_commit=off"})
            return url.render_as_string(hide_password=False)

        yield new


def _filled(url: str) -> None:
    database = Database(url)
    database.migrate()
    fill(database)
    database.close()


def fill(database: Database) -> None:
    add(database, *NAMES)
    with database.write() as connection:
        for name, change in WISHES.items():
            row = store.find(connection, name).row
            changes.want(connection, change, [row], 1, urgent=True)
