"""What `doctor` makes of what it finds: every level at its border, and always what to do."""

from __future__ import annotations

import pytest

from anchor_service.operating.doctor import (
    Check,
    Grant,
    Level,
    judge_approval,
    judge_authority,
    judge_balance,
    judge_clock,
    judge_disk,
    judge_mode,
)
from registry.formats.storage import IssuerRecord
from registry.values import Address
from registry.workspaces.approval_settings import ApprovalSettings

OWNER, ACCOUNT = Address(b"\1" * 20), Address(b"\2" * 20)
NOW = 1_800_000_000
DAY = 86400
GIB = 2**30


def record(
    *, paused: bool = False, retired: bool = False, distrust: int = 0, epoch: int = 1
) -> IssuerRecord:
    return IssuerRecord(OWNER, paused, retired, epoch, distrust)


def levels(checks: list[Check]) -> dict[str, Level]:
    for one in checks:
        assert bool(one.todo) == (one.level is not Level.OK)
    return {one.name: one.level for one in checks}


def test_the_owner_needs_no_grant() -> None:
    assert levels(judge_authority(record(), OWNER, Grant(0, 0, 0), NOW)) == {
        "issuer": Level.OK,
        "authority": Level.OK,
    }


@pytest.mark.parametrize(
    ("grant", "level"),
    [
        (Grant(3, 1, 0), Level.OK),
        (Grant(3, 1, NOW + 31 * DAY), Level.OK),
        (Grant(3, 1, NOW + 29 * DAY), Level.WARN),
        (Grant(3, 1, NOW), Level.FAIL),
        (Grant(3, 0, 0), Level.FAIL),
        (Grant(1, 1, 0), Level.FAIL),
        (Grant(2, 1, 0), Level.FAIL),
        (Grant(0, 1, 0), Level.FAIL),
    ],
)
def test_a_delegates_grant(grant: Grant, level: Level) -> None:
    assert levels(judge_authority(record(), ACCOUNT, grant, NOW))["authority"] is level


@pytest.mark.parametrize(
    "found", [record(paused=True), record(retired=True), record(distrust=NOW - 1)]
)
def test_an_issuer_that_cannot_anchor(found: IssuerRecord) -> None:
    assert levels(judge_authority(found, OWNER, Grant(0, 0, 0), NOW))["issuer"] is Level.FAIL


def test_an_issuer_that_is_not_there() -> None:
    assert levels(judge_authority(None, OWNER, Grant(0, 0, 0), NOW)) == {"authority": Level.FAIL}


def test_a_grant_is_read_as_the_contract_packs_it() -> None:
    word = 3 | 7 << 8 | NOW << 40
    assert Grant.of(word.to_bytes(32)) == Grant(3, 7, NOW)


@pytest.mark.parametrize(("nights", "level"), [(0, Level.FAIL), (29, Level.WARN), (30, Level.OK)])
def test_balance(nights: int, level: Level) -> None:
    assert judge_balance(ACCOUNT, nights, 30, "1 ETH").level is level


@pytest.mark.parametrize(
    ("block", "level"),
    [
        (NOW + 31, Level.FAIL),
        (NOW + 30, Level.OK),
        (NOW - 900, Level.OK),
        (NOW - 901, Level.WARN),
    ],
)
def test_clock(block: int, level: Level) -> None:
    assert judge_clock(NOW, block).level is level


@pytest.mark.parametrize(
    ("free", "used", "level"),
    [
        (GIB, 0, Level.OK),
        (GIB - 1, 0, Level.WARN),
        (GIB // 4 - 1, 0, Level.FAIL),
        (5 * GIB, 6 * GIB, Level.FAIL),
        (5 * GIB, 2 * GIB, Level.WARN),
    ],
)
def test_disk(free: int, used: int, level: Level) -> None:
    assert judge_disk(free, used).level is level


@pytest.mark.parametrize(
    ("policy", "level"),
    [
        (ApprovalSettings(), Level.OK),
        (ApprovalSettings(seal=True), Level.WARN),
        (ApprovalSettings(mass_revocation=5, people=("Ana", "ana ")), Level.FAIL),
        (ApprovalSettings(seal=True, people=("Ana", "Bo")), Level.OK),
    ],
)
def test_approval(policy: ApprovalSettings, level: Level) -> None:
    assert judge_approval(policy).level is level


def test_modes_of_secrets() -> None:
    assert judge_mode("key files", "k", 0o600).level is Level.OK
    assert judge_mode("key files", "k", 0o640).level is Level.FAIL
