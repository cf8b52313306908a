"""The compiler's account of the storage, against what `registry.formats.storage` relies on."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FORGE = ROOT / "node_modules/.bin/forge"

# Member -> (slot from the record's base, offset in bytes, size in bytes).
ISSUER = {
    "owner": (0, 0, 20),
    "flags": (0, 20, 1),
    "epoch": (0, 21, 4),
    "distrustAfter": (0, 25, 5),
    "history": (1, 0, 32),
    "didHash": (2, 0, 32),
    "pendingOwner": (3, 0, 20),
    "delegates": (4, 0, 32),
    "batches": (5, 0, 32),
    "usedNonces": (6, 0, 32),
}
DELEGATE = {"roles": (0, 0, 1), "epoch": (0, 1, 4), "expiry": (0, 5, 5)}
BATCH = {"slot": (0, 0, 32), "words": (1, 0, 32)}


@pytest.fixture(scope="module")
def layout() -> dict[str, Any]:
    if not FORGE.exists():
        pytest.fail("forge is not installed: run `make setup`")
    done = subprocess.run(
        [FORGE, "inspect", "CredentialRegistry", "storageLayout", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def members(layout: dict[str, Any], struct: str) -> dict[str, tuple[int, int, int]]:
    types = layout["types"]
    (found,) = (t for t in types.values() if t["label"] == f"struct CredentialRegistry.{struct}")
    return {
        member["label"]: (
            int(member["slot"]),
            member["offset"],
            int(types[member["type"]]["numberOfBytes"]),
        )
        for member in found["members"]
    }


def test_the_contract_has_two_variables(layout: dict[str, Any]) -> None:
    variables = [(one["label"], one["slot"], one["offset"]) for one in layout["storage"]]
    assert variables == [("_issuers", "0", 0), ("_registrations", "1", 0)]


@pytest.mark.parametrize(
    ("struct", "expected"), [("Issuer", ISSUER), ("Delegate", DELEGATE), ("Batch", BATCH)]
)
def test_records_lie_as_the_light_client_reads_them(
    layout: dict[str, Any], struct: str, expected: dict[str, tuple[int, int, int]]
) -> None:
    assert members(layout, struct) == expected
