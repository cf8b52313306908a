"""The API as a real process on SQLite and on PostgreSQL: what it takes in, keeps and gives out."""

from __future__ import annotations

import json
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from api_documents import EMAIL, NAME, TO_ISSUE, document, line, raw
from api_process import ISSUER_ID, LINES, Api, new_key, new_workspace, running_api, seal_open
from databases import new_postgres

from anchor_service.store import store
from anchor_service.store.api_keys import Scope
from anchor_service.store.database import Database
from registry.documents.data_integrity import SignatureState, check_signature
from registry.formats.credential import Credential
from registry.formats.leaf import leaf_hash
from registry.formats.receipt import Receipt, extract
from registry.formats.strict_json import read_object
from registry.formats.tree import root_from_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from registry.workspaces.workspace import Workspace

PORTION = 512
"""Lines that the API stores in one transaction."""


@dataclass
class Site:
    workspace: Workspace
    database: Database
    api: Api
    key: str

    @property
    def client(self) -> httpx.Client:
        return self.api.client(self.key)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with ExitStack() as stack:
        url = f"sqlite:///{folder}/api.db"
        if request.param == "postgresql":
            url = stack.enter_context(new_postgres(request.getfixturevalue("postgres")))
        workspace = new_workspace(folder / "workspace", url)
        database = Database(workspace.database_url)
        stack.callback(database.close)
        database.migrate()
        api = stack.enter_context(running_api(workspace))
        yield Site(workspace, database, api, new_key(database))


def stored(site: Site, issuer: str = "main") -> set[str]:
    with site.database.read() as connection:
        return {one.digest.to_hex() for one in store.all_stored(connection, issuer)}


def bulk(client: httpx.Client, body: Any) -> list[dict[str, Any]]:
    answer = client.post("/v1/credentials/bulk", content=body, headers=LINES)
    assert answer.status_code == 200, answer.text
    return [json.loads(one) for one in answer.text.splitlines()]


def test_one_credential_is_kept_byte_for_byte_and_once(site: Site) -> None:
    sent = raw(1)
    first = site.client.post(
        "/v1/credentials", content=sent, headers={"content-type": "application/json"}
    )
    assert first.status_code == 201
    told = first.json()
    assert told["digest"] == Credential.parse(sent).digest.to_hex()
    assert first.headers["location"] == told["href"]
    again = site.client.post("/v1/credentials", json=document(1))
    assert (again.status_code, again.json()["present"]) == (200, True)
    assert site.client.get(told["href"] + "/document").content == sent
    assert told["digest"] in stored(site)


def test_a_credential_is_made_and_signed_for_a_recipient(site: Site) -> None:
    made = site.client.post("/v1/credentials", json=TO_ISSUE)
    assert made.status_code == 201, made.text
    text = site.client.get(made.json()["href"] + "/document").content
    signed = read_object(text)
    assert check_signature(signed).state is SignatureState.VALID
    issuer = signed["issuer"]
    assert isinstance(issuer, dict)
    assert issuer["id"] == site.workspace.issuer.did
    assert NAME in text.decode()
    assert EMAIL not in text.decode()


def test_a_receipt_leads_from_the_document_to_the_root(site: Site) -> None:
    issued = [site.client.post("/v1/credentials", json=document(100 + n)).json() for n in range(3)]
    early = site.client.get(issued[0]["href"] + "/receipt")
    assert (early.status_code, early.json()["type"]) == (409, "urn:credanchor:problem:wrong-state")
    number = seal_open(site.database)
    root = site.client.get(f"/v1/batches/{number}").json()["root"]
    for one in issued:
        receipt = Receipt.parse(site.client.get(one["href"] + "/receipt").content)
        sealed = Credential.parse(site.client.get(one["href"] + "/anchored").content)
        assert extract(sealed.document) == receipt
        assert sealed.digest.to_hex() == one["digest"]
        leaf = leaf_hash(ISSUER_ID, receipt.index, receipt.salt, sealed.digest)
        climbed = root_from_path(leaf, receipt.index, receipt.tree_size, receipt.path)
        assert climbed.to_hex() == root == receipt.root.to_hex()


def test_status_changes_are_written_down_with_their_reason(site: Site) -> None:
    told = site.client.post("/v1/credentials", json=document(200)).json()
    wish: dict[str, Any] = {
        "change": "revoke",
        "credentials": [told["digest"]],
        "reasonCode": "misconduct",
    }
    early = site.client.post("/v1/status-changes", json=wish)
    assert early.status_code == 409
    seal_open(site.database)
    wish |= {"urgent": True, "note": "minutes 7"}
    answer = site.client.post("/v1/status-changes", json=wish)
    assert answer.status_code == 202, answer.text
    (change,) = answer.json()["changes"]
    assert change["askedBy"] == "test"
    assert (change["urgent"], change["reasonCode"], change["note"]) == (
        True,
        "misconduct",
        "minutes 7",
    )
    assert site.client.get(change["href"]).json() == change
    seen = site.client.get(told["href"]).json()
    assert seen["changes"] == [change]


def test_one_unknown_credential_leaves_no_change_at_all(site: Site) -> None:
    told = site.client.post("/v1/credentials", json=document(210)).json()
    seal_open(site.database)
    names = [told["digest"], "urn:uuid:nobody"]
    wish = {"change": "suspend", "credentials": names, "reasonCode": "under-review"}
    assert site.client.post("/v1/status-changes", json=wish).status_code == 404
    assert site.client.get(told["href"]).json()["changes"] == []


def test_a_seal_is_asked_for(site: Site) -> None:
    site.client.post("/v1/credentials", json=document(220))
    asked = site.client.post("/v1/batches/seal")
    assert asked.status_code == 202
    (number,) = asked.json()["batches"]
    assert site.client.get(f"/v1/batches/{number}").json()["state"] == "OPEN"
    seal_open(site.database)
    assert site.client.post("/v1/batches/seal").json() == {"batches": []}


def test_pages_hold_each_credential_once_while_others_come_in(site: Site) -> None:
    digests = [
        one["digest"] for one in bulk(site.client, b"".join(map(line, range(300, 320))))[:-1]
    ]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = site.client.get("/v1/credentials", params={"limit": 7, **cursor}).json()
        seen += [one["digest"] for one in page["credentials"]]
        bulk(site.client, line(400 + len(seen)))
        if page["next"] is None or len(seen) > 500:
            break
        cursor = {"cursor": page["next"]}
        if set(digests) <= set(seen):
            break
    assert set(digests) <= set(seen)
    assert len(seen) == len(set(seen))


def test_filters_narrow_a_list(site: Site) -> None:
    told = site.client.post("/v1/credentials", json=document(330)).json()
    for params in ({"id": told["id"]}, {"state": "OPEN"}):
        page = site.client.get("/v1/credentials", params={"limit": 500, **params}).json()
        assert told["digest"] in [one["digest"] for one in page["credentials"]]
    page = site.client.get("/v1/credentials", params={"state": "BLOCKED"}).json()
    assert page == {"credentials": [], "next": None}


def test_bulk_says_of_every_line_what_became_of_it(site: Site) -> None:
    body = line(500) + b"\n" + line(501) + b"{}\nnonsense\n" + line(500) + line(502).rstrip()
    *told, end = bulk(site.client, body)
    assert [(one["line"], one["outcome"]) for one in told] == [
        (1, "stored"),
        (3, "stored"),
        (4, "refused"),
        (5, "refused"),
        (6, "present"),
        (7, "stored"),
    ]
    assert end == {"end": True, "stored": 3, "present": 1, "refused": 2}
    assert {one["digest"] for one in told if "digest" in one} <= stored(site)


def test_bulk_answers_while_it_still_reads(site: Site) -> None:
    """A client that waits for each answer before it sends the next line gets them."""
    host, port = site.api.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as wire:
        wire.sendall(
            f"POST /v1/credentials/bulk HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {site.key}\r\n"
            "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        for number in range(510, 513):
            one = line(number)
            wire.sendall(b"%x\r\n%b\r\n" % (len(one), one))
            read_until(wire, b"7c8b3f6e-5a0d-4a3e-9d1b-%012x" % number)
        wire.sendall(b"0\r\n\r\n")
        assert b'"stored":3' in read_until(wire, b'"end":true', b"\r\n")


def read_until(wire: socket.socket, *wanted: bytes) -> bytes:
    seen = b""
    while not all(one in seen for one in wanted):
        piece = wire.recv(65536)
        assert piece, seen
        seen += piece
    return seen


def test_a_connection_that_breaks_leaves_nothing_half_acknowledged(site: Site) -> None:
    """What was acknowledged is stored, whole portions or nothing, and all can be sent again."""
    before = stored(site)
    requests = bulk_requests(site)
    host, port = site.api.url.removeprefix("http://").split(":")
    sent = [line(number) for number in range(600, 1900)]
    with socket.create_connection((host, int(port)), timeout=20) as wire:
        wire.sendall(
            f"POST /v1/credentials/bulk HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {site.key}\r\n"
            f"Content-Type: application/x-ndjson\r\nContent-Length: {10**9}\r\n\r\n".encode()
        )
        wire.sendall(b"".join(sent) + sent[0][:100])
        seen = read_until(wire, b'"line":%d' % PORTION)
        # Reset, not closed: the server learns of it in the middle of its work.
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    acknowledged = {one.split(b'"')[0].decode() for one in seen.split(b'"digest":"')[1:]}
    whole = {one for one in acknowledged if len(one) == 66}
    while bulk_requests(site) == requests:  # until the server has noticed
        time.sleep(0.02)
    kept = stored(site) - before
    assert whole <= kept
    assert len(kept) % PORTION == 0 or len(kept) == len(sent)
    *_, end = bulk(site.client, b"".join(sent))
    assert end["present"] == len(kept)
    assert end["stored"] == len(sent) - len(kept)


def bulk_requests(site: Site) -> int:
    return site.api.log.count('"route":"/v1/credentials/bulk"')


def test_a_client_that_reads_nothing_until_it_has_sent_all_is_not_stuck(site: Site) -> None:
    body = b"".join(map(line, range(2000, 8000)))
    *told, end = bulk(site.client, body)
    assert (len(told), end["stored"]) == (6000, 6000)


def test_an_idempotency_key_outlives_a_killed_process(site: Site) -> None:
    headers = {"Idempotency-Key": "roster-7/line-3"}
    with running_api(site.workspace) as doomed:
        first = doomed.client(site.key).post("/v1/credentials", json=TO_ISSUE, headers=headers)
        assert first.status_code == 201
        doomed.kill()
    again = site.client.post("/v1/credentials", json=TO_ISSUE, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    other = site.client.post("/v1/credentials", json=document(9000), headers=headers)
    assert (other.status_code, other.json()["type"]) == (
        422,
        "urn:credanchor:problem:idempotency-key-reused",
    )


def test_an_idempotency_key_makes_one_status_change(site: Site) -> None:
    told = site.client.post("/v1/credentials", json=document(9100)).json()
    seal_open(site.database)
    wish = {"change": "suspend", "credentials": [told["digest"]], "reasonCode": "under-review"}
    headers = {"Idempotency-Key": "suspend-9100"}
    answers = [site.client.post("/v1/status-changes", json=wish, headers=headers) for _ in range(3)]
    assert len({one.content for one in answers}) == 1
    assert len(site.client.get(told["href"]).json()["changes"]) == 1


def test_keys_hold_across_processes_until_they_are_revoked(site: Site) -> None:
    from anchor_service.store import api_keys

    text = new_key(site.database, Scope.CREDENTIALS_READ, name="brief")
    client = site.api.client(text)
    assert client.get("/v1/batches").status_code == 200
    with site.database.write() as connection:
        _, rotated = api_keys.rotate(connection, "brief", int(time.time()), 60, None)
    assert client.get("/v1/batches").status_code == 200
    assert site.api.client(rotated).get("/v1/batches").status_code == 200
    with site.database.write() as connection:
        api_keys.revoke(connection, "brief", int(time.time()))
    assert client.get("/v1/batches").status_code == 401
    assert site.api.client(rotated).get("/v1/batches").status_code == 401


def test_what_cannot_be_anchored_is_judged_so(site: Site) -> None:
    open_client = site.api.client()
    report = open_client.post("/v1/verify", json=document(1)).json()
    assert report["verdict"] == "NOT_ANCHORED"
    together = {"credential": document(1), "receipt": {"version": 1}}
    assert open_client.post("/v1/verify", json=together).json()["verdict"] == "MALFORMED"


def test_figures_count_what_was_taken(site: Site) -> None:
    told = site.client.post("/v1/credentials", json=document(9200)).json()
    site.client.get(told["href"] + "/receipt")
    text = site.api.client().get("/metrics").text
    assert "credanchor_credentials_taken_total" in text
    assert 'route="/v1/credentials/{credential}/receipt"' in text


def test_logs_hold_no_name_no_address_and_no_secret(site: Site) -> None:
    """Runs last in this file: everything above has passed through this process's log."""
    site.client.get("/v1/credentials", params={"id": NAME, "cursor": EMAIL})
    site.client.get(f"/v1/credentials/{EMAIL}")
    site.client.post("/v1/credentials", content=b'{"name": "' + NAME.encode())
    site.api.client("ca_" + "a" * 16 + "_" + "s" * 43).get("/v1/batches")
    log = site.api.log
    assert '"route":"/v1/credentials/{credential}"' in log
    password = (site.workspace.folder / "keys" / "password").read_text().strip()
    secret = site.key.split("_", 2)[2]
    for private in (
        NAME,
        "Példa",
        "P\\u00e9lda",
        EMAIL,
        "pelda",
        password,
        site.key,
        secret,
        "s" * 43,
        "127.0.0.1",
        "urn:uuid",
    ):
        assert private not in log, private
    for one in log.splitlines():
        assert json.loads(one)["event"]
