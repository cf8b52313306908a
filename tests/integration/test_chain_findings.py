"""What an auditor is told of what issuers did: findings where they are due, and nowhere else."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from audited_chain import META, Registry, audit_of, registry_chain

from registry.auditing.chain_findings import MASS_REVOCATION
from registry.auditing.findings import Finding, Matter, Severity
from registry.auditing.leaf_files import file_name
from registry.formats.events import StatusChange
from registry.formats.manifest import manifest_hash
from registry.formats.tree import MerkleTree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from registry.values import IssuerId

NIGHT_S = 86_400
SUSPEND, REVOKE = int(StatusChange.SUSPEND), int(StatusChange.REVOKE)


@pytest.fixture
def registry() -> Iterator[Registry]:
    with registry_chain() as opened:
        yield opened


def root(number: int) -> bytes:
    return number.to_bytes(32, "big")


def lanes(number: int) -> list[tuple[int, int]]:
    """The first `number` leaves, in words of 128 lanes of two bits."""
    assert number <= 128
    return [(0, (4**number - 1) // 3)]


def findings(registry: Registry, folder: Path, **more: Any) -> list[Finding]:
    registry.settle()
    with audit_of(registry, folder / "store.db", **more) as audit:
        report = audit.run()
        assert report.holds
        return list(report.findings)


def told(found: list[Finding], *matters: Matter) -> list[tuple[int | None, Severity]]:
    return [(one.operation, one.severity) for one in found if one.matter in matters]


def test_keys_and_standing_are_told_of_one_by_one(registry: Registry, tmp_path: Path) -> None:
    issuer = registry.register(1)
    other, delegate = registry.people[4], registry.people[5]
    steps: list[tuple[int, str, tuple[Any, ...], Matter, Severity, str]] = [
        (1, "set_delegate", (delegate, 3, 2**40 - 1), Matter.KEY_CHANGE, Severity.NOTE, "do both"),
        (1, "set_delegate", (delegate, 0, 0), Matter.KEY_CHANGE, Severity.NOTE, "no authority"),
        (1, "bump_epoch", (), Matter.KEY_CHANGE, Severity.NOTE, "epoch 1 begins"),
        (1, "set_did", (b"\7" * 32, b""), Matter.KEY_CHANGE, Severity.NOTE, "07" * 32),
        (1, "cancel_nonces", (other, 0, 1), Matter.KEY_CHANGE, Severity.NOTE, "cancelled"),
        (1, "pause", (), Matter.PAUSED, Severity.NOTE, "does not anchor"),
        (1, "unpause", (), Matter.PAUSED, Severity.NOTE, "anchors again"),
        (1, "transfer_ownership", (other,), Matter.KEY_CHANGE, Severity.NOTE, "offered"),
        (4, "accept_ownership", (), Matter.KEY_CHANGE, Severity.WARNING, "owned by"),
        (4, "retire", (), Matter.RETIRED, Severity.NOTE, "no more"),
    ]
    receipts = [registry.do(who, name, issuer, *words) for who, name, words, *_ in steps]
    found = sorted(findings(registry, tmp_path), key=lambda one: one.operation or 0)
    assert len(found) == len(steps)
    for number, (one, receipt, step) in enumerate(zip(found, receipts, steps, strict=True)):
        _, _, _, matter, severity, said = step
        assert (one.matter, one.severity, one.operation) == (matter, severity, number + 2)
        assert (one.issuer_id, one.block) == (issuer, int(receipt["blockNumber"], 16))
        assert said in one.sentence


def test_a_distrust_window_tells_what_falls_into_it(registry: Registry, tmp_path: Path) -> None:
    issuer, stranger = registry.register(1), registry.register(2)
    times = [registry.now() + 60 * number for number in range(1, 5)]
    for number, at in enumerate(times):
        registry.rpc("evm_setNextBlockTimestamp", at)
        registry.do(1, "anchor", issuer, root(number + 1), 100 + number, META)
    registry.do(2, "anchor", stranger, root(9), 1000, META)
    registry.do(1, "distrust", issuer, times[2])
    (one,) = findings(registry, tmp_path)
    assert (one.matter, one.severity, one.operation) == (Matter.DISTRUST, Severity.WARNING, 6)
    assert (one.evidence["batches"], one.evidence["leaves"]) == (2, 102 + 103)
    assert one.evidence["distrustAfter"] == times[2]


@pytest.mark.parametrize("number", [MASS_REVOCATION - 1, MASS_REVOCATION])
def test_many_revocations_in_one_transaction_are_told_of_from_a_hundred_on(
    registry: Registry, tmp_path: Path, number: int
) -> None:
    issuer = registry.register(1)
    for batch in (1, 2):
        registry.do(1, "anchor", issuer, root(batch), 128, META)
    # Suspensions are reversible; and 99 now and 99 later are no hundred at once.
    registry.do(1, "change_status", issuer, root(2), SUSPEND, lanes(128))
    registry.do(1, "change_status", issuer, root(1), REVOKE, lanes(1))
    registry.do(1, "change_status", issuer, root(2), REVOKE, lanes(number))
    found = findings(registry, tmp_path)
    assert told(found, Matter.MASS_REVOCATION) == (
        [(6, Severity.WARNING)] if number >= MASS_REVOCATION else []
    )
    assert [one.evidence["leaves"] for one in found] == [number] * len(found)


def test_operations_of_one_transaction_are_counted_together(
    registry: Registry, tmp_path: Path
) -> None:
    issuer = registry.register(1)
    for batch in (1, 2):
        registry.do(1, "anchor", issuer, root(batch), 128, META)
    parts = [(root(1), lanes(60)), (root(2), lanes(60))]
    registry.do(1, "change_statuses", issuer, REVOKE, parts)
    (one,) = findings(registry, tmp_path)
    assert (one.matter, one.operation) == (Matter.MASS_REVOCATION, 4)
    assert (one.evidence["leaves"], one.evidence["operations"]) == (120, 2)


def test_a_batch_revoked_as_a_whole_is_told_of_however_small(
    registry: Registry, tmp_path: Path
) -> None:
    issuer = registry.register(1)
    registry.do(1, "anchor", issuer, root(1), 5, META)
    registry.do(1, "revoke_batch", issuer, root(1))
    (one,) = findings(registry, tmp_path)
    assert (one.matter, one.severity, one.operation) == (
        Matter.MASS_REVOCATION,
        Severity.WARNING,
        3,
    )
    assert (one.evidence["root"], one.evidence["leaves"]) == ("0x" + root(1).hex(), 5)


def test_who_repeats_a_root_is_named_and_not_who_had_it_first(
    registry: Registry, tmp_path: Path
) -> None:
    first, copier = registry.register(1), registry.register(2)
    registry.do(1, "anchor", first, root(1), 5, META)
    registry.do(2, "anchor", copier, root(2), 5, META)
    registry.do(2, "anchor", copier, root(1), 7, META)
    (one,) = findings(registry, tmp_path)
    assert (one.matter, one.severity) == (Matter.ROOT_REUSED, Severity.WARNING)
    assert (one.issuer_id, one.operation) == (copier, 3)
    assert one.evidence["anchoredBefore"] == str(first)


def test_a_missed_night_is_a_gap_longer_than_was_asked_for(
    registry: Registry, tmp_path: Path
) -> None:
    issuer, other = registry.register(1), registry.register(2)
    at = registry.now() + NIGHT_S
    for number, gap in enumerate((0, NIGHT_S, NIGHT_S + 1, NIGHT_S)):
        at += gap
        registry.rpc("evm_setNextBlockTimestamp", at)
        registry.do(1, "anchor", issuer, root(number + 1), 5, META)
        if number != 1:
            registry.do(2, "anchor", other, root(number + 11), 5, META)
    found = findings(registry, tmp_path, every_s=NIGHT_S)
    missed = [(one.issuer_id, one.operation, one.evidence["sinceLastS"]) for one in found]
    assert missed[0] == (issuer, 4, NIGHT_S + 1)
    assert [one[:2] for one in missed] == [(issuer, 4), (other, 3)]
    assert {one.matter for one in found} == {Matter.MISSED_NIGHT}
    (tmp_path / "unasked").mkdir()
    assert findings(registry, tmp_path / "unasked") == []


def test_older_blocks_are_not_told_of_again(registry: Registry, tmp_path: Path) -> None:
    issuer = registry.register(1)
    registry.do(1, "bump_epoch", issuer)
    first = int(registry.do(1, "pause", issuer)["blockNumber"], 16)
    found = findings(registry, tmp_path, told_from=first)
    assert [one.matter for one in found] == [Matter.PAUSED]


def test_a_leaf_that_stands_in_two_batches_is_found_in_their_leaf_files(
    registry: Registry, tmp_path: Path
) -> None:
    issuer = registry.register(1)
    folder = tmp_path / "leaves"
    folder.mkdir()
    once = [sha256(bytes([number])).digest() for number in range(12)]
    for some in (once[:4], once[4:8], [*once[8:], once[1], once[6]]):
        publish(registry, issuer, folder, b"".join(some))
    (one,) = findings(registry, tmp_path, leaves=folder)
    assert (one.matter, one.severity) == (Matter.ANCHORED_TWICE, Severity.WARNING)
    assert (one.issuer_id, one.operation, one.evidence["leaves"]) == (issuer, 4, 2)


def publish(registry: Registry, issuer: IssuerId, folder: Path, leaves: bytes) -> None:
    made = MerkleTree(leaves).root
    meta = manifest_hash(issuer, made, leaves)
    registry.do(1, "anchor", issuer, bytes(made), len(leaves) // 32, bytes(meta))
    (folder / file_name(made)).write_bytes(leaves)
