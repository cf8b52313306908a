"""What is served past the framework answers, refuses and is counted as what it serves is."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from api_documents import document
from api_in_process import UNLIMITED, open_client
from api_process import new_key, seal_open
from databases import new_postgres
from sqlalchemy import Column, Connection, Integer, MetaData, Table, delete, select, text

from anchor_service.api.answers import Answer
from anchor_service.api.errors import NotFound
from anchor_service.api.limits import Rate
from anchor_service.api.reading import reader
from anchor_service.api.settings import ApiSettings
from anchor_service.errors import DatabaseError
from anchor_service.store import api_keys
from anchor_service.store.api_keys import Scope
from anchor_service.store.database import Database
from anchor_service.store.prepared import Prepared
from anchor_service.store.schema import credential, placement
from registry.formats.credential import Credential
from registry.formats.receipt import Receipt, extract
from registry.values import CredentialDigest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

# Served by the framework: asks for the same scope, and refuses for the same reasons.
TWIN = "/anchored"
NOBODYS = CredentialDigest(b"\x01" * 32).to_hex()
_NEW_EACH_TIME = {"x-request-id", "date"}


@contextmanager
def site(database: Database, **options: Any) -> Iterator[tuple[httpx.Client, str, str]]:
    """A client with a key for everything, a sealed credential's path, and one that waits."""
    with open_client(database, **({"settings": UNLIMITED} | options)) as client:
        client.headers["Authorization"] = f"Bearer {new_key(database)}"
        sealed = client.post("/v1/credentials", json=document(1)).json()["href"]
        seal_open(database)
        waits = client.post("/v1/credentials", json=document(2)).json()["href"]
        yield client, sealed, waits


def shown(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    headers = {k: v for k, v in answer.headers.items() if k not in _NEW_EACH_TIME}
    assert len(answer.headers["x-request-id"]) == 24
    return answer.status_code, headers, answer.content


def test_a_receipt_is_that_of_the_anchored_document(database: Database) -> None:
    with site(database) as (client, sealed, _):
        answer = client.get(sealed + "/receipt")
        anchored = Credential.parse(client.get(sealed + TWIN).content)
        assert Receipt.parse(answer.content) == extract(anchored.document)
        by_id = client.get(f"/v1/credentials/{document(1)['id']}/receipt")
        assert by_id.content == answer.content
        status, headers, _ = shown(answer)
        assert (status, headers) == (
            200,
            {
                "content-type": "application/json",
                "content-length": str(len(answer.content)),
                "cache-control": "no-store",
            },
        )
        head = client.head(sealed + "/receipt")
        assert shown(head) == (200, headers, b"")


def test_refusals_are_the_frameworks_to_the_byte(database: Database) -> None:
    with site(database) as (client, sealed, waits):
        strangers = {
            "no key": {"Authorization": ""},
            "no bearer": {"Authorization": "Basic abc"},
            "unknown key": {"Authorization": f"Bearer ca_{'a' * 16}_{'A' * 43}"},
            "wrong scope": {
                "Authorization": f"Bearer {new_key(database, Scope.CREDENTIALS_WRITE)}"
            },
            "another issuer's": {"Authorization": f"Bearer {new_key(database, issuer='law')}"},
        }
        names = {
            "waits for its seal": waits,
            "nobody's": f"/v1/credentials/{NOBODYS}",
            "no digest": "/v1/credentials/0xzz",
            "NUL": "/v1/credentials/a%00b",
            "longest name": "/v1/credentials/" + "a" * 2000,
            "too long": "/v1/credentials/" + "a" * 2001,
        }
        asked: dict[str, tuple[str, dict[str, str]]] = {
            **{name: (sealed, headers) for name, headers in strangers.items()},
            **{name: (path, {}) for name, path in names.items()},
        }
        found = {}
        for name, (path, headers) in asked.items():
            direct, twin = (
                shown(client.get(path + end, headers=headers)) for end in ("/receipt", TWIN)
            )
            assert direct == twin, name
            found[name] = direct[0]
        assert found == {
            "no key": 401,
            "no bearer": 401,
            "unknown key": 401,
            "wrong scope": 403,
            "another issuer's": 404,
            "waits for its seal": 409,
            "nobody's": 404,
            "no digest": 404,
            "NUL": 404,
            "longest name": 404,
            "too long": 422,
        }
        for query, status in (("?more=1", 422), ("?", 200)):
            direct, twin = (shown(client.get(sealed + end + query)) for end in ("/receipt", TWIN))
            assert direct[0] == twin[0] == status
        for path in ("/receipt", TWIN):
            answer = client.post(sealed + path)
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
            assert client.get(f"{sealed}{path}/").headers["location"].endswith(sealed + path)


def test_two_documents_of_one_id_are_told_apart_by_digest(database: Database) -> None:
    with site(database) as (client, sealed, _):
        client.post("/v1/credentials", json=document(1, name="Another"))
        direct, twin = (
            shown(client.get(f"/v1/credentials/{document(1)['id']}{end}"))
            for end in ("/receipt", TWIN)
        )
        assert direct == twin
        assert direct[0] == 409
        assert client.get(sealed + "/receipt").status_code == 200


def test_an_erased_credential_has_no_receipt(database: Database) -> None:
    with site(database) as (client, sealed, _):
        digest = bytes.fromhex(sealed[-64:])
        with database.write() as connection:
            row = connection.scalar(select(credential.c.id).where(credential.c.digest == digest))
            connection.execute(delete(placement).where(placement.c.credential == row))
        direct, twin = (shown(client.get(sealed + end)) for end in ("/receipt", TWIN))
        assert direct == twin
        assert direct[0] == 410


def test_a_revoked_key_ends_at_once(database: Database) -> None:
    with site(database) as (client, sealed, _):
        now = int(time.time())
        for number in range(3):
            text_of_key = new_key(database)
            headers = {"Authorization": f"Bearer {text_of_key}"}
            assert client.get(sealed + "/receipt", headers=headers).status_code == 200
            with database.write() as connection:
                api_keys.revoke(connection, text_of_key.split("_")[1], now)
            assert client.get(sealed + "/receipt", headers=headers).status_code == 401
            sent = client.post("/v1/credentials", json=document(10 + number), headers=headers)
            assert sent.status_code == 401


def test_reads_are_counted_against_the_keys_rate(database: Database) -> None:
    slow = ApiSettings(key_rate=Rate(0.01, 4), address_rate=Rate(1e6, 1e6))
    with site(database, settings=slow) as (client, sealed, _):
        left = [client.get(sealed + "/receipt") for _ in range(3)]
        assert [one.status_code for one in left] == [200, 200, 429]
        assert left[-1].json()["type"] == "urn:credanchor:problem:too-many-requests"
        assert int(left[-1].headers["retry-after"]) > 50


def test_what_is_served_directly_stands_in_figures_and_manual(database: Database) -> None:
    route = "/v1/credentials/{credential}/receipt"
    with site(database) as (client, sealed, _):
        client.get(sealed + "/receipt")
        client.get(sealed + "/receipt?more=1")
        figures = client.get("/metrics").text
        for status in (200, 422):
            labels = f'{{method="GET",route="{route}",status="{status}"}}'
            assert f"credanchor_http_requests_total{labels} 1.0" in figures
        assert sealed not in figures
        operation = client.get("/v1/openapi.json").json()["paths"][route]["get"]
        assert [one["name"] for one in operation["parameters"]] == ["credential"]
        assert {"200", "401", "403", "404", "409", "410", "429"} <= operation["responses"].keys()
        assert operation["security"] == [{"ApiKey": []}]


def test_one_read_that_fails_is_told_to_its_asker_alone(database: Database) -> None:
    missing = Prepared(select(Table("missing", MetaData(), Column("id", Integer)).c.id))

    def fails(connection: Connection) -> Answer:
        return Answer(len(missing.rows(connection)), b"")

    def refuses(connection: Connection) -> Answer:
        raise NotFound("credential")

    def answers(connection: Connection) -> Answer:
        return Answer(200, str(connection.scalar(text("SELECT 7"))).encode())

    told = reader(database)([answers, fails, refuses, answers])
    kinds = [one.body if isinstance(one, Answer) else type(one) for one in told]
    assert kinds == [b"7", DatabaseError, NotFound, b"7"]


def test_a_server_that_went_away_is_told_and_comes_back(postgres: str) -> None:
    """Connections are cut between two requests, as a restart of the server does."""
    cut = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with (
        new_postgres(postgres) as url,
        closing(Database(url)) as database,
        site(database) as (client, sealed, _),
    ):
        assert client.get(sealed + "/receipt").status_code == 200
        with database.write() as connection:
            connection.execute(cut)
        told = client.get(sealed + "/receipt")
        assert (told.status_code, told.headers["retry-after"]) == (503, "1")
        assert told.json()["detail"] == "The database does not answer."
        assert [client.get(sealed + "/receipt").status_code for _ in range(3)] == [200] * 3
