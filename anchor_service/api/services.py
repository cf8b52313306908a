"""What handlers work with. All of it is handed in: they open nothing and hold no key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from anchor_service.api.settings import ApiSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from prometheus_client.registry import Collector
    from sqlalchemy import Connection

    from anchor_service.api.answers import Answer
    from anchor_service.api.grouping import Grouped
    from anchor_service.api.intake import Intake
    from anchor_service.api.limits import Buckets
    from anchor_service.api.metrics import Metrics
    from anchor_service.api.reading import Read
    from anchor_service.issuing.achievement import Achievement
    from anchor_service.issuing.roster import RosterRow
    from anchor_service.operating.overview import Overview
    from anchor_service.store.api_keys import ApiKey
    from anchor_service.store.database import Database
    from anchor_service.store.store import Placed
    from anchor_service.store.tree_parts import Paths
    from registry.formats.receipt import Receipt
    from registry.formats.strict_json import JsonObject


class SigningDesk(Protocol):
    """Where credentials are made and signed, behind a queue, with keys that nobody here sees.

    issue: raises IssuerKeyError, RosterRefused, Unavailable where the queue is full.
    """

    async def issue(self, issuer: str, achievement: Achievement, row: RosterRow) -> bytes: ...


class Judge(Protocol):
    """Judges what a request's body holds; slow, since it asks a chain. Raises RegistryError."""

    def __call__(self, raw: bytes, question: Question) -> JsonObject: ...


class Prover(Protocol):
    """Makes a credential's bundle; slow, since it asks a chain.

    Raises ChainError, BundleNotProven, DamagedStore.
    """

    def __call__(self, issuer: str, one: Placed, receipt: Receipt, *, history: bool) -> bytes: ...


class Glance(Protocol):
    """What `overview` tells of the whole workspace; now: unix seconds."""

    def __call__(self, connection: Connection, now: int) -> Overview: ...


@dataclass(frozen=True, slots=True)
class Question:
    """What a caller of `verify` asked for. at: RFC 3339; trusted: blocks as eip155:N:0xHASH."""

    at: str | None = None
    purpose: str | None = None
    trusted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IssuerFacts:
    """An issuer as the settings have it; everything in here is public."""

    handle: str
    name: str
    did: str | None
    url: str | None
    chain: str
    registry: str | None
    issuer_id: str | None


@dataclass(frozen=True, slots=True)
class Services:
    """clock: unix seconds; monotonic: seconds. What may be None is not there in this installation.

    collectors: of figures beside the app's own.
    """

    database: Database
    issuers: Mapping[str, IssuerFacts]
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    signing: SigningDesk | None = None
    judge: Judge | None = None
    prove: Prover | None = None
    glance: Glance | None = None
    collectors: tuple[Collector, ...] = ()
    settings: ApiSettings = field(default_factory=ApiSettings)


@dataclass(frozen=True, slots=True)
class Running:
    """An app between startup and shutdown: Services, and what the app itself keeps going."""

    services: Services
    keys: Grouped[str, ApiKey | None]
    reads: Grouped[Read, Answer]
    intake: Grouped[Intake, Answer]
    key_buckets: Buckets
    address_buckets: Buckets
    paths: Paths
    metrics: Metrics

    @property
    def database(self) -> Database:
        return self.services.database

    @property
    def issuers(self) -> Mapping[str, IssuerFacts]:
        return self.services.issuers

    @property
    def clock(self) -> Callable[[], float]:
        return self.services.clock

    def now(self) -> int:
        return int(self.services.clock())
