"""A workspace, its contract and its issuer: each step can be repeated and does the rest only."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anchor_service.engine import anchoring, errands, keys
from anchor_service.engine.errands import Deploy, Register
from anchor_service.engine.submitter import Outcome
from anchor_service.errors import Blocked, StillPending
from anchor_service.issuing import did_changes
from anchor_service.issuing.issuer_key import IssuerKey
from anchor_service.operating.config_edit import put_trusted, set_values
from anchor_service.operating.files import write_whole
from anchor_service.operating.opening import registry_of
from anchor_service.store import outbox
from anchor_service.store.lifecycle import IntentState, Reason
from anchor_service.store.outbox import Kind
from registry.documents.did_document import Home
from registry.errors import WorkspaceError
from registry.formats.events import RegistrantSalt
from registry.formats.history import issuer_id_of
from registry.verifying.did_web import document_url
from registry.workspaces import artifact
from registry.workspaces.workspace import FILE, Workspace, new_config_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from anchor_service.engine.fees import Fees
    from anchor_service.operating.opening import Desk
    from registry.values import Address, ChainId, IssuerId

_GITIGNORE = "# Secrets, the database and the development chain stay here.\n*\n!credanchor.toml\n"


@dataclass(frozen=True, slots=True)
class Fresh:
    """A new workspace. password_file: made by us, None where a person gave the password."""

    folder: Path
    chain: ChainId
    account: Address
    did: str
    password_file: Path | None


@dataclass(frozen=True, slots=True)
class Cost:
    """gas: the limit; fees in wei per gas; total: the most that it can cost, in wei."""

    gas: int
    fees: Fees
    balance: int

    @property
    def total(self) -> int:
        return self.gas * self.fees.max_fee


def init(
    folder: Path,
    *,
    name: str,
    url: str | None,
    chain: ChainId,
    rpc: tuple[str, ...],
    password: str | None,
    did: str | None = None,
) -> Fresh:
    """Make folder, keys and settings; the settings come last, so that a crash leaves no half.

    Without `rpc` the workspace has its own chain, and its password is made and kept beside the
    keys. did: a did:web; None for the did:key of the key that is made. Raises WorkspaceError where
    there is a workspace already, KeyUnusable where keys are, MalformedValue for any other DID.
    """
    if did is not None:
        document_url(did)
    if (folder / FILE).exists():
        raise WorkspaceError(f"{folder} is a workspace already; nothing was changed")
    (folder / "keys").mkdir(parents=True, exist_ok=True)
    (folder / "keys").chmod(0o700)
    password_file = None
    if password is None:
        password_file = folder / "keys" / "password"
        password = keys.create_password(password_file)
    account = keys.create(folder / "keys" / "account.json", password)
    key = IssuerKey.generate()
    key.create_file(folder / "keys" / "issuer.pem", password)
    named = did or key.did
    text = new_config_text(chain=chain, embedded=not rpc, rpc=rpc, did=named, name=name, url=url)
    (folder / ".gitignore").write_text(_GITIGNORE, "utf-8")
    write_whole(folder / FILE, text)
    return Fresh(folder, chain, account, named, password_file)


def deploy(workspace: Workspace, desk: Desk, announce: Callable[[Cost], None]) -> Address:
    """Put the registry on the chain unless it stands there; pin and trust its code.

    `announce` is told the cost before anything is spent. Raises Blocked, ChainError.
    """
    anchoring.resume_pending(desk)
    shipped = artifact.load()
    errand = Deploy(shipped.creation_code, shipped.code_hash)
    if not errand.is_done(desk.chain):
        if not desk.chain.code(artifact.FACTORY):
            raise Blocked(
                Reason.REFUSED,
                f"{desk.chain.id} has no CREATE2 deployer at {artifact.FACTORY}; deploy it first: "
                "https://github.com/Arachnid/deterministic-deployment-proxy",
            )
        gas, fees = desk.submitter.price(errand)
        announce(Cost(gas, fees, desk.chain.balance(desk.account)))
        if desk.submitter.carry_out(errand) is Outcome.SPENT or not errand.is_done(desk.chain):
            raise StillPending("the deployment did not take; run `credanchor deploy` again")
    chain, address = str(desk.chain.id), errand.address.to_hex()
    set_values(workspace.file, {(workspace.section("chain"), "registry"): address})
    put_trusted(
        workspace.file,
        "registries",
        {"chain": chain, "address": address, "code_hash": shipped.code_hash.to_hex()},
        same=("chain", "address"),
    )
    return errand.address


def register(workspace: Workspace, desk: Desk) -> IssuerId:
    """Register the workspace's issuer unless it is; trust it for the workspace's own DID."""
    anchoring.resume_pending(desk)
    registry = registry_of(workspace)
    did = did_changes.did_of(workspace)
    issuer_id = workspace.issuer.id or _registered(desk, registry)
    if issuer_id is None:
        issuer_id = _register(workspace, desk, registry)
    set_values(workspace.file, {(workspace.section("issuer"), "id"): issuer_id.to_hex()})
    put_trusted(
        workspace.file,
        "issuers",
        {
            "chain": str(desk.chain.id),
            "registry": registry.to_hex(),
            "issuer_id": issuer_id.to_hex(),
            "speaks_for": [did],
            "name": workspace.issuer.name,
        },
        same=("chain", "registry", "issuer_id"),
    )
    return issuer_id


def _registered(desk: Desk, registry: Address) -> IssuerId | None:
    """What an earlier run registered and could not write down any more."""
    with desk.database.read() as connection:
        known = outbox.intents(
            connection, desk.chain.id, desk.account, IntentState.INCLUDED, IntentState.FINAL
        )
    for intent in known:
        if intent.kind is Kind.REGISTER and intent.recipient == registry:
            errand = errands.rebuild(intent, None)
            if isinstance(errand, Register) and errand.is_done(desk.chain):
                return errand.issuer_id
    return None


def _register(workspace: Workspace, desk: Desk, registry: Address) -> IssuerId:
    salt = RegistrantSalt(secrets.token_bytes(32))
    chain = desk.chain.id
    issuer_id = issuer_id_of(chain, registry, desk.account, salt)
    did_hash = did_changes.write(workspace, Home(chain, registry, issuer_id)).hash
    errand = Register(registry, issuer_id, salt, did_hash, workspace.issuer.url or "")
    if desk.submitter.carry_out(errand) is Outcome.SPENT or not errand.is_done(desk.chain):
        raise StillPending("the registration did not take; run `credanchor issuer register` again")
    return issuer_id
