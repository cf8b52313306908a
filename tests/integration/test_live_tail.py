"""Following a chain: blocks that vanish, seams of ranges and blocks by hash, deep reorgs."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from audited_chain import META, Registry, audit_of, registry_chain
from rpc_proxy import altered, proxied

from registry.auditing.following import Followed, follow
from registry.errors import NodeInconsistent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from registry.auditing.audit import Audit
    from registry.auditing.audit_store import AuditStore


@pytest.fixture
def registry() -> Iterator[Registry]:
    with registry_chain() as registry:
        yield registry


def root(number: int) -> bytes:
    return number.to_bytes(32, "big")


def rows(store: AuditStore) -> list[tuple[object, ...]]:
    return list(store.rows())


def followed(audit: Audit, *steps: Callable[[], Any]) -> list[Followed]:
    """What each step brings, the chain changed by `steps` before it."""
    todo = iter(steps)

    def wait() -> bool:
        step = next(todo, None)
        if step is not None:
            step()
        return step is not None

    return list(follow(audit, wait))


def kinds(one: Followed, what: str) -> list[object]:
    shown: Any = one.to_json()[what]
    return [log["kind"] for log in shown]


def test_new_operations_are_seen_at_once_and_judged_once_they_are_final(
    registry: Registry, tmp_path: Path
) -> None:
    issuer = registry.register(1)
    registry.settle()
    with audit_of(registry, tmp_path / "store.db") as audit:
        assert audit.run().holds
        seen, still, final = followed(
            audit,
            lambda: registry.do(1, "anchor", issuer, root(1), 5, META),
            lambda: None,
            registry.settle,
        )
        assert (kinds(seen, "seen"), seen.report) == (["Anchored"], None)
        assert still.is_quiet
        assert kinds(final, "final") == ["Anchored"]
        assert final.report is not None
        assert final.report.holds
        assert final.report.issuers[0].batches == 1
        assert any("Anchored" in line for line in final.lines())


@pytest.mark.parametrize("depth", [1, 2])
def test_what_a_reorganisation_takes_away_is_undone_and_what_replaces_it_is_seen(
    registry: Registry, tmp_path: Path, depth: int
) -> None:
    issuer = registry.register(1)
    registry.settle()
    with audit_of(registry, tmp_path / "store.db") as audit:
        audit.run()

        def write() -> None:
            registry.do(1, "anchor", issuer, root(1), 5, META)
            if depth == 2:
                registry.rpc("anvil_mine", "0x1")

        def lose() -> None:
            registry.rpc("anvil_reorg", depth, [])
            registry.do(1, "anchor", issuer, root(2), 7, META)

        first, second, third = followed(audit, write, lose, registry.settle)
        assert (kinds(first, "seen"), kinds(first, "final")) == (["Anchored"], [])
        assert kinds(second, "undone") == ["Anchored"]
        assert kinds(second, "seen") == ["Anchored"]
        assert third.report is not None
        assert third.report.holds
        batches = audit.store.db.execute("SELECT root FROM batch").fetchall()
        assert batches == [(root(2),)]


def test_a_chain_followed_ends_in_the_same_rows_as_one_read_at_once(
    registry: Registry, tmp_path: Path
) -> None:
    """Nothing doubled or left out at the seam between ranges and blocks by hash."""
    issuer = registry.register(1)
    registry.settle()
    with audit_of(registry, tmp_path / "followed.db") as audit:
        audit.run()
        numbers = count(1)

        def more() -> None:
            registry.do(1, "anchor", issuer, root(next(numbers)), 5, META)

        for one in followed(audit, *[more] * 9, registry.settle, lambda: None):
            assert one.report is None or one.report.holds
        live = rows(audit.store)
    with audit_of(registry, tmp_path / "at-once.db") as audit:
        assert audit.run().holds
        # Where each began to search for the deployment may differ, and says nothing.
        assert without_first(rows(audit.store)) == without_first(live)


def without_first(found: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return [row[:2] + row[3:] if row[0] == "cursor" else row for row in found]


def test_a_reorganisation_below_what_was_final_takes_the_store_back(
    registry: Registry, tmp_path: Path
) -> None:
    issuer = registry.register(1)
    registry.do(1, "anchor", issuer, root(1), 5, META)
    registry.settle()
    with audit_of(registry, tmp_path / "store.db") as audit:
        assert audit.run().holds

        def undo() -> None:
            registry.rpc("anvil_reorg", 4, [])
            registry.do(1, "anchor", issuer, root(2), 7, META)
            registry.settle()

        (one,) = followed(audit, undo)
        assert one.report is not None
        assert one.report.holds
        assert [f.matter for f in one.report.findings if f.matter == "deep-reorg"]
        batches = audit.store.db.execute("SELECT root FROM batch").fetchall()
        assert batches == [(root(2),)]


def test_a_stopped_audit_finds_its_cursor_reorganised_away(
    registry: Registry, tmp_path: Path
) -> None:
    issuer = registry.register(1)
    registry.do(1, "anchor", issuer, root(1), 5, META)
    registry.settle()
    with audit_of(registry, tmp_path / "store.db") as audit:
        assert audit.run().holds
    registry.rpc("anvil_reorg", 4, [])
    registry.do(1, "anchor", issuer, root(2), 7, META)
    registry.settle()
    with audit_of(registry, tmp_path / "store.db") as audit:
        report = audit.run()
        assert report.holds
        assert [one.matter for one in report.findings] == ["deep-reorg"]
        undone = rows(audit.store)
    with audit_of(registry, tmp_path / "fresh.db") as audit:
        audit.run()
        assert without_first(rows(audit.store)) == without_first(undone)


def test_a_node_that_lies_of_the_tail_is_caught_when_it_becomes_final(
    registry: Registry, tmp_path: Path
) -> None:
    issuer = registry.register(1)
    registry.settle()
    with proxied(registry.rpc.url) as proxy:
        with audit_of(registry, tmp_path / "store.db", proxy.url) as audit:
            audit.run()
            proxy.rules.append(altered("eth_getLogs", lambda logs: logs[:-1]))
            registry.do(1, "anchor", issuer, root(1), 5, META)
            registry.do(1, "anchor", issuer, root(2), 5, META)
            (one,) = followed(audit, registry.settle)
            # Not one log came, so nothing grew; the next audit's proof shows it all the same.
            assert one.report is None
            report = audit.judge_again()
        assert not report.holds
        (error,) = [one for one in report.findings if one.severity == "error"]
        assert (error.matter, error.operation) == ("missing-log", 2)


def test_logs_of_another_block_than_was_asked_for_are_refused(
    registry: Registry, tmp_path: Path
) -> None:
    issuer = registry.register(1)
    registry.settle()

    def other(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**log, "blockHash": "0x" + "ab" * 32} for log in logs]

    with (
        proxied(registry.rpc.url) as proxy,
        audit_of(registry, tmp_path / "store.db", proxy.url) as audit,
    ):
        audit.run()
        proxy.rules.append(altered("eth_getLogs", other))
        with pytest.raises(NodeInconsistent, match="another block"):
            followed(audit, lambda: registry.do(1, "anchor", issuer, root(1), 5, META))
