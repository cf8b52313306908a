"""The contract as shipped, its snapshots, and the page made of them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from registry.keccak import keccak256
from registry.workspaces import artifact

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def report() -> ModuleType:
    path = ROOT / "scripts" / "contract_report.py"
    spec = importlib.util.spec_from_file_location("contract_report", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up while it loads.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "contract_report", module)
        spec.loader.exec_module(module)
    return module


def test_the_code_fits_below_the_limits_of_a_chain() -> None:
    shipped = artifact.load()
    assert len(shipped.deployed_code) < 24_576  # EIP-170
    assert len(shipped.creation_code) < 49_152  # EIP-3860


def test_the_code_hash_is_that_of_the_deployed_code() -> None:
    shipped = artifact.load()
    assert bytes(shipped.code_hash) == keccak256(shipped.deployed_code)
    # No immutables and no metadata: init code is a short start, then the very code.
    assert shipped.creation_code.endswith(shipped.deployed_code)


def test_no_figure_of_the_snapshot_is_above_its_limit(report: ModuleType) -> None:
    assert report.above_limits(report.read_snapshot()) == []


def test_the_published_table_is_the_snapshots(report: ModuleType) -> None:
    assert report.TABLE.read_text("utf-8") == report.render(report.read_snapshot())


def test_a_risen_figure_is_noticed(report: ModuleType) -> None:
    snapshot = {"revoke_one": 46_999, "register": 100_000}
    assert report.risen(snapshot, snapshot) == []
    dearer = snapshot | {"revoke_one": 47_000}
    assert report.risen(dearer, snapshot) == [
        "revoke_one: 47,000 gas, and the snapshot says 46,999"
    ]
    assert report.risen({"register": 1}, snapshot) != []
    assert report.risen({**snapshot, "new": 1}, snapshot) != []


def test_a_figure_above_its_limit_is_noticed(report: ModuleType) -> None:
    dearer = report.read_snapshot() | {"revoke_one": 47_001}
    assert report.above_limits(dearer) == ["revoke_one: 47,001 gas is above its limit of 47,000"]
