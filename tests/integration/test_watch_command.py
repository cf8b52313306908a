"""`credanchor watch` as a command: exit codes, what it takes from settings, a process's life."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from contract_views import calldata
from contract_walk import CALLS
from desks import CHAIN, REGISTRY, add, send
from eth_account import Account
from watch_scene import HOOK, Scene
from webhook_receiver import SECRET, Receiver, signature
from worker_desk import office

from anchor_service.engine.keys import ChainKey
from anchor_service.store.account_store import note_account
from anchor_service.watch.lookout import Files
from registry.cli import main
from registry.nodes.rpc import Node
from registry.workspaces import anvil
from registry.workspaces.devchain import mine_to_finality

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from worker_desk import Office


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
        owner = ChainKey(Account.from_key(made.environment["MAIN_KEY"]), CHAIN)
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


@pytest.fixture
def two(tmp_path: Path, url: str) -> Iterator[Office]:
    """Two issuers whose account a worker serves."""
    made = office(tmp_path / "two", url, f"sqlite:///{tmp_path}/two.db", {"law": "MAIN_KEY"})
    owner = ChainKey(Account.from_key(made.environment["MAIN_KEY"]), CHAIN)
    with made.database.write() as connection:
        note_account(
            connection,
            CHAIN,
            owner.address,
            ["main", "law"],
            balance=None,
            endpoints=None,
            trouble=None,
            now=int(time.time()),
        )
    with Node(url) as node:
        mine_to_finality(node)
    yield made
    made.database.close()


def watched(made: Office, capsys: pytest.CaptureFixture[str], code: int) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["-w", str(made.folder), "watch", "--once", "--json"]) == code
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_the_settings_say_cap_and_nights(
    two: Office, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until there is anything to go by, an anchor takes 120,000 gas; the cap is 1000 gwei."""
    (account,) = watched(two, capsys, 0)["accounts"]
    a_night = 2 * 120_000 * 1000 * 10**9
    assert account["feeCap"] == str(1000 * 10**9)
    with Node(url) as node:
        node.call("anvil_setBalance", [account["address"], hex(30 * a_night)])
        assert watched(two, capsys, 0)["accounts"][0]["nights"] == 30
        node.call("anvil_setBalance", [account["address"], hex(30 * a_night - 1)])
    (alert,) = watched(two, capsys, 1)["alerts"]
    assert (alert["kind"], alert["evidence"]["nights"]) == ("short-balance", 29)


def test_the_settings_say_when_a_night_was(two: Office, capsys: pytest.CaptureFixture[str]) -> None:
    add(two.database, "one")
    assert watched(two, capsys, 0)["alerts"] == []  # its schedule is never
    file = two.folder / "credanchor.toml"
    file.write_text(file.read_text("utf-8").replace('"never"', '"0 2 * * *"'), "utf-8")
    (alert,) = watched(two, capsys, 1)["alerts"]
    assert (alert["kind"], alert["issuerId"]) == ("missed-night", str(two.issuers["main"]))


def test_operations_of_older_blocks_are_left_out(desk: Scene) -> None:
    desk.by_stranger("bump_epoch")
    desk.settle()
    head = desk.node.call("eth_blockNumber", [])
    assert main(of_desk(desk, "--once")) == 1
    assert main(of_desk(desk, "--once", "--from", str(int(str(head), 16)))) == 0
