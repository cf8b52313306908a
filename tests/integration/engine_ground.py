"""What a random walk of the engine stands on: a node that restarts, a clock, a database that tells.

The database notes each move of each state by itself, with triggers: what an engine does between
two looks is seen too.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bare_chain import BareChain
from breaking import FaultyNode, Plan
from desks import CHAIN, REGISTRY, call_data, new_issuer, new_key, new_key_secret, send
from eth_account import Account
from sqlalchemy import select, text

from anchor_service.engine.keys import ChainKey
from anchor_service.store.database import Database
from anchor_service.store.schema import attempt, intent
from registry.nodes.rpc import Node
from registry.workspaces import anvil, artifact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from registry.formats.strict_json import JsonValue
    from registry.values import IssuerId

_MOVED = (
    "CREATE TABLE moved (n INTEGER PRIMARY KEY, kind TEXT, id INTEGER, before TEXT, after TEXT)"
)
_NOTE = "BEGIN INSERT INTO moved (kind, id, before, after) VALUES"
_ON_MOVE = (
    "CREATE TRIGGER {0}_moved AFTER UPDATE OF state ON {0} WHEN OLD.state <> NEW.state "
    + _NOTE
    + " ('{0}', NEW.id, OLD.state, NEW.state); END"
)
_ON_GONE = (
    f"CREATE TRIGGER intent_gone AFTER DELETE ON intent {_NOTE} "
    "('intent', OLD.id, OLD.state, 'gone'); END"
)


@dataclass(frozen=True)
class Move:
    """Of one row's state. kind: its table."""

    kind: str
    id: int
    before: str
    after: str


def telling_template(file: Path) -> None:
    """An empty database that notes its moves."""
    database = Database(f"sqlite:///{file}")
    database.migrate()
    with database.write() as connection:
        connection.exec_driver_sql(_MOVED)
        connection.exec_driver_sql(_ON_GONE)
        for table in ("batch", "intent", "status_change"):
            connection.exec_driver_sql(_ON_MOVE.format(table))
    database.close()


def moves(database: Database, after: int) -> list[Move]:
    """All but the first so many."""
    query = text("SELECT kind, id, before, after FROM moved WHERE n > :after ORDER BY n")
    with database.read() as connection:
        return [Move(*row) for row in connection.execute(query, {"after": after})]


class Clock:
    """Wall clock of the whole process, in place of `time.time`."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


class WatchedNode(FaultyNode):
    """Lets no transaction through that is not durably stored, or whose nonce was another's."""

    def __init__(self, url: str, plan: Plan, eyes: Database, sent: dict[int, int]) -> None:
        super().__init__(url, plan)
        self._eyes = eyes
        self._sent = sent

    def call(self, method: str, params: Sequence[JsonValue]) -> JsonValue:
        if method == "eth_sendRawTransaction":
            self._check(bytes.fromhex(str(params[0])[2:]))
        return super().call(method, params)

    def _check(self, raw: bytes) -> None:
        query = select(intent.c.id, intent.c.nonce).join(attempt).where(attempt.c.raw == raw)
        with self._eyes.read() as connection:
            found = connection.execute(query).one_or_none()
        assert found is not None, "sent before it was stored"
        assert self._sent.setdefault(found.nonce, found.id) == found.id, "a nonce changed hands"


@dataclass
class Ground:
    """One anvil with one registered issuer, and the accounts that may write for it.

    owner: of the issuer, which writes past the service; secret: of the service's key, a delegate's.
    """

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    rpc: BareChain
    owner: ChainKey
    secret: str
    issuer_id: IssuerId

    @property
    def key(self) -> ChainKey:
        return ChainKey(Account.from_key(self.secret), CHAIN)

    def restart(self) -> None:
        """The node ends and comes up again, its pool and its snapshots gone."""
        self.stop()
        self._start()

    def again(self) -> None:
        """As it was at first, whatever came between."""
        self.stop()
        shutil.copyfile(self.folder / "first.json", self.folder / "state.json")
        self._start()

    def _start(self) -> None:
        self.process, self.rpc = _anvil(self.port, self.folder / "state.json")
        self.rpc("evm_setAutomine", False)

    def stop(self) -> None:
        """It writes its state down as it ends."""
        self.rpc.close()
        self.process.terminate()
        self.process.wait(20)


def _anvil(port: int, state: Path) -> tuple[subprocess.Popen[bytes], BareChain]:
    words = [str(anvil.find()), "--host", "127.0.0.1", "--port", str(port), "--quiet"]
    words += ["--chain-id", str(CHAIN.number), "--slots-in-an-epoch", "1"]
    words += ["--state", str(state), "--state-interval", "3600", "--preserve-historical-states"]
    process = subprocess.Popen(words)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        rpc = BareChain(port)
        try:
            rpc("eth_chainId")
        except OSError:
            rpc.close()
            time.sleep(0.01)
        else:
            return process, rpc
    raise AssertionError("anvil did not answer within twenty seconds")


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    telling_template(folder / "template.db")
    port = anvil.free_port()
    process, rpc = _anvil(port, folder / "state.json")
    with Node(rpc.url) as node:
        rpc("anvil_mine", "0x3")
        owner, secret = new_key(node), new_key_secret(node)
        shipped = artifact.load()
        send(node, owner, artifact.FACTORY, artifact.SALT + shipped.creation_code, 5_000_000)
        made = Ground(folder, port, process, rpc, owner, secret, new_issuer(node, owner))
        words = (made.issuer_id, made.key.address, 3, 2**40 - 1)
        grant = call_data("setDelegate(bytes32,address,uint8,uint40)", *words)
        send(node, owner, REGISTRY, grant)
        rpc("anvil_mine", "0x3")
    # Ends to write its state down, and starts again from there.
    made.restart()
    shutil.copyfile(folder / "state.json", folder / "first.json")
    try:
        yield made
    finally:
        made.stop()
