"""What `credanchor.toml` says of the API: the table [api], each key with its twin."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anchor_service.api.limits import Rate
from registry.errors import MalformedDocument, WorkspaceError
from registry.workspaces.settings import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry.workspaces.workspace import Workspace


_KEY_RATE = Rate(2000, 4000)
_ADDRESS_RATE = Rate(10, 100)


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """key_rate: of one key; address_rate: of one address without a good key, `verify` included.

    max_body: bytes of one request; max_seconds: from its first byte to its answer, both but for
    bulk. idle_seconds: between two pieces of a body.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    key_rate: Rate = _KEY_RATE
    address_rate: Rate = _ADDRESS_RATE
    max_body: int = 2 * 2**20
    max_seconds: float = 30
    idle_seconds: float = 20

    @classmethod
    def of(cls, workspace: Workspace, environment: Mapping[str, str] = os.environ) -> ApiSettings:
        """Raises WorkspaceError with file and key."""
        try:
            return cls._read(workspace.api, environment)
        except MalformedDocument as error:
            raise WorkspaceError(f"{workspace.file}: {error}") from None

    @classmethod
    def _read(cls, values: object, environment: Mapping[str, str]) -> ApiSettings:
        table = Table("api", {"api": values}, environment)
        usual = cls()
        read = cls(
            host=table.optional("host", str) or usual.host,
            port=table.number("port", _port) or usual.port,
            key_rate=_rate(table, "key", usual.key_rate),
            address_rate=_rate(table, "address", usual.address_rate),
            max_body=table.number("max_body", _positive_int) or usual.max_body,
            max_seconds=table.number("max_seconds", _positive) or usual.max_seconds,
            idle_seconds=table.number("idle_seconds", _positive) or usual.idle_seconds,
        )
        table.refuse_others()
        return read


def _rate(table: Table, who: str, usual: Rate) -> Rate:
    return Rate(
        table.number(f"{who}_per_second", _positive) or usual.per_second,
        table.number(f"{who}_burst", _positive) or usual.burst,
    )


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e12:
        raise ValueError("a number above 0 expected")
    return value


def _positive_int(text: str) -> int:
    return int(_positive(text))


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) < 65536:
        raise ValueError("a port from 1 to 65535 expected")
    return int(text)
