"""The key with which an issuer of the workspace signs credentials, opened and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anchor_service import keys
from anchor_service.issuer_key import IssuerKey
from anchor_service.issuing import issuer_profile
from registry.errors import WorkspaceError

if TYPE_CHECKING:
    from registry.strict_json import JsonObject
    from registry.workspace import Workspace


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
    if key.did != workspace.issuer.did:
        raise WorkspaceError(
            f"{workspace.file}: [issuer] did is not that of the key in {workspace.issuer.key}"
        )
    profile = issuer_profile(key.public, workspace.issuer.name, workspace.issuer.url or "")
    return Issuing(key, profile)
