"""The contract's cost on a real chain and its storage, as they are and as they were released."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
FORGE = ROOT / "node_modules" / ".bin" / "forge"
LAYOUT = ROOT / "tests" / "contracts" / "storage-layout.json"


def test_no_figure_is_above_its_snapshot_or_limit_and_the_table_is_the_snapshots() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/contract_report.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_storage_is_laid_out_as_released() -> None:
    """PERMANENT: light clients read these slots. The snapshot is written once, by hand."""
    assert _layout() == json.loads(LAYOUT.read_text("utf-8"))


def _layout() -> dict[str, Any]:
    done = subprocess.run(
        [FORGE, "inspect", "CredentialRegistry", "storageLayout", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    # The compiler numbers its types by the source's syntax tree: nothing of the layout.
    unnumbered = re.sub(r"\)\d+", ")", done.stdout)
    layout: dict[str, Any] = json.loads(unnumbered)
    return {"storage": [_bare(one) for one in layout["storage"]], "types": _types(layout["types"])}


def _types(types: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {**one, "members": [_bare(member) for member in one["members"]]}
        if "members" in one
        else one
        for name, one in types.items()
    }


def _bare(variable: dict[str, Any]) -> dict[str, Any]:
    return {key: variable[key] for key in ("label", "slot", "offset", "type")}
