"""The embedded chain through restarts, kills and company."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

import pytest

from registry.errors import DevChainFailed, NodeUnreachable
from registry.nodes.rpc import Node
from registry.rpc_hex import quantity
from registry.values import ChainId
from registry.workspaces import anvil, artifact, devchain
from registry.workspaces.devchain import DevChain, mine_to_finality, running_chain
from registry.workspaces.devchain_record import Record
from registry.workspaces.processes import identity
from registry.workspaces.workspace import FILE, new_config_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCOUNT = "0x" + "ab" * 20
SLOT = "0x" + "00" * 32
WORD = "0x" + "cd" * 32


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[DevChain]:
    chain = DevChain(tmp_path)
    yield chain
    chain.stop()


def _record(workspace: Path) -> dict[str, str]:
    record: dict[str, str] = json.loads((workspace / "chain/anvil.json").read_text())
    return record


def _pid(workspace: Path) -> int:
    return int(_record(workspace)["pid"])


def _write(url: str) -> None:
    with Node(url) as node:
        node.call("anvil_setStorageAt", [ACCOUNT, SLOT, WORD])
        node.call("anvil_setCode", [ACCOUNT, "0x00"])
        node.call("anvil_mine", ["0x1"])
        mine_to_finality(node)


def _final_word(url: str) -> object:
    with Node(url) as node:
        return node.call("eth_getStorageAt", [ACCOUNT, SLOT, "finalized"])


def _until_saved(workspace: Path, after: float) -> None:
    """Wait for a state file that was begun after a write: the second after the next."""
    state = workspace / "chain/state.json"
    for _ in range(2):
        while not state.exists() or state.stat().st_mtime <= after:
            time.sleep(0.02)
        after = state.stat().st_mtime


def test_starts_where_there_is_none_and_stops_what_it_started(tmp_path: Path) -> None:
    with running_chain(tmp_path) as url:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
        assert DevChain(tmp_path).running() == url
    assert DevChain(tmp_path).running() is None
    with pytest.raises(NodeUnreachable), Node(url) as node:
        node.call("eth_chainId", [])


def test_leaves_a_chain_that_was_started_to_stay(chain: DevChain, tmp_path: Path) -> None:
    url = chain.ensure()
    with running_chain(tmp_path) as used:
        assert used == url
    assert chain.running() == url
    assert chain.ensure() == url
    chain.stop()
    assert chain.running() is None
    chain.stop()


def test_the_last_user_stops_it_whoever_started_it(chain: DevChain, tmp_path: Path) -> None:
    first, second = running_chain(tmp_path), running_chain(tmp_path)
    url = first.__enter__()
    assert second.__enter__() == url
    first.__exit__(None, None, None)
    assert chain.running() == url
    second.__exit__(None, None, None)
    assert chain.running() is None


def test_what_is_final_is_proven_after_a_restart(tmp_path: Path) -> None:
    with running_chain(tmp_path) as url:
        _write(url)
    with running_chain(tmp_path) as url, Node(url) as node:
        assert _final_word(url) == WORD
        proof = node.call("eth_getProof", [ACCOUNT, [SLOT], "finalized"])
        assert isinstance(proof, dict)
        (stored,) = cast("list[dict[str, object]]", proof["storageProof"])
        assert stored["value"] == WORD
        assert stored["proof"]


def test_a_fresh_start_has_a_fresh_final_block_past_genesis(tmp_path: Path) -> None:
    for _ in range(2):
        started = int(time.time())
        with running_chain(tmp_path) as url, Node(url) as node:
            final = node.call("eth_getBlockByNumber", ["finalized", False])
            assert isinstance(final, dict)
            assert quantity(final["number"], "number") >= 1
            assert quantity(final["timestamp"], "timestamp") >= started - 1


def test_mining_to_finality_makes_the_newest_block_final(chain: DevChain) -> None:
    with Node(chain.ensure()) as node:
        newest = quantity(node.call("eth_blockNumber", []), "eth_blockNumber")
        mine_to_finality(node)
        assert _final_number(node) > newest


def test_mining_to_finality_takes_in_what_waits(chain: DevChain) -> None:
    with Node(chain.ensure()) as node:
        node.call("evm_setAutomine", [False])
        node.call("anvil_setBalance", [ACCOUNT, hex(10**21)])
        node.call("anvil_impersonateAccount", [ACCOUNT])
        sent = node.call("eth_sendTransaction", [{"from": ACCOUNT, "to": ACCOUNT}])
        mine_to_finality(node)
        receipt = node.call("eth_getTransactionReceipt", [sent])
        assert isinstance(receipt, dict)
        assert quantity(receipt["blockNumber"], "number") <= _final_number(node)


def _final_number(node: Node) -> int:
    final = node.call("eth_getBlockByNumber", ["finalized", False])
    assert isinstance(final, dict)
    return quantity(final["number"], "number")


def test_the_deployment_proxy_of_the_artifact_is_there(chain: DevChain) -> None:
    with Node(chain.ensure()) as node:
        assert node.call("eth_getCode", [str(artifact.FACTORY), "latest"]) != "0x"


def test_a_killed_chain_starts_again_with_what_was_saved(chain: DevChain, tmp_path: Path) -> None:
    _write(chain.ensure())
    _until_saved(tmp_path, time.time())
    os.kill(_pid(tmp_path), signal.SIGKILL)
    assert _final_word(chain.ensure()) == WORD


def test_a_half_written_state_gives_way_to_the_one_before(chain: DevChain, tmp_path: Path) -> None:
    _write(chain.ensure())
    chain.stop()
    chain.ensure()  # a start with a whole state keeps a copy of it
    chain.stop()
    state = tmp_path / "chain/state.json"
    half = state.read_bytes()[: state.stat().st_size // 2]
    state.write_bytes(half)
    assert _final_word(chain.ensure()) == WORD
    assert (tmp_path / "chain/state.broken.json").read_bytes() == half


def test_where_no_state_starts_none_is_lost(chain: DevChain, tmp_path: Path) -> None:
    state = tmp_path / "chain/state.json"
    state.parent.mkdir()
    state.write_text("{")
    (tmp_path / "chain/state.previous.json").write_text("[")
    with pytest.raises(DevChainFailed, match=r"did not start; its log is .*anvil\.log"):
        chain.ensure()
    assert state.read_text() == "{"
    assert "failed to parse" in chain.log_file.read_text()


USE_AND_WAIT = """
import sys, time
from pathlib import Path
from registry.workspaces.devchain import running_chain
with running_chain(Path(sys.argv[1])) as url:
    print(url, flush=True)
    time.sleep(600)
"""


def _user(workspace: Path) -> tuple[subprocess.Popen[str], str]:
    process = _begin_to_use(workspace)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def _begin_to_use(workspace: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", USE_AND_WAIT, str(workspace)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_outlives_a_killed_user_and_is_stopped_by_the_next(chain: DevChain, tmp_path: Path) -> None:
    user, url = _user(tmp_path)
    _kill(user)
    with running_chain(tmp_path) as again:
        assert again == url
    assert chain.running() is None


def test_ctrl_c_stops_it_with_its_state_saved(chain: DevChain, tmp_path: Path) -> None:
    user, url = _user(tmp_path)
    _write(url)
    user.send_signal(signal.SIGINT)
    user.communicate()
    assert chain.running() is None
    assert _final_word(chain.ensure()) == WORD


def test_two_that_start_at_once_share_one_chain(chain: DevChain, tmp_path: Path) -> None:
    starters = [_begin_to_use(tmp_path) for _ in range(2)]
    urls = {one.stdout.readline() for one in starters if one.stdout is not None}
    for one in starters:
        _kill(one)
    assert urls == {f"{chain.running()}\n"}


def test_a_start_that_was_killed_leaves_no_second_chain(chain: DevChain, tmp_path: Path) -> None:
    chain.ensure()
    abandoned = _pid(tmp_path)
    # As if the starter had been killed before anvil answered: no instance is known yet.
    record_file = tmp_path / "chain/anvil.json"
    record_file.write_text(json.dumps({**_record(tmp_path), "instance": ""}))
    chain.ensure()
    assert _pid(tmp_path) != abandoned
    assert identity(abandoned) is None


def test_a_recycled_pid_is_neither_used_nor_stopped(chain: DevChain, tmp_path: Path) -> None:
    url = chain.ensure()
    chain.stop()
    bystander = subprocess.Popen(["sleep", "600"])
    stale = asdict(Record(str(tmp_path / "chain"), f"{bystander.pid}@1", bystander.pid, url))
    (tmp_path / "chain/anvil.json").write_text(json.dumps(stale))
    assert chain.running() is None
    chain.ensure()
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_copied_workspace_gets_a_chain_of_its_own(
    chain: DevChain, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    url = chain.ensure()
    copy = tmp_path_factory.mktemp("copy")
    (copy / "chain").mkdir()
    (copy / "chain/anvil.json").write_bytes((tmp_path / "chain/anvil.json").read_bytes())
    with running_chain(copy) as other:
        assert other != url
    assert chain.running() == url


def test_a_chain_that_hangs_is_named_not_doubled(
    chain: DevChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain.ensure()
    pid = _pid(tmp_path)
    with Node("http://127.0.0.1:9") as nobody:
        monkeypatch.setattr(devchain, "_KILLED_S", 0.05)
        monkeypatch.setattr(anvil, "instance", lambda node: nobody.call("eth_chainId", []))
        with pytest.raises(DevChainFailed, match=rf"process {pid}\) does not answer"):
            chain.running()
    monkeypatch.undo()
    assert chain.running() is not None


WHOLE = asdict(Record("/chain", "1@1", 1, "http://127.0.0.1:9"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        json.dumps(WHOLE)[:40],
        json.dumps({**WHOLE, "pid": "1"}),
        json.dumps({**WHOLE, "process": 1}),
        json.dumps({**WHOLE, "users": [1]}),
        json.dumps({**WHOLE, "more": 1}),
    ],
)
def test_a_record_that_nobody_wrote_is_refused(chain: DevChain, tmp_path: Path, text: str) -> None:
    (tmp_path / "chain").mkdir()
    record_file = tmp_path / "chain/anvil.json"
    record_file.write_text(text)
    with pytest.raises(DevChainFailed, match=r"anvil\.json is not as it was .* delete that file"):
        chain.ensure()
    record_file.unlink()


def test_another_program_on_the_port_of_a_dead_chain_is_not_taken_for_it(
    chain: DevChain, tmp_path: Path
) -> None:
    url = chain.ensure()
    pid = _pid(tmp_path)
    os.kill(pid, signal.SIGKILL)
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _until_bound(stranger, int(url.rpartition(":")[2]))
        assert chain.running() is None
        assert chain.ensure() != url


def _until_bound(stranger: socket.socket, port: int) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            stranger.bind(("127.0.0.1", port))
        except OSError:  # the killed chain still has it
            assert time.monotonic() < until
            time.sleep(0.02)
        else:
            stranger.listen()
            return


def test_an_interrupted_start_leaves_no_process(
    chain: DevChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids: list[int] = []

    def interrupt(url: str) -> str:
        pids.append(_pid(tmp_path))
        raise KeyboardInterrupt

    monkeypatch.setattr(anvil, "wake", interrupt)
    with pytest.raises(KeyboardInterrupt):
        chain.ensure()
    assert identity(pids[0]) is None
    assert chain.running() is None


def test_a_user_that_is_interrupted_leaves_the_chain_to_the_others(
    chain: DevChain, tmp_path: Path
) -> None:
    with running_chain(tmp_path) as url:
        other, other_url = _user(tmp_path)
        assert other_url == url
        other.send_signal(signal.SIGINT)
        other.communicate()
        assert chain.running() == url


def test_a_program_that_is_no_anvil_is_said_so(
    chain: DevChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "anvil"
    broken.write_text("no program")
    broken.chmod(0o755)
    monkeypatch.setenv("CREDANCHOR_ANVIL", str(broken))
    with pytest.raises(DevChainFailed, match=r"/anvil cannot be run: Exec format error"):
        chain.ensure()


def _foreground(workspace: Path, *options: str) -> subprocess.Popen[str]:
    text = new_config_text(
        chain=ChainId(ChainId.DEVELOPMENT), embedded=True, rpc=(), did="did:key:z", name="E", url=""
    )
    (workspace / FILE).write_text(text)
    program = "import sys; from registry.cli import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.Popen(
        [sys.executable, "-c", program, "-w", str(workspace), "devchain", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
def test_in_the_foreground_it_ends_when_told_with_its_state_saved(
    chain: DevChain, tmp_path: Path, ending: signal.Signals
) -> None:
    foreground = _foreground(tmp_path)
    url = _first_line(foreground).removeprefix("eip155:31337 at ").strip()
    assert chain.running() == url
    _write(url)
    foreground.send_signal(ending)
    assert foreground.stdout is not None
    out = foreground.stdout.read()
    foreground.communicate()
    assert foreground.returncode == 0
    assert str(chain.folder) in out
    assert out.endswith("Stopped, and saved.\n")
    assert chain.running() is None
    assert _final_word(chain.ensure()) == WORD


def test_in_the_foreground_it_joins_a_chain_that_runs_and_leaves_it(
    chain: DevChain, tmp_path: Path
) -> None:
    url = chain.ensure()
    foreground = _foreground(tmp_path, "--json")
    assert json.loads(_first_line(foreground)) == {
        "chain": "eip155:31337",
        "url": url,
        "folder": str(chain.folder),
        "joined": True,
    }
    foreground.send_signal(signal.SIGINT)
    out, _ = foreground.communicate(timeout=30)
    assert (foreground.returncode, out) == (0, "")
    assert chain.running() == url


def test_in_the_foreground_it_says_when_the_chain_ends_by_itself(
    chain: DevChain, tmp_path: Path
) -> None:
    foreground = _foreground(tmp_path)
    _first_line(foreground)
    os.kill(_pid(tmp_path), signal.SIGKILL)
    _, complaint = foreground.communicate(timeout=30)
    assert foreground.returncode == 1
    assert f"not by this command; its log is {chain.log_file}" in complaint


def test_an_anvil_that_is_named_but_absent_is_said_so(
    chain: DevChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDANCHOR_ANVIL", "/nowhere/anvil")
    with pytest.raises(DevChainFailed, match=r"CREDANCHOR_ANVIL: no program at /nowhere/anvil"):
        chain.ensure()


def test_without_anvil_it_says_how_to_install_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CREDANCHOR_ANVIL", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(anvil, "__file__", str(tmp_path / "registry/workspaces/anvil.py"))
    with pytest.raises(DevChainFailed, match="install Foundry"):
        anvil.find()
