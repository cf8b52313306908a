"""The worker as a process: many issuers, several workers, kills, signals, clocks."""

from __future__ import annotations

import logging
import signal
import threading
import time
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from census import census
from databases import new_postgres
from desks import CHAIN, add, anchors, memory_chain
from eth_account import Account
from sqlalchemy import select, update
from worker_desk import (
    Office,
    Service,
    going_on,
    move_in_abroad,
    office,
    ready_workers,
    zygote,
)

from anchor_service.engine import anchoring, worker
from anchor_service.engine.posts import Tempo
from anchor_service.errors import DatabaseError
from anchor_service.operating import overview
from anchor_service.store import account_store, batch_store, changes, store
from anchor_service.store.lifecycle import BatchState, ChangeState, Moment
from anchor_service.store.schema import intent, notice, signer_lease
from registry import cli
from registry.errors import WorkspaceError
from registry.formats.events import StatusChange
from registry.nodes.rpc import Node
from registry.values import ChainId, CredentialDigest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

QUICK = Tempo(idle=0.05, busy=0.05, looks=0.1)
LEASE_S = 3
PATIENCE_S = 40.0
ABROAD = ChainId(11155111)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with memory_chain() as found, going_on(found):
        yield found


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    with new_postgres(postgres) as found:
        yield found


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[[Office], Office]:
    def put(one: Office) -> Office:
        for name, value in one.environment.items():
            monkeypatch.setenv(name, value)
        return one

    return put


def until(condition: Callable[[], bool]) -> float:
    """Seconds until it holds."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < PATIENCE_S, "it did not come about"
        time.sleep(0.02)
    return time.monotonic() - begun


def all_final(one: Office, handle: str, batches: int) -> bool:
    with one.database.read() as connection:
        states = [b.state for b in batch_store.sealed_batches(connection, issuer=handle)]
        left = changes.unfinished(connection, handle)
    return states == [BatchState.FINAL] * batches and not left


def assert_once(url: str, one: Office) -> None:
    """As many anchors on the chain as batches, with the same roots, for each issuer."""
    with Node(url) as node, one.database.read() as connection:
        for handle, issuer_id in one.issuers.items():
            roots = [b.root for b in batch_store.sealed_batches(connection, issuer=handle)]
            logs = anchors(node, issuer_id)
            assert sorted(log.topics[2] for log in logs) == sorted(bytes(root) for root in roots)


def holder(one: Office) -> list[tuple[str, int, int]]:
    with one.database.read() as connection:
        columns = (signer_lease.c.owner, signer_lease.c.token, signer_lease.c.expires)
        return [(row[0], row[1], row[2]) for row in connection.execute(select(*columns))]


@contextmanager
def working(one: Office, tempo: Tempo = QUICK) -> Iterator[threading.Event]:
    """A worker in a thread of this process."""
    stop = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            worker.run(one.workspace, stop, tempo=tempo)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()
    assert not failed, failed


def add_for(one: Office, handle: str, *names: str) -> None:
    with one.database.write() as connection:
        list(store.add_credentials(connection, handle, map(add_one, names), 1))


def add_one(name: str) -> store.NewCredential:
    raw = b'{"id":"%s"}' % name.encode()
    return store.NewCredential(name, name, CredentialDigest(sha256(raw).digest()), raw)


def test_one_worker_serves_issuers_with_keys_of_their_own_and_shared(
    url: str, tmp_path: Path, environment: Callable[[Office], Office]
) -> None:
    handles = {"law": "LAW_KEY", "med": "MAIN_KEY"}
    one = environment(office(tmp_path / "w", url, f"sqlite:///{tmp_path}/i.db", handles))
    for handle in one.issuers:
        add_for(one, handle, "one", "two", "three")
    add_for(one, "law", "four")
    with working(one):
        until(lambda: all(all_final(one, handle, 1) for handle in one.issuers))
        with one.database.write() as connection:
            rows = [store.find(connection, name, "law").row for name in ("one", "two")]
            # The fourth came into the same batch: it was not sealed before three were there.
            changes.want(connection, StatusChange.REVOKE, rows[:1], int(time.time()), urgent=True)
            changes.want(connection, StatusChange.SUSPEND, rows[1:], int(time.time()))

        def revoked() -> bool:
            with one.database.read() as connection:
                return [
                    found for row in rows for _, found, _ in changes.of_credential(connection, row)
                ] == [ChangeState.FINAL, ChangeState.WANTED]

        until(revoked)
        assert len(holder(one)) == 2
    assert {expires for _, _, expires in holder(one)} == {0}
    assert_once(url, one)
    one.database.close()


def test_one_worker_serves_issuers_on_two_chains_with_one_account(
    url: str, tmp_path: Path, environment: Callable[[Office], Office]
) -> None:
    """A chain that stands still holds up nobody on the other; each batch has one home."""
    one = environment(office(tmp_path / "w", url, f"sqlite:///{tmp_path}/i.db"))
    with memory_chain(ABROAD) as abroad:
        move_in_abroad(one, "abroad", abroad, ABROAD)
        with Node(abroad) as node:
            node.call("evm_setAutomine", [False])
        for handle in one.issuers:
            add_for(one, handle, "one", "two", "three")
        with working(one):
            until(lambda: all_final(one, "main", 1))
            assert not all_final(one, "abroad", 1)
            with going_on(abroad):
                until(lambda: all_final(one, "abroad", 1))
                with one.database.write() as connection:
                    row = store.find(connection, "one", "abroad").row
                    now = int(time.time())
                    changes.want(connection, StatusChange.REVOKE, [row], now, urgent=True)
                until(lambda: all_final(one, "abroad", 1))
        query = select(intent.c.chain, intent.c.sender, intent.c.nonce, intent.c.kind)
        with one.database.read() as connection:
            rows = connection.execute(query.order_by(intent.c.chain, intent.c.nonce)).all()
        # The first of each chain's registered the issuer.
        assert [(row.chain, row.nonce, row.kind) for row in rows] == [
            (CHAIN.number, 1, "anchor"),
            (ABROAD.number, 1, "anchor"),
            (ABROAD.number, 2, "status"),
        ]
        assert len({row.sender for row in rows}) == 1
        for handle, place in (("main", url), ("abroad", abroad)):
            with Node(place) as node, one.database.read() as connection:
                (batch,) = batch_store.sealed_batches(connection, issuer=handle)
                logs = [anchors(node, issuer_id) for issuer_id in one.issuers.values()]
                assert [log.topics[2] for those in logs for log in those] == [batch.root]
                documents = [b'{"id":"%s"}' % name for name in (b"one", b"two", b"three")]
                digests = [CredentialDigest(sha256(raw).digest()) for raw in documents]
                found = census(node, connection, batch.issuer_id, digests, handle=handle)
                assert found.clean, found
    one.database.close()


def test_a_seal_that_is_asked_for_comes_before_the_schedules(
    url: str,
    tmp_path: Path,
    environment: Callable[[Office], Office],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = environment(office(tmp_path / "w", url, f"sqlite:///{tmp_path}/i.db"))
    add(one.database, "one")
    rounds = threading.Semaphore(0)
    advance = anchoring.advance

    def counted(*arguments: Any, **named: Any) -> bool:
        done = advance(*arguments, **named)
        rounds.release()
        return done

    monkeypatch.setattr(anchoring, "advance", counted)
    with working(one):
        for _ in range(3):
            assert rounds.acquire(timeout=PATIENCE_S)
        with one.database.write() as connection:
            assert batch_store.sealed_batches(connection) == []
            batch_store.ask_seal(connection, "main", int(time.time()))
        until(lambda: all_final(one, "main", 1))
    one.database.close()


def test_commands_leave_the_account_to_a_running_worker(
    url: str,
    tmp_path: Path,
    environment: Callable[[Office], Office],
    capsys: pytest.CaptureFixture[str],
) -> None:
    one = environment(office(tmp_path / "w", url, f"sqlite:///{tmp_path}/i.db"))
    add(one.database, "one", "two")

    def served() -> bool:
        with one.database.read() as connection:
            return account_store.is_served(connection, "main", int(time.time()))

    with working(one):
        until(served)
        assert cli.main(["-w", str(one.folder), "anchor"]) == 0
        assert "a running worker goes on with it" in capsys.readouterr().out
        assert cli.main(["-w", str(one.folder), "revoke", "one"]) == 0
        assert "1 credential revoked" in capsys.readouterr().out
    assert not served()
    assert all_final(one, "main", 1)
    assert_once(url, one)
    one.database.close()


def test_a_second_worker_on_sqlite_is_refused(
    url: str,
    tmp_path: Path,
    environment: Callable[[Office], Office],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("anchor_service.store.database._LOCK_S", 0.2)
    one = environment(office(tmp_path / "w", url, f"sqlite:///{tmp_path}/i.db"))
    with working(one):
        until(lambda: len(holder(one)) == 1)
        with pytest.raises(DatabaseError, match="another command is writing"):
            worker.once(one.workspace)
    one.database.close()


def test_without_a_registered_issuer_it_says_what_to_do(
    url: str, tmp_path: Path, environment: Callable[[Office], Office]
) -> None:
    one = environment(office(tmp_path / "w", url, f"sqlite:///{tmp_path}/i.db"))
    file = one.folder / "credanchor.toml"
    file.write_text(file.read_text().replace(f'id = "{one.issuers["main"]}"\n', ""))
    with pytest.raises(WorkspaceError, match="credanchor issuer register"):
        worker.once(one.workspace)
    one.database.close()


def test_once_does_what_is_due_and_leaves(
    url: str, tmp_path: Path, environment: Callable[[Office], Office]
) -> None:
    one = environment(office(tmp_path / "w", url, f"sqlite:///{tmp_path}/i.db"))
    add(one.database, "one", "two", "three")
    assert worker.once(one.workspace, tempo=QUICK)
    until(lambda: worker.once(one.workspace, tempo=QUICK) and all_final(one, "main", 1))
    assert_once(url, one)
    with one.database.read() as connection:
        seen = overview.overview(connection, one.workspace, int(time.time()))
    (account,) = seen.accounts
    assert account.spent_today > 0
    assert account.balance is not None
    assert account.nights == account.balance // (10**12 * _anchor_gas(one))
    assert seen.issuers[0].batches[BatchState.FINAL].number == 1
    one.database.close()


def test_an_account_without_funds_tells_each_of_its_issuers_once_a_day(
    url: str, tmp_path: Path, environment: Callable[[Office], Office]
) -> None:
    one = environment(
        office(tmp_path / "w", url, f"sqlite:///{tmp_path}/i.db", {"med": "MAIN_KEY"})
    )
    add(one.database, "one", "two", "three")
    until(lambda: worker.once(one.workspace, tempo=QUICK) and all_final(one, "main", 1))
    assert told(one) == [("main", "batch.final", None)]
    with Node(url) as node:
        account = Account.from_key(one.environment["MAIN_KEY"]).address
        node.call("anvil_setBalance", [account, hex(10**9)])
    with one.database.write() as connection:
        row = store.find(connection, "one", "main").row
        changes.want(connection, StatusChange.REVOKE, [row], int(time.time()), urgent=True)
    for _ in range(2):
        assert worker.once(one.workspace, tempo=QUICK)
    assert sorted(told(one)[1:]) == [
        ("main", "balance.low", None),
        ("main", "changes.blocked", "funds"),
        ("med", "balance.low", None),
    ]
    one.database.close()


def told(one: Office) -> list[tuple[str, str, str | None]]:
    with one.database.read() as connection:
        columns = (notice.c.issuer, notice.c.event, notice.c.reason)
        return [(row[0], row[1], row[2]) for row in connection.execute(select(*columns))]


def _anchor_gas(one: Office) -> int:
    from anchor_service.store.schema import inclusion

    with one.database.read() as connection:
        return int(connection.scalar(select(inclusion.c.gas_used)) or 0)


def test_sigterm_ends_it_cleanly_and_frees_the_account(
    url: str, tmp_path: Path, postgres_url: str
) -> None:
    one = office(tmp_path / "w", url, postgres_url)
    process = one.worker("--lease", str(LEASE_S))
    try:
        until(lambda: len(holder(one)) == 1)
        add(one.database, "one", "two", "three")
        until(lambda: all_final(one, "main", 1))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
    assert [expires for _, _, expires in holder(one)] == [0]
    one.database.close()


def test_another_worker_takes_a_killed_ones_batches_over_within_one_lease(
    url: str, tmp_path: Path, postgres_url: str
) -> None:
    one = office(tmp_path / "w", url, postgres_url)
    with zygote() as mother, ready_workers(mother, one, 3, "--lease", str(LEASE_S)) as workers:
        until(lambda: len(holder(one)) == 1)
        taken = max(_killed_at_work(one, workers, night) for night in (1, 2))
    assert_once(url, one)
    assert taken <= LEASE_S
    one.database.close()


def _killed_at_work(one: Office, workers: list[Service], night: int) -> float:
    """Kill the one that has the account; seconds until another has it."""
    add(one.database, *(f"{night} {number}" for number in range(3)))
    ((owner, token, _),) = holder(one)
    (first,) = [process for process in workers if f":{process.pid}:" in owner]
    until(lambda: _sealed(one) == night)
    first.kill()
    workers.remove(first)
    taken = until(lambda: holder(one)[0][1] > token)
    until(lambda: all_final(one, "main", night))
    return taken


def _sealed(one: Office) -> int:
    with one.database.read() as connection:
        return len(batch_store.sealed_batches(connection))


class Jump:
    """A wall clock that can be set."""

    def __init__(self) -> None:
        self.real = time.time
        self.by = 0.0

    def __call__(self) -> float:
        return self.real() + self.by


def test_a_clock_that_jumps_does_no_harm(
    url: str,
    tmp_path: Path,
    environment: Callable[[Office], Office],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = environment(office(tmp_path / "w", url, f"sqlite:///{tmp_path}/i.db"))
    clock = Jump()
    monkeypatch.setattr(time, "time", clock)
    with working(one):
        for number, by in enumerate((0.0, 86400.0, -86400.0, 365 * 86400.0, 0.0), 1):
            clock.by = by
            add(one.database, *(f"{number} {n}" for n in range(3)))
            until(lambda: all_final(one, "main", number))  # noqa: B023 - called before the next
    assert_once(url, one)
    one.database.close()


def test_a_dead_holders_lease_in_the_far_future_is_taken_over_by_the_steady_clock(
    url: str, tmp_path: Path, postgres_url: str, environment: Callable[[Office], Office]
) -> None:
    """As a holder leaves it whose clock was a year ahead when it died."""
    one = environment(office(tmp_path / "w", url, postgres_url))
    assert worker.once(one.workspace, tempo=QUICK)
    with one.database.write() as connection:
        far = int(time.time()) + 365 * 86400
        connection.execute(update(signer_lease).values(owner="dead", expires=far))
    assert not worker.once(one.workspace, tempo=QUICK)
    ((_, token, _),) = holder(one)
    tempo = Tempo(idle=0.05, busy=0.05, looks=0.1, lease=LEASE_S)
    with working(one, tempo):
        assert until(lambda: holder(one)[0][1] > token) <= LEASE_S
    one.database.close()


def test_a_lease_that_runs_out_mid_send_leaves_one_anchor(
    url: str,
    tmp_path: Path,
    postgres_url: str,
    environment: Callable[[Office], Office],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The first worker stops between signing and sending; the second finishes; the first wakes."""
    caplog.set_level(logging.INFO, "credanchor")
    one = environment(office(tmp_path / "w", url, postgres_url))
    add(one.database, "one", "two", "three")
    asleep, wake, ended = threading.Event(), threading.Event(), threading.Event()

    def watch(moment: Moment) -> None:
        if moment is Moment.SIGNED and not asleep.is_set():
            asleep.set()
            wake.wait(PATIENCE_S)

    stop = threading.Event()
    # A lease that nobody keeps alive: its holder is not scheduled by the machine at all.
    tempo = Tempo(idle=0.05, busy=0.05, looks=0.1, lease=1)

    def first() -> None:
        worker.run(one.workspace, stop, tempo=tempo, watch=watch)
        ended.set()

    thread = threading.Thread(target=first)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("anchor_service.engine.posts.Post.beat", lambda _: None)
        thread.start()
        assert asleep.wait(PATIENCE_S)
        with working(one):
            until(lambda: all_final(one, "main", 1))
            wake.set()
            # Noticed with the first write after the send.
            until(lambda: "lease_lost" in caplog.messages)
    stop.set()
    thread.join(20)
    assert ended.is_set()
    assert_once(url, one)
    one.database.close()
