"""An issuer with a did:web, from `init` to verdicts: document, publication, and a key's end."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import rfc8785
from test_export_bundle import cut_off
from web_server import HOST, Site, https_site

from anchor_service.issuing.did_changes import DID_DOCUMENT
from anchor_service.issuing.issuer_key import IssuerKey
from registry.cli import main
from registry.documents.did_document import DidDocument
from registry.documents.issuer_keys import IssuerKeys
from registry.documents.status_list import Entry, KnownList, ListStatus, judge_list
from registry.formats.receipt import extract
from registry.nodes.rpc import Node
from registry.verifying import guarded_https
from registry.workspaces.devchain import running_chain
from registry.workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACE = "/.well-known/did.json"


@dataclass
class Shell:
    """The command line of an issuer, and of an employer who trusts its DID alone."""

    folder: Path
    site: Site
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: object, code: int = 0) -> str:
        assert main(["-w", str(self.folder), *map(str, words)]) == code, self.capsys.readouterr()
        return self.capsys.readouterr().out

    def json(self, *words: object) -> Any:
        return json.loads(self(*words, "--json"))

    def refused(self, *words: object) -> str:
        code = main(["-w", str(self.folder), *map(str, words)])
        assert code != 0
        return self.capsys.readouterr().err

    def upload(self) -> None:
        self.site.put(PLACE, (self.folder / DID_DOCUMENT).read_bytes())

    def issue(self) -> list[str]:
        samples = files("anchor_service") / "samples"
        with as_file(samples) as folder:
            roster = folder / "roster.csv"
            listed = self.json(
                "issue", "--achievement", folder / "achievement.json", "--roster", roster
            )
        return [str(one["id"]) for one in listed["credentials"]]

    def export(self, out: Path, *ids: str) -> Path:
        (one,) = self.json("export", *ids, "--out", out)["files"]
        return Path(one["file"])

    def policy(self, entries: str) -> Path:
        """An employer's, who trusts the workspace's registry and these issuers."""
        file = self.folder / "employer.toml"
        registries = [
            f'{name} = "{value}"'
            for name, value in Workspace.load(self.folder).trust["registries"][0].items()  # type: ignore[index]
        ]
        file.write_text("\n".join(["[[trust.registries]]", *registries, entries]))
        return file

    def report(self, file: Path, *options: str) -> Any:
        chain = Workspace.load(self.folder).chain
        policy = self.policy(f'[[trust.dids]]\ndid = "{self.site.did}"\nname = "The University"\n')
        assert chain.embedded
        with running_chain(self.folder) as url:
            asked = ["--policy", str(policy), "--rpc", url, *options]
            main(["verify", "--json", *asked, str(file)])
        return json.loads(self.capsys.readouterr().out)["reports"][0]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with https_site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, site: Site) -> Iterator[Path]:
    """One workspace for all: unlocking keys is made slow on purpose, and so is a fresh one."""
    folder = tmp_path_factory.mktemp("university") / "workspace"
    assert main(["-w", str(folder), "init", "--name", "University", "--did", site.did]) == 0
    with running_chain(folder):
        for words in (["deploy"], ["issuer", "register"]):
            assert main(["-w", str(folder), *words]) == 0
        yield folder


@pytest.fixture
def shell(
    ready: Path, site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    monkeypatch.setattr(guarded_https, "Guard", lambda: site.guard)
    site.answers.clear()
    capsys.readouterr()
    return Shell(ready, site, capsys)


def test_from_init_to_a_verdict_that_rests_on_the_published_document_and_a_keys_end(
    shell: Shell, tmp_path: Path
) -> None:
    first = shell.issue()[0]
    assert "anchor` first" in shell.refused("did", "rotate")
    shell("anchor")
    old = shell.export(tmp_path / "out", first)
    credential = json.loads(old.read_text("utf-8"))
    assert credential["issuer"]["id"] == shell.site.did
    assert credential["proof"][0]["verificationMethod"].startswith(f"{shell.site.did}#z6Mk")
    assert shell.report(old)["verdict"] == "CANNOT_CHECK"
    shell.upload()
    report = shell.report(old)
    assert report["verdict"] == "VALID"
    assert "The University" in report["sentence"]
    assert shell.json("did", "publish")["sent"] is False

    leaked = next(one for one in shell.issue() if one != first)
    settings = (shell.folder / "credanchor.toml").read_text("utf-8")
    rotated = shell.json("did", "rotate", "--leaked")
    assert [one["retired"] for one in rotated["keys"]] == [True, False]
    assert rotated["place"] == f"https://{HOST}:{shell.site.port}{PLACE}"

    # A crash before the settings named the new key: the next call takes the one that there is.
    (shell.folder / "credanchor.toml").write_text(settings, "utf-8")
    assert "retired there" in shell.refused("did", "write")
    assert shell.json("did", "rotate", "--leaked")["hash"] == rotated["hash"]
    assert Workspace.load(shell.folder).issuer.key.name == "issuer-2.pem"

    assert "upload yours first" in shell.refused("did", "publish")
    shell.upload()
    # A chain may give two blocks one time, and a key signs until the second after the newest.
    with running_chain(shell.folder) as url, Node(url) as node:
        node.call("evm_increaseTime", [2])
    assert shell.json("did", "publish")["sent"] is True
    second = next(one for one in shell.issue() if one not in (first, leaked))
    shell("anchor")
    assert shell.report(old)["verdict"] == "VALID"
    assert shell.report(shell.export(tmp_path / "out", second))["verdict"] == "VALID"
    lost = shell.report(shell.export(tmp_path / "out", leaked))
    assert lost["verdict"] == "TAMPERED"
    assert lost["checks"][2]["reason"] == "signer-retired"


def test_a_batchs_status_is_written_as_a_w3c_status_list(shell: Shell, tmp_path: Path) -> None:
    revoked, suspended, active, *_ = shell.issue()
    batch = shell.json("anchor")["batches"][0]["batch"]
    shell("revoke", revoked)
    shell("suspend", suspended)
    url, file = "https://uni.example/status/1", tmp_path / "list.json"
    indexes = {
        one: extract(json.loads(shell.export(tmp_path / "out", one).read_text("utf-8")))
        for one in (revoked, suspended, active)
    }
    for purpose, marked in (("revocation", revoked), ("suspension", suspended)):
        words = ("--batch", batch, "--purpose", purpose, "--url", url, "--out", file)
        assert shell.json("status-list", *words)["marked"] == 1
        raw = file.read_bytes()
        document = DidDocument.parse((shell.folder / DID_DOCUMENT).read_bytes())
        keys = IssuerKeys(document.did, document.keys, int(time.time()))
        for one, receipt in indexes.items():
            assert receipt is not None
            entry = Entry(url, purpose, receipt.index)
            known = [KnownList(url, raw)]
            found = judge_list(entry, known, document.did, keys, datetime.now(UTC))
            assert found.status is not ListStatus.UNKNOWN, found.sentence
            assert (found.status is not ListStatus.CLEAR) is (one == marked)
    unknown = ("--batch", 10**6, "--url", url, "--out", file)
    assert "no anchored batch 1000000" in shell.refused("status-list", *unknown)


def test_what_a_person_adds_to_the_document_stays(shell: Shell, tmp_path: Path) -> None:
    file = shell.folder / DID_DOCUMENT
    document = json.loads(file.read_text("utf-8"))
    document["alsoKnownAs"] = ["https://uni.example"]
    document["service"].append({"id": "#web", "type": "LinkedDomains", "serviceEndpoint": "x"})
    file.write_text(json.dumps(document), "utf-8")
    written = shell.json("did", "write", "--out", tmp_path / "copy.json")
    assert json.loads((tmp_path / "copy.json").read_text("utf-8")) == document
    assert written["hash"] == DidDocument.from_json(document).hash.to_hex()
    shell.upload()
    assert shell.json("did", "publish")["sent"] is True


def test_nothing_is_signed_with_a_key_that_the_document_does_not_have(shell: Shell) -> None:
    workspace = Workspace.load(shell.folder)
    password = (shell.folder / "keys" / "password").read_text("utf-8").strip()
    workspace.issuer.key.unlink()
    IssuerKey.generate().create_file(workspace.issuer.key, password)
    samples = files("anchor_service") / "samples"
    with as_file(samples) as folder:
        said = shell.refused(
            "issue",
            "--achievement",
            folder / "achievement.json",
            "--roster",
            folder / "roster.csv",
        )
    assert "is missing there" in said
    before = len(DidDocument.parse((shell.folder / DID_DOCUMENT).read_bytes()).keys)
    assert len(shell.json("did", "write")["keys"]) == before + 1
    assert shell.json("did", "publish", "--unchecked")["sent"] is True


@pytest.mark.parametrize("did", ["did:key:z6Mk", "did:web:uni.example/x", "uni.example"])
def test_only_a_did_web_can_be_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], did: str
) -> None:
    assert main(["-w", str(tmp_path / "w"), "init", "--did", did]) != 0
    assert "did:web" in capsys.readouterr().err
    assert not (tmp_path / "w").exists()


def test_a_did_keys_document_is_signed_by_it_and_does_not_rotate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from registry.documents.issuer_word import is_self_signed

    folder = tmp_path / "w"
    assert main(["-w", str(folder), "init"]) == 0
    with running_chain(folder):
        for words in (["deploy"], ["issuer", "register"]):
            assert main(["-w", str(folder), *words]) == 0
        document = DidDocument.parse((folder / DID_DOCUMENT).read_bytes())
        assert is_self_signed(document)
        capsys.readouterr()
        assert main(["-w", str(folder), "did", "rotate"]) != 0
    assert "another key has another DID" in capsys.readouterr().err


def test_a_bundle_carries_the_document_and_is_verified_with_networking_taken_away(
    shell: Shell, tmp_path: Path
) -> None:
    shell.json("did", "write")
    shell.upload()
    shell("did", "publish")
    (issued, *_) = shell.issue()
    shell("anchor")
    answer = shell.json("export", issued, "--bundle", "--out", tmp_path)
    (bundle,) = (Path(one["file"]) for one in answer["files"])
    carried = json.loads(bundle.read_bytes())
    assert carried["didDocument"] == json.loads((shell.folder / DID_DOCUMENT).read_bytes())
    issuer_id = carried["receipt"]["issuerId"]
    policy = shell.policy(
        f'[[trust.issuers]]\nchain = "{carried["receipt"]["chain"]}"\n'
        f'registry = "{carried["receipt"]["registry"]}"\nissuer_id = "{issuer_id}"\n'
        f'name = "The University"\nspeaks_for = ["{shell.site.did}"]\n'
    )
    shell.site.answers.clear()
    shell.site.asked.clear()
    offline = ("--offline", "--trusted-block", answer["block"])

    code, (report,) = cut_off(tmp_path, "--policy", policy, *offline, bundle)
    assert (code, report["verdict"]) == (0, "VALID"), report["sentence"]
    signature = report["checks"][2]
    assert (signature["outcome"], signature["reason"]) == ("VALID", "signature-valid")
    assert "by storage proof under a block hash that was given" in report["sentence"]
    # What the chain's proof says of the document is what the carried one hashes to.
    told = sha256(rfc8785.dumps(carried["didDocument"])).hexdigest()
    assert report["record"]["didHash"] == f"0x{told}"

    # The same bundle with another document, as whoever carries it may put into it: no word.
    other = tmp_path / "other.bundle.json"
    carried["didDocument"]["alsoKnownAs"] = ["https://elsewhere.example"]
    other.write_text(json.dumps(carried), "utf-8")
    code, (report,) = cut_off(tmp_path, "--policy", policy, *offline, other)
    assert (code, report["verdict"]) == (3, "CANNOT_CHECK")
    assert report["checks"][2]["outcome"] == "UNKNOWN"

    # Trusted by its DID alone, the document must be the DID's own word: given, since none is asked.
    by_did = shell.policy(f'[[trust.dids]]\ndid = "{shell.site.did}"\nname = "The University"\n')
    code, (report,) = cut_off(tmp_path, "--policy", by_did, *offline, bundle)
    assert (code, report["checks"][7]["reason"]) == (3, "did-not-read")
    given = ("--did-document", shell.folder / DID_DOCUMENT)
    code, (report,) = cut_off(tmp_path, "--policy", by_did, *offline, *given, bundle)
    assert (code, report["verdict"]) == (0, "VALID")
    assert shell.site.asked == []
