"""An auditor's store on real histories: killed at any moment, refused elsewhere, asked by SQL."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from audited_chain import CHAIN, META, Registry, audit_of, registry_chain
from contract_views import REGISTRY

from registry.auditing.audit_store import AuditStore, StorePlace
from registry.errors import StoreError
from registry.values import Address, BlockHash, ChainId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry.auditing.audit_report import AuditReport

PROGRAM = Path(__file__).with_name("killed_audit.py")
KILLED = -9


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    """Two issuers of 17 operations each."""
    with registry_chain() as registry:
        issuers = {who: registry.register(who) for who in (1, 2)}
        for number in range(1, 9):
            for who, issuer in issuers.items():
                root = bytes([who, number]) * 16
                registry.do(who, "anchor", issuer, root, 300, META)
                registry.do(who, "change_status", issuer, root, 2, [(0, 1 << 2 * number), (2, 1)])
        registry.settle()
        yield registry


def run(registry: Registry, store: Path, moment: int) -> int:
    words = [sys.executable, str(PROGRAM), registry.rpc.url, str(store), str(moment)]
    return subprocess.run(words, check=False, cwd=PROGRAM.parent).returncode


def dump(store: Path) -> list[tuple[object, ...]]:
    with_genesis = sqlite3.connect(store).execute("SELECT genesis FROM store").fetchone()[0]
    with AuditStore.open(
        store, StorePlace(CHAIN, REGISTRY, BlockHash(with_genesis)), lambda: 0
    ) as opened:
        return list(opened.rows())


def kill_often(registry: Registry, folder: Path, seed: int) -> int:
    """Kill one audit after the other at random statements until one ends; gives how many."""
    chance = Random(seed)
    kills = 0
    store = folder / f"{seed}.db"
    while (
        code := run(registry, store, chance.choice([1, 2, 3, 5, 8, *range(20, 600, 50)]))
    ) == KILLED:
        kills += 1
        assert kills < 200
    assert code == 0
    return kills


def test_an_audit_that_is_killed_again_and_again_ends_in_the_same_rows(
    registry: Registry, tmp_path: Path
) -> None:
    assert run(registry, tmp_path / "whole.db", 0) == 0
    kills = kill_often(registry, tmp_path, seed=4)
    assert kills > 2
    assert dump(tmp_path / "4.db") == dump(tmp_path / "whole.db")
    with audit_of(registry, tmp_path / "4.db") as audit:
        assert audit.run().holds


@pytest.mark.long
def test_an_audit_killed_at_each_of_many_moments_ends_in_the_same_rows(
    registry: Registry, tmp_path: Path
) -> None:
    assert run(registry, tmp_path / "whole.db", 0) == 0
    whole = dump(tmp_path / "whole.db")
    for seed in range(100, 140):
        kill_often(registry, tmp_path, seed)
        assert dump(tmp_path / f"{seed}.db") == whole


def test_a_grant_that_an_owner_gave_itself_is_known_in_the_next_audit(tmp_path: Path) -> None:
    with registry_chain() as registry:
        issuer, owner = registry.register(1), Address.from_hex(registry.people[1])
        for roles, expiry in ((3, 2**40 - 1), (0, 0)):
            registry.do(1, "set_delegate", issuer, owner, roles, expiry)
            registry.settle()
            with audit_of(registry, tmp_path / "store.db") as audit:
                assert audit.run().holds


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (StorePlace(ChainId(1), REGISTRY, BlockHash(bytes(32))), "on eip155:31337, not of"),
        (StorePlace(CHAIN, Address(b"\x99" * 20), BlockHash(bytes(32))), "not of 0x9999"),
        (StorePlace(CHAIN, REGISTRY, BlockHash(bytes(32))), "another chain that calls itself"),
    ],
)
def test_a_store_of_another_place_is_refused(
    registry: Registry, tmp_path: Path, place: StorePlace, reason: str
) -> None:
    with audit_of(registry, tmp_path / "store.db") as audit:
        audit.run()
    with pytest.raises(StoreError, match=reason):
        AuditStore.open(tmp_path / "store.db", place, lambda: 0)


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "other"
    file.write_bytes(b"something else, of more than a hundred bytes" * 9)
    place = StorePlace(CHAIN, REGISTRY, BlockHash(bytes(32)))
    with pytest.raises(StoreError, match="no auditor's store"):
        AuditStore.open(file, place, lambda: 0)
    assert file.read_bytes().startswith(b"something else")


def test_two_audits_of_one_store_cannot_both_write(registry: Registry, tmp_path: Path) -> None:
    with audit_of(registry, tmp_path / "store.db", to=10) as audit:
        audit.run()
        stale = audit.store.cursor()
        with audit_of(registry, tmp_path / "store.db") as other:
            other.run()
            with pytest.raises(StoreError, match="another audit is writing"):
                audit.store.append([], stale, 99, None)


def test_an_older_block_than_the_store_holds_is_refused(registry: Registry, tmp_path: Path) -> None:
    with audit_of(registry, tmp_path / "store.db") as audit:
        audit.run()
    with (
        audit_of(registry, tmp_path / "store.db", to=8) as audit,
        pytest.raises(StoreError, match="name another --store"),
    ):
        audit.run()


def test_what_was_unwound_is_rebuilt_from_the_logs(registry: Registry, tmp_path: Path) -> None:
    with audit_of(registry, tmp_path / "store.db") as audit:
        whole = audit.run()
        block = whole.block.number - 12
        audit.store.unwind(block)
        unwound = list(audit.store.rows())
        assert audit.run().issuers == whole.issuers
    with audit_of(registry, tmp_path / "fresh.db", to=block) as audit:
        audit.run()
        # The fresh one knows its block's hash; one that was unwound asks for it.
        assert [row for row in audit.store.rows() if row[0] != "cursor"] == [
            row for row in unwound if row[0] != "cursor"
        ]


def test_the_tables_answer_in_sql_what_the_report_says(registry: Registry, tmp_path: Path) -> None:
    with audit_of(registry, tmp_path / "store.db") as audit:
        report: AuditReport = audit.run()
    db = sqlite3.connect(tmp_path / "store.db")
    assert db.execute("SELECT count(*) FROM operation").fetchone() == (34,)
    assert db.execute(
        "SELECT count(*), sum(leaves) FROM operation WHERE kind = 'Anchored'"
    ).fetchone() == (16, 16 * 300)
    per_leaf = db.execute(
        "SELECT leaf, count(*) FROM lane JOIN operation USING (id) WHERE change = 'REVOKE'"
        " GROUP BY leaf ORDER BY leaf"
    ).fetchall()
    assert per_leaf == [*((number, 2) for number in range(1, 9)), (256, 16)]
    assert [one.revoked for one in report.issuers] == [16, 16]
    assert db.execute("SELECT count(DISTINCT history) FROM operation").fetchone() == (34,)
    newest = db.execute(
        "SELECT history FROM operation WHERE issuer = ? ORDER BY operation DESC LIMIT 1",
        (report.issuers[0].issuer_id,),
    ).fetchone()
    assert "0x" + newest[0].hex() == report.issuers[0].history
