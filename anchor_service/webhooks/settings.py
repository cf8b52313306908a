"""The tables [[webhooks]] of `credanchor.toml`: who is told what, and under which secret.

The secret comes from the environment or a file, never from the settings' own text, and never gets
into the database.
"""

from __future__ import annotations

import os
from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from anchor_service.store.notices import EVENTS
from registry.errors import MalformedDocument, WorkspaceError
from registry.workspaces.settings import refuse_unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry.workspaces.workspace import Workspace

WATCH_ALERT = "watch.alert"
"""Sent by `credanchor watch` itself: no notice, it stands in no transaction."""
_ALL = (*EVENTS, WATCH_ALERT)

_KEYS = {"name", "issuer", "url", "events", "secret_env", "secret_file", "allow_private"}
# Standard Webhooks: a secret in base64 behind this prefix; any other text counts as its bytes.
_PREFIX = "whsec_"
_LEAST_SECRET = 24


@dataclass(frozen=True, slots=True)
class Endpoint:
    """name: what deliveries are stored under. allow_private: may be an address of a local net.

    url may hold a token, and secret is one: no repr shows either.
    """

    name: str
    issuer: str
    url: str = field(repr=False)
    events: frozenset[str]
    secret: bytes = field(repr=False)
    allow_private: bool

    def wants(self, issuer: str, event: str) -> bool:
        return issuer == self.issuer and event in self.events


def read_endpoints(
    workspace: Workspace, environment: Mapping[str, str] = os.environ
) -> tuple[Endpoint, ...]:
    """Raises WorkspaceError with the file, the entry and the key."""
    try:
        return _endpoints(workspace, workspace.webhooks, environment)
    except MalformedDocument as error:
        raise WorkspaceError(f"{workspace.file}: {error}") from None


def given_endpoint(url: str, secret: str, *, allow_private: bool) -> Endpoint:
    """An endpoint of a command's arguments, for alerts alone. Raises WorkspaceError."""
    try:
        return Endpoint(
            name="--webhook",
            issuer="",
            url=_url(url, "--webhook", allow_private=allow_private),
            events=frozenset({WATCH_ALERT}),
            secret=_read_secret(secret, "--webhook"),
            allow_private=allow_private,
        )
    except MalformedDocument as error:
        raise WorkspaceError(str(error)) from None


def _endpoints(
    workspace: Workspace, tables: object, environment: Mapping[str, str]
) -> tuple[Endpoint, ...]:
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise MalformedDocument("write each as [[webhooks]]", "webhooks")
    endpoints = tuple(
        _endpoint(workspace, table, f"webhooks[{number}]", environment)
        for number, table in enumerate(tables)
    )
    names = [one.name for one in endpoints]
    if len(set(names)) != len(names):
        raise MalformedDocument("two have one name", "webhooks")
    return endpoints


def _endpoint(
    workspace: Workspace, table: Mapping[str, Any], place: str, environment: Mapping[str, str]
) -> Endpoint:
    refuse_unknown(table, _KEYS, f"[[webhooks]] key in {place}")
    issuer = _text(table, "issuer", place, "main")
    if issuer not in workspace.handles:
        raise MalformedDocument("no such issuer", f"{place} issuer")
    events = table.get("events", [*_ALL])
    if not isinstance(events, list) or not events or not set(events) <= set(_ALL):
        raise MalformedDocument(f"a list of {', '.join(_ALL)} expected", f"{place} events")
    allow_private = table.get("allow_private", False)
    if not isinstance(allow_private, bool):
        raise MalformedDocument("true or false expected", f"{place} allow_private")
    return Endpoint(
        name=_text(table, "name", place),
        issuer=issuer,
        url=_url(_text(table, "url", place), place, allow_private=allow_private),
        events=frozenset(events),
        secret=_secret(workspace, table, place, environment),
        allow_private=allow_private,
    )


def _text(table: Mapping[str, Any], key: str, place: str, usual: str | None = None) -> str:
    value = table.get(key, usual)
    if not isinstance(value, str) or not value:
        raise MalformedDocument("text expected", f"{place} {key}")
    return value


def _url(text: str, place: str, *, allow_private: bool) -> str:
    try:
        parts = urlsplit(text)
        named = parts.hostname and parts.port != 0
    except ValueError:
        named = None
    schemes = ("https", "http") if allow_private else ("https",)
    if not named or parts.scheme not in schemes or not text.isascii() or parts.username is not None:
        raise MalformedDocument(
            "an https:// address without a user name expected (http only with allow_private)",
            f"{place} url",
        )
    return text


def _secret(
    workspace: Workspace, table: Mapping[str, Any], place: str, environment: Mapping[str, str]
) -> bytes:
    variable, file = table.get("secret_env"), table.get("secret_file")
    if (variable is None) == (file is None):
        raise MalformedDocument("name one of secret_env and secret_file", place)
    if variable is not None:
        text = environment.get(str(variable), "")
    else:
        try:
            text = (workspace.folder / str(file)).read_text("utf-8")
        except OSError as error:
            raise MalformedDocument(str(error.strerror), f"{place} secret_file") from None
    return _read_secret(text, place)


def _read_secret(text: str, place: str) -> bytes:
    text = text.strip()
    try:
        encoded = text.startswith(_PREFIX)
        secret = b64decode(text[len(_PREFIX) :], validate=True) if encoded else text.encode()
    except ValueError:
        raise MalformedDocument(f"what follows {_PREFIX} is no base64", place) from None
    if len(secret) < _LEAST_SECRET:
        raise MalformedDocument(f"a secret of at least {_LEAST_SECRET} bytes expected", place)
    return secret
