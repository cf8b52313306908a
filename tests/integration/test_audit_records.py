"""The chain against the issuer's own records and its published leaf files."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import anchor_service
from registry.cli import main
from registry.workspaces.devchain import running_chain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SAMPLES = Path(anchor_service.__file__).parent / "samples"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two batches, one credential revoked and one suspended, all by the service itself."""
    folder = tmp_path_factory.mktemp("records") / "workspace"
    achievement = ["--achievement", SAMPLES / "achievement.json"]
    roster = (SAMPLES / "roster.csv").read_text("utf-8")
    head, *rows = roster.splitlines()
    halves = []
    for number, some in enumerate((rows[:6], rows[6:])):
        halves.append(folder.parent / f"roster{number}.csv")
        halves[-1].write_text("\n".join([head, *some]) + "\n", "utf-8")
    with running_chain(folder):
        for words in (["init"], ["deploy"], ["issuer", "register"]):
            assert main(["-w", str(folder), *words]) == 0
        for half in halves:
            assert (
                main(["-w", str(folder), *map(str, ["issue", *achievement, "--roster", half])]) == 0
            )
            assert main(["-w", str(folder), "anchor"]) == 0
        assert main(["-w", str(folder), "export", "--all", "--out", str(folder / "out")]) == 0
        first, second, *_ = sorted((folder / "out").iterdir())
        for change, file in (("revoke", first), ("suspend", second)):
            identifier = json.loads(file.read_text("utf-8"))["id"]
            assert main(["-w", str(folder), change, identifier]) == 0
        yield folder


@pytest.fixture
def records(workspace: Path, tmp_path: Path) -> Path:
    """A copy of the issuer's database, to be spoilt."""
    copy = tmp_path / "records.db"
    sqlite3.connect(workspace / "credanchor.db").execute("VACUUM INTO ?", (str(copy),))
    return copy


@pytest.fixture
def leaves(workspace: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "leaves"
    assert main(["-w", str(workspace), "export", "--leaves", str(folder)]) == 0
    return folder


def findings(
    workspace: Path, capsys: pytest.CaptureFixture[str], code: int, *words: object
) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["-w", str(workspace), "audit", "--json", *map(str, words)]) == code
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["findings"]
    return found


def test_an_issuer_whose_records_are_the_chains_is_not_accused(
    workspace: Path, records: Path, leaves: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(list(leaves.iterdir())) == 2
    words = ["--database", f"sqlite:///{records}", "--leaves", leaves]
    assert findings(workspace, capsys, 0, *words) == []


def test_what_the_records_hold_of_other_registries_is_another_audits(
    workspace: Path, records: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One database of issuers on several chains: nothing of the others is missed here."""
    columns = "issuer, state, created, changed, tries, registry, size, meta_hash, sealed, leaves"
    with sqlite3.connect(records) as db:
        for chain, registry in ((1, "registry"), (31337, "zeroblob(20)")):
            assert db.execute(
                f"INSERT INTO batch ({columns}, chain, issuer_id, root)"
                f" SELECT {columns.replace('registry', registry)}, {chain}, zeroblob(32),"
                f" randomblob(32) FROM batch WHERE id = 1"
            ).rowcount
    assert findings(workspace, capsys, 0, "--database", f"sqlite:///{records}") == []


@pytest.mark.parametrize(
    ("spoil", "matter", "severity", "place"),
    [
        ("UPDATE batch SET root = zeroblob(32) WHERE id = 1", "unknown-anchor", "error", (2, True)),
        ("UPDATE batch SET size = 256 WHERE id = 2", "unknown-anchor", "error", (3, True)),
        ("UPDATE batch SET root = zeroblob(32) WHERE id = 1", "not-anchored", "error", None),
        ("DELETE FROM status_change WHERE change = 2", "unknown-change", "error", (4, True)),
        (
            "UPDATE status_change SET change = 2 WHERE change = 0",
            "change-not-made",
            "error",
            None,
        ),
        (
            "UPDATE batch SET sealed = sealed - 90000 WHERE id = 1",
            "late-anchor",
            "warning",
            (2, True),
        ),
        (
            (
                "UPDATE attempt SET hash = zeroblob(32) WHERE intent ="
                " (SELECT min(intent) FROM attempt WHERE intent IN (SELECT id FROM intent"
                " WHERE kind LIKE '%egist%'))"
            ),
            "unknown-operation",
            "note",
            (1, True),
        ),
    ],
)
def test_what_either_side_does_not_know_is_found(
    workspace: Path,
    records: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: str,
    matter: str,
    severity: str,
    place: tuple[int, bool] | None,
) -> None:
    with sqlite3.connect(records) as db:
        assert db.execute(spoil).rowcount == 1
    code = 1 if severity == "error" else 0
    found = findings(workspace, capsys, code, "--database", f"sqlite:///{records}")
    (one,) = [finding for finding in found if finding["matter"] == matter]
    assert one["severity"] == severity
    assert (one["operation"], one["block"] is not None) == (place or (None, False))
    assert one["evidence"]


def test_what_the_records_saw_in_later_blocks_is_left_for_the_next_audit(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are read after the audit's block was chosen, and the service goes on meanwhile."""
    whole = tmp_path / "whole.db"
    findings(workspace, capsys, 0, "--store", whole)
    blocks = [
        row[0]
        for row in sqlite3.connect(whole).execute(
            "SELECT block FROM operation WHERE kind <> 'IssuerRegistered' ORDER BY id"
        )
    ]
    assert len(blocks) == 4
    database = f"sqlite:///{workspace / 'credanchor.db'}"
    for number, block in enumerate(blocks):
        words = ["--to", block - 1, "--store", tmp_path / f"{number}.db", "--database", database]
        assert findings(workspace, capsys, 0, *words) == []


def test_what_the_records_saw_in_a_block_that_was_audited_must_be_there(
    workspace: Path, records: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever says where it was anchored is held to it."""
    with sqlite3.connect(records) as db:
        assert db.execute("UPDATE batch SET root = randomblob(32)").rowcount == 2
    found = findings(workspace, capsys, 1, "--database", f"sqlite:///{records}")
    matters = [one["matter"] for one in found]
    assert matters.count("not-anchored") == 2
    assert matters.count("change-not-made") == 2


def test_a_credential_in_two_issuers_batches_is_found(
    workspace: Path, records: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite3.connect(records) as db:
        db.execute(
            "UPDATE credential SET issuer = 'other', digest ="
            " (SELECT digest FROM credential WHERE batch = 1 LIMIT 1)"
            " WHERE id = (SELECT max(id) FROM credential)"
        )
    found = findings(workspace, capsys, 0, "--database", f"sqlite:///{records}")
    (one,) = [finding for finding in found if finding["matter"] == "anchored-twice"]
    assert len(one["evidence"]["batches"]) == 2


def test_the_records_leave_no_trace_in_the_store(
    workspace: Path, records: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    findings(workspace, capsys, 0, "--database", f"sqlite:///{records}")
    (store,) = (workspace / "audit").glob("*.db")
    names = [row[0] for row in sqlite3.connect(store).execute("SELECT name FROM sqlite_master")]
    assert not [name for name in names if name.startswith("own_")]


def bend(folder: Path) -> None:
    file = min(folder.iterdir())
    file.write_bytes(b"\0" * 32 + file.read_bytes()[32:])


def shorten(folder: Path) -> None:
    file = min(folder.iterdir())
    file.write_bytes(file.read_bytes()[:-32])


def lose(folder: Path) -> None:
    min(folder.iterdir()).unlink()


def add(folder: Path) -> None:
    shutil.copy(min(folder.iterdir()), folder / f"0x{'00' * 32}.leaves")


@pytest.mark.parametrize(
    ("spoil", "matter", "code"),
    [
        (bend, "leaves-differ", 1),
        (shorten, "leaves-differ", 1),
        (lose, "leaves-missing", 0),
        (add, "leaves-unknown", 0),
    ],
)
def test_leaf_files_that_are_not_what_was_anchored_are_found(
    workspace: Path,
    leaves: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None],
    matter: str,
    code: int,
) -> None:
    spoil(leaves)
    (one,) = findings(workspace, capsys, code, "--leaves", leaves)
    assert one["matter"] == matter


def test_leaf_files_are_written_alone(workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["-w", str(workspace), "export", "--leaves", str(tmp_path), "--all"])
    assert caught.value.code == 2
