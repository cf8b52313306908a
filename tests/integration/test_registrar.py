"""The registrar's side as people type it: two-person approval, mended credentials, dry runs."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from databases import new_sqlite
from sqlalchemy import select

import anchor_service
from anchor_service.engine import worker
from anchor_service.store.database import Database
from anchor_service.store.schema import notice
from registry.cli import main
from registry.documents.open_badges import faults
from registry.workspaces.devchain import running_chain
from registry.workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES = Path(anchor_service.__file__).parent / "samples"
LEARNERS = 12
KEY = "REGISTRAR_TESTS_ACCOUNT"


class Shell:
    """One workspace and somebody who types commands."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys

    def __call__(self, *words: object, code: int = 0) -> str:
        self.capsys.readouterr()
        ended = main(["-w", str(self.folder), *map(str, words)])
        said = self.capsys.readouterr()
        assert ended == code, said
        return said.out

    def json(self, *words: object, code: int = 0) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self(*words, "--json", code=code))
        return answer

    def issue(self) -> list[str]:
        achievement, roster = SAMPLES / "achievement.json", SAMPLES / "roster.csv"
        answer = self.json("issue", "--achievement", achievement, "--roster", roster)
        return [one["id"] for one in answer["credentials"]]

    def pending(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.json("approve", "list")["pending"]
        return found

    def approve(self, one: dict[str, Any], *names: str) -> None:
        for name in names:
            self.json("approve", "give", one["id"], "--as", name)

    def states(self) -> list[str]:
        return [one["state"] for one in self.json("anchor")["batches"]]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace with a registered issuer, whose chain runs for the whole module."""
    folder = tmp_path_factory.mktemp("issuer") / "workspace"
    assert main(["-w", str(folder), "init", "--name", "Example Academy"]) == 0
    # The account's key comes from the environment: opening a keystore takes each command a second.
    (folder / "keys" / "account.json").unlink()
    config = folder / "credanchor.toml"
    text = config.read_text("utf-8")
    config.write_text(text.replace('keystore = "keys/account.json"', f'key_env = "{KEY}"'), "utf-8")
    with pytest.MonkeyPatch.context() as environment, running_chain(folder):
        environment.setenv(KEY, "0x" + secrets.token_hex(32))
        for words in (["deploy"], ["issuer", "register"]):
            assert main(["-w", str(folder), *words]) == 0
        yield folder


@pytest.fixture
def shell(
    ready: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Shell:
    """A fresh database on the same chain."""
    new_sqlite(tmp_path / "issuer.db").close()
    monkeypatch.setenv("CREDANCHOR_DATABASE_URL", f"sqlite:///{tmp_path}/issuer.db")
    return Shell(ready, capsys)


@pytest.fixture
def two_seal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDANCHOR_APPROVAL_SEAL", "true")


@pytest.mark.usefixtures("two_seal")
def test_a_batch_is_sealed_only_when_two_people_have_approved_it(shell: Shell) -> None:
    shell.issue()
    assert shell.states() == []
    (one,) = shell.pending()
    assert (one["kind"], one["credentials"], one["missing"]) == ("batch", LEARNERS, 2)
    assert any("Data Analysis with Python to " in sample for sample in one["samples"])
    shell.approve(one, "Ana Sousa")
    assert shell.states() == []
    for same in ("Ana Sousa", " ana  SOUSA "):
        error = shell.json("approve", "give", one["id"], "--as", same, code=1)["error"]
        assert error["type"] == "ApprovalRefused"
    assert shell.states() == []
    assert told() == ["batch.approval"]
    shell.approve(one, "Bo Li")
    assert shell.states() == ["FINAL"]
    assert shell.pending() == []
    assert told() == ["batch.approval", "batch.final"]


@pytest.mark.usefixtures("two_seal")
def test_a_credential_added_afterwards_needs_new_approvals(shell: Shell) -> None:
    shell.issue()
    (before,) = shell.pending()
    shell.approve(before, "Ana", "Bo")
    shell.issue()
    assert shell.states() == []
    # Who listed the old set cannot approve the new one unseen.
    assert shell.json("approve", "give", before["id"], "--as", "Cy", code=1)["error"]
    (after,) = shell.pending()
    assert after["covers"] != before["covers"]
    shell.approve(after, "Ana")
    assert shell.states() == []
    shell.approve(after, "Cy")
    assert shell.states() == ["FINAL"]


@pytest.mark.usefixtures("two_seal")
def test_the_worker_seals_nothing_unapproved_either(shell: Shell) -> None:
    shell.issue()
    workspace = Workspace.load(shell.folder)
    shell.json("worker", "--once")
    assert worker.once(workspace)
    assert shell.json("status")["open"] == LEARNERS
    (one,) = shell.pending()
    shell.approve(one, "Ana", "Bo")
    assert shell.states() == ["FINAL"]


@pytest.mark.usefixtures("two_seal")
def test_only_named_people_may_approve(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDANCHOR_APPROVAL_PEOPLE", "Ana Bo")
    shell.issue()
    (one,) = shell.pending()
    error = shell.json("approve", "give", one["id"], "--as", "Eve", code=1)["error"]
    assert "Ana, Bo" in error["message"]
    shell.approve(one, "Ana", "bo")
    assert shell.states() == ["FINAL"]


def test_a_mass_revocation_waits_and_small_ones_do_not_lead_around_it(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = shell.issue()
    shell.states()
    monkeypatch.setenv("CREDANCHOR_APPROVAL_MASS_REVOCATION", "3")
    # Two by two: the second pair would make four in a day.
    first = shell.json("revoke", *ids[:2], "--as", "Ana")
    assert [one["state"] for one in first["credentials"]] == ["FINAL", "FINAL"]
    second = shell.json("revoke", *ids[2:4], "--as", "Ana", code=3)
    assert second["waitingForApproval"] == 2
    assert shell.states() == []
    shell.json("worker", "--once")
    assert {one["state"] for one in changes_of(shell, ids[2:4])} == {"WANTED"}
    assert told() == ["batch.final", "changes.approval"]
    (one,) = shell.pending()
    assert (one["kind"], one["credentials"], one["approvedBy"]) == ("revocations", 2, ["ana"])
    assert shell.json("approve", "give", one["id"], "--as", "Ana", code=1)["error"]
    shell.approve(one, "Bo")
    shell("anchor")
    assert {one["state"] for one in changes_of(shell, ids[2:4])} == {"FINAL"}
    # A suspension is reversible, and is nobody's to approve.
    suspended = shell.json("suspend", *ids[4:8])
    assert {one["state"] for one in suspended["credentials"]} == {"FINAL"}


def test_an_unnamed_mass_revocation_needs_two_others(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = shell.issue()
    shell.states()
    monkeypatch.setenv("CREDANCHOR_APPROVAL_MASS_REVOCATION", "2")
    shell.json("revoke", *ids[:2], code=3)
    (one,) = shell.pending()
    assert one["missing"] == 2
    shell.approve(one, "Ana")
    shell("anchor")
    assert {one["state"] for one in changes_of(shell, ids[:2])} == {"WANTED"}
    shell.approve(one, "Bo")
    shell("anchor")
    assert {one["state"] for one in changes_of(shell, ids[:2])} == {"FINAL"}


def told() -> list[str]:
    """The events of which webhooks are told."""
    database = Database(os.environ["CREDANCHOR_DATABASE_URL"])
    with database.read() as connection:
        events = list(connection.scalars(select(notice.c.event).order_by(notice.c.id)))
    database.close()
    return events


def changes_of(shell: Shell, ids: list[str]) -> list[dict[str, Any]]:
    return [change for one in ids for change in shell.json("show", one)["changes"]]


def test_a_mended_credential_takes_the_place_of_the_old_one(shell: Shell, tmp_path: Path) -> None:
    old = shell.issue()[0]
    shell.states()
    before = shell.json("show", old)["document"]
    done = shell.json("reissue", old, "--set", "name=Zoë Virtanen", "--as", "Ana")
    assert (done["old"], done["revokes"]) == (old, True)
    # Until the new one is final the learner holds the old one, unrevoked.
    assert shell.json("show", old)["changes"] == [
        {"change": "revoke", "state": "WANTED", "reason": None}
    ]
    shell.json("worker", "--once")
    assert shell.json("show", old)["changes"][0]["state"] == "WANTED"
    shell("anchor")
    shell("anchor")
    assert shell.json("show", done["new"])["replaces"] == old
    shown = shell.json("show", old)
    assert shown["replacedBy"] == done["new"]
    assert shown["changes"][0]["state"] == "FINAL"
    after = shell.json("show", done["new"])["document"]
    assert faults(after) == ()
    for kept in ("awardedDate", "validFrom", "validUntil", "issuer", "name"):
        assert after[kept] == before[kept]
    assert after["credentialSubject"]["identifier"][0]["identityHash"] == "Zoë Virtanen"
    assert after["relatedResource"][0]["id"] == old
    files = shell.json("export", old, done["new"], "--out", tmp_path / "out")["files"]
    verdicts = shell.json("verify", *(one["file"] for one in files), code=1)["reports"]
    assert {one["verdict"] for one in verdicts} == {"REVOKED", "VALID"}
    assert (
        shell.json("reissue", old, "--set", "name=X", code=1)["error"]["type"] == "ReissueRefused"
    )


def test_what_is_not_sealed_yet_is_replaced_without_a_revocation(shell: Shell) -> None:
    old = shell.issue()[0]
    done = shell.json("reissue", old, "--set", "result=Pass")
    assert done["revokes"] is False
    assert shell.json("show", old, code=1)["error"]["type"] == "UnknownCredential"
    assert shell.json("status")["open"] == LEARNERS


def test_a_dry_run_shows_both_and_changes_nothing(shell: Shell) -> None:
    old = shell.issue()[0]
    assert "Zoë Virtanen" in shell("reissue", old, "--set", "name=Zoë Virtanen", "--dry-run")
    for wrong in ("email=who", "date=2026-01-01", "evidence=http://x"):
        shell.json("reissue", old, "--set", wrong, code=1)
    assert shell.json("status")["open"] == LEARNERS


def test_erase_asks_and_then_leaves_nothing_that_shows(shell: Shell) -> None:
    name = shell.issue()[0]
    shell.states()
    assert "--yes" in shell.json("erase", name, code=1)["error"]["message"]
    assert shell.json("erase", name, "--yes")["logEmptied"] is True
    assert shell.json("show", name, code=1)["error"]["type"] == "UnknownCredential"
    assert json.loads((shell.folder / "erasures.jsonl").read_text().splitlines()[-1])["row"] == 1


def test_backup_and_restore_as_commands(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = shell.issue()
    shell.states()
    file = tmp_path / "night.backup"
    assert shell.json("backup", file)["keysIncluded"] is False
    shell("erase", names[0], "--yes")
    monkeypatch.setenv("CREDANCHOR_DATABASE_URL", f"sqlite:///{tmp_path}/restored.db")
    assert shell.json("restore", file)["erasedAgain"] == 1
    assert shell.json("restore", file, code=1)["error"]["type"] == "BackupRefused"
    assert shell.json("show", names[1])["state"] == "FINAL"
    shell.json("show", names[0], code=1)


def test_a_dry_run_of_anchor_counts_costs_and_shows_and_signs_nothing(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "nothing to anchor" in shell("anchor", "--dry-run")
    shell.issue()
    found = shell.json("anchor", "--dry-run")
    (batch,) = found["batches"]
    assert (batch["credentials"], batch["approved"], found["anchors"]) == (LEARNERS, True, 1)
    assert 2 <= len(batch["samples"]) <= 5
    assert "Zoë Hämäläinen" in batch["samples"][0]
    cost = found["cost"]
    # An anchor costs some sixty thousand gas; the cap of 200 gwei is far over a fresh chain's fee.
    assert 50_000 < cost["gas"] < 150_000
    assert 0 < int(cost["nowWei"]) < int(cost["mostWei"])
    assert "ETH at today's price" in shell("anchor", "--dry-run")
    monkeypatch.setenv("CREDANCHOR_APPROVAL_SEAL", "true")
    assert shell.json("anchor", "--dry-run")["anchors"] == 0
    assert shell.json("status")["open"] == LEARNERS
    assert shell.json("status")["batches"] == []


def test_a_dry_run_of_issue_shows_samples_and_cost(shell: Shell) -> None:
    words = ("--achievement", SAMPLES / "achievement.json", "--roster")
    found = shell.json("issue", *words, SAMPLES / "roster.csv", "--dry-run")
    assert (found["rows"], found["credentials"]) == (LEARNERS, [])
    assert found["samples"][0].startswith("line 2: Data Analysis with Python to Zoë")
    assert int(found["cost"]["mostWei"]) > 0
    moodle = (SAMPLES / "moodle-grades.csv", "--map-file", SAMPLES / "moodle-grades.toml")
    found = shell.json("issue", *words, *moodle, "--dry-run")
    assert (found["rows"], found["passedOver"]) == (2, 2)
    assert shell.json("status")["open"] == 0


def levels(answer: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["level"] for one in answer["checks"]}


def test_doctor_finds_nothing_wrong_where_nothing_is(shell: Shell) -> None:
    shell.issue()
    shell.states()
    found = shell.json("doctor")
    assert found["ok"] is True
    seen = levels(found)
    expected = {"account key", "issuer key", "registry", "issuer", "authority", "balance"}
    assert expected | {"database", "disk", "schedule", "webhooks", "approval"} <= seen.keys()
    assert set(seen.values()) == {"OK"}


def test_doctor_names_what_is_wrong_and_what_to_do(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "issuer.db").write_bytes(b"no database at all" * 100)
    monkeypatch.setenv("CREDANCHOR_ACCOUNT_PASSWORD", "not the password")
    monkeypatch.setenv(KEY, "no key")
    monkeypatch.setenv("CREDANCHOR_CHAIN_REGISTRY", "0x" + "ab" * 20)
    found = shell.json("doctor", code=1)
    seen = levels(found)
    for name in ("database", "account key", "issuer key", "registry"):
        assert seen[name] == "FAIL", found
    assert all(one["todo"] for one in found["checks"] if one["level"] != "OK")


def test_doctor_looks_at_each_node_by_itself(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_chain(shell.folder) as url:
        monkeypatch.setenv("CREDANCHOR_CHAIN_EMBEDDED", "false")
        monkeypatch.setenv("CREDANCHOR_CHAIN_RPC", f"http://127.0.0.1:9 {url}")
        found = shell.json("doctor", code=1)
    seen = {name: level for name, level in levels(found).items() if name.startswith("node ")}
    assert sorted(seen.values()) == ["FAIL", "OK"]
    assert levels(found)["registry"] == "OK"


def test_an_account_without_a_role_is_told_so(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "0x" + secrets.token_hex(32))
    found = shell.json("doctor", code=1)
    assert levels(found)["account key"] == "OK"
    assert levels(found)["authority"] == "FAIL"
    assert levels(found)["balance"] == "FAIL"
