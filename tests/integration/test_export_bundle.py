"""Bundles as an issuer exports them, and verified where there is no network at all."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rpc_proxy import altered, proxied
from test_line import LEARNERS, Shell

from anchor_service.errors import BundleNotProven
from anchor_service.operating.bundling import Bundler
from anchor_service.operating.exporting import export_bundles
from anchor_service.operating.opening import open_database
from anchor_service.store import batch_store
from anchor_service.store.lifecycle import BatchState
from registry.cli import main, verify
from registry.nodes.rpc import Node
from registry.proofs.bundle import Bundle
from registry.workspaces.devchain import running_chain
from registry.workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from anchor_service.operating.bundling import BatchProof
    from anchor_service.store.batch_store import Batch

NO_SOCKETS = """
import sys
def refuse(event, args):
    if event.startswith("socket."):
        raise SystemExit(f"touched the network: {event}")
sys.addaudithook(refuse)
"""
PROGRAM = "import sys; from registry.cli import main; sys.exit(main(sys.argv[1:]))"


def cut_off(folder: Path, *words: object) -> tuple[int, list[dict[str, Any]]]:
    """`verify --json` in a process that has no network, and may not even ask for a socket."""
    command = [sys.executable, "-c", NO_SOCKETS + PROGRAM, "verify", "--json", *map(str, words)]
    unshare = shutil.which("unshare")
    if unshare:
        probe = subprocess.run([unshare, "-rn", "true"], capture_output=True, check=False)
        command = [unshare, "-rn", *command] if probe.returncode == 0 else command
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.stdout, run.stderr
    return run.returncode, json.loads(run.stdout)["reports"]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("issuer") / "workspace"
    assert main(["-w", str(folder), "init", "--name", "Example Academy"]) == 0
    with running_chain(folder):
        for words in (["deploy"], ["issuer", "register"]):
            assert main(["-w", str(folder), *words]) == 0
        yield folder


@pytest.fixture
def shell(ready: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    capsys.readouterr()
    return Shell(ready, capsys)


def policy_of(shell: Shell, folder: Path) -> Path:
    """The workspace's trust, as an employer would keep it."""
    text = (shell.folder / "credanchor.toml").read_text("utf-8")
    file = folder / "policy.toml"
    file.write_text(text[text.index("[trust]") :], "utf-8")
    return file


def test_bundles_are_verified_with_networking_taken_away(shell: Shell, tmp_path: Path) -> None:
    ids = shell.issue()
    shell("anchor")
    answer = shell.json("export", *ids, "--bundle", "--out", tmp_path / "first")
    first, block = [Path(one["file"]) for one in answer["files"]], answer["block"]
    assert len(first) == LEARNERS
    assert all(path.name.endswith(".bundle.json") for path in first)
    policy = policy_of(shell, tmp_path)
    ask = ("--policy", policy, "--offline")

    code, reports = cut_off(tmp_path, *ask, "--trusted-block", block, tmp_path / "first")
    assert code == 0
    assert [one["verdict"] for one in reports] == ["VALID"] * LEARNERS
    assert "not revoked as of block" in reports[0]["sentence"]
    assert "by storage proof under a block hash that was given" in reports[0]["sentence"]

    checkpoints = tmp_path / "blocks.txt"
    checkpoints.write_text(f"# what our node called final\n{block}\n")
    code, reports = cut_off(tmp_path, *ask, "--checkpoints", checkpoints, first[0])
    assert (code, reports[0]["verdict"]) == (0, "VALID")
    assert "in blocks.txt" in reports[0]["sentence"]

    code, reports = cut_off(tmp_path, *ask, first[0])
    assert (code, reports[0]["verdict"]) == (3, "CANNOT_CHECK")
    assert block in reports[0]["sentence"]

    shell("revoke", ids[0])
    answer = shell.json("export", ids[0], "--bundle", "--out", tmp_path / "second")
    second = Path(answer["files"][0]["file"])
    both = ("--trusted-block", block, "--trusted-block", answer["block"])
    code, reports = cut_off(tmp_path, *ask, *both, first[0], second)
    assert code == 1
    assert {one["file"]: one["verdict"] for one in reports} == {
        str(first[0]): "VALID",
        str(second): "REVOKED",
    }


def test_a_bundle_is_judged_by_a_node_too(shell: Shell, tmp_path: Path) -> None:
    name = shell.issue()[0]
    shell("anchor")
    (only,) = shell.json("export", name, "--bundle", "--out", tmp_path)["files"]
    assert shell.verdicts(Path(only["file"])) == ["VALID"]
    shell("revoke", name)
    assert shell.verdicts(Path(only["file"]), code=1) == ["REVOKED"]


def test_a_proof_that_is_older_than_max_age_cannot_check(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = shell.issue()[0]
    shell("anchor")
    answer = shell.json("export", name, "--bundle", "--out", tmp_path)
    later = datetime.now(UTC) + timedelta(days=3)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Clock:
            return cls.fromtimestamp(later.timestamp(), tz)

    monkeypatch.setattr(verify, "datetime", Clock)
    ask = ("verify", "--offline", "--trusted-block", answer["block"], answer["files"][0]["file"])
    (report,) = shell.json(*ask, "--max-age", "4d")["reports"]
    assert report["verdict"] == "VALID"
    (report,) = shell.json(*ask, "--max-age", "2d", code=3)["reports"]
    assert report["verdict"] == "CANNOT_CHECK"
    assert "older than the 2 days" in report["sentence"]


def test_with_its_history_a_bundle_answers_about_the_past(shell: Shell, tmp_path: Path) -> None:
    name = shell.issue()[0]
    shell("anchor")
    answer = shell.json("export", name, "--bundle", "--history", "--out", tmp_path)
    bundle = Bundle.parse(Path(answer["files"][0]["file"]).read_bytes())
    assert bundle.history
    ask = ("verify", "--offline", "--trusted-block", answer["block"], answer["files"][0]["file"])
    (report,) = shell.json(*ask, "--at", "2020-01-01", code=1)["reports"]
    assert report["verdict"] == "NOT_ANCHORED"


@pytest.mark.parametrize("words", [("--all", "--bundle", "--sidecar"), ("--all", "--history")])
def test_what_does_not_go_together_is_refused(
    shell: Shell, tmp_path: Path, words: Sequence[str]
) -> None:
    with pytest.raises(SystemExit):
        shell("export", *words, "--out", tmp_path)


# --- what a node may do to a bundle


def export(workspace: Workspace, bundler: Bundler, out: Path) -> int:
    def prove(batch: Batch, words: Sequence[int]) -> BatchProof:
        return bundler.batch(batch.registry, batch.issuer_id, batch.root, words)

    with open_database(workspace) as database, database.read() as connection:
        newest = batch_store.sealed_batches(connection, BatchState.FINAL)[-1]
        return len(list(export_bundles(connection, newest, None, out, prove)))


def flip(proof: Any) -> Any:
    node = proof["accountProof"][-1]
    proof["accountProof"][-1] = node[:-1] + ("0" if node[-1] != "0" else "1")
    return proof


def test_a_batch_takes_one_proof_and_a_false_one_is_never_written(
    shell: Shell, tmp_path: Path
) -> None:
    shell.issue()
    workspace = Workspace.load(shell.folder)
    chain = workspace.chain.id
    with running_chain(shell.folder) as url, proxied(url) as proxy, Node(proxy.url) as node:
        before = Bundler.open(node, chain)
        shell("anchor")
        proxy.calls.clear()
        assert export(workspace, Bundler.open(node, chain), tmp_path) == LEARNERS
        methods = [call["method"] for call in proxy.calls]
        assert methods.count("eth_getProof") == 1
        assert len(methods) == 4
        written = set(tmp_path.iterdir())
        out = tmp_path / "none"
        out.mkdir()
        proxy.rules.append(altered("eth_getProof", flip))
        with pytest.raises(BundleNotProven, match="not among those given; ask another node"):
            export(workspace, Bundler.open(node, chain), out)
        proxy.rules.clear()
        with pytest.raises(BundleNotProven, match="does not hold batch"):
            export(workspace, before, out)
        assert not list(out.iterdir())
        assert len(written) == LEARNERS
