"""What an issuer's own records say, as an auditor asks for it.

The issuer's side fills `IssuerRecords` and offers `open_records(url, chain, registry)` through the
entry-point group `credanchor.issuer_records`, so that the library names no module of the service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from registry.errors import WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from registry.formats.events import StatusChange
    from registry.values import (
        Address,
        BatchRoot,
        ChainId,
        CredentialDigest,
        IssuerId,
        MetaHash,
        TxHash,
    )

ENTRY_POINTS = "credanchor.issuer_records"


class RecordedBatch(NamedTuple):
    """A sealed batch. sealed: Unix seconds. anchored: whether the records call it final.

    block: in which they saw it anchored; None where they do not say.
    """

    issuer_id: IssuerId
    root: BatchRoot
    size: int
    meta_hash: MetaHash
    sealed: int
    anchored: bool
    credentials: int
    block: int | None


class RecordedChange(NamedTuple):
    """A status change that was asked for. made: whether the records saw the final chain hold it.

    block: in which they saw it made, or first saw it; None where they do not say.
    """

    issuer_id: IssuerId
    root: BatchRoot
    leaf: int
    change: StatusChange
    made: bool
    block: int | None


class RecordedTwice(NamedTuple):
    """A credential that stands in more than one batch."""

    digest: CredentialDigest
    places: tuple[tuple[IssuerId, BatchRoot], ...]


class IssuerRecords(Protocol):
    """What one database says of one registry, perhaps of several issuers. Each call reads it anew.

    What it holds of other chains and registries is another audit's.
    """

    def issuers(self) -> Iterable[IssuerId]:
        """Whose records these are."""

    def batches(self) -> Iterable[RecordedBatch]: ...

    def changes(self) -> Iterable[RecordedChange]: ...

    def twice(self) -> Iterable[RecordedTwice]: ...

    def transactions(self) -> Iterable[TxHash]:
        """Every transaction that the issuer's service has signed."""


def open_records(
    url: str, chain: ChainId, registry: Address
) -> AbstractContextManager[IssuerRecords]:
    """The records in the database at `url`. Raises WorkspaceError where nothing reads them."""
    from importlib.metadata import entry_points

    for entry_point in entry_points(group=ENTRY_POINTS):
        opened: AbstractContextManager[IssuerRecords] = entry_point.load()(url, chain, registry)
        return opened
    raise WorkspaceError("--database needs the issuer's side: pip install 'credanchor[service]'")
