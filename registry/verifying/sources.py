"""Where a verifier's policy and facts come from: what was asked for, else the workspace."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol, Self

from registry.errors import MalformedDocument, MalformedPolicy, NodeUnreachable
from registry.judging.policy import TrustPolicy
from registry.nodes.history_reader import HistoryReader
from registry.nodes.nodes_to_ask import DEFAULT_TIMEOUT_S
from registry.nodes.patience import Patience
from registry.nodes.proof_reader import read_checked
from registry.nodes.rpc import Node
from registry.proofs.evidence import GivenBlock, NoEvidence
from registry.proofs.proven_evidence import TrustedBlock, read_checkpoints

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from types import TracebackType

    from registry.proofs.evidence import Evidence, Snapshot, Subject, Trust
    from registry.proofs.told_history import IssuerHistory
    from registry.values import Address, ChainId, IssuerId
    from registry.workspaces.workspace import Workspace

_PASSED_OVER_S = 60.0
"""So long a node that gave no answer is left out where there are others."""


def read_policy(file: Path | None, workspace: Workspace | None) -> TrustPolicy:
    """Return the policy in a file, else the workspace's, else one that trusts nobody.

    Raises OSError, and MalformedPolicy naming the file.
    """
    source = file if file is not None else workspace.file if workspace is not None else None
    try:
        if file is not None:
            return TrustPolicy.parse(file.read_bytes())
        return TrustPolicy() if workspace is None else TrustPolicy.from_toml(workspace.trust)
    except MalformedPolicy as fault:
        raise MalformedPolicy(f"{source}: {fault}") from None


def read_trusted_blocks(
    given: Iterable[TrustedBlock], checkpoints: Path | None
) -> dict[TrustedBlock, Trust]:
    """Blocks that were named, and those of a checkpoint file.

    Raises OSError, and MalformedDocument with the file's line at fault.
    """
    found: dict[TrustedBlock, Trust] = {}
    if checkpoints is not None:
        try:
            text = checkpoints.read_text("utf-8")
        except UnicodeDecodeError:
            raise MalformedDocument(f"{checkpoints}: not UTF-8 text") from None
        found |= read_checkpoints(text, checkpoints.name)
    return found | dict.fromkeys(given, GivenBlock())


class ToAsk(Protocol):
    """An `Ask` and an `AskHistory` of the same nodes."""

    def __call__(
        self, chain: ChainId, registry: Address, subjects: Sequence[Subject]
    ) -> Sequence[Evidence | NoEvidence]: ...

    def history(
        self, chain: ChainId, registry: Address, issuer_id: IssuerId, final: Snapshot
    ) -> IssuerHistory: ...


class NobodyToAsk:
    """An `Ask` without a node, and why."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """There is nothing to close."""

    def __call__(
        self, chain: ChainId, registry: Address, subjects: Sequence[Subject]
    ) -> Sequence[Evidence | NoEvidence]:
        del chain, registry  # whatever the place
        return [NoEvidence(self._reason)] * len(subjects)

    def history(
        self, chain: ChainId, registry: Address, issuer_id: IssuerId, final: Snapshot
    ) -> IssuerHistory:
        """An `AskHistory` of nobody."""
        del chain, registry, issuer_id, final
        raise NodeUnreachable(self._reason)


class NodeToAsk:
    """An `Ask` of one node by URL, which may hold a provider's key and so is never shown."""

    def __init__(self, url: str, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._node = Node(url, timeout_s=min(20.0, timeout_s))
        self._histories = HistoryReader(self._node)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._node.close()

    def __call__(
        self, chain: ChainId, registry: Address, subjects: Sequence[Subject]
    ) -> Sequence[Evidence | NoEvidence]:
        patience = Patience(self._timeout_s)
        return patience.call(lambda: read_checked(self._node, chain, registry, subjects))

    def history(
        self, chain: ChainId, registry: Address, issuer_id: IssuerId, final: Snapshot
    ) -> IssuerHistory:
        """An `AskHistory` of the same node."""
        return self._histories.read(chain, registry, issuer_id, final)


class WorkspaceToAsk:
    """An `Ask` of a workspace's own chain, or of the first of its nodes that answers.

    Nothing is opened, and no embedded chain started, before the first question about its chain;
    what was, is closed on leaving.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._opened = ExitStack()
        self._all: list[Node] = []
        self._nodes: list[Node] = []
        self._passed_over_at = 0.0
        self._histories: HistoryReader | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.close()

    def __call__(
        self, chain: ChainId, registry: Address, subjects: Sequence[Subject]
    ) -> Sequence[Evidence | NoEvidence]:
        settings = self._workspace.chain
        if chain != settings.id:
            reason = f"it is anchored on {chain}, and this workspace's chain is {settings.id}"
            return [NoEvidence(reason)] * len(subjects)
        self._bring_back()
        while True:
            try:
                return read_checked(
                    self._nodes[0], chain, registry, subjects, confirmations=settings.confirmations
                )
            except NodeUnreachable:
                # It is not asked again for a while, so that its timeout is waited for once.
                if len(self._nodes) == 1:
                    raise
                del self._nodes[0]
                self._passed_over_at = time.monotonic()

    def history(
        self, chain: ChainId, registry: Address, issuer_id: IssuerId, final: Snapshot
    ) -> IssuerHistory:
        """An `AskHistory` of the node that gave the facts."""
        node = self._nodes[0]
        if self._histories is None or self._histories.node is not node:
            self._histories = HistoryReader(node)
        return self._histories.read(chain, registry, issuer_id, final)

    def _bring_back(self) -> None:
        """All nodes at first, and again those that were passed over a while ago."""
        if not self._all:
            self._all = [self._opened.enter_context(Node(url)) for url in self._urls()]
        if not self._nodes or time.monotonic() - self._passed_over_at > _PASSED_OVER_S:
            self._nodes = list(self._all)

    def _urls(self) -> Sequence[str]:
        if not self._workspace.chain.embedded:
            return self._workspace.chain.rpc
        from registry.workspaces.devchain import running_chain

        return [self._opened.enter_context(running_chain(self._workspace.folder))]
