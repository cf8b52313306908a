"""A real chain with the registry on it, and desks that write to it; shared by tests."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bare_chain import bare_chain
from eth_account import Account

from anchor_service.engine import anchoring, contract, watching
from anchor_service.engine.anchoring import Line
from anchor_service.engine.chain import Chain
from anchor_service.engine.errands import Deploy, Register
from anchor_service.engine.fees import GWEI, Fees
from anchor_service.engine.keys import ChainKey
from anchor_service.engine.submitter import Limits, Submitter
from anchor_service.operating.opening import Desk
from anchor_service.store import leases, store
from anchor_service.store.store import NewCredential
from registry.formats.events import RegistrantSalt
from registry.formats.history import issuer_id_of
from registry.formats.storage import IssuerRecord, decode_issuer, issuer_slots
from registry.nodes.rpc import Node
from registry.values import Address, ChainId, CredentialDigest, DidHash, IssuerId
from registry.workspaces import artifact
from registry.workspaces.approval_settings import ApprovalSettings
from registry.workspaces.devchain import DevChain, mine_to_finality

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from anchor_service.engine.chain import Log
    from anchor_service.engine.keys import Signer
    from anchor_service.engine.submitter import Watch
    from anchor_service.store.database import Database
    from anchor_service.store.lifecycle import Moment

CHAIN = ChainId(31337)
REGISTRY = artifact.load().address
FEES = Fees(1000 * GWEI, GWEI)


class Killed(BaseException):
    """Ends a run at a moment, as a power cut would."""


@dataclass
class Fault:
    """Watches a run and ends it just after one moment."""

    at: Moment | None = None

    def __call__(self, moment: Moment) -> None:
        if moment is self.at:
            raise Killed


def quick(**changed: Any) -> Limits:
    """Limits for a chain that answers at once, on a machine that may be busy."""
    return replace(Limits(1000 * GWEI, poll=0.01, resend=0.05, patience=60.0), **changed)


@contextmanager
def deployed_chain(folder: Path) -> Iterator[str]:
    """The URL of a fresh embedded chain with the registry on it."""
    with DevChain(folder).use() as url, Node(url) as node:
        key = new_key(node)
        send(node, key, artifact.FACTORY, artifact.SALT + artifact.load().creation_code, 5_000_000)
        assert Deploy(artifact.load().creation_code, artifact.load().code_hash).is_done(
            Chain(node, CHAIN)
        )
        yield url


@contextmanager
def memory_chain(chain: ChainId = CHAIN) -> Iterator[str]:
    """As `deployed_chain`, but kept nowhere: for tests that begin hundreds of runs."""
    with bare_chain(chain.number) as rpc, Node(rpc.url) as node:
        rpc("anvil_mine", "0x3")
        key = new_key(node, chain)
        code = artifact.SALT + artifact.load().creation_code
        send(node, key, artifact.FACTORY, code, 5_000_000, chain)
        yield rpc.url


def new_key(node: Node, chain: ChainId = CHAIN) -> ChainKey:
    return ChainKey(Account.from_key(new_key_secret(node)), chain)


def new_key_secret(node: Node) -> str:
    """The private key, in hex, of a fresh account with ether."""
    account = Account.create()
    node.call("anvil_setBalance", [account.address, hex(10**20)])
    return str(account.key.hex())


def send(
    node: Node,
    key: ChainKey,
    to: Address,
    data: bytes,
    gas: int = 1_000_000,
    chain_id: ChainId = CHAIN,
) -> None:
    """A transaction past the service, as another program with the same key would send it."""
    chain = Chain(node, chain_id)
    raw, tx_hash = key.sign(chain_id, chain.nonce(key.address), to, data, gas, FEES)
    node.call("eth_sendRawTransaction", ["0x" + raw.hex()])
    for _ in range(500):
        mined = chain.mined(tx_hash)
        if mined is not None:
            break
        time.sleep(0.01)
    assert mined is not None
    assert mined.succeeded


def call_data(signature: str, *words: bytes | int) -> bytes:
    """Calldata of a function whose arguments are all words."""
    from registry.keccak import keccak256

    encoded = [w.to_bytes(32, "big") if isinstance(w, int) else w.rjust(32, b"\0") for w in words]
    return keccak256(signature.encode())[:4] + b"".join(encoded)


def new_issuer(node: Node, owner: ChainKey, chain: ChainId = CHAIN) -> IssuerId:
    salt = RegistrantSalt(os.urandom(32))
    issuer_id = issuer_id_of(chain, REGISTRY, owner.address, salt)
    errand = Register(REGISTRY, issuer_id, salt, DidHash(b"\7" * 32), "")
    send(node, owner, REGISTRY, errand.data, chain_id=chain)
    return issuer_id


def issuer_record(node: Node, issuer_id: IssuerId) -> IssuerRecord | None:
    (word,) = Chain(node, CHAIN).storage(REGISTRY, [issuer_slots(issuer_id).record])
    return decode_issuer(word)


@contextmanager
def open_line(
    database: Database,
    chain: Chain,
    key: Signer,
    issuer_id: IssuerId,
    *,
    limits: Limits | None = None,
    fault: Fault | None = None,
    approval: ApprovalSettings | None = None,
) -> Iterator[Line]:
    """One run of the service, as a process of its own would have it."""
    yield new_line(
        database, chain, key, issuer_id, limits=limits, watch=fault or Fault(), approval=approval
    )


def new_line(
    database: Database,
    chain: Chain,
    key: Signer,
    issuer_id: IssuerId,
    *,
    limits: Limits | None = None,
    watch: Watch,
    approval: ApprovalSettings | None = None,
) -> Line:
    """With a lease of its own: whoever had it before has lost it."""
    limits = limits or quick()
    with database.alone() as alone, database.write() as connection:
        # As after a wait: who had it before is dead, or will find that it lost it.
        dead = leases.look(connection, chain.id, key.address)
        lease = leases.take_lease(
            connection,
            chain.id,
            key.address,
            os.urandom(4).hex(),
            now=int(time.time()),
            seconds=30,
            alone=alone,
            dead=dead,
        )
    assert lease is not None
    submitter = Submitter(database, chain, key, lease, limits=limits, watch=watch)
    desk = Desk(database, chain, key.address, submitter, lambda: mine_to_finality(chain.node))
    return Line(desk, REGISTRY, issuer_id, watch, approval or ApprovalSettings())


def add(database: Database, *names: str) -> None:
    """Credentials into the open batch; equal names are equal documents."""
    with database.write() as connection:
        documents = [b'{"id":"%s"}' % name.encode() for name in names]
        digests = [CredentialDigest(hashlib.sha256(one).digest()) for one in documents]
        new = [
            NewCredential(name, name, digest, document)
            for name, digest, document in zip(names, digests, documents, strict=True)
        ]
        list(store.add_credentials(connection, "main", new, 1))


def submit(line: Line) -> None:
    """What `anchor` does before it waits for finality."""
    anchoring.seal_open(line)
    anchoring.submit(line)


def run(line: Line) -> None:
    """What `anchor` does."""
    submit(line)
    assert watching.settle(line, 5)


def anchors(node: Node, issuer_id: IssuerId) -> list[Log]:
    """Every anchor that this issuer has on the chain."""
    chain = Chain(node, CHAIN)
    return chain.logs(REGISTRY, [contract.ANCHORED, issuer_id], 0, chain.head().number)
