"""`credanchor serve`: from a request to a final anchor, on a real chain, in one process."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from api_documents import EMAIL, NAME, TO_ISSUE, document
from api_in_process import UNLIMITED, open_client
from api_process import Api, new_key, new_workspace, running_api
from webhook_receiver import SECRET, Receiver, receiving

from anchor_service.api.judging import WorkspaceJudge
from anchor_service.store.database import Database
from registry.cli import main
from registry.judging.policy import TrustPolicy
from registry.judging.verifier import verify_bundle
from registry.proofs.block_header import Header
from registry.proofs.evidence import GivenBlock
from registry.proofs.proven_evidence import TrustedBlock
from registry.report import Verdict
from registry.values import ChainId
from registry.workspaces.devchain import DevChain
from registry.workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

_WAIT_S = 60


@pytest.fixture(scope="module")
def hook() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


@pytest.fixture(scope="module")
def workspace(hook: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("serve")
    more = (
        f'\n[[webhooks]]\nname = "crm"\nurl = "http://127.0.0.1:{hook.port}/hook"\n'
        'secret_env = "HOOK_SECRET"\nallow_private = true\n'
    )
    made = new_workspace(folder, f"sqlite:///{folder}/serve.db", more)
    with DevChain(folder).use():
        for command in (["deploy"], ["issuer", "register"]):
            assert main(["-w", str(folder), *command]) == 0
        yield Workspace.load(made.folder)


@pytest.fixture(scope="module")
def served(workspace: Workspace) -> Iterator[tuple[Api, httpx.Client]]:
    with running_api(workspace, ("serve",), HOOK_SECRET=SECRET.decode()) as api:
        database = Database(workspace.database_url)
        key = new_key(database)
        database.close()
        yield api, api.client(key)


def until(client: httpx.Client, path: str, **wanted: str) -> dict[str, Any]:
    """What stands there once it has these values."""
    end = time.monotonic() + _WAIT_S
    while time.monotonic() < end:
        told: dict[str, Any] = client.get(path).json()
        if all(told.get(name) == value for name, value in wanted.items()):
            return told
        time.sleep(0.1)
    raise AssertionError(told)


def anchored(client: httpx.Client, body: Any) -> dict[str, Any]:
    """A credential, taken in and brought to the chain for good."""
    told: dict[str, Any] = client.post("/v1/credentials", json=body).json()
    (number,) = client.post("/v1/batches/seal").json()["batches"]
    batch = until(client, f"/v1/batches/{number}", state="FINAL")
    assert batch["anchor"]["block"] > 0
    return told


def test_a_request_becomes_a_final_anchor_and_everything_that_proves_it(
    workspace: Workspace, served: tuple[Api, httpx.Client], hook: Receiver
) -> None:
    _, client = served
    told = anchored(client, TO_ISSUE)
    file = client.get(told["href"] + "/anchored").content
    report = client.post("/v1/verify", content=file, headers={"content-type": "application/json"})
    assert report.json()["verdict"] == Verdict.VALID, report.text
    bundle = client.get(told["href"] + "/bundle")
    assert bundle.status_code == 200, bundle.text
    assert judged(workspace, bundle.content) is Verdict.VALID
    end = time.monotonic() + _WAIT_S
    while not hook.messages and time.monotonic() < end:
        time.sleep(0.1)
    assert json.loads(hook.messages[0][1])["type"] == "batch.final"


def judged(workspace: Workspace, bundle: bytes) -> Verdict:
    """By the library alone, under the bundle's own block: it shows that the proofs hold."""
    header = json.loads(bundle)["evidence"]["header"]
    block = TrustedBlock(ChainId(31337), Header.decode(bytes.fromhex(header[2:])).hash)
    policy = TrustPolicy.from_toml(Workspace.load(workspace.folder).trust)
    trusted = {block: GivenBlock()}
    return verify_bundle(bundle, trusted, policy, datetime.now(UTC)).verdict


def test_the_manuals_walk_goes_as_it_says(served: tuple[Api, httpx.Client]) -> None:
    _, client = served
    walk = (Path(__file__).parents[2] / "docs/api.md").read_text("utf-8").split("```")[1]
    body = re.search(r"-d '(\{.*?\})'\n", walk, re.DOTALL)
    assert body is not None
    told = anchored(client, json.loads(body[1]))
    paths = re.findall(r"localhost:8080(/v1/credentials/0x\S+)", walk)
    found = [client.get(one.replace("0xb373...", told["digest"])) for one in paths]
    assert [one.status_code for one in found] == [200, 200]


def test_an_urgent_revocation_goes_at_once_and_shows(served: tuple[Api, httpx.Client]) -> None:
    _, client = served
    told = anchored(client, {**TO_ISSUE, "recipient": {"name": "Another"}})
    wish = {
        "change": "revoke",
        "credentials": [told["digest"]],
        "reasonCode": "issued-in-error",
        "urgent": True,
    }
    (change,) = client.post("/v1/status-changes", json=wish).json()["changes"]
    until(client, change["href"], state="FINAL")
    file = client.get(told["href"] + "/anchored").content
    report = client.post("/v1/verify", content=file, headers={"content-type": "application/json"})
    assert report.json()["verdict"] == Verdict.REVOKED


def verified(client: httpx.Client, file: bytes, **params: str) -> Any:
    """The report, from whoever asks."""
    headers = {"content-type": "application/json"}
    answer = client.post("/v1/verify", content=file, params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_past_is_judged_as_it_was_lived(served: tuple[Api, httpx.Client]) -> None:
    """Before its anchor, while it was good, and now that it is revoked."""
    api, client = served
    told = anchored(client, {**TO_ISSUE, "recipient": {"name": "A third"}})
    number = client.get(told["href"]).json()["batch"]
    anchor = client.get(f"/v1/batches/{number}").json()["anchor"]["anchoredAt"]
    wish = {"change": "revoke", "credentials": [told["digest"]], "reasonCode": "misconduct"}
    # Chain seconds: the revocation's must be a later one than the anchor's.
    wait_past(anchor, 2)
    (change,) = client.post("/v1/status-changes", json={**wish, "urgent": True}).json()["changes"]
    until(client, change["href"], state="FINAL")
    file = client.get(told["href"] + "/anchored").content
    anyone = api.client()
    before = (datetime.fromisoformat(anchor) - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert verified(anyone, file)["verdict"] == Verdict.REVOKED
    good = verified(anyone, file, at=anchor)
    assert (good["verdict"], good["at"]) == (Verdict.VALID, anchor)
    assert good["history"]["operations"] >= 3
    assert verified(anyone, file, at=before)["verdict"] == Verdict.NOT_ANCHORED
    bundle = client.get(told["href"] + "/bundle", params={"history": "true"}).content
    header = json.loads(bundle)["evidence"]["header"]
    block = str(TrustedBlock(ChainId(31337), Header.decode(bytes.fromhex(header[2:])).hash))
    assert verified(anyone, bundle, trusted=block)["verdict"] == Verdict.REVOKED
    assert verified(anyone, bundle, trusted=block, at=anchor)["verdict"] == Verdict.VALID


def wait_past(moment: str, seconds: int) -> None:
    over = datetime.fromisoformat(moment).timestamp() + seconds
    while time.time() < over:
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({"at": "yesterday"}, "query/at"),
        ({"at": "2999-01-01"}, "query/at"),
        ({"trusted": "eip155:31337:0x12"}, "query/trusted"),
        ({"purpose": "x" * 65}, "query/purpose"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(
    served: tuple[Api, httpx.Client], params: dict[str, str], place: str
) -> None:
    api, _ = served
    answer = api.client().post("/v1/verify", json=document(1), params=params)
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:credanchor:problem:invalid-request"
    assert answer.json()["errors"][0]["pointer"] == place


def test_a_purpose_opens_what_is_trusted_for_it_alone(
    workspace: Workspace, served: tuple[Api, httpx.Client]
) -> None:
    """By a workspace that believes the issuer for hiring alone, under the asker's block."""
    _, client = served
    told = anchored(client, {**TO_ISSUE, "recipient": {"name": "A fourth"}})
    bundle = client.get(told["href"] + "/bundle").content
    header = json.loads(bundle)["evidence"]["header"]
    block = str(TrustedBlock(ChainId(31337), Header.decode(bytes.fromhex(header[2:])).hash))
    trust: dict[str, Any] = dict(workspace.trust)
    limited = {**trust, "issuers": [{**trust["issuers"][0], "purposes": ["hiring"]}]}
    judge = WorkspaceJudge(replace(workspace, trust=limited), time.time)
    database = Database(workspace.database_url)
    with open_client(database, settings=UNLIMITED, judge=judge) as asker:
        for purpose, verdict in (("hiring", Verdict.VALID), ("study", Verdict.ISSUER_UNTRUSTED)):
            report = verified(asker, bundle, trusted=block, purpose=purpose)
            assert report["verdict"] == verdict
    judge.close()
    database.close()


def test_state_and_figures_are_the_services(served: tuple[Api, httpx.Client]) -> None:
    api, client = served
    anchored(client, {**TO_ISSUE, "recipient": {"name": "Another"}})
    state = client.get("/v1/state").json()
    assert state["issuers"]["main"]["batches"]["FINAL"]["number"] >= 1
    figures = api.client().get("/metrics").text
    for name in (
        'credanchor_batches{issuer="main",state="FINAL"}',
        "credanchor_database_up 1.0",
        'credanchor_seconds_to_final{issuer="main"}',
        "credanchor_balance_gwei",
        "credanchor_spent_today_gwei",
        "credanchor_rpc_up",
        'credanchor_batch_age_seconds{issuer="main",state="FINAL"}',
    ):
        assert name in figures, name


def test_it_ends_by_itself_when_it_is_told_to(served: tuple[Api, httpx.Client]) -> None:
    """Runs last: what was taken in before is kept, and the exit is a clean one."""
    api, client = served
    assert client.post("/v1/credentials", json=document(1)).status_code == 201
    api.process.terminate()
    assert api.process.wait(30) == 0
    assert "Traceback" not in api.log
    # Worker, webhooks and API write one log: nobody is named in it, and nothing secret.
    for private in (NAME, EMAIL, "Another", "A third", "urn:uuid", SECRET.decode(), "0x00000"):
        assert private not in api.log
    for one in api.log.splitlines():
        assert json.loads(one)["event"]
