"""`credanchor audit` on a real chain, through honest nodes and lying ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import anchor_service
from registry import rpc
from registry.cli import main
from registry.devchain import running_chain
from registry.errors import NodeRefused
from registry.event_reader import deployment_block, read_events
from registry.rpc import Node
from registry.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from registry.strict_json import JsonValue
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


def lie(monkeypatch: pytest.MonkeyPatch, changed: Any) -> None:
    """From now on every node's logs are what `changed` makes of them."""
    honest = Node.call

    def call(self: Node, method: str, params: Sequence[JsonValue]) -> JsonValue:
        answer = honest(self, method, params)
        return changed(answer) if method == "eth_getLogs" else answer

    monkeypatch.setattr(rpc.Node, "call", call)


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
    line: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--rpc", line[1], "--chain", "eip155:31337", "--registry", str(registry_of(line[0]))]
    assert audited(tmp_path, capsys, *place, code=0)["holds"]


def test_people_are_told_in_a_few_lines(
    line: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["-w", str(line[0]), "audit"]) == 0
    shown = capsys.readouterr().out
    assert "HOLDS" in shown
    assert "4 operations, 1 batches of 128 leaves, 1 suspended, 1 revoked" in shown


@pytest.mark.parametrize("dropped", [3, 2, 1, 0])
def test_a_node_that_leaves_a_log_out_is_caught(
    line: tuple[Path, str],
    dropped: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lie(monkeypatch, lambda logs: logs[:dropped] + logs[dropped + 1 :])
    capsys.readouterr()
    assert main(["-w", str(line[0]), "audit"]) == 1


def test_a_node_that_changes_a_log_is_caught(
    line: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def blur(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        anchored = dict(logs[1])
        last_byte = int(anchored["data"][-2:], 16)  # of its metaHash
        anchored["data"] = anchored["data"][:-2] + f"{last_byte ^ 1:02x}"
        return [logs[0], anchored, *logs[2:]]

    lie(monkeypatch, blur)
    capsys.readouterr()
    assert main(["-w", str(line[0]), "audit"]) == 1


@pytest.mark.parametrize(
    "confused",
    [
        lambda logs: [logs[1], logs[0], *logs[2:]],
        lambda logs: [logs[0], *logs],
        lambda logs: [{**logs[0], "removed": True}, *logs[1:]],
        lambda logs: [{**logs[0], "address": "0x" + "11" * 20}, *logs[1:]],
        lambda logs: [{**logs[0], "topics": logs[0]["topics"][:1]}, *logs[1:]],
        lambda logs: [{**logs[0], "data": logs[0]["data"] + "00" * 32}, *logs[1:]],
        lambda _: None,
    ],
)
def test_answers_that_cannot_be_are_not_judged(
    line: tuple[Path, str],
    confused: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lie(monkeypatch, confused)
    capsys.readouterr()
    assert main(["-w", str(line[0]), "audit"]) == 3


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
    place = ["--rpc", line[1], "--chain", "eip155:31337", "--registry", other]
    assert reason in audited(tmp_path, capsys, *place, code=3)["error"]["message"]


def test_ranges_shrink_until_the_node_takes_them(line: tuple[Path, str]) -> None:
    folder, url = line
    asked: list[int] = []

    class Narrow(Node):
        def call(self, method: str, params: Sequence[JsonValue]) -> JsonValue:
            if method == "eth_getLogs":
                query: Any = params[0]
                span = int(query["toBlock"], 16) - int(query["fromBlock"], 16) + 1
                asked.append(span)
                if span > 3:
                    raise NodeRefused(method, -32005, "query returned more than 10000 results")
            return super().call(method, params)

    with Narrow(url) as narrow, Node(url) as wide:
        last = int(str(wide.call("eth_blockNumber", [])), 16)
        registry = registry_of(folder)
        covered: list[int] = []
        narrowly = list(read_events(narrow, registry, 0, last, covered.append))
        assert narrowly == list(read_events(wide, registry, 0, last))
    assert max(asked) > 3
    assert sum(covered) == last + 1


def test_the_deployment_is_found_by_bisection(line: tuple[Path, str]) -> None:
    folder, url = line
    registry = registry_of(folder)
    with Node(url) as node:
        last = int(str(node.call("eth_blockNumber", [])), 16)
        first = deployment_block(node, registry, last)
        assert node.call("eth_getCode", [str(registry), hex(first)]) != "0x"
        assert node.call("eth_getCode", [str(registry), hex(first - 1)]) == "0x"
