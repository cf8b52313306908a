"""The drop folder: each file once, whole or not at all, whatever happens in between."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from databases import new_sqlite
from sqlalchemy import select

import anchor_service
from anchor_service.intake import inbox
from anchor_service.intake.inbox import Outcome, Step, Taken
from anchor_service.intake.inbox_watch import taking_in
from anchor_service.operating import preview
from anchor_service.operating.opening import open_database, open_key
from anchor_service.store import store
from anchor_service.store.schema import credential, inbox_file
from registry.cli import main
from registry.workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES = Path(anchor_service.__file__).parent / "samples"
ROSTER = "name,email,date,result\nAna Sousa,ana@example.org,2026-06-30,Pass\nBo Li,,,Pass\n"
NAMES = ["Ana Sousa", "Bo Li"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace made once: its keys take a second."""
    folder = tmp_path_factory.mktemp("inbox") / "workspace"
    assert main(["-w", str(folder), "init", "--name", "Example Academy"]) == 0
    new_sqlite(folder / "credanchor.db").close()
    return folder


@pytest.fixture
def academy(made: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "academy"
    shutil.copytree(made, folder)
    (folder / "achievements").mkdir()
    shutil.copy(SAMPLES / "achievement.json", folder / "achievements" / "python.json")
    (folder / "inbox" / "python").mkdir(parents=True)
    return folder


def drop(academy: Path, name: str, content: str | bytes) -> Path:
    path = academy / "inbox" / "python" / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def take(academy: Path, **options: Any) -> list[Taken]:
    workspace = Workspace.load(academy)
    with open_database(workspace) as database:
        return inbox.take(workspace, database, **{"settle_s": 0, **options})


def labels(academy: Path) -> list[str]:
    with open_database(Workspace.load(academy)) as database, database.read() as connection:
        return sorted(one.label or "" for one in store.all_stored(connection))


def files(academy: Path, place: str) -> set[str]:
    folder = academy / "inbox" / "python" / place
    return {one.name for one in folder.iterdir()} if folder.exists() else set()


def faults_of(academy: Path, name: str) -> list[list[str]]:
    path = academy / "inbox" / "python" / "rejected" / f"{name}.errors.csv"
    return list(csv.reader(path.read_text("utf-8-sig").splitlines()))


def test_a_roster_is_issued_once_and_moved_to_done(academy: Path) -> None:
    drop(academy, "june.csv", ROSTER)
    (one,) = take(academy)
    assert (one.outcome, one.credentials) == (Outcome.TAKEN, 2)
    assert labels(academy) == NAMES
    assert files(academy, "done") == {"june.csv"}
    assert take(academy) == []


def test_the_same_content_again_is_known_by_whatever_name(academy: Path) -> None:
    drop(academy, "june.csv", ROSTER)
    take(academy)
    drop(academy, "june again.csv", ROSTER)
    drop(academy, "june.csv", ROSTER)
    assert [one.outcome for one in take(academy)] == [Outcome.KNOWN, Outcome.KNOWN]
    assert labels(academy) == NAMES
    assert files(academy, "done") == {"june.csv", "june again.csv"}


def test_other_content_by_the_same_name_is_another_file(academy: Path) -> None:
    drop(academy, "june.csv", ROSTER)
    take(academy)
    drop(academy, "june.csv", "name\nCy Young\n")
    assert take(academy)[0].outcome is Outcome.TAKEN
    assert labels(academy) == ["Ana Sousa", "Bo Li", "Cy Young"]
    assert len(files(academy, "done")) == 2


def test_a_file_with_faults_is_rejected_whole_with_each_fault_in_its_place(academy: Path) -> None:
    drop(academy, "bad.csv", "name,email,result\nAna,ana@example.org,Pass\n=1+1,who,Perfect\n,,\n")
    (one,) = take(academy)
    assert one.outcome is Outcome.REJECTED
    assert labels(academy) == []
    assert files(academy, "rejected") == {"bad.csv", "bad.csv.errors.csv"}
    head, *found = faults_of(academy, "bad.csv")
    assert head == ["line", "column", "fault", "value"]
    assert [(line, column, value) for line, column, _, value in found] == [
        ("3", "email", "who"),
    ]
    mended = "name,email,result\nAna,ana@example.org,Pass\nDi,,Pass\n"
    drop(academy, "bad.csv", mended)
    assert take(academy)[0].outcome is Outcome.TAKEN
    assert labels(academy) == ["Ana", "Di"]


def test_a_cell_of_faults_is_no_formula(academy: Path) -> None:
    drop(academy, "bad.csv", 'name,date\nAna,"=HYPERLINK(1)"\n')
    take(academy)
    assert faults_of(academy, "bad.csv")[1][3].startswith("'=")


def test_json_lines_hold_credentials_and_rows(academy: Path) -> None:
    ready = (
        '{"@context":["https://www.w3.org/ns/credentials/v2"],"type":["VerifiableCredential"],'
        '"id":"urn:x:1","name":"Ready","issuer":"did:x:y","credentialSubject":{}}'
    )
    drop(academy, "mixed.jsonl", f'{{"name":"Ana","date":"2026-06-30"}}\n\n{ready}\n')
    (one,) = take(academy)
    assert (one.outcome, one.credentials) == (Outcome.TAKEN, 2)
    assert labels(academy) == ["Ana", "Ready"]
    with open_database(Workspace.load(academy)) as database, database.read() as connection:
        row = store.find(connection, "urn:x:1").row
        assert store.document_of(connection, row) == ready.encode()


def test_json_lines_with_faults_are_rejected_whole(academy: Path) -> None:
    lines = ['{"name":"Ana"}', '{"name":1,"nick":"A"}', "[]", '{"a":1,"a":2}', '{"@context":[]}']
    drop(academy, "bad.jsonl", "\n".join([*lines, '{"name":"Ana"}']))
    (one,) = take(academy)
    assert one.outcome is Outcome.REJECTED
    found = [(fault.line, fault.column) for fault in one.faults]
    assert found[:3] == [(2, ""), (2, "name"), (2, "nick")]
    assert [line for line, _ in found[3:]] == [3, 4, 5, 6]
    assert labels(academy) == []


def test_an_empty_file_is_rejected(academy: Path) -> None:
    drop(academy, "no.csv", "")
    drop(academy, "no.jsonl", "\n")
    assert [one.outcome for one in take(academy)] == [Outcome.REJECTED, Outcome.REJECTED]


def test_a_column_map_stands_beside_the_achievement(academy: Path) -> None:
    shutil.copy(SAMPLES / "canvas-gradebook.toml", academy / "achievements" / "python.map.toml")
    drop(academy, "grades.csv", (SAMPLES / "canvas-gradebook.csv").read_bytes())
    (one,) = take(academy)
    assert (one.credentials, one.passed_over) == (2, 4)
    assert labels(academy) == ["María José Núñez", "Zoë Hämäläinen"]


def test_what_is_still_being_written_is_left(academy: Path) -> None:
    path = drop(academy, "june.csv", ROSTER)
    assert take(academy, settle_s=60)[0].outcome is Outcome.LEFT
    for unfinished in (".june.csv", "july.csv.part"):
        drop(academy, unfinished, ROSTER)
    os.utime(path, (1, 1))
    assert [one.outcome for one in take(academy, settle_s=60)] == [Outcome.TAKEN]


def test_a_file_that_grows_while_it_is_read_is_left_and_then_taken(academy: Path) -> None:
    path = drop(academy, "june.csv", ROSTER)

    def grow(step: Step) -> None:
        if step is Step.ADDED:
            with path.open("a") as stream:
                stream.write("Cy Young,,,Pass\n")

    (one,) = take(academy, watch=grow)
    assert one.outcome is Outcome.LEFT
    assert labels(academy) == []
    assert take(academy)[0].outcome is Outcome.TAKEN
    assert labels(academy) == [*NAMES, "Cy Young"]


def test_what_took_a_files_place_after_it_was_read_is_put_back(academy: Path) -> None:
    path = drop(academy, "june.csv", ROSTER)

    def swap(step: Step) -> None:
        if step is Step.COMMITTED:
            other = drop(academy, "other", "name\nCy Young\n")
            other.replace(path)

    take(academy, watch=swap)
    assert labels(academy) == NAMES
    take(academy)
    assert labels(academy) == [*NAMES, "Cy Young"]


def test_links_are_not_followed(academy: Path, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text(ROSTER)
    (academy / "inbox" / "python" / "link.csv").symlink_to(tmp_path / "other.csv")
    assert take(academy) == []


def test_without_its_achievement_a_file_waits_for_the_operator(academy: Path) -> None:
    (academy / "achievements" / "python.json").unlink()
    path = drop(academy, "june.csv", ROSTER)
    (one,) = take(academy)
    assert (one.outcome, "python.json" in one.reason) == (Outcome.LEFT, True)
    assert path.exists()


@pytest.mark.parametrize("step", [Step.READ, Step.ADDED, Step.COMMITTED, Step.MOVED])
def test_killed_at_any_step_no_row_is_lost_or_doubled(academy: Path, step: Step) -> None:
    drop(academy, "june.csv", ROSTER)
    lines = "".join(json.dumps({"name": f"Learner {number}"}) + "\n" for number in range(30))
    drop(academy, "more.jsonl", lines)
    killed(academy, step)
    take(academy)
    counted = Counter(labels(academy))
    assert counted == Counter([*NAMES, *(f"Learner {number}" for number in range(30))])
    assert files(academy, "done") == {"june.csv", "more.jsonl"}


@pytest.mark.parametrize("step", [Step.READ, Step.FAULTS_WRITTEN, Step.MOVED])
def test_killed_while_rejecting_the_file_and_its_faults_are_both_there(
    academy: Path, step: Step
) -> None:
    drop(academy, "bad.csv", "name,email\nAna,who\n")
    killed(academy, step)
    take(academy)
    assert files(academy, "rejected") == {"bad.csv", "bad.csv.errors.csv"}
    assert len(faults_of(academy, "bad.csv")) == 2
    assert labels(academy) == []


def killed(academy: Path, step: Step) -> None:
    script = Path(__file__).with_name("inbox_run.py")
    done = subprocess.run([sys.executable, script, academy, step], check=False)
    assert done.returncode == -signal.SIGKILL


def test_two_runs_at_once_take_a_file_once(academy: Path) -> None:
    for number in range(8):
        drop(academy, f"{number}.csv", f"name\nLearner {number}\n")
    taken: list[list[Taken]] = []
    threads = [threading.Thread(target=lambda: taken.append(take(academy))) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    outcomes = Counter(one.outcome for run in taken for one in run)
    assert outcomes[Outcome.TAKEN] == 8
    assert labels(academy) == [f"Learner {number}" for number in range(8)]
    with open_database(Workspace.load(academy)) as database, database.read() as connection:
        assert len(connection.execute(select(inbox_file.c.id)).all()) == 8
        assert len(connection.execute(select(credential.c.id)).all()) == 8


def test_the_command_says_what_became_of_each_file(
    academy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drop(academy, "june.csv", ROSTER)
    drop(academy, "bad.csv", "name,email\nAna,who\n")
    words = ["-w", str(academy), "inbox", "--settle", "0", "--json"]
    assert main([*words, "--dry-run"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert [one["outcome"] for one in answer["files"]] == ["rejected", "would take"]
    assert any("Ana Sousa" in one and "Pass" in one for one in answer["samples"])
    assert "credanchor deploy" in answer["cost"]["unknown"]
    assert labels(academy) == []
    assert files(academy, "rejected") == set()
    assert main(words) == 1
    answer = json.loads(capsys.readouterr().out)
    assert [one["outcome"] for one in answer["files"]] == ["rejected", "taken"]
    assert main(words) == 0


def test_a_worker_takes_in_what_is_dropped_while_it_runs(academy: Path) -> None:
    workspace = Workspace.load(academy)
    path = drop(academy, "june.csv", ROSTER)
    os.utime(path, (1, 1))
    with open_database(workspace) as database, taking_in(workspace, database, 0.05):
        deadline = time.monotonic() + 30
        while "june.csv" not in files(academy, "done") and time.monotonic() < deadline:
            time.sleep(0.02)
    assert labels(academy) == NAMES


def test_a_dry_run_knows_the_account_without_opening_its_keystore(academy: Path) -> None:
    workspace = Workspace.load(academy)
    assert preview.account_of(workspace) == open_key(workspace).address


def test_another_issuers_inbox_is_its_own(academy: Path) -> None:
    config = academy / "credanchor.toml"
    config.write_text(
        config.read_text("utf-8") + '\n[issuers.law.issuer]\nname = "School of Law"\n', "utf-8"
    )
    place = academy / "issuers" / "law"
    shutil.copytree(academy / "achievements", place / "achievements")
    (place / "inbox" / "python").mkdir(parents=True)
    drop(academy, "main.csv", "name\nAna\n")
    (place / "inbox" / "python" / "law.csv").write_text("name\nBo\n")
    workspace = Workspace.load(academy).of("law")
    with open_database(workspace) as database:
        inbox.take(workspace, database, settle_s=0)
        with database.read() as connection:
            found = [(one.issuer, one.label) for one in store.all_stored(connection)]
    assert found == [("law", "Bo")]
    assert (place / "inbox" / "python" / "done" / "law.csv").exists()


@pytest.fixture(autouse=True)
def _quiet(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    capsys.readouterr()
