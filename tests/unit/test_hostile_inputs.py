"""Files made to be expensive are done with in a second and 200 MB, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hostile_inputs import INPUTS

SCRIPT = Path(__file__).with_name("hostile_inputs.py")
SECONDS, MEGABYTES = 1.0, 200.0
TAKEN = {
    "numbers in its DID document",
    "512 nodes that nobody needs",
    "a header of many fields",
    "a header of lists in lists",
}
"""Their credential is sound, and only their evidence is not."""


def run(name: str) -> dict[str, Any]:
    command = [sys.executable, str(SCRIPT), name]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert told.returncode == 0, told.stderr
    measured: dict[str, Any] = json.loads(told.stdout)
    return measured


@pytest.mark.parametrize("name", INPUTS)
def test_it_costs_little_and_ends_in_an_outcome(name: str) -> None:
    measured = run(name)
    if measured["busy"] > SECONDS:  # processor time: still, a machine may have been slow just then
        measured = min(measured, run(name), run(name), key=lambda one: one["busy"])
    assert measured["busy"] < SECONDS
    assert measured["megabytes"] < MEGABYTES
    assert (measured["verdict"] == "taken") is (name in TAKEN)
