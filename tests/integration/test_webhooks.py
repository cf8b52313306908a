"""Webhooks: told once for each thing that happens, tried until a real receiver takes it."""

from __future__ import annotations

import base64
import json
import os
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from api_documents import line
from api_process import CHAIN, ISSUER_ID, REGISTRY, bare_workspace
from databases import new_postgres, new_sqlite
from webhook_receiver import SECRET, Receiver, receiving, signature

from anchor_service.api.taking import take, to_store
from anchor_service.store import batch_store, changes, notices, store
from anchor_service.store.database import Database
from anchor_service.store.lifecycle import BatchState
from anchor_service.store.sealing import seal
from anchor_service.webhooks import deliveries, sender
from anchor_service.webhooks.posting import Deliverer
from anchor_service.webhooks.settings import WATCH_ALERT, Endpoint, read_endpoints
from registry.errors import WorkspaceError
from registry.formats.events import StatusChange
from registry.values import Address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = 1_800_000_000
ACCOUNT = Address(b"\xaa" * 20)


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """SQLite, or what a test asks for by BOTH."""
    with ExitStack() as stack:
        if getattr(request, "param", "sqlite") == "sqlite":
            opened = new_sqlite(tmp_path / "hooks.db")
        else:
            url = stack.enter_context(new_postgres(request.getfixturevalue("postgres")))
            opened = Database(url)
        stack.callback(opened.close)
        yield opened


BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)


def endpoint(port: int, name: str = "crm", issuer: str = "main", **changed: object) -> Endpoint:
    values: dict[str, object] = {
        "name": name,
        "issuer": issuer,
        "url": f"http://127.0.0.1:{port}/hook",
        "events": frozenset(notices.EVENTS),
        "secret": SECRET,
        "allow_private": True,
    }
    return Endpoint(**(values | changed))  # type: ignore[arg-type]


def sealed_batch(database: Database, number: int = 1) -> int:
    with database.write() as connection:
        new = [to_store(take(line(number), strict=False))]
        list(store.add_credentials(connection, "main", new, NOW))
        (batch,) = batch_store.open_batches(connection, "main")
        found = batch_store.unsealed(connection, batch)
        assert found is not None
        made = seal(ISSUER_ID, found[1], os.urandom)
        batch_store.store_seal(connection, batch, found[0], made, CHAIN, REGISTRY, NOW)
    return batch


def move(database: Database, batch: int, *states: BatchState, reason: str | None = None) -> None:
    for state in states:
        with database.write() as connection:
            before = batch_store.get_batch(connection, batch).state
            batch_store.move_batch(connection, batch, before, state, NOW, reason)


def finish(database: Database, number: int = 1) -> int:
    batch = sealed_batch(database, number)
    move(database, batch, BatchState.INCLUDED, BatchState.FINAL)
    return batch


def deliver(database: Database, *endpoints: Endpoint, at: int = NOW) -> int:
    with sender.new_client() as client:
        return Deliverer(database, endpoints, lambda: at).deliver_due(client)


@BOTH
def test_a_final_batch_is_told_once_and_signed(database: Database, receiver: Receiver) -> None:
    batch = finish(database)
    assert deliver(database, endpoint(receiver.port)) == 1
    assert deliver(database, endpoint(receiver.port), at=NOW + 10**6) == 0
    ((headers, body),) = receiver.messages
    told = json.loads(body)
    assert told["type"] == "batch.final"
    assert (told["data"]["batch"], told["data"]["state"]) == (batch, "FINAL")
    assert told["data"]["issuerId"] == ISSUER_ID.to_hex()
    assert headers["webhook-signature"] == signature(headers, body)
    assert headers["webhook-timestamp"] == str(NOW)


def test_a_refused_message_comes_again_under_its_id(database: Database, receiver: Receiver) -> None:
    finish(database)
    receiver.statuses = [500, 302]
    hook = endpoint(receiver.port)
    assert deliver(database, hook) == 0
    assert deliver(database, hook, at=NOW + deliveries.BACK_OFF_S[0] - 1) == 0
    assert len(receiver.messages) == 1
    later = NOW + deliveries.BACK_OFF_S[0]
    assert deliver(database, hook, at=later) == 0
    assert deliver(database, hook, at=later + deliveries.BACK_OFF_S[1]) == 1
    names = [headers["webhook-id"] for headers, _ in receiver.messages]
    # The redirect was not followed, or there would be a fourth.
    assert (len(names), len(set(names))) == (3, 1)
    assert len({body for _, body in receiver.messages}) == 1


def test_a_process_that_dies_in_a_try_leaves_it_to_another(
    database: Database, receiver: Receiver
) -> None:
    finish(database)
    hook = endpoint(receiver.port)
    with database.write() as connection:
        deliveries.spread(connection, [hook], NOW)
        assert deliveries.claim(connection, [hook], NOW) is not None
    assert deliver(database, hook) == 0
    assert deliver(database, hook, at=NOW + deliveries.CLAIM_S) == 1


def test_it_is_given_up_in_the_end(database: Database) -> None:
    finish(database)
    with receiving() as gone:
        hook = endpoint(gone.port)
    at, tries = NOW, 0
    for wait in (*deliveries.BACK_OFF_S, 10**7):
        assert deliver(database, hook, at=at) == 0
        tries += 1
        at += wait
    with database.read() as connection:
        assert deliveries.next_due(connection) is None
    assert tries == len(deliveries.BACK_OFF_S) + 1


@BOTH
def test_what_was_rolled_back_is_not_told(database: Database, receiver: Receiver) -> None:
    batch = sealed_batch(database)
    included, final = BatchState.INCLUDED, BatchState.FINAL
    with database.engine.begin() as connection:
        batch_store.move_batch(connection, batch, BatchState.SEALED, included, NOW)
        batch_store.move_batch(connection, batch, included, final, NOW)
        connection.rollback()
    assert deliver(database, endpoint(receiver.port)) == 0


@BOTH
def test_a_blocked_batch_is_told_once_a_day_for_each_kind_of_reason(
    database: Database, receiver: Receiver
) -> None:
    batch = sealed_batch(database)
    hook = endpoint(receiver.port)
    move(database, batch, BatchState.BLOCKED, reason="funds: 1 wei")
    assert deliver(database, hook) == 1
    for reason in ("funds: 2 wei", "funds: 3 wei"):
        move(database, batch, BatchState.SEALED)
        move(database, batch, BatchState.BLOCKED, reason=reason)
    assert deliver(database, hook) == 0
    move(database, batch, BatchState.SEALED)
    move(database, batch, BatchState.BLOCKED, reason="fee cap: too low")
    assert deliver(database, hook) == 1
    tomorrow = NOW + notices.REMIND_S
    with database.write() as connection:
        blocked = batch_store.get_batch(connection, batch)
        batch_store.block(connection, blocked, "funds: 4 wei", 60, tomorrow - 1)
        batch_store.block(connection, blocked, "funds: 5 wei", 60, tomorrow)
    assert deliver(database, hook, at=tomorrow) == 1
    told = [json.loads(body)["data"]["reason"] for _, body in receiver.messages]
    assert told == ["funds: 1 wei", "fee cap: too low", "funds: 5 wei"]


@BOTH
def test_what_needs_a_person_is_told_once_a_day(database: Database, receiver: Receiver) -> None:
    with database.write() as connection:
        new = [to_store(take(line(number), strict=False)) for number in range(2)]
        added = list(store.add_credentials(connection, "main", new, NOW))
        rows = [store.find(connection, str(one.digest), "main").row for one in added]
        (batch,) = batch_store.open_batches(connection, "main")
        wanted = changes.want(connection, StatusChange.REVOKE, rows, NOW)
    for now in (NOW, NOW + 1, NOW + notices.REMIND_S):
        with database.write() as connection:
            notices.batch_waits(connection, batch, now)
            notices.changes_blocked(connection, wanted, f"funds: {now} wei", now)
            notices.changes_wait(connection, "main", 2, now)
            notices.balance_low(connection, "main", CHAIN, ACCOUNT, 3, now)
        deliver(database, endpoint(receiver.port), at=now)
    told = [json.loads(body) for _, body in receiver.messages]
    needs = ["batch.approval", "changes.blocked", "changes.approval", "balance.low"]
    assert [one["type"] for one in told] == needs * 2
    shown = {one["type"]: one["data"] for one in told[:4]}
    assert {data.pop("issuer") for data in shown.values()} == {"main"}
    assert (shown["batch.approval"]["batch"], shown["batch.approval"]["root"]) == (batch, None)
    assert shown["changes.blocked"] == {"changes": 2, "reason": f"funds: {NOW} wei"}
    assert shown["changes.approval"] == {"changes": 2}
    assert shown["balance.low"] == {
        "chain": "eip155:31337",
        "account": ACCOUNT.to_hex(),
        "nights": 3,
    }


def test_each_endpoint_gets_what_is_its_own(database: Database, receiver: Receiver) -> None:
    finish(database)
    mine = endpoint(receiver.port, "mine")
    deaf = endpoint(receiver.port, "deaf", events=frozenset({notices.BATCH_BLOCKED}))
    other = endpoint(receiver.port, "other", issuer="law")
    assert deliver(database, mine, deaf, other) == 1
    # One that is configured later hears of what happens later.
    late = endpoint(receiver.port, "late")
    assert deliver(database, mine, late) == 0
    finish(database, 2)
    assert deliver(database, mine, late) == 2


def test_no_private_address_is_reached_unasked(database: Database, receiver: Receiver) -> None:
    finish(database)
    closed = endpoint(receiver.port, allow_private=False)
    assert deliver(database, closed) == 0
    assert receiver.messages == []


@BOTH
def test_two_processes_tell_it_once(database: Database, receiver: Receiver) -> None:
    for number in range(5):
        finish(database, number)
    hook = endpoint(receiver.port)
    threads = [threading.Thread(target=deliver, args=(database, hook)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [headers["webhook-id"] for headers, _ in receiver.messages]
    assert len(names) == len(set(names)) == 5


GOOD = '[[webhooks]]\nname = "crm"\nurl = "https://example.org/hook"\nsecret_env = "HOOK"\n'


def test_endpoints_are_read_from_the_settings(tmp_path: Path) -> None:
    workspace = bare_workspace(tmp_path, GOOD)
    secret = "whsec_" + base64.b64encode(SECRET).decode()
    (read,) = read_endpoints(workspace, {"HOOK": secret})
    assert read.secret == SECRET
    assert read.events == {*notices.EVENTS, WATCH_ALERT}
    assert "example.org" not in repr(read)
    assert "secret" not in repr(read)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (GOOD.replace("https", "http"), "https:// address"),
        (GOOD.replace("example.org", "user:pw@example.org"), "https:// address"),
        (GOOD + 'secret_file = "x"\n', "one of secret_env and secret_file"),
        (GOOD.replace('secret_env = "HOOK"', 'secret_env = "NONE"'), "at least 24 bytes"),
        (GOOD + 'events = ["batch.lost"]\n', "batch.final"),
        (GOOD + 'issuer = "nobody"\n', "no such issuer"),
        (GOOD + 'colour = "red"\n', "unknown"),
        (GOOD + GOOD, "one name"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, text: str, fault: str) -> None:
    workspace = bare_workspace(tmp_path, text)
    with pytest.raises(WorkspaceError, match=fault):
        read_endpoints(workspace, {"HOOK": SECRET.decode()})
