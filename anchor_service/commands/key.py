"""`key create|list|revoke|rotate`: keys for the HTTP API."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from anchor_service.commands.output import answer, load_workspace, say
from anchor_service.operating.opening import open_database
from anchor_service.store import api_keys
from anchor_service.store.api_keys import Scope
from registry.moments import stamp
from registry.plurals import count

if TYPE_CHECKING:
    import argparse

    from anchor_service.store.api_keys import ApiKey
    from registry.formats.strict_json import JsonObject


def create(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    now = int(time.time())
    scopes = list(Scope) if "all" in args.scope else [Scope(one) for one in args.scope]
    expires = None if args.expires is None else now + args.expires
    with open_database(workspace) as database, database.write() as connection:
        key, text = api_keys.create(connection, args.name, workspace.handle, scopes, now, expires)
    _tell(args, key, text)
    return 0


def rotate(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    now = int(time.time())
    expires = None if args.expires is None else now + args.expires
    with open_database(workspace) as database, database.write() as connection:
        key, text = api_keys.rotate(connection, args.name, now, args.overlap, expires)
    _tell(args, key, text)
    return 0


def revoke(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    with open_database(workspace) as database, database.write() as connection:
        ended = api_keys.revoke(connection, args.key, int(time.time()))
    say(args, f"{count(len(ended), 'key')} revoked: {', '.join(ended)}")
    answer(args, {"revoked": [*ended]})
    return 0


def list_(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    now = int(time.time())
    with open_database(workspace) as database, database.read() as connection:
        found = api_keys.listed(connection)
    for key in found:
        state = "active" if key.is_active(now) else "revoked" if key.revoked else "expired"
        until = f", until {_day(key.expires)}" if key.expires and state == "active" else ""
        scopes = " ".join(sorted(key.scopes))
        say(args, f"{key.id}  {state}{until}  {key.issuer}  {key.name}  {scopes}")
    answer(args, {"keys": [_shown(key) for key in found]})
    return 0


def _tell(args: argparse.Namespace, key: ApiKey, text: str) -> None:
    say(args, f"key         {text}")
    say(args, "            It is shown this once and stored nowhere; keep it like a password.")
    say(args, f"for         {key.name}, issuer {key.issuer}: {' '.join(sorted(key.scopes))}")
    if key.expires:
        say(args, f"until       {_day(key.expires)}")
    answer(args, {"key": text, **_shown(key)})


def _shown(key: ApiKey) -> JsonObject:
    return {
        "id": key.id,
        "name": key.name,
        "issuer": key.issuer,
        "scopes": [*sorted(key.scopes)],
        "created": _day(key.created),
        "expires": None if key.expires is None else _day(key.expires),
        "revoked": None if key.revoked is None else _day(key.revoked),
    }


def _day(seconds: int) -> str:
    return stamp(datetime.fromtimestamp(seconds, UTC))
