"""Released vectors stay as they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from vector_files import FOLDER

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make_vectors.py"


def make(*names: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *names]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_released_file_is_never_written_again() -> None:
    before = {path: path.read_bytes() for path in FOLDER.glob("*.json")}
    refused = make("leaf-v1")
    assert refused.returncode == 1
    assert "leaf-v1: released, and never made again" in refused.stderr
    everything = make()
    assert everything.returncode == 0
    assert "written" not in everything.stdout
    assert {path: path.read_bytes() for path in FOLDER.glob("*.json")} == before


def test_a_format_without_cases_is_an_error() -> None:
    refused = make("leaf-v9")
    assert refused.returncode == 1
    assert "leaf-v9: no cases" in refused.stderr
