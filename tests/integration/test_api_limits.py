"""Limits of rate, size and time, and content types: each with the status and headers it has."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest
from api_documents import document, line
from api_in_process import UNLIMITED, glance_of, open_client, sqlite
from api_process import LINES, bare_workspace, new_key, seal_open

from anchor_service.api.gauges import ServiceGauges
from anchor_service.api.limits import Rate
from anchor_service.api.settings import ApiSettings
from anchor_service.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

MAX_BODY = 4096
IDLE_S = 0.4
SETTINGS = ApiSettings(
    key_rate=Rate(0.5, 5), address_rate=Rate(0.5, 4), max_body=MAX_BODY, idle_seconds=IDLE_S
)
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with sqlite(tmp_path_factory.mktemp("limits")) as opened:
        yield opened


@pytest.fixture
def client(database: Database) -> Iterator[httpx.Client]:
    with open_client(database, settings=SETTINGS) as opened:
        yield opened


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_a_key_over_its_rate_is_told_when_to_come_again(
    database: Database, client: httpx.Client
) -> None:
    fast, other = new_key(database), new_key(database)
    answers = [client.get("/v1/batches", headers=bearer(fast)) for _ in range(6)]
    assert [one.status_code for one in answers] == [200] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) in (1, 2)
    assert answers[-1].json()["type"] == "urn:credanchor:problem:too-many-requests"
    assert client.get("/v1/batches", headers=bearer(other)).status_code == 200


def test_an_address_that_guesses_is_stopped_but_not_who_it_is_not(
    database: Database, client: httpx.Client
) -> None:
    wrong = bearer(f"ca_{'a' * 16}_{'A' * 43}")
    assert [client.get("/v1/batches", headers=wrong).status_code for _ in range(5)] == [401] * 4 + [
        429
    ]
    # What needs no key is counted with it.
    assert client.post("/v1/verify", json=document(1)).status_code == 429
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_not_read(
    database: Database, client: httpx.Client, announced: bool
) -> None:
    body = b"x" * (MAX_BODY + 1)
    content = body if announced else iter([body[:100], body[100:]])
    headers = JSON | bearer(new_key(database))
    answer = client.post("/v1/credentials", content=content, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:credanchor:problem:too-large")


def test_bulk_takes_more_than_one_body_may_hold(database: Database, client: httpx.Client) -> None:
    body = b"".join(map(line, range(10)))
    assert len(body) > MAX_BODY
    headers = LINES | bearer(new_key(database))
    answer = client.post("/v1/credentials/bulk", content=body, headers=headers)
    assert '"stored":10' in answer.text


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "application/json; charset=latin-1", ""]
)
@pytest.mark.parametrize("path", ["/v1/credentials", "/v1/credentials/bulk", "/v1/status-changes"])
def test_other_content_types_are_refused(
    database: Database, content_type: str, path: str, client: httpx.Client
) -> None:
    headers = {"content-type": content_type} | bearer(new_key(database))
    answer = client.post(path, content=b"{}", headers=headers)
    assert answer.status_code == 415
    assert answer.headers["accept"]


def test_a_body_that_does_not_come_is_not_waited_for(
    database: Database, client: httpx.Client
) -> None:
    host, port = client.base_url.host, client.base_url.port
    assert port is not None
    with socket.create_connection((host, port), timeout=20) as wire:
        wire.sendall(
            b"POST /v1/credentials HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer " + new_key(database).encode() + b"\r\n"
            b"Content-Length: 1000\r\n\r\n{"
        )
        answer = wire.recv(65536)
    assert b" 408 " in answer.split(b"\r\n")[0]
    assert b"urn:credanchor:problem:too-slow" in answer


def test_a_full_database_lock_is_said_and_nothing_is_half_stored(database: Database) -> None:
    """A writer that never ends: the request ends in time, and says that it is open what became."""
    settings = ApiSettings(
        key_rate=UNLIMITED.key_rate, address_rate=UNLIMITED.address_rate, max_seconds=1.0
    )
    headers = bearer(new_key(database))
    with open_client(database, settings=settings) as client:
        with database.write() as connection:
            answer = client.post("/v1/credentials", json=document(900), headers=headers)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            del connection
        again = client.post("/v1/credentials", json=document(900), headers=headers)
        assert again.status_code in (200, 201)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "credential-refused"),
        (b"[]", "credential-refused"),
        (b'{"a":1,"a":2}', "credential-refused"),
        (b'{"issuer":"did:web:x","id":"a\\u0000b"}', "credential-refused"),
        (b'{"achievement":{},"recipient":{},"more":1}', "invalid-request"),
        (b'{"achievement":{},"recipient":{"email":"x"}}', "invalid-request"),
    ],
)
def test_what_is_no_credential_is_refused_with_its_place(
    database: Database, client: httpx.Client, body: bytes, problem: str
) -> None:
    headers = JSON | bearer(new_key(database))
    answer = client.post("/v1/credentials", content=body, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, f"urn:credanchor:problem:{problem}")
    assert answer.json()["detail"]


def test_strict_refuses_what_the_schema_does_not_accept(
    database: Database, client: httpx.Client
) -> None:
    headers = bearer(new_key(database))
    bad = document(950, name=7)
    refused = client.post("/v1/credentials", params={"strict": "true"}, json=bad, headers=headers)
    assert refused.status_code == 422
    taken = client.post("/v1/credentials", json=bad, headers=headers)
    assert taken.status_code == 201
    assert taken.json()["schemaFaults"][0]["pointer"] == "/name"
    wrong = client.post("/v1/credentials", params={"strict": "maybe"}, json=bad, headers=headers)
    assert wrong.status_code == 422


def test_a_list_of_credentials_is_refused_with_the_one_at_fault(
    database: Database, client: httpx.Client
) -> None:
    headers = bearer(new_key(database))
    sealed = client.post("/v1/credentials", json=document(960), headers=headers).json()["digest"]
    seal_open(database)
    waiting = client.post("/v1/credentials", json=document(961), headers=headers).json()["digest"]
    for name, status in (("urn:uuid:nobodys", 404), (waiting, 409)):
        wish = {"change": "revoke", "credentials": [sealed, name], "reasonCode": "other"}
        answer = client.post("/v1/status-changes", json=wish, headers=headers)
        (fault,) = answer.json()["errors"]
        assert (answer.status_code, fault["pointer"]) == (status, "/credentials/1")
        assert name not in answer.text
    changes = client.get("/v1/status-changes", headers=headers).json()["changes"]
    assert changes == []


def test_paths_and_methods_that_there_are_not_lead_to_those_that_there_are(
    client: httpx.Client,
) -> None:
    lost = client.get("/v1/credential")
    assert lost.status_code == 404
    assert "/v1/openapi.json" in lost.json()["detail"]
    wrong = client.delete("/v1/credentials")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD, POST")
    assert client.put("/v1/verify").headers["allow"] == "POST"


def test_a_misspelt_parameter_is_refused_with_those_that_are_known(
    database: Database, client: httpx.Client
) -> None:
    headers = bearer(new_key(database))
    kept = client.post("/v1/credentials?stirct=true", json=document(990), headers=headers)
    listed = client.get("/v1/batches?limt=1", headers=headers)
    judged = client.post("/v1/verify?att=2026-01-01T00:00:00Z", json=document(990))
    assert [one.status_code for one in (kept, listed, judged)] == [422] * 3
    for answer, known in ((kept, "strict"), (listed, "cursor, limit, state"), (judged, "at, ")):
        (fault,) = answer.json()["errors"]
        assert fault["pointer"] == "query"
        assert f"known: {known}" in fault["detail"]
    wanted = {"id": str(document(990)["id"])}
    found = client.get("/v1/credentials", params=wanted, headers=headers).json()
    assert found["credentials"] == []


def test_without_its_database_a_process_is_alive_and_not_ready(tmp_path: Path) -> None:
    missing = Database(f"sqlite:///{tmp_path}/no/such/folder.db")
    gauges = ServiceGauges(missing, glance_of(bare_workspace(tmp_path)), time.time)
    with open_client(missing, settings=SETTINGS, collectors=(gauges,)) as client:
        assert client.get("/healthz").status_code == 200
        for path in ("/readyz", "/v1/batches"):
            answer = client.get(path, headers=bearer(f"ca_{'a' * 16}_{'b' * 43}"))
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert "database" in answer.json()["detail"]
            assert str(tmp_path) not in answer.text
        assert "credanchor_database_up 0.0" in client.get("/metrics").text
    missing.close()


def test_head_is_get_without_its_body(database: Database, client: httpx.Client) -> None:
    headers = bearer(new_key(database))
    for path in ("/healthz", "/v1/batches", "/v1/batches/99999"):
        got, asked = client.get(path, headers=headers), client.head(path, headers=headers)
        assert asked.content == b""
        assert asked.status_code == got.status_code
        assert asked.headers["content-length"] == got.headers["content-length"] != "0"


def test_no_cache_keeps_an_answer(database: Database, client: httpx.Client) -> None:
    headers = bearer(new_key(database))
    taken = client.post("/v1/credentials", json=document(970), headers=headers)
    read = client.get(taken.json()["href"] + "/document", headers=headers)
    refused = client.get("/v1/credentials/nobodys", headers=headers)
    assert [one.status_code for one in (taken, read, refused)] == [201, 200, 404]
    assert {one.headers["cache-control"] for one in (taken, read, refused)} == {"no-store"}


def test_a_line_at_fault_is_told_by_its_column(database: Database, client: httpx.Client) -> None:
    headers = LINES | bearer(new_key(database))
    told = client.post("/v1/credentials/bulk", content=b'\n{"a":x}\n', headers=headers)
    refused = told.text.splitlines()[0]
    assert '"line":2' in refused
    assert "at column 6" in refused
    assert "line 1" not in refused


def test_an_achievement_at_fault_is_told_in_one_way(
    database: Database, client: httpx.Client
) -> None:
    body = {"achievement": {"name": "Python"}, "recipient": {"name": "Ada"}}
    answer = client.post("/v1/credentials", json=body, headers=bearer(new_key(database))).json()
    first = answer["errors"][0]
    assert first["pointer"] == "/achievement"
    assert answer["detail"].startswith(f"/achievement: {first['detail']}")
