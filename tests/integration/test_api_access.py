"""Who may do what: every operation by every scope, and by keys of another issuer."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from api_documents import document, line
from api_in_process import UNLIMITED, glance_of, new_app, open_client, sqlite
from api_process import LINES, bare_workspace, new_key, seal_open
from fastapi.routing import APIRoute

from anchor_service import cli_api
from anchor_service.api.access import Allowed
from anchor_service.api.problems import PROBLEMS
from anchor_service.store import api_keys
from anchor_service.store.api_keys import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from anchor_service.store.database import Database

PUBLIC = None
GONE = 404


@dataclass(frozen=True)
class Operation:
    """scope: None for everyone. own: the status for whom it is meant. foreign: for another issuer's
    key with every scope; where lists and new things are each one's own, the same as `own`.
    """

    scope: Scope | None
    own: int
    foreign: int
    options: dict[str, Any] = field(default_factory=dict)


_WISH = {"change": "suspend", "reasonCode": "other"}
# Every operation must stand here: `{...}` is filled with things of the issuer `main`.
OPERATIONS = {
    ("POST", "/v1/credentials"): Operation(
        Scope.CREDENTIALS_WRITE, 201, 201, {"json": document(77)}
    ),
    ("POST", "/v1/credentials/bulk"): Operation(
        Scope.CREDENTIALS_WRITE, 200, 200, {"content": line(78), "headers": LINES}
    ),
    ("GET", "/v1/credentials"): Operation(Scope.CREDENTIALS_READ, 200, 200),
    ("GET", "/v1/credentials/{credential}"): Operation(Scope.CREDENTIALS_READ, 200, GONE),
    ("GET", "/v1/credentials/{credential}/document"): Operation(Scope.CREDENTIALS_READ, 200, GONE),
    ("GET", "/v1/credentials/{credential}/anchored"): Operation(Scope.CREDENTIALS_READ, 200, GONE),
    ("GET", "/v1/credentials/{credential}/receipt"): Operation(Scope.CREDENTIALS_READ, 200, GONE),
    # Its batch is sealed and not final.
    ("GET", "/v1/credentials/{credential}/bundle"): Operation(Scope.CREDENTIALS_READ, 409, GONE),
    ("GET", "/v1/state"): Operation(Scope.STATE_READ, 200, 200),
    ("GET", "/v1/batches"): Operation(Scope.CREDENTIALS_READ, 200, 200),
    ("GET", "/v1/batches/{batch}"): Operation(Scope.CREDENTIALS_READ, 200, GONE),
    ("POST", "/v1/batches/seal"): Operation(Scope.BATCHES_SEAL, 202, 202),
    ("GET", "/v1/status-changes"): Operation(
        Scope.CREDENTIALS_READ, 200, GONE, {"params": {"credential": "{credential}"}}
    ),
    ("GET", "/v1/status-changes/{number}"): Operation(Scope.CREDENTIALS_READ, 200, GONE),
    ("POST", "/v1/status-changes"): Operation(
        Scope.STATUS_WRITE, 202, GONE, {"json": _WISH | {"credentials": ["{credential}"]}}
    ),
    ("GET", "/v1/issuers"): Operation(Scope.CREDENTIALS_READ, 200, 200),
    ("GET", "/v1/issuers/{handle}"): Operation(Scope.CREDENTIALS_READ, 200, GONE),
    ("POST", "/v1/verify"): Operation(PUBLIC, 503, 503, {"json": document(1)}),
    ("GET", "/verify"): Operation(PUBLIC, 200, 200),
    ("HEAD", "/verify"): Operation(PUBLIC, 200, 200),
    ("GET", "/healthz"): Operation(PUBLIC, 200, 200),
    ("GET", "/readyz"): Operation(PUBLIC, 200, 200),
    ("GET", "/metrics"): Operation(PUBLIC, 200, 200),
}
CASES = [
    pytest.param(method, path, operation, id=f"{method} {path}")
    for (method, path), operation in OPERATIONS.items()
]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with sqlite(tmp_path_factory.mktemp("access")) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    workspace = bare_workspace(tmp_path_factory.mktemp("workspace"))
    with open_client(database, settings=UNLIMITED, glance=glance_of(workspace)) as opened:
        yield opened


@pytest.fixture(scope="module")
def things(database: Database, client: httpx.Client) -> dict[str, Any]:
    """A sealed credential of `main`, its batch, and a status change of it."""
    headers = authorization(new_key(database))
    taken = client.post("/v1/credentials", json=document(1), headers=headers).json()
    batch = seal_open(database)
    wish = _WISH | {"credentials": [taken["digest"]]}
    change = client.post("/v1/status-changes", json=wish, headers=headers).json()["changes"][0]
    return {
        "credential": taken["digest"],
        "batch": batch,
        "number": change["number"],
        "handle": "main",
    }


def authorization(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def filled(value: Any, things: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: filled(one, things) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, things) for one in value]
    return value.format(**things) if isinstance(value, str) and value.startswith("{") else value


def ask(
    client: httpx.Client,
    method: str,
    path: str,
    operation: Operation,
    things: dict[str, Any],
    key: str | None,
) -> int:
    options = filled(operation.options, things)
    headers = {**options.pop("headers", {}), **(authorization(key) if key else {})}
    answer = client.request(method, path.format(**things), headers=headers, **options)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
        assert answer.json()["type"] in {problem.type for problem in PROBLEMS}
    return answer.status_code


def routes(database: Database) -> dict[tuple[str, str], Scope | None]:
    """Every operation that the application has, and the scope that it asks for."""
    found = {}
    for route in all_routes(new_app(database).routes):
        scopes = [
            one.call.scope for one in route.dependant.dependencies if isinstance(one.call, Allowed)
        ]
        for method in route.methods or ():
            found[method, route.path] = scopes[0] if scopes else PUBLIC
    return found


def all_routes(routes: Any) -> Iterator[APIRoute]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from all_routes(route.original_router.routes)


def test_every_operation_stands_in_the_table_with_its_scope(database: Database) -> None:
    assert routes(database) == {place: one.scope for place, one in OPERATIONS.items()}
    described = new_app(database).openapi()["paths"]
    assert OPERATIONS.keys() == {
        (method.upper(), path) for path, methods in described.items() for method in methods
    }


def test_the_command_line_offers_every_scope() -> None:
    assert set(cli_api.SCOPES) == {scope.value for scope in Scope}


@pytest.mark.parametrize(("method", "path", "operation"), CASES)
def test_without_a_key_only_what_is_public(
    client: httpx.Client, things: dict[str, Any], method: str, path: str, operation: Operation
) -> None:
    status = ask(client, method, path, operation, things, None)
    assert status == (operation.own if operation.scope is PUBLIC else 401)


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize(("method", "path", "operation"), CASES)
def test_a_scope_opens_its_own_operations_and_no_other(
    database: Database,
    client: httpx.Client,
    things: dict[str, Any],
    method: str,
    path: str,
    operation: Operation,
    scope: Scope,
) -> None:
    status = ask(client, method, path, operation, things, new_key(database, scope))
    if operation.scope in (PUBLIC, scope):
        # What was taken in by an earlier case is answered as present.
        assert status == operation.own or (operation.own, status) == (201, 200)
    else:
        assert status == 403


@pytest.mark.parametrize(("method", "path", "operation"), CASES)
def test_another_issuers_things_are_not_there(
    database: Database,
    client: httpx.Client,
    things: dict[str, Any],
    method: str,
    path: str,
    operation: Operation,
) -> None:
    status = ask(client, method, path, operation, things, new_key(database, issuer="law"))
    assert status == operation.foreign


@pytest.mark.parametrize(("method", "path", "operation"), CASES)
def test_expired_revoked_and_strange_keys_are_all_the_same(
    database: Database,
    client: httpx.Client,
    things: dict[str, Any],
    method: str,
    path: str,
    operation: Operation,
) -> None:
    now = int(time.time())
    good = new_key(database)
    revoked = new_key(database)
    with database.write() as connection:
        _, expired = api_keys.create(connection, "old", "main", Scope, now - 9, now - 1)
        _, homeless = api_keys.create(connection, "lost", "closed", Scope, now)
        api_keys.revoke(connection, revoked.split("_")[1], now)
    wrong = good[:-3] + ("AAA" if not good.endswith("AAA") else "BBB")
    unknown = f"ca_{'a' * 16}_{'A' * 43}"
    for key in (revoked, expired, homeless, wrong, unknown, "Basic", ""):
        status = ask(client, method, path, operation, things, key or None)
        assert status == (operation.own if operation.scope is PUBLIC else 401)


def test_the_state_is_of_ones_own_issuer_alone(database: Database, client: httpx.Client) -> None:
    for issuer, other in (("main", "law"), ("law", "main")):
        headers = authorization(new_key(database, issuer=issuer))
        told = client.get("/v1/state", headers=headers)
        assert list(told.json()["issuers"]) == [issuer]
        assert other not in told.text


def test_lists_show_only_ones_own(database: Database, things: dict[str, Any]) -> None:
    with open_client(database) as client:
        headers = authorization(new_key(database, issuer="law"))
        for path, kind in (
            ("/v1/credentials", "credentials"),
            ("/v1/batches", "batches"),
            ("/v1/status-changes", "changes"),
        ):
            text = client.get(path, headers=headers).text
            assert kind in text
            assert things["credential"] not in text
        assert [
            one["handle"] for one in client.get("/v1/issuers", headers=headers).json()["issuers"]
        ] == ["law"]


def test_a_secret_is_nowhere_in_the_database(database: Database) -> None:
    text = new_key(database)
    secret = text.split("_", 2)[2].encode()
    with database.engine.connect() as connection:
        dump = "\n".join(connection.connection.iterdump()).encode()
    assert text.split("_")[1].encode() in dump
    assert secret not in dump
