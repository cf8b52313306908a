"""Who is told of an alert, how often, and how: webhooks, metrics, exit codes, a process's life."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from contract_views import calldata
from contract_walk import CALLS
from desks import REGISTRY, memory_chain, send
from eth_account import Account
from rpc_proxy import not_done, proxied
from watch_scene import HOUR_S, Scene, scene
from webhook_receiver import SECRET, Receiver, receiving, signature
from worker_desk import office

from anchor_service.alert_webhooks import Recipient, configured, given
from anchor_service.keys import ChainKey
from anchor_service.lookout import BLIND_S, Files
from anchor_service.told_alerts import QUIET_S
from registry import anvil
from registry.cli import main
from registry.devchain import mine_to_finality
from registry.errors import WorkspaceError
from registry.rpc import Node
from registry.values import ChainId, IssuerId
from registry.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from worker_desk import Office

HOOK = """
[[webhooks]]
name = "pager"
url = "{url}"
events = ["watch.alert"]
secret_env = "PAGER"
allow_private = true
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with memory_chain() as found:
        yield found


@pytest.fixture
def desk(tmp_path: Path, url: str) -> Iterator[Scene]:
    with scene(tmp_path, url) as opened:
        yield opened


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


def recipient(receiver: Receiver, name: str = "pager", issuer: IssuerId | None = None) -> Recipient:
    one = given(receiver.url, SECRET.decode(), allow_private=True)
    return Recipient(replace(one.endpoint, name=name), issuer)


def test_a_webhook_is_told_once_and_signed(desk: Scene, receiver: Receiver) -> None:
    lookout = desk.lookout(recipient(receiver))
    desk.by_stranger("bump_epoch")
    (one,) = lookout.round().standing
    desk.later = HOUR_S
    lookout.round()
    desk.settle()
    lookout.round()
    ((headers, body),) = receiver.messages
    assert headers["webhook-signature"] == signature(headers, body)
    assert headers["webhook-id"] == one.message
    assert json.loads(body) == {
        "type": "watch.alert",
        "timestamp": json.loads(body)["timestamp"],
        "data": {
            "name": one.alert.name,
            "kind": "foreign-operation",
            "since": one.since,
            "sentence": one.alert.sentence,
            "issuerId": desk.issuer_id.to_hex(),
            "evidence": one.alert.evidence,
        },
    }


def test_what_a_webhook_does_not_take_comes_again_under_its_id(
    desk: Scene, receiver: Receiver
) -> None:
    """The first that fails ends that webhook's turn: a dead host costs one wait a look."""
    receiver.statuses = [500, 302]
    lookout = desk.lookout(recipient(receiver))
    desk.by_stranger("bump_epoch")
    desk.by_stranger("pause")
    for tries in (1, 2):
        assert lookout.round().faults[0].startswith("webhook pager did not take an alert: answered")
        assert (len(receiver.messages), desk.gauge("webhooks_failing")) == (tries, 1)
    assert lookout.round().faults == ()
    assert desk.gauge("webhooks_failing") == 0
    first, *others = receiver.ids
    assert (others[:2], len(receiver.ids), len(set(receiver.ids))) == ([first] * 2, 4, 2)
    assert len(desk.told) == 2
    lookout.round()
    assert len(receiver.ids) == 4


def test_a_watch_started_anew_tells_nobody_again_and_goes_on_with_who_is_left(
    desk: Scene, receiver: Receiver
) -> None:
    desk.by_stranger("bump_epoch")
    with receiving() as other:
        other.statuses = [503]
        both = recipient(receiver), recipient(other, "other")
        desk.lookout(*both).round()
        assert (len(receiver.ids), len(other.ids), len(desk.told)) == (1, 1, 1)
        done = desk.lookout(*both).round()
        assert (len(receiver.ids), len(other.ids), len(desk.told)) == (1, 2, 1)
        assert len(set(receiver.ids + other.ids)) == 1
        assert len(done.standing) == 1
    # One that is set up later hears of what stands.
    with receiving() as late:
        desk.lookout(*both, recipient(late, "late")).round()
        assert late.ids == receiver.ids


def test_what_comes_back_is_told_again_only_after_a_while(desk: Scene, receiver: Receiver) -> None:
    desk.add("one")
    desk.anchor()
    lookout = desk.lookout(recipient(receiver))
    account = desk.key.address.to_hex()

    def with_balance(wei: int, later: int) -> int:
        desk.node.call("anvil_setBalance", [account, hex(wei)])
        desk.later = later
        lookout.round()
        return len(receiver.messages)

    assert with_balance(1, 0) == 1
    assert with_balance(10**18, 60) == 1
    assert with_balance(1, 60 + QUIET_S - 1) == 1
    assert desk.standing("short-balance") == 1
    assert with_balance(10**18, QUIET_S + 100) == 1
    assert with_balance(1, 2 * QUIET_S + 100) == 2
    # Its id is new, or a receiver would drop it as one that it had.
    assert len(set(receiver.ids)) == 2


def test_a_webhook_of_one_issuer_hears_nothing_of_others(desk: Scene, receiver: Receiver) -> None:
    other = IssuerId(b"\x05" * 32)
    desk.add("one")
    desk.anchor()
    desk.by_stranger("bump_epoch")
    desk.node.call("anvil_setBalance", [desk.key.address.to_hex(), "0x1"])
    with receiving() as mine:
        recipients = recipient(receiver, "b", other), recipient(mine, "a", desk.issuer_id)
        desk.lookout(*recipients).round()
        assert sorted(one["data"]["kind"] for one in mine.told) == [
            "foreign-operation",
            "short-balance",
        ]
    assert [one["data"]["kind"] for one in receiver.told] == ["short-balance"]


def test_settings_say_which_webhooks_want_alerts(tmp_path: Path, receiver: Receiver) -> None:
    folder = tmp_path / "workspace"
    folder.mkdir()
    issuer = f'id = "0x{"ab" * 32}"'
    text = (
        '[chain]\nid = "eip155:31337"\nrpc = ["http://127.0.0.1:9"]\n'
        f'[issuer]\nname = "x"\nkey = "k"\n{issuer}\n[account]\nkey_env = "K"\n'
        '[database]\nurl = "sqlite:///x.db"\n'
    )
    hook = HOOK.format(url=receiver.url)
    batches = hook.replace("pager", "crm").replace("watch.alert", "batch.final")
    (folder / "credanchor.toml").write_text(text + hook + batches, "utf-8")
    environment = {"PAGER": SECRET.decode()}
    (found,) = configured(Workspace.load(folder, {}), environment)
    assert (found.endpoint.name, found.endpoint.secret) == ("pager", SECRET)
    assert found.issuer_id == IssuerId(b"\xab" * 32)
    (folder / "credanchor.toml").write_text(text.replace(issuer, "") + hook, "utf-8")
    assert configured(Workspace.load(folder, {}), environment) == []
    with pytest.raises(WorkspaceError, match="https:// address"):
        given(receiver.url, SECRET.decode(), allow_private=False)
    with pytest.raises(WorkspaceError, match="24 bytes"):
        given(receiver.url, "short", allow_private=True)


def test_a_chain_that_does_not_answer_is_told_of_after_a_while(desk: Scene) -> None:
    desk.by_stranger("bump_epoch")
    with proxied(desk.url) as proxy:
        lookout = desk.lookout(url=proxy.url)
        lookout.round()
        desk.news()
        proxy.rules.append(not_done("eth_chainId", times=10**6))
        proxy.rules.append(not_done("eth_getBlockByNumber", times=10**6))
        desk.later = BLIND_S - 1
        done = lookout.round()
        assert done.look is None
        assert done.faults[0].startswith("could not look: ")
        # What stood stands: nobody has seen it go.
        assert (desk.standing("foreign-operation"), desk.standing("cannot-look")) == (1, 0)
        desk.later = BLIND_S + 1
        lookout.round()
        ((kind, sentence),) = desk.news()
        assert kind == "cannot-look"
        assert sentence.startswith("could not look since ")
        assert desk.gauge("failures_total") == 2
        proxy.rules.clear()
        lookout.round()
    assert (desk.standing("foreign-operation"), desk.standing("cannot-look")) == (1, 0)


def test_a_database_that_does_not_answer_is_no_clean_bill(desk: Scene) -> None:
    lookout = desk.lookout()
    lookout.round()
    with desk.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE attempt RENAME TO gone")
    desk.later = BLIND_S + 1
    assert lookout.round().look is None
    assert [kind for kind, _ in desk.news()] == ["cannot-look"]


def of_desk(desk: Scene, *words: str) -> list[str]:
    """A watch without a workspace, which is what runs on a machine of its own."""
    place = ["--rpc", desk.url, "--chain", "eip155:31337", "--registry", str(REGISTRY)]
    store = ["--store", str(desk.folder / "watch.db"), "--database", desk.database_url]
    issuer = ["--issuer", desk.issuer_id.to_hex(), "--nights", "1"]
    return ["watch", *place, *store, *issuer, *words]


def test_exit_codes_say_what_stands(
    desk: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.add("one")
    desk.anchor()
    assert main(of_desk(desk, "--once")) == 0
    assert capsys.readouterr().out.startswith("quiet as of block ")
    desk.by_stranger("bump_epoch")
    for _ in range(2):
        assert main(of_desk(desk, "--once")) == 1
        out = capsys.readouterr().out
        assert out.startswith("ALERT foreign-operation-")
    assert main(of_desk(desk, "--once", "--json")) == 1
    answer = json.loads(capsys.readouterr().out)
    (alert,) = answer["alerts"]
    assert (alert["kind"], alert["issuerId"]) == ("foreign-operation", desk.issuer_id.to_hex())
    (account,) = answer["accounts"]
    assert account["address"] == desk.key.address.to_hex()
    assert account["nights"] > 1
    # Somebody has looked into it; what an operation did stays accepted once it is final.
    assert main(of_desk(desk, "--accept", alert["name"])) == 0
    desk.settle()
    assert main(of_desk(desk, "--once")) == 0
    nowhere = [word.replace(desk.url, "http://127.0.0.1:9") for word in of_desk(desk, "--once")]
    capsys.readouterr()
    assert main([*nowhere, "--json", "--patience", "1"]) == 3
    answer = json.loads(capsys.readouterr().out)
    assert (answer["block"], answer["alerts"]) == (None, [])
    assert answer["faults"]
    monkeypatch.delenv("CREDANCHOR_WEBHOOK_SECRET", raising=False)
    assert main(of_desk(desk, "--once", "--webhook", "https://example.org")) == 2


def test_only_what_is_past_can_be_accepted(desk: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    desk.add("one")
    desk.anchor()
    desk.node.call("anvil_setBalance", [desk.key.address.to_hex(), "0x1"])
    assert main(of_desk(desk, "--once", "--json")) == 1
    (alert,) = json.loads(capsys.readouterr().out)["alerts"]
    assert main(of_desk(desk, "--accept", alert["name"])) == 2
    assert "ends by itself" in capsys.readouterr().err
    assert main(of_desk(desk, "--accept", "foreign-operation-0")) == 2
    assert "no alert" in capsys.readouterr().err
    assert not Files.beside(desk.folder / "watch.db").accepted.exists()


@pytest.mark.parametrize(
    "words",
    [["--once", "--metrics", "9000"], ["--nights", "-1"], ["--metrics", "0"], ["--poll", "0"]],
)
def test_wrong_usage(desk: Scene, words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(of_desk(desk, *words))
    assert caught.value.code == 2


def test_a_database_that_is_not_there_or_of_another_version_is_wrong_usage(
    desk: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    words = of_desk(desk, "--once")
    there = words.index("--database") + 1
    missing = desk.folder / "none.db"
    assert main([*words[:there], f"sqlite:///{missing}", *words[there + 1 :]]) == 2
    assert not missing.exists()
    with desk.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    assert main(words) == 2
    assert "of version 0001" in capsys.readouterr().err


def test_a_file_of_other_things_is_named(desk: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    Files.beside(desk.folder / "watch.db").told.write_text('{"alerts": [1]}')
    assert main(of_desk(desk, "--once")) == 2
    assert "remove it" in capsys.readouterr().err


@pytest.fixture
def settled(tmp_path: Path, url: str, receiver: Receiver) -> Iterator[Office]:
    """A whole workspace with a webhook, whose owner has bumped the epoch by hand."""
    made = office(tmp_path / "workspace", url, f"sqlite:///{tmp_path}/office.db")
    file = made.folder / "credanchor.toml"
    file.write_text(file.read_text("utf-8") + HOOK.format(url=receiver.url), "utf-8")
    with Node(url) as node:
        owner = ChainKey(Account.from_key(made.environment["MAIN_KEY"]), ChainId(31337))
        send(node, owner, REGISTRY, calldata(CALLS["bump_epoch"], [bytes(made.issuers["main"])]))
        mine_to_finality(node)
    yield made
    made.database.close()


def test_a_running_watch_tells_shows_and_ends(settled: Office, receiver: Receiver) -> None:
    """One process: webhook, metrics over HTTP, lines for programs, and an end in good order."""
    port = anvil.free_port()
    program = "import sys; from registry.cli import main; sys.exit(main())"
    words = ["-w", str(settled.folder), "watch", "--json", "--poll", "0.2", "--metrics", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words],
        env={**os.environ, "PAGER": SECRET.decode()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert receiver.came.wait(30)
        assert process.stdout is not None
        line: dict[str, Any] = json.loads(process.stdout.readline())
        assert scraped(port, 'credanchor_watch_alerts{kind="foreign-operation"}') == 1
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, out) == (0, b"")
    assert err.decode().splitlines() == ["credanchor: watching; alerts go to pager"]
    ((headers, body),) = receiver.messages
    assert headers["webhook-signature"] == signature(headers, body)
    assert json.loads(body)["data"] == line


def scraped(port: int, name: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    (line,) = [one for one in text.splitlines() if one.startswith(name)]
    return float(line.rpartition(" ")[2])
