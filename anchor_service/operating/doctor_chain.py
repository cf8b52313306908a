"""What `doctor` asks of the chain: nodes, contract, authority, money, clock."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from anchor_service.engine.chain import Chain
from anchor_service.engine.fees import GWEI
from anchor_service.engine.forecast import Night, nights_left, typical_night
from anchor_service.errors import Blocked, ServiceError
from anchor_service.operating.doctor import (
    Check,
    Grant,
    fine,
    judge_authority,
    judge_balance,
    judge_clock,
    wrong,
)
from anchor_service.operating.opening import open_key
from anchor_service.store.database import Database
from anchor_service.store.schema import HEAD
from registry.errors import ChainError, MalformedValue
from registry.formats.storage import decode_issuer, delegate_slot, issuer_slots
from registry.keccak import keccak256
from registry.nodes.rpc import Node
from registry.workspaces import artifact
from registry.workspaces.devchain import running_chain

if TYPE_CHECKING:
    from registry.values import Address
    from registry.workspaces.workspace import Workspace

_ETHER = 10**18
_BEHIND = 3
# One anchor a night, generously.
_GUESS = Night(120_000, 0)


def look(workspace: Workspace, now: int) -> list[Check]:
    """Everything that the nodes and the account's key tell; nothing is signed or sent."""
    checks: list[Check] = []
    account = _account(workspace, checks)
    with ExitStack() as stack:
        urls = workspace.chain.rpc
        try:
            if workspace.chain.embedded:
                urls = (stack.enter_context(running_chain(workspace.folder)),)
        except ChainError as error:
            return [*checks, wrong("chain", str(error), "see chain/anvil.log in the workspace")]
        chains = [Chain(stack.enter_context(Node(url)), workspace.chain.id) for url in urls]
        serving = _endpoints(chains, checks)
        if serving is None:
            return checks
        try:
            checks += _contract(serving, workspace)
            if not workspace.chain.embedded:
                checks.append(judge_clock(now, serving.head().timestamp))
            if account is not None:
                checks += _authority(serving, workspace, account, now)
                checks.append(_balance(serving, workspace, account, now))
        except (ChainError, MalformedValue) as error:
            checks.append(wrong("chain", str(error), "name another node: [chain] rpc"))
    return checks


def _account(workspace: Workspace, checks: list[Check]) -> Address | None:
    try:
        key = open_key(workspace)
    except ServiceError as error:
        checks.append(wrong("account key", str(error), "put the key and its password in place"))
        return None
    checks.append(fine("account key", f"opens, {key.address}"))
    return key.address


def _endpoints(chains: list[Chain], checks: list[Check]) -> Chain | None:
    """Each node by itself; the first that serves the chain and is not behind."""
    heights: list[tuple[Chain, int]] = []
    for chain in chains:
        name = f"node {chain.node.name}"
        try:
            chain.check()
            heights.append((chain, chain.head().number))
        except Blocked as error:
            checks.append(wrong(name, str(error), "correct [chain] rpc or id"))
        except ChainError as error:
            checks.append(wrong(name, str(error), "is the URL right, and its key in force?"))
    top = max((height for _, height in heights), default=0)
    good = None
    for chain, height in heights:
        name = f"node {chain.node.name}"
        if top - height > _BEHIND:
            checks.append(wrong(name, f"{top - height} blocks behind the others", "replace it"))
        else:
            checks.append(fine(name, f"serves {chain.id}, at block {height:,}"))
            good = good or chain
    return good


def _contract(chain: Chain, workspace: Workspace) -> list[Check]:
    name, registry = "registry", workspace.chain.registry
    if registry is None:
        return [wrong(name, "none is named", "run `credanchor deploy`")]
    code = chain.code(registry)
    if not code:
        return [wrong(name, f"no code at {registry}", "correct [chain] registry, or deploy")]
    if keccak256(code) != artifact.load().code_hash:
        return [
            wrong(
                name,
                f"the code at {registry} is not the registry's as shipped",
                "correct [chain] registry: anchors there would be worth nothing",
            )
        ]
    return [fine(name, f"{registry}, its code is as shipped")]


def _authority(chain: Chain, workspace: Workspace, account: Address, now: int) -> list[Check]:
    registry, issuer_id = workspace.chain.registry, workspace.issuer.id
    if registry is None:
        return []
    if issuer_id is None:
        return [wrong("issuer", "no [issuer] id is named", "run `credanchor issuer register`")]
    slots = [issuer_slots(issuer_id).record, delegate_slot(issuer_id, account)]
    record, grant = chain.storage(registry, slots)
    return judge_authority(decode_issuer(record), account, Grant.of(grant), now)


def _balance(chain: Chain, workspace: Workspace, account: Address, now: int) -> Check:
    balance = chain.balance(account)
    cap = int(workspace.chain.fee_cap_gwei * GWEI)
    nights = nights_left(balance, _night(chain, workspace, account, now), cap)
    warn = workspace.account.warn_nights
    return judge_balance(account, nights, warn, f"{balance / _ETHER:.6f} ETH")


def _night(chain: Chain, workspace: Workspace, account: Address, now: int) -> Night:
    """As the last thirty days were; a guess where the database tells nothing."""
    database = Database(workspace.database_url)
    try:
        if database.file is not None and not database.file.exists():
            return _GUESS
        with database.read() as connection:
            if Database.revision(connection) != HEAD:
                return _GUESS
            return typical_night(connection, chain.id, account, 1, now)
    except ServiceError:
        return _GUESS
    finally:
        database.close()
