"""Who asks, and what for: the API key in the Authorization header, judged before anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from anchor_service.api.errors import ScopeMissing, Unauthenticated
from anchor_service.api.parameters import refuse_unknown
from anchor_service.store import api_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anchor_service.api.services import Running
    from anchor_service.store.api_keys import ApiKey, Scope
    from anchor_service.store.database import Database

_BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="ApiKey",
    bearerFormat="ca_<id>_<secret>",
    description="A key from `credanchor key create`.",
)


class Caller(NamedTuple):
    """issuer: the handle of the one issuer that the key is for."""

    key_id: str
    name: str
    issuer: str


def key_finder(database: Database) -> Callable[[Sequence[str]], Sequence[ApiKey | None]]:
    """Looks up a group of ids. Nothing is cached: a revoked key ends at once."""

    def find(ids: Sequence[str]) -> Sequence[ApiKey | None]:
        with database.look() as connection:
            found = api_keys.find(connection, ids)
        return [found.get(one) for one in ids]

    return find


class Allowed:
    """A dependency: the caller, whose key is in force and has the scope.

    Raises Unauthenticated, ScopeMissing, TooMany; InvalidRequest for unknown parameters.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(
        self,
        request: Request,
        sent: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    ) -> Caller:
        return await self._judge(request, sent.credentials if sent else "")

    async def of(self, request: Request) -> Caller:
        """The same for a handler that asks by itself."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        return await self._judge(request, text.strip() if scheme.lower() == "bearer" else "")

    async def _judge(self, request: Request, text: str) -> Caller:
        running: Running = request.app.state.running
        key = await find_key(running, request, text)
        request.scope["state"]["key_id"] = key.id
        running.key_buckets.take(key.id)
        if self.scope not in key.scopes:
            raise ScopeMissing(self.scope)
        refuse_unknown(request)
        return Caller(key.id, key.name, key.issuer)


async def find_key(running: Running, request: Request, text: str) -> ApiKey:
    """Raises Unauthenticated; and TooMany where an address goes on without a good key."""
    address = address_of(request)
    presented = api_keys.read_text(text)
    if presented is not None and not running.address_buckets.is_empty(address):
        stored = await running.keys.ask(presented.id)
        key = api_keys.judge(stored, presented, int(running.clock()))
        # A key of an issuer that the settings no longer name is good for nothing.
        if key is not None and key.issuer in running.issuers:
            return key
    running.address_buckets.take(address)
    raise Unauthenticated


def address_of(request: Request) -> str:
    """For counting only: it is neither logged nor stored."""
    return request.client.host if request.client else ""
