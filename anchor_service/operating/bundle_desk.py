"""Bundles for the API: one credential proven by the workspace's nodes, as of now's final block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anchor_service.errors import DidDocumentError
from anchor_service.issuing.did_changes import read_published
from anchor_service.operating.opening import open_bundler
from registry.formats.storage import LANES_PER_WORD

if TYPE_CHECKING:
    from anchor_service.store.store import Placed
    from registry.formats.receipt import Receipt
    from registry.workspaces.workspace import Workspace


class BundleDesk:
    """The API sees only the call: what it opens is nothing for a request's handler."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def __call__(self, issuer: str, one: Placed, receipt: Receipt, *, history: bool) -> bytes:
        """Raises ChainError, BundleNotProven, DamagedStore."""
        workspace = self._workspace.of(issuer)
        try:
            published = read_published(workspace)
        except DidDocumentError:
            published = None  # a bundle holds without it
        with open_bundler(workspace) as bundler:
            proof = bundler.batch(
                receipt.registry,
                receipt.issuer_id,
                receipt.root,
                [receipt.index // LANES_PER_WORD],
                did_document=published,
                with_history=history,
            )
            return proof.bundle(one, receipt).serialize()
