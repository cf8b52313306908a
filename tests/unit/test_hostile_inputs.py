"""Files made to be expensive are done with in a second and 200 MB, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hostile_inputs import NAMES

SCRIPT = Path(__file__).with_name("hostile_inputs.py")
SECONDS, MEGABYTES = 1.0, 200.0
SHARES = 4
"""So that several workers have each a part."""
SOUND = {"a status list as large as may be"}


def run(*names: str) -> dict[str, dict[str, Any]]:
    command = [sys.executable, str(SCRIPT), *names]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert told.returncode == 0, told.stderr
    return {one["name"]: one for one in map(json.loads, told.stdout.splitlines())}


@pytest.mark.parametrize("share", range(SHARES))
def test_they_cost_little_and_end_in_a_verdict(share: int) -> None:
    names = NAMES[share::SHARES]
    measured = run(*names)
    assert tuple(measured) == names
    slow = [name for name in names if measured[name]["busy"] >= SECONDS]
    for _ in range(3):  # of processor time: still, a machine may have been slow just then
        slow = [name for name in slow if run(name)[name]["busy"] >= SECONDS]
    assert slow == []
    assert [one for one in measured.values() if one["megabytes"] >= MEGABYTES] == []
    assert {name for name in names if measured[name]["verdict"] == "VALID"} == SOUND & {*names}
