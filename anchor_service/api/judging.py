"""`verify` for the API: what a body holds, judged by this installation's policy and nodes."""

from __future__ import annotations

import queue
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from anchor_service.api.errors import InvalidRequest, Unavailable
from registry.errors import MalformedJson, MalformedValue
from registry.formats.canonical import canonicalize
from registry.formats.strict_json import read
from registry.proofs.bundle import MAX_BUNDLE_BYTES, MAX_BUNDLE_DEPTH, is_bundle
from registry.proofs.evidence import NoEvidence
from registry.proofs.proven_evidence import TrustedBlock
from registry.verifying.library import Verifier
from registry.verifying.sources import WorkspaceToAsk, read_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from anchor_service.api.services import Question
    from registry.formats.strict_json import JsonObject
    from registry.proofs.evidence import Evidence, Snapshot, Subject
    from registry.proofs.told_history import IssuerHistory
    from registry.values import Address, ChainId, IssuerId
    from registry.workspaces.workspace import Workspace

# So many chains' nodes are asked at once; more callers wait, and not for ever.
_DESKS = 4
_WAIT_S = 10


class WorkspaceJudge:
    """Trusts whom the workspace trusts. clock: unix seconds."""

    def __init__(self, workspace: Workspace, clock: Callable[[], float]) -> None:
        self._policy = read_policy(None, workspace)
        self._clock = clock
        self._desks: queue.LifoQueue[_Chains] = queue.LifoQueue()
        for _ in range(_DESKS):
            self._desks.put(_Chains(workspace))

    def __call__(self, raw: bytes, question: Question) -> JsonObject:
        """Raises InvalidRequest, Unavailable."""
        verifier = Verifier(
            self._policy,
            connect=self._desk,
            trusted_blocks=_trusted(question.trusted),
            purpose=question.purpose,
            clock=lambda: datetime.fromtimestamp(int(self._clock()), UTC),
        )
        try:
            report = verifier.verify(*_open(raw), at=question.at)
        except MalformedValue as fault:  # of the moment: what is in the body becomes a verdict
            raise InvalidRequest([("query/at", fault.reason)]) from None
        return report.to_json()

    @contextmanager
    def _desk(self) -> Iterator[_Chains]:
        try:
            desk = self._desks.get(timeout=_WAIT_S)
        except queue.Empty:
            raise Unavailable("Others are being verified; try again.") from None
        try:
            yield desk
        finally:
            self._desks.put(desk)

    def close(self) -> None:
        while not self._desks.empty():
            self._desks.get_nowait().close()


class _Chains:
    """An `Ask` of every chain that an issuer of the workspace anchors on."""

    def __init__(self, workspace: Workspace) -> None:
        self._by_chain: dict[ChainId, WorkspaceToAsk] = {}
        for handle in workspace.handles:
            view = workspace.of(handle)
            self._by_chain.setdefault(view.chain.id, WorkspaceToAsk(view))

    def __call__(
        self, chain: ChainId, registry: Address, subjects: Sequence[Subject]
    ) -> Sequence[Evidence | NoEvidence]:
        source = self._by_chain.get(chain)
        if source is None:
            return [NoEvidence(f"no node of {chain} is known here")] * len(subjects)
        return source(chain, registry, subjects)

    def history(
        self, chain: ChainId, registry: Address, issuer_id: IssuerId, final: Snapshot
    ) -> IssuerHistory:
        return self._by_chain[chain].history(chain, registry, issuer_id, final)

    def close(self) -> None:
        for source in self._by_chain.values():
            source.__exit__(None, None, None)


def _open(raw: bytes) -> tuple[bytes, bytes | None]:
    """The credential's and the receipt's bytes. What is neither is the verifier's to call so."""
    try:
        document = read(raw, max_bytes=MAX_BUNDLE_BYTES, max_depth=MAX_BUNDLE_DEPTH)
    except MalformedJson:
        return raw, None
    if not isinstance(document, dict) or "credential" not in document or is_bundle(document):
        return raw, None
    # Read strictly and written canonically, it has the digest that its own bytes had.
    receipt = document.get("receipt")
    beside = None if receipt is None else canonicalize(receipt)
    return canonicalize(document["credential"]), beside


def _trusted(texts: Sequence[str]) -> list[TrustedBlock]:
    try:
        return list(map(TrustedBlock.parse, texts))
    except MalformedValue as fault:
        raise InvalidRequest([("query/trusted", fault.reason)]) from None
