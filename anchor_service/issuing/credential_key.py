"""The key with which an issuer of the workspace signs credentials, opened and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anchor_service.engine import keys
from anchor_service.issuing import did_changes
from anchor_service.issuing.issuer import issuer_profile
from anchor_service.issuing.issuer_key import IssuerKey
from registry.errors import WorkspaceError

if TYPE_CHECKING:
    from registry.formats.strict_json import JsonObject
    from registry.workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Issuing:
    """profile: what stands as `issuer` in each credential."""

    key: IssuerKey
    profile: JsonObject


def open_issuing(workspace: Workspace) -> Issuing:
    """Raises KeyUnusable, IssuerKeyError; WorkspaceError where the settings name another key."""
    settings = workspace.account
    password = keys.read_password(settings.password, settings.password_file)
    key = IssuerKey.load_file(workspace.issuer.key, password)
    did = workspace.issuer.did
    if did is None or (did.startswith("did:key:") and did != key.did):
        raise WorkspaceError(
            f"{workspace.file}: [issuer] did is not that of the key in {workspace.issuer.key}"
        )
    if did != key.did:
        _check_described(workspace, key)
    profile = issuer_profile(key.public, workspace.issuer.name, workspace.issuer.url or "", did=did)
    return Issuing(key, profile)


def _check_described(workspace: Workspace, key: IssuerKey) -> None:
    """A key that is not in the DID document signs nothing that anyone could check."""
    held = [one for one in did_changes.read(workspace).keys if one.key == key.public]
    if not held or held[0].retired_at is not None:
        state = "retired" if held else "missing"
        raise WorkspaceError(
            f"{did_changes.did_file(workspace)}: the key in {workspace.issuer.key} is {state} there"
        )
