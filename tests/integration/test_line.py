"""The whole line as a person types it: from a roster to verdicts, on the workspace's own chain."""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import anchor_service
from anchor_service.issuing.did_changes import DID_DOCUMENT
from registry.cli import main
from registry.formats.canonical import canonicalize
from registry.formats.credential import Credential
from registry.formats.receipt import Receipt
from registry.nodes.chain_reader import read_evidence
from registry.nodes.rpc import Node
from registry.proofs.evidence import Evidence, Subject
from registry.values import BatchRoot
from registry.workspaces.devchain import mine_to_finality, running_chain
from registry.workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES = Path(anchor_service.__file__).parent / "samples"
LEARNERS = 12


@dataclass
class Shell:
    """One workspace and somebody who types commands."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: object, code: int = 0) -> str:
        assert main(["-w", str(self.folder), *map(str, words)]) == code
        return self.capsys.readouterr().out

    def json(self, *words: object, code: int = 0) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self(*words, "--json", code=code))
        return answer

    def verdicts(self, *files: Path, code: int = 0) -> list[str]:
        return [one["verdict"] for one in self.json("verify", *files, code=code)["reports"]]

    def issue(self) -> list[str]:
        achievement, roster = SAMPLES / "achievement.json", SAMPLES / "roster.csv"
        answer = self.json("issue", "--achievement", achievement, "--roster", roster)
        return [one["id"] for one in answer["credentials"]]

    def export(self, out: Path, *words: object) -> list[dict[str, Any]]:
        files: list[dict[str, Any]] = self.json("export", *words, "--out", out)["files"]
        return files


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace with a registered issuer, whose chain runs for the whole module."""
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


def test_from_a_roster_to_verdicts_and_back(shell: Shell, tmp_path: Path) -> None:
    ids = shell.issue()
    assert len(set(ids)) == LEARNERS
    (batch,) = shell.json("anchor")["batches"]
    assert (batch["state"], batch["credentials"], batch["size"]) == ("FINAL", LEARNERS, 128)

    exported = {one["id"]: Path(one["file"]) for one in shell.export(tmp_path / "out", *ids)}
    files = [exported[one] for one in ids]
    assert shell.verdicts(*files) == ["VALID"] * LEARNERS

    assert shell.json("revoke", ids[0])["credentials"][0]["state"] == "FINAL"
    shell("suspend", ids[1], ids[2])
    shell("reinstate", ids[2])
    assert shell.verdicts(*files[:3], code=1) == ["REVOKED", "SUSPENDED", "VALID"]

    forged = tmp_path / "forged.json"
    forged.write_text(files[3].read_text("utf-8").replace('"name": "', '"name": "Dr. ', 1), "utf-8")
    assert shell.verdicts(forged, code=1) == ["TAMPERED"]


def test_a_stranger_who_anchors_anothers_credential_is_not_trusted(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = shell.issue()[0]
    shell("anchor")
    (bare,) = shell.export(tmp_path / "real", "--sidecar", name)

    # A truly signed credential, anchored again by somebody else on the very same registry.
    stranger = Shell(tmp_path / "stranger", shell.capsys)
    with (
        monkeypatch.context() as environment,
        running_chain(shell.folder) as url,
        Node(url) as node,
    ):
        environment.setenv("CREDANCHOR_ACCOUNT_PASSWORD", "of the stranger")
        account = stranger.json("init", "--name", "Example Academy", "--rpc", url)["account"]
        node.call("anvil_setBalance", [account, hex(10**18)])
        stranger("deploy")
        stranger("issuer", "register")
        stranger("import", bare["file"])
        stranger("anchor", "--no-wait")
        mine_to_finality(node)
        stranger("anchor")
        (forged,) = stranger.export(tmp_path / "forged", "--all")
    assert stranger.json("show", name)["state"] == "FINAL"
    assert shell.verdicts(Path(bare["file"])) == ["VALID"]
    assert shell.verdicts(Path(forged["file"]), code=1) == ["ISSUER_UNTRUSTED"]


def test_every_step_of_the_setup_can_be_repeated(shell: Shell) -> None:
    before = (shell.folder / "credanchor.toml").read_text("utf-8")
    first = shell.json("deploy")
    assert first["deployed"] is False
    again = shell.json("issuer", "register")
    assert again["issuerId"] == str(Workspace.load(shell.folder).issuer.id)
    assert (shell.folder / "credanchor.toml").read_text("utf-8") == before
    assert main(["-w", str(shell.folder), "init"]) == 2


def test_the_registered_did_hash_is_that_of_the_workspaces_did_document(shell: Shell) -> None:
    workspace = Workspace.load(shell.folder)
    assert workspace.issuer.id is not None
    assert workspace.chain.registry is not None
    document = json.loads((shell.folder / DID_DOCUMENT).read_text("utf-8"))
    with running_chain(shell.folder) as url, Node(url) as node:
        subject = Subject(workspace.issuer.id, BatchRoot(bytes(32)), 0)
        (found,) = read_evidence(node, workspace.chain.id, workspace.chain.registry, [subject])
    assert isinstance(found, Evidence)
    assert found.head.did_hash == sha256(canonicalize(document)).digest()
    (service,) = document["service"]
    place = f"did:pkh:{workspace.chain.id}:{workspace.chain.registry}#{workspace.issuer.id}"
    assert service["serviceEndpoint"] == place
    assert document["id"] == workspace.issuer.did


def test_keys_and_password_are_their_owners_alone_and_in_no_other_file(shell: Shell) -> None:
    keys = shell.folder / "keys"
    password = (keys / "password").read_text("utf-8").strip()
    for name in ("password", "account.json", "issuer.pem"):
        assert stat.S_IMODE((keys / name).stat().st_mode) == 0o600
    for path in shell.folder.rglob("*"):
        if path.is_file() and path.name != "password":
            assert password.encode() not in path.read_bytes()


def test_a_sidecar_leaves_the_document_as_received(shell: Shell, tmp_path: Path) -> None:
    raw = (
        b'{ "type": ["VerifiableCredential"],  "issuer":"did:example:x",\r\n '
        b'"id":"urn:uuid:7d9f66f5-6d1c-4e30-a1a5-5e0f1a4e7a01", "@context": '
        b'["https://www.w3.org/ns/credentials/v2"], '
        b'"credentialSubject":{"n":1.50e1, "unknown member":null} }'
    )
    source = tmp_path / "odd.json"
    source.write_bytes(raw)
    (entry,) = shell.json("import", source)["credentials"]
    assert entry["present"] is False
    shell("anchor")
    (one,) = shell.export(tmp_path / "side", "--sidecar", "7d9f66f5")
    assert Path(one["file"]).read_bytes() == raw
    receipt = Receipt.parse(Path(one["receipt"]).read_bytes())
    (inside,) = shell.export(tmp_path / "in", "7d9f66f5")
    embedded = Credential.parse(Path(inside["file"]).read_bytes())
    assert embedded.digest == Credential.parse(raw).digest
    assert receipt.index == shell.json("show", "7d9f66f5")["index"]


def test_the_same_import_twice_is_told_and_loses_nothing(shell: Shell, tmp_path: Path) -> None:
    lines = tmp_path / "many.jsonl"
    ids = shell.issue()
    shell("anchor")
    exported = shell.export(tmp_path / "out", "--sidecar", *ids)
    lines.write_bytes(b"".join(Path(one["file"]).read_bytes() + b"\n" for one in exported))
    answer = shell.json("import", lines)
    assert (answer["imported"], answer["present"]) == (0, LEARNERS)
    assert shell.json("status")["open"] == 0


def test_one_bad_line_refuses_the_whole_import(shell: Shell, tmp_path: Path) -> None:
    good = (
        b'{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],'
        b'"id":"urn:x:%d","issuer":"did:x:y","credentialSubject":{}}\n'
    )
    lines = tmp_path / "many.jsonl"
    lines.write_bytes(good % 1 + b'{"id": 1, "id": 2}\n' + good % 3)
    error = shell.json("import", lines, code=1)["error"]
    assert ":2:" in error["message"]
    assert "nothing was imported" in error["message"]
    assert shell.json("status")["open"] == 0


def test_nothing_is_issued_from_a_roster_with_faults_unless_asked(shell: Shell) -> None:
    words = ("issue", "--achievement", SAMPLES / "achievement.json")
    bad = ("--roster", SAMPLES / "bad-roster.csv")
    error = shell.json(*words, *bad, code=1)["error"]
    assert error["type"] == "RosterRefused"
    assert shell.json("status")["open"] == 0
    answer = shell.json(*words, *bad, "--map", "email=e-mail", "--skip-bad-rows")
    assert answer["faults"]
    assert len(answer["credentials"]) == answer["rows"] > 0
    shell("anchor")


def test_a_dry_run_writes_nothing(shell: Shell) -> None:
    words = ("--achievement", SAMPLES / "achievement.json", "--roster", SAMPLES / "roster.csv")
    assert shell.json("issue", *words, "--dry-run")["rows"] == LEARNERS
    assert shell.json("status")["open"] == 0


def test_what_is_not_final_is_left_out_and_counted(shell: Shell, tmp_path: Path) -> None:
    ids = shell.issue()
    answer = shell.json("export", ids[0], "--out", tmp_path / "early", code=3)
    assert (answer["files"], answer["leftOut"]) == ([], 1)
    assert shell.json("revoke", ids[0], code=1)["error"]["type"] == "UnknownCredential"
    shell("anchor")
    assert len(shell.export(tmp_path / "late", ids[0])) == 1


def test_anchoring_nothing_says_so(shell: Shell) -> None:
    assert "nothing to anchor" in shell("anchor")
    assert shell.json("anchor") == {"batches": []}


def test_show_tells_one_credentials_story(shell: Shell) -> None:
    name = shell.issue()[0]
    assert shell.json("show", name)["state"] == "OPEN"
    shell("anchor")
    shell("suspend", name)
    shown = shell.json("show", name.removeprefix("urn:uuid:")[:13])
    assert shown["id"] == name
    assert shown["state"] == "FINAL"
    assert [one["change"] for one in shown["changes"]] == ["suspend"]
    assert shown["document"]["id"] == name


def test_commands_before_their_time_say_what_comes_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = Shell(tmp_path / "new", capsys)
    assert main(["-w", str(shell.folder), "anchor"]) == 2
    assert "credanchor init" in capsys.readouterr().err
    shell("init")
    assert main(["-w", str(shell.folder), "anchor"]) == 2
    assert "credanchor deploy" in capsys.readouterr().err


def test_an_id_that_is_not_known_changes_nothing(shell: Shell) -> None:
    name = shell.issue()[0]
    shell("anchor")
    assert shell.json("revoke", name, "nobody", code=1)["error"]["type"] == "UnknownCredential"
    assert shell.json("show", name)["changes"] == []
