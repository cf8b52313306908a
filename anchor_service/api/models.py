"""The shapes of requests and answers, for checking the former and documenting both."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from anchor_service.store.lifecycle import BatchState, ChangeState
from anchor_service.store.reason_codes import ReasonCode

MAX_CHANGES = 10_000
MAX_NOTE = 2000

_Hex32 = Annotated[str, Field(pattern="^0x[0-9a-f]{64}$")]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\u0000]+$")]


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Recipient(Asked):
    """One of name, email and did must be there. date: ISO 8601; evidence: an https address."""

    name: _Text | None = None
    email: _Text | None = None
    did: _Text | None = None
    date: _Text | None = None
    result: _Text | None = None
    evidence: _Text | None = None


class ToIssue(Asked):
    """achievement: as in an achievement file (Open Badges 3.0, with `validFor` and `language`)."""

    achievement: dict[str, Any]
    recipient: Recipient


class StatusChanges(Asked):
    """credentials: digests (0x...) or ids. urgent: sent at once, not with the next batch.

    note: kept in the database until the learner's data is erased, never on the chain.
    """

    change: Literal["suspend", "reinstate", "revoke"]
    credentials: Annotated[list[_Name], Field(min_length=1, max_length=MAX_CHANGES)]
    reasonCode: Annotated[ReasonCode, Field(strict=False)]  # noqa: N815 - JSON's name
    note: Annotated[str, StringConstraints(max_length=MAX_NOTE, pattern=r"^[^\u0000]*$")] | None = (
        None
    )
    urgent: bool = False


class SchemaFault(Told):
    pointer: str
    detail: str


class Taken(Told):
    """present: the same document was here already, and nothing was written.

    schemaFaults: null where no official schema is known for its type and context.
    """

    id: str | None
    digest: _Hex32
    present: bool
    schemaFaults: list[SchemaFault] | None  # noqa: N815 - JSON's name
    href: str


class CredentialSeen(Told):
    id: str | None
    digest: _Hex32
    label: str | None
    created: str
    state: BatchState
    batch: int
    index: int | None
    erased: bool
    href: str


class ChangeSeen(Told):
    change: Literal["suspend", "reinstate", "revoke"]
    number: int
    credential: _Hex32
    id: str | None
    state: ChangeState
    dropped: str | None
    urgent: bool
    reasonCode: str | None  # noqa: N815 - JSON's name
    note: str | None
    askedBy: str | None  # noqa: N815 - JSON's name
    created: str
    href: str


class CredentialWhole(CredentialSeen):
    changes: list[ChangeSeen]


class CredentialPage(Told):
    credentials: list[CredentialSeen]
    next: str | None


class AnchorSeen(Told):
    transaction: _Hex32
    block: int
    anchoredAt: str  # noqa: N815 - JSON's name


class BatchSeen(Told):
    batch: int
    state: BatchState
    reason: str | None
    credentials: int
    created: str
    sealed: str | None
    chain: str | None
    registry: str | None
    issuerId: _Hex32 | None  # noqa: N815 - JSON's name
    root: _Hex32 | None
    treeSize: int | None  # noqa: N815 - JSON's name
    metaHash: _Hex32 | None  # noqa: N815 - JSON's name
    anchor: AnchorSeen | None
    href: str


class BatchPage(Told):
    batches: list[BatchSeen]
    next: str | None


class SealAsked(Told):
    """batches: those that the worker will seal next; empty where nothing is open."""

    batches: list[int]


class ChangePage(Told):
    changes: list[ChangeSeen]
    next: str | None


class ChangesAsked(Told):
    changes: list[ChangeSeen]


class IssuerSeen(Told):
    handle: str
    name: str
    did: str | None
    url: str | None
    chain: str
    registry: str | None
    issuerId: _Hex32 | None  # noqa: N815 - JSON's name
    href: str


class IssuerList(Told):
    issuers: list[IssuerSeen]


class ReceiptSeen(Told):
    version: Literal[1]
    chain: str
    registry: str
    issuerId: _Hex32  # noqa: N815 - JSON's name
    index: int
    treeSize: int  # noqa: N815 - JSON's name
    salt: _Hex32
    path: list[_Hex32]
    root: _Hex32


class ProblemSeen(BaseModel):
    """RFC 9457. Members beside these depend on the type."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str | None = None


class Health(Told):
    status: Literal["ok"]
