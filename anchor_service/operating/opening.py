"""From a workspace to what a command works with: database, chain, keys, and the right to write."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from anchor_service.engine import keys
from anchor_service.engine.chain import Chain
from anchor_service.engine.endpoints import Pool
from anchor_service.engine.fees import GWEI
from anchor_service.engine.submitter import Limits, Submitter
from anchor_service.engine.tenure import Contender
from anchor_service.errors import KeyUnusable, LeaseLost
from anchor_service.operating.bundling import Bundler
from anchor_service.store import leases
from anchor_service.store.database import Database
from registry.errors import ChainError, MalformedHeader, WorkspaceError
from registry.nodes.rpc import Node
from registry.workspaces.devchain import mine_to_finality, running_chain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from anchor_service.engine.keys import Signer
    from anchor_service.engine.submitter import Watch
    from anchor_service.store.leases import Lease
    from registry.values import Address, IssuerId
    from registry.workspaces.workspace import Workspace

# Test ether, given where the workspace's own chain has the account below half of it.
_EMBEDDED_FUNDS = 100 * 10**18
_LEASE_WAIT_S = 90
_EMBEDDED_POLL_S = 0.05
_POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class Desk:
    """What writing to the chain takes. `mine` makes the embedded chain final; None elsewhere."""

    database: Database
    chain: Chain
    account: Address
    submitter: Submitter
    mine: Callable[[], None] | None


@contextmanager
def open_database(workspace: Workspace) -> Iterator[Database]:
    """The workspace's database, its tables up to date."""
    database = Database(workspace.database_url)
    try:
        database.migrate()
        yield database
    finally:
        database.close()


@contextmanager
def open_chain(workspace: Workspace) -> Iterator[Chain]:
    """The workspace's chain, the embedded one started for the while; its id is checked."""
    with ExitStack() as stack:
        urls = workspace.chain.rpc
        if workspace.chain.embedded:
            urls = (stack.enter_context(running_chain(workspace.folder)),)
        pool = stack.enter_context(Pool(urls, workspace.chain.id))
        chain = Chain(pool, workspace.chain.id)
        chain.check()
        yield chain


@contextmanager
def open_bundler(workspace: Workspace) -> Iterator[Bundler]:
    """Proofs as of now's final block, from the first of the workspace's nodes that answers.

    Raises ChainError, or MalformedHeader, as the last of them does.
    """
    settings = workspace.chain
    with ExitStack() as stack:
        urls = settings.rpc
        if settings.embedded:
            urls = (stack.enter_context(running_chain(workspace.folder)),)
        for place, url in enumerate(urls, 1):
            node = stack.enter_context(Node(url))
            try:
                bundler = Bundler.open(node, settings.id, settings.confirmations)
            except (ChainError, MalformedHeader):
                if place == len(urls):
                    raise
            else:
                yield bundler
                return


@contextmanager
def open_desk(workspace: Workspace, watch: Watch) -> Iterator[Desk]:
    """Everything for a command that writes to the chain; one command at a time for an account."""
    with open_database(workspace) as database, open_chain(workspace) as chain:
        key = open_key(workspace)
        fund(workspace, chain, key.address)
        limits = limits_of(workspace)
        with _lease(database, chain, key.address, limits.lease) as lease:
            submitter = Submitter(database, chain, key, lease, limits=limits, watch=watch)
            yield Desk(database, chain, key.address, submitter, miner(workspace, chain))


def open_key(workspace: Workspace) -> Signer:
    """The account that pays for the workspace's issuer. Raises KeyUnusable."""
    settings, chain = workspace.account, workspace.chain.id
    if settings.key_env is not None:
        return keys.from_environment(settings.key_env, chain, os.environ)
    if settings.signer is not None and settings.address is not None:
        return keys.RemoteSigner(Node(settings.signer), settings.address, chain)
    if settings.keystore is None:
        raise KeyUnusable(f"{workspace.file}: no [account] keystore")
    password = keys.read_password(settings.password, settings.password_file)
    return keys.load(settings.keystore, password, chain)


def limits_of(workspace: Workspace) -> Limits:
    chain = workspace.chain
    return Limits(
        int(chain.fee_cap_gwei * GWEI),
        None if chain.day_cap_ether is None else int(chain.day_cap_ether * 10**18),
        poll=_EMBEDDED_POLL_S if chain.embedded else _POLL_S,
    )


def miner(workspace: Workspace, chain: Chain) -> Callable[[], None] | None:
    """What makes the embedded chain go on; None elsewhere."""
    return partial(mine_to_finality, chain.node) if workspace.chain.embedded else None


def fund(workspace: Workspace, chain: Chain, account: Address) -> None:
    """Give the account test ether, on the workspace's own chain only."""
    if workspace.chain.embedded and chain.balance(account) < _EMBEDDED_FUNDS // 2:
        chain.node.call("anvil_setBalance", [str(account), hex(_EMBEDDED_FUNDS)])


def registry_of(workspace: Workspace) -> Address:
    """Raises WorkspaceError before `deploy`."""
    if workspace.chain.registry is None:
        raise WorkspaceError(f"{workspace.file}: no [chain] registry yet; run `credanchor deploy`")
    return workspace.chain.registry


def issuer_of(workspace: Workspace) -> IssuerId:
    """Raises WorkspaceError before `issuer register`."""
    if workspace.issuer.id is None:
        raise WorkspaceError(
            f"{workspace.file}: no [issuer] id yet; run `credanchor issuer register`"
        )
    return workspace.issuer.id


@contextmanager
def _lease(database: Database, chain: Chain, account: Address, seconds: int) -> Iterator[Lease]:
    until = time.monotonic() + _LEASE_WAIT_S
    with database.alone() as alone:
        contender = Contender(database, chain.id, account, seconds=seconds, alone=alone)
        while (lease := contender.try_take()) is None:
            if time.monotonic() > until:
                raise LeaseLost(f"another process writes for account {account}; try again later")
            time.sleep(1)
        try:
            yield lease
        finally:
            with database.write() as connection:
                leases.end_lease(connection, lease)
