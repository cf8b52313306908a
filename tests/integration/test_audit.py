"""`credanchor audit` on a real chain, through honest nodes and lying ones."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rpc_proxy import altered, error, proxied

import anchor_service
from registry.cli import main
from registry.nodes.event_reader import deployment_block
from registry.nodes.log_reader import read_ranges
from registry.nodes.rpc import Node
from registry.workspaces.devchain import running_chain
from registry.workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rpc_proxy import Forward, Message

    from registry.values import Address

SAMPLES = Path(anchor_service.__file__).parent / "samples"


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A workspace with four operations on its chain: register, anchor, revoke, suspend."""
    folder = tmp_path_factory.mktemp("audited") / "workspace"
    sources = ["--achievement", SAMPLES / "achievement.json", "--roster", SAMPLES / "roster.csv"]
    with running_chain(folder) as url:
        for words in (["init"], ["deploy"], ["issuer", "register"], ["issue", *sources]):
            assert main(["-w", str(folder), *map(str, words)]) == 0
        assert main(["-w", str(folder), "anchor"]) == 0
        assert main(["-w", str(folder), "export", "--all", "--out", str(folder / "out")]) == 0
        first, second, *_ = sorted((folder / "out").iterdir())
        for change, file in (("revoke", first), ("suspend", second)):
            identifier = json.loads(file.read_text("utf-8"))["id"]
            assert main(["-w", str(folder), change, identifier]) == 0
        yield folder, url


def audited(
    folder: Path, capsys: pytest.CaptureFixture[str], *words: str, code: int
) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["-w", str(folder), "audit", "--json", *words]) == code
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def registry_of(folder: Path) -> Address:
    registry = Workspace.load(folder).chain.registry
    assert registry is not None
    return registry


@contextmanager
def lying(line: tuple[Path, str], changed: Any) -> Iterator[list[str]]:
    """Arguments that audit through a node whose logs are what `changed` makes of them."""
    with proxied(line[1]) as proxy:
        proxy.rules.append(altered("eth_getLogs", changed))
        yield [*place(line, proxy.url), "--max-age", "100000"]


def place(line: tuple[Path, str], url: str) -> list[str]:
    return ["--rpc", url, "--chain", "eip155:31337", "--registry", str(registry_of(line[0]))]


def test_an_honest_history_holds(
    line: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    report = audited(line[0], capsys, code=0)
    assert report["holds"]
    (issuer,) = report["issuers"]
    assert issuer["operations"] == 4
    assert (issuer["batches"], issuer["leaves"]) == (1, 128)
    assert (issuer["revoked"], issuer["suspended"]) == (1, 1)


def test_without_a_workspace_a_node_and_a_place_are_enough(
    line: tuple[Path, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert audited(tmp_path, capsys, *place(line, line[1]), code=0)["holds"]
    assert list((tmp_path / "cache" / "credanchor" / "audit").iterdir())


def test_people_are_told_in_a_few_lines(
    line: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["-w", str(line[0]), "audit"]) == 0
    shown = capsys.readouterr().out
    assert "HOLDS" in shown
    assert "4 logs of 1 issuer; 1 history and " in shown
    assert "4 operations, 1 batch of 128 leaves, 1 suspended, 1 revoked" in shown


@pytest.mark.parametrize("dropped", [3, 2, 1, 0])
def test_a_node_that_leaves_a_log_out_is_caught_and_another_is_believed(
    line: tuple[Path, str], dropped: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ["--store", str(tmp_path / "store.db")]
    with lying(line, lambda logs: logs[:dropped] + logs[dropped + 1 :]) as words:
        report = audited(tmp_path, capsys, *words, *store, code=1)
    (error, *_) = errors = [one for one in report["findings"] if one["severity"] == "error"]
    assert {one["matter"] for one in errors} == {"missing-log"}
    assert dropped == 0 or error["operation"] == dropped + 1
    honest = audited(tmp_path, capsys, *place(line, line[1]), *store, code=0)
    assert honest["issuers"][0]["operations"] == 4


@pytest.mark.parametrize(
    ("confused", "said"),
    [
        (lambda logs: [logs[1], logs[0], *logs[2:]], "out of order"),
        (lambda logs: [logs[0], *logs], "twice"),
        (lambda logs: [{**logs[0], "removed": True}, *logs[1:]], "reorganisation"),
        (lambda logs: [{**logs[0], "address": "0x" + "11" * 20}, *logs[1:]], "another contract"),
        (lambda logs: [{**logs[0], "topics": logs[0]["topics"][:1]}, *logs[1:]], "none that"),
        (lambda logs: [{**logs[0], "data": logs[0]["data"] + "00" * 32}, *logs[1:]], "none that"),
        (lambda logs: [{**logs[0], "data": logs[0]["data"] + " "}, *logs[1:]], "not the hex"),
        (lambda logs: [{**logs[0], "blockNumber": "0xfffff"}, *logs[1:]], "not asked for"),
        (lambda _: None, "no list"),
    ],
)
def test_answers_that_cannot_be_are_not_judged(
    line: tuple[Path, str],
    confused: Any,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with lying(line, confused) as words:
        answer = audited(tmp_path, capsys, *words, "--store", str(tmp_path / "store.db"), code=3)
    assert said in answer["error"]["message"]


@pytest.mark.parametrize(
    ("code", "reason"), [("0x", "no contract at"), ("0x5f5ff3", "is not the CredentialRegistry")]
)
def test_what_is_not_the_registry_is_not_judged(
    line: tuple[Path, str],
    tmp_path: Path,
    code: str,
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It has neither logs nor storage, and so they agree."""
    other = "0x" + "0e" * 20
    with Node(line[1]) as node:
        node.call("anvil_setCode", [other, code])
        node.call("anvil_mine", ["0x4"])
    words = ["--rpc", line[1], "--chain", "eip155:31337", "--registry", other]
    assert reason in audited(tmp_path, capsys, *words, code=3)["error"]["message"]


def test_ranges_shrink_until_the_node_takes_them(line: tuple[Path, str]) -> None:
    folder, url = line
    asked: list[int] = []

    def narrow(call: Message, forward: Forward) -> Message | None:
        if call["method"] != "eth_getLogs":
            return None
        query = call["params"][0]
        span = int(query["toBlock"], 16) - int(query["fromBlock"], 16) + 1
        asked.append(span)
        return error(call, "query returned more than 10000 results") if span > 3 else None

    with Node(url) as node:
        last = int(str(node.call("eth_blockNumber", [])), 16)
    with proxied(url) as proxy:
        proxy.rules.append(narrow)
        registry = registry_of(folder)
        narrowly = list(read_ranges([partial(Node, proxy.url)], registry, 0, last))
        widely = list(read_ranges([partial(Node, url)], registry, 0, last))
    assert [log for one in narrowly for log in one.logs] == widely[0].logs
    assert max(asked) > 3
    assert narrowly[0].first == 0
    assert narrowly[-1].last == last
    assert all(one.last + 1 == two.first for one, two in pairwise(narrowly))


def test_the_deployment_is_found_by_bisection(line: tuple[Path, str]) -> None:
    folder, url = line
    registry = registry_of(folder)
    with Node(url) as node:
        last = int(str(node.call("eth_blockNumber", [])), 16)
        first = deployment_block(node, registry, last)
        assert node.call("eth_getCode", [str(registry), hex(first)]) != "0x"
        assert node.call("eth_getCode", [str(registry), hex(first - 1)]) == "0x"
