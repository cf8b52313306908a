"""The queries and members of docs/auditing.md, on the store and the report of a real audit."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from audited_chain import META, audit_of, registry_chain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry.auditing.audit_report import AuditReport

MANUAL = (Path(__file__).parents[2] / "docs" / "auditing.md").read_text("utf-8")
QUERIES = dict(
    re.findall(r"(?s)\n([^\n]+):\n\n```sql\n(.*?)```", MANUAL.replace("?\n\n", "?:\n\n"))
)
ROOTS = [bytes([number]) * 32 for number in (1, 2, 3)]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, AuditReport]]:
    """Two issuers, three batches; of the first batch leaf 3 is revoked and leaf 5 suspended."""
    store = tmp_path_factory.mktemp("store") / "audit.db"
    with registry_chain() as registry:
        issuer, other = registry.register(1), registry.register(2)
        registry.do(1, "set_delegate", issuer, bytes.fromhex(registry.people[3][2:]), 3, 2**39)
        for who, owner, root in (
            (1, issuer, ROOTS[0]),
            (2, other, ROOTS[1]),
            (1, issuer, ROOTS[2]),
        ):
            registry.do(who, "anchor", owner, root, 300, META)
        registry.do(3, "change_status", issuer, ROOTS[0], 2, [(0, 1 << 6)])
        registry.do(1, "change_status", issuer, ROOTS[0], 0, [(0, 1 << 10)])
        registry.do(1, "pause", issuer)
        registry.settle()
        with audit_of(registry, store) as audit:
            yield store, audit.run()


def ask(audited: tuple[Path, AuditReport], question: str, **more: object) -> list[Any]:
    with sqlite3.connect(f"file:{audited[0]}?mode=ro", uri=True) as db:
        return db.execute(QUERIES[question], more).fetchall()


def test_every_query_of_the_page_is_asked_here(audited: tuple[Path, AuditReport]) -> None:
    assert len(QUERIES) == MANUAL.count("```sql") == 8
    issuer = audited[1].issuers[0].issuer_id
    for question in QUERIES:
        rows = ask(audited, question, root=ROOTS[0], leaf=3, at=2**40, issuer=issuer)
        assert rows or "there are none" in question


def test_anchors_and_leaves_of_a_night(audited: tuple[Path, AuditReport]) -> None:
    (night,) = ask(audited, "Anchors and leaves, night by night")
    assert night[1:] == (3, 900)


def test_revocations_and_who_made_them(audited: tuple[Path, AuditReport]) -> None:
    (one,) = ask(audited, "The largest revocations, and by whose authority")
    assert one[3] == 1


def test_what_happened_to_a_credential(audited: tuple[Path, AuditReport]) -> None:
    question = "Everything that happened to one credential, found by root and index of its receipt"
    for leaf, changes in ((3, ["REVOKE"]), (5, ["SUSPEND"]), (4, [])):
        assert [row[2] for row in ask(audited, question, root=ROOTS[0], leaf=leaf)] == changes


def test_status_at_a_moment(audited: tuple[Path, AuditReport]) -> None:
    question = "Was it revoked or suspended at a moment?"
    with sqlite3.connect(audited[0]) as db:
        ((revoked_at,),) = db.execute("SELECT timestamp FROM operation WHERE change = 'REVOKE'")
    for leaf, at, found in (
        (3, revoked_at, (1, 0)),
        (3, revoked_at - 1, (0, 0)),
        (5, 2**40, (0, 1)),
        (4, 2**40, (0, 0)),
    ):
        assert ask(audited, question, root=ROOTS[0], leaf=leaf, at=at) == [found]


def test_who_holds_keys(audited: tuple[Path, AuditReport]) -> None:
    ((_, _, roles, _),) = ask(audited, "Who holds keys now")
    assert roles == 3
    issuer = audited[1].issuers[0].issuer_id
    standing = ask(audited, "An issuer's keys and standing over time", issuer=issuer)
    assert [row[2] for row in standing] == ["IssuerRegistered", "DelegateSet", "Paused"]


def test_the_members_of_the_report_are_those_of_the_page(
    audited: tuple[Path, AuditReport],
) -> None:
    table = MANUAL.partition("\n## The report\n")[2].partition("\n## ")[0]
    told: dict[str, list[str]] = {}
    for cells in re.findall(r"(?m)^\| (`.*) \| (.*) \|$", table):
        for name in re.findall(r"`(\w+)`", cells[0]):
            told[name] = re.findall(r"`(\w+)`", cells[1])
    report: dict[str, Any] = audited[1].to_json()
    assert list(told) == list(report)
    assert told["block"] == list(report["block"])
    assert told["scope"] == list(report["scope"])
    assert told["issuers"] == list(report["issuers"][0])
    assert told["findings"] == list(report["findings"][0])
    ground = re.findall(r"`([\w ]+)`", table.partition("| `ground` |")[2].partition("\n")[0])
    assert [one for one in ground if one in report["ground"]] == list(report["ground"])
    assert report["ground"]["kind"] in ground
